//! The demo account, compiled in so that the demo runs from any folder.

use std::path::PathBuf;

use ram_policy::Source;

use super::account::PolicyFiles;

/// The demo's key ring. Its secrets are public, so only the demo accepts them.
pub const DEMO_KEYRING: &str = include_str!("../../demo/keyring.toml");

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../policies/", $name)))),+]
    };
}

/// The files of the repository's `policies/`.
pub fn demo_policies() -> PolicyFiles {
    let source =
        |(name, text): (&str, &str)| (PathBuf::from(name), Source::new(format!("(demo) policies/{name}"), text));
    PolicyFiles {
        name: "(demo) policies".to_owned(),
        accounts: files!["account.toml"].into_iter().map(source).collect(),
        documents: files![
            "attach-eni.json",
            "guardrails.json",
            "matching-tags.json",
            "office-network.json",
            "protect-production.json",
            "terway.json",
        ]
        .into_iter()
        .map(source)
        .collect(),
        resources: files!["resources.toml"].into_iter().map(source).map(|(_, source)| source).next(),
        lint: None,
        unreadable: Vec::new(),
    }
}
