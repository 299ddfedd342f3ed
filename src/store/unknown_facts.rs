//! Policies that turn on tags or groups while nobody says what resources have: they would be judged as if no resource
//! had any.

use crate::catalog::Catalog;
use crate::policy::{Condition, Needs, Outline, Statement, condition_pointer};
use crate::source::Complaint;

use super::account::Account;
use super::documents::LoadedDocument;

pub(super) const HELP: &str =
    "write what is known into `resources.toml`, or have it read from ECS: `[resources] source = \"upstream\"`";

/// A complaint for each such attachment and condition, where it bears on an operation of the catalogue.
pub(super) fn unknown_facts(account: &Account) -> Vec<Complaint> {
    let asked = Catalog::bundled().actions();
    let mut complaints: Vec<Complaint> = account.scoped.iter().map(|at| at.complaint(HELP)).collect();
    for loaded in account.documents.iter().filter(|loaded| loaded.attached) {
        let statements = loaded.document.statements().iter();
        let bearing = statements.filter(|statement| asked.iter().any(|action| statement.actions().select(action)));
        for statement in bearing {
            let asking = statement.conditions().iter().filter(|condition| Needs::of_key(condition.key()).any());
            complaints.extend(asking.map(|condition| complaint(loaded, statement, condition)));
        }
    }
    complaints
}

fn complaint(loaded: &LoadedDocument, statement: &Statement, condition: &Condition) -> Complaint {
    let (effect, key) = (statement.effect().as_str(), condition.written_key());
    let title = format!("the {effect} turns on `{key}`, and nothing says what resources have");
    let span = Outline::new(&loaded.source).span(&condition_pointer(statement, condition));
    loaded.source.error(span, title, HELP)
}
