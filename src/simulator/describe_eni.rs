//! DescribeNetworkInterfaces and DescribeNetworkInterfaceAttribute, which clients poll.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use crate::catalog::Answer;

use super::eni::Eni;
use super::invocation::Invocation;
use super::page::Page;
use super::rules::{self, NamedResources, judge};
use super::shown;

/// The maximum of `MaxResults` (`docs/spec/ecs-eni.md` D.6).
const LARGEST_RESULT: i64 = 500;

/// Whether an ENI matches the value of a filter parameter.
type Filter = fn(&Eni, &str, Timestamp) -> bool;

const FILTERS: &[(&str, Filter)] = &[
    ("InstanceId", |eni, value, now| eni.instance(now).is_some_and(|id| id.as_str() == value)),
    ("NetworkInterfaceName", |eni, value, _| eni.labels.name == value),
    ("PrimaryIpAddress", |eni, value, _| eni.address.to_string() == value),
    ("ResourceGroupId", |eni, value, _| eni.labels.resource_group == value),
    ("SecurityGroupId", |eni, value, _| eni.security_groups.iter().any(|id| id.as_str() == value)),
    ("ServiceManaged", |_, value, _| value.eq_ignore_ascii_case("false")),
    ("Status", |eni, value, now| eni.status(now).as_str() == value),
    ("Type", |eni, value, _| eni.kind.as_str() == value),
    ("VSwitchId", |eni, value, _| eni.vswitch.id.as_str() == value),
    ("VpcId", |eni, value, _| eni.vswitch.vpc.as_str() == value),
];

/// The same for list parameters, of which one value must match.
const LIST_FILTERS: &[(&str, Filter)] = &[
    ("PrivateIpAddress", |eni, value, _| eni.address.to_string() == value),
    // No ENI of this world has such an address.
    ("Ipv6Address", |_, _, _| false),
];

pub(super) fn list(invocation: &mut Invocation<'_>) -> Result<Value, Answer> {
    let page = Page::read(invocation, LARGEST_RESULT)?;
    let single: Vec<_> = FILTERS.iter().filter_map(|(name, filter)| Some((invocation.text(name)?, filter))).collect();
    let lists: Vec<_> = LIST_FILTERS.iter().map(|(name, filter)| (invocation.list(name), filter)).collect();
    let tags = invocation.tags();
    let fits = |eni: &Eni| {
        single.iter().all(|(value, filter)| filter(eni, value, invocation.now))
            && lists.iter().all(|(values, filter)| {
                values.is_empty() || values.iter().any(|value| filter(eni, value, invocation.now))
            })
            && tags.iter().all(|(key, value)| {
                eni.labels.tags.get(*key).is_some_and(|given| value.is_none_or(|value| value == given))
            })
    };
    let (world, region) = (&*invocation.world, invocation.call.region());
    let named: BTreeSet<_> = invocation.list("NetworkInterfaceId").into_iter().collect();
    // Clients that poll name the ENIs they wait for, so the others need not be examined.
    let candidates: Vec<&Eni> = if named.is_empty() {
        world.enis(region).collect()
    } else {
        named.iter().filter_map(|id| world.eni(region, id)).collect()
    };
    let found = candidates.into_iter().filter(|eni| fits(eni));
    let found: Vec<_> = found.map(|eni| (eni.id.as_str(), eni)).collect();
    let show = |eni: &&Eni| shown::eni(eni, world.account(), invocation.now);
    Ok(page.answer(&found, ("NetworkInterfaceSets", "NetworkInterfaceSet"), show))
}

pub(super) fn one(invocation: &mut Invocation<'_>) -> Result<Value, Answer> {
    let named = NamedResources::of(invocation);
    judge(rules::DESCRIBE_ONE, &named)?;
    Ok(shown::eni(named.eni(), invocation.world.account(), invocation.now))
}
