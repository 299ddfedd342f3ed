//! The life cycle of an ENI: its states, and the changes allowed in each (`docs/spec/ecs-eni.md` D.1).
//!
//! There are no timers. A transition is stored with the time at which it ends, and the state is computed from that time
//! and the current one.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::id::InstanceId;

/// The status that callers see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EniStatus {
    Available,
    Attaching,
    InUse,
    Detaching,
}

/// The changes that callers can make to an ENI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Attach,
    Detach,
    Delete,
}

/// The states in which each change is allowed. A detach that hangs may be repeated. Attaching an ENI to the instance
/// that it is already attached to is handled in `rules`.
const ALLOWED_IN: [(Change, &[EniStatus]); 3] = [
    (Change::Attach, &[EniStatus::Available]),
    (Change::Detach, &[EniStatus::InUse, EniStatus::Detaching]),
    (Change::Delete, &[EniStatus::Available]),
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attachment {
    pub(super) instance: InstanceId,
    pub(super) device_index: u32,
    pub(super) network_card_index: u32,
    pub(super) since: Timestamp,
}

/// The current point in an ENI's life cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Life(Phase);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Available,
    /// `Attaching` until `settles_at`, then `InUse`.
    Attached {
        attachment: Attachment,
        settles_at: Timestamp,
    },
    /// `Detaching` until `settles_at`, then `Available`.
    Detaching {
        attachment: Attachment,
        settles_at: Timestamp,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an ENI status")]
pub(super) struct EniStatusError(String);

impl Change {
    pub(super) fn allowed_in(self) -> &'static [EniStatus] {
        ALLOWED_IN.iter().find(|(event, _)| *event == self).map_or(&[], |(_, states)| states)
    }
}

impl Life {
    pub(super) fn available() -> Self {
        Self(Phase::Available)
    }

    pub(super) fn attached(attachment: Attachment, settles_at: Timestamp) -> Self {
        Self(Phase::Attached { attachment, settles_at })
    }

    pub(super) fn detaching(attachment: Attachment, settles_at: Timestamp) -> Self {
        Self(Phase::Detaching { attachment, settles_at })
    }

    pub(super) fn status(&self, now: Timestamp) -> EniStatus {
        match &self.0 {
            Phase::Attached { settles_at, .. } if now < *settles_at => EniStatus::Attaching,
            Phase::Attached { .. } => EniStatus::InUse,
            Phase::Detaching { settles_at, .. } if now < *settles_at => EniStatus::Detaching,
            Phase::Available | Phase::Detaching { .. } => EniStatus::Available,
        }
    }

    pub(super) fn attachment(&self, now: Timestamp) -> Option<&Attachment> {
        match &self.0 {
            Phase::Attached { attachment, .. } => Some(attachment),
            Phase::Detaching { attachment, settles_at } if now < *settles_at => Some(attachment),
            Phase::Available | Phase::Detaching { .. } => None,
        }
    }

    /// Begins to detach. Repeating a detach never delays it, and makes one that hangs end.
    pub(super) fn detach(&mut self, settles_at: Timestamp) {
        self.0 = match std::mem::replace(&mut self.0, Phase::Available) {
            Phase::Available => Phase::Available,
            Phase::Attached { attachment, .. } => Phase::Detaching { attachment, settles_at },
            Phase::Detaching { attachment, settles_at: earlier } => {
                Phase::Detaching { attachment, settles_at: earlier.min(settles_at) }
            }
        };
    }
}

impl EniStatus {
    pub(super) const ALL: [Self; 4] = [Self::Available, Self::Attaching, Self::InUse, Self::Detaching];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Available => "Available",
            Self::Attaching => "Attaching",
            Self::InUse => "InUse",
            Self::Detaching => "Detaching",
        }
    }
}

impl FromStr for EniStatus {
    type Err = EniStatusError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| EniStatusError(text.to_owned()))
    }
}

impl fmt::Display for EniStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn attachment() -> Attachment {
        Attachment { instance: "i-a".parse().unwrap(), device_index: 1, network_card_index: 0, since: at(0) }
    }

    #[test]
    fn an_eni_changes_state_with_time_alone() {
        let mut life = Life::attached(attachment(), at(2));
        assert_eq!((life.status(at(1)), life.status(at(2))), (EniStatus::Attaching, EniStatus::InUse));
        life.detach(at(5));
        assert_eq!((life.status(at(4)), life.status(at(5))), (EniStatus::Detaching, EniStatus::Available));
        assert!(life.attachment(at(4)).is_some() && life.attachment(at(5)).is_none());
    }

    #[test]
    fn repeating_a_hanging_detach_completes_it() {
        let mut life = Life::detaching(attachment(), Timestamp::MAX);
        assert_eq!(life.status(at(100)), EniStatus::Detaching);
        life.detach(at(102));
        life.detach(at(200));
        assert_eq!(life.status(at(102)), EniStatus::Available);
    }
}
