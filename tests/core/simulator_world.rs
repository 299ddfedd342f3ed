//! World files of the embedded ECS: malformed ones are refused, with each error at its place.

use ram_policy::{Diagnostic, Source};
use ramgate::simulator::World;

/// A valid world. Each case changes one part of it.
const GOOD: &str = r#"schema = 1
account = "1234567890123456"
[[vswitch]]
id = "vsw-a"
vpc = "vpc-a"
region = "cn-hangzhou"
zone = "cn-hangzhou-h"
cidr = "10.0.1.0/29"
[[vswitch]]
id = "vsw-b"
vpc = "vpc-b"
region = "cn-beijing"
zone = "cn-beijing-a"
cidr = "10.0.2.0/24"
[[instance]]
id = "i-a"
vswitch = "vsw-a"
type = "ecs.g7.xlarge"
[[eni]]
id = "eni-primary"
vswitch = "vsw-a"
type = "Primary"
instance = "i-a"
[[eni]]
id = "eni-a"
vswitch = "vsw-a"
private_ip = "10.0.1.1"
"#;

fn diagnostics(text: &str) -> Vec<Diagnostic> {
    World::read(&Source::new("w.toml", text)).err().unwrap_or_default()
}

fn lines(text: &str) -> Vec<String> {
    diagnostics(text).iter().map(ToString::to_string).collect()
}

#[test]
fn a_valid_world_loads() {
    let world = World::read(&Source::new("w.toml", GOOD)).expect("a valid world");
    assert_eq!(world.account().as_str(), "1234567890123456");
    let regions: Vec<_> = world.regions().iter().map(ToString::to_string).collect();
    assert_eq!(regions, ["cn-beijing", "cn-hangzhou"]);
    assert_eq!(World::demo().regions().len(), 1);
}

#[test]
fn each_error_in_a_world_is_reported_at_its_place() {
    let cases = [
        ("schema = 1", "schema = 2", "1:10: the schema is unknown"),
        (r#""1234567890123456""#, r#""12ab""#, "2:11: `12ab` is not a valid account id"),
        (r#"vpc = "vpc-a""#, r#"vpc = "vpd-a""#, "5:7: `vpd-a` is not a valid VPC id"),
        (r#"region = "cn-hangzhou""#, r#"region = "Hangzhou""#, "6:10: `Hangzhou` is not a region id"),
        (r#""cn-hangzhou-h""#, r#""""#, "7:8: `` is not a valid zone id"),
        ("10.0.1.0/29", "10.0.1.0/30", "8:8: `10.0.1.0/30` is not a valid address block for a vSwitch"),
        ("10.0.1.0/29", "10.0.1.0", "8:8: `10.0.1.0` is not a valid address block for a vSwitch"),
        (r#"id = "vsw-b""#, r#"id = "vsw-a""#, "10:6: `vsw-a` is given twice"),
        (r#"type = "ecs"#, "status = \"Broken\"\ntype = \"ecs", "18:10: `Broken` is not an instance status"),
        (r#"type = "Primary""#, r#"type = "Main""#, "22:8: `Main` is not an ENI type"),
        ("instance = \"i-a\"", "instance = \"i-b\"", "23:12: there is no instance `i-b`"),
        ("instance = \"i-a\"\n", "", "20:6: a primary ENI without an instance"),
        ("type = \"Primary\"\n", "", "16:6: the instance has no primary ENI"),
        (r#"id = "eni-a""#, r#"id = "eni-primary""#, "25:6: `eni-primary` is given twice"),
        (r#"id = "eni-a""#, r#"id = "ENI-a""#, "25:6: `ENI-a` is not a valid ENI id"),
        ("private_ip = \"10.0.1.1\"", "private_ip = \"10.0.1.9\"", "27:14: `10.0.1.9`: the address is not available"),
        ("private_ip = \"10.0.1.1\"", "private_ip = \"ten\"", "27:14: invalid IPv4 address syntax"),
        ("private_ip = \"10.0.1.1\"", "status = \"Detaching\"", "27:10: `Detaching` without an instance"),
        ("private_ip = \"10.0.1.1\"", "status = \"Idle\"", "27:10: `Idle` is not an ENI status"),
        (
            "private_ip = \"10.0.1.1\"",
            "status = \"Available\"\ninstance = \"i-a\"",
            "27:10: `Available` is not possible for this type with an instance",
        ),
        ("private_ip = \"10.0.1.1\"", "type = \"Primary\"\ninstance = \"i-a\"", "16:6: the instance has more than one"),
        ("private_ip = \"10.0.1.1\"", "created = \"today\"", "27:11: `today` is not a valid time"),
        ("private_ip = \"10.0.1.1\"", "security_groups = [\"x\"]", "27:20: `x` is not a valid security group id"),
        ("private_ip = \"10.0.1.1\"", "colour = 1", "27:1: unknown field"),
        ("account = ", "account ", "2:9: "),
    ];
    for (good, bad, expected) in cases {
        let text = GOOD.replacen(good, bad, 1);
        assert_ne!(text, GOOD, "{good}");
        let got = lines(&text);
        assert!(
            got.iter().any(|line| line.starts_with(&format!("w.toml:{expected}"))),
            "{bad}: expected {expected}, got {got:#?}"
        );
    }
}

#[test]
fn an_eni_attached_across_zones_or_vpcs_is_an_error() {
    let text = format!("{GOOD}[[eni]]\nid = \"eni-far\"\nvswitch = \"vsw-b\"\ninstance = \"i-a\"\n");
    let expected =
        "w.toml:31:12: `i-a` is in another zone or VPC than the ENI; put both into vSwitches of the same zone and VPC";
    assert_eq!(lines(&text), [expected]);
}

#[test]
fn addresses_of_a_vswitch_are_limited_and_unique() {
    let more = |count: usize| -> String {
        (0..count).map(|n| format!("[[eni]]\nid = \"eni-x{n}\"\nvswitch = \"vsw-a\"\n")).collect()
    };
    assert!(diagnostics(&format!("{GOOD}{}", more(2))).is_empty());
    assert_eq!(
        lines(&format!("{GOOD}{}", more(3))),
        ["w.toml:36:11: `vsw-a` has no address left; give the vSwitch a larger block"]
    );
    let twice = format!("{GOOD}[[eni]]\nid = \"eni-x\"\nvswitch = \"vsw-a\"\nprivate_ip = \"10.0.1.1\"\n");
    assert!(lines(&twice)[0].contains(":31:14: `10.0.1.1`: the address is taken;"), "{:?}", lines(&twice));
}

#[test]
fn all_errors_of_a_world_are_reported_together() {
    let text = GOOD.replace("cn-hangzhou-h", "").replace("\"i-a\"", "\"I\"").replace("10.0.2.0/24", "x");
    let lines = lines(&text);
    assert!(lines.len() >= 3, "{lines:#?}");
    assert!(diagnostics("schema = 1\naccount = \"1\"\n")[0].span.is_none());
}
