//! All condition operators of RAM, as a table.

use std::cmp::Ordering;

use crate::language::error::{Refusal, Title};

/// A condition operator of RAM, such as `StringLike` (`docs/spec/ram-policy.md` 4.1).
#[derive(Debug, PartialEq, Eq)]
pub struct Operator {
    name: &'static str,
    sense: Sense,
    pub(crate) comparison: Comparison,
}

/// How the comparisons of several values combine (`docs/spec/ram-policy.md` 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// At least one value must match. An absent key does not match.
    Positive,
    /// No value may match. The condition holds for an absent key.
    Negated,
}

/// How a value of the policy is compared with a value of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Text,
    TextIgnoringCase,
    TextLike,
    Number(Relation),
    Date(Relation),
    Boolean,
    Address,
}

/// The type of the values that an operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compares {
    /// Texts: the `String…` operators.
    Texts,
    /// Decimal numbers: the `Numeric…` operators.
    Numbers,
    /// Points in time: the `Date…` operators.
    Dates,
    /// `true` and `false`: `Bool`.
    Booleans,
    /// Addresses and CIDR blocks: `IpAddress`, `NotIpAddress` and their `…IncludeBorder` forms.
    Addresses,
}

/// The relation of the request's value to the policy's that an operator requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// The name, in the spelling of policies.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the operator is negated.
    pub fn sense(&self) -> Sense {
        self.sense
    }

    /// The type of the values that the operator compares.
    pub fn compares(&self) -> Compares {
        match self.comparison {
            Comparison::Text | Comparison::TextIgnoringCase | Comparison::TextLike => Compares::Texts,
            Comparison::Number(_) => Compares::Numbers,
            Comparison::Date(_) => Compares::Dates,
            Comparison::Boolean => Compares::Booleans,
            Comparison::Address => Compares::Addresses,
        }
    }

    pub(crate) fn parse(name: &str) -> Result<&'static Self, Refusal> {
        let refuse =
            |why: &'static str, help: String| Err(Refusal::new(Title::InvalidConditionOperator, name, why, help));
        if let Some(operator) = OPERATORS.iter().find(|operator| operator.name == name) {
            return Ok(operator);
        }
        if let Some(meant) = OPERATORS.iter().find(|operator| operator.name.eq_ignore_ascii_case(name)) {
            return refuse("is not spelled in the right case", format!("write `{}`", meant.name));
        }
        if let Some(base) = name.strip_suffix("IfExists") {
            let help = format!("write `{base}`, or remove the condition");
            return refuse("is not a RAM operator: RAM has no `IfExists`", help);
        }
        let names: Vec<_> = OPERATORS.iter().map(|operator| operator.name).collect();
        refuse("is not a RAM operator", format!("write one of {}", names.join(", ")))
    }
}

impl Relation {
    pub(crate) fn holds(self, found_to_wanted: Ordering) -> bool {
        match self {
            Self::Equal => found_to_wanted.is_eq(),
            Self::Less => found_to_wanted.is_lt(),
            Self::LessOrEqual => found_to_wanted.is_le(),
            Self::Greater => found_to_wanted.is_gt(),
            Self::GreaterOrEqual => found_to_wanted.is_ge(),
        }
    }
}

/// The `IncludeBorder` address operators are the same as the plain ones. The vendor does not document whether the plain
/// ones exclude the borders of a block, and a Deny must cover its whole block (`docs/spec/ram-policy.md` 11, row 2).
static OPERATORS: [Operator; 23] = [
    positive("StringEquals", Comparison::Text),
    negated("StringNotEquals", Comparison::Text),
    positive("StringEqualsIgnoreCase", Comparison::TextIgnoringCase),
    negated("StringNotEqualsIgnoreCase", Comparison::TextIgnoringCase),
    positive("StringLike", Comparison::TextLike),
    negated("StringNotLike", Comparison::TextLike),
    positive("NumericEquals", Comparison::Number(Relation::Equal)),
    negated("NumericNotEquals", Comparison::Number(Relation::Equal)),
    positive("NumericLessThan", Comparison::Number(Relation::Less)),
    positive("NumericLessThanEquals", Comparison::Number(Relation::LessOrEqual)),
    positive("NumericGreaterThan", Comparison::Number(Relation::Greater)),
    positive("NumericGreaterThanEquals", Comparison::Number(Relation::GreaterOrEqual)),
    positive("DateEquals", Comparison::Date(Relation::Equal)),
    negated("DateNotEquals", Comparison::Date(Relation::Equal)),
    positive("DateLessThan", Comparison::Date(Relation::Less)),
    positive("DateLessThanEquals", Comparison::Date(Relation::LessOrEqual)),
    positive("DateGreaterThan", Comparison::Date(Relation::Greater)),
    positive("DateGreaterThanEquals", Comparison::Date(Relation::GreaterOrEqual)),
    positive("Bool", Comparison::Boolean),
    positive("IpAddress", Comparison::Address),
    negated("NotIpAddress", Comparison::Address),
    positive("IpAddressIncludeBorder", Comparison::Address),
    negated("NotIpAddressIncludeBorder", Comparison::Address),
];

const fn positive(name: &'static str, comparison: Comparison) -> Operator {
    Operator { name, sense: Sense::Positive, comparison }
}

const fn negated(name: &'static str, comparison: Comparison) -> Operator {
    Operator { name, sense: Sense::Negated, comparison }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sense_of_every_operator_agrees_with_its_name() {
        for operator in &OPERATORS {
            let sense = if operator.name.contains("Not") { Sense::Negated } else { Sense::Positive };
            assert_eq!(operator.sense, sense, "{}", operator.name);
            assert_eq!(Operator::parse(operator.name).unwrap(), operator);
        }
        for foreign in ["BoolIfExists", "Null", "ForAnyValue:StringEquals", "ArnLike", "stringequals", ""] {
            assert!(Operator::parse(foreign).is_err(), "{foreign}");
        }
    }
}
