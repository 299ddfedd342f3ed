//! Which facts about resources a judgement may turn on: a fact that is needed and not looked up changes verdicts.

use std::sync::Arc;

use ram_policy::{Action, ActionSlots, AttachedTo, Layers, PolicySet, RequiredAttributes, Scoped};
use serde_json::{Value, json};

use super::call::{document, sets};

const NOTHING: RequiredAttributes = RequiredAttributes { tags: false, groups: false };
const TAGS: RequiredAttributes = RequiredAttributes { tags: true, groups: false };
const GROUPS: RequiredAttributes = RequiredAttributes { tags: false, groups: true };
const BOTH: RequiredAttributes = RequiredAttributes { tags: true, groups: true };

fn statement(action: &str, keys: &[&str]) -> Value {
    let values: serde_json::Map<_, _> = keys.iter().map(|key| ((*key).to_owned(), json!("x"))).collect();
    json!({"Effect": "Deny", "Action": action, "Resource": "*", "Condition": {"StringEquals": values}})
}

fn text(statements: &[Value]) -> String {
    json!({"Version": "1", "Statement": statements}).to_string()
}

fn set(statements: &[Value]) -> Arc<PolicySet> {
    sets().set(AttachedTo::User, vec![document("p", &text(statements))])
}

fn action(name: &str) -> Action {
    name.parse().unwrap()
}

/// One with a lane of its own, and one that every statement is looked at for.
fn actions() -> [Action; 2] {
    ["ecs:AttachNetworkInterface", "ecs:NoLane"].map(action)
}

#[test]
fn a_set_needs_what_its_statements_about_the_action_ask_for() {
    for asked in actions() {
        let of = |statements: &[Value]| set(statements).required_attributes(&asked);
        assert_eq!(of(&[statement("ecs:*", &["acs:SourceIp"])]), NOTHING, "{asked}");
        assert_eq!(of(&[statement("ecs:*", &["acs:ResourceTag/team"])]), TAGS, "{asked}");
        assert_eq!(of(&[statement("ecs:*", &["ecs:tag/team", "acs:SourceIp"])]), TAGS, "{asked}");
        assert_eq!(of(&[statement("ecs:*", &["acs:ResourceGroupId"])]), GROUPS, "{asked}");
        let [tags, groups] = [&["acs:ResourceTag/team"], &["acs:ResourceGroupId"]].map(|keys| statement("ecs:*", keys));
        let plain = statement("ecs:*", &[]);
        assert_eq!(of(&[plain.clone(), tags.clone()]), TAGS, "{asked}");
        assert_eq!(of(&[tags.clone(), plain.clone()]), TAGS, "{asked}");
        assert_eq!(of(&[tags.clone(), tags.clone()]), TAGS, "two that ask for one thing: {asked}");
        assert_eq!(of(&[tags.clone(), groups.clone()]), BOTH, "{asked}");
        assert_eq!(of(&[groups, plain.clone(), tags]), BOTH, "{asked}");
        let other = [plain, statement("vpc:*", &["acs:ResourceTag/team", "acs:ResourceGroupId"])];
        assert_eq!(of(&other), NOTHING, "of another action: {asked}");
        assert_eq!(of(&[statement("ecs:*", &["acs:ResourceTag/team", "acs:ResourceGroupId"])]), BOTH, "{asked}");
    }
}

#[test]
fn a_scope_needs_groups_where_it_speaks_of_the_action() {
    for asked in actions() {
        let layers = |scoped: &[Value]| {
            let scope = Scoped { resource_group: "rg-a".into(), set: set(scoped) };
            Layers::identity([set(&[statement("ecs:*", &[])])]).scoped(vec![scope])
        };
        assert_eq!(layers(&[statement("ecs:*", &[])]).required_attributes(&asked), GROUPS, "{asked}");
        assert_eq!(layers(&[statement("ecs:*", &["ecs:tag/team"])]).required_attributes(&asked), BOTH, "{asked}");
        assert_eq!(layers(&[statement("vpc:*", &["ecs:tag/team"])]).required_attributes(&asked), NOTHING, "{asked}");
        let levels: Arc<[_]> = [set(&[statement("*", &["acs:ResourceTag/x"])])].into();
        assert_eq!(
            layers(&[statement("vpc:*", &[])]).under(&levels).required_attributes(&asked),
            TAGS,
            "of a level: {asked}"
        );
    }
}

#[test]
fn a_session_without_lanes_needs_the_same() {
    let policy = document("session", &text(&[statement("ecs:*", &["acs:ResourceTag/team"])]));
    for lanes in [ActionSlots::default(), sets().action_slots().clone()] {
        let session = PolicySet::session(Arc::clone(&policy), &lanes);
        for asked in actions() {
            assert_eq!(session.required_attributes(&asked), TAGS, "{asked}");
        }
        assert_eq!(session.required_attributes(&action("vpc:X")), NOTHING);
    }
}

#[test]
fn needs_are_added_up() {
    for (one, other, both) in [
        (NOTHING, NOTHING, NOTHING),
        (TAGS, NOTHING, TAGS),
        (NOTHING, TAGS, TAGS),
        (GROUPS, NOTHING, GROUPS),
        (NOTHING, GROUPS, GROUPS),
        (TAGS, GROUPS, BOTH),
        (BOTH, BOTH, BOTH),
    ] {
        assert_eq!(one.and(other), both);
    }
    assert_eq!([NOTHING, TAGS, GROUPS, BOTH].map(RequiredAttributes::any), [false, true, true, true]);
}

/// Of a set that speaks of no action with a lane, nothing is complained about when facts are unknown.
#[test]
fn a_set_is_indexed_where_it_speaks_of_an_action_of_the_gateway() {
    assert!(set(&[statement("vpc:*", &[]), statement("ecs:Attach*", &[])]).is_indexed());
    assert!(!set(&[statement("oss:*", &[])]).is_indexed());
}
