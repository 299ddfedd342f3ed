//! Whether an answer of the upstream names the gateway, regardless of its code: by the id of the gateway's key, or by
//! the ARN of its user, role, session or root. To the upstream, the gateway is the caller of each call that it signed,
//! so such an ARN in that account is assumed to be the gateway's.

use hyper::HeaderMap;
use hyper::header::HeaderName;
use memchr::memmem;

use crate::ram::AccessKeyId;
use ram_policy::AccountId;

/// The headers that clients need. Any other header could describe the gateway.
const PASSED_ON: [&str; 14] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "retry-after",
    "vary",
    "x-acs-request-id",
    "x-acs-retry-after",
    "x-acs-trace-id",
];

/// The names by which an answer could identify the gateway, in lower case.
pub(crate) struct OwnIdentity([String; 5]);

impl OwnIdentity {
    /// The names that belong to the key that signed a call, and to its account.
    pub(crate) fn new(key: &AccessKeyId, account: &AccountId) -> Self {
        let of_ram = |kind: &str| format!("acs:ram::{account}:{kind}");
        let session = format!("acs:sts::{account}:assumed-role");
        Self([key.as_str().to_ascii_lowercase(), of_ram("user"), of_ram("role"), of_ram("root"), session])
    }

    /// Whether a text contains one of the names, in any encoding.
    pub(crate) fn is_in(&self, text: &[u8]) -> bool {
        // A part of the request that the text quotes is encoded twice.
        let text = unescaped(&unescaped(text)).to_ascii_lowercase();
        self.0.iter().any(|name| memmem::find(&text, name.as_bytes()).is_some())
    }
}

/// Removes the headers that clients do not need.
pub(crate) fn keep_for_callers(headers: &mut HeaderMap) {
    let is_kept = |name: &str| PASSED_ON.contains(&name) || name.starts_with("access-control-");
    let removed: Vec<HeaderName> = headers.keys().filter(|name| !is_kept(name.as_str())).cloned().collect();
    for name in removed {
        headers.remove(name);
    }
}

/// Decodes escapes of URLs (`%3A`), XML (`&#58;`) and JSON (`\u003a`, `\/`).
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let escape = match first {
            b'%' => number(after, 16, 2).map(|(byte, length)| (byte, &after[length..])),
            b'&' => character_reference(after),
            b'\\' => match after.strip_prefix(b"u") {
                Some(digits) => number(digits, 16, 4).map(|(unit, length)| (unit, &digits[length..])),
                None => after.split_first().map(|(character, after)| (u32::from(*character), after)),
            },
            _ => None,
        };
        let (character, after) = escape.unwrap_or((u32::from(*first), after));
        // The names are ASCII, so any other character can be replaced.
        plain.push(u8::try_from(character).unwrap_or(b'?'));
        rest = after;
    }
    plain
}

/// Reads the rest of a character reference, `#58;` or `#x3a;`: the character, and the text after it.
fn character_reference(text: &[u8]) -> Option<(u32, &[u8])> {
    let text = text.strip_prefix(b"#")?;
    let (digits, radix) = match text.split_first() {
        Some((b'x' | b'X', digits)) => (digits, 16),
        _ => (text, 10),
    };
    let length = digits.iter().take(12).position(|byte| *byte == b';')?;
    let (character, _) = number(digits, radix, length)?;
    Some((character, &digits[length + 1..]))
}

/// Reads a number of `length` digits. Returns the number and `length`.
fn number(digits: &[u8], radix: u32, length: usize) -> Option<(u32, usize)> {
    let digits = std::str::from_utf8(digits.get(..length)?).ok()?;
    let number = digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, radix));
    Some((number?.ok()?, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_is_recognized_in_every_encoding() {
        let own = OwnIdentity::new(&"LTAI5tOwn".parse().unwrap(), &"123".parse().unwrap());
        for text in [
            "AccessKeyId=LTAI5tOwn&x",
            "accesskeyid=ltai5town",
            "AccessKeyId%253DLTAI5tOwn",
            "%4cTAI5tOwn",
            "&#76;TAI&#x35;tOwn",
            "\\u004cTAI5tOwn",
            "acs:ram::123:user/gateway",
            "acs%3Aram%3A%3A123%3Auser%2Fgateway",
            "acs%253Aram%253A%253A123%253Arole%252Fgateway",
            "acs:ram::123:user\\/gateway",
            "acs&#58;ram:&#x3A;123:root",
            "acs:sts::123:assumed-role/gateway/i-a",
        ] {
            assert!(own.is_in(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "LTAI5tOther",
            "LTAI5tOw",
            "acs:ram::1234:user/other",
            "acs:ecs:cn-hangzhou:123:instance/i-a",
            "acs:ram::123:policy/p",
            "% &# &#; &#xffffffffff; \\ \\u \\u00 %4",
            "100%",
            "&#",
            "\\",
        ] {
            assert!(!own.is_in(text.as_bytes()), "{text}");
        }
    }
}
