//! The documents of one directory: loaded, broken, or under quarantine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;

use crate::catalog::Catalog;
use ram_policy::{Diagnostic, Document, Effect, Library, Outline, Severity, Source, TrustPolicy, condition_pointer};

use super::raw_account::{RawQuarantine, Text};

/// The state of each document, with the diagnostics about it.
#[derive(Default)]
pub(super) struct Documents {
    read: BTreeMap<String, LoadedDocument>,
    /// Documents that do not load. Attaching one is not reported as a further error.
    broken: BTreeMap<String, Vec<Diagnostic>>,
    quarantined: BTreeMap<String, Arc<str>>,
    /// The names that roles give as their trust policies. These documents have a different grammar.
    pub(super) trust_policies: BTreeSet<String>,
    trusting: BTreeMap<String, (Arc<TrustPolicy>, Source)>,
    attached: BTreeSet<String>,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
}

/// A document and the text it was read from.
#[derive(Clone, Debug)]
pub struct LoadedDocument {
    pub document: Arc<Document>,
    pub source: Source,
    /// Whether an account file attaches it.
    pub attached: bool,
}

type Finished = (Vec<LoadedDocument>, Vec<Diagnostic>);

/// A policy that is attached by name.
pub(super) enum Attached {
    Document(Arc<Document>),
    /// The name of a policy under quarantine.
    Quarantined(Arc<str>),
}

impl Documents {
    pub(super) fn add(&mut self, path: &Path, source: Source, library: &mut Library) {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let plain =
            (1..=128).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !plain {
            let title = format!("`{name}` is not a valid policy name");
            self.diagnostics
                .push(source.error_without_place(title, "name the file with 1 to 128 letters, digits and `-`"));
            return;
        }
        let first = self.read.get(&name).map(|loaded| &loaded.source);
        if let Some(first) = first.or_else(|| self.trusting.get(&name).map(|(_, source)| source)) {
            let title = format!("the policy `{name}` is given twice, here and in `{}`", first.name());
            self.diagnostics.push(source.error_without_place(title, "rename one of the two files"));
            return;
        }
        if self.trust_policies.contains(&name) {
            match TrustPolicy::parse(&name, &source) {
                Ok(policy) => {
                    self.warn_of_unbounded(&policy, &source);
                    self.warn_of_unknown_keys(&policy, &source);
                    self.trusting.insert(name, (Arc::new(policy), source));
                }
                Err(diagnostics) => self.broken.entry(name).or_default().extend(diagnostics),
            }
            return;
        }
        match library.document(&name, &source) {
            Ok(document) => {
                self.read.insert(name, LoadedDocument { document: Arc::new(document), source, attached: false });
            }
            Err(diagnostics) => self.broken.entry(name).or_default().extend(diagnostics),
        }
    }

    pub(super) fn add_unreadable(&mut self, path: &Path, diagnostic: Diagnostic) {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        self.broken.entry(name).or_default().push(diagnostic);
    }

    /// Quarantines a broken document: until the given day, its errors become warnings.
    pub(super) fn quarantine(&mut self, source: &Source, raw: &RawQuarantine, today: Date) {
        let name = raw.policy.get_ref();
        if raw.reason.get_ref().trim().is_empty() {
            self.diagnostics.push(source.error(raw.reason.span(), "the reason is empty", "write why the fix can wait"));
        }
        match raw.until.get_ref().parse::<Date>() {
            Ok(until) if until < today => {
                let title = format!("the quarantine of `{name}` ended on {until}");
                self.diagnostics.push(source.error(
                    raw.until.span(),
                    title,
                    "fix the policy, or extend the quarantine",
                ));
            }
            Ok(_) => {}
            Err(_) => {
                let title = format!("`{}` is not a valid date", raw.until.get_ref());
                self.diagnostics.push(source.error(raw.until.span(), title, "write `2027-01-31`"));
            }
        }
        if let Some(diagnostics) = self.broken.remove(name) {
            for diagnostic in diagnostics {
                let title = format!("under quarantine: {}", diagnostic.title);
                self.warnings.push(Diagnostic { severity: Severity::Warning, title, ..diagnostic });
            }
            self.quarantined.insert(name.clone(), name.as_str().into());
        } else if self.quarantined.contains_key(name) {
            let title = format!("the policy `{name}` is under quarantine twice");
            self.diagnostics.push(source.error(raw.policy.span(), title, "keep one of the two"));
        } else if self.read.contains_key(name) {
            let title = format!("the policy `{name}` is under quarantine but loads");
            self.warnings.push(source.warning(raw.policy.span(), title, "remove the `[[quarantine]]`"));
        } else {
            let title = format!("the policy `{name}` is under quarantine but does not exist");
            self.diagnostics.push(source.error(raw.policy.span(), title, "remove the `[[quarantine]]`"));
        }
    }

    /// Looks up the documents with these names. A name without a document is an error.
    pub(super) fn attach(&mut self, source: &Source, policies: &[Text]) -> Vec<Attached> {
        let mut found = Vec::with_capacity(policies.len());
        for policy in policies {
            let name = policy.get_ref();
            self.attached.insert(name.clone());
            if let Some(loaded) = self.read.get(name) {
                found.push(Attached::Document(Arc::clone(&loaded.document)));
            } else if let Some(name) = self.quarantined.get(name) {
                found.push(Attached::Quarantined(Arc::clone(name)));
            } else if self.trusting.contains_key(name) {
                let title = format!(
                    "the trust policy `{name}` is attached, but a trust policy grants no permissions to its role"
                );
                self.diagnostics.push(source.error(policy.span(), title, "attach a permission policy"));
            } else if !self.broken.contains_key(name) {
                let title = format!("the policy `{name}` is attached but does not exist");
                let help = format!("write `{name}.json`, or detach it");
                self.diagnostics.push(source.error(policy.span(), title, help));
            }
        }
        found
    }

    /// A role's trust policy. A role whose trust policy is under quarantine cannot be assumed.
    pub(super) fn trust(&mut self, source: &Source, policy: &Text) -> Option<Arc<TrustPolicy>> {
        let name = policy.get_ref();
        if let Some((trust, _)) = self.trusting.get(name) {
            return Some(Arc::clone(trust));
        }
        if !self.quarantined.contains_key(name) && !self.broken.contains_key(name) {
            let title = format!("the trust policy `{name}` does not exist");
            self.diagnostics.push(source.error(
                policy.span(),
                title,
                format!("write `{name}.json`, or remove `trust`"),
            ));
        }
        None
    }

    fn warn_of_unbounded(&mut self, policy: &TrustPolicy, source: &Source) {
        for statement in policy.unbounded() {
            let title =
                format!("`{}#{statement}` trusts every subject that the provider issues tokens for", policy.name());
            let help = "add a condition on `oidc:sub`, such as `system:serviceaccount:NAMESPACE:NAME`";
            self.warnings.push(source.warning(0..0, title, help));
        }
    }

    /// Warns about each condition on a key that the gateway cannot supply when a role is assumed.
    fn warn_of_unknown_keys(&mut self, policy: &TrustPolicy, source: &Source) {
        let unknown = Catalog::bundled().unknown_to_the_gateway();
        for (statement, condition) in policy.conditions().filter(|(_, condition)| unknown.has(condition.key())) {
            let consequence = match statement.effect() {
                Effect::Allow => "the Allow never applies",
                Effect::Deny => "a caller that the Deny names can never assume the role",
            };
            let key = condition.written_key();
            let title = format!("`{key}` is not known for `sts:AssumeRole`: {consequence}");
            let span = Outline::new(source).name_span(&condition_pointer(statement, condition));
            let help = "use a key that the gateway supplies, such as `acs:SourceIp`, or remove the condition";
            self.warnings.push(source.warning(span, title, help));
        }
    }

    /// The documents and the warnings, or all diagnostics if there are any.
    pub(super) fn finish(mut self) -> Result<Finished, Vec<Diagnostic>> {
        for (name, loaded) in &mut self.read {
            loaded.attached = self.attached.contains(name);
            if !loaded.attached {
                let title = format!("the policy `{name}` is not attached");
                let help = "attach it in the account file, or remove it";
                self.warnings.push(loaded.source.warning(0..0, title, help));
            }
        }
        let mut diagnostics: Vec<_> = self.broken.into_values().flatten().collect();
        diagnostics.sort_by(|a, b| a.source.name().cmp(b.source.name()));
        diagnostics.extend(self.diagnostics);
        if diagnostics.is_empty() { Ok((self.read.into_values().collect(), self.warnings)) } else { Err(diagnostics) }
    }
}
