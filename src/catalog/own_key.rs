//! Which answers of the upstream are about the gateway's own key and not about the call that it signed.
//!
//! A rebuilt call bears the gateway's signature, and the upstream knows no other caller. What it says of a key, a
//! signature, a clock or a permission is said of the gateway, whatever code it stands under.

use std::collections::BTreeMap;
use std::sync::OnceLock;

const FILE: &str = include_str!("own_key.json");

/// What the upstream found wrong with the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnKeyClass {
    /// It does not accept the key, so it accepts no call of it.
    Authentication,
    /// The key is accepted, and its user may not do this.
    Permission,
    /// It has seen the request before, so something on the way repeats requests.
    Repetition,
}

/// What an answer is about that the upstream may give before it looks at the key: it proves nothing about the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyAnswer {
    /// A limit of calls, which passes.
    Limit,
    /// An operation, a version or parameters that it does not take.
    Request,
}

/// One code that is about the gateway's key.
#[derive(Debug, PartialEq, Eq)]
pub struct OwnKeyFault {
    pub class: OwnKeyClass,
    /// As the data spell it.
    pub code: String,
    /// What the operator can do.
    pub remedy: String,
    below: bool,
    status: Option<u16>,
    begins: Vec<String>,
}

/// What an answer says of itself.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamError<'a> {
    pub status: u16,
    pub code: &'a str,
    pub message: &'a str,
    /// Whether the answer has an `AccessDeniedDetail`, which describes the signer.
    pub has_denial_detail: bool,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    schema: u32,
    sources: BTreeMap<String, String>,
    remedies: BTreeMap<String, String>,
    /// How codes begin that may be answered before a key is looked at.
    early: WrittenEarly,
    faults: Vec<WrittenFault>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEarly {
    limits: Vec<String>,
    requests: Vec<String>,
    sources: Vec<String>,
}

/// The data file, read.
struct Table {
    faults: Vec<OwnKeyFault>,
    early: Vec<(String, EarlyAnswer)>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFault {
    class: OwnKeyClass,
    code: String,
    /// Whether codes that continue this one after a dot are meant too.
    #[serde(default)]
    below: bool,
    status: Option<u16>,
    /// How the message begins, where callers' parameters can cause the same code.
    #[serde(default)]
    begins: Vec<String>,
    remedy: String,
    sources: Vec<String>,
}

impl OwnKeyClass {
    /// As the data file and the metrics write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Permission => "permission",
            Self::Repetition => "repetition",
        }
    }
}

impl OwnKeyFault {
    /// The fault of the gateway's key that an answer to a call of that key is about; none where it is about the call.
    pub fn in_answer(answer: UpstreamError<'_>) -> Option<&'static Self> {
        let faults = Self::bundled();
        let named = faults.iter().filter(|fault| fault.is_in(answer)).max_by_key(|fault| fault.code.len());
        named.or_else(|| {
            let denied = |fault: &&Self| fault.class == OwnKeyClass::Permission && fault.code == "AccessDenied";
            answer.has_denial_detail.then(|| faults.iter().find(denied)).flatten()
        })
    }

    /// All of them.
    ///
    /// # Panics
    /// When the bundled file is wrong, which a test would have found.
    pub fn bundled() -> &'static [Self] {
        &table().faults
    }

    /// What a code is about that the upstream may answer before it looks at the key; none for any other code.
    ///
    /// # Panics
    /// As [`OwnKeyFault::bundled`].
    pub fn early(code: &str) -> Option<EarlyAnswer> {
        table().early.iter().find(|(early, _)| begins(code, early)).map(|(_, about)| *about)
    }

    /// Whether an answer with this code may be about the fault: its own code, or one below it.
    pub fn is_under(&self, code: &str) -> bool {
        let code = code.trim();
        let continued = || {
            let (head, rest) = code.split_at_checked(self.code.len()).unwrap_or_default();
            self.below && head.eq_ignore_ascii_case(&self.code) && rest.starts_with('.')
        };
        code.eq_ignore_ascii_case(&self.code) || continued()
    }

    fn is_in(&self, answer: UpstreamError<'_>) -> bool {
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
    let file: WrittenFile = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if file.schema != 1 {
        return Err(format!("schema {} is unknown", file.schema));
    }
    let has_sources = |named: &[String]| !named.is_empty() && named.iter().all(|it| file.sources.contains_key(it));
    if !has_sources(&file.early.sources) {
        return Err("`early` has no source, or one that the file does not explain".to_owned());
    }
    let fault = |written: WrittenFault| {
        let WrittenFault { class, code, below, status, begins, remedy, sources } = written;
        if !has_sources(&sources) {
            return Err(format!("`{code}` has no source, or one that the file does not explain"));
        }
        let text = file.remedies.get(&remedy).ok_or_else(|| format!("there is no remedy `{remedy}`"))?;
        Ok(OwnKeyFault { class, code, remedy: text.clone(), below, status, begins })
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
        let answer = UpstreamError { status, code, message, has_denial_detail: false };
        OwnKeyFault::in_answer(answer).map(|fault| fault.class)
    }

    #[test]
    fn what_is_said_of_the_key_is_told_from_what_is_said_of_the_call() {
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
    fn the_nearest_code_names_the_remedy_and_a_detail_is_enough() {
        let answer = |code, has_denial_detail| UpstreamError { status: 403, code, message: "", has_denial_detail };
        let inactive = OwnKeyFault::in_answer(answer("InvalidAccessKeyId.Inactive", false)).unwrap();
        assert!(inactive.remedy.contains("disabled"), "{inactive:?}");
        let unnamed = OwnKeyFault::in_answer(answer("InvalidOperation.Whatever", true)).unwrap();
        assert_eq!(unnamed.class, OwnKeyClass::Permission);
        assert_eq!(OwnKeyFault::in_answer(answer("InvalidOperation.Whatever", false)), None);
    }
}
