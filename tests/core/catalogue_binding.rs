//! Calls bound by the bundled catalogue: the resources that each is judged on, and ambiguous calls that are refused.

use ram_policy::AccountId;
use ramgate::catalog::{BindError, Binding, Call, Catalog};
use ramgate::ram::{Parameters, ParametersBuilder, Place, Region};

/// Parameters besides `RegionId`.
type Given = &'static [(&'static str, &'static str)];

/// An operation, its parameters, and the resources that the call is judged on.
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
fn a_call_is_judged_on_the_resources_that_its_parameters_name() {
    for (operation, given, expected) in BOUND {
        let call = bind(operation, given).unwrap_or_else(|error| panic!("{operation} {given:?}: {error}"));
        let found: Vec<_> = call.resources().iter().map(|resource| resource.as_str().to_owned()).collect();
        let expected: Vec<_> = expected.iter().map(|short| whole(short)).collect();
        assert_eq!(found, expected, "{operation} {given:?}");
        assert_eq!(call.resource_types().count(), expected.len(), "{operation}");
    }
}

#[test]
fn an_ambiguous_or_malformed_call_is_refused() {
    let both = [("NetworkInterfaceId", "eni-1"), ("InstanceId", "i-1")];
    let with = |name, value| bind("AttachNetworkInterface", &[&both[..], &[(name, value)]].concat()).unwrap_err();
    for look_alike in
        ["instanceid", "InstanceId.1", "InstanceIds", "networkinterfaceid", "regionID", "action", "ownerid"]
    {
        assert!(matches!(with(look_alike, "i-2"), BindError::LookAlike { .. }), "{look_alike}");
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
fn parameters_that_are_not_forwarded_are_listed() {
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

/// The ARN of `ecs:eni/eni-1`, with region and account.
fn whole(short: &str) -> String {
    short.split_once(':').map_or_else(
        || short.to_owned(),
        |(service, relative)| format!("acs:{service}:cn-hangzhou:1234567890123456:{relative}"),
    )
}
