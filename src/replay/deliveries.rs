//! Reads attempts from events that ActionTrail delivered.

use crate::audit::read::Event;
use crate::catalog::{Binding, Catalog};
use crate::ram::{ParametersBuilder, Place, Region};
use ram_policy::{Context, ContextKey};

use super::attempt::{Attempt, AttemptError, RecordedAttributes, RecordedVerdict, Subject, principal_of};

/// The error codes of a denial by RAM (`docs/spec/ram-policy.md` 7.1).
const DENIED: [&str; 5] =
    ["Forbidden.RAM", "Forbidden.SubUser", "NoPermission", "Forbidden.NotSupportRAM", "Forbidden"];

/// Reads the attempt in a delivered event, if the catalogue knows the operation.
///
/// # Errors
/// The event contains no attempt that can be judged.
pub fn from_delivery(event: &Event, catalog: &Catalog) -> Result<Attempt, AttemptError> {
    if event.kind.as_deref().is_some_and(|kind| kind != "ApiCall") {
        return Err(AttemptError::NotJudged);
    }
    let known = event.service.as_deref().is_none_or(|service| service.eq_ignore_ascii_case("Ecs"));
    let operation = catalog.operation(&event.name).filter(|_| known).ok_or(AttemptError::UnknownOperation)?;
    let recorded = match event.error().map(|error| error.code) {
        None | Some("") => RecordedVerdict::Allowed,
        Some(code) if DENIED.contains(&code) || code.starts_with("NoPermission.") => RecordedVerdict::Denied,
        // The call may have failed before or after RAM was consulted.
        Some(_) => return Err(AttemptError::UnknownVerdict),
    };
    let principal = principal_of(event)?;
    let region = event.parameter("RegionId").or(event.region.as_deref()).ok_or(AttemptError::NoResources)?;
    let region: Region = region.parse().map_err(|_| AttemptError::NoResources)?;
    let mut parameters = ParametersBuilder::default();
    // An event lists facts about the transport among the parameters, so parameters that the operation lacks are
    // skipped.
    let own = |name: &str| operation.parameters().iter().any(|spec| spec.name.matches(name));
    for (name, value) in event.parameters.iter().filter(|(name, _)| name != "RegionId" && own(name)) {
        parameters.push(name, value, Place::Query);
    }
    parameters.push("RegionId", region.as_str(), Place::Query);
    let parameters = parameters.finish().map_err(|_| AttemptError::NoResources)?;
    let regions = [region];
    let binding = Binding { account: principal.account(), regions: &regions };
    let call = catalog.bind(operation, &parameters, binding).map_err(|_| AttemptError::NoResources)?;
    let mut context = Context::default();
    context.add(ContextKey::CurrentTime, event.time);
    if let Some(transport) = event.transport() {
        context.add(ContextKey::SecureTransport, transport.eq_ignore_ascii_case("https"));
    }
    if let Some(address) = event.address() {
        context.add(ContextKey::SourceIp, address.to_canonical());
    }
    if let Some(mfa) = event.user.mfa {
        context.add(ContextKey::MfaPresent, mfa);
    }
    call.add_request_tags(&mut context);
    Ok(Attempt {
        id: event.event_id.clone().or_else(|| event.request_id.clone()).unwrap_or_default().into_owned(),
        time: event.time,
        subject: Subject { action: operation.action().clone(), resources: call.resources().to_vec(), unlisted: false },
        principal,
        context,
        attributes: RecordedAttributes::Unrecorded,
        narrowed_by: None,
        recorded,
    })
}
