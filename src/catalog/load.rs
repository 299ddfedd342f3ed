//! Reads the catalogue's files and checks them completely, so that no error is possible later.

use std::collections::BTreeMap;
use std::sync::Arc;

use ram_policy::{Diagnostic, Source};

use super::answer::{Answers, ErrorRow, FilledRow, RejectionReason};
use super::condition_key::{ConditionKeys, with_request_tags};
use super::contents::Catalog;
use super::operation::{Operation, RequestTags};
use super::parameter::{Kind, NamePattern, ParameterSpec, State};
use super::parameter_names::InnerNames;
use super::raw::{RawCommon, RawOperation, RawParameter, RawRefusal, RawResource, parse, place};
use super::template::{ResourceSpec, Template};

impl Catalog {
    /// Reads `common.json`, `condition-keys.json` and the operations' files.
    ///
    /// # Errors
    /// All diagnostics about all files.
    pub fn read(common: &Source, keys: &Source, operations: &[Source]) -> Result<Self, Vec<Diagnostic>> {
        let raw: RawCommon = parse(common).map_err(|diagnostic| vec![diagnostic])?;
        let mut diagnostics = Vec::new();
        let mut catalog = Self::from_common(common, raw, &mut diagnostics);
        match ConditionKeys::read(keys) {
            Ok(keys) => catalog.keys = keys,
            Err(more) => diagnostics.extend(more),
        }
        for source in operations {
            match parse::<RawOperation>(source) {
                Err(diagnostic) => diagnostics.push(diagnostic),
                Ok(raw) => {
                    let reader = Reader { source, common: &catalog };
                    let operation = reader.operation(raw, &mut diagnostics);
                    let name = operation.name.clone();
                    if catalog.operations.insert(name.clone(), Arc::new(operation)).is_some() {
                        diagnostics.push(place(source, &name, "is defined twice", "keep one file for each operation"));
                    }
                }
            }
        }
        if diagnostics.is_empty() { Ok(catalog) } else { Err(diagnostics) }
    }

    fn from_common(source: &Source, raw: RawCommon, diagnostics: &mut Vec<Diagnostic>) -> Self {
        check_schema(source, raw.schema, diagnostics);
        check_rows(source, &raw.errors, diagnostics);
        let find = |wanted: &RawRefusal| raw.errors.iter().find(|row| is_row(row, wanted)).cloned();
        let mut rows = BTreeMap::new();
        for refusal in RejectionReason::ALL {
            let Some(wanted) = raw.refusals.get(refusal) else {
                diagnostics.push(place(
                    source,
                    "refusals",
                    &format!("lacks `{}`", refusal.name()),
                    "give each refusal a row",
                ));
                continue;
            };
            if let Some(filled) = resolve(source, *refusal, wanted, find(wanted), diagnostics) {
                rows.insert(*refusal, filled);
            }
        }
        let denials = raw
            .denials
            .iter()
            .filter_map(|wanted| resolve(source, RejectionReason::ImplicitDeny, wanted, find(wanted), diagnostics))
            .collect();
        Self {
            operations: BTreeMap::new(),
            protocol_parameters: raw.parameters,
            owners: raw.owners,
            claims: raw.claims,
            inner: InnerNames::new(&raw.inner.names, &raw.inner.prefixes),
            never_in_a_denial: raw.never_in_a_denial,
            denials,
            ignored: raw.ignored.into_iter().map(|ignored| ignored.name).collect(),
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
    fn operation(&self, raw: RawOperation, diagnostics: &mut Vec<Diagnostic>) -> Operation {
        let RawOperation { schema, operation: name, product, version, source, action, access, .. } = raw;
        check_schema(self.source, schema, diagnostics);
        check_rows(self.source, &raw.errors, diagnostics);
        let action = action.parse().unwrap_or_else(|error: ram_policy::ActionError| {
            diagnostics.push(place(self.source, &action, &error.to_string(), "write `ecs:<Operation>`"));
            "ecs:Unknown".parse().expect("a well-formed action")
        });
        let rows = &raw.errors;
        let parameters: Vec<_> = raw.parameters.into_iter().map(|raw| self.parameter(raw, rows, diagnostics)).collect();
        self.check_parameters(&parameters, diagnostics);
        let resources = self.resources(raw.resources, &parameters, diagnostics);
        let mut answers = Answers::clone(&self.common.answers);
        for (refusal, wanted) in &raw.refusals {
            let row = rows.iter().find(|row| is_row(row, wanted)).cloned().or_else(|| self.common_row(wanted));
            if let Some(filled) = resolve(self.source, *refusal, wanted, row, diagnostics) {
                answers.rows.insert(*refusal, filled);
            }
        }
        let ignored =
            raw.ignored.into_iter().map(|ignored| ignored.name).chain(self.common.ignored.iter().cloned()).collect();
        for key in raw.condition_keys.iter().filter(|key| !self.common.keys.may_list(key)) {
            let message = "is not a key of `condition-keys.json` that operations list";
            diagnostics.push(place(self.source, key, message, "add it there as `by-operation`, or correct it"));
        }
        let tags = RequestTags::of(access, parameters.iter().map(|spec| spec.name.as_str()));
        let unknown = self.common.keys.unknown_of(&raw.condition_keys);
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
            errors: raw.errors,
            answers: Arc::new(answers),
            ignored,
            listed: true,
        }
    }

    fn common_row(&self, wanted: &RawRefusal) -> Option<ErrorRow> {
        self.common.answers.rows.values().map(|filled| &filled.row).find(|row| is_row(row, wanted)).cloned()
    }

    fn parameter(&self, raw: RawParameter, rows: &[ErrorRow], diagnostics: &mut Vec<Diagnostic>) -> ParameterSpec {
        let RawParameter { name, kind, required, state, minimum, maximum, faults, literals, when_judged } = raw;
        if when_judged.is_some() && state != State::Unavailable {
            let message = "has `when-judged` but is not unavailable";
            diagnostics.push(place(self.source, &name, message, "name the resource in `resources`"));
        }
        if kind != Kind::Integer && (minimum.is_some() || maximum.is_some()) {
            diagnostics.push(place(
                self.source,
                &name,
                "has a range but is not an integer",
                "drop `minimum` and `maximum`",
            ));
        }
        if required && state != State::Available {
            diagnostics.push(place(self.source, &name, "is required but not available", "drop one of the two"));
        }
        let when_judged = when_judged.and_then(|raw| self.when_judged(&name, raw, diagnostics));
        let mut row = |code: Option<String>| {
            let code = code?;
            let found = rows.iter().find(|row| row.code == code && row.status == 400).cloned();
            if found.is_none() {
                diagnostics.push(place(
                    self.source,
                    &code,
                    "is not a row of this file with status 400",
                    "name one that is",
                ));
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

    /// The parameter must name the resource itself: otherwise the resource would never be judged.
    fn when_judged(&self, name: &str, raw: RawResource, diagnostics: &mut Vec<Diagnostic>) -> Option<ResourceSpec> {
        let resource = ResourceSpec { optional: true, ..self.resource(raw, diagnostics)? };
        if !resource.template.parameters().any(|parameter| parameter.as_str() == name) {
            diagnostics.push(place(self.source, name, "does not name its own resource", "bind it in `when-judged`"));
        }
        Some(resource)
    }

    fn check_parameters(&self, parameters: &[ParameterSpec], diagnostics: &mut Vec<Diagnostic>) {
        for (at, spec) in parameters.iter().enumerate() {
            let name = spec.name.as_str();
            if parameters[..at].iter().any(|other| other.name == spec.name) {
                diagnostics.push(place(self.source, name, "is given twice", "keep one"));
            }
            if self.common.protocol_parameters.iter().chain(&self.common.owners).any(|known| known == name) {
                diagnostics.push(place(self.source, name, "is defined in `common.json`", "drop it here"));
            }
        }
        if parameters.iter().filter(|spec| spec.kind == Kind::Region).count() > 1 {
            diagnostics.push(place(
                self.source,
                "parameters",
                "contain two regions",
                "keep one parameter of type `region`",
            ));
        }
    }

    fn resources(
        &self,
        raw: Vec<RawResource>,
        parameters: &[ParameterSpec],
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Vec<ResourceSpec> {
        if raw.iter().all(|resource| resource.optional) {
            let message = "contain no resource that is always judged";
            diagnostics.push(place(
                self.source,
                "resources",
                message,
                "add one, with `\"arn\": \"*\"` if RAM documents no ARN",
            ));
        }
        for resource in &raw {
            for (placeholder, parameter) in &resource.binds {
                if !parameters.iter().any(|spec| spec.name.as_str() == parameter) {
                    let message =
                        format!("binds `{placeholder}` to `{parameter}`, which is not a parameter of this file");
                    diagnostics.push(place(self.source, &resource.arn, &message, "name a parameter"));
                }
            }
        }
        raw.into_iter().filter_map(|raw| self.resource(raw, diagnostics)).collect()
    }

    fn resource(&self, raw: RawResource, diagnostics: &mut Vec<Diagnostic>) -> Option<ResourceSpec> {
        let RawResource { kind, arn, binds, optional } = raw;
        for placeholder in binds.keys().filter(|placeholder| !arn.contains(&format!("{{#{placeholder}}}"))) {
            let message = super::template::TemplateError::Unused(placeholder.clone()).to_string();
            diagnostics.push(place(self.source, &arn, &message, "use it, or drop it from `binds`"));
        }
        match Template::read(&arn, |placeholder| binds.get(placeholder).map(String::as_str)) {
            Ok(template) => Some(ResourceSpec { kind, template, optional }),
            Err(error) => {
                let help = "write the template as the vendor prints it";
                diagnostics.push(place(self.source, &arn, &error.to_string(), help));
                None
            }
        }
    }
}

fn check_schema(source: &Source, schema: u32, diagnostics: &mut Vec<Diagnostic>) {
    if schema != 1 {
        diagnostics.push(place(source, "schema", &format!("is {schema}"), "this program reads schema 1"));
    }
}

/// Detects the known mistakes in the vendor's pages: a success status, the only `Forbidden` code with status 400, and a
/// row that is printed twice.
fn check_rows(source: &Source, rows: &[ErrorRow], diagnostics: &mut Vec<Diagnostic>) {
    for (at, row) in rows.iter().enumerate() {
        if !(400..600).contains(&row.status) {
            diagnostics.push(place(
                source,
                &row.code,
                &format!("has status {}", row.status),
                "an error row is 4xx or 5xx",
            ));
        }
        if row.code == "Forbidden.RegionId" && row.status != 400 {
            diagnostics.push(place(
                source,
                &row.code,
                "is documented with status 400",
                "keep status 400, although the code's name suggests 403",
            ));
        }
        let same =
            |other: &ErrorRow| (other.status, &other.code, &other.message) == (row.status, &row.code, &row.message);
        if rows[..at].iter().any(same) {
            diagnostics.push(place(
                source,
                &row.code,
                "occurs twice with the same message",
                "keep one of the two rows",
            ));
        }
    }
}

fn is_row(row: &ErrorRow, wanted: &RawRefusal) -> bool {
    row.status == wanted.status && row.code == wanted.code
}

fn resolve(
    source: &Source,
    refusal: RejectionReason,
    wanted: &RawRefusal,
    row: Option<ErrorRow>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<FilledRow> {
    let name = refusal.name();
    if refusal.is_denial() && wanted.status != 403 {
        let message = format!("answers a denial (`{name}`) with {}", wanted.status);
        diagnostics.push(place(source, &wanted.code, &message, "a denial may only name a row of status 403"));
        return None;
    }
    let Some(row) = row else {
        let message =
            format!("with status {} (for `{name}`) is not a row of this file or of `common.json`", wanted.status);
        diagnostics.push(place(source, &wanted.code, &message, "name a documented row"));
        return None;
    };
    Some(FilledRow { row, text: wanted.text.clone() })
}
