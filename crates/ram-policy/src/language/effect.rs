//! What a statement does when it applies.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub enum Effect {
    Allow,
    Deny,
}

impl Effect {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

/// Whether a statement applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Applies {
    No,
    /// It turns on something that is not known.
    Unknown,
    Yes,
}

impl Applies {
    /// The greatest, without a look at what comes after one that applies.
    pub(crate) fn strongest(all: impl Iterator<Item = Self>) -> Self {
        let mut found = Self::No;
        for applies in all {
            found = found.max(applies);
            if found == Self::Yes {
                break;
            }
        }
        found
    }
}
