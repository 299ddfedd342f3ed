//! What an operation does to what it names.

/// The access level as the vendor documents it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    Read,
    List,
    Write,
}

impl Access {
    /// `eventRW` of an ActionTrail event (`spec/ecs-eni.md` C.1).
    pub fn event_rw(self) -> &'static str {
        match self {
            Self::Read | Self::List => "Read",
            Self::Write => "Write",
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::List => "list",
            Self::Write => "write",
        }
    }
}
