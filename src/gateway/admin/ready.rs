//! Whether calls can be answered as they should be, or why not.
//!
//! What all replicas share is no reason to be taken out of a load balancer: then the text says `degraded`, and the
//! gateway stays ready.

use jiff::Timestamp;

use crate::audit::{LogStatus, Requirement};

use crate::gateway::parts::Gateway;

/// Why not; none when the gateway is ready.
pub(super) fn reason(gateway: &Gateway, log: Option<&LogStatus>, now: Timestamp) -> Option<String> {
    let parts = &gateway.parts;
    match log {
        None => return Some("the audit log does not answer".to_owned()),
        Some(LogStatus { requirement: Requirement::Required, fault: Some(fault), .. }) => {
            return Some(format!("the audit log cannot be written: {fault}"));
        }
        Some(log) => {
            let held = log.secondary.iter().find(|it| it.requirement == Requirement::Required && it.fault.is_some());
            if let Some((name, fault)) = held.and_then(|held| Some((held.name, held.fault.as_ref()?))) {
                return Some(format!("the audit log's `{name}` takes no lines: {fault}"));
            }
        }
    }
    if parts.in_force.pdp.directory().is_empty() {
        return Some("no policies are loaded".to_owned());
    }
    if parts.in_force.keys.is_empty() && parts.in_force.issuers.is_empty() && parts.in_force.tls.is_none() {
        return Some("nobody can be authenticated: there is no key, and no issuer of tokens".to_owned());
    }
    parts.upstreams.ecs.keys().roles().find_map(|role| role.key(now).err()).map(|fault| fault.to_string())
}

/// What is wrong although the gateway is ready: the upstream refuses a key of the gateway's own, or connection slots ran
/// out. Strangers can bring about the latter, and must not be able to make a load balancer take the gateway out.
pub(super) fn degraded(gateway: &Gateway) -> Vec<String> {
    let refused = gateway.upstreams().flat_map(|upstream| {
        let keys = upstream.health().refused_keys().into_iter();
        keys.map(|key| format!("{} refuses {key}", upstream.endpoint(&key.region)))
    });
    let shortages = gateway.listeners.all().into_iter().filter_map(|connections| connections.shortage());
    refused.chain(shortages).collect()
}
