//! The operations that change ENIs: create, delete, attach and detach. An attach or detach takes some time to complete.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::catalog::Answer;
use crate::ram::Region;

use super::eni::{Eni, EniKind, Labels, OnRelease};
use super::id::{InstanceId, SecurityGroupId};
use super::instance::VSwitch;
use super::invocation::{Invocation, refused_parameter};
use super::lifecycle::{Attachment, Life};
use super::pool::AddressPool;
use super::rules::{self, NamedResources, RuleOutcome, judge};
use super::shown;
use super::world::World;

/// The parameters that this world models. Others are refused, because their values would be lost.
const MODELLED: [&str; 11] = [
    "ClientToken",
    "DeleteOnRelease",
    "Description",
    "InstanceType",
    "NetworkInterfaceName",
    "PrimaryIpAddress",
    "RegionId",
    "ResourceGroupId",
    "SecurityGroupId",
    "VSwitchId",
    // It has no effect on the API: it shows or hides the ENI in the console.
    "Visible",
];
const MODELLED_LISTS: [&str; 2] = ["SecurityGroupIds.", "Tag."];

/// Defaults that some clients always send.
const DEFAULTS: [(&str, &str); 3] = [
    ("NetworkInterfaceTrafficMode", "Standard"),
    ("SourceDestCheck", "false"),
    ("SecondaryPrivateIpAddressCount", "0"),
];

pub(super) fn attach(invocation: &mut Invocation<'_>) -> Result<Value, Answer> {
    let named = NamedResources::of(invocation);
    if judge(rules::ATTACH, &named)? == RuleOutcome::DoneAlready {
        return Ok(json!({}));
    }
    let (eni, instance) = (named.eni().id.clone(), named.instance().id.clone());
    let attachment = Attachment {
        device_index: free_device_index(invocation.world, invocation.call.region(), &instance, invocation.now),
        network_card_index: invocation.number("NetworkCardIndex").and_then(|index| index.try_into().ok()).unwrap_or(0),
        since: invocation.now,
        instance,
    };
    let life = Life::attached(attachment, invocation.settles_at());
    if let Some(eni) = invocation.world.eni_mut(&eni) {
        eni.life = life;
    }
    Ok(json!({}))
}

pub(super) fn detach(invocation: &mut Invocation<'_>) -> Result<Value, Answer> {
    let named = NamedResources::of(invocation);
    judge(rules::DETACH, &named)?;
    let eni = named.eni().id.clone();
    let settles_at = invocation.settles_at();
    if let Some(eni) = invocation.world.eni_mut(&eni) {
        eni.life.detach(settles_at);
    }
    Ok(json!({}))
}

pub(super) fn create(invocation: &mut Invocation<'_>) -> Result<Value, Answer> {
    invocation.check_modelled(modelled)?;
    let account = invocation.world.account().clone();
    if let Some(earlier) = earlier_of_this_token(invocation) {
        return Ok(shown::eni(earlier, &account, invocation.now));
    }
    let named = NamedResources::of(invocation);
    judge(rules::CREATE, &named)?;
    let vswitch = Arc::clone(named.vswitch());
    let kind = kind(invocation)?;
    let security_groups = security_groups(invocation)?;
    let tags = invocation.tags().into_iter().map(|(key, value)| (key.to_owned(), value.unwrap_or_default().to_owned()));
    let text = |name: &str| invocation.text(name).unwrap_or_default().to_owned();
    let labels = Labels {
        name: text("NetworkInterfaceName"),
        description: text("Description"),
        resource_group: text("ResourceGroupId"),
        tags: tags.collect::<BTreeMap<_, _>>(),
    };
    let keep = invocation.text("DeleteOnRelease").is_some_and(|value| value.eq_ignore_ascii_case("false"));
    let wanted = invocation.text("PrimaryIpAddress");
    let client_token = invocation.text("ClientToken").map(str::to_owned);
    let eni = Eni {
        address: address(invocation.world, &vswitch, wanted)?,
        id: invocation.world.new_eni_id(),
        mac: invocation.world.new_mac(),
        vswitch,
        kind,
        life: Life::available(),
        security_groups,
        labels,
        on_release: if keep { OnRelease::Keep } else { OnRelease::Delete },
        created: invocation.now,
        client_token,
    };
    let value = shown::eni(&eni, &account, invocation.now);
    invocation.world.add_eni(eni);
    Ok(value)
}

pub(super) fn delete(invocation: &mut Invocation<'_>) -> Result<Value, Answer> {
    let named = NamedResources::of(invocation);
    judge(rules::DELETE, &named)?;
    let id = named.eni().id.clone();
    invocation.world.remove_eni(&id);
    Ok(json!({}))
}

fn modelled(name: &str, value: &str) -> bool {
    MODELLED.contains(&name)
        || MODELLED_LISTS.iter().any(|list| name.starts_with(list))
        || DEFAULTS.contains(&(name, value))
}

fn earlier_of_this_token<'a>(invocation: &'a Invocation<'_>) -> Option<&'a Eni> {
    let token = invocation.text("ClientToken")?;
    invocation.world.enis(invocation.call.region()).find(|eni| eni.client_token.as_deref() == Some(token))
}

/// Only Secondary and Trunk ENIs can be created (`docs/spec/ecs-eni.md` D.2).
fn kind(invocation: &Invocation<'_>) -> Result<EniKind, Answer> {
    match invocation.text("InstanceType") {
        None | Some("Secondary") => Ok(EniKind::Secondary),
        Some("Trunk") => Ok(EniKind::Trunk),
        Some(_) => Err(refused_parameter("InvalidParameter", "`InstanceType` must be `Secondary` or `Trunk`")),
    }
}

fn security_groups(invocation: &Invocation<'_>) -> Result<Vec<SecurityGroupId>, Answer> {
    let given = invocation.text("SecurityGroupId").into_iter().chain(invocation.list("SecurityGroupIds"));
    let groups: Result<Vec<_>, _> = given.map(str::parse).collect();
    groups.map_err(|error| refused_parameter("InvalidParameter", format!("{error}")))
}

fn address(world: &mut World, vswitch: &VSwitch, wanted: Option<&str>) -> Result<Ipv4Addr, Answer> {
    let Some(wanted) = wanted else {
        let full = || Answer {
            status: 403,
            code: "InvalidVSwitchId.IpNotEnough".to_owned(),
            message: "The specified VSwitch has no free private IP address.".to_owned(),
        };
        return world.pool(vswitch.id.as_str()).and_then(AddressPool::take_any).ok_or_else(full);
    };
    let refused = |reason: String| refused_parameter("InvalidParameter", format!("`PrimaryIpAddress`: {reason}"));
    let address: Ipv4Addr = wanted.parse().map_err(|_| refused("the value is not an IPv4 address".to_owned()))?;
    let taken = world.pool(vswitch.id.as_str()).map(|pool| pool.take(address));
    taken.transpose().map_err(|error| refused(error.to_string()))?;
    Ok(address)
}

/// The lowest device index that is free on the instance. The primary ENI has index 0.
fn free_device_index(world: &World, region: &Region, instance: &InstanceId, now: Timestamp) -> u32 {
    let attachments = world.enis(region).filter_map(|eni| eni.life.attachment(now));
    let taken: BTreeSet<u32> = attachments
        .filter(|attachment| attachment.instance == *instance)
        .map(|attachment| attachment.device_index)
        .collect();
    (1..).find(|index| !taken.contains(index)).unwrap_or(u32::MAX)
}
