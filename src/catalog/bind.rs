//! Binds the parameters of a request to an operation.

use std::collections::HashSet;
use std::sync::Arc;

use ram_policy::{AccountId, Resource};

use super::bind_error::BindError;
use super::call::{Call, tags};
use super::contents::Catalog;
use super::operation::{Operation, RequestTags};
use super::parameter::{Kind, ParameterSpec, State, ValueError};
use crate::ram::{Parameters, ParametersBuilder, Region};

/// The account and regions that a request is bound to.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The caller's account, which owns every resource the call names.
    pub account: &'a AccountId,
    /// The regions this gateway serves.
    pub regions: &'a [Region],
}

impl Catalog {
    /// Reads a request as a call of `operation`. Parameter names are checked first, in order of arrival, then the
    /// operation's parameters in the catalogue's order, then repeated tags, the region, and the values that become part
    /// of an ARN.
    ///
    /// # Errors
    /// The first problem found in that order.
    pub fn bind(
        &self,
        operation: &Arc<Operation>,
        parameters: &Parameters,
        binding: Binding<'_>,
    ) -> Result<Call, BindError> {
        let (kept, left_out) = match operation.listed {
            true => self.sort_out(operation, parameters, binding.account)?,
            false => self.sort_out_unlisted(operation, parameters, binding.account)?,
        };
        for spec in &operation.parameters {
            check_parameter(spec, parameters)?;
        }
        if operation.tags == RequestTags::Set {
            check_tags(&kept)?;
        }
        let region = served_region(operation, parameters, binding.regions)?;
        let (of_type, resources) = resources(operation, &kept, &region, binding.account)?.into_iter().unzip();
        Ok(Call {
            operation: Arc::clone(operation),
            account: binding.account.clone(),
            region,
            parameters: kept,
            resources,
            of_type,
            left_out,
        })
    }

    /// The parameters to forward, and the names of those to leave out.
    fn sort_out(
        &self,
        operation: &Operation,
        parameters: &Parameters,
        account: &AccountId,
    ) -> Result<(Parameters, Vec<String>), BindError> {
        let mut kept = ParametersBuilder::default();
        let mut left_out = Vec::new();
        let is = |names: &[String], name: &str| names.iter().any(|known| known == name);
        for given in parameters.iter() {
            let name = given.name;
            match operation.parameters.iter().find(|spec| spec.name.matches(name)) {
                Some(spec) if spec.state == State::Retired => left_out.push(name.to_owned()),
                Some(_) => kept.push(name, given.value, given.place),
                None if is(&self.protocol_parameters, name) => {}
                None if is(&operation.ignored, name) => left_out.push(name.to_owned()),
                None if is(&self.owners, name) && given.value == account.as_str() => left_out.push(name.to_owned()),
                None if is(&self.owners, name) => return Err(BindError::Owner { parameter: name.to_owned() }),
                None => return Err(self.unknown(operation, name)),
            }
        }
        let kept = kept.finish().expect("the names of parameters already read are distinct");
        Ok((kept, left_out))
    }

    /// Checks a call that is forwarded with the caller's own signature, so that no parameter can be left out. Most
    /// parameters that a rebuilt call would omit are harmless: they have no effect, or they name the account that was
    /// judged.
    ///
    /// # Errors
    /// A parameter in which the caller states its own location, which the upstream might believe.
    pub fn check_as_received(&self, call: &Call) -> Result<(), BindError> {
        match call.left_out().iter().find(|name| self.claims.contains(name)) {
            Some(claim) => Err(BindError::Claim { parameter: claim.clone() }),
            None => Ok(()),
        }
    }

    fn unknown(&self, operation: &Operation, name: &str) -> BindError {
        let own = operation.parameters.iter().find(|spec| spec.name.resembles(name)).map(|spec| spec.name.as_str());
        let protocol = || {
            let equivalent = |known: &&String| known.eq_ignore_ascii_case(name);
            self.protocol_parameters.iter().chain(&self.owners).find(equivalent).map(String::as_str)
        };
        match own.or_else(protocol) {
            Some(known) => BindError::LookAlike { parameter: name.to_owned(), known: known.to_owned() },
            None => BindError::Unknown { parameter: name.to_owned() },
        }
    }
}

fn check_parameter(spec: &ParameterSpec, parameters: &Parameters) -> Result<(), BindError> {
    if spec.name.is_list() {
        let elements = parameters.iter().filter(|given| spec.name.matches(given.name));
        let mut present = false;
        for given in elements {
            present = true;
            check_value(spec, given.name, given.value)?;
        }
        return if spec.required && !present { Err(missing(spec)) } else { Ok(()) };
    }
    match parameters.value(spec.name.as_str()) {
        None | Some("") if spec.required => Err(missing(spec)),
        None => Ok(()),
        Some(value) => check_value(spec, spec.name.as_str(), value),
    }
}

/// Refuses a tag key that is set twice: the vendor would choose one of the two values, and a policy may depend on it.
fn check_tags(parameters: &Parameters) -> Result<(), BindError> {
    let mut seen = HashSet::new();
    match tags(parameters).find(|tag| !seen.insert(tag.key)) {
        None => Ok(()),
        Some(tag) => Err(BindError::RepeatedTag { parameter: tag.name.to_owned() }),
    }
}

fn missing(spec: &ParameterSpec) -> BindError {
    BindError::Missing { parameter: spec.name.as_str().to_owned() }
}

fn check_value(spec: &ParameterSpec, name: &str, value: &str) -> Result<(), BindError> {
    let parameter = || name.to_owned();
    match spec.state {
        State::Retired => return Ok(()),
        State::Unavailable => return Err(BindError::Unavailable { parameter: parameter() }),
        State::Available => {}
    }
    // Some clients always send an optional parameter, and leave it empty when it is not set.
    if value.is_empty() {
        return Ok(());
    }
    spec.check(value).map_err(|error| match error {
        ValueError::Malformed => BindError::Malformed { parameter: parameter(), expected: expected(spec.kind) },
        ValueError::OutOfRange => BindError::OutOfRange { parameter: parameter() },
    })
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Region => "a region id looks like `cn-hangzhou`",
        Kind::EniId => "an ENI id is `eni-`, `leni-` or `hdeni-` and 1 to 64 lower-case letters or digits",
        Kind::InstanceId => "an instance id is `i-` and 1 to 64 lower-case letters or digits",
        Kind::Integer => "a whole number is expected",
        Kind::Boolean => "`true` or `false` is expected",
        Kind::String => "an id of 1 to 64 letters, digits, `-` or `_` is expected",
    }
}

fn served_region(operation: &Operation, parameters: &Parameters, served: &[Region]) -> Result<Region, BindError> {
    let name = operation
        .parameters
        .iter()
        .find(|spec| spec.kind == Kind::Region)
        .map_or("RegionId", |spec| spec.name.as_str());
    let parameter = name.to_owned();
    let Some(value) = parameters.value(name) else { return Err(BindError::Missing { parameter }) };
    let Ok(region) = value.parse::<Region>() else { return Err(BindError::MalformedRegion { parameter }) };
    if served.contains(&region) { Ok(region) } else { Err(BindError::RegionNotServed { parameter, region }) }
}

fn resources(
    operation: &Operation,
    parameters: &Parameters,
    region: &Region,
    account: &AccountId,
) -> Result<Vec<(usize, Resource<'static>)>, BindError> {
    let mut resources = Vec::with_capacity(operation.resources.len());
    for (at, spec) in operation.resources.iter().enumerate() {
        let filled = spec
            .template
            .fill(region, account, parameters)
            .map_err(|unfit| BindError::Malformed { parameter: unfit.parameter, expected: expected(Kind::String) })?;
        if filled.is_empty() && !spec.optional {
            let parameter = spec.template.parameters().map(|name| name.as_str().to_owned()).next().unwrap_or_default();
            return Err(BindError::Missing { parameter });
        }
        resources.extend(filled.into_iter().map(|resource| (at, resource)));
    }
    Ok(resources)
}
