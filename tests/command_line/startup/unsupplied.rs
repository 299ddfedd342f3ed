//! The start warns about each statement that depends on a condition key which the gateway cannot supply.

use std::fs;

use super::{TORN, could_not_start, ready};
use crate::support::ramgate;

const POLICY: &str = r#"{"Version": "1", "Statement": [
{"Effect": "Allow", "Action": "*", "Resource": "*"},
{"Effect": "Deny", "Action": "ecs:AttachNetworkInterface", "Resource": "*",
 "Condition": {"StringEquals": {"acs:SourceVpc": "vpc-1"}}},
{"Effect": "Allow", "Action": "ecs:RunInstances", "Resource": "*",
 "Condition": {"StringEquals": {"ecs:InstanceType": "ecs.g6.large"}}},
{"Effect": "Deny", "Action": "ecs:CreateNetworkInterface", "Resource": "*",
 "Condition": {"StringEquals": {"acs:RequestTag/env": "prod"}}}]}"#;

#[test]
fn the_start_warns_about_statements_on_keys_that_cannot_be_supplied() {
    let folder = ready();
    fs::write(folder.path().join("policies/all.json"), POLICY).unwrap();
    let start = |more: &str| {
        let text = format!("{}{more}", super::CONFIGURATION);
        fs::write(folder.path().join("ramgate.toml"), text).unwrap();
        let ran = ramgate(folder.path(), &["serve", "--config", "ramgate.toml", "--audit", "torn.jsonl"]);
        could_not_start(&ran, TORN);
        ran.stderr
    };
    let denied = "warning: `acs:SourceVpc` is not known for `AttachNetworkInterface`";
    let consequence = "every call that the Deny covers there is refused";
    let unlisted = "warning: `ecs:InstanceType` is not known for `RunInstances`";
    for (more, judged) in [
        ("", false),
        ("[operations]\nother = \"forward\"\n", false),
        ("[operations]\nother = \"evaluate\"\n", true),
        (
            "[[product]]\nname = \"vpc\"\nversion = \"2016-04-28\"\nhosts = [\"vpc.example\"]\nother = \"evaluate\"\n",
            true,
        ),
    ] {
        let warnings = start(more);
        assert!(warnings.contains(denied) && warnings.contains(consequence), "{more}: {warnings}");
        assert!(
            warnings.contains("policies/all.json:4:") && warnings.contains("all.json:4:"),
            "the place: {more}: {warnings}"
        );
        assert_eq!(warnings.contains(unlisted), judged, "{more}: {warnings}");
        assert!(!warnings.contains("acs:RequestTag"), "the call itself supplies request tags: {more}: {warnings}");
    }
    // A finding in the ignore list causes no warning.
    let list = "[[ignore]]\nrule = \"key-not-supplied\"\npolicy = \"all\"\nstatement = 1\nreason = \"known\"\n";
    fs::write(folder.path().join("policies/lint.toml"), list).unwrap();
    assert!(!start("").contains("is not known for"));
    // A policy that is attached to no principal causes no warning.
    fs::remove_file(folder.path().join("policies/lint.toml")).unwrap();
    let policies = folder.path().join("policies");
    fs::rename(policies.join("all.json"), policies.join("other.json")).unwrap();
    let all = "{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}";
    fs::write(policies.join("all.json"), all).unwrap();
    assert!(!start("").contains("is not known for"));
}
