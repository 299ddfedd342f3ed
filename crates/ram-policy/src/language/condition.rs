//! One test of a Condition block: an operator, a key, the values wanted.

use crate::context::table::ContextKey;
use crate::context::value::ValueRef;
use crate::language::attributes::{Attributes, Missing};
use crate::language::effect::Effect;
use crate::language::error::{Refusal, Title, is_blank};
use crate::language::operator::{Operator, Sense};
use crate::language::value::{ConditionValue, Match};

/// One key under one operator. All conditions of a statement must hold (`docs/spec/ram-policy.md` 4.2).
#[derive(Clone, Debug)]
pub struct Condition {
    operator: &'static Operator,
    key: Key,
    /// Never empty.
    values: Box<[ConditionValue]>,
}

/// Why a condition does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionMismatch {
    /// The request does not have the key.
    KeyMissing,
    /// The request's value cannot be read as the operator's type.
    ValueUnreadable,
    /// The request's value is not one that is wanted; or, under a negated operator, it is.
    ValueDiffers,
    /// The key may have a value that the request does not tell: whether the condition holds is not known.
    KeyUnknown,
}

/// A condition key as it is written, and what it means.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    written: Box<str>,
    means: ContextKey,
}

impl Condition {
    pub(crate) fn new(operator: &'static Operator, key: Key, values: Vec<ConditionValue>) -> Self {
        Self { operator, key, values: values.into() }
    }

    /// The same key under another operator, with other values.
    pub(crate) fn with(&self, operator: &'static Operator, values: Vec<ConditionValue>) -> Self {
        Self::new(operator, self.key.clone(), values)
    }

    pub fn operator(&self) -> &'static Operator {
        self.operator
    }

    /// The key as it is written in the document.
    pub fn written_key(&self) -> &str {
        &self.key.written
    }

    pub fn key(&self) -> &ContextKey {
        &self.key.means
    }

    pub fn values(&self) -> &[ConditionValue] {
        &self.values
    }

    /// Why the condition does not hold, or is not known to; none when it holds (`docs/spec/ram-policy.md` 4.2, 4.3).
    pub(crate) fn mismatch(&self, effect: Effect, attributes: &Attributes<'_>) -> Option<ConditionMismatch> {
        let mut found = attributes.values(&self.key.means).peekable();
        if found.peek().is_none() {
            return match (attributes.missing(&self.key.means), self.operator.sense(), effect) {
                (Missing::Absent, Sense::Positive, _) | (Missing::Open, _, Effect::Deny) => {
                    Some(ConditionMismatch::KeyMissing)
                }
                (Missing::Absent, Sense::Negated, _) | (Missing::Open, _, Effect::Allow) => None,
                (Missing::Unknown, ..) => Some(ConditionMismatch::KeyUnknown),
            };
        }
        match self.operator.sense() {
            Sense::Positive => self.positive_mismatch(effect, found),
            Sense::Negated => self.negated_mismatch(effect, found),
        }
    }

    /// A value that cannot be compared proves nothing: an Allow does not apply, a Deny does.
    fn positive_mismatch<'f>(
        &self,
        effect: Effect,
        found: impl Iterator<Item = ValueRef<'f>>,
    ) -> Option<ConditionMismatch> {
        let mut fault = ConditionMismatch::KeyMissing;
        for found in found {
            for wanted in &self.values {
                let this = match wanted.compare(found) {
                    Match::Yes => return None,
                    Match::No => ConditionMismatch::ValueDiffers,
                    Match::Unreadable => match effect {
                        Effect::Allow => ConditionMismatch::ValueUnreadable,
                        Effect::Deny => return None,
                    },
                };
                fault = fault.max(this);
            }
        }
        Some(fault)
    }

    /// As under a positive operator: a value that cannot be compared closes.
    fn negated_mismatch<'f>(
        &self,
        effect: Effect,
        found: impl Iterator<Item = ValueRef<'f>>,
    ) -> Option<ConditionMismatch> {
        let mut fault = None;
        for found in found {
            for wanted in &self.values {
                match wanted.compare(found) {
                    Match::Yes => fault = Some(ConditionMismatch::ValueDiffers),
                    Match::No => {}
                    Match::Unreadable => {
                        return match effect {
                            Effect::Allow => Some(ConditionMismatch::ValueUnreadable),
                            Effect::Deny => None,
                        };
                    }
                }
            }
        }
        fault
    }
}

impl Key {
    /// Reads a key. `ecs:tag/<key>`, the older spelling, means `acs:ResourceTag/<key>` (`docs/spec/ram-policy.md` 4.5).
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let refuse = |why: String| {
            let help = "write `<service>:<name>`, such as `acs:SourceIp` or `acs:ResourceTag/team`";
            Refusal::new(Title::InvalidConditionKeyFormat, text, why, help)
        };
        if let Some(found) = stray_blank(text) {
            return Err(refuse(format!("holds the blank U+{:04X}, which no key holds there", u32::from(found))));
        }
        let means = text.parse().map_err(|_| refuse("is no condition key".to_owned()))?;
        Ok(Self { written: text.into(), means })
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
    use crate::context::table::Context;
    use crate::context::unknown_keys::UnknownKeys;
    use crate::name::principal::Principal;

    use super::*;
    use crate::judge::request::Request;
    use crate::language::attributes::Targets;

    fn mismatch(operator: &str, wanted: &[&str], found: &[&str], effect: Effect) -> Option<ConditionMismatch> {
        let operator = Operator::parse(operator).unwrap();
        let wanted = wanted.iter().map(|text| ConditionValue::parse(operator, text).unwrap()).collect();
        let condition = Condition::new(operator, Key::parse("acs:X").unwrap(), wanted);
        let mut context = Context::default();
        for value in found {
            context.add_text("ACS:x".parse().unwrap(), value);
        }
        let principal = Principal::new("1".parse().unwrap(), "user/a".parse().unwrap());
        let action = "ecs:X".parse().unwrap();
        let request = Request {
            principal: &principal,
            action: &action,
            resources: &[],
            deny_only: &[],
            context: &context,
            attributes: &[],
            session_policy: None,
            unknown_keys: UnknownKeys::none(),
            targets: Targets::Known,
        };
        condition.mismatch(effect, &request.attributes_of(0))
    }

    #[test]
    fn several_values_are_or_and_nor() {
        use ConditionMismatch::{KeyMissing, ValueDiffers, ValueUnreadable};
        for effect in [Effect::Allow, Effect::Deny] {
            assert_eq!(mismatch("StringEquals", &["a", "b"], &["b"], effect), None);
            assert_eq!(mismatch("StringEquals", &["a", "b"], &["c"], effect), Some(ValueDiffers));
            assert_eq!(mismatch("StringEquals", &["a"], &["c", "a"], effect), None);
            assert_eq!(mismatch("StringEquals", &["a"], &[], effect), Some(KeyMissing));
            assert_eq!(mismatch("StringNotEquals", &["a", "b"], &["b"], effect), Some(ValueDiffers));
            assert_eq!(mismatch("StringNotEquals", &["a", "b"], &["c"], effect), None);
            assert_eq!(mismatch("StringNotEquals", &["a"], &[], effect), None);
        }
        assert_eq!(mismatch("NumericEquals", &["1"], &["x"], Effect::Allow), Some(ValueUnreadable));
    }

    #[test]
    fn what_cannot_be_compared_closes() {
        let unreadable = Some(ConditionMismatch::ValueUnreadable);
        assert_eq!(mismatch("NotIpAddress", &["10.0.0.0/8"], &["x"], Effect::Allow), unreadable);
        assert_eq!(mismatch("NotIpAddress", &["10.0.0.0/8"], &["x"], Effect::Deny), None);
        assert_eq!(mismatch("IpAddress", &["10.0.0.0/8"], &["x"], Effect::Allow), unreadable);
        assert_eq!(mismatch("IpAddress", &["10.0.0.0/8"], &["x"], Effect::Deny), None);
        assert_eq!(mismatch("NumericLessThan", &["1"], &["2", "x"], Effect::Deny), None);
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
