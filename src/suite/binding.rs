//! Binds a suite: looks up every name, expands every matrix, and reports every error.

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

/// The frozen clock of a suite without `now`.
pub(super) const NOW: &str = "2026-01-01T00:00:00Z";
/// The code of a denial for a suite without `denial`.
const DENIAL: &str = "Forbidden.SubUser";
/// Far above any real suite. The limit is needed because a matrix is a product, which grows fast.
const MOST_CELLS: usize = 1_000_000;

type AttributesById = BTreeMap<String, Context>;

pub(super) struct Binder<'a> {
    file: &'a SuiteFile,
    environment: &'a Environment,
    lines: Lines<'a>,
    denial: Arc<Answer>,
    resources: AttributesById,
    diagnostics: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

/// The cases and cells of a bound suite.
pub(super) struct Bound {
    pub(super) cases: Vec<SuiteCase>,
    pub(super) cells: Vec<Cell>,
    pub(super) warnings: Vec<Diagnostic>,
}

/// A case merged with its fixtures and defaults, and the parts that its cells share.
struct PreparedCase<'a> {
    name: &'a Text,
    raw: RawCase,
    axes: [Vec<Option<Text>>; 4],
    operation: Option<Arc<Operation>>,
    context: Context,
    resources: AttributesById,
    session: Option<Arc<PolicySet>>,
}

impl<'a> Binder<'a> {
    pub(super) fn new(file: &'a SuiteFile, environment: &'a Environment) -> Result<Self, Vec<Diagnostic>> {
        let (source, raw) = (&file.source, &file.raw);
        let mut diagnostics = Vec::new();
        let code = raw.denial.as_ref().map_or(DENIAL, |code| code.get_ref());
        let denial = Catalog::bundled().denial(code).map_err(|unknown| {
            let span = raw.denial.as_ref().map_or(0..0, Text::span);
            vec![source.error(span, unknown.to_string(), "write the code that the gateway is configured with")]
        })?;
        let resources = resources(source, raw.resources.clone(), &mut diagnostics);
        let lines = Lines::of(source);
        let mut binder =
            Self { file, environment, lines, denial: Arc::new(denial), resources, diagnostics, warnings: Vec::new() };
        for (key, value) in [("name", &raw.defaults.name), ("skip", &raw.defaults.skip)] {
            if let Some(value) = value {
                binder.report(value.span(), format!("`{key}` is not allowed in the defaults"), "write it in the case");
            }
        }
        let named = raw.fixtures.values().filter_map(|fixture| fixture.name.as_ref());
        for name in named {
            binder.report(name.span(), "`name` is not allowed in a fixture".to_owned(), "write it in the case");
        }
        let layered = raw.fixtures.values().chain([&raw.defaults]).flat_map(|it| &it.fixtures.0);
        for inner in layered {
            binder.report(inner.span(), "`use` is allowed only in a case".to_owned(), "name all fixtures in the case");
        }
        Ok(binder)
    }

    pub(super) fn bind(mut self) -> Result<Bound, Vec<Diagnostic>> {
        let (mut cases, mut cells, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
        for raw in &self.file.raw.case {
            let Some(name) = &raw.get_ref().name else {
                self.report(raw.span(), "the case has no name".to_owned(), "add `name = \"…\"`");
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
            if let Some((case, more)) = self.case(name, raw.get_ref(), cases.len(), first) {
                cases.push(case);
                cells.extend(more);
            }
        }
        if !self.diagnostics.is_empty() {
            return Err(self.diagnostics);
        }
        // Cases share their defaults, so each of them repeats a warning about these.
        let mut seen = BTreeSet::new();
        self.warnings.retain(|warning| seen.insert((warning.span.clone().map(|it| it.start), warning.title.clone())));
        Ok(Bound { cases, cells, warnings: self.warnings })
    }

    fn case(&mut self, name: &Text, raw: &RawCase, number: usize, first: usize) -> Option<(SuiteCase, Vec<Cell>)> {
        let errors = self.diagnostics.len();
        let merged = self.merged(raw);
        let skip = merged.skip.as_ref().map(|reason| reason.get_ref().clone());
        if let Some(reason) = merged.skip.as_ref().filter(|reason| reason.get_ref().trim().is_empty()) {
            self.report(reason.span(), "the reason is empty".to_owned(), "write why the case is skipped");
        }
        let ready = self.ready(name, merged);
        let expectations = Expectations::read(self.file, self.environment, name, &ready.raw, &mut self.diagnostics)?;
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
        (self.diagnostics.len() == errors).then_some((case, cells))
    }

    /// Fills in the case from its fixtures, the last named first, and then from the defaults.
    fn merged(&mut self, raw: &RawCase) -> RawCase {
        let mut merged = raw.clone();
        for name in raw.fixtures.0.iter().rev() {
            match self.file.raw.fixtures.get(name.get_ref().as_str()) {
                Some(fixture) => merged = merged.over(fixture),
                None => {
                    let title = format!("there is no fixture `{}`", name.get_ref());
                    self.report(name.span(), title, "add `[fixtures.NAME]`, or remove the name from `use`");
                }
            }
        }
        merged.over(&self.file.raw.defaults)
    }

    fn ready<'n>(&mut self, name: &'n Text, raw: RawCase) -> PreparedCase<'n> {
        let axes = [
            self.axis("principal", &raw.principal, &raw.principals),
            self.axis("eni", &raw.eni, &raw.enis),
            self.axis("instance", &raw.instance, &raw.instances),
            self.axis("region", &raw.region, &raw.regions),
        ];
        if axes[0] == [None] {
            self.report(name.span(), "the case has no principal".to_owned(), "add `principal = \"user/NAME\"`");
        }
        let operation = match &raw.operation {
            None => Some(Arc::clone(Catalog::attach())),
            Some(operation) => {
                let found = Catalog::bundled().operation(operation.get_ref()).cloned();
                if found.is_none() {
                    let title = format!("unknown operation `{}`", operation.get_ref());
                    self.report(operation.span(), title, "`ramgate actions` lists the known operations");
                }
                found
            }
        };
        let context = self.context(&raw);
        if let Some(operation) = &operation {
            self.warn_of_unsupplied(&raw, operation);
        }
        let source = &self.file.source;
        let resources = resources(source, raw.resources.clone(), &mut self.diagnostics);
        let session = raw.session_policy.as_ref().and_then(|text| self.session(text));
        PreparedCase { name, raw, axes, operation, context, resources, session }
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
            // As in the context, an empty list removes the values of the defaults.
            (None, Some(many)) if many.is_empty() => vec![None],
            (None, Some(many)) => {
                let mut seen = BTreeSet::new();
                for duplicate in many.iter().filter(|value| !seen.insert(value.get_ref())) {
                    let title = format!("duplicate value `{}` in `{key}s`", duplicate.get_ref());
                    self.report(duplicate.span(), title, "remove one of the two");
                }
                many.iter().cloned().map(Some).collect()
            }
        }
    }

    fn context(&mut self, raw: &RawCase) -> Context {
        let mut context = Context::default();
        context.add(ContextKey::CurrentTime, self.now(raw));
        for (raw, Values(values)) in &raw.context {
            let key = match raw.get_ref().parse::<ContextKey>() {
                Ok(key) => key,
                Err(error) => {
                    self.report(raw.span(), error.to_string(), "fix the key");
                    continue;
                }
            };
            let help = match key {
                ContextKey::CurrentTime => "write `now = \"2026-01-01T00:00:00Z\"` in the case or the suite",
                ContextKey::PrincipalArn => "remove it: its value is always the principal's own ARN",
                _ => {
                    values.iter().for_each(|value| context.add_text(key.clone(), value));
                    continue;
                }
            };
            self.report(raw.span(), format!("`{}` cannot be set in `context`", raw.get_ref()), help);
        }
        context
    }

    /// Warns about each condition key that the case states although the gateway never supplies it for this operation.
    fn warn_of_unsupplied(&mut self, raw: &RawCase, operation: &Operation) {
        let catalog = Catalog::bundled();
        for (raw, Values(values)) in raw.context.iter().filter(|(_, Values(values))| !values.is_empty()) {
            let Ok(key) = raw.get_ref().parse::<ContextKey>() else { continue };
            let (KeySupply::Never(why) | KeySupply::Unknown(why)) = catalog.key_supply(operation, &key) else {
                continue;
            };
            // A suite may deliberately ask about a console logon.
            if key == ContextKey::MfaPresent || values.is_empty() {
                continue;
            }
            let name = operation.name();
            let title = format!("`{}` is judged as stated, but the gateway never supplies it ({why})", raw.get_ref());
            let help = format!("remove it to test `{name}` as the gateway judges it");
            self.warnings.push(self.file.source.warning(raw.span(), title, help));
        }
    }

    fn now(&mut self, raw: &RawCase) -> Timestamp {
        let frozen = raw.now.as_ref().or(self.file.raw.now.as_ref());
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

    /// One cell for each combination; the region varies fastest.
    fn cells(&mut self, ready: &PreparedCase<'_>) -> Option<Vec<(Axes, BoundCall)>> {
        let product = ready.axes.iter().try_fold(1_usize, |product, axis| product.checked_mul(axis.len()));
        if product.is_none_or(|product| product > MOST_CELLS) {
            let title = format!("the matrix has more than {MOST_CELLS} cells");
            self.report(ready.name.span(), title, "split it into several cases");
            return None;
        }
        let mut cells = Vec::new();
        for principal in ready.axes[0].iter().flatten() {
            let caller = self.principal(principal, ready)?;
            for eni in &ready.axes[1] {
                for instance in &ready.axes[2] {
                    for region in &ready.axes[3] {
                        let values = [Some(principal), eni.as_ref(), instance.as_ref(), region.as_ref()];
                        let axes = Axes(values.map(|value| value.map(|value| value.get_ref().as_str().into())));
                        let call = self.call(ready, &caller, &axes)?;
                        cells.push((axes, call));
                    }
                }
            }
        }
        Some(cells)
    }

    fn principal(&mut self, raw: &Text, ready: &PreparedCase<'_>) -> Option<Principal> {
        let directory = self.environment.pdp.directory();
        let read = raw.get_ref().parse::<PrincipalName>().map_err(|error| error.to_string());
        let named = read.and_then(|read| directory.named(read).map_err(|unknown| unknown.to_string()));
        let principal = match named {
            Ok(principal) => principal,
            Err(title) => {
                self.report(raw.span(), title, "name a principal from the account file");
                return None;
            }
        };
        if ready.session.is_some() && !matches!(principal.identity(), Identity::Role(_)) {
            let title = format!("`{}` cannot have a session policy: it is not a role", raw.get_ref());
            self.report(raw.span(), title, "name a role, or remove `session_policy`");
        }
        Some(principal)
    }

    fn call(&mut self, ready: &PreparedCase<'_>, caller: &Principal, axes: &Axes) -> Option<BoundCall> {
        let operation = ready.operation.as_ref()?;
        let parameters = match parameters(&ready.raw, axes) {
            Ok(parameters) => parameters,
            Err(title) => {
                self.report(ready.name.span(), title, "give it once: as a key of the case, or in `parameters`");
                return None;
            }
        };
        let region = axes.region().and_then(|region| region.parse::<Region>().ok());
        let binding = Binding { account: caller.account(), regions: region.as_slice() };
        let call = match Catalog::bundled().bind(operation, &parameters, binding) {
            Ok(call) => call,
            Err(error) => return Some(Err(RefusedCall { answer: operation.answer_to(&error) })),
        };
        let subject = ActionRequest { action: operation.action().clone(), resources: call.resources().to_vec() };
        let known = self.environment.inventory.attributes(&subject.resources).into_iter().zip(&subject.resources);
        let attributes = known.map(|(known, resource)| self.stated(ready, resource).unwrap_or(known)).collect();
        let mut context = ready.context.clone();
        call.add_request_tags(&mut context);
        let question = Question::new(caller.clone(), subject, context).with_attributes(attributes);
        let question = question.with_unknown(Arc::clone(call.unknown_keys()));
        Some(Ok(match &ready.session {
            Some(session) => question.in_session(Arc::clone(session)),
            None => question,
        }))
    }

    /// The attributes of a resource that the case states, or else the suite.
    fn stated(&self, ready: &PreparedCase<'_>, resource: &Resource<'_>) -> Option<Context> {
        let relative = resource.fields().filter(|_| resource.is_one())?.relative;
        ready.resources.get(relative).or_else(|| self.resources.get(relative)).cloned()
    }

    fn report(&mut self, span: Range<usize>, title: String, help: &str) {
        self.diagnostics.push(self.file.source.error(span, title, help));
    }
}

/// The parameters of the call: from `region`, `eni` and `instance`, and from the case's `parameters`.
fn parameters(raw: &RawCase, axes: &Axes) -> Result<Parameters, String> {
    let mut parameters = ParametersBuilder::default();
    let keys = [("RegionId", axes.region()), ("NetworkInterfaceId", axes.eni()), ("InstanceId", axes.instance())];
    for (name, value) in keys.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        parameters.push(name, value, Place::Query);
    }
    for (name, Value(value)) in &raw.parameters {
        parameters.push(name.get_ref(), value, Place::Query);
    }
    parameters.finish().map_err(|repeated| format!("the parameter `{}` is given twice", repeated.name))
}

fn resources(source: &Source, raw: BTreeMap<Text, RawResource>, diagnostics: &mut Vec<Diagnostic>) -> AttributesById {
    let mut attributes = AttributesById::new();
    for (id, resource) in raw {
        if !is_relative_id(id.get_ref()) {
            let title = format!("`{}` is not a relative resource ID", id.get_ref());
            diagnostics.push(source.error(id.span(), title, "write `\"eni/ID\"` or `\"instance/ID\"`"));
        }
        let known = resource.attributes(source, diagnostics);
        attributes.insert(id.into_inner(), known);
    }
    attributes
}
