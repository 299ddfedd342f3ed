//! The explanations of a decision: the line, the details, the data.

use std::sync::Arc;

use ram_policy::{
    AttachedTo, Context, ContextKey, Finding, Grounds, LayerKind, Layers, Mismatch, Scoped, Verdict, evaluate,
};
use serde_json::json;

use super::call::{Call, document, identity, sets};

const ENI: &str = "acs:ecs:cn-hangzhou:1:eni/eni-1";
const INSTANCE: &str = "acs:ecs:cn-hangzhou:1:instance/i-1";
const ALL: &str = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;

fn request(identity: &str, resources: &[&str], source_ip: &str) -> Call {
    Call::new(identity, resources).with("acs:SourceIp", source_ip)
}

fn terway() -> Arc<Layers> {
    let terway = "{\"Version\": \"1\", \"Statement\": [\n\
        {\"Effect\": \"Allow\", \"Action\": \"ecs:Describe*\", \"Resource\": \"*\"},\n\
        {\"Sid\": \"Own\", \"Effect\": \"Allow\", \"Action\": \"ecs:*\", \"Resource\": [\"acs:ecs:*:*:eni/eni-1*\", \"acs:ecs:*:*:instance/*\"],\n\
         \"Condition\": {\"IpAddress\": {\"acs:SourceIp\": \"10.0.0.0/8\"}}}\n]}";
    let guard = "{\"Version\": \"1\", \"Statement\": [\n\n\
        {\"Effect\": \"Deny\", \"Action\": \"ecs:Attach*\", \"Resource\": \"acs:ecs:*:*:instance/i-9\"}]}";
    identity(vec![
        (AttachedTo::User, vec![document("terway", terway)]),
        (AttachedTo::Group("netops".into()), vec![document("guard", guard)]),
    ])
}

fn summary(layers: &Arc<Layers>, call: &Call) -> String {
    evaluate(layers, &call.request()).proof(&call.request()).summary().to_string()
}

fn details(layers: &Arc<Layers>, call: &Call) -> String {
    evaluate(layers, &call.request()).proof(&call.request()).details().to_string()
}

#[test]
fn a_summary_is_one_line() {
    let none = identity(Vec::new());
    let user = |resources, ip| request("user/alice", resources, ip);
    for (found, expected) in [
        (summary(&terway(), &user(&[ENI, INSTANCE], "10.1.2.3")), "allow: terway#1 (Sid `Own`, terway.json:3)"),
        (
            summary(&terway(), &user(&["acs:ecs:cn-hangzhou:1:eni/eni-2", INSTANCE], "10.1.2.3")),
            "implicit deny on acs:ecs:cn-hangzhou:1:eni/eni-2: no statement allows it; nearest: terway#1 (Sid `Own`, terway.json:3) resource id does not match",
        ),
        (
            summary(
                &terway(),
                &user(&["acs:ecs:cn-hangzhou:1:eni/eni-2", "acs:ecs:cn-hangzhou:1:instance/i-9"], "10.1.2.3"),
            ),
            "explicit deny on acs:ecs:cn-hangzhou:1:instance/i-9: denied by guard#0 (guard.json:3)",
        ),
        (
            summary(&terway(), &user(&[ENI], "192.0.2.1")),
            "implicit deny on acs:ecs:cn-hangzhou:1:eni/eni-1: no statement allows it; nearest: terway#1 (Sid `Own`, terway.json:3) condition value of `acs:SourceIp` differs: IpAddress `10.0.0.0/8`",
        ),
        (
            summary(&none, &user(&[ENI], "10.1.2.3")),
            "implicit deny on acs:ecs:cn-hangzhou:1:eni/eni-1: no statement allows it; no attached policy allows anything",
        ),
        (
            summary(&terway(), &user(&["acs:ecs:cn-hangzhou:2:eni/eni-1"], "10.1.2.3")),
            "implicit deny on acs:ecs:cn-hangzhou:2:eni/eni-1: it belongs to another account, which the principal's policies do not reach",
        ),
        (
            summary(&none, &request("root", &[ENI], "10.1.2.3")),
            "allow: the account's root owns it; no policy is needed",
        ),
        (summary(&terway(), &user(&[], "10.1.2.3")), "implicit deny: the request names no resource"),
    ] {
        assert_eq!(found, expected);
    }
}

#[test]
fn the_details_have_a_finding_for_every_statement() {
    let call = request("user/alice", &[ENI], "192.0.2.1");
    let expected = "\
implicit deny: ecs:AttachNetworkInterface as 1:user/alice

implicit deny on acs:ecs:cn-hangzhou:1:eni/eni-1: no statement allows it; nearest: terway#1 (Sid `Own`, terway.json:3) \
condition value of `acs:SourceIp` differs: IpAddress `10.0.0.0/8`
  AccountLevelIdentityBasedPolicy: implicit deny
    Allow terway#0 (terway.json:2): action does not match
    Allow terway#1 (Sid `Own`, terway.json:3): condition value of `acs:SourceIp` differs: IpAddress `10.0.0.0/8`; \
the request has `192.0.2.1`
    Deny guard#0 (guard.json:3) by group `netops`: resource type does not match
";
    assert_eq!(details(&terway(), &call), expected);
}

/// Every layer by itself, including those after the one that refuses; the attributes of the resource; the keys that the
/// request lacks.
#[test]
fn the_details_have_every_layer() {
    let mut sets = sets();
    let level = |name: &str| AttachedTo::Level(name.into());
    let region =
        r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "acs:*:cn-beijing:*:*"}]}"#;
    let tagged = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*", "Resource": "*",
        "Condition": {"StringEquals": {"acs:ResourceTag/team": "dev", "acs:Other": "x"}}}]}"#;
    let levels: Arc<[_]> = Arc::new([
        sets.set(level("root-folder"), vec![document("full", ALL)]),
        sets.set(level("member"), vec![document("regions", region)]),
    ]);
    let scoped = |group: &str, sets: &mut ram_policy::PolicySetBuilder| Scoped {
        resource_group: group.into(),
        set: sets.set(AttachedTo::User, vec![document("all", ALL)]),
    };
    let groups = vec![scoped("rg-a", &mut sets), scoped("rg-b", &mut sets)];
    let own = sets.set(AttachedTo::User, vec![document("tagged", tagged)]);
    let layers = Arc::new(Layers::identity([own]).scoped(groups).under(&levels));
    let mut call = Call::new("user/alice", &[ENI]);
    let mut attributes = Context::default();
    attributes.add(ContextKey::tag("team"), "dev");
    attributes.add(ContextKey::ResourceGroupId, "rg-a");
    call.attributes = vec![attributes];
    let expected = "\
implicit deny: ecs:AttachNetworkInterface as 1:user/alice

implicit deny on acs:ecs:cn-hangzhou:1:eni/eni-1: no statement allows it; nearest: regions#0 (regions.json:1) \
region does not match, in the control policies
  it has acs:ResourceTag/team `dev`, acs:ResourceGroupId `rg-a`
  ControlPolicy `root-folder`: allow
    Allow full#0 (full.json:1): applies
  ControlPolicy `member`: implicit deny
    Allow regions#0 (regions.json:1): region does not match
  AccountLevelIdentityBasedPolicy: implicit deny
    Allow tagged#0 (tagged.json:1): condition key `acs:Other` of StringEquals is not in the request
  ResourceGroupLevelIdentityBasedPolicy `rg-a`: allow
    Allow all#0 (all.json:1): applies
  ResourceGroupLevelIdentityBasedPolicy `rg-b`: not evaluated, because the resource is not in this group
    Allow all#0 (all.json:1): resource is not in the policy's resource group

not in the request, but tested by a policy: `acs:Other`
";
    assert_eq!(details(&layers, &call), expected);
    let proof = evaluate(&layers, &call.request());
    assert_eq!(proof.policy_type(), Some("ControlPolicy"));
}

#[test]
fn a_policy_under_quarantine_refuses_every_call_of_its_holder() {
    let layers = Layers::clone(&identity(vec![(AttachedTo::User, vec![document("all", ALL)])]));
    let layers = Arc::new(layers.quarantined("legacy".into()));
    let found = summary(&layers, &Call::new("user/alice", &[ENI]));
    let expected = "implicit deny on acs:ecs:cn-hangzhou:1:eni/eni-1: the principal has the policy `legacy`, which is under \
                    quarantine: what it denies is unknown";
    assert_eq!(found, expected);
    let root = summary(&layers, &Call::new("root", &[ENI]));
    assert_eq!(root, "allow: the account's root owns it; no policy is needed");
}

#[test]
fn the_proof_is_typed() {
    let (layers, call) = (terway(), request("user/alice", &[ENI, INSTANCE], "10.1.2.3"));
    let decision = evaluate(&layers, &call.request());
    assert_eq!((decision.verdict(), decision.policy_type()), (Verdict::Allow, None));
    let request = call.request();
    let proof = decision.proof(&request);
    let [_, instance] = proof.resources() else { panic!() };
    assert_eq!(instance.judged.grounds, Grounds::Policies(LayerKind::AccountIdentity));
    let findings: Vec<_> = instance.layers[0].findings.iter().map(|(_, finding)| *finding).collect();
    let expected = [Finding::Misses(Mismatch::Action), Finding::Decides, Finding::Misses(Mismatch::ResourceId)];
    assert_eq!(findings, expected);
    assert_eq!(instance.nearest_miss().unwrap().0.statement.index(), 0);
}

#[test]
fn the_report_has_the_shape_of_rams_diagnosis() {
    let denied = request("user/alice", &["acs:ecs:cn-hangzhou:1:instance/i-9"], "10.1.2.3");
    let layers = terway();
    let guard = layers.account().iter().flat_map(|set| set.documents()).last().unwrap().digest().to_string();
    let request = denied.request();
    let decision = evaluate(&layers, &request);
    let report = serde_json::to_value(decision.proof(&request).report()).unwrap();
    assert_eq!(report["Verdict"], "ExplicitDeny");
    assert_eq!(report["PolicyType"], "AccountLevelIdentityBasedPolicy");
    let resource = &report["Resources"][0];
    let matched = json!([{
        "Effect": "Deny", "PolicyIdentifier": "guard", "PolicyType": "Custom", "AttachedEntityType": "RamGroup",
        "AttachedScope": "Account", "Statement": 0, "Digest": guard,
    }]);
    assert_eq!(resource["MatchedPolicies"], matched);
    let layer = &resource["Layers"][0];
    assert_eq!(
        (layer["PolicyType"].as_str(), layer["Verdict"].as_str()),
        (Some("AccountLevelIdentityBasedPolicy"), Some("ExplicitDeny"))
    );
    let findings: Vec<_> = (0..3).map(|at| layer["Statements"][at]["Finding"].as_str().unwrap()).collect();
    assert_eq!(findings, ["Action", "Overruled", "Decides"]);
    assert_eq!(layer["Statements"][1]["Line"], 3);
    assert_eq!(layer["Statements"][1]["Sid"], "Own");
}
