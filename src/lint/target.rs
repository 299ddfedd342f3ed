//! The resources of an operation, as patterns: which ARN patterns in policies can match them.

use crate::catalog::{Catalog, Operation};
use ram_policy::{AccountId, ArnPattern, Case, Glob, Statement};

/// One resource type of an operation, covering every id that a call could name.
#[derive(Debug)]
pub(super) struct Target {
    /// `None` for an operation that RAM cannot restrict to resources.
    fields: Option<[Glob; 4]>,
    /// The text before `*`, for an operation that creates or lists: it is judged on all resources of the type.
    all_under: Option<Glob>,
    pub(super) optional: bool,
}

impl Target {
    /// The targets of an operation, in the catalogue's order. Without an account, they match any account.
    pub(super) fn of(operation: &Operation, account: Option<&AccountId>) -> Vec<Self> {
        let account = account.map_or("?*", AccountId::as_str);
        let specs = operation.resources().iter();
        specs.map(|spec| Self::read(spec.template.as_str(), account, spec.optional)).collect()
    }

    fn read(template: &str, account: &str, optional: bool) -> Self {
        let mut pattern = String::new();
        let mut rest = template;
        while let Some((literal, tail)) = rest.split_once("{#") {
            let (name, after) = tail.split_once('}').unwrap_or((tail, ""));
            pattern.push_str(literal);
            pattern.push_str(if name == "accountId" { account } else { "?*" });
            rest = after;
        }
        pattern.push_str(rest);
        let mut fields = pattern.splitn(5, ':').skip(1).map(|field| Glob::new(field, Case::Sensitive));
        let fields = (template != "*").then(|| std::array::from_fn(|_| fields.next().unwrap_or_else(any)));
        let relative = template.rsplit(':').next().unwrap_or_default();
        let all_under = (fields.is_some() && !relative.contains("{#")).then(|| relative.strip_suffix('*'));
        Self { fields, all_under: all_under.flatten().map(|prefix| Glob::new(prefix, Case::Sensitive)), optional }
    }

    /// Whether a pattern can match a resource of some call of the operation.
    pub(super) fn can_be(&self, pattern: &ArnPattern) -> bool {
        let Some(fields) = &self.fields else { return pattern.is_any() };
        let Some(written) = pattern.fields() else { return true };
        let head = fields[..3].iter().zip(&written[..3]).all(|(ours, theirs)| ours.meets(theirs));
        head && match &self.all_under {
            // The same check as `Glob::covers_all_under`, without its matcher.
            Some(prefix) => pattern.relative().as_str().ends_with('*') && pattern.relative().covers(prefix),
            None => fields[3].meets(written[3]),
        }
    }
}

pub(super) fn selects_attach(statement: &Statement) -> bool {
    statement.actions().select(Catalog::attach().action())
}

fn any() -> Glob {
    Glob::new("*", Case::Sensitive)
}

#[cfg(test)]
mod tests {
    use ram_policy::Document;
    use ram_policy::Source;

    use super::*;

    fn matched(operation: &str, pattern: &str) -> Vec<bool> {
        let text =
            format!(r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":"*","Resource":"{pattern}"}}]}}"#);
        let document = Document::parse("p", &Source::new("p", text)).unwrap();
        let pattern = &document.statements()[0].resources()[0];
        let account = "1".parse().unwrap();
        let catalog = Catalog::bundled();
        let targets = Target::of(catalog.operation(operation).unwrap(), Some(&account));
        targets.iter().map(|target| target.can_be(pattern)).collect()
    }

    #[test]
    fn a_pattern_can_match_a_resource_of_some_call() {
        for (pattern, eni, instance) in [
            ("*", true, true),
            ("acs:ecs:*:*:*", true, true),
            ("acs:ecs:cn-*:1:eni/eni-?", true, false),
            ("acs:*:*:*:i*", false, true),
            ("acs:ecs:*:2:eni/*", false, false),
            ("acs:ecs::1:eni/*", false, false),
            ("acs:ecs:*:1:eni/", false, false),
            ("acs:ecs:*:1:eni", false, false),
            ("acs:vpc:*:1:eni/*", false, false),
        ] {
            assert_eq!(matched("AttachNetworkInterface", pattern), [eni, instance], "{pattern}");
        }
        assert_eq!(matched("DescribeNetworkInterfaces", "acs:ecs:*:*:eni/*"), [true, true]);
        assert_eq!(matched("DescribeNetworkInterfaces", "acs:ecs:*:*:eni/eni-1"), [false, true]);
        assert_eq!(matched("DescribeInstanceTypes", "acs:ecs:*:*:*"), [false]);
        assert_eq!(matched("DescribeInstanceTypes", "*"), [true]);
    }
}
