//! One test of a Condition block: an operator, a key, and the values of the policy.

use crate::context::table::ContextKey;
use crate::context::value::ValueRef;
use crate::language::attributes::{Attributes, Missing};
use crate::language::effect::Effect;
use crate::language::error::{Refusal, Title, is_blank};
use crate::language::operator::{Operator, Sense};
use crate::language::value::{ConditionValue, Match};

/// One test of a Condition block: an operator, a key, and the values that the policy gives.
///
/// All conditions of a statement must hold for it to apply (`docs/spec/ram-policy.md` 4.2).
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
    /// The request's value matches no value of the policy; or, under a negated operator, it matches one.
    ValueDiffers,
    /// The key may have a value that the request does not give: it is not known whether the condition holds.
    KeyUnknown,
}

/// A condition key: its spelling and its meaning.
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

    /// The operator.
    pub fn operator(&self) -> &'static Operator {
        self.operator
    }

    /// The key in the spelling of the document.
    pub fn written_key(&self) -> &str {
        &self.key.written
    }

    /// The key that the condition tests.
    pub fn key(&self) -> &ContextKey {
        &self.key.means
    }

    /// The values that the policy gives, in the order of the document. There is at least one.
    pub fn values(&self) -> &[ConditionValue] {
        &self.values
    }

    /// Why the condition does not hold, or is not known to hold; `None` if it holds (`docs/spec/ram-policy.md` 4.2,
    /// 4.3).
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

    /// Under a positive operator one value must match. A value that cannot be compared fails closed: it does not
    /// satisfy an Allow, and makes a Deny apply.
    fn positive_mismatch<'f>(
        &self,
        effect: Effect,
        found: impl Iterator<Item = ValueRef<'f>>,
    ) -> Option<ConditionMismatch> {
        let mut nearest = ConditionMismatch::KeyMissing;
        for found in found {
            for wanted in &self.values {
                let mismatch = match wanted.compare(found) {
                    Match::Yes => return None,
                    Match::No => ConditionMismatch::ValueDiffers,
                    Match::Unreadable => match effect {
                        Effect::Allow => ConditionMismatch::ValueUnreadable,
                        Effect::Deny => return None,
                    },
                };
                nearest = nearest.max(mismatch);
            }
        }
        Some(nearest)
    }

    /// Under a negated operator no value may match. A value that cannot be compared fails closed here too: an Allow
    /// does not apply, a Deny does.
    fn negated_mismatch<'f>(
        &self,
        effect: Effect,
        found: impl Iterator<Item = ValueRef<'f>>,
    ) -> Option<ConditionMismatch> {
        let mut mismatch = None;
        for found in found {
            for wanted in &self.values {
                match wanted.compare(found) {
                    Match::Yes => mismatch = Some(ConditionMismatch::ValueDiffers),
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
        mismatch
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
            let code = u32::from(found);
            return Err(refuse(format!("contains the invisible character U+{code:04X}, which is not allowed there")));
        }
        let means = text.parse().map_err(|_| refuse("is not a valid condition key".to_owned()))?;
        Ok(Self { written: text.into(), means })
    }
}

/// The first blank character that is not allowed in a key. Only a tag key may contain spaces, and only inside.
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
    fn several_values_are_combined_by_or_and_by_nor() {
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
    fn a_value_that_cannot_be_compared_fails_closed() {
        let unreadable = Some(ConditionMismatch::ValueUnreadable);
        assert_eq!(mismatch("NotIpAddress", &["10.0.0.0/8"], &["x"], Effect::Allow), unreadable);
        assert_eq!(mismatch("NotIpAddress", &["10.0.0.0/8"], &["x"], Effect::Deny), None);
        assert_eq!(mismatch("IpAddress", &["10.0.0.0/8"], &["x"], Effect::Allow), unreadable);
        assert_eq!(mismatch("IpAddress", &["10.0.0.0/8"], &["x"], Effect::Deny), None);
        assert_eq!(mismatch("NumericLessThan", &["1"], &["2", "x"], Effect::Deny), None);
    }

    #[test]
    fn the_error_about_a_blank_names_its_code_point() {
        for valid in ["acs:SourceIp", "ECS:tag/team", "acs:ResourceTag/opc:managed", "acs:ResourceTag/cost center"] {
            assert!(Key::parse(valid).is_ok(), "{valid}");
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
