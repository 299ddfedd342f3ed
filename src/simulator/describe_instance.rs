//! DescribeInstances: the instances and the ENIs attached to them.

use serde_json::Value;

use crate::catalog::Answer;

use super::eni::Eni;
use super::instance::Instance;
use super::invocation::{Invocation, refused_parameter};
use super::page::Page;
use super::shown;

/// The maximum of `MaxResults`, and of the number of ids in `InstanceIds`.
const LARGEST_RESULT: i64 = 100;

type Filter = fn(&Instance, &str) -> bool;

const FILTERS: &[(&str, Filter)] = &[
    ("InstanceName", |instance, value| instance.name == value),
    ("InstanceNetworkType", |_, value| value == "vpc"),
    ("InstanceType", |instance, value| instance.instance_type == value),
    ("ResourceGroupId", |instance, value| instance.resource_group == value),
    ("Status", |instance, value| instance.status.as_str() == value),
    ("VSwitchId", |instance, value| instance.vswitch.id.as_str() == value),
    ("VpcId", |instance, value| instance.vswitch.vpc.as_str() == value),
    ("ZoneId", |instance, value| instance.vswitch.zone.as_str() == value),
];

/// The modelled parameters that are not filters.
const MODELLED: [&str; 6] = ["RegionId", "InstanceIds", "PageNumber", "PageSize", "MaxResults", "NextToken"];

pub(super) fn list(invocation: &mut Invocation<'_>) -> Result<Value, Answer> {
    invocation.check_modelled(|name, _| modelled(name))?;
    let page = Page::read(invocation, LARGEST_RESULT)?;
    let ids = instance_ids(invocation)?;
    let filters: Vec<_> = FILTERS.iter().filter_map(|(name, filter)| Some((invocation.text(name)?, filter))).collect();
    let tags = invocation.tags();
    let fits = |instance: &Instance| {
        ids.as_ref().is_none_or(|ids| ids.iter().any(|id| id == instance.id.as_str()))
            && filters.iter().all(|(value, filter)| filter(instance, value))
            && tags.iter().all(|(key, value)| {
                instance.tags.get(*key).is_some_and(|given| value.is_none_or(|value| value == given))
            })
    };
    let region = invocation.call.region();
    let found = invocation.world.instances(region).filter(|instance| fits(instance));
    let found: Vec<_> = found.map(|instance| (instance.id.as_str(), instance)).collect();
    let attached_to = |instance: &Instance| -> Vec<&Eni> {
        invocation.world.enis(region).filter(|eni| eni.instance(invocation.now) == Some(&instance.id)).collect()
    };
    let show = |instance: &&Instance| shown::instance(instance, &attached_to(instance));
    Ok(page.answer(&found, ("Instances", "Instance"), show))
}

/// Whether a parameter is modelled. Unknown filters are refused, because ignoring one would show too much.
fn modelled(name: &str) -> bool {
    MODELLED.contains(&name) || name.starts_with("Tag.") || FILTERS.iter().any(|(filter, _)| *filter == name)
}

/// The ids in `InstanceIds`, a string that contains a JSON array (`docs/spec/wire-protocol.md` 6).
fn instance_ids(invocation: &Invocation<'_>) -> Result<Option<Vec<String>>, Answer> {
    let Some(text) = invocation.text("InstanceIds") else { return Ok(None) };
    let refused = || refused_parameter("InvalidParameter", "`InstanceIds` must be a JSON array of at most 100 ids");
    let ids: Vec<String> = serde_json::from_str(text).map_err(|_| refused())?;
    let bounded = i64::try_from(ids.len()).is_ok_and(|count| count <= LARGEST_RESULT);
    if bounded { Ok(Some(ids)) } else { Err(refused()) }
}
