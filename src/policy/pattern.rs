//! ARN patterns and action patterns: what the Resource and Action elements of a statement hold.

use crate::ram::{Fields, Resource};

use super::error::{Refusal, Title, blank};
use super::glob::{Case, Glob};
use super::statement::Mismatch;

/// A pattern for ARNs, matched field by field: a wildcard never crosses one of the first four colons, and the relative
/// id may be any text (`spec/ram-policy.md` 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArnPattern {
    text: Box<str>,
    form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// A lone `*`.
    Any,
    Fields(Box<FieldPatterns>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldPatterns {
    service: Glob,
    region: Glob,
    account: Glob,
    relative: Glob,
}

impl ArnPattern {
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let form = if text == "*" { Form::Any } else { Form::Fields(Box::new(FieldPatterns::parse(text)?)) };
        Ok(Self { text: text.into(), form })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first field that does not match; none when the pattern matches the resource.
    pub fn mismatch(&self, resource: &Resource) -> Option<Mismatch> {
        let Form::Fields(patterns) = &self.form else { return None };
        let Some(fields) = resource.fields() else { return patterns.narrowest() };
        let all_under = match resource {
            Resource::AllOf(_) => fields.relative.strip_suffix('*'),
            Resource::One(_) | Resource::Everything => None,
        };
        patterns.mismatch(fields, all_under)
    }
}

impl FieldPatterns {
    fn parse(text: &str) -> Result<Self, Refusal> {
        const HELP: &str =
            "write `acs:<service>:<region>:<account>:<relative-id>`, such as `acs:ecs:*:*:eni/*`, or `*`";
        let refuse = |title, why: String| Refusal::new(title, text, why, HELP);
        if let Some(code) = blank(text) {
            return Err(refuse(Title::InvalidPolicyElement, format!("holds the blank {code}, which no ARN holds")));
        }
        let Some(rest) = text.strip_prefix("acs:") else {
            return Err(refuse(Title::InvalidArnPrefix, "does not start with `acs:`".to_owned()));
        };
        let mut fields = rest.splitn(4, ':');
        let (Some(service), Some(region), Some(account), Some(relative)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            let found = text.split(':').count();
            return Err(refuse(Title::MissingArnField, format!("has {found} fields, and an ARN has five")));
        };
        if relative.is_empty() {
            return Err(refuse(Title::MissingArnField, "ends before its relative id".to_owned()));
        }
        let glob = |field| Glob::new(field, Case::Sensitive);
        Ok(Self { service: glob(service), region: glob(region), account: glob(account), relative: glob(relative) })
    }

    /// `all_under` is the prefix of the relative id where the resource is all of a type.
    fn mismatch(&self, fields: Fields<'_>, all_under: Option<&str>) -> Option<Mismatch> {
        if !self.service.matches(fields.service) {
            return Some(Mismatch::Service);
        }
        if !self.region.matches(fields.region) {
            return Some(Mismatch::Region);
        }
        if !self.account.matches(fields.account) {
            return Some(Mismatch::Account);
        }
        let matches = match all_under {
            Some(prefix) => self.relative.covers_all_under(prefix),
            None => self.relative.matches(fields.relative),
        };
        if matches {
            None
        } else if may_name_type(self.relative.as_str(), fields.relative) {
            Some(Mismatch::ResourceId)
        } else {
            Some(Mismatch::ResourceType)
        }
    }

    /// The first field that leaves something out.
    fn narrowest(&self) -> Option<Mismatch> {
        let fields = [
            (&self.service, Mismatch::Service),
            (&self.region, Mismatch::Region),
            (&self.account, Mismatch::Account),
            (&self.relative, Mismatch::ResourceType),
        ];
        fields.into_iter().find(|(pattern, _)| !pattern.is_any()).map(|(_, mismatch)| mismatch)
    }
}

/// Reads `<ram-code>:<name>` or a lone `*`; wildcards may stand anywhere, in the service too
/// (`spec/ram-policy.md` 2).
pub(super) fn parse_action(text: &str) -> Result<Glob, Refusal> {
    const HELP: &str = "write `<service>:<name>`, such as `ecs:AttachNetworkInterface` or `ecs:Describe*`, or `*`";
    let refuse = |why: String| Refusal::new(Title::InvalidActionFormat, text, why, HELP);
    if let Some(code) = blank(text) {
        return Err(refuse(format!("holds the blank {code}, which no action holds")));
    }
    if text != "*" {
        let (service, name) = text.split_once(':').ok_or_else(|| refuse("has no service before a colon".to_owned()))?;
        if service.is_empty() || name.is_empty() {
            return Err(refuse("has nothing on one side of its colon".to_owned()));
        }
        let foreign = |c: &char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.' | '/' | '*' | '?');
        if let Some(found) = service.chars().chain(name.chars()).find(foreign) {
            return Err(refuse(format!("holds `{found}`, which no action holds there")));
        }
    }
    Ok(Glob::new(text, Case::Insensitive))
}

/// Whether the pattern of a relative id that did not match could still name the type: tells a wrong id from a
/// wrong type. A `*` may stand for the rest of the type and what follows.
fn may_name_type(pattern: &str, relative: &str) -> bool {
    let mut kind = relative.chars().take_while(|c| *c != '/');
    for wanted in pattern.chars() {
        match wanted {
            '*' => return true,
            '/' => break,
            _ => match kind.next() {
                Some(found) if wanted == '?' || wanted == found => {}
                _ => return false,
            },
        }
    }
    kind.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mismatch(pattern: &str, resource: &str) -> Option<Mismatch> {
        ArnPattern::parse(pattern).unwrap().mismatch(&resource.parse().unwrap())
    }

    #[test]
    fn the_first_field_that_differs_is_named() {
        let eni = "acs:ecs:cn-hangzhou:1:eni/eni-1";
        let cases = [
            ("*", None),
            ("acs:*:*cn-hangzhou*:*:*", None),
            ("acs:ecs:*:*:e*1", None),
            ("acs:ecs:cn-hangzhou:1:eni/eni-?", None),
            ("acs:vpc:*:*:*", Some(Mismatch::Service)),
            ("acs:ecs:cn-beijing:*:*", Some(Mismatch::Region)),
            ("acs:ecs:*:eni/*:*", Some(Mismatch::Account)),
            ("acs:ecs:*::*", Some(Mismatch::Account)),
            ("acs:ecs:*:*:instance/*", Some(Mismatch::ResourceType)),
            ("acs:ecs:*:*:en/*", Some(Mismatch::ResourceType)),
            ("acs:ecs:*:*:eni", Some(Mismatch::ResourceId)),
            ("acs:ecs:*:*:eni/", Some(Mismatch::ResourceId)),
            ("acs:ecs:*:*:e?i/eni-2*", Some(Mismatch::ResourceId)),
            ("acs:ecs:*:*:*:x", Some(Mismatch::ResourceId)),
        ];
        for (pattern, expected) in cases {
            assert_eq!(mismatch(pattern, eni), expected, "{pattern}");
        }
    }

    #[test]
    fn all_of_a_type_needs_a_pattern_that_covers_it() {
        let all = "acs:ecs:cn-hangzhou:1:eni/*";
        for pattern in ["*", "acs:*:*:*:*", "acs:ecs:*:*:eni/*", "acs:ecs:*:1:e*"] {
            assert_eq!(mismatch(pattern, all), None, "{pattern}");
        }
        assert_eq!(mismatch("acs:ecs:*:*:eni/?", all), Some(Mismatch::ResourceId));
        assert_eq!(mismatch("acs:ecs:*:*:eni/eni-*", all), Some(Mismatch::ResourceId));
        assert_eq!(mismatch("acs:ecs:*:*:instance/*", all), Some(Mismatch::ResourceType));
    }

    #[test]
    fn everything_needs_a_pattern_without_bounds() {
        assert_eq!(mismatch("*", "*"), None);
        assert_eq!(mismatch("acs:*:**:*:*", "*"), None);
        assert_eq!(mismatch("acs:ecs:*:*:*", "*"), Some(Mismatch::Service));
        assert_eq!(mismatch("acs:*:*:*:eni/*", "*"), Some(Mismatch::ResourceType));
    }
}
