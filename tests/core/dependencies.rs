//! The dependencies satisfy deny.toml: licences, sources, banned crates, crates in several versions.

use crate::parts::left_out;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[derive(serde::Deserialize)]
struct Deny {
    graph: Graph,
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(serde::Deserialize)]
struct Graph {
    targets: Vec<String>,
}

#[derive(serde::Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(serde::Deserialize)]
struct Bans {
    deny: Vec<Listed>,
    skip: Vec<Listed>,
}

/// `name`, or `name@version`.
#[derive(serde::Deserialize)]
struct Listed {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
    allow_git: Vec<String>,
}

#[derive(serde::Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(serde::Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All packages of a build for the target in deny.toml, from `cargo metadata` without network access.
fn packages(deny: &Deny) -> Vec<Value> {
    let [target] = &deny.graph.targets[..] else { panic!("one target is expected: {:?}", deny.graph.targets) };
    let metadata = |features: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["metadata", "--format-version", "1"]).args(features);
        cargo.args(["--offline", "--locked", "--filter-platform", target]).output().unwrap()
    };
    // Crates that only an optional feature needs may not have been downloaded.
    let mut output = metadata(&["--all-features"]);
    if !output.status.success() {
        left_out("optional-crates", "the crates of optional features");
        output = metadata(&[]);
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

#[test]
fn every_dependency_has_an_allowed_licence() {
    let deny: Deny = read("deny.toml");
    let packages = packages(&deny);
    assert!(packages.len() > 100, "{} packages", packages.len());
    let wrong: Vec<_> = packages
        .iter()
        .filter(|package| {
            let licence = package["license"].as_str().unwrap_or_default();
            !Expression::read(licence).is_some_and(|licence| licence.allows(&deny.licenses.allow))
        })
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(wrong.is_empty(), "not in `[licenses] allow` of deny.toml: {wrong:#?}");
    let all: String = packages.iter().filter_map(|package| package["license"].as_str()).collect();
    let unused: Vec<_> = deny.licenses.allow.iter().filter(|licence| !all.contains(licence.as_str())).collect();
    assert!(unused.is_empty(), "no dependency has these allowed licences: {unused:?}");
}

#[test]
fn every_dependency_comes_from_an_allowed_registry_with_a_checksum() {
    let deny: Deny = read("deny.toml");
    assert!(deny.sources.allow_git.is_empty(), "deny.toml allows git dependencies");
    for Locked { name, version, source, checksum } in read::<Lock>("Cargo.lock").package {
        let Some(source) = source else {
            assert!(["ramgate", "ram-policy"].contains(&name.as_str()), "`{name}` {version} has no source");
            continue;
        };
        let registry = source.strip_prefix("registry+").unwrap_or_default();
        assert!(deny.sources.allow_registry.iter().any(|known| known == registry), "`{name}` comes from {source}");
        assert!(checksum.is_some(), "`{name}` {version} has no checksum");
    }
}

#[test]
fn no_crate_is_banned_and_only_listed_crates_have_several_versions() {
    let deny: Deny = read("deny.toml");
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for Locked { name, version, .. } in read::<Lock>("Cargo.lock").package {
        versions.entry(name).or_default().insert(version);
    }
    for Listed { name, reason } in &deny.bans.deny {
        assert!(!versions.contains_key(name), "`{name}` is banned: {reason}");
    }
    let mut unused = Vec::new();
    for Listed { name, reason } in &deny.bans.skip {
        assert!(!reason.is_empty(), "{name}");
        let (name, version) = name.split_once('@').unwrap();
        let is_duplicate =
            versions.get_mut(name).is_some_and(|versions| versions.len() > 1 && versions.remove(version));
        if !is_duplicate {
            unused.push(format!("{name}@{version}"));
        }
    }
    let twice: Vec<_> = versions.iter().filter(|(_, versions)| versions.len() > 1).collect();
    assert!(twice.is_empty(), "not in `[bans] skip` of deny.toml: {twice:?}");
    assert!(unused.is_empty(), "`[bans] skip` of deny.toml lists versions that are not duplicates: {unused:?}");
}

/// An SPDX licence expression; the old `/` means `OR`. A `WITH` exception is part of its licence's name.
#[derive(Debug, PartialEq)]
enum Expression {
    Licence(String),
    All(Vec<Expression>),
    Any(Vec<Expression>),
}

impl Expression {
    fn read(text: &str) -> Option<Self> {
        let spaced = text.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
        let mut words = spaced.split_whitespace().peekable();
        let read = Self::any(&mut words)?;
        words.next().is_none().then_some(read)
    }

    fn any<'a>(words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Option<Self> {
        let mut parts = vec![Self::all(words)?];
        while words.next_if_eq(&"OR").is_some() {
            parts.push(Self::all(words)?);
        }
        Some(Self::Any(parts))
    }

    fn all<'a>(words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Option<Self> {
        let mut parts = vec![Self::one(words)?];
        while words.next_if_eq(&"AND").is_some() {
            parts.push(Self::one(words)?);
        }
        Some(Self::All(parts))
    }

    fn one<'a>(words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Option<Self> {
        let word = words.next()?;
        if word == "(" {
            let inner = Self::any(words)?;
            return (words.next() == Some(")")).then_some(inner);
        }
        if matches!(word, ")" | "AND" | "OR" | "WITH") {
            return None;
        }
        let exception = words.next_if_eq(&"WITH").map(|_| words.next());
        Some(Self::Licence(match exception {
            Some(exception) => format!("{word} WITH {}", exception?),
            None => word.to_owned(),
        }))
    }

    fn allows(&self, allowed: &BTreeSet<String>) -> bool {
        match self {
            Self::Licence(name) => allowed.contains(name),
            Self::All(parts) => parts.iter().all(|part| part.allows(allowed)),
            Self::Any(parts) => parts.iter().any(|part| part.allows(allowed)),
        }
    }
}

#[test]
fn licence_expressions_follow_spdx() {
    let allowed = ["MIT", "ISC"].map(str::to_owned).into();
    for (text, fits) in [
        ("MIT", true),
        ("Apache-2.0/MIT", true),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("ISC AND (GPL-3.0 OR MIT)", true),
        ("ISC AND GPL-3.0 OR MIT", true),
        ("GPL-3.0 AND (MIT OR ISC)", false),
        ("MIT WITH An-Exception", false),
        ("", false),
        ("MIT OR", false),
        ("(MIT", false),
        ("MIT MIT", false),
    ] {
        assert_eq!(Expression::read(text).is_some_and(|read| read.allows(&allowed)), fits, "{text}");
    }
}
