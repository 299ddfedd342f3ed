//! Which upstream answers are about the gateway's own key rather than about the call that it signed.
//!
//! A rebuilt call carries the gateway's signature, and the upstream knows no other caller. So every code for a key, a
//! signature, a clock or a permission is about the gateway.

use std::collections::BTreeMap;
use std::sync::OnceLock;

const FILE: &str = include_str!("own_key.json");

/// The reason why the upstream refuses the gateway's calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OwnKeyClass {
    /// The upstream does not accept the key, nor any call signed with it.
    Authentication,
    /// The upstream accepts the key, but the key's user lacks the permission.
    Permission,
    /// The upstream has seen the request before, so a device or program on the path replays requests.
    Repetition,
}

/// An answer that the upstream may give before it checks the key, and that therefore proves nothing about the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EarlyAnswer {
    /// A rate limit, which is temporary.
    Limit,
    /// An operation, version or parameter that the upstream does not accept.
    Request,
}

/// One code that is about the gateway's key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OwnKeyCode {
    pub class: OwnKeyClass,
    /// The spelling in the data file.
    pub code: String,
    /// The remedy for the operator.
    pub remedy: String,
    below: bool,
    status: Option<u16>,
    begins: Vec<String>,
}

/// The parts of an ECS error answer that decide what it is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EcsError<'a> {
    pub status: u16,
    pub code: &'a str,
    pub message: &'a str,
    /// Whether the answer has an `AccessDeniedDetail`, which describes the signer.
    pub has_denial_detail: bool,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    schema: u32,
    sources: BTreeMap<String, String>,
    remedies: BTreeMap<String, String>,
    /// Prefixes of the codes that may be sent before a key is checked.
    early: RawEarly,
    faults: Vec<RawFault>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEarly {
    limits: Vec<String>,
    requests: Vec<String>,
    sources: Vec<String>,
}

/// The data file, read.
struct Table {
    faults: Vec<OwnKeyCode>,
    early: Vec<(String, EarlyAnswer)>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFault {
    class: OwnKeyClass,
    code: String,
    /// Whether codes that continue this one after a dot are included.
    #[serde(default)]
    below: bool,
    status: Option<u16>,
    /// Prefixes of the message, for codes that a caller's parameters can also cause.
    #[serde(default)]
    begins: Vec<String>,
    remedy: String,
    sources: Vec<String>,
}

impl OwnKeyClass {
    /// The spelling in the data file and the metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Permission => "permission",
            Self::Repetition => "repetition",
        }
    }
}

impl OwnKeyCode {
    /// The code by which an answer is about the gateway's key, or `None` if the answer is about the call.
    pub(crate) fn in_answer(answer: EcsError<'_>) -> Option<&'static Self> {
        let faults = Self::bundled();
        let named = faults.iter().filter(|fault| fault.is_in(answer)).max_by_key(|fault| fault.code.len());
        named.or_else(|| {
            let denied = |fault: &&Self| fault.class == OwnKeyClass::Permission && fault.code == "AccessDenied";
            answer.has_denial_detail.then(|| faults.iter().find(denied)).flatten()
        })
    }

    /// All codes of the data file.
    ///
    /// # Panics
    /// If the bundled file is invalid; a test reads it.
    pub(crate) fn bundled() -> &'static [Self] {
        &table().faults
    }

    /// What a code is about, if the upstream may send it before it checks the key; `None` for any other code.
    ///
    /// # Panics
    /// As [`OwnKeyCode::bundled`].
    pub(crate) fn early(code: &str) -> Option<EarlyAnswer> {
        table().early.iter().find(|(early, _)| begins(code, early)).map(|(_, about)| *about)
    }

    /// Whether a code equals this one or, if `below` is set, continues it after a dot.
    pub(crate) fn is_under(&self, code: &str) -> bool {
        let code = code.trim();
        let continued = || {
            let (head, rest) = code.split_at_checked(self.code.len()).unwrap_or_default();
            self.below && head.eq_ignore_ascii_case(&self.code) && rest.starts_with('.')
        };
        code.eq_ignore_ascii_case(&self.code) || continued()
    }

    fn is_in(&self, answer: EcsError<'_>) -> bool {
        self.is_under(answer.code)
            && self.status.is_none_or(|status| status == answer.status)
            && (self.begins.is_empty() || self.begins.iter().any(|begin| begins(answer.message, begin)))
    }
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| read(FILE).unwrap_or_else(|why| panic!("own_key.json is wrong: {why}")))
}

fn begins(text: &str, with: &str) -> bool {
    text.trim_start().get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with))
}

fn read(text: &str) -> Result<Table, String> {
    let file: RawFile = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if file.schema != 1 {
        return Err(format!("schema {} is unknown", file.schema));
    }
    let has_sources = |named: &[String]| !named.is_empty() && named.iter().all(|it| file.sources.contains_key(it));
    if !has_sources(&file.early.sources) {
        return Err("`early` has no source, or one that the file does not list".to_owned());
    }
    let fault = |raw: RawFault| {
        let RawFault { class, code, below, status, begins, remedy, sources } = raw;
        if !has_sources(&sources) {
            return Err(format!("`{code}` has no source, or one that the file does not list"));
        }
        let text = file.remedies.get(&remedy).ok_or_else(|| format!("there is no remedy `{remedy}`"))?;
        Ok(OwnKeyCode { class, code, remedy: text.clone(), below, status, begins })
    };
    let limits = file.early.limits.into_iter().map(|code| (code, EarlyAnswer::Limit));
    let requests = file.early.requests.into_iter().map(|code| (code, EarlyAnswer::Request));
    let faults = file.faults.into_iter().map(fault).collect::<Result<_, _>>()?;
    Ok(Table { faults, early: limits.chain(requests).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, code: &str, message: &str) -> Option<OwnKeyClass> {
        let answer = EcsError { status, code, message, has_denial_detail: false };
        OwnKeyCode::in_answer(answer).map(|fault| fault.class)
    }

    #[test]
    fn answers_about_the_key_are_distinguished_from_answers_about_the_call() {
        use OwnKeyClass::{Authentication, Permission, Repetition};
        for (status, code, message, expected) in [
            (404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.", Some(Authentication)),
            (400, "invalidaccesskeyid.notfound", "", Some(Authentication)),
            (400, "InvalidAccessKeyId", "", Some(Authentication)),
            (400, "InvalidAccessKeyIdOfAnother", "", None),
            (403, "Forbidden.AccessKeyDisabled", "", Some(Authentication)),
            (400, "InvalidSecurityToken.Expired", "", Some(Authentication)),
            (
                400,
                "InvalidParameter",
                "The specified parameter \"SecurityToken.Expired\" is not valid.",
                Some(Authentication),
            ),
            (400, "InvalidParameter", "The specified parameter \"InstanceId\" is not valid.", None),
            (400, "InvalidParameter", "InstanceId: The specified parameter \"SecurityToken", None),
            (400, "MissingParameter", "The input parameter \"InstanceId\" that is mandatory is not supplied.", None),
            (400, "MissingParameter", "The input parameter \"SecurityToken\" that is mandatory", Some(Authentication)),
            (403, "Forbidden.RAM", "", Some(Permission)),
            (400, "Forbidden.RAM", "", Some(Permission)),
            (403, "FORBIDDEN.SUBUSER", "", Some(Permission)),
            (403, "Forbidden", "", Some(Permission)),
            (403, "NoPermission.Slr", "", Some(Permission)),
            (403, "InvalidAction", "", Some(Permission)),
            (404, "InvalidAction.NotFound", "", None),
            (404, "Forbidden.InstanceNotFound", "", None),
            (400, "Forbidden.RegionId", "", None),
            (403, "Forbidden.RiskControl", "", None),
            (400, "SignatureNonceUsed", "", Some(Repetition)),
            (404, "InvalidInstanceID.NotFound", "", None),
            (403, "IncorrectInstanceStatus", "", None),
            (400, "Throttling.User", "", None),
            (503, "ServiceUnavailable", "", None),
        ] {
            assert_eq!(class(status, code, message), expected, "{status} {code} {message}");
        }
    }

    #[test]
    fn the_longest_matching_code_gives_the_remedy_and_a_denial_detail_suffices() {
        let answer = |code, has_denial_detail| EcsError { status: 403, code, message: "", has_denial_detail };
        let inactive = OwnKeyCode::in_answer(answer("InvalidAccessKeyId.Inactive", false)).unwrap();
        assert!(inactive.remedy.contains("disabled"), "{inactive:?}");
        let unnamed = OwnKeyCode::in_answer(answer("InvalidOperation.Example", true)).unwrap();
        assert_eq!(unnamed.class, OwnKeyClass::Permission);
        assert_eq!(OwnKeyCode::in_answer(answer("InvalidOperation.Example", false)), None);
    }
}
