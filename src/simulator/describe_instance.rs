//! DescribeInstances: which instances there are, and what is attached to them.

use serde_json::Value;

use crate::catalog::Answer;

use super::eni::Eni;
use super::instance::Instance;
use super::operation::{Turn, refused_parameter};
use super::page::Page;
use super::shown;

/// The most that `MaxResults` may be, and the most ids that `InstanceIds` may hold.
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

/// Besides the filters.
const MODELLED: [&str; 6] = ["RegionId", "InstanceIds", "PageNumber", "PageSize", "MaxResults", "NextToken"];

pub(super) fn list(turn: &mut Turn<'_>) -> Result<Value, Answer> {
    turn.check_modelled(|name, _| modelled(name))?;
    let page = Page::read(turn, LARGEST_RESULT)?;
    let ids = instance_ids(turn)?;
    let filters: Vec<_> = FILTERS.iter().filter_map(|(name, filter)| Some((turn.text(name)?, filter))).collect();
    let tags = turn.tags();
    let fits = |instance: &Instance| {
        ids.as_ref().is_none_or(|ids| ids.iter().any(|id| id == instance.id.as_str()))
            && filters.iter().all(|(value, filter)| filter(instance, value))
            && tags.iter().all(|(key, value)| {
                instance.tags.get(*key).is_some_and(|given| value.is_none_or(|value| value == given))
            })
    };
    let region = turn.call.region();
    let found = turn.world.instances(region).filter(|instance| fits(instance));
    let found: Vec<_> = found.map(|instance| (instance.id.as_str(), instance)).collect();
    let attached_to = |instance: &Instance| -> Vec<&Eni> {
        turn.world.enis(region).filter(|eni| eni.instance(turn.now) == Some(&instance.id)).collect()
    };
    let show = |instance: &&Instance| shown::instance(instance, &attached_to(instance));
    Ok(page.answer(&found, ("Instances", "Instance"), show))
}

/// A filter that is not applied would show what was not asked for.
fn modelled(name: &str) -> bool {
    MODELLED.contains(&name) || name.starts_with("Tag.") || FILTERS.iter().any(|(filter, _)| *filter == name)
}

/// One string that holds a JSON array (`spec/wire-protocol.md` 6).
fn instance_ids(turn: &Turn<'_>) -> Result<Option<Vec<String>>, Answer> {
    let Some(text) = turn.text("InstanceIds") else { return Ok(None) };
    let refused = || refused_parameter("InvalidParameter", "`InstanceIds` is a JSON array of at most 100 ids");
    let ids: Vec<String> = serde_json::from_str(text).map_err(|_| refused())?;
    let bounded = i64::try_from(ids.len()).is_ok_and(|count| count <= LARGEST_RESULT);
    if bounded { Ok(Some(ids)) } else { Err(refused()) }
}
