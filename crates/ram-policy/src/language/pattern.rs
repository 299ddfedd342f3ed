//! Patterns for ARNs and for actions.

use std::fmt;
use std::sync::Arc;

use crate::language::effect::Mismatch;
use crate::language::error::{Refusal, Title, blank};
use crate::language::glob::{Case, Glob};
use crate::name::account::AccountId;
use crate::name::arn::{Fields, Resource};

/// A pattern for ARNs in a Resource element, such as `acs:ecs:*:*:eni/*`, or a lone `*`.
///
/// It is matched field by field: a wildcard never crosses one of the first four colons, and the relative id may contain
/// any characters (`docs/spec/ram-policy.md` 2).
///
/// ```
/// use ram_policy::{ArnPattern, Mismatch, Resource};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pattern = ArnPattern::of_type("ecs", &"1234567890123456".parse()?, "eni");
/// assert_eq!(pattern.to_string(), "acs:ecs:*:1234567890123456:eni/?*");
/// let eni = Resource::read("acs:ecs:cn-hangzhou:1234567890123456:eni/eni-1")?;
/// assert_eq!(pattern.mismatch(&eni), None);
/// let instance = Resource::read("acs:ecs:cn-hangzhou:1234567890123456:instance/i-1")?;
/// assert_eq!(pattern.mismatch(&instance), Some(Mismatch::ResourceType));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArnPattern {
    /// `None` for a lone `*`, whose relative id is `*` too.
    head: Option<Arc<Head>>,
    relative: Glob,
}

/// The fields before the relative id. Few different ones are in use, so patterns share them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// `<service>:<region>:<account>`, in the spelling of the document.
    text: Box<str>,
    service: Glob,
    region: Glob,
    account: Glob,
    /// Whether there is no wildcard, so that the text can be compared as a whole.
    literal: bool,
}

/// Parsed heads by their text.
pub(crate) type Heads = std::collections::HashMap<Box<str>, Arc<Head>>;

impl ArnPattern {
    pub(crate) fn parse(text: &str, heads: &mut Heads) -> Result<Self, Refusal> {
        const HELP: &str =
            "write `acs:<service>:<region>:<account>:<relative-id>`, such as `acs:ecs:*:*:eni/*`, or `*`";
        if text == "*" {
            return Ok(Self { head: None, relative: Glob::new("*", Case::Sensitive) });
        }
        let refuse = |title, why: String| Refusal::new(title, text, why, HELP);
        if let Some(code) = blank(text) {
            let why = format!("contains the invisible character {code}, which is not allowed in an ARN");
            return Err(refuse(Title::InvalidPolicyElement, why));
        }
        let Some(rest) = text.strip_prefix("acs:") else {
            return Err(refuse(Title::InvalidArnPrefix, "does not start with `acs:`".to_owned()));
        };
        let Some((colon, _)) = rest.match_indices(':').nth(2) else {
            let found = text.split(':').count();
            return Err(refuse(Title::MissingArnField, format!("has {found} fields; an ARN has five")));
        };
        let (head, relative) = (&rest[..colon], &rest[colon + 1..]);
        if relative.is_empty() {
            return Err(refuse(Title::MissingArnField, "ends before its relative id".to_owned()));
        }
        let head = match heads.get(head) {
            Some(head) => Arc::clone(head),
            None => {
                let read = Arc::new(Head::read(head));
                heads.insert(head.into(), Arc::clone(&read));
                read
            }
        };
        Ok(Self { head: Some(head), relative: Glob::new(relative, Case::Sensitive) })
    }

    /// The pattern for every resource of a type in one account and any region: `acs:ecs:*:1234567890123456:eni/?*`.
    pub fn of_type(service: &str, account: &AccountId, kind: &str) -> Self {
        let head = Head::read(&format!("{service}:*:{account}"));
        Self { head: Some(Arc::new(head)), relative: Glob::new(&format!("{kind}/?*"), Case::Sensitive) }
    }

    /// The pattern of the relative id: `eni/*` of `acs:ecs:*:*:eni/*`, and `*` of a lone `*`.
    pub fn relative(&self) -> &Glob {
        &self.relative
    }

    pub(crate) fn head(&self) -> Option<&Arc<Head>> {
        self.head.as_ref()
    }

    /// The patterns of service, region, account and relative id; `None` for a lone `*`.
    pub fn fields(&self) -> Option<[&Glob; 4]> {
        let head = self.head.as_ref()?;
        Some([&head.service, &head.region, &head.account, &self.relative])
    }

    /// Whether the pattern matches every resource.
    pub fn is_any(&self) -> bool {
        self.head.as_ref().is_none_or(|head| head.is_any()) && self.relative.is_any()
    }

    /// The first field that does not match; `None` if the pattern matches the resource. [`Resource::AllOf`] and
    /// [`Resource::Everything`] match only if the pattern covers all of their resources.
    pub fn mismatch(&self, resource: &Resource<'_>) -> Option<Mismatch> {
        let head = self.head.as_ref()?;
        let Some(fields) = resource.fields() else { return self.narrowest(head) };
        head.mismatch(fields).or_else(|| {
            if self.relative_matches(resource, fields) {
                None
            } else if may_name_type(self.relative.as_str(), fields.relative) {
                Some(Mismatch::ResourceId)
            } else {
                Some(Mismatch::ResourceType)
            }
        })
    }

    pub(crate) fn relative_matches(&self, resource: &Resource<'_>, fields: Fields<'_>) -> bool {
        match all_under(resource, fields) {
            Some(prefix) => self.relative.covers_all_under(prefix),
            None => self.relative.matches(fields.relative),
        }
    }

    /// The first field that does not match everything.
    fn narrowest(&self, head: &Head) -> Option<Mismatch> {
        head.narrowest().or_else(|| (!self.relative.is_any()).then_some(Mismatch::ResourceType))
    }
}

/// The prefix that all relative ids of the type begin with, if the resource is [`Resource::AllOf`].
pub(crate) fn all_under<'a>(resource: &Resource<'_>, fields: Fields<'a>) -> Option<&'a str> {
    match resource {
        Resource::AllOf(_) => fields.relative.strip_suffix('*'),
        Resource::One(_) | Resource::Everything => None,
    }
}

impl Head {
    fn read(text: &str) -> Self {
        let mut fields = text.splitn(3, ':').map(|field| Glob::new(field, Case::Sensitive));
        let mut field = || fields.next().unwrap_or_else(|| Glob::new("", Case::Sensitive));
        let literal = !text.contains(['*', '?']);
        Self { text: text.into(), service: field(), region: field(), account: field(), literal }
    }

    /// Whether [`Head::mismatch`] is `None`; faster, because it need not find out which field differs.
    #[inline]
    pub(crate) fn matches(&self, resource: &Resource<'_>, fields: Fields<'_>) -> bool {
        if self.literal { resource.head() == Some(&*self.text) } else { self.mismatch(fields).is_none() }
    }

    pub(crate) fn mismatch(&self, fields: Fields<'_>) -> Option<Mismatch> {
        if !self.service.matches(fields.service) {
            Some(Mismatch::Service)
        } else if !self.region.matches(fields.region) {
            Some(Mismatch::Region)
        } else if !self.account.matches(fields.account) {
            Some(Mismatch::Account)
        } else {
            None
        }
    }

    pub(crate) fn is_any(&self) -> bool {
        self.narrowest().is_none()
    }

    /// The first field that does not match everything.
    pub(crate) fn narrowest(&self) -> Option<Mismatch> {
        let fields =
            [(&self.service, Mismatch::Service), (&self.region, Mismatch::Region), (&self.account, Mismatch::Account)];
        fields.into_iter().find(|(pattern, _)| !pattern.is_any()).map(|(_, mismatch)| mismatch)
    }
}

/// The spelling of the document, with each run of `*` in the relative id collapsed into one.
impl fmt::Display for ArnPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.head {
            Some(head) => write!(f, "acs:{}:{}", head.text, self.relative.as_str()),
            None => f.write_str("*"),
        }
    }
}

/// Reads the pattern of an action, `<ram-code>:<name>` or a lone `*`. Wildcards may occur anywhere, even in the service
/// (`docs/spec/ram-policy.md` 2).
pub(crate) fn parse_action(text: &str) -> Result<Glob, Refusal> {
    const HELP: &str = "write `<service>:<name>`, such as `ecs:AttachNetworkInterface` or `ecs:Describe*`, or `*`";
    let refuse = |why: String| Refusal::new(Title::InvalidActionFormat, text, why, HELP);
    if let Some(code) = blank(text) {
        return Err(refuse(format!("contains the invisible character {code}, which is not allowed in an action")));
    }
    if text != "*" {
        let (service, name) = text.split_once(':').ok_or_else(|| refuse("has no service before a colon".to_owned()))?;
        if service.is_empty() || name.is_empty() {
            return Err(refuse("has an empty service or name".to_owned()));
        }
        let foreign = |c: &char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.' | '/' | '*' | '?');
        if let Some(found) = service.chars().chain(name.chars()).find(foreign) {
            return Err(refuse(format!("contains `{found}`, which is not allowed there")));
        }
    }
    Ok(Glob::new(text, Case::Insensitive))
}

/// Whether the pattern of a relative id that did not match could still name the resource's type: distinguishes a wrong
/// id from a wrong type. A `*` may match the rest of the type and more.
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
        ArnPattern::parse(pattern, &mut Heads::new()).unwrap().mismatch(&Resource::read(resource).unwrap())
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
