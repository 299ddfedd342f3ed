//! Names whose case differs from the documented spelling (`docs/spec/ram-policy.md` 1.2).

use std::borrow::Cow;

use crate::catalog::Catalog;
use ram_policy::{ArnPattern, ContextKey, Glob, Severity, Statement};

use super::reporter::Reporter;
use super::rule::WRONG_CASE;

pub(super) fn wrong_case(reporter: &mut Reporter<'_>, statement: &Statement) {
    for (index, pattern) in statement.actions().patterns().iter().enumerate() {
        if let Some(documented) = action(pattern) {
            let span = reporter.action(statement, index);
            let title = format!("`{}` is documented as `{documented}`", pattern.as_str());
            reporter.report(&WRONG_CASE, statement, span, title, format!("write `{documented}`"));
        }
    }
    for (index, pattern) in statement.resources().iter().enumerate() {
        if let Some(name) = capital(pattern) {
            let span = reporter.resource(statement, index);
            let title = format!("`{name}` in `{pattern}` matches nothing: ARNs are case-sensitive");
            reporter.report(&WRONG_CASE, statement, span, title, format!("write `{}`", name.to_ascii_lowercase()));
        }
    }
    for condition in statement.conditions() {
        let written = condition.written_key();
        if let Some(documented) = spelling(condition.key(), written).filter(|it| *it != written) {
            let common = *condition.key() == ContextKey::PrincipalArn && written == "acs:PrincipalArn";
            let severity = if common { Severity::Note } else { WRONG_CASE.severity };
            let span = reporter.key(statement, condition);
            let title = format!("`{written}` is documented as `{documented}`");
            reporter.report_as(&WRONG_CASE, severity, statement, span, title, format!("write `{documented}`"));
        }
    }
}

/// The documented spelling of an action that the catalogue knows. For other actions, only the service is lower-cased.
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

/// A service, a region or an ECS resource type with a capital letter. Resource types of other services may have
/// capitals.
fn capital(pattern: &ArnPattern) -> Option<String> {
    let [service, region, _, relative] = pattern.fields()?.map(Glob::as_str);
    let kind = relative.split(['/', '*', '?']).next().unwrap_or_default();
    let of_ecs = service.eq_ignore_ascii_case("ecs");
    let names = [service, region, if of_ecs { kind } else { "" }];
    // A name with `<` or `{` is a placeholder.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'*' | b'?');
    let found = names.into_iter().find(|it| it.bytes().all(plain) && it.bytes().any(|byte| byte.is_ascii_uppercase()));
    found.map(Into::into)
}

/// The documented spelling of the key; `None` for an undocumented key.
fn spelling(key: &ContextKey, written: &str) -> Option<Cow<'static, str>> {
    let tag = match (key, written.split_once('/')) {
        // The older key `ecs:tag` is documented too.
        (ContextKey::ResourceTag(tag), Some((name, _))) if name.eq_ignore_ascii_case("ecs:tag") => {
            return Some(format!("ecs:tag/{tag}").into());
        }
        (_, Some((_, tag))) => Some(tag),
        (_, None) => None,
    };
    let catalog = Catalog::bundled();
    let name = &catalog.condition_keys().find(key)?.name;
    Some(match tag {
        Some(tag) => format!("{name}/{tag}").into(),
        None => name.clone().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spelling_keeps_the_tag() {
        for (written, documented) in [
            ("acs:resourcetag/Team", "acs:ResourceTag/Team"),
            ("ECS:Tag/Team", "ecs:tag/Team"),
            ("acs:requesttag/Team", "acs:RequestTag/Team"),
            ("acs:sourceip", "acs:SourceIp"),
            ("acs:tagkeys", "acs:TagKeys"),
            ("vpc:vpc", "vpc:VPC"),
        ] {
            assert_eq!(spelling(&written.parse().unwrap(), written).as_deref(), Some(documented));
        }
        assert_eq!(spelling(&"acs:Unheard".parse().unwrap(), "acs:Unheard"), None);
    }
}
