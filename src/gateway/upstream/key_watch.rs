//! Probes an upstream that refuses one of the gateway's keys until it accepts the key again, so that a recovery is
//! noticed without traffic.

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

/// Makes one read for each refused key every 15 seconds, until `shutdown`. Does nothing while all keys are accepted.
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

/// Probes one upstream. A product may lack the operation; ECS, which has the same keys, is probed in its place then. If
/// the product still refuses the key, its next call shows that.
async fn probe(upstream: Arc<Upstream>, ecs: Arc<Upstream>, refused: RefusedKey) {
    let RefusedKey { account, region, .. } = &refused;
    // The role may have a newer key, even if the refused one has not expired.
    if let Some(role) = upstream.keys().role_of(account)
        && let Err(why) = role.read(clock::now()).await
    {
        tracing::debug!(%why, "cannot read a new key to replace the refused key of the instance role");
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
