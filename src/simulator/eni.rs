//! An elastic network interface.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;

use super::id::{EniId, InstanceId, SecurityGroupId};
use super::instance::VSwitch;
use super::lifecycle::{EniStatus, Life};

#[derive(Clone, Debug)]
pub(super) struct Eni {
    pub(super) id: EniId,
    /// Determines its region, zone and VPC.
    pub(super) vswitch: Arc<VSwitch>,
    pub(super) kind: EniKind,
    pub(super) life: Life,
    pub(super) mac: Mac,
    pub(super) address: Ipv4Addr,
    pub(super) security_groups: Vec<SecurityGroupId>,
    pub(super) labels: Labels,
    pub(super) on_release: OnRelease,
    pub(super) created: Timestamp,
    /// The `ClientToken` of the call that created it. Repeating that call returns this ENI again.
    pub(super) client_token: Option<String>,
}

/// The descriptive properties of an ENI, which have no effect on its behaviour.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) resource_group: String,
    pub(super) tags: BTreeMap<String, String>,
}

/// `Type` of an ENI (`docs/spec/ecs-eni.md` D.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EniKind {
    Primary,
    Secondary,
    Trunk,
    Member,
}

/// What happens to an ENI when its instance is released: `DeleteOnRelease`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OnRelease {
    #[default]
    Delete,
    Keep,
}

/// A MAC address with the vendor's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mac(pub(super) u32);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an ENI type")]
pub(super) struct EniKindError(String);

impl Eni {
    pub(super) fn status(&self, now: Timestamp) -> EniStatus {
        self.life.status(now)
    }

    pub(super) fn instance(&self, now: Timestamp) -> Option<&InstanceId> {
        self.life.attachment(now).map(|attachment| &attachment.instance)
    }
}

impl EniKind {
    const ALL: [Self; 4] = [Self::Primary, Self::Secondary, Self::Trunk, Self::Member];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "Primary",
            Self::Secondary => "Secondary",
            Self::Trunk => "Trunk",
            Self::Member => "Member",
        }
    }
}

impl FromStr for EniKind {
    type Err = EniKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| EniKindError(text.to_owned()))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, high, middle, low] = self.0.to_be_bytes();
        write!(f, "00:16:3e:{high:02x}:{middle:02x}:{low:02x}")
    }
}
