//! Warns of calls that go on without a judgement, or with a caller that ECS alone proves.

use crate::config::{OtherOperations, Settings, Signing};

/// Warns of every such setting.
pub(super) fn warn(settings: &Settings) {
    let signing = settings.upstream.signing;
    if signing == Signing::PassThrough {
        tracing::warn!("`signing = \"passthrough\"`: {CANNOT_PROMISE}");
    }
    warn_of_unjudged("ecs", settings.operations.other, signing);
    for product in &settings.products {
        warn_of_unjudged(&product.name, product.other, signing);
    }
}

/// What an operator must know who passes on calls that callers signed.
const CANNOT_PROMISE: &str = "callers hold keys that ECS takes, so whoever can reach ECS goes past this gateway; ECS \
     reads the caller's bytes for itself; a key without a secret in the key ring is believed by its id, and proved by \
     ECS alone";

fn warn_of_unjudged(service: &str, other: OtherOperations, signing: Signing) {
    if other == OtherOperations::Forward {
        let rights = match signing {
            Signing::Resign => "every caller has the gateway's own rights",
            Signing::PassThrough => "no policy is asked",
        };
        tracing::warn!(
            "`other = \"forward\"`: {rights} for all operations of `{service}` that `ramgate actions` does not list"
        );
    }
}
