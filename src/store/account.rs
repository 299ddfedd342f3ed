//! `account.toml`: who exists, and what is attached to whom (design 5.1).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::{Spanned, Value};

use crate::pdp::Standing;
use crate::policy::{AttachedTo, Attachment, Document, Layers};
use crate::ram::{AccountId, Identity, Principal};
use crate::source::{Complaint, Source};

/// The files of one policy directory, read and not yet understood.
#[derive(Clone, Debug)]
pub struct PolicyFiles {
    /// The directory, for complaints about all of it.
    pub name: String,
    pub accounts: Vec<(PathBuf, Source)>,
    pub documents: Vec<(PathBuf, Source)>,
    /// Files that this version does not take.
    pub others: Vec<(PathBuf, Source)>,
    pub unreadable: Vec<(PathBuf, Complaint)>,
}

/// One account, understood.
pub(super) struct Account {
    pub(super) id: AccountId,
    pub(super) source: Source,
    pub(super) principals: Vec<(Principal, Standing)>,
    pub(super) documents: Vec<Arc<Document>>,
    pub(super) warnings: Vec<Complaint>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    schema: Option<Spanned<u32>>,
    account: Option<Spanned<String>>,
    #[serde(default)]
    users: BTreeMap<Spanned<String>, WrittenUser>,
    #[serde(default)]
    groups: BTreeMap<Spanned<String>, WrittenGroup>,
    #[serde(default)]
    roles: BTreeMap<Spanned<String>, WrittenRole>,
    control: Option<Spanned<Value>>,
    quarantine: Option<Spanned<Value>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenUser {
    id: Option<Spanned<String>>,
    #[serde(default)]
    groups: Vec<Spanned<String>>,
    #[serde(default)]
    policies: Vec<Spanned<String>>,
    scoped: Option<Spanned<Value>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenGroup {
    #[serde(default)]
    policies: Vec<Spanned<String>>,
    scoped: Option<Spanned<Value>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRole {
    id: Option<Spanned<String>>,
    #[serde(default)]
    policies: Vec<Spanned<String>>,
    scoped: Option<Spanned<Value>>,
    trust: Option<Spanned<Value>>,
}

impl Account {
    pub(super) fn read(files: PolicyFiles) -> Result<Self, Vec<Complaint>> {
        let mut reader = Reader::default();
        let whole = Source::new(files.name.as_str(), "");
        for (_, other) in &files.others {
            let title = "resource facts are not available in this version";
            reader.complaints.push(other.error_without_place(title, "move the file out of the policy directory"));
        }
        for (path, complaint) in files.unreadable {
            reader.broken.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
            reader.complaints.push(complaint);
        }
        if files.accounts.is_empty() && reader.complaints.is_empty() {
            let title = "the directory holds no `account.toml`";
            reader
                .complaints
                .push(whole.error_without_place(title, "write one: it says who exists and what is attached to whom"));
        }
        for (path, source) in files.documents {
            reader.document(&path, source);
        }
        let written: Vec<_> = files.accounts.iter().filter_map(|(_, source)| reader.account_file(source)).collect();
        let id = reader.account_id(&files.accounts, &written);
        let mut groups = BTreeMap::new();
        for (source, file) in &written {
            for (name, group) in &file.groups {
                let policies = reader.attach(source, &group.policies);
                if groups.insert(name.get_ref().clone(), (source.clone(), name.span(), policies)).is_some() {
                    reader.twice(source, name, "group");
                }
            }
        }
        let (mut found, mut joined) = (BTreeMap::new(), BTreeSet::new());
        for (source, file) in &written {
            for (name, user) in &file.users {
                let mut attached = reader.attached(source, &user.policies, &AttachedTo::User);
                for group in &user.groups {
                    match groups.get(group.get_ref()) {
                        None => {
                            let title = format!("the group `{}` does not exist", group.get_ref());
                            reader.complaints.push(source.error(
                                group.span(),
                                title,
                                "add `[groups.NAME]`, or leave the group",
                            ));
                        }
                        Some((_, _, policies)) => {
                            joined.insert(group.get_ref().clone());
                            let to = AttachedTo::Group(group.get_ref().as_str().into());
                            attached.extend(
                                policies
                                    .iter()
                                    .map(|document| Attachment { document: Arc::clone(document), to: to.clone() }),
                            );
                        }
                    }
                }
                let identity = format!("user/{}", name.get_ref());
                reader.principal(source, name, &identity, user.id.as_ref(), attached, &mut found);
            }
            for (name, role) in &file.roles {
                let attached = reader.attached(source, &role.policies, &AttachedTo::Role);
                let identity = format!("role/{}", name.get_ref());
                reader.principal(source, name, &identity, role.id.as_ref(), attached, &mut found);
            }
        }
        for (name, (source, span, _)) in &groups {
            if !joined.contains(name) {
                let title = format!("nobody is in the group `{name}`");
                reader.warnings.push(source.warning(span.clone(), title, "put a user in it, or remove it"));
            }
        }
        reader.finish(id, whole, found)
    }
}

#[derive(Default)]
struct Reader {
    documents: BTreeMap<String, Arc<Document>>,
    /// Documents that are there and do not load: their attachments are no further fault.
    broken: BTreeSet<String>,
    attached: BTreeSet<String>,
    complaints: Vec<Complaint>,
    warnings: Vec<Complaint>,
}

impl Reader {
    fn document(&mut self, path: &Path, source: Source) {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let plain =
            (1..=128).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !plain {
            let title = format!("`{name}` is no name of a policy");
            self.complaints
                .push(source.error_without_place(title, "name the file with 1 to 128 letters, digits and `-`"));
            return;
        }
        if let Some(first) = self.documents.get(&name) {
            let title = format!("the policy `{name}` is given twice, here and in `{}`", first.source().name());
            self.complaints.push(source.error_without_place(title, "rename one of the two files"));
            return;
        }
        match Document::parse(&name, source) {
            Ok(document) => {
                self.warnings.extend(document.warnings().iter().cloned());
                self.documents.insert(name, Arc::new(document));
            }
            Err(complaints) => {
                self.complaints.extend(complaints);
                self.broken.insert(name);
            }
        }
    }

    fn account_file(&mut self, source: &Source) -> Option<(Source, Written)> {
        let written: Written = match toml::from_str(source.text()) {
            Ok(written) => written,
            Err(error) => {
                let help = "see the README for the form of an account file";
                self.complaints.push(source.error(error.span().unwrap_or(0..0), error.message().to_owned(), help));
                return None;
            }
        };
        if let Some(schema) = written.schema.as_ref().filter(|schema| *schema.get_ref() != 1) {
            self.complaints.push(source.error(
                schema.span(),
                "the schema is unknown",
                "this program reads `schema = 1`",
            ));
        }
        let unbuilt = [("[[control]]", &written.control), ("[[quarantine]]", &written.quarantine)];
        let of_users = written.users.values().map(|user| ("scoped", &user.scoped));
        let of_groups = written.groups.values().map(|group| ("scoped", &group.scoped));
        let of_roles = written.roles.values().flat_map(|role| [("scoped", &role.scoped), ("trust", &role.trust)]);
        for (name, value) in unbuilt.into_iter().chain(of_users).chain(of_groups).chain(of_roles) {
            if let Some(value) = value {
                let title = format!("`{name}` is not available in this version");
                let help = "remove it; nothing is judged without a layer that was asked for";
                self.complaints.push(source.error(value.span(), title, help));
            }
        }
        Some((source.clone(), written))
    }

    fn account_id(&mut self, files: &[(PathBuf, Source)], written: &[(Source, Written)]) -> Option<AccountId> {
        let mut id: Option<AccountId> = None;
        for (source, account) in written.iter().filter_map(|(source, file)| Some((source, file.account.as_ref()?))) {
            match account.get_ref().parse::<AccountId>() {
                Ok(found) if id.as_ref().is_some_and(|id| *id != found) => {
                    let title = format!("`{found}` is another account than the one named before");
                    self.complaints.push(source.error(account.span(), title, "keep one account in a directory"));
                }
                Ok(found) => id = Some(found),
                Err(error) => {
                    self.complaints.push(source.error(account.span(), error.to_string(), "write the account's UID"));
                }
            }
        }
        if let (None, Some((_, first)), true) = (&id, files.first(), self.complaints.is_empty()) {
            let title = "the key `account` is missing";
            self.complaints.push(first.error_without_place(title, "add `account = \"1234567890123456\"`"));
        }
        id
    }

    fn attach(&mut self, source: &Source, policies: &[Spanned<String>]) -> Vec<Arc<Document>> {
        let mut found = Vec::with_capacity(policies.len());
        for policy in policies {
            let name = policy.get_ref();
            self.attached.insert(name.clone());
            match self.documents.get(name) {
                Some(document) => found.push(Arc::clone(document)),
                None if self.broken.contains(name) => {}
                None => {
                    let title = format!("the policy `{name}` is attached and does not exist");
                    self.complaints.push(source.error(
                        policy.span(),
                        title,
                        format!("write `{name}.json`, or detach it"),
                    ));
                }
            }
        }
        found
    }

    fn attached(&mut self, source: &Source, policies: &[Spanned<String>], to: &AttachedTo) -> Vec<Attachment> {
        let documents = self.attach(source, policies);
        documents.into_iter().map(|document| Attachment { document, to: to.clone() }).collect()
    }

    fn principal(
        &mut self,
        source: &Source,
        name: &Spanned<String>,
        written: &str,
        id: Option<&Spanned<String>>,
        attached: Vec<Attachment>,
        found: &mut BTreeMap<Identity, Standing>,
    ) {
        let identity = match written.parse::<Identity>() {
            Ok(identity) => identity,
            Err(error) => {
                let help = "use the name that RAM shows";
                self.complaints.push(source.error(name.span(), error.to_string(), help));
                return;
            }
        };
        if let Some(id) = id.filter(|id| !is_numeric_id(id.get_ref())) {
            let title = format!("`{}` is no id of a user or role", id.get_ref());
            self.complaints.push(source.error(id.span(), title, "write RAM's numeric id, 1 to 20 digits"));
        }
        let id = id.map(|id| id.get_ref().as_str().into());
        if found.insert(identity, Standing { id, layers: Arc::new(Layers::identity(attached)) }).is_some() {
            self.twice(source, name, "principal");
        }
    }

    fn twice(&mut self, source: &Source, name: &Spanned<String>, what: &str) {
        let title = format!("the {what} `{}` is given twice", name.get_ref());
        self.complaints.push(source.error(name.span(), title, "keep one of the two"));
    }

    fn finish(
        mut self,
        id: Option<AccountId>,
        source: Source,
        found: BTreeMap<Identity, Standing>,
    ) -> Result<Account, Vec<Complaint>> {
        for (name, document) in &self.documents {
            if !self.attached.contains(name) {
                let title = format!("nobody has the policy `{name}`");
                self.warnings.push(document.source().warning(
                    0..0,
                    title,
                    "attach it in the account file, or remove it",
                ));
            }
        }
        let Some(id) = id.filter(|_| self.complaints.is_empty()) else { return Err(self.complaints) };
        let principals = found
            .into_iter()
            .map(|(identity, standing)| (Principal { account: id.clone(), identity }, standing))
            .collect();
        let documents = self.documents.into_values().collect();
        Ok(Account { id, source, principals, documents, warnings: self.warnings })
    }
}

fn is_numeric_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
