//! Binds the parameters of a request to an operation.

use std::collections::HashSet;
use std::sync::Arc;

use crate::ram::{AccountId, Parameters, ParametersBuilder, Region, Resource};

use super::bind_fault::BindFault;
use super::call::{Call, tags};
use super::condition_key::RequestTags;
use super::load::Catalog;
use super::operation::Operation;
use super::parameter::{Kind, Misfit, ParameterSpec, State};

/// What a call is bound under.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The caller's account: the owner of whatever the call names.
    pub account: &'a AccountId,
    /// The regions that are served.
    pub regions: &'a [Region],
}

impl Catalog {
    /// The one reading of a request as a call of `operation`. Names are looked at first, in the order of arrival,
    /// then the operation's parameters in the catalogue's order, then the region.
    ///
    /// # Errors
    /// The first fault in that order.
    pub fn bind(
        &self,
        operation: &Arc<Operation>,
        parameters: &Parameters,
        binding: Binding<'_>,
    ) -> Result<Call, BindFault> {
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

    /// The parameters that go on, and the names of those that do not.
    fn sort_out(
        &self,
        operation: &Operation,
        parameters: &Parameters,
        account: &AccountId,
    ) -> Result<(Parameters, Vec<String>), BindFault> {
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
                None if is(&self.owners, name) => return Err(BindFault::Owner { parameter: name.to_owned() }),
                None => return Err(self.unknown(operation, name)),
            }
        }
        let kept = kept.finish().expect("the names of parameters already read are distinct");
        Ok((kept, left_out))
    }

    fn unknown(&self, operation: &Operation, name: &str) -> BindFault {
        let own = operation.parameters.iter().find(|spec| spec.name.resembles(name)).map(|spec| spec.name.as_str());
        let protocol = || {
            let alike = |known: &&String| known.eq_ignore_ascii_case(name);
            self.protocol_parameters.iter().chain(&self.owners).find(alike).map(String::as_str)
        };
        match own.or_else(protocol) {
            Some(known) => BindFault::LookAlike { parameter: name.to_owned(), known: known.to_owned() },
            None => BindFault::Unknown { parameter: name.to_owned() },
        }
    }
}

fn check_parameter(spec: &ParameterSpec, parameters: &Parameters) -> Result<(), BindFault> {
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

/// Which of two values a tag would get is the vendor's to choose, and a policy may turn on it.
fn check_tags(parameters: &Parameters) -> Result<(), BindFault> {
    let mut seen = HashSet::new();
    match tags(parameters).find(|tag| !seen.insert(tag.key)) {
        None => Ok(()),
        Some(tag) => Err(BindFault::RepeatedTag { parameter: tag.name.to_owned() }),
    }
}

fn missing(spec: &ParameterSpec) -> BindFault {
    BindFault::Missing { parameter: spec.name.as_str().to_owned() }
}

fn check_value(spec: &ParameterSpec, name: &str, value: &str) -> Result<(), BindFault> {
    let parameter = || name.to_owned();
    match spec.state {
        State::Retired => return Ok(()),
        State::Unavailable => return Err(BindFault::Unavailable { parameter: parameter() }),
        State::Available => {}
    }
    // An optional parameter that is present and empty was sent by clients that always send it.
    if value.is_empty() {
        return Ok(());
    }
    spec.check(value).map_err(|misfit| match misfit {
        Misfit::Malformed => BindFault::Malformed { parameter: parameter(), expected: expected(spec.kind) },
        Misfit::OutOfRange => BindFault::OutOfRange { parameter: parameter() },
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

fn served_region(operation: &Operation, parameters: &Parameters, served: &[Region]) -> Result<Region, BindFault> {
    let name = operation
        .parameters
        .iter()
        .find(|spec| spec.kind == Kind::Region)
        .map_or("RegionId", |spec| spec.name.as_str());
    let parameter = name.to_owned();
    let Some(value) = parameters.value(name) else { return Err(BindFault::Missing { parameter }) };
    let Ok(region) = value.parse::<Region>() else { return Err(BindFault::MalformedRegion { parameter }) };
    if served.contains(&region) { Ok(region) } else { Err(BindFault::RegionNotServed { parameter, region }) }
}

fn resources(
    operation: &Operation,
    parameters: &Parameters,
    region: &Region,
    account: &AccountId,
) -> Result<Vec<(usize, Resource<'static>)>, BindFault> {
    let mut resources = Vec::with_capacity(operation.resources.len());
    for (at, spec) in operation.resources.iter().enumerate() {
        let filled = spec
            .template
            .fill(region, account, parameters)
            .map_err(|unfit| BindFault::Malformed { parameter: unfit.parameter, expected: expected(Kind::String) })?;
        if filled.is_empty() && !spec.optional {
            let parameter = spec.template.parameters().map(|name| name.as_str().to_owned()).next().unwrap_or_default();
            return Err(BindFault::Missing { parameter });
        }
        resources.extend(filled.into_iter().map(|resource| (at, resource)));
    }
    Ok(resources)
}
