//! Warnings at startup about settings and policies that are valid but risky.

use crate::config::{OtherOperations, Settings, Signing};
use crate::lint::{self, Finding, IgnoreList, unsupplied_keys};
use crate::store::LoadedPolicies;
use ram_policy::Diagnostic;

/// A warning for each condition of an attached policy whose key this gateway cannot supply, unless the ignore list of
/// the account matches it.
pub(super) fn unsupplied(loaded: &LoadedPolicies, settings: &Settings) -> Vec<Diagnostic> {
    let of_products = settings.products.iter().map(|product| product.other);
    let judged = of_products.chain([settings.operations.other]).any(|other| other == OtherOperations::Evaluate);
    let others = if judged { lint::OtherOperations::Judged } else { lint::OtherOperations::NotJudged };
    let mut warnings = Vec::new();
    for account in &loaded.accounts {
        let documents = loaded.documents[account.documents.clone()].iter().filter(|loaded| loaded.attached);
        let mut findings: Vec<Finding> =
            documents.flat_map(|it| unsupplied_keys(&it.document, &it.source, others)).collect();
        if let Some(ignores) = account.lint.as_ref().and_then(|source| IgnoreList::read(source).ok()) {
            ignores.apply(&mut findings);
        }
        warnings.extend(findings.iter().filter(|finding| finding.ignored.is_none()).map(Finding::diagnostic));
    }
    warnings
}

/// Warns of settings with which calls are forwarded without judging, or with which only ECS authenticates callers.
pub(super) fn warn_of_unjudged_calls(settings: &Settings) {
    let signing = settings.upstream.signing;
    if signing == Signing::PassThrough {
        tracing::warn!("`signing = \"passthrough\"`: {CANNOT_PROMISE}");
    }
    warn_of_forwarding("ecs", settings.operations.other, signing);
    for product in &settings.products {
        warn_of_forwarding(&product.name, product.other, signing);
    }
}

/// The limits of pass-through, which an operator must know.
const CANNOT_PROMISE: &str = "callers hold keys that ECS accepts, so a caller that can reach ECS can bypass this \
     gateway; ECS parses the caller's bytes itself; a key without a secret in the key ring is identified by its id, \
     and only ECS checks its signature";

fn warn_of_forwarding(service: &str, other: OtherOperations, signing: Signing) {
    if other == OtherOperations::Forward {
        let rights = match signing {
            Signing::Resign => "every caller acts with the gateway's own rights",
            Signing::PassThrough => "no policy is evaluated",
        };
        tracing::warn!(
            "`other = \"forward\"`: {rights} for all operations of `{service}` that `ramgate actions` does not list"
        );
    }
}
