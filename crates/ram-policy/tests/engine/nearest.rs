//! The reason for a denial among very many statements: it names the closest statement, or says that not all were
//! examined.

use std::sync::Arc;

use ram_policy::{AttachedTo, Layers, evaluate};

use super::call::{Call, document, identity};

const RIGHTS: usize = 10_000;

/// One user with `many` statements, 1,000 in each document.
fn holder(many: usize, statement: impl Fn(usize) -> String) -> Arc<Layers> {
    let all: Vec<String> = (0..many).map(statement).collect();
    let documents = all.chunks(1_000).enumerate().map(|(at, statements)| {
        let text = format!(r#"{{"Version": "1", "Statement": [{}]}}"#, statements.join(","));
        document(&format!("p{at}"), &text)
    });
    identity(vec![(AttachedTo::User, documents.collect())])
}

fn allow(action: &str, resource: &str, condition: &str) -> String {
    format!(r#"{{"Effect": "Allow", "Action": "{action}", "Resource": "{resource}"{condition}}}"#)
}

fn reason(layers: &Arc<Layers>, call: &Call) -> String {
    let request = call.request();
    evaluate(layers, &request).reason(&request).to_string()
}

fn attach(resource: &str) -> Call {
    Call::new("user/alice", &[resource])
}

#[test]
fn the_id_that_shares_the_longest_prefix_is_named() {
    let layers = holder(RIGHTS, |at| allow("ecs:Attach*", &format!("acs:ecs:*:*:eni/eni-{at:08}"), ""));
    for (id, nearest) in [("eni-00004321x", "p4#321"), ("eni-0000432", "p4#320"), ("eni-00077", "p0#0")] {
        let call = attach(&format!("acs:ecs:cn-hangzhou:1:eni/{id}"));
        let found = reason(&layers, &call);
        assert!(found.contains(&format!("; nearest: {nearest} (")), "{id}: {found}");
        assert!(found.ends_with("resource id does not match"), "{id}: {found}");
    }
    // Among statements about another type, the first one is named.
    let found = reason(&layers, &attach("acs:ecs:cn-hangzhou:1:instance/i-1"));
    assert!(found.contains("p0#0 ") && found.ends_with("resource type does not match"), "{found}");
}

/// If the search for the closest statement is complete, the text is the same as that from the whole proof.
#[test]
fn the_reason_is_that_of_the_whole_proof() {
    let layers = holder(RIGHTS, |at| {
        let region = if at % 2 == 0 { "cn-hangzhou" } else { "cn-beijing" };
        allow("ecs:*", &format!("acs:ecs:{region}:*:eni/eni-{at:05}*"), "")
    });
    for id in ["eni-0432", "eni-00007", "eni-04323", "eni-1"] {
        let call = attach(&format!("acs:ecs:cn-hangzhou:1:eni/{id}"));
        let request = call.request();
        let decision = evaluate(&layers, &request);
        let whole = decision.proof(&request).summary().to_string();
        assert_eq!(reason(&layers, &call), whole, "{id}");
    }
}

#[test]
fn a_failed_condition_is_closer_than_another_id() {
    let layers = holder(RIGHTS, |at| {
        let wanted = r#", "Condition": {"IpAddress": {"acs:SourceIp": "10.0.0.0/8"}}"#;
        allow("ecs:Attach*", &format!("acs:ecs:*:*:eni/eni-{at:08}*"), wanted)
    });
    let found = reason(&layers, &attach("acs:ecs:cn-hangzhou:1:eni/eni-00004321").with("acs:SourceIp", "192.0.2.1"));
    assert!(found.contains("; nearest: p4#321 ("), "{found}");
    assert!(found.ends_with("condition value of `acs:SourceIp` differs: IpAddress `10.0.0.0/8`"), "{found}");
}

/// Only some of so many statements are examined, so the named one may not be the closest.
#[test]
fn the_reason_shows_that_the_search_ended_early() {
    let layers = holder(RIGHTS, |at| {
        let condition = format!(r#", "Condition": {{"StringEquals": {{"acs:ResourceTag/team": "team-{at}"}}}}"#);
        allow("ecs:Attach*", "*", &condition)
    });
    let found = reason(&layers, &attach("acs:ecs:cn-hangzhou:1:eni/eni-1"));
    assert!(found.contains("; nearest of those examined: p0#0 ("), "{found}");
    assert!(found.ends_with("condition key `acs:ResourceTag/team` of StringEquals is not in the request"), "{found}");
}

#[test]
fn actions_that_are_not_indexed_are_explained_too() {
    let mut call = attach("*");
    call.action = "ecs:StopInstance".parse().unwrap();
    let layers = holder(RIGHTS, |at| allow("ecs:Attach*", &format!("acs:ecs:*:*:eni/eni-{at}"), ""));
    assert!(reason(&layers, &call).ends_with(" action does not match"), "{}", reason(&layers, &call));
    let layers = holder(RIGHTS, |at| allow("ecs:Stop*", &format!("acs:ecs:*:*:instance/i-{at}"), ""));
    let found = reason(&layers, &call);
    assert!(
        found.contains("; nearest of those examined: p0#0 (") && found.ends_with(" service does not match"),
        "{found}"
    );
}

#[test]
fn only_some_of_many_denies_are_named() {
    let layers = holder(RIGHTS, |at| {
        let effect = if at == 0 { "Allow" } else { "Deny" };
        format!(r#"{{"Effect": "{effect}", "Action": "ecs:Attach*", "Resource": "*"}}"#)
    });
    let call = attach("acs:ecs:cn-hangzhou:1:eni/eni-1");
    let found = reason(&layers, &call);
    assert!(found.contains("denied by p0#1 (") && found.ends_with(" and others"), "{found}");
    assert_eq!(found.matches('#').count(), 8, "{found}");
    let request = call.request();
    let decision = evaluate(&layers, &request);
    assert_eq!(decision.deciding_at_most(&request, 0, 16).len(), 16);
    assert_eq!(decision.deciding(&request, 0).len(), RIGHTS - 1);
}
