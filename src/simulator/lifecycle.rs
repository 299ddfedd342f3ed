//! The life of an ENI: its states, and what may happen in each (`spec/ecs-eni.md` D.1).
//!
//! No timer runs. What lasts a while is stored with the moment at which it ends, and the state is computed from that
//! moment and the time it is told.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::id::InstanceId;

/// What a caller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EniStatus {
    Available,
    Attaching,
    InUse,
    Detaching,
}

/// What callers do to an ENI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Attach,
    Detach,
    Delete,
}

/// The states in which an event is taken. A detach that hangs may be repeated; the attach of a pair that is attached
/// already is no event at all (`rules`).
const TAKEN_IN: [(Event, &[EniStatus]); 3] = [
    (Event::Attach, &[EniStatus::Available]),
    (Event::Detach, &[EniStatus::InUse, EniStatus::Detaching]),
    (Event::Delete, &[EniStatus::Available]),
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attachment {
    pub(super) instance: InstanceId,
    pub(super) device_index: u32,
    pub(super) network_card_index: u32,
    pub(super) since: Timestamp,
}

/// Where in its life an ENI is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Life(Stage);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Available,
    /// `Attaching`, and from `settles_at` on `InUse`.
    Attached {
        attachment: Attachment,
        settles_at: Timestamp,
    },
    /// `Detaching`, and from `settles_at` on `Available`.
    Detaching {
        attachment: Attachment,
        settles_at: Timestamp,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no state of an ENI")]
pub(super) struct UnknownEniStatus(String);

impl Event {
    pub(super) fn taken_in(self) -> &'static [EniStatus] {
        TAKEN_IN.iter().find(|(event, _)| *event == self).map_or(&[], |(_, states)| states)
    }
}

impl Life {
    pub(super) fn available() -> Self {
        Self(Stage::Available)
    }

    pub(super) fn attached(attachment: Attachment, settles_at: Timestamp) -> Self {
        Self(Stage::Attached { attachment, settles_at })
    }

    pub(super) fn detaching(attachment: Attachment, settles_at: Timestamp) -> Self {
        Self(Stage::Detaching { attachment, settles_at })
    }

    pub(super) fn status(&self, now: Timestamp) -> EniStatus {
        match &self.0 {
            Stage::Attached { settles_at, .. } if now < *settles_at => EniStatus::Attaching,
            Stage::Attached { .. } => EniStatus::InUse,
            Stage::Detaching { settles_at, .. } if now < *settles_at => EniStatus::Detaching,
            Stage::Available | Stage::Detaching { .. } => EniStatus::Available,
        }
    }

    pub(super) fn attachment(&self, now: Timestamp) -> Option<&Attachment> {
        match &self.0 {
            Stage::Attached { attachment, .. } => Some(attachment),
            Stage::Detaching { attachment, settles_at } if now < *settles_at => Some(attachment),
            Stage::Available | Stage::Detaching { .. } => None,
        }
    }

    /// Begins to detach. A detach under way is never put off, and one that hangs ends with the repeat.
    pub(super) fn detach(&mut self, settles_at: Timestamp) {
        self.0 = match std::mem::replace(&mut self.0, Stage::Available) {
            Stage::Available => Stage::Available,
            Stage::Attached { attachment, .. } => Stage::Detaching { attachment, settles_at },
            Stage::Detaching { attachment, settles_at: earlier } => {
                Stage::Detaching { attachment, settles_at: earlier.min(settles_at) }
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
    type Err = UnknownEniStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| UnknownEniStatus(text.to_owned()))
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
    fn time_alone_moves_an_eni_on() {
        let mut life = Life::attached(attachment(), at(2));
        assert_eq!((life.status(at(1)), life.status(at(2))), (EniStatus::Attaching, EniStatus::InUse));
        life.detach(at(5));
        assert_eq!((life.status(at(4)), life.status(at(5))), (EniStatus::Detaching, EniStatus::Available));
        assert!(life.attachment(at(4)).is_some() && life.attachment(at(5)).is_none());
    }

    #[test]
    fn a_detach_that_hangs_ends_with_the_repeat() {
        let mut life = Life::detaching(attachment(), Timestamp::MAX);
        assert_eq!(life.status(at(100)), EniStatus::Detaching);
        life.detach(at(102));
        life.detach(at(200));
        assert_eq!(life.status(at(102)), EniStatus::Available);
    }
}
