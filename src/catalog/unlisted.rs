//! Operations without a file. Only the name is known, so they are judged on all resources (the setting
//! `[operations] other`).

use std::collections::HashMap;
use std::sync::Arc;

use crate::ram::{Parameters, ParametersBuilder};
use ram_policy::AccountId;

use super::bind_error::BindError;
use super::contents::Catalog;
use super::operation::{Access, Operation, RequestTags};
use super::parameter_names::letters;
use super::template::{ResourceSpec, Template};

/// No operation of the vendor has a longer name.
const LONGEST_NAME: usize = 64;

/// An operation that may have no file, as a caller names it.
#[derive(Clone, Copy, Debug)]
pub struct Unlisted<'a> {
    pub name: &'a str,
    pub version: &'a str,
    /// The service part of the action: `ecs` in `ecs:RunInstances`.
    pub service: &'a str,
    /// `Ecs`, as audit events name it.
    pub product: &'a str,
}

impl Catalog {
    /// An operation without a file, or `None` if the name cannot be an operation's name.
    pub fn unlisted(&self, requested: Unlisted<'_>) -> Option<Operation> {
        let Unlisted { name, version, service, product } = requested;
        let plain = (1..=LONGEST_NAME).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !plain {
            return None;
        }
        let template = Template::read("*", |_| None).ok()?;
        let unknown = Arc::new(self.keys.unknown_without_file(service));
        Some(Operation {
            name: name.to_owned(),
            product: product.to_owned(),
            version: version.to_owned(),
            source: String::new(),
            action: format!("{service}:{name}").parse().ok()?,
            // The operation may only read, but that is not known.
            access: Access::Write,
            parameters: Vec::new(),
            resources: vec![ResourceSpec { kind: "All Resources".to_owned(), template, optional: false }],
            errors: Vec::new(),
            answers: Arc::clone(&self.answers),
            ignored: self.ignored.clone(),
            listed: false,
            tags: RequestTags::Unknown,
            unknown_in_filter: Arc::clone(&unknown),
            unknown,
        })
    }

    /// The operation with a file whose name differs from this one only in case: a lenient parser would confuse the two.
    pub fn resembling(&self, name: &str) -> Option<&Arc<Operation>> {
        self.operations().find(|operation| operation.name.eq_ignore_ascii_case(name) && operation.name != name)
    }

    /// The parameters to forward for an operation without a file, and the names of those to leave out. All are kept
    /// except those of the protocol, those that select an account, and those without effect.
    ///
    /// # Errors
    /// A parameter that ECS might not treat as one of the operation's, that may hold a credential, or that names
    /// another account.
    pub(super) fn sort_out_unlisted(
        &self,
        operation: &Operation,
        parameters: &Parameters,
        account: &AccountId,
    ) -> Result<(Parameters, Vec<String>), BindError> {
        let mut kept = ParametersBuilder::default();
        let mut left_out = Vec::new();
        let mut seen: HashMap<String, &str> = HashMap::new();
        let is = |names: &[String], name: &str| names.iter().any(|known| known == name);
        for given in parameters.iter() {
            let name = given.name;
            if let Some(first) = seen.insert(name.to_ascii_lowercase(), name) {
                return Err(BindError::LookAlike { parameter: name.to_owned(), known: first.to_owned() });
            }
            if self.is_protocol_parameter(name) {
                continue;
            }
            if is(&operation.ignored, name) || is(&self.owners, name) && given.value == account.as_str() {
                left_out.push(name.to_owned());
                continue;
            }
            if is(&self.owners, name) {
                return Err(BindError::Owner { parameter: name.to_owned() });
            }
            if self.inner.contain(name) {
                return Err(BindError::Inner { parameter: name.to_owned() });
            }
            if let Some(known) = self.claimed_by(name) {
                return Err(BindError::LookAlike { parameter: name.to_owned(), known: known.to_owned() });
            }
            if self.may_be_credential(name) {
                return Err(BindError::Credential { parameter: name.to_owned() });
            }
            kept.push(name, given.value, given.place);
        }
        let kept = kept.finish().expect("the names of parameters already read are distinct");
        Ok((kept, left_out))
    }

    /// The reserved name that a lenient parser might confuse this one with.
    fn claimed_by(&self, name: &str) -> Option<&str> {
        // A protocol header, sent as a parameter.
        if letters(name).take(4).eq("xacs".chars()) {
            return Some("x-acs-…");
        }
        let equivalent = |known: &&str| *known != name && letters(known).eq(letters(name));
        let own = self.protocol_parameters.iter().chain(&self.owners).chain(&self.ignored).map(String::as_str);
        own.chain(["RegionId"]).find(equivalent)
    }
}
