//! A documented parameter: its name, its type, and the values it accepts.

use super::answer::FilledRow;
use super::template::ResourceSpec;

/// The type of a parameter's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Region,
    /// `^(eni|leni|hdeni)-[a-z0-9]{1,64}$`.
    EniId,
    /// `^i-[a-z0-9]{1,64}$`.
    InstanceId,
    Integer,
    Boolean,
    String,
}

/// Whether the vendor still accepts a parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    #[default]
    Available,
    /// Documented as unavailable: refused.
    Unavailable,
    /// Documented as without effect: left out of the rebuilt call.
    Retired,
}

/// What the catalogue says about one parameter.
#[derive(Clone, Debug)]
pub struct ParameterSpec {
    pub name: NamePattern,
    pub kind: Kind,
    pub required: bool,
    pub state: State,
    /// Values that are accepted in addition to those of the type.
    pub(super) literals: Vec<String>,
    /// The resource that an unavailable parameter names, for gateways that judge it instead of refusing it.
    pub(super) when_judged: Option<ResourceSpec>,
    pub(super) minimum: i64,
    pub(super) maximum: i64,
    pub(super) malformed: Option<FilledRow>,
    pub(super) out_of_range: Option<FilledRow>,
    pub(super) not_served: Option<FilledRow>,
}

/// A documented name. A segment `N` is a placeholder for an index from 1, as in `Tag.N.Key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern {
    text: String,
    list: bool,
}

/// Why a value does not fit its parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueError {
    Malformed,
    OutOfRange,
}

impl ParameterSpec {
    /// Checks a value against the type. Regions are checked separately, later.
    pub(super) fn check(&self, value: &str) -> Result<(), ValueError> {
        let fits = match self.kind {
            Kind::Region | Kind::String => true,
            Kind::EniId => is_id(value, &["eni-", "leni-", "hdeni-"]),
            Kind::InstanceId => is_id(value, &["i-"]),
            Kind::Boolean => value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false"),
            Kind::Integer => {
                let number = decimal(value).ok_or(ValueError::Malformed)?;
                if !(self.minimum..=self.maximum).contains(&number) {
                    return Err(ValueError::OutOfRange);
                }
                true
            }
        };
        if fits || self.literals.iter().any(|literal| literal == value) { Ok(()) } else { Err(ValueError::Malformed) }
    }
}

impl NamePattern {
    pub(super) fn new(text: String) -> Self {
        let list = text.split('.').any(|segment| segment == "N");
        Self { text, list }
    }

    /// The documented spelling.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the name has an index.
    pub fn is_list(&self) -> bool {
        self.list
    }

    /// Whether a name in a request is this one, with any valid index.
    pub fn matches(&self, name: &str) -> bool {
        if !self.list {
            return self.text == name;
        }
        let (mut pattern, mut given) = (self.text.split('.'), name.split('.'));
        loop {
            match (pattern.next(), given.next()) {
                (None, None) => return true,
                (Some("N"), Some(index)) if is_index(index) => {}
                (Some(expected), Some(segment)) if expected == segment && expected != "N" => {}
                _ => return false,
            }
        }
    }

    /// Whether a name differs from this one only in case, index, brackets, separators or a plural `s`, so that a
    /// lenient parser might treat the two as the same.
    pub(super) fn resembles(&self, name: &str) -> bool {
        let bare = |text: &str| {
            let letters: String = text.chars().filter(char::is_ascii_alphabetic).collect();
            letters.to_ascii_lowercase()
        };
        let own = bare(&self.text.split('.').filter(|segment| *segment != "N").collect::<String>());
        let given = bare(name);
        given == own || given.strip_suffix('s') == Some(&own) || own.strip_suffix('s') == Some(&given)
    }
}

fn is_index(text: &str) -> bool {
    (1..=4).contains(&text.len()) && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_id(value: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().filter_map(|prefix| value.strip_prefix(prefix)).any(|rest| {
        (1..=64).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

/// A decimal number in its only accepted spelling: no `+` and no leading zeros.
fn decimal(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_is_replaced_by_an_index() {
        let tag = NamePattern::new("Tag.N.Key".into());
        assert!(tag.matches("Tag.1.Key") && tag.matches("Tag.20.Key"));
        for other in ["Tag.N.Key", "Tag.0.Key", "Tag.01.Key", "Tag.Key", "Tag.1.Key.2", "tag.1.Key"] {
            assert!(!tag.matches(other), "{other}");
        }
    }

    #[test]
    fn a_look_alike_is_recognised() {
        let instance = NamePattern::new("InstanceId".into());
        for alike in ["instanceid", "INSTANCEID", "InstanceId.1", "InstanceIds", "Instance-Id", "Instance_Id"] {
            assert!(!instance.matches(alike) && instance.resembles(alike), "{alike}");
        }
        assert!(!instance.resembles("InstanceType"));
    }

    #[test]
    fn ids_are_matched_whole() {
        for valid in ["eni-bp1", "leni-x", "hdeni-0"] {
            assert!(is_id(valid, &["eni-", "leni-", "hdeni-"]), "{valid}");
        }
        for bad in ["eni-", "eni-A", "ENI-a", "eni-a ", "eni-a%", "xeni-a", "eni-\u{ff41}", "DenseModeTrunkEniId"] {
            assert!(!is_id(bad, &["eni-", "leni-", "hdeni-"]), "{bad}");
        }
        assert_eq!(decimal("-1"), Some(-1));
        assert_eq!((decimal("01"), decimal("+1"), decimal("1 "), decimal("first")), (None, None, None, None));
    }
}
