//! ENIs and instances as the describe operations show them (`docs/spec/wire-protocol.md` 6, `docs/spec/ecs-eni.md`
//! D.6).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::identity::format_timestamp;
use ram_policy::AccountId;

use super::eni::{Eni, EniKind, OnRelease};
use super::id::SecurityGroupId;
use super::instance::Instance;
use super::lifecycle::Attachment;

pub(super) fn eni(eni: &Eni, account: &AccountId, now: Timestamp) -> Value {
    let attachment = eni.life.attachment(now);
    let address = eni.address.to_string();
    json!({
        "NetworkInterfaceId": eni.id.as_str(),
        "NetworkInterfaceName": eni.labels.name,
        "Description": eni.labels.description,
        "Status": eni.status(now).as_str(),
        "Type": eni.kind.as_str(),
        "InstanceId": attachment.map_or("", |attachment| attachment.instance.as_str()),
        "VpcId": eni.vswitch.vpc.as_str(),
        "VSwitchId": eni.vswitch.id.as_str(),
        "ZoneId": eni.vswitch.zone.as_str(),
        "MacAddress": eni.mac.to_string(),
        "PrivateIpAddress": address,
        "PrivateIpSets": {"PrivateIpSet": [{"PrivateIpAddress": address, "Primary": true}]},
        "Ipv6Sets": {"Ipv6Set": []},
        "SecurityGroupIds": {"SecurityGroupId": security_groups(eni)},
        "Attachment": attachment.map_or_else(|| json!({}), shown_attachment),
        "CreationTime": format_timestamp(eni.created),
        "DeleteOnRelease": eni.on_release == OnRelease::Delete,
        "NetworkInterfaceTrafficMode": "Standard",
        "OwnerId": account.as_str(),
        "ResourceGroupId": eni.labels.resource_group,
        "ServiceManaged": false,
        "SourceDestCheck": false,
        "Tags": {"Tag": tags(&eni.labels.tags)},
    })
}

/// `enis` are the ENIs attached to the instance.
pub(super) fn instance(instance: &Instance, enis: &[&Eni]) -> Value {
    let primary = enis.iter().find(|eni| eni.kind == EniKind::Primary);
    json!({
        "InstanceId": instance.id.as_str(),
        "InstanceName": instance.name,
        "HostName": instance.name,
        "InstanceType": instance.instance_type,
        "InstanceNetworkType": "vpc",
        "RegionId": instance.vswitch.region.as_str(),
        "ZoneId": instance.vswitch.zone.as_str(),
        "ResourceGroupId": instance.resource_group,
        "Status": instance.status.as_str(),
        "VpcAttributes": {
            "VpcId": instance.vswitch.vpc.as_str(),
            "VSwitchId": instance.vswitch.id.as_str(),
            "PrivateIpAddress": {
                "IpAddress": primary.iter().map(|eni| eni.address.to_string()).collect::<Vec<_>>(),
            },
        },
        "SecurityGroupIds": {
            "SecurityGroupId": primary.map(|eni| security_groups(eni)).unwrap_or_default(),
        },
        "NetworkInterfaces": {
            "NetworkInterface": enis.iter().map(|eni| interface(eni)).collect::<Vec<_>>(),
        },
        "Tags": {"Tag": tags(&instance.tags)},
    })
}

fn interface(eni: &Eni) -> Value {
    let address = eni.address.to_string();
    json!({
        "NetworkInterfaceId": eni.id.as_str(),
        "MacAddress": eni.mac.to_string(),
        "PrimaryIpAddress": address,
        "Type": eni.kind.as_str(),
        "PrivateIpSets": {"PrivateIpSet": [{"PrivateIpAddress": address, "Primary": true}]},
    })
}

fn shown_attachment(attachment: &Attachment) -> Value {
    json!({
        "InstanceId": attachment.instance.as_str(),
        "DeviceIndex": attachment.device_index,
        "NetworkCardIndex": attachment.network_card_index,
        "AttachedTime": format_timestamp(attachment.since),
        "TrunkNetworkInterfaceId": "",
        "MemberNetworkInterfaceIds": {"MemberNetworkInterfaceId": []},
    })
}

fn security_groups(eni: &Eni) -> Vec<&str> {
    eni.security_groups.iter().map(SecurityGroupId::as_str).collect()
}

fn tags(tags: &BTreeMap<String, String>) -> Vec<Value> {
    tags.iter().map(|(key, value)| json!({"TagKey": key, "TagValue": value})).collect()
}
