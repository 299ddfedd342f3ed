//! One test of a Condition block: an operator, a key, the values wanted.

use std::cell::OnceCell;
use std::slice;

use crate::ram::{Context, ContextKey, Principal, Request};

use super::error::{Refusal, Title, is_blank};
use super::operator::{Operator, Sense};
use super::statement::Effect;
use super::value::{Match, Wanted};

/// One key under one operator. All conditions of a statement must hold (`spec/ram-policy.md` 4.2).
#[derive(Clone, Debug)]
pub struct Condition {
    operator: &'static Operator,
    key: Key,
    /// Never empty.
    wanted: Box<[Wanted]>,
}

/// Why a condition does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionFault {
    /// The request does not have the key.
    KeyMissing,
    /// The request's value cannot be read as the operator's type.
    ValueUnreadable,
    /// The request's value is not one that is wanted; or, under a negated operator, it is.
    ValueDiffers,
}

/// What conditions may ask about a request: its context, and the ARN of its principal.
#[derive(Debug)]
pub struct Facts<'a> {
    context: &'a Context,
    principal: &'a Principal,
    principal_arn: OnceCell<String>,
}

/// A condition key as it is written, and where its values are found.
#[derive(Clone, Debug)]
pub(super) struct Key {
    written: Box<str>,
    found: Found,
}

#[derive(Clone, Debug)]
enum Found {
    /// `acs:PrincipalARN`: always derived, so that no context can claim another.
    Principal,
    Context(ContextKey),
}

impl Condition {
    pub(super) fn new(operator: &'static Operator, key: Key, wanted: Vec<Wanted>) -> Self {
        Self { operator, key, wanted: wanted.into() }
    }

    pub fn operator(&self) -> &'static Operator {
        self.operator
    }

    /// The key as it is written in the document.
    pub fn key(&self) -> &str {
        &self.key.written
    }

    pub fn wanted(&self) -> &[Wanted] {
        &self.wanted
    }

    /// Why the condition does not hold; none when it does (`spec/ram-policy.md` 4.2, 4.3).
    pub(super) fn fault(&self, effect: Effect, facts: &Facts<'_>) -> Option<ConditionFault> {
        let found = facts.values(self);
        match (self.operator.sense(), found) {
            (Sense::Positive, []) => Some(ConditionFault::KeyMissing),
            (Sense::Negated, []) => None,
            (Sense::Positive, found) => self.positive_fault(found),
            (Sense::Negated, found) => self.negated_fault(effect, found),
        }
    }

    fn positive_fault(&self, found: &[String]) -> Option<ConditionFault> {
        let mut fault = ConditionFault::ValueUnreadable;
        for matched in self.compare(found) {
            match matched {
                Match::Yes => return None,
                Match::No => fault = ConditionFault::ValueDiffers,
                Match::Unreadable => {}
            }
        }
        Some(fault)
    }

    /// A value that cannot be compared proves nothing: an Allow does not apply, a Deny does.
    fn negated_fault(&self, effect: Effect, found: &[String]) -> Option<ConditionFault> {
        if self.compare(found).any(|matched| matched == Match::Unreadable) {
            return match effect {
                Effect::Allow => Some(ConditionFault::ValueUnreadable),
                Effect::Deny => None,
            };
        }
        self.compare(found).any(|matched| matched == Match::Yes).then_some(ConditionFault::ValueDiffers)
    }

    fn compare(&self, found: &[String]) -> impl Iterator<Item = Match> {
        found.iter().flat_map(|found| self.wanted.iter().map(|wanted| wanted.compare(found)))
    }
}

impl<'a> Facts<'a> {
    pub fn of(request: &'a Request) -> Self {
        Self { context: &request.context, principal: &request.principal, principal_arn: OnceCell::new() }
    }

    /// The values that a condition tests; empty when the request does not have the key.
    pub fn values(&self, condition: &Condition) -> &[String] {
        match &condition.key.found {
            Found::Principal => slice::from_ref(self.principal_arn.get_or_init(|| self.principal.arn())),
            Found::Context(key) => self.context.values(key).unwrap_or_default(),
        }
    }
}

impl Key {
    /// Reads a key. `ecs:tag/<key>`, the older spelling, means `acs:ResourceTag/<key>` (`spec/ram-policy.md` 4.5).
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let refuse = |why: String| {
            let help = "write `<service>:<name>`, such as `acs:SourceIp` or `acs:ResourceTag/team`";
            Refusal::new(Title::InvalidConditionKeyFormat, text, why, help)
        };
        if let Some(found) = stray_blank(text) {
            return Err(refuse(format!("holds the blank U+{:04X}, which no key holds there", u32::from(found))));
        }
        let tag = text.split_once('/').filter(|(name, _)| name.eq_ignore_ascii_case("ecs:tag")).map(|(_, tag)| tag);
        let parsed = match tag {
            Some(tag) => format!("acs:ResourceTag/{tag}").parse::<ContextKey>(),
            None => text.parse(),
        };
        let key = parsed.map_err(|_| refuse("is no condition key".to_owned()))?;
        let found = if text.eq_ignore_ascii_case("acs:PrincipalARN") { Found::Principal } else { Found::Context(key) };
        Ok(Self { written: text.into(), found })
    }
}

/// A blank where none may stand. A tag key may hold spaces, inside.
fn stray_blank(key: &str) -> Option<char> {
    let (name, tag) = key.split_once('/').unwrap_or((key, ""));
    let inner = tag.len() - tag.trim_start_matches(' ').len()..tag.trim_end_matches(' ').len();
    let allowed = |at: usize, c: char| c == ' ' && inner.contains(&at);
    let in_tag = tag.char_indices().find(|(at, c)| is_blank(*c) && !allowed(*at, *c)).map(|(_, c)| c);
    name.chars().find(|c| is_blank(*c)).or(in_tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(operator: &str, wanted: &[&str], found: &[&str], effect: Effect) -> Option<ConditionFault> {
        let operator = Operator::parse(operator).unwrap();
        let wanted = wanted.iter().map(|text| Wanted::parse(operator, text).unwrap()).collect();
        let condition = Condition::new(operator, Key::parse("acs:X").unwrap(), wanted);
        let mut context = Context::default();
        context.insert_all("ACS:x".parse().unwrap(), found.iter().map(|text| (*text).to_owned()).collect());
        let principal = Principal { account: "1".parse().unwrap(), identity: "user/a".parse().unwrap() };
        let facts = Facts { context: &context, principal: &principal, principal_arn: OnceCell::new() };
        condition.fault(effect, &facts)
    }

    #[test]
    fn several_values_are_or_and_nor() {
        use ConditionFault::{KeyMissing, ValueDiffers, ValueUnreadable};
        for effect in [Effect::Allow, Effect::Deny] {
            assert_eq!(fault("StringEquals", &["a", "b"], &["b"], effect), None);
            assert_eq!(fault("StringEquals", &["a", "b"], &["c"], effect), Some(ValueDiffers));
            assert_eq!(fault("StringEquals", &["a"], &["c", "a"], effect), None);
            assert_eq!(fault("StringEquals", &["a"], &[], effect), Some(KeyMissing));
            assert_eq!(fault("StringNotEquals", &["a", "b"], &["b"], effect), Some(ValueDiffers));
            assert_eq!(fault("StringNotEquals", &["a", "b"], &["c"], effect), None);
            assert_eq!(fault("StringNotEquals", &["a"], &[], effect), None);
            assert_eq!(fault("NumericEquals", &["1"], &["x"], effect), Some(ValueUnreadable));
        }
    }

    #[test]
    fn what_cannot_be_compared_closes() {
        let unreadable = Some(ConditionFault::ValueUnreadable);
        assert_eq!(fault("NotIpAddress", &["10.0.0.0/8"], &["x"], Effect::Allow), unreadable);
        assert_eq!(fault("NotIpAddress", &["10.0.0.0/8"], &["x"], Effect::Deny), None);
    }

    #[test]
    fn a_key_names_its_blank() {
        for good in ["acs:SourceIp", "ECS:tag/team", "acs:ResourceTag/opc:managed", "acs:ResourceTag/cost center"] {
            assert!(Key::parse(good).is_ok(), "{good}");
        }
        for (bad, code) in [
            ("acs:Source Ip", "U+0020"),
            (" acs:SourceIp", "U+0020"),
            ("acs:ResourceTag/ team", "U+0020"),
            ("acs:ResourceTag/team\u{a0}", "U+00A0"),
        ] {
            assert!(Key::parse(bad).unwrap_err().why.contains(code), "{bad}");
        }
        for bad in ["SourceIp", "acs:", "ecs:tag/", "<key>"] {
            assert!(Key::parse(bad).is_err(), "{bad}");
        }
    }
}
