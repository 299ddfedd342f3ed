//! `account.toml`: the principals of an account, and the policies attached to them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use toml::Spanned;

use crate::pdp::{Assumable, PrincipalEntry, is_resource_group};
use ram_policy::{
    AccountId, AttachedTo, Context, Diagnostic, Identity, Layers, Library, PolicySet, PolicySetBuilder, Principal,
    Scoped, Source,
};

use super::documents::{Attached, Documents, LoadedDocument};
use super::quota;
use super::raw_account::{RawAccount, RawLevel, RawRole, RawScoped, Text};
use super::resources::read_resources;

/// The files of one policy directory, read but not parsed yet.
#[derive(Clone, Debug)]
pub struct PolicyFiles {
    /// The directory, for diagnostics about the directory as a whole.
    pub name: String,
    pub accounts: Vec<(PathBuf, Source)>,
    pub documents: Vec<(PathBuf, Source)>,
    pub resources: Option<Source>,
    /// `lint.toml`, which only the linter understands.
    pub lint: Option<Source>,
    pub unreadable: Vec<(PathBuf, Diagnostic)>,
}

/// State shared by all directories that are loaded together.
pub(super) struct LoadContext {
    pub(super) library: Library,
    pub(super) sets: PolicySetBuilder,
    pub(super) today: Date,
}

/// An account, parsed and resolved.
pub(super) struct Account {
    pub(super) id: AccountId,
    pub(super) source: Source,
    pub(super) principals: Vec<(Principal, PrincipalEntry)>,
    pub(super) documents: Vec<LoadedDocument>,
    pub(super) resources: Option<BTreeMap<String, Context>>,
    pub(super) warnings: Vec<Diagnostic>,
    /// Attachments in a resource group that apply to operations of the catalogue.
    pub(super) scoped: Vec<ScopedAt>,
    pub(super) files: Vec<Source>,
    pub(super) lint: Option<Source>,
}

/// The place of an attachment in a resource group.
pub(super) struct ScopedAt {
    source: Source,
    group: Text,
}

/// The policies attached to one holder: at account scope, and in resource groups.
#[derive(Clone, Default)]
struct Attachments {
    account: Option<Arc<PolicySet>>,
    scoped: Vec<Scoped>,
    quarantined: Option<Arc<str>>,
}

/// The levels that bind users and roles, outermost first, and the name of a quarantined policy among theirs.
struct ControlPolicies {
    levels: Arc<[Arc<PolicySet>]>,
    quarantined: Option<Arc<str>>,
}

struct Group {
    source: Source,
    name: Text,
    held: Attachments,
}

impl Account {
    pub(super) fn read(files: PolicyFiles, context: &mut LoadContext) -> Result<Self, Vec<Diagnostic>> {
        let whole = Source::new(files.name.as_str(), "");
        let mut reader =
            Reader { context, documents: Documents::default(), found: BTreeMap::new(), scoped: Vec::new() };
        let nothing = files.accounts.is_empty() && files.unreadable.is_empty();
        for (path, diagnostic) in files.unreadable {
            reader.documents.add_unreadable(&path, diagnostic);
        }
        if nothing {
            let help = "create one: it lists the principals and the policies attached to them";
            let diagnostic = whole.error_without_place("the directory contains no `account.toml`", help);
            reader.documents.diagnostics.push(diagnostic);
        }
        let raw: Vec<_> = files.accounts.iter().filter_map(|(_, source)| reader.account_file(source)).collect();
        let roles = raw.iter().flat_map(|(_, file)| file.roles.values());
        reader.documents.trust_policies =
            roles.filter_map(|role| Some(role.trust.as_ref()?.get_ref().clone())).collect();
        for (path, source) in files.documents {
            reader.documents.add(&path, source, &mut reader.context.library);
        }
        let resources = files.resources.and_then(|source| reader.resources(&source));
        for (source, file) in &raw {
            for quarantine in &file.quarantine {
                reader.documents.quarantine(source, quarantine, reader.context.today);
            }
        }
        let id = reader.account_id(&files.accounts, &raw);
        let control = reader.control(&raw);
        let groups = reader.groups(&raw);
        reader.users(&raw, &groups, &control);
        reader.roles(&raw, &control);
        let Reader { documents, found, scoped, .. } = reader;
        let (documents, mut warnings) = documents.finish()?;
        warnings.extend(quota::warnings(&raw, &documents));
        let id = id.ok_or_else(|| vec![whole.error_without_place("the account has no id", "add `account = \"…\"`")])?;
        let principals =
            found.into_iter().map(|(identity, entry)| (Principal::new(id.clone(), identity), entry)).collect();
        let (lint, files) = (files.lint, files.accounts.into_iter().map(|(_, source)| source).collect());
        Ok(Self { id, source: whole, principals, documents, resources, warnings, scoped, files, lint })
    }
}

struct Reader<'w> {
    context: &'w mut LoadContext,
    documents: Documents,
    found: BTreeMap<Identity, PrincipalEntry>,
    scoped: Vec<ScopedAt>,
}

impl ScopedAt {
    pub(super) fn diagnostic(&self, help: &str) -> Diagnostic {
        let title =
            format!("policies apply only in `{}`, but the group's resources are not listed", self.group.get_ref());
        self.source.error(self.group.span(), title, help)
    }
}

impl Reader<'_> {
    fn resources(&mut self, source: &Source) -> Option<BTreeMap<String, Context>> {
        match read_resources(source) {
            Ok(resources) => Some(resources),
            Err(diagnostics) => {
                self.documents.diagnostics.extend(diagnostics);
                None
            }
        }
    }

    fn account_file(&mut self, source: &Source) -> Option<(Source, RawAccount)> {
        let raw: RawAccount = match toml::from_str(source.text()) {
            Ok(raw) => raw,
            Err(error) => {
                let help = "see docs/configuration.md for the form of an account file";
                self.report(source, error.span().unwrap_or(0..0), error.message(), help);
                return None;
            }
        };
        if let Some(schema) = raw.schema.as_ref().filter(|schema| *schema.get_ref() != 1) {
            self.report(source, schema.span(), "the schema is unknown", "this program reads `schema = 1`");
        }
        Some((source.clone(), raw))
    }

    fn account_id(&mut self, files: &[(PathBuf, Source)], raw: &[(Source, RawAccount)]) -> Option<AccountId> {
        let mut id: Option<AccountId> = None;
        let before = self.documents.diagnostics.len();
        for (source, account) in raw.iter().filter_map(|(source, file)| Some((source, file.account.as_ref()?))) {
            match account.get_ref().parse::<AccountId>() {
                Ok(found) if id.as_ref().is_some_and(|id| *id != found) => {
                    let title = format!("`{found}` is a different account from the one named before");
                    self.report(source, account.span(), &title, "keep one account in a directory");
                }
                Ok(found) => id = Some(found),
                Err(error) => {
                    self.report(source, account.span(), &error.to_string(), "write the account's UID");
                }
            }
        }
        let all_read = raw.len() == files.len() && self.documents.diagnostics.len() == before;
        if let (None, Some((_, first)), true) = (&id, files.first(), all_read) {
            let title = "the key `account` is missing";
            let diagnostic = first.error_without_place(title, "add `account = \"1234567890123456\"`");
            self.documents.diagnostics.push(diagnostic);
        }
        id
    }

    fn control(&mut self, raw: &[(Source, RawAccount)]) -> ControlPolicies {
        let (mut levels, mut quarantined, mut seen) = (Vec::new(), None, BTreeSet::new());
        for (source, RawLevel { level, policies }) in
            raw.iter().flat_map(|(source, file)| file.control.iter().map(move |level| (source, level)))
        {
            if !seen.insert(level.get_ref()) {
                self.report_duplicate(source, level, "level");
            }
            if policies.is_empty() {
                let title = format!("the level `{}` allows nothing, so every call under it is denied", level.get_ref());
                let help = "attach a policy: RAM itself attaches one that allows everything";
                self.documents.warnings.push(source.warning(level.span(), title, help));
            }
            let (set, broken) = self.set(source, policies, AttachedTo::Level(level.get_ref().as_str().into()));
            levels.push(set);
            quarantined = quarantined.or(broken);
        }
        ControlPolicies { levels: levels.into(), quarantined }
    }

    fn groups(&mut self, raw: &[(Source, RawAccount)]) -> BTreeMap<String, Group> {
        let mut groups = BTreeMap::new();
        for (source, file) in raw {
            for (name, group) in &file.groups {
                let to = AttachedTo::Group(name.get_ref().as_str().into());
                let held = self.held(source, &group.policies, &group.scoped, &to);
                let group = Group { source: source.clone(), name: name.clone(), held };
                if groups.insert(name.get_ref().clone(), group).is_some() {
                    self.report_duplicate(source, name, "group");
                }
            }
        }
        groups
    }

    fn users(&mut self, raw: &[(Source, RawAccount)], groups: &BTreeMap<String, Group>, control: &ControlPolicies) {
        let mut joined = BTreeSet::new();
        for (source, file) in raw {
            for (name, user) in &file.users {
                let mut held = vec![self.held(source, &user.policies, &user.scoped, &AttachedTo::User)];
                for group in &user.groups {
                    let Some(known) = groups.get(group.get_ref()) else {
                        let title = format!("the group `{}` does not exist", group.get_ref());
                        self.report(
                            source,
                            group.span(),
                            &title,
                            "add `[groups.NAME]`, or remove the user from the group",
                        );
                        continue;
                    };
                    joined.insert(group.get_ref());
                    held.push(known.held.clone());
                }
                let layers = layers(held, Some(control));
                let identity = format!("user/{}", name.get_ref());
                self.principal(source, name, &identity, user.id.as_ref(), (layers, None));
            }
        }
        for group in groups.values().filter(|group| !joined.contains(group.name.get_ref())) {
            let title = format!("the group `{}` has no members", group.name.get_ref());
            let warning = group.source.warning(group.name.span(), title, "add a user to it, or remove it");
            self.documents.warnings.push(warning);
        }
    }

    fn roles(&mut self, raw: &[(Source, RawAccount)], control: &ControlPolicies) {
        for (source, file) in raw {
            for (name, role) in &file.roles {
                let held = self.held(source, &role.policies, &role.scoped, &AttachedTo::Role);
                let layers = layers(vec![held], (!role.service_linked).then_some(control));
                let assumable = self.assumable(source, role);
                let identity = format!("role/{}", name.get_ref());
                self.principal(source, name, &identity, role.id.as_ref(), (layers, assumable));
            }
        }
    }

    fn held(&mut self, source: &Source, policies: &[Text], scoped: &[RawScoped], to: &AttachedTo) -> Attachments {
        let mut held = Attachments::default();
        if !policies.is_empty() {
            let (set, quarantined) = self.set(source, policies, to.clone());
            held.account = Some(set);
            held.quarantined = quarantined;
        }
        for RawScoped { resource_group, policies } in scoped {
            if !is_resource_group(resource_group.get_ref()) {
                let title = format!("`{}` is not a valid resource group ID", resource_group.get_ref());
                self.report(source, resource_group.span(), &title, "write an id such as `rg-acfmxazb4ph6aiy`");
            }
            let (set, quarantined) = self.set(source, policies, to.clone());
            if set.is_indexed() {
                self.scoped.push(ScopedAt { source: source.clone(), group: resource_group.clone() });
            }
            held.scoped.push(Scoped { resource_group: resource_group.get_ref().as_str().into(), set });
            held.quarantined = held.quarantined.or(quarantined);
        }
        held
    }

    fn set(&mut self, source: &Source, policies: &[Text], to: AttachedTo) -> (Arc<PolicySet>, Option<Arc<str>>) {
        let (mut documents, mut quarantined) = (Vec::with_capacity(policies.len()), None);
        for attached in self.documents.attach(source, policies) {
            match attached {
                Attached::Document(document) => documents.push(document),
                Attached::Quarantined(name) => quarantined = Some(name),
            }
        }
        (self.context.sets.set(to, documents), quarantined)
    }

    fn assumable(&mut self, source: &Source, role: &RawRole) -> Option<Assumable> {
        let longest = self.longest_session(source, role.max_session_duration.as_ref());
        let trust = self.documents.trust(source, role.trust.as_ref()?)?;
        Some(Assumable { trust, longest })
    }

    /// RAM's MaxSessionDuration: an hour by default, twelve hours at most.
    fn longest_session(&mut self, source: &Source, raw: Option<&Spanned<u64>>) -> Duration {
        let seconds = raw.map_or(3600, |seconds| *seconds.get_ref());
        if let Some(raw) = raw.filter(|_| !(3600..=43_200).contains(&seconds)) {
            let title = format!("`{seconds}` is not a valid maximum session duration");
            self.report(source, raw.span(), &title, "give a number of seconds from 3600 to 43200");
        }
        Duration::from_secs(seconds)
    }

    fn principal(
        &mut self,
        source: &Source,
        name: &Text,
        raw: &str,
        id: Option<&Text>,
        (layers, assumable): (Layers, Option<Assumable>),
    ) {
        let identity = match raw.parse::<Identity>() {
            Ok(identity) => identity,
            Err(error) => {
                self.report(source, name.span(), &error.to_string(), "use the name that RAM shows");
                return;
            }
        };
        if let Some(id) = id.filter(|id| !is_numeric_id(id.get_ref())) {
            let title = format!("`{}` is not a valid user or role ID", id.get_ref());
            self.report(source, id.span(), &title, "write RAM's numeric ID, 1 to 20 digits");
        }
        let id = id.map(|id| id.get_ref().as_str().into());
        if self.found.insert(identity, PrincipalEntry { id, layers: Arc::new(layers), assumable }).is_some() {
            self.report_duplicate(source, name, "principal");
        }
    }

    fn report_duplicate(&mut self, source: &Source, name: &Spanned<String>, what: &str) {
        let title = format!("the {what} `{}` is given twice", name.get_ref());
        self.report(source, name.span(), &title, "keep one of the two");
    }

    fn report(&mut self, source: &Source, span: std::ops::Range<usize>, title: &str, help: &str) {
        self.documents.diagnostics.push(source.error(span, title, help));
    }
}

/// All policies of one principal. With a quarantined policy, the principal is denied: that policy might contain a Deny.
fn layers(held: Vec<Attachments>, control: Option<&ControlPolicies>) -> Layers {
    let quarantined = held.iter().find_map(|held| held.quarantined.clone());
    let quarantined = quarantined.or_else(|| control?.quarantined.clone());
    let account = held.iter().filter_map(|held| held.account.clone());
    let layers = Layers::identity(account.collect::<Vec<_>>());
    let mut layers = layers.scoped(held.into_iter().flat_map(|held| held.scoped).collect());
    if let Some(control) = control {
        layers = layers.under(&control.levels);
    }
    match quarantined {
        Some(policy) => layers.quarantined(policy),
        None => layers,
    }
}

fn is_numeric_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
