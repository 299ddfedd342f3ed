//! A policy directory written in a test.

use std::path::PathBuf;

use ram_policy::Source;
use ramgate::store::PolicyFiles;

/// An `account.toml` and documents by name.
pub fn policies(account: &str, documents: &[(&str, &str)]) -> PolicyFiles {
    let document = |(name, text): &(&str, &str)| (PathBuf::from(format!("{name}.json")), Source::new(*name, *text));
    PolicyFiles {
        name: "policies".to_owned(),
        accounts: vec![(PathBuf::from("account.toml"), Source::new("account.toml", account))],
        documents: documents.iter().map(document).collect(),
        resources: None,
        lint: None,
        unreadable: Vec::new(),
    }
}
