//! Binds a suite: looks up every name, expands every matrix, and reports every mistake.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;

use crate::catalog::{Answer, Binding, Catalog, KeySupply, Operation};
use crate::pdp::{ActionRequest, Question, RawResource, is_relative_id};
use crate::ram::{Parameters, ParametersBuilder, Place, Region};
use crate::text::Lines;
use ram_policy::{
    ActionSlots, Context, ContextKey, Diagnostic, Document, Identity, LONGEST_SESSION_POLICY, PolicySet, Principal,
    PrincipalName, Resource, Source,
};

use super::cell::{Axes, BoundCall, Cell, RefusedCall, SuiteCase};
use super::environment::Environment;
use super::expectation::Expectations;
use super::raw::{RawCase, Text, Value, Values};
use super::suite_file::SuiteFile;

/// The frozen clock of a suite that names none.
pub(super) const NOW: &str = "2026-01-01T00:00:00Z";
/// The code of a denial where the suite names none.
const DENIAL: &str = "Forbidden.SubUser";
/// More cells than any suite has: a matrix is a product.
const MOST_CELLS: usize = 1_000_000;

type Facts = BTreeMap<String, Context>;

pub(super) struct Binder<'a> {
    file: &'a SuiteFile,
    environment: &'a Environment,
    lines: Lines<'a>,
    denial: Arc<Answer>,
    resources: Facts,
    diagnostics: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

/// A bound suite: its cases and cells.
pub(super) struct Bound {
    pub(super) cases: Vec<SuiteCase>,
    pub(super) cells: Vec<Cell>,
    pub(super) warnings: Vec<Diagnostic>,
}

/// A case merged with its fixtures and defaults, and what its cells share.
struct PreparedCase<'a> {
    name: &'a Text,
    written: RawCase,
    axes: [Vec<Option<Text>>; 4],
    operation: Option<Arc<Operation>>,
    context: Context,
    resources: Facts,
    session: Option<Arc<PolicySet>>,
}

impl<'a> Binder<'a> {
    pub(super) fn new(file: &'a SuiteFile, environment: &'a Environment) -> Result<Self, Vec<Diagnostic>> {
        let (source, written) = (&file.source, &file.written);
        let mut diagnostics = Vec::new();
        let code = written.denial.as_ref().map_or(DENIAL, |code| code.get_ref());
        let denial = Catalog::bundled().denial(code).map_err(|unknown| {
            let span = written.denial.as_ref().map_or(0..0, Text::span);
            vec![source.error(span, unknown.to_string(), "write the code that the gateway is configured with")]
        })?;
        let resources = resources(source, written.resources.clone(), &mut diagnostics);
        let lines = Lines::of(source);
        let mut binder =
            Self { file, environment, lines, denial: Arc::new(denial), resources, diagnostics, warnings: Vec::new() };
        for (key, value) in [("name", &written.defaults.name), ("skip", &written.defaults.skip)] {
            if let Some(value) = value {
                binder.report(value.span(), format!("`{key}` is not allowed in the defaults"), "write it in the case");
            }
        }
        let named = written.fixtures.values().filter_map(|fixture| fixture.name.as_ref());
        for name in named {
            binder.report(name.span(), "`name` is not allowed in a fixture".to_owned(), "write it in the case");
        }
        let layered = written.fixtures.values().chain([&written.defaults]).flat_map(|it| &it.fixtures.0);
        for inner in layered {
            binder.report(inner.span(), "`use` is allowed only in a case".to_owned(), "name all fixtures in the case");
        }
        Ok(binder)
    }

    pub(super) fn bind(mut self) -> Result<Bound, Vec<Diagnostic>> {
        let (mut cases, mut cells, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
        for written in &self.file.written.case {
            let Some(name) = &written.get_ref().name else {
                self.report(written.span(), "the case has no name".to_owned(), "add `name = \"…\"`");
                continue;
            };
            let bad = name.get_ref().trim().is_empty() || name.get_ref().chars().any(char::is_control);
            if bad || !names.insert(name.get_ref()) {
                let what = if bad { "is empty or holds a control character" } else { "is given to two cases" };
                let title = format!("the name `{}` {what}", name.get_ref().escape_debug());
                self.report(name.span(), title, "give each case a unique name");
                continue;
            }
            let first = cells.len();
            if let Some((case, more)) = self.case(name, written.get_ref(), cases.len(), first) {
                cases.push(case);
                cells.extend(more);
            }
        }
        if !self.diagnostics.is_empty() {
            return Err(self.diagnostics);
        }
        // Cases share their defaults.
        let mut told = BTreeSet::new();
        self.warnings.retain(|warning| told.insert((warning.span.clone().map(|it| it.start), warning.title.clone())));
        Ok(Bound { cases, cells, warnings: self.warnings })
    }

    fn case(&mut self, name: &Text, written: &RawCase, number: usize, first: usize) -> Option<(SuiteCase, Vec<Cell>)> {
        let faults = self.diagnostics.len();
        let merged = self.merged(written);
        let skip = merged.skip.as_ref().map(|reason| reason.get_ref().clone());
        if let Some(reason) = merged.skip.as_ref().filter(|reason| reason.get_ref().trim().is_empty()) {
            self.report(reason.span(), "the reason is empty".to_owned(), "say why the case is skipped");
        }
        let ready = self.ready(name, merged);
        let expectations =
            Expectations::read(self.file, self.environment, name, &ready.written, &mut self.diagnostics)?;
        let call = self.cells(&ready)?;
        let varies = std::array::from_fn(|axis| ready.axes[axis].len() > 1);
        let mut cells = Vec::with_capacity(call.len());
        let all: Vec<&Axes> = call.iter().map(|(axes, _)| axes).collect();
        let expected = expectations.lay_out(&all, varies, self.file, &mut self.diagnostics);
        for ((axes, call), expected) in call.into_iter().zip(expected) {
            cells.push(Cell { case: number, axes, call, expected });
        }
        let denial = Arc::clone(&self.denial);
        let range = first..first + cells.len();
        let position = self.lines.position(name.span().start);
        let case = SuiteCase { name: name.get_ref().clone(), position, skip, cells: range, varies, denial };
        (self.diagnostics.len() == faults).then_some((case, cells))
    }

    /// The case over its fixtures, the last named first, over the defaults.
    fn merged(&mut self, written: &RawCase) -> RawCase {
        let mut merged = written.clone();
        for name in written.fixtures.0.iter().rev() {
            match self.file.written.fixtures.get(name.get_ref().as_str()) {
                Some(fixture) => merged = merged.over(fixture),
                None => {
                    let title = format!("there is no fixture `{}`", name.get_ref());
                    self.report(name.span(), title, "write `[fixtures.NAME]`, or leave it out of `use`");
                }
            }
        }
        merged.over(&self.file.written.defaults)
    }

    fn ready<'n>(&mut self, name: &'n Text, written: RawCase) -> PreparedCase<'n> {
        let axes = [
            self.axis("principal", &written.principal, &written.principals),
            self.axis("eni", &written.eni, &written.enis),
            self.axis("instance", &written.instance, &written.instances),
            self.axis("region", &written.region, &written.regions),
        ];
        if axes[0] == [None] {
            self.report(name.span(), "the case has no principal".to_owned(), "add `principal = \"user/NAME\"`");
        }
        let operation = match &written.operation {
            None => Some(Arc::clone(Catalog::attach())),
            Some(operation) => {
                let found = Catalog::bundled().operation(operation.get_ref()).cloned();
                if found.is_none() {
                    let title = format!("unknown operation `{}`", operation.get_ref());
                    self.report(operation.span(), title, "`ramgate actions` lists those it knows");
                }
                found
            }
        };
        let context = self.context(&written);
        if let Some(operation) = &operation {
            self.warn_of_stated(&written, operation);
        }
        let source = &self.file.source;
        let resources = resources(source, written.resources.clone(), &mut self.diagnostics);
        let session = written.session_policy.as_ref().and_then(|text| self.session(text));
        PreparedCase { name, written, axes, operation, context, resources, session }
    }

    fn axis(&mut self, key: &str, one: &Option<Text>, many: &Option<Vec<Text>>) -> Vec<Option<Text>> {
        match (one, many) {
            (Some(one), Some(_)) => {
                let title = format!("the case has both `{key}` and `{key}s`");
                self.report(one.span(), title, "keep one of the two");
                vec![Some(one.clone())]
            }
            (Some(one), None) => vec![Some(one.clone())],
            (None, None) => vec![None],
            // As in the context, an empty list takes away what the defaults say.
            (None, Some(many)) if many.is_empty() => vec![None],
            (None, Some(many)) => {
                let mut seen = BTreeSet::new();
                for twice in many.iter().filter(|value| !seen.insert(value.get_ref())) {
                    let title = format!("duplicate value `{}` in `{key}s`", twice.get_ref());
                    self.report(twice.span(), title, "name it once");
                }
                many.iter().cloned().map(Some).collect()
            }
        }
    }

    fn context(&mut self, written: &RawCase) -> Context {
        let mut context = Context::default();
        context.add(ContextKey::CurrentTime, self.now(written));
        for (written, Values(values)) in &written.context {
            let key = match written.get_ref().parse::<ContextKey>() {
                Ok(key) => key,
                Err(error) => {
                    self.report(written.span(), error.to_string(), "fix the key");
                    continue;
                }
            };
            let help = match key {
                ContextKey::CurrentTime => "write `now = \"2026-01-01T00:00:00Z\"` in the case or the suite",
                ContextKey::PrincipalArn => "leave it out: it is always the principal's own",
                _ => {
                    values.iter().for_each(|value| context.add_text(key.clone(), value));
                    continue;
                }
            };
            self.report(written.span(), format!("`{}` cannot be set in `context`", written.get_ref()), help);
        }
        context
    }

    /// A warning for each key that the case states and that no call of the operation has in the gateway.
    fn warn_of_stated(&mut self, written: &RawCase, operation: &Operation) {
        let catalog = Catalog::bundled();
        for (written, Values(values)) in written.context.iter().filter(|(_, Values(values))| !values.is_empty()) {
            let Ok(key) = written.get_ref().parse::<ContextKey>() else { continue };
            let (KeySupply::Never(why) | KeySupply::Unknown(why)) = catalog.key_supply(operation, &key) else {
                continue;
            };
            // A suite may well ask about a console logon.
            if key == ContextKey::MfaPresent || values.is_empty() {
                continue;
            }
            let name = operation.name();
            let title =
                format!("`{}` is judged as stated, but the gateway has no value for it ({why})", written.get_ref());
            let help = format!("leave it out to see what the gateway does with `{name}`");
            self.warnings.push(self.file.source.warning(written.span(), title, help));
        }
    }

    fn now(&mut self, written: &RawCase) -> Timestamp {
        let frozen = written.now.as_ref().or(self.file.written.now.as_ref());
        let now = frozen.map_or(NOW, |now| now.get_ref()).parse();
        now.unwrap_or_else(|_| {
            if let Some(now) = frozen {
                let title = format!("`{}` is not a valid time", now.get_ref());
                self.report(now.span(), title, "write `2026-01-01T00:00:00Z`");
            }
            Timestamp::UNIX_EPOCH
        })
    }

    fn session(&mut self, text: &Text) -> Option<Arc<PolicySet>> {
        let length = text.get_ref().chars().count();
        if length > LONGEST_SESSION_POLICY {
            let title =
                format!("the session policy is {length} characters long; the limit is {LONGEST_SESSION_POLICY}");
            self.report(text.span(), title, "shorten it: STS refuses it with InvalidParameter.PolicySize");
            return None;
        }
        let name = format!("{} (session_policy)", self.file.source.name());
        match Document::parse("session", &Source::new(name, text.get_ref().as_str())) {
            Ok(document) => Some(PolicySet::session(Arc::new(document), &ActionSlots::default())),
            Err(diagnostics) => {
                for diagnostic in diagnostics {
                    let title = format!("the session policy does not load: {}", diagnostic.title);
                    self.report(text.span(), title, &diagnostic.help);
                }
                None
            }
        }
    }

    /// One for each combination, the regions varying fastest.
    fn cells(&mut self, ready: &PreparedCase<'_>) -> Option<Vec<(Axes, BoundCall)>> {
        let product = ready.axes.iter().try_fold(1_usize, |product, axis| product.checked_mul(axis.len()));
        if product.is_none_or(|product| product > MOST_CELLS) {
            let title = format!("the matrix has more than {MOST_CELLS} cells");
            self.report(ready.name.span(), title, "make several cases of it");
            return None;
        }
        let mut cells = Vec::new();
        for principal in ready.axes[0].iter().flatten() {
            let who = self.principal(principal, ready)?;
            for eni in &ready.axes[1] {
                for instance in &ready.axes[2] {
                    for region in &ready.axes[3] {
                        let values = [Some(principal), eni.as_ref(), instance.as_ref(), region.as_ref()];
                        let axes = Axes(values.map(|value| value.map(|value| value.get_ref().as_str().into())));
                        let call = self.ask(ready, &who, &axes)?;
                        cells.push((axes, call));
                    }
                }
            }
        }
        Some(cells)
    }

    fn principal(&mut self, written: &Text, ready: &PreparedCase<'_>) -> Option<Principal> {
        let directory = self.environment.pdp.directory();
        let read = written.get_ref().parse::<PrincipalName>().map_err(|error| error.to_string());
        let named = read.and_then(|read| directory.named(read).map_err(|unknown| unknown.to_string()));
        let principal = match named {
            Ok(principal) => principal,
            Err(title) => {
                self.report(written.span(), title, "name a principal from the account file");
                return None;
            }
        };
        if ready.session.is_some() && !matches!(principal.identity(), Identity::Role(_)) {
            let title = format!("`{}` has no session: only a role has one", written.get_ref());
            self.report(written.span(), title, "name a role, or leave `session_policy` out");
        }
        Some(principal)
    }

    fn ask(&mut self, ready: &PreparedCase<'_>, who: &Principal, axes: &Axes) -> Option<BoundCall> {
        let operation = ready.operation.as_ref()?;
        let parameters = match parameters(&ready.written, axes) {
            Ok(parameters) => parameters,
            Err(title) => {
                self.report(ready.name.span(), title, "write it once: as a key of the case or as a parameter");
                return None;
            }
        };
        let region = axes.region().and_then(|region| region.parse::<Region>().ok());
        let binding = Binding { account: who.account(), regions: region.as_slice() };
        let call = match Catalog::bundled().bind(operation, &parameters, binding) {
            Ok(call) => call,
            Err(fault) => return Some(Err(RefusedCall { answer: operation.answer_to(&fault) })),
        };
        let subject = ActionRequest { action: operation.action().clone(), resources: call.resources().to_vec() };
        let known = self.environment.inventory.facts(&subject.resources).into_iter().zip(&subject.resources);
        let facts = known.map(|(known, resource)| self.told(ready, resource).unwrap_or(known)).collect();
        let mut context = ready.context.clone();
        call.add_request_tags(&mut context);
        let question = Question::new(who.clone(), subject, context).with_facts(facts);
        let question = question.with_unknown(Arc::clone(call.unknown_keys()));
        Some(Ok(match &ready.session {
            Some(session) => question.in_session(Arc::clone(session)),
            None => question,
        }))
    }

    /// What the case or else the suite says of a resource.
    fn told(&self, ready: &PreparedCase<'_>, resource: &Resource<'_>) -> Option<Context> {
        let relative = resource.fields().filter(|_| resource.is_one())?.relative;
        ready.resources.get(relative).or_else(|| self.resources.get(relative)).cloned()
    }

    fn report(&mut self, span: Range<usize>, title: String, help: &str) {
        self.diagnostics.push(self.file.source.error(span, title, help));
    }
}

/// The keys of the case as parameters of the call, and the others.
fn parameters(written: &RawCase, axes: &Axes) -> Result<Parameters, String> {
    let mut parameters = ParametersBuilder::default();
    let keys = [("RegionId", axes.region()), ("NetworkInterfaceId", axes.eni()), ("InstanceId", axes.instance())];
    for (name, value) in keys.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        parameters.push(name, value, Place::Query);
    }
    for (name, Value(value)) in &written.parameters {
        parameters.push(name.get_ref(), value, Place::Query);
    }
    parameters.finish().map_err(|repeated| format!("the parameter `{}` is given twice", repeated.name))
}

fn resources(source: &Source, written: BTreeMap<Text, RawResource>, diagnostics: &mut Vec<Diagnostic>) -> Facts {
    let mut facts = Facts::new();
    for (id, resource) in written {
        if !is_relative_id(id.get_ref()) {
            let title = format!("`{}` is not a relative resource ID", id.get_ref());
            diagnostics.push(source.error(id.span(), title, "write `\"eni/ID\"` or `\"instance/ID\"`"));
        }
        let known = resource.facts(source, diagnostics);
        facts.insert(id.into_inner(), known);
    }
    facts
}
