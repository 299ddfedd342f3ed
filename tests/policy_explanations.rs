//! What a decision says of itself: the line, the details, the data.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use ramgate::policy::{
    AttachedTo, Attachment, Decision, Document, Finding, Grounds, Layer, Layers, Mismatch, Verdict, evaluate,
};
use ramgate::ram::{Context, Principal, Request};
use ramgate::source::Source;
use serde_json::json;

const ENI: &str = "acs:ecs:cn-hangzhou:1:eni/eni-1";
const INSTANCE: &str = "acs:ecs:cn-hangzhou:1:instance/i-1";

fn attach(name: &str, text: &str, to: AttachedTo) -> Attachment {
    let document = Document::parse(name, Source::new(format!("{name}.json"), text)).unwrap();
    Attachment { document: Arc::new(document), to }
}

fn request(identity: &str, resources: &[&str], source_ip: &str) -> Request {
    let mut context = Context::default();
    context.insert("acs:SourceIp".parse().unwrap(), source_ip);
    Request {
        principal: Principal { account: "1".parse().unwrap(), identity: identity.parse().unwrap() },
        action: "ecs:AttachNetworkInterface".parse().unwrap(),
        resources: resources.iter().map(|arn| arn.parse().unwrap()).collect(),
        context,
    }
}

fn terway() -> Layers {
    let terway = "{\"Version\": \"1\", \"Statement\": [\n\
        {\"Effect\": \"Allow\", \"Action\": \"ecs:Describe*\", \"Resource\": \"*\"},\n\
        {\"Sid\": \"Own\", \"Effect\": \"Allow\", \"Action\": \"ecs:*\", \"Resource\": [\"acs:ecs:*:*:eni/eni-1*\", \"acs:ecs:*:*:instance/*\"],\n\
         \"Condition\": {\"IpAddress\": {\"acs:SourceIp\": \"10.0.0.0/8\"}}}\n]}";
    let guard = "{\"Version\": \"1\", \"Statement\": [\n\n\
        {\"Effect\": \"Deny\", \"Action\": \"ecs:Attach*\", \"Resource\": \"acs:ecs:*:*:instance/i-9\"}]}";
    Layers::identity(vec![
        attach("terway", terway, AttachedTo::User),
        attach("guard", guard, AttachedTo::Group("netops".into())),
    ])
}

fn judge(layers: Layers, request: &Request) -> Decision {
    evaluate(&Arc::new(layers), request)
}

#[test]
fn a_summary_is_one_line() {
    let summary = |layers, request: &Request| judge(layers, request).summary().to_string();
    let none = Layers::identity(Vec::new());
    let user = |resources, ip| request("user/alice", resources, ip);
    for (found, expected) in [
        (summary(terway(), &user(&[ENI, INSTANCE], "10.1.2.3")), "allow: terway#1 (Sid `Own`, terway.json:3)"),
        (
            summary(terway(), &user(&["acs:ecs:cn-hangzhou:1:eni/eni-2", INSTANCE], "10.1.2.3")),
            "implicit deny on acs:ecs:cn-hangzhou:1:eni/eni-2: no statement allows it; nearest: terway#1 (Sid `Own`, terway.json:3) resource id does not match",
        ),
        (
            summary(
                terway(),
                &user(&["acs:ecs:cn-hangzhou:1:eni/eni-2", "acs:ecs:cn-hangzhou:1:instance/i-9"], "10.1.2.3"),
            ),
            "explicit deny on acs:ecs:cn-hangzhou:1:instance/i-9: denied by guard#0 (guard.json:3)",
        ),
        (
            summary(terway(), &user(&[ENI], "192.0.2.1")),
            "implicit deny on acs:ecs:cn-hangzhou:1:eni/eni-1: no statement allows it; nearest: terway#1 (Sid `Own`, terway.json:3) condition value of `acs:SourceIp` differs: IpAddress `10.0.0.0/8`",
        ),
        (
            summary(none.clone(), &user(&[ENI], "10.1.2.3")),
            "implicit deny on acs:ecs:cn-hangzhou:1:eni/eni-1: no statement allows it; no attached policy allows anything",
        ),
        (
            summary(terway(), &user(&["acs:ecs:cn-hangzhou:2:eni/eni-1"], "10.1.2.3")),
            "implicit deny on acs:ecs:cn-hangzhou:2:eni/eni-1: it belongs to another account than the principal, which no policy reaches",
        ),
        (
            summary(none.clone(), &request("root", &[ENI], "10.1.2.3")),
            "allow: the account's root owns it, no policy needed",
        ),
        (summary(terway(), &user(&[], "10.1.2.3")), "implicit deny: the request names no resource"),
    ] {
        assert_eq!(found, expected);
    }
}

#[test]
fn the_details_tell_what_became_of_every_statement() {
    let request = request("user/alice", &[ENI], "192.0.2.1");
    let expected = "\
implicit deny: ecs:AttachNetworkInterface as 1:user/alice

implicit deny on acs:ecs:cn-hangzhou:1:eni/eni-1: no statement allows it; nearest: terway#1 (Sid `Own`, terway.json:3) \
condition value of `acs:SourceIp` differs: IpAddress `10.0.0.0/8`
  AccountLevelIdentityBasedPolicy
    Allow terway#0 (terway.json:2): action does not match
    Allow terway#1 (Sid `Own`, terway.json:3): condition value of `acs:SourceIp` differs: IpAddress `10.0.0.0/8`; \
the request has `192.0.2.1`
    Deny guard#0 (guard.json:3) by group `netops`: resource type does not match
";
    assert_eq!(judge(terway(), &request).details(&request).to_string(), expected);
}

#[test]
fn the_proof_is_typed() {
    let decision = judge(terway(), &request("user/alice", &[ENI, INSTANCE], "10.1.2.3"));
    assert_eq!((decision.verdict(), decision.policy_type()), (Verdict::Allow, None));
    let judgements: Vec<_> = decision.judgements().collect();
    assert_eq!(judgements.len(), 2);
    assert!(matches!(judgements[0].grounds(), Grounds::Policies(_)));
    let findings: Vec<_> = judgements[1].findings().map(|(_, finding)| finding).collect();
    let expected = [Finding::Misses(Mismatch::Action), Finding::Decides, Finding::Misses(Mismatch::ResourceId)];
    assert_eq!(findings, expected);
    assert_eq!(judgements[1].nearest_miss().unwrap().0.statement.index(), 0);
}

#[test]
fn the_data_has_the_shape_of_rams_diagnosis() {
    let denied = request("user/alice", &["acs:ecs:cn-hangzhou:1:instance/i-9"], "10.1.2.3");
    let layers = terway();
    let guard = layers.iter().flat_map(Layer::attachments).last().unwrap().document.digest().to_owned();
    let report = serde_json::to_value(judge(layers, &denied).report()).unwrap();
    assert_eq!(report["Verdict"], "ExplicitDeny");
    assert_eq!(report["PolicyType"], "AccountLevelIdentityBasedPolicy");
    let resource = &report["Resources"][0];
    let matched = json!([{
        "Effect": "Deny", "PolicyIdentifier": "guard", "PolicyType": "Custom", "AttachedEntityType": "RamGroup",
        "AttachedScope": "Account", "Statement": 0, "Digest": guard,
    }]);
    assert_eq!(resource["MatchedPolicies"], matched);
    let findings: Vec<_> = (0..3).map(|at| resource["Statements"][at]["Finding"].as_str().unwrap()).collect();
    assert_eq!(findings, ["Action", "Overruled", "Decides"]);
    assert_eq!(resource["Statements"][1]["Line"], 3);
    assert_eq!(resource["Statements"][1]["Sid"], "Own");
}
