//! Reads the catalogue's files and refuses what cannot be right, so that nothing later can fail.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ram::Action;
use crate::source::{Complaint, Source};

use super::answer::{Answer, Answers, FilledRow, Refusal, UnknownDenial};
use super::condition_key::{ConditionKeys, RequestTags, with_request_tags};
use super::error_row::ErrorRow;
use super::inner_names::InnerNames;
use super::operation::{ATTACH_NETWORK_INTERFACE, Operation};
use super::parameter::{Kind, NamePattern, ParameterSpec, State};
use super::template::{ResourceSpec, Template};
use super::written::{WrittenCommon, WrittenOperation, WrittenParameter, WrittenRefusal, WrittenResource};

/// Every operation the gateway has a file for, and the answers that need none.
#[derive(Clone, Debug)]
pub struct Catalog {
    pub(super) operations: BTreeMap<String, Arc<Operation>>,
    pub(super) protocol_parameters: Vec<String>,
    pub(super) owners: Vec<String>,
    pub(super) claims: Vec<String>,
    pub(super) inner: InnerNames,
    never_in_a_denial: Vec<String>,
    denials: Vec<FilledRow>,
    /// Left out of every rebuilt call, whatever the operation.
    pub(super) ignored: Vec<String>,
    pub(super) answers: Arc<Answers>,
    pub(super) keys: ConditionKeys,
}

impl Catalog {
    /// Reads `common.json`, `condition-keys.json` and the operations' files.
    ///
    /// # Errors
    /// Every complaint about every file.
    pub fn read(common: &Source, keys: &Source, operations: &[Source]) -> Result<Self, Vec<Complaint>> {
        let written: WrittenCommon = parse(common).map_err(|complaint| vec![complaint])?;
        let mut complaints = Vec::new();
        let mut catalog = Self::from_common(common, written, &mut complaints);
        match ConditionKeys::read(keys) {
            Ok(keys) => catalog.keys = keys,
            Err(more) => complaints.extend(more),
        }
        for source in operations {
            match parse::<WrittenOperation>(source) {
                Err(complaint) => complaints.push(complaint),
                Ok(written) => {
                    let reader = Reader { source, common: &catalog };
                    let operation = reader.operation(written, &mut complaints);
                    let name = operation.name.clone();
                    if catalog.operations.insert(name.clone(), Arc::new(operation)).is_some() {
                        complaints.push(place(source, &name, "is given twice", "keep one file an operation"));
                    }
                }
            }
        }
        if complaints.is_empty() { Ok(catalog) } else { Err(complaints) }
    }

    pub fn operation(&self, name: &str) -> Option<&Arc<Operation>> {
        self.operations.get(name)
    }

    /// In the order of their names.
    pub fn operations(&self) -> impl Iterator<Item = &Arc<Operation>> {
        self.operations.values()
    }

    /// The action of every operation; the one that the gateway is for goes first.
    pub fn actions(&self) -> Vec<Action> {
        let mut actions: Vec<Action> = self.operations().map(|operation| operation.action().clone()).collect();
        actions.sort_by_key(|action| action.name() != ATTACH_NETWORK_INTERFACE);
        actions
    }

    /// The answers of a call that names no operation with a file.
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Whether a name belongs to the protocol, whatever the operation.
    pub fn is_protocol_parameter(&self, name: &str) -> bool {
        self.protocol_parameters.iter().any(|known| known == name)
    }

    /// Whether a name is one that real clients send with any operation and without effect.
    pub fn is_ignored(&self, name: &str) -> bool {
        self.ignored.iter().any(|known| known == name)
    }

    /// Whether a text may stand in a denial: clients look for some words anywhere in it and act on them.
    pub fn is_safe_in_a_denial(&self, text: &str) -> bool {
        !self.never_in_a_denial.iter().any(|word| text.contains(word.as_str()))
    }

    /// The answer for a denial by policy under a configured code.
    ///
    /// # Errors
    /// A code that no denial may have.
    pub fn denial(&self, code: &str) -> Result<Answer, UnknownDenial> {
        self.denials.iter().find(|filled| filled.row.code == code).map(|filled| filled.answer("")).ok_or_else(|| {
            let known = self.denials.iter().map(|filled| format!("`{}`", filled.row.code)).collect();
            UnknownDenial { code: code.to_owned(), known }
        })
    }

    fn from_common(source: &Source, written: WrittenCommon, complaints: &mut Vec<Complaint>) -> Self {
        check_schema(source, written.schema, complaints);
        check_rows(source, &written.errors, complaints);
        let find = |wanted: &WrittenRefusal| written.errors.iter().find(|row| is_row(row, wanted)).cloned();
        let mut rows = BTreeMap::new();
        for refusal in Refusal::ALL {
            let Some(wanted) = written.refusals.get(refusal) else {
                complaints.push(place(
                    source,
                    "refusals",
                    &format!("lacks `{}`", refusal.name()),
                    "give each refusal a row",
                ));
                continue;
            };
            if let Some(filled) = resolve(source, *refusal, wanted, find(wanted), complaints) {
                rows.insert(*refusal, filled);
            }
        }
        let denials = written
            .denials
            .iter()
            .filter_map(|wanted| resolve(source, Refusal::ImplicitDeny, wanted, find(wanted), complaints))
            .collect();
        Self {
            operations: BTreeMap::new(),
            protocol_parameters: written.parameters,
            owners: written.owners,
            claims: written.claims,
            inner: InnerNames::new(&written.inner.names, &written.inner.prefixes),
            never_in_a_denial: written.never_in_a_denial,
            denials,
            ignored: written.ignored.into_iter().map(|ignored| ignored.name).collect(),
            answers: Arc::new(Answers { rows }),
            keys: ConditionKeys::default(),
        }
    }
}

struct Reader<'a> {
    source: &'a Source,
    common: &'a Catalog,
}

impl Reader<'_> {
    fn operation(&self, written: WrittenOperation, complaints: &mut Vec<Complaint>) -> Operation {
        let WrittenOperation { schema, operation: name, product, version, source, action, access, .. } = written;
        check_schema(self.source, schema, complaints);
        check_rows(self.source, &written.errors, complaints);
        let action = action.parse().unwrap_or_else(|error: crate::ram::MalformedAction| {
            complaints.push(place(self.source, &action, &error.to_string(), "write `ecs:<Operation>`"));
            "ecs:Unknown".parse().expect("a well-formed action")
        });
        let rows = &written.errors;
        let parameters: Vec<_> =
            written.parameters.into_iter().map(|written| self.parameter(written, rows, complaints)).collect();
        self.check_parameters(&parameters, complaints);
        let resources = self.resources(written.resources, &parameters, complaints);
        let mut answers = Answers::clone(&self.common.answers);
        for (refusal, wanted) in &written.refusals {
            let row = rows.iter().find(|row| is_row(row, wanted)).cloned().or_else(|| self.common_row(wanted));
            if let Some(filled) = resolve(self.source, *refusal, wanted, row, complaints) {
                answers.rows.insert(*refusal, filled);
            }
        }
        let ignored = written
            .ignored
            .into_iter()
            .map(|ignored| ignored.name)
            .chain(self.common.ignored.iter().cloned())
            .collect();
        for key in written.condition_keys.iter().filter(|key| !self.common.keys.may_list(key)) {
            let message = "is not a key of `condition-keys.json` that operations list";
            complaints.push(place(self.source, key, message, "add it there as `by-operation`, or correct it"));
        }
        let tags = RequestTags::of(access, parameters.iter().map(|spec| spec.name.as_str()));
        let unknown = self.common.keys.unknown_of(&written.condition_keys);
        let unknown_in_filter = Arc::new(with_request_tags(unknown.clone()));
        Operation {
            tags,
            unknown: Arc::new(unknown),
            unknown_in_filter,
            name,
            product,
            version,
            source,
            action,
            access,
            parameters,
            resources,
            errors: written.errors,
            answers: Arc::new(answers),
            ignored,
            listed: true,
        }
    }

    fn common_row(&self, wanted: &WrittenRefusal) -> Option<ErrorRow> {
        self.common.answers.rows.values().map(|filled| &filled.row).find(|row| is_row(row, wanted)).cloned()
    }

    fn parameter(
        &self,
        written: WrittenParameter,
        rows: &[ErrorRow],
        complaints: &mut Vec<Complaint>,
    ) -> ParameterSpec {
        let WrittenParameter { name, kind, required, state, minimum, maximum, faults, literals, when_judged } = written;
        if when_judged.is_some() && state != State::Unavailable {
            let message = "is judged by `when-judged` and not unavailable";
            complaints.push(place(self.source, &name, message, "name the resource in `resources`"));
        }
        if kind != Kind::Integer && (minimum.is_some() || maximum.is_some()) {
            complaints.push(place(self.source, &name, "has a range and is no integer", "drop `minimum` and `maximum`"));
        }
        if required && state != State::Available {
            complaints.push(place(self.source, &name, "is required and not available", "drop one of the two"));
        }
        let when_judged = when_judged.and_then(|written| self.when_judged(&name, written, complaints));
        let mut row = |code: Option<String>| {
            let code = code?;
            let found = rows.iter().find(|row| row.code == code && row.status == 400).cloned();
            if found.is_none() {
                complaints.push(place(self.source, &code, "is no row of status 400 of this file", "name one that is"));
            }
            found.map(|row| FilledRow { row, text: None })
        };
        ParameterSpec {
            when_judged,
            malformed: row(faults.malformed),
            out_of_range: row(faults.out_of_range),
            not_served: row(faults.not_served),
            name: NamePattern::new(name),
            kind,
            required,
            state,
            literals,
            minimum: minimum.unwrap_or(i64::MIN),
            maximum: maximum.unwrap_or(i64::MAX),
        }
    }

    /// One that its own parameter did not name would never be judged.
    fn when_judged(
        &self,
        name: &str,
        written: WrittenResource,
        complaints: &mut Vec<Complaint>,
    ) -> Option<ResourceSpec> {
        let resource = ResourceSpec { optional: true, ..self.resource(written, complaints)? };
        if !resource.template.parameters().any(|parameter| parameter.as_str() == name) {
            complaints.push(place(self.source, name, "is not what names its own resource", "bind it in `when-judged`"));
        }
        Some(resource)
    }

    fn check_parameters(&self, parameters: &[ParameterSpec], complaints: &mut Vec<Complaint>) {
        for (at, spec) in parameters.iter().enumerate() {
            let name = spec.name.as_str();
            if parameters[..at].iter().any(|other| other.name == spec.name) {
                complaints.push(place(self.source, name, "is given twice", "keep one"));
            }
            if self.common.protocol_parameters.iter().chain(&self.common.owners).any(|known| known == name) {
                complaints.push(place(self.source, name, "belongs to common.json", "drop it here"));
            }
        }
        if parameters.iter().filter(|spec| spec.kind == Kind::Region).count() > 1 {
            complaints.push(place(
                self.source,
                "parameters",
                "hold two regions",
                "keep one parameter of type `region`",
            ));
        }
    }

    fn resources(
        &self,
        written: Vec<WrittenResource>,
        parameters: &[ParameterSpec],
        complaints: &mut Vec<Complaint>,
    ) -> Vec<ResourceSpec> {
        if written.iter().all(|resource| resource.optional) {
            let message = "name no resource that is always judged";
            complaints.push(place(self.source, "resources", message, "add one, `\"arn\": \"*\"` where RAM knows none"));
        }
        for resource in &written {
            for (placeholder, parameter) in &resource.binds {
                if !parameters.iter().any(|spec| spec.name.as_str() == parameter) {
                    let message = format!("binds `{placeholder}` to `{parameter}`, which is no parameter of this file");
                    complaints.push(place(self.source, &resource.arn, &message, "name a parameter"));
                }
            }
        }
        written.into_iter().filter_map(|written| self.resource(written, complaints)).collect()
    }

    fn resource(&self, written: WrittenResource, complaints: &mut Vec<Complaint>) -> Option<ResourceSpec> {
        let WrittenResource { kind, arn, binds, optional } = written;
        for placeholder in binds.keys().filter(|placeholder| !arn.contains(&format!("{{#{placeholder}}}"))) {
            let message = super::template::TemplateFault::Unused(placeholder.clone()).to_string();
            complaints.push(place(self.source, &arn, &message, "use it, or drop it from `binds`"));
        }
        match Template::read(&arn, |placeholder| binds.get(placeholder).map(String::as_str)) {
            Ok(template) => Some(ResourceSpec { kind, template, optional }),
            Err(fault) => {
                let help = "write the template as the vendor prints it";
                complaints.push(place(self.source, &arn, &fault.to_string(), help));
                None
            }
        }
    }
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(source: &Source) -> Result<T, Complaint> {
    serde_json::from_str(source.text()).map_err(|error| {
        let position = crate::source::Position { line: error.line(), column: error.column() };
        let at = source.offset(position);
        let message = error.to_string();
        let title = message.split(" at line ").next().unwrap_or(&message).to_owned();
        source.error(at..at, title, "see the other files of the catalogue for the form")
    })
}

fn check_schema(source: &Source, schema: u32, complaints: &mut Vec<Complaint>) {
    if schema != 1 {
        complaints.push(place(source, "schema", &format!("is {schema}"), "this program reads schema 1"));
    }
}

/// The traps in the page: statuses of success, the one `Forbidden` that is a 400, a row printed twice.
fn check_rows(source: &Source, rows: &[ErrorRow], complaints: &mut Vec<Complaint>) {
    for (at, row) in rows.iter().enumerate() {
        if !(400..600).contains(&row.status) {
            complaints.push(place(
                source,
                &row.code,
                &format!("has status {}", row.status),
                "an error row is 4xx or 5xx",
            ));
        }
        if row.code == "Forbidden.RegionId" && row.status != 400 {
            complaints.push(place(
                source,
                &row.code,
                "is documented with status 400",
                "keep it a 400, whatever its name says",
            ));
        }
        let same =
            |other: &ErrorRow| (other.status, &other.code, &other.message) == (row.status, &row.code, &row.message);
        if rows[..at].iter().any(same) {
            complaints.push(place(source, &row.code, "stands twice with the same message", "keep one of the two rows"));
        }
    }
}

fn is_row(row: &ErrorRow, wanted: &WrittenRefusal) -> bool {
    row.status == wanted.status && row.code == wanted.code
}

fn resolve(
    source: &Source,
    refusal: Refusal,
    wanted: &WrittenRefusal,
    row: Option<ErrorRow>,
    complaints: &mut Vec<Complaint>,
) -> Option<FilledRow> {
    let name = refusal.name();
    if refusal.is_denial() && wanted.status != 403 {
        let message = format!("answers a denial (`{name}`) with {}", wanted.status);
        complaints.push(place(source, &wanted.code, &message, "a denial may only name a row of status 403"));
        return None;
    }
    let Some(row) = row else {
        let message = format!("with status {} (for `{name}`) is no row of this file or of common.json", wanted.status);
        complaints.push(place(source, &wanted.code, &message, "name a documented row"));
        return None;
    };
    Some(FilledRow { row, text: wanted.text.clone() })
}

/// A complaint at the first place where the file says `word`.
pub(super) fn place(source: &Source, word: &str, message: &str, help: &str) -> Complaint {
    let quoted = format!("\"{word}\"");
    let span = source.text().find(&quoted).map_or(0..0, |at| at..at + quoted.len());
    source.error(span, format!("`{word}` {message}"), help)
}
