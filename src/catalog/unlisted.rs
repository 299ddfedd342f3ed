//! Operations without a file: only the name is known, so they are judged on all resources (design 5.3,
//! `[operations] other`).

use std::collections::HashMap;
use std::sync::Arc;

use crate::ram::{AccountId, Parameters, ParametersBuilder};

use super::access::Access;
use super::bind_fault::BindFault;
use super::condition_key::RequestTags;
use super::confidential::letters;
use super::load::Catalog;
use super::operation::Operation;
use super::template::{ResourceSpec, Template};

/// No operation of the vendor's has a longer name.
const LONGEST_NAME: usize = 64;

/// An operation that may have no file, as a caller names it.
#[derive(Clone, Copy, Debug)]
pub struct Unlisted<'a> {
    pub name: &'a str,
    pub version: &'a str,
    /// `ecs` of the action `ecs:RunInstances`.
    pub service: &'a str,
    /// `Ecs`, as audit events name it.
    pub product: &'a str,
}

impl Catalog {
    /// An operation without a file; none where the name is not one that could be the vendor's.
    pub fn unlisted(&self, asked: Unlisted<'_>) -> Option<Operation> {
        let Unlisted { name, version, service, product } = asked;
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
            // What is not known to look only is taken to change something.
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

    /// The operation with a file whose name differs by case alone: a lenient reader would take one for the other.
    pub fn resembling(&self, name: &str) -> Option<&Arc<Operation>> {
        self.operations().find(|operation| operation.name.eq_ignore_ascii_case(name) && operation.name != name)
    }

    /// What goes on of the parameters of an operation without a file: as they were read, but for what is the
    /// protocol's, an owner's, or a claim about the caller.
    ///
    /// # Errors
    /// A name that may mean more to ECS than a parameter of the operation.
    pub(super) fn sort_out_unlisted(
        &self,
        operation: &Operation,
        parameters: &Parameters,
        account: &AccountId,
    ) -> Result<(Parameters, Vec<String>), BindFault> {
        let mut kept = ParametersBuilder::default();
        let mut left_out = Vec::new();
        let mut seen: HashMap<String, &str> = HashMap::new();
        let is = |names: &[String], name: &str| names.iter().any(|known| known == name);
        for given in parameters.iter() {
            let name = given.name;
            if let Some(first) = seen.insert(name.to_ascii_lowercase(), name) {
                return Err(BindFault::LookAlike { parameter: name.to_owned(), known: first.to_owned() });
            }
            if self.is_protocol_parameter(name) {
                continue;
            }
            if is(&operation.ignored, name) || is(&self.owners, name) && given.value == account.as_str() {
                left_out.push(name.to_owned());
                continue;
            }
            if is(&self.owners, name) {
                return Err(BindFault::Owner { parameter: name.to_owned() });
            }
            if self.inner.contain(name) {
                return Err(BindFault::Inner { parameter: name.to_owned() });
            }
            if let Some(known) = self.claimed_by(name) {
                return Err(BindFault::LookAlike { parameter: name.to_owned(), known: known.to_owned() });
            }
            if self.may_be_credential(name) {
                return Err(BindFault::Credential { parameter: name.to_owned() });
            }
            kept.push(name, given.value, given.place);
        }
        let kept = kept.finish().expect("the names of parameters already read are distinct");
        Ok((kept, left_out))
    }

    /// The name with a meaning of its own that a lenient reader might take this one for.
    fn claimed_by(&self, name: &str) -> Option<&str> {
        // A header of the protocol's, in a place where it might count as one.
        if letters(name).take(4).eq("xacs".chars()) {
            return Some("x-acs-…");
        }
        let alike = |known: &&str| *known != name && letters(known).eq(letters(name));
        let own = self.protocol_parameters.iter().chain(&self.owners).chain(&self.ignored).map(String::as_str);
        own.chain(["RegionId"]).find(alike)
    }
}
