//! Policies that turn on tags or groups while nobody says what resources have: they would be judged as if no resource
//! had any.

use std::ops::Range;

use crate::catalog::Catalog;
use crate::policy::{Condition, Outline, Statement};
use crate::ram::ContextKey;
use crate::source::Complaint;

use super::account::Account;
use super::documents::LoadedDocument;

pub(super) const HELP: &str =
    "write what is known into `resources.toml`, or have it read from ECS: `[resources] source = \"upstream\"`";

/// A complaint for each such attachment and condition, where it bears on an operation of the catalogue.
pub(super) fn unknown_facts(account: &Account) -> Vec<Complaint> {
    let asked = Catalog::bundled().actions();
    let mut complaints: Vec<Complaint> = account.scoped.iter().map(|at| at.complaint(HELP)).collect();
    for loaded in account.documents.iter().filter(|loaded| account.attaches(loaded.document.name())) {
        let statements = loaded.document.statements().iter();
        let bearing = statements.filter(|statement| asked.iter().any(|action| statement.actions().select(action)));
        for statement in bearing {
            let asking = statement.conditions().iter().filter(|condition| asks_for_facts(condition));
            complaints.extend(asking.map(|condition| complaint(loaded, statement, condition)));
        }
    }
    complaints
}

fn asks_for_facts(condition: &Condition) -> bool {
    matches!(condition.key(), ContextKey::ResourceTag(_) | ContextKey::ResourceGroupId)
}

fn complaint(loaded: &LoadedDocument, statement: &Statement, condition: &Condition) -> Complaint {
    let (effect, key) = (statement.effect().as_str(), condition.written_key());
    let title = format!("the {effect} turns on `{key}`, and nothing says what resources have");
    loaded.source.error(place(loaded, statement, condition), title, HELP)
}

fn place(loaded: &LoadedDocument, statement: &Statement, condition: &Condition) -> Range<usize> {
    let key = condition.written_key().replace('~', "~0").replace('/', "~1");
    let pointer = format!("/Statement/{}/Condition/{}/{key}", statement.index(), condition.operator().name());
    Outline::new(&loaded.source).span(&pointer)
}
