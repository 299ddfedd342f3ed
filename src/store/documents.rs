//! The documents of one directory: read, or broken, or under quarantine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;

use crate::catalog::Catalog;
use crate::policy::{Document, Effect, Library, Outline, TrustPolicy, condition_pointer};
use crate::source::{Complaint, Severity, Source};

use super::written_account::{Text, WrittenQuarantine};

/// What became of each document, and what is to be said about it.
#[derive(Default)]
pub(super) struct Documents {
    read: BTreeMap<String, LoadedDocument>,
    /// There, and not readable: their attachments are no further fault.
    broken: BTreeMap<String, Vec<Complaint>>,
    quarantined: BTreeMap<String, Arc<str>>,
    /// The names that some role gives as its trust policy: these documents have a grammar of their own.
    pub(super) trust_policies: BTreeSet<String>,
    trusting: BTreeMap<String, (Arc<TrustPolicy>, Source)>,
    attached: BTreeSet<String>,
    pub(super) complaints: Vec<Complaint>,
    pub(super) warnings: Vec<Complaint>,
}

/// A document and the text it was read from.
#[derive(Clone, Debug)]
pub struct LoadedDocument {
    pub document: Arc<Document>,
    pub source: Source,
    /// Whether anybody has it.
    pub attached: bool,
}

type Finished = (Vec<LoadedDocument>, Vec<Complaint>);

/// What an attachment names.
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
            let title = format!("`{name}` is no name of a policy");
            self.complaints
                .push(source.error_without_place(title, "name the file with 1 to 128 letters, digits and `-`"));
            return;
        }
        let first = self.read.get(&name).map(|loaded| &loaded.source);
        if let Some(first) = first.or_else(|| self.trusting.get(&name).map(|(_, source)| source)) {
            let title = format!("the policy `{name}` is given twice, here and in `{}`", first.name());
            self.complaints.push(source.error_without_place(title, "rename one of the two files"));
            return;
        }
        if self.trust_policies.contains(&name) {
            match TrustPolicy::parse(&name, &source) {
                Ok(policy) => {
                    self.warn_of_unbounded(&policy, &source);
                    self.warn_of_unknown_keys(&policy, &source);
                    self.trusting.insert(name, (Arc::new(policy), source));
                }
                Err(complaints) => self.broken.entry(name).or_default().extend(complaints),
            }
            return;
        }
        match library.document(&name, &source) {
            Ok(document) => {
                self.read.insert(name, LoadedDocument { document: Arc::new(document), source, attached: false });
            }
            Err(complaints) => self.broken.entry(name).or_default().extend(complaints),
        }
    }

    pub(super) fn add_unreadable(&mut self, path: &Path, complaint: Complaint) {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        self.broken.entry(name).or_default().push(complaint);
    }

    /// Sets broken documents aside: what is wrong with them becomes a warning, until the day is past.
    pub(super) fn quarantine(&mut self, source: &Source, written: &WrittenQuarantine, today: Date) {
        let name = written.policy.get_ref();
        if written.reason.get_ref().trim().is_empty() {
            self.complaints.push(source.error(written.reason.span(), "the reason is empty", "say why it may wait"));
        }
        match written.until.get_ref().parse::<Date>() {
            Ok(until) if until < today => {
                let title = format!("the quarantine of `{name}` ended on {until}");
                self.complaints.push(source.error(
                    written.until.span(),
                    title,
                    "mend the policy, or give it more time",
                ));
            }
            Ok(_) => {}
            Err(_) => {
                let title = format!("`{}` is no day", written.until.get_ref());
                self.complaints.push(source.error(written.until.span(), title, "write `2027-01-31`"));
            }
        }
        if let Some(complaints) = self.broken.remove(name) {
            for complaint in complaints {
                let title = format!("under quarantine: {}", complaint.title);
                self.warnings.push(Complaint { severity: Severity::Warning, title, ..complaint });
            }
            self.quarantined.insert(name.clone(), name.as_str().into());
        } else if self.quarantined.contains_key(name) {
            let title = format!("the policy `{name}` is under quarantine twice");
            self.complaints.push(source.error(written.policy.span(), title, "keep one of the two"));
        } else if self.read.contains_key(name) {
            let title = format!("the policy `{name}` is under quarantine, and loads");
            self.warnings.push(source.warning(written.policy.span(), title, "remove the `[[quarantine]]`"));
        } else {
            let title = format!("the policy `{name}` is under quarantine and does not exist");
            self.complaints.push(source.error(written.policy.span(), title, "remove the `[[quarantine]]`"));
        }
    }

    /// What the names stand for. A name without a document is complained about.
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
                    "the trust policy `{name}` is attached: it says who may assume a role, not what one may do"
                );
                self.complaints.push(source.error(policy.span(), title, "attach another policy"));
            } else if !self.broken.contains_key(name) {
                let title = format!("the policy `{name}` is attached and does not exist");
                let help = format!("write `{name}.json`, or detach it");
                self.complaints.push(source.error(policy.span(), title, help));
            }
        }
        found
    }

    /// A role's trust policy. Under quarantine, nobody may assume the role.
    pub(super) fn trust(&mut self, source: &Source, policy: &Text) -> Option<Arc<TrustPolicy>> {
        let name = policy.get_ref();
        if let Some((trust, _)) = self.trusting.get(name) {
            return Some(Arc::clone(trust));
        }
        if !self.quarantined.contains_key(name) && !self.broken.contains_key(name) {
            let title = format!("the trust policy `{name}` does not exist");
            self.complaints.push(source.error(
                policy.span(),
                title,
                format!("write `{name}.json`, or leave `trust` out"),
            ));
        }
        None
    }

    fn warn_of_unbounded(&mut self, policy: &TrustPolicy, source: &Source) {
        for statement in policy.unbounded() {
            let title = format!("`{}#{statement}` trusts everybody that the provider makes a token for", policy.name());
            let help = "add a condition on `oidc:sub`, such as `system:serviceaccount:NAMESPACE:NAME`";
            self.warnings.push(source.warning(0..0, title, help));
        }
    }

    /// Names each condition on a key that the gateway cannot supply when a role is assumed.
    fn warn_of_unknown_keys(&mut self, policy: &TrustPolicy, source: &Source) {
        let unknown = Catalog::bundled().unknown_to_the_gateway();
        for (statement, condition) in policy.conditions().filter(|(_, condition)| unknown.has(condition.key())) {
            let consequence = match statement.effect() {
                Effect::Allow => "the Allow never applies",
                Effect::Deny => "a caller that the Deny names cannot assume the role, whatever the value is",
            };
            let key = condition.written_key();
            let title = format!("`{key}` is not known for `sts:AssumeRole`: {consequence}");
            let span = Outline::new(source).name_span(&condition_pointer(statement, condition));
            let help = "use a key that the gateway supplies, such as `acs:SourceIp`, or remove the condition";
            self.warnings.push(source.warning(span, title, help));
        }
    }

    /// The documents, when there is nothing to complain about, and the warnings.
    pub(super) fn finish(mut self) -> Result<Finished, Vec<Complaint>> {
        for (name, loaded) in &mut self.read {
            loaded.attached = self.attached.contains(name);
            if !loaded.attached {
                let title = format!("nobody has the policy `{name}`");
                let help = "attach it in the account file, or remove it";
                self.warnings.push(loaded.source.warning(0..0, title, help));
            }
        }
        let mut complaints: Vec<_> = self.broken.into_values().flatten().collect();
        complaints.sort_by(|a, b| a.source.name().cmp(b.source.name()));
        complaints.extend(self.complaints);
        if complaints.is_empty() { Ok((self.read.into_values().collect(), self.warnings)) } else { Err(complaints) }
    }
}
