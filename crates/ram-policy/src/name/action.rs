//! The action: what a policy's Action element selects.

use std::fmt;
use std::str::FromStr;

/// `<ram-code>:<name>`, for example `ecs:AttachNetworkInterface`; compared without regard to ASCII case
/// (`docs/spec/ram-policy.md` 1.2).
#[derive(Clone, Debug)]
pub struct Action {
    text: Box<str>,
    colon: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no action: an action is `<service>:<name>` without wildcards, such as `ecs:AttachNetworkInterface`")]
pub struct ActionError(pub String);

impl Action {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn service(&self) -> &str {
        &self.text[..self.colon]
    }

    pub fn name(&self) -> &str {
        &self.text[self.colon + 1..]
    }
}

impl FromStr for Action {
    type Err = ActionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ActionError(text.into());
        let colon = text.find(':').ok_or_else(malformed)?;
        let part = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        if part(&text[..colon]) && part(&text[colon + 1..]) {
            Ok(Self { text: text.into(), colon })
        } else {
            Err(malformed())
        }
    }
}

impl PartialEq for Action {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}

impl Eq for Action {}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
