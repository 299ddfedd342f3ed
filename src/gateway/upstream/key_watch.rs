//! Asks an upstream that refuses the gateway's key until it accepts it again, so that a recovery is noticed without
//! traffic.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::key_health::RefusedKey;
use super::sender::{Probed, Upstream};
use crate::gateway::clock;
use crate::gateway::parts::Gateway;

const INTERVAL: Duration = Duration::from_secs(15);

/// Until `shutdown`: one read for each refused key, every 15 seconds, and none while all are accepted.
pub(crate) async fn watch(gateway: Arc<Gateway>, shutdown: CancellationToken) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let mut probes = JoinSet::new();
        for upstream in gateway.upstreams() {
            for refused in upstream.health().refused_keys() {
                probes.spawn(probe(Arc::clone(upstream), Arc::clone(&gateway.parts.upstreams.ecs), refused));
            }
        }
        shutdown.run_until_cancelled(probes.join_all()).await;
    }
}

/// A product may lack the operation that it is asked for. Its keys are those of ECS, so ECS answers for it then; should
/// the product refuse the key still, the next call says so.
async fn probe(upstream: Arc<Upstream>, ecs: Arc<Upstream>, refused: RefusedKey) {
    let RefusedKey { account, region, .. } = &refused;
    // The role may have a newer key than the refused one, long before that one expires.
    if let Some(role) = upstream.keys().role_of(account)
        && let Err(why) = role.read(clock::now()).await
    {
        tracing::debug!(%why, "the refused key of the role is not replaced");
    }
    let probed = upstream.probe(account, region, clock::now()).await;
    if probed == Probed::NoSuchOperation
        && !Arc::ptr_eq(&upstream, &ecs)
        && ecs.probe(account, region, clock::now()).await == Probed::Accepted
    {
        let key = || upstream.keys().of(account, clock::now()).map(|key| key.id().masked()).unwrap_or_default();
        upstream.health().accepted(account, key);
    }
}
