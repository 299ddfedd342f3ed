//! Names in another case than the documented one (`spec/ram-policy.md` 1.2).

use crate::catalog::Catalog;
use crate::policy::{ArnPattern, Glob, Statement};
use crate::ram::ContextKey;
use crate::source::Severity;

use super::key::spelling;
use super::rule::WRONG_CASE;
use super::site::Site;

pub(super) fn wrong_case(site: &mut Site<'_>, statement: &Statement) {
    for (index, pattern) in statement.actions().patterns().iter().enumerate() {
        if let Some(documented) = action(pattern) {
            let span = site.action(statement, index);
            let title = format!("`{}` is documented as `{documented}`", pattern.as_str());
            site.report(&WRONG_CASE, statement, span, title, format!("write `{documented}`"));
        }
    }
    for (index, pattern) in statement.resources().iter().enumerate() {
        if let Some(name) = capital(pattern) {
            let span = site.resource(statement, index);
            let title = format!("`{name}` in `{pattern}` matches nothing: ARNs are compared with regard to case");
            site.report(&WRONG_CASE, statement, span, title, format!("write `{}`", name.to_ascii_lowercase()));
        }
    }
    for condition in statement.conditions() {
        let written = condition.written_key();
        if let Some(documented) = spelling(condition.key(), written).filter(|it| *it != written) {
            let common = *condition.key() == ContextKey::PrincipalArn && written == "acs:PrincipalArn";
            let severity = if common { Severity::Note } else { WRONG_CASE.severity };
            let span = site.key(statement, condition);
            let title = format!("`{written}` is documented as `{documented}`");
            site.report_as(&WRONG_CASE, severity, statement, span, title, format!("write `{documented}`"));
        }
    }
}

/// The documented spelling of an action that the catalogue knows; of any other, the service in lower case.
fn action(pattern: &Glob) -> Option<String> {
    let written = pattern.as_str();
    if pattern.is_literal()
        && let Some(known) = Catalog::bundled().actions().iter().find(|action| pattern.matches(action.as_str()))
    {
        return (known.as_str() != written).then(|| known.to_string());
    }
    let (service, name) = written.split_once(':')?;
    let capital = service.bytes().any(|byte| byte.is_ascii_uppercase());
    capital.then(|| format!("{}:{name}", service.to_ascii_lowercase()))
}

/// A service or a region with a capital, or a resource type of ECS with one; types of other services may have some.
fn capital(pattern: &ArnPattern) -> Option<String> {
    let [service, region, _, relative] = pattern.fields()?.map(Glob::as_str);
    let kind = relative.split(['/', '*', '?']).next().unwrap_or_default();
    let of_ecs = service.eq_ignore_ascii_case("ecs");
    let names = [service, region, if of_ecs { kind } else { "" }];
    // What holds `<` or `{` is a place to fill in, and no name.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'*' | b'?');
    let found = names.into_iter().find(|it| it.bytes().all(plain) && it.bytes().any(|byte| byte.is_ascii_uppercase()));
    found.map(Into::into)
}
