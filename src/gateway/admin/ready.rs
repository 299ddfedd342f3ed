//! Whether the gateway can serve calls, for `/readyz`.
//!
//! A problem that all replicas share must not make a load balancer take them all out. The text then says `degraded`,
//! and the gateway stays ready.

use jiff::Timestamp;

use crate::audit::{LogStatus, Requirement};

use crate::gateway::parts::Gateway;

/// Why the gateway is not ready; `None` if it is.
pub(super) fn reason(gateway: &Gateway, log: Option<&LogStatus>, now: Timestamp) -> Option<String> {
    let parts = &gateway.parts;
    match log {
        None => return Some("the audit log does not respond".to_owned()),
        Some(LogStatus { requirement: Requirement::Required, error: Some(error), .. }) => {
            return Some(format!("the audit log cannot be written: {error}"));
        }
        Some(log) => {
            let failing = log.secondary.iter().find(|it| it.requirement == Requirement::Required && it.error.is_some());
            if let Some((name, error)) = failing.and_then(|sink| Some((sink.name, sink.error.as_ref()?))) {
                return Some(format!("the audit log's sink `{name}` does not accept lines: {error}"));
            }
        }
    }
    if parts.in_force.pdp.directory().is_empty() {
        return Some("no policies are loaded".to_owned());
    }
    if parts.in_force.keys.is_empty() && parts.in_force.issuers.is_empty() && parts.in_force.tls.is_none() {
        return Some("no caller can authenticate: there are neither keys nor token issuers nor TLS".to_owned());
    }
    parts.upstreams.ecs.keys().roles().find_map(|role| role.key(now).err()).map(|error| error.to_string())
}

/// Problems that leave the gateway ready: an upstream refuses one of the gateway's own keys, or connection slots ran
/// out. Unauthenticated clients can use up the slots, and must not be able to make a load balancer take the gateway
/// out.
pub(super) fn degraded(gateway: &Gateway) -> Vec<String> {
    let refused = gateway.upstreams().flat_map(|upstream| {
        let keys = upstream.health().refused_keys().into_iter();
        keys.map(|key| format!("{} refuses {key}", upstream.endpoint(&key.region)))
    });
    let shortages = gateway.listeners.all().into_iter().filter_map(|connections| connections.shortage());
    refused.chain(shortages).collect()
}
