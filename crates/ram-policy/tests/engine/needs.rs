//! The attributes that a decision may depend on. A required attribute that is not looked up would change verdicts.

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

/// An action with a slot, and one without, for which every statement is examined.
fn actions() -> [Action; 2] {
    ["ecs:AttachNetworkInterface", "ecs:NoSlot"].map(action)
}

#[test]
fn a_set_requires_the_attributes_that_its_statements_about_the_action_test() {
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
        assert_eq!(of(&[tags.clone(), tags.clone()]), TAGS, "two statements that test the same: {asked}");
        assert_eq!(of(&[tags.clone(), groups.clone()]), BOTH, "{asked}");
        assert_eq!(of(&[groups, plain.clone(), tags]), BOTH, "{asked}");
        let other = [plain, statement("vpc:*", &["acs:ResourceTag/team", "acs:ResourceGroupId"])];
        assert_eq!(of(&other), NOTHING, "a statement about another action: {asked}");
        assert_eq!(of(&[statement("ecs:*", &["acs:ResourceTag/team", "acs:ResourceGroupId"])]), BOTH, "{asked}");
    }
}

#[test]
fn a_policy_for_a_resource_group_requires_groups_for_its_actions() {
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
            "a control policy: {asked}"
        );
    }
}

#[test]
fn a_session_without_slots_requires_the_same() {
    let policy = document("session", &text(&[statement("ecs:*", &["acs:ResourceTag/team"])]));
    for slots in [ActionSlots::default(), sets().action_slots().clone()] {
        let session = PolicySet::session(Arc::clone(&policy), &slots);
        for asked in actions() {
            assert_eq!(session.required_attributes(&asked), TAGS, "{asked}");
        }
        assert_eq!(session.required_attributes(&action("vpc:X")), NOTHING);
    }
}

#[test]
fn required_attributes_are_united() {
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

#[test]
fn a_set_is_indexed_if_it_selects_an_action_with_a_slot() {
    assert!(set(&[statement("vpc:*", &[]), statement("ecs:Attach*", &[])]).is_indexed());
    assert!(!set(&[statement("oss:*", &[])]).is_indexed());
}
