//! Grants that are wider than they need be.

use crate::policy::{Actions, ArnPattern, Effect, Glob, Statement};
use crate::source::Severity;

use super::rule::RESOURCE_STAR;
use super::site::Site;
use super::target::selects_attach;

/// An Allow of the call on every resource. Of a statement whose actions go beyond one service no ARN would do.
pub(super) fn resource_star(site: &mut Site<'_>, statement: &Statement) {
    if statement.effect() != Effect::Allow || !selects_attach(statement) {
        return;
    }
    let Some(index) = statement.resources().iter().position(ArnPattern::is_any) else { return };
    let severity = if reaches_beyond_ecs(statement) { Severity::Note } else { RESOURCE_STAR.severity };
    let span = site.resource(statement, index);
    let title = "the Allow lets any ENI be attached to any instance of the account".to_owned();
    let help = "give ecs:AttachNetworkInterface a statement of its own, on ARNs such as `acs:ecs:cn-hangzhou:*:eni/*` \
                and `acs:ecs:cn-hangzhou:*:instance/*`";
    site.report_as(&RESOURCE_STAR, severity, statement, span, title, help);
}

fn reaches_beyond_ecs(statement: &Statement) -> bool {
    let of_any_service = |pattern: &Glob| pattern.as_str().split(':').next().is_some_and(|it| it.contains(['*', '?']));
    match statement.actions() {
        Actions::Action(patterns) => patterns.iter().any(of_any_service),
        Actions::NotAction(_) => true,
    }
}
