//! Instances, and the vSwitches that instances and ENIs are in.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use crate::ram::Region;

use super::id::{InstanceId, VSwitchId, VpcId, ZoneId};

/// A vSwitch, which determines the region, zone and VPC of everything in it.
#[derive(Clone, Debug)]
pub(super) struct VSwitch {
    pub(super) id: VSwitchId,
    pub(super) vpc: VpcId,
    pub(super) region: Region,
    pub(super) zone: ZoneId,
}

#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub(super) id: InstanceId,
    pub(super) vswitch: Arc<VSwitch>,
    pub(super) instance_type: String,
    pub(super) status: InstanceStatus,
    pub(super) name: String,
    pub(super) resource_group: String,
    pub(super) tags: BTreeMap<String, String>,
}

/// `Status` of an instance (`docs/spec/ecs-eni.md` D.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum InstanceStatus {
    Pending,
    Starting,
    #[default]
    Running,
    Stopping,
    Stopped,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an instance status")]
pub(super) struct InstanceStatusError(String);

impl InstanceStatus {
    const ALL: [Self; 5] = [Self::Pending, Self::Starting, Self::Running, Self::Stopping, Self::Stopped];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Starting => "Starting",
            Self::Running => "Running",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
        }
    }
}

impl FromStr for InstanceStatus {
    type Err = InstanceStatusError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| InstanceStatusError(text.to_owned()))
    }
}
