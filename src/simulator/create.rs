//! CreateNetworkInterface and DeleteNetworkInterface.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::catalog::Answer;

use super::eni::{Described, Eni, EniKind, OnRelease};
use super::id::SecurityGroupId;
use super::instance::VSwitch;
use super::lifecycle::Life;
use super::operation::{Turn, refused_parameter};
use super::pool::AddressPool;
use super::rules::{self, Subject, judge};
use super::shown;
use super::world::World;

/// What an ENI of this world can have. Anything else would be taken and forgotten, so it is refused.
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
    // Nobody sees a difference: it shows or hides the ENI in the console.
    "Visible",
];
const MODELLED_LISTS: [&str; 2] = ["SecurityGroupIds.", "Tag."];

/// Clients that always send these mean nothing by this value.
const DEFAULTS: [(&str, &str); 3] = [
    ("NetworkInterfaceTrafficMode", "Standard"),
    ("SourceDestCheck", "false"),
    ("SecondaryPrivateIpAddressCount", "0"),
];

pub(super) fn create(turn: &mut Turn<'_>) -> Result<Value, Answer> {
    turn.check_modelled(modelled)?;
    let account = turn.world.account().clone();
    if let Some(earlier) = earlier_of_this_token(turn) {
        return Ok(shown::eni(earlier, &account, turn.now));
    }
    let subject = Subject::of(turn);
    judge(rules::CREATE, &subject)?;
    let vswitch = Arc::clone(subject.vswitch());
    let kind = kind(turn)?;
    let security_groups = security_groups(turn)?;
    let tags = turn.tags().into_iter().map(|(key, value)| (key.to_owned(), value.unwrap_or_default().to_owned()));
    let text = |name: &str| turn.text(name).unwrap_or_default().to_owned();
    let described = Described {
        name: text("NetworkInterfaceName"),
        description: text("Description"),
        resource_group: text("ResourceGroupId"),
        tags: tags.collect::<BTreeMap<_, _>>(),
    };
    let keep = turn.text("DeleteOnRelease").is_some_and(|value| value.eq_ignore_ascii_case("false"));
    let wanted = turn.text("PrimaryIpAddress");
    let client_token = turn.text("ClientToken").map(str::to_owned);
    let eni = Eni {
        address: address(turn.world, &vswitch, wanted)?,
        id: turn.world.new_eni_id(),
        mac: turn.world.new_mac(),
        vswitch,
        kind,
        life: Life::available(),
        security_groups,
        described,
        on_release: if keep { OnRelease::Keep } else { OnRelease::Delete },
        created: turn.now,
        client_token,
    };
    let value = shown::eni(&eni, &account, turn.now);
    turn.world.add_eni(eni);
    Ok(value)
}

pub(super) fn delete(turn: &mut Turn<'_>) -> Result<Value, Answer> {
    let subject = Subject::of(turn);
    judge(rules::DELETE, &subject)?;
    let id = subject.eni().id.clone();
    turn.world.remove_eni(&id);
    Ok(json!({}))
}

fn modelled(name: &str, value: &str) -> bool {
    MODELLED.contains(&name)
        || MODELLED_LISTS.iter().any(|list| name.starts_with(list))
        || DEFAULTS.contains(&(name, value))
}

fn earlier_of_this_token<'a>(turn: &'a Turn<'_>) -> Option<&'a Eni> {
    let token = turn.text("ClientToken")?;
    turn.world.enis(turn.call.region()).find(|eni| eni.client_token.as_deref() == Some(token))
}

/// An ENI is made Secondary or Trunk (`spec/ecs-eni.md` D.2).
fn kind(turn: &Turn<'_>) -> Result<EniKind, Answer> {
    match turn.text("InstanceType") {
        None | Some("Secondary") => Ok(EniKind::Secondary),
        Some("Trunk") => Ok(EniKind::Trunk),
        Some(_) => Err(refused_parameter("InvalidParameter", "`InstanceType` is `Secondary` or `Trunk`")),
    }
}

fn security_groups(turn: &Turn<'_>) -> Result<Vec<SecurityGroupId>, Answer> {
    let given = turn.text("SecurityGroupId").into_iter().chain(turn.list("SecurityGroupIds"));
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
    let address: Ipv4Addr = wanted.parse().map_err(|_| refused("the value is no IPv4 address".to_owned()))?;
    let taken = world.pool(vswitch.id.as_str()).map(|pool| pool.take(address));
    taken.transpose().map_err(|fault| refused(fault.to_string()))?;
    Ok(address)
}
