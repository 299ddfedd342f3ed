//! Calls bound by the bundled catalogue: what each is judged on, and what has a second reading.

use ram_policy::AccountId;
use ramgate::catalog::{BindError, Binding, Call, Catalog};
use ramgate::ram::{Parameters, ParametersBuilder, Place, Region};

/// What is given beside the region.
type Given = &'static [(&'static str, &'static str)];

/// An operation, what is given, and the resources it comes to.
const BOUND: &[(&str, Given, &[&str])] = &[
    (
        "AttachNetworkInterface",
        &[("NetworkInterfaceId", "eni-1"), ("InstanceId", "i-1")],
        &["ecs:eni/eni-1", "ecs:instance/i-1"],
    ),
    (
        "DetachNetworkInterface",
        &[("InstanceId", "i-1"), ("NetworkInterfaceId", "eni-1")],
        &["ecs:eni/eni-1", "ecs:instance/i-1"],
    ),
    ("DeleteNetworkInterface", &[("NetworkInterfaceId", "leni-1")], &["ecs:eni/leni-1"]),
    ("DescribeNetworkInterfaces", &[], &["ecs:eni/*"]),
    (
        "DescribeNetworkInterfaces",
        &[("NetworkInterfaceId.1", "eni-1"), ("NetworkInterfaceId.2", "eni-2"), ("InstanceId", "i-1")],
        &["ecs:eni/*", "ecs:eni/eni-1", "ecs:eni/eni-2"],
    ),
    ("DescribeInstances", &[("InstanceIds", "[\"i-1\"]"), ("Tag.1.Key", "team")], &["ecs:instance/*"]),
    ("DescribeInstanceAttribute", &[("InstanceId", "i-1")], &["ecs:instance/i-1"]),
    ("DescribeInstanceTypes", &[("InstanceTypes.1", "ecs.g7.large")], &["*"]),
    ("CreateNetworkInterface", &[("VSwitchId", "vsw-1")], &["ecs:eni/*", "vpc:vswitch/vsw-1"]),
    (
        "CreateNetworkInterface",
        &[
            ("VSwitchId", "vsw-1"),
            ("SecurityGroupIds.1", "sg-1"),
            ("SecurityGroupIds.2", "sg-2"),
            ("SecurityGroupId", ""),
        ],
        &["ecs:eni/*", "ecs:securitygroup/sg-1", "ecs:securitygroup/sg-2", "vpc:vswitch/vsw-1"],
    ),
    (
        "ModifyNetworkInterfaceAttribute",
        &[("NetworkInterfaceId", "eni-1"), ("SecurityGroupId.1", "sg-1"), ("Description", "a:b/*")],
        &["ecs:eni/eni-1", "ecs:securitygroup/sg-1"],
    ),
    (
        "AssignPrivateIpAddresses",
        &[("NetworkInterfaceId", "eni-1"), ("PrivateIpAddress.1", "10.0.0.9")],
        &["ecs:eni/eni-1"],
    ),
];

#[test]
fn a_call_is_judged_on_what_it_names() {
    for (operation, given, expected) in BOUND {
        let call = bind(operation, given).unwrap_or_else(|fault| panic!("{operation} {given:?}: {fault}"));
        let found: Vec<_> = call.resources().iter().map(|resource| resource.as_str().to_owned()).collect();
        let expected: Vec<_> = expected.iter().map(|short| whole(short)).collect();
        assert_eq!(found, expected, "{operation} {given:?}");
        assert_eq!(call.resource_types().count(), expected.len(), "{operation}");
    }
}

#[test]
fn a_call_with_another_reading_is_refused() {
    let both = [("NetworkInterfaceId", "eni-1"), ("InstanceId", "i-1")];
    let with = |name, value| bind("AttachNetworkInterface", &[&both[..], &[(name, value)]].concat()).unwrap_err();
    for alike in ["instanceid", "InstanceId.1", "InstanceIds", "networkinterfaceid", "regionID", "action", "ownerid"] {
        assert!(matches!(with(alike, "i-2"), BindError::LookAlike { .. }), "{alike}");
    }
    assert!(matches!(with("Colour", "red"), BindError::Unknown { .. }));
    assert!(matches!(with("ResourceOwnerId", "2"), BindError::Owner { .. }));
    assert!(matches!(with("TrunkNetworkInstanceId", "eni-2"), BindError::Unavailable { .. }));
    assert!(matches!(with("NetworkCardIndex", "first"), BindError::Malformed { .. }));
    assert!(matches!(with("NetworkCardIndex", "64"), BindError::OutOfRange { .. }));
    for index in ["NetworkInterfaceId.0", "NetworkInterfaceId.01", "NetworkInterfaceId"] {
        let listed = bind("DescribeNetworkInterfaces", &[(index, "eni-1")]);
        assert!(matches!(listed, Err(BindError::LookAlike { .. })), "{index}");
    }
    let literal = bind("DescribeNetworkInterfaces", &[("NetworkInterfaceId.N", "eni-1")]);
    assert!(matches!(literal, Err(BindError::Unknown { .. })));
    for value in ["vsw-1/../x", "vsw-*", "vsw 1", "vsw:1"] {
        let created = bind("CreateNetworkInterface", &[("VSwitchId", value)]);
        assert!(matches!(created, Err(BindError::Malformed { .. })), "{value}");
    }
    assert!(matches!(bind("CreateNetworkInterface", &[]), Err(BindError::Missing { .. })));
}

#[test]
fn what_is_left_out_is_named_and_does_not_go_on() {
    let given = [
        ("NetworkInterfaceId", "eni-1"),
        ("on", "AttachNetworkInterface"),
        ("WaitForNetworkConfigurationReady", "true"),
        ("OwnerId", "1234567890123456"),
        ("InstanceId", "i-1"),
    ];
    let call = bind("AttachNetworkInterface", &given).unwrap();
    assert_eq!(call.left_out(), ["on", "WaitForNetworkConfigurationReady", "OwnerId"]);
    let kept: Vec<_> = call.parameters().iter().map(|given| given.name.to_owned()).collect();
    assert_eq!(kept, ["RegionId", "NetworkInterfaceId", "InstanceId"]);
}

fn bind(operation: &str, given: &[(&str, &str)]) -> Result<Call, BindError> {
    let catalog = Catalog::bundled();
    let account: AccountId = "1234567890123456".parse().unwrap();
    let regions: [Region; 1] = ["cn-hangzhou".parse().unwrap()];
    let binding = Binding { account: &account, regions: &regions };
    catalog.bind(catalog.operation(operation).unwrap(), &parameters(given), binding)
}

fn parameters(given: &[(&str, &str)]) -> Parameters {
    let mut builder = ParametersBuilder::default();
    builder.push("RegionId", "cn-hangzhou", Place::Query);
    for (name, value) in given {
        builder.push(name, value, Place::Query);
    }
    builder.finish().unwrap()
}

/// `ecs:eni/eni-1` with region and account.
fn whole(short: &str) -> String {
    short.split_once(':').map_or_else(
        || short.to_owned(),
        |(service, relative)| format!("acs:{service}:cn-hangzhou:1234567890123456:{relative}"),
    )
}
