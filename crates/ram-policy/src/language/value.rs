//! One value of a condition, parsed with its document and compared with the values of requests.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use jiff::{SignedDuration, Timestamp};

use crate::context::value::ValueRef;
use crate::language::decimal::Decimal;
use crate::language::error::{Refusal, Title};
use crate::language::glob::{Case, Glob};
use crate::language::operator::{Comparison, Operator, Relation};

/// A value that a condition gives for its key, parsed as the type of the operator.
#[derive(Clone, Debug)]
pub struct ConditionValue {
    text: Box<str>,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Text,
    TextIgnoringCase,
    TextLike(Glob),
    Number(Relation, Decimal),
    Date(Relation, Timestamp),
    Boolean(bool),
    Address(IpNet),
}

/// The result of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    Yes,
    No,
    /// The request's value is not of the operator's type: no comparison is possible.
    Unreadable,
}

impl ConditionValue {
    /// The value in the spelling of the document.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn parse(operator: &Operator, text: &str) -> Result<Self, Refusal> {
        let refuse = |why: &'static str, help: &'static str| Refusal::new(Title::DataTypeMismatch, text, why, help);
        let test = match operator.comparison {
            Comparison::Text => Test::Text,
            Comparison::TextIgnoringCase => Test::TextIgnoringCase,
            Comparison::TextLike => Test::TextLike(Glob::new(text, Case::Sensitive)),
            Comparison::Number(relation) => Decimal::parse(text)
                .map(|number| Test::Number(relation, number))
                .ok_or_else(|| refuse("is not a decimal number", "write digits, such as `10` or `-0.5`"))?,
            Comparison::Date(relation) => parse_date(text).map(|date| Test::Date(relation, date)).ok_or_else(|| {
                refuse("is not a date with time and time zone", "write `2026-03-01T17:00:00+08:00` or `…Z`")
            })?,
            Comparison::Boolean => parse_boolean(text)
                .map(Test::Boolean)
                .ok_or_else(|| refuse("is not a Boolean", "write `\"true\"` or `\"false\"`"))?,
            Comparison::Address if text == "*" => {
                return Err(refuse("is not an IP address", "remove the condition: it would restrict nothing"));
            }
            Comparison::Address => parse_block(text).map(Test::Address).ok_or_else(|| {
                refuse("is not an IP address or CIDR block", "write `203.0.113.10` or `203.0.113.0/24`")
            })?,
        };
        Ok(Self { text: text.into(), test })
    }

    #[inline]
    pub(crate) fn compare(&self, found: ValueRef<'_>) -> Match {
        let holds = match &self.test {
            Test::Text => Some(*self.text == *found.text()),
            Test::TextIgnoringCase => Some(lower(&self.text).eq(lower(&found.text()))),
            Test::TextLike(pattern) => Some(pattern.matches(&found.text())),
            Test::Number(relation, wanted) => {
                Decimal::parse(&found.text()).map(|found| relation.holds(found.cmp(wanted)))
            }
            Test::Date(relation, wanted) => date(found).map(|found| relation.holds(found.cmp(wanted))),
            Test::Boolean(wanted) => boolean(found).map(|found| found == *wanted),
            Test::Address(block) => address(found).map(|found| block.contains(&found)),
        };
        match holds {
            Some(true) => Match::Yes,
            Some(false) => Match::No,
            None => Match::Unreadable,
        }
    }
}

impl ConditionValue {
    /// Values for trying out the condition: some that match, and some that just fail to match.
    pub fn samples(&self) -> Vec<String> {
        match &self.test {
            Test::Text | Test::TextIgnoringCase => vec![self.text.to_string(), format!("{}-other", self.text)],
            Test::TextLike(pattern) => pattern.samples().into_iter().chain(["other".to_owned()]).collect(),
            Test::Number(..) => match self.text.parse::<i64>() {
                Ok(number) => {
                    [number, number.saturating_sub(1), number.saturating_add(1)].map(|it| it.to_string()).to_vec()
                }
                Err(_) => vec![self.text.to_string(), "0".to_owned()],
            },
            Test::Date(_, date) => {
                let second = SignedDuration::from_secs(1);
                let beside = [date.checked_sub(second), date.checked_add(second)];
                [Ok(*date)].into_iter().chain(beside).flatten().map(|date| date.to_string()).collect()
            }
            Test::Boolean(wanted) => vec![wanted.to_string(), (!wanted).to_string()],
            Test::Address(block) => {
                // The blocks reserved for documentation (RFC 5737, RFC 3849), which policies seldom name.
                let mut outside = ["192.0.2.1", "198.51.100.1", "2001:db8::1"].into_iter();
                let outside = outside.find(|text| parse_address(text).is_some_and(|address| !block.contains(&address)));
                [Some(block.network().to_string()), outside.map(str::to_owned)].into_iter().flatten().collect()
            }
        }
    }
}

fn date(found: ValueRef<'_>) -> Option<Timestamp> {
    match found {
        ValueRef::Time(time) => Some(time),
        ValueRef::Text(text) => parse_date(text),
        ValueRef::Address(_) | ValueRef::Boolean(_) => None,
    }
}

fn boolean(found: ValueRef<'_>) -> Option<bool> {
    match found {
        ValueRef::Boolean(boolean) => Some(boolean),
        ValueRef::Text(text) => parse_boolean(text),
        ValueRef::Address(_) | ValueRef::Time(_) => None,
    }
}

fn address(found: ValueRef<'_>) -> Option<IpAddr> {
    match found {
        ValueRef::Address(address) => Some(address.to_canonical()),
        ValueRef::Text(text) => parse_address(text),
        ValueRef::Time(_) | ValueRef::Boolean(_) => None,
    }
}

fn lower(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_lowercase)
}

/// ISO 8601 in the one form that the vendor documents, with `Z` or an offset, and optionally with fractional seconds.
/// The date library also reads looser forms (a space for `T`, a zone name in brackets, no seconds), which are refused
/// because they are undocumented.
fn parse_date(text: &str) -> Option<Timestamp> {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let (head, tail) = text.as_bytes().split_at_checked(FORM.len())?;
    let zone = match tail {
        [b'.', fraction @ ..] => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            fraction.get(digits..).filter(|_| digits > 0)?
        }
        zone => zone,
    };
    let zoned = zone == b"Z" || has_form(zone, b"+00:00") || has_form(zone, b"-00:00");
    if has_form(head, FORM) && zoned { text.parse().ok() } else { None }
}

/// Whether a text has the given form, in which `0` stands for any digit.
fn has_form(text: &[u8], form: &[u8]) -> bool {
    let fits = |(found, wanted): (&u8, &u8)| if *wanted == b'0' { found.is_ascii_digit() } else { found == wanted };
    text.len() == form.len() && text.iter().zip(form).all(fits)
}

fn parse_boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// An IPv4-mapped IPv6 address is the IPv4 address (`docs/spec/ram-policy.md` 4.4).
fn parse_address(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// An address or a CIDR block, with its host bits cleared.
fn parse_block(text: &str) -> Option<IpNet> {
    if let Some(address) = parse_address(text) {
        return Some(address.into());
    }
    let block: IpNet = text.parse().ok()?;
    if let (IpAddr::V4(network), Some(length)) = (block.addr().to_canonical(), block.prefix_len().checked_sub(96))
        && matches!(block, IpNet::V6(_))
    {
        return Ipv4Net::new(network, length).ok().map(|block| block.trunc().into());
    }
    Some(block.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(operator: &str, wanted: &str, found: &str) -> Match {
        ConditionValue::parse(Operator::parse(operator).unwrap(), wanted).unwrap().compare(ValueRef::Text(found))
    }

    #[test]
    fn values_are_compared_by_their_type() {
        for (operator, wanted, found, expected) in [
            ("StringEquals", "a*", "a*", Match::Yes),
            ("StringEquals", "a*", "ab", Match::No),
            ("StringEqualsIgnoreCase", "Rööt", "rÖÖT", Match::Yes),
            ("StringLike", "a?c*", "abcd", Match::Yes),
            ("NumericLessThan", "10", "9.99", Match::Yes),
            ("NumericEquals", "10", "ten", Match::Unreadable),
            ("DateEquals", "2026-03-01T10:00:00+08:00", "2026-03-01T02:00:00.000Z", Match::Yes),
            ("DateLessThan", "2026-03-01T02:00:00Z", "2026-03-01T02:00:00Z", Match::No),
            ("DateLessThan", "2026-03-01T02:00:00Z", "1767225600", Match::Unreadable),
            ("Bool", "True", "true", Match::Yes),
            ("Bool", "true", "1", Match::Unreadable),
            ("IpAddress", "10.0.0.5/24", "10.0.0.255", Match::Yes),
            ("IpAddress", "10.0.0.5", "10.0.0.6", Match::No),
            ("IpAddress", "10.0.0.0/24", "::ffff:10.0.0.9", Match::Yes),
            ("IpAddress", "::ffff:10.0.0.0/120", "10.0.0.9", Match::Yes),
            ("IpAddress", "::/0", "10.0.0.9", Match::No),
            ("IpAddress", "0.0.0.0/0", "2001:db8::1", Match::No),
            ("IpAddress", "2001:db8::/32", "2001:db8::1", Match::Yes),
            ("IpAddress", "10.0.0.0/24", "unknown", Match::Unreadable),
        ] {
            assert_eq!(compare(operator, wanted, found), expected, "{operator} {wanted} {found}");
        }
    }

    #[test]
    fn malformed_values_are_refused() {
        for (operator, value) in [
            ("NumericEquals", "1e3"),
            ("DateEquals", "2026-03-01"),
            ("DateEquals", "2026-03-01T10:00:00"),
            ("DateEquals", "2026-03-01 10:00:00Z"),
            ("DateEquals", "2026-03-01T10:00:00Z[UTC]"),
            ("DateEquals", "2026-02-30T10:00:00Z"),
            ("DateEquals", "1767225600"),
            ("DateEquals", "2026-03-01T10:00:00."),
            ("Bool", "yes"),
            ("IpAddress", "*"),
            ("IpAddress", "10.0.0.0/33"),
            ("IpAddress", "10.0.0"),
            ("IpAddress", "fe80::1%eth0"),
        ] {
            assert!(ConditionValue::parse(Operator::parse(operator).unwrap(), value).is_err(), "{operator} {value}");
        }
    }
}
