//! The condition operators of RAM: all of them, as a table.

use std::cmp::Ordering;

use crate::language::error::{Refusal, Title};

/// One operator of `docs/spec/ram-policy.md` 4.1.
#[derive(Debug, PartialEq, Eq)]
pub struct Operator {
    name: &'static str,
    sense: Sense,
    pub(crate) comparison: Comparison,
}

/// How the answers for several values combine (`docs/spec/ram-policy.md` 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// Some value must match; an absent key never does.
    Positive,
    /// No value may match; an absent key never does, so the test holds.
    Negated,
}

/// How one value of the policy is compared with one of the request.
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

/// What an operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compares {
    Texts,
    Numbers,
    Dates,
    Booleans,
    Addresses,
}

/// How the request's value stands to the policy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn sense(&self) -> Sense {
        self.sense
    }

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
            return refuse("is spelled in another case", format!("write `{}`", meant.name));
        }
        if let Some(base) = name.strip_suffix("IfExists") {
            return refuse("is not an operator of RAM, which has no `IfExists`", format!("write `{base}`, or nothing"));
        }
        let names: Vec<_> = OPERATORS.iter().map(|operator| operator.name).collect();
        refuse("is not an operator of RAM", format!("write one of {}", names.join(", ")))
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

/// Plain and `IncludeBorder` address operators are alike: whether the plain ones leave out the borders of a block is
/// stated nowhere, and a Deny on a block must stay whole (`docs/spec/ram-policy.md` 11, row 2).
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
    fn the_table_agrees_with_its_names() {
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
