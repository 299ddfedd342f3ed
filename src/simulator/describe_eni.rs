//! DescribeNetworkInterfaces and DescribeNetworkInterfaceAttribute: what pollers look at.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use crate::catalog::Answer;

use super::eni::Eni;
use super::operation::Turn;
use super::page::Page;
use super::rules::{self, Subject, judge};
use super::shown;

/// The most that `MaxResults` may be (`spec/ecs-eni.md` D.6).
const LARGEST_RESULT: i64 = 500;

/// What an ENI must be when a caller sends the parameter.
type Filter = fn(&Eni, &str, Timestamp) -> bool;

const FILTERS: &[(&str, Filter)] = &[
    ("InstanceId", |eni, value, now| eni.instance(now).is_some_and(|id| id.as_str() == value)),
    ("NetworkInterfaceName", |eni, value, _| eni.described.name == value),
    ("PrimaryIpAddress", |eni, value, _| eni.address.to_string() == value),
    ("ResourceGroupId", |eni, value, _| eni.described.resource_group == value),
    ("SecurityGroupId", |eni, value, _| eni.security_groups.iter().any(|id| id.as_str() == value)),
    ("ServiceManaged", |_, value, _| value.eq_ignore_ascii_case("false")),
    ("Status", |eni, value, now| eni.status(now).as_str() == value),
    ("Type", |eni, value, _| eni.kind.as_str() == value),
    ("VSwitchId", |eni, value, _| eni.vswitch.id.as_str() == value),
    ("VpcId", |eni, value, _| eni.vswitch.vpc.as_str() == value),
];

/// The same for lists: one of their values must fit.
const LIST_FILTERS: &[(&str, Filter)] = &[
    ("PrivateIpAddress", |eni, value, _| eni.address.to_string() == value),
    // No ENI of this world has such an address.
    ("Ipv6Address", |_, _, _| false),
];

pub(super) fn list(turn: &mut Turn<'_>) -> Result<Value, Answer> {
    let page = Page::read(turn, LARGEST_RESULT)?;
    let single: Vec<_> = FILTERS.iter().filter_map(|(name, filter)| Some((turn.text(name)?, filter))).collect();
    let lists: Vec<_> = LIST_FILTERS.iter().map(|(name, filter)| (turn.list(name), filter)).collect();
    let tags = turn.tags();
    let fits = |eni: &Eni| {
        single.iter().all(|(value, filter)| filter(eni, value, turn.now))
            && lists
                .iter()
                .all(|(values, filter)| values.is_empty() || values.iter().any(|value| filter(eni, value, turn.now)))
            && tags.iter().all(|(key, value)| {
                eni.described.tags.get(*key).is_some_and(|given| value.is_none_or(|value| value == given))
            })
    };
    let (world, region) = (&*turn.world, turn.call.region());
    let named: BTreeSet<_> = turn.list("NetworkInterfaceId").into_iter().collect();
    // Pollers name what they wait for: no need to look at anything else.
    let candidates: Vec<&Eni> = if named.is_empty() {
        world.enis(region).collect()
    } else {
        named.iter().filter_map(|id| world.eni(region, id)).collect()
    };
    let found = candidates.into_iter().filter(|eni| fits(eni));
    let found: Vec<_> = found.map(|eni| (eni.id.as_str(), eni)).collect();
    let show = |eni: &&Eni| shown::eni(eni, world.account(), turn.now);
    Ok(page.answer(&found, ("NetworkInterfaceSets", "NetworkInterfaceSet"), show))
}

pub(super) fn one(turn: &mut Turn<'_>) -> Result<Value, Answer> {
    let subject = Subject::of(turn);
    judge(rules::DESCRIBE_ONE, &subject)?;
    Ok(shown::eni(subject.eni(), turn.world.account(), turn.now))
}
