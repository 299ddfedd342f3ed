//! The action of a call, which the Action element of a policy selects.

use std::fmt;
use std::str::FromStr;

/// One action: `<ram-code>:<name>`, such as `ecs:AttachNetworkInterface`.
///
/// Two actions are equal if they differ only in ASCII case (`docs/spec/ram-policy.md` 1.2). An action has no
/// wildcards; a pattern for actions is a [`Glob`](crate::Glob).
///
/// ```
/// use ram_policy::Action;
///
/// let action: Action = "ecs:StartInstance".parse()?;
/// assert_eq!((action.service(), action.name()), ("ecs", "StartInstance"));
/// assert_eq!(action, "ECS:startinstance".parse()?);
/// # Ok::<(), ram_policy::ActionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Action {
    text: Box<str>,
    colon: usize,
}

/// A text that is not a valid [`Action`]. The field holds the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a valid action: an action is `<service>:<name>` without wildcards, \
     such as `ecs:AttachNetworkInterface`"
)]
pub struct ActionError(pub String);

impl Action {
    /// Service and name, in the spelling that was parsed.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The RAM code of the service: `ecs` of `ecs:StartInstance`.
    pub fn service(&self) -> &str {
        &self.text[..self.colon]
    }

    /// The part after the colon: `StartInstance` of `ecs:StartInstance`.
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
    #[inline]
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
