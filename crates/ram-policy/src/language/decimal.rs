//! Decimal numbers, compared exactly by value. Floating-point numbers would make unequal texts equal.

use std::cmp::Ordering;

/// An optional `-`, digits, and optionally a point and digits. Exponents, `+`, hexadecimal digits, `NaN` and infinities
/// are refused, because the vendor does not document that RAM accepts them (`docs/spec/ram-policy.md` 4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    sign: Sign,
    /// Without leading zeros.
    integer: Box<str>,
    /// Without trailing zeros.
    fraction: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    Negative,
    Positive,
}

impl Decimal {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (sign, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (Sign::Negative, rest),
            None => (Sign::Positive, text),
        };
        let (integer, fraction) = match unsigned.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (unsigned, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if integer.is_empty() || !digits(integer) || !digits(fraction) {
            return None;
        }
        let (integer, fraction) = (integer.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let sign = if integer.is_empty() && fraction.is_empty() { Sign::Positive } else { sign };
        Some(Self { sign, integer: integer.into(), fraction: fraction.into() })
    }

    fn compare_magnitude(&self, other: &Self) -> Ordering {
        let integer = self.integer.len().cmp(&other.integer.len()).then_with(|| self.integer.cmp(&other.integer));
        integer.then_with(|| self.fraction.cmp(&other.fraction))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sign.cmp(&other.sign).then_with(|| match self.sign {
            Sign::Positive => self.compare_magnitude(other),
            Sign::Negative => other.compare_magnitude(self),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_value() {
        let ascending = ["-10.5", "-10", "-0.05", "0", "0.00000000000000000001", "0.1", "1.05", "1.5", "9", "10"];
        let numbers: Vec<_> = ascending.iter().map(|text| Decimal::parse(text).unwrap()).collect();
        assert!(numbers.is_sorted() && numbers.windows(2).all(|pair| pair[0] != pair[1]));
        for (a, b) in [("010", "10"), ("-0", "0"), ("1.50", "1.5"), ("9007199254740993", "9007199254740993.0")] {
            assert_eq!(Decimal::parse(a), Decimal::parse(b));
        }
        assert_ne!(Decimal::parse("9007199254740993"), Decimal::parse("9007199254740992"));
        for bad in ["", "-", ".5", "5.", "1e3", "0x10", "NaN", "inf", "+1", " 1", "1_000", "1.2.3", "\u{0661}"] {
            assert_eq!(Decimal::parse(bad), None, "{bad}");
        }
    }
}
