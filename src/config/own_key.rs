//! The gateway's own keys upstream: one, or with several accounts one each (`[[upstream.key]]`).

use std::collections::HashSet;
use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;

use crate::identity::SecretPlace;
use crate::ram::AccessKeyId;
use ram_policy::AccountId;

use super::instance_role::InstanceRoleSettings;
use super::reader::Reader;
use super::signing::Signing;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnKeys {
    /// Of the only account.
    One(OwnKey),
    /// A caller of any other account is refused.
    OfAccount(Vec<(AccountId, OwnKey)>),
    /// Calls are passed on as they were signed, and nothing else is asked.
    None,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnKey {
    Fixed {
        access_key_id: AccessKeyId,
        secret: SecretPlace,
    },
    /// A temporary one, of the instance that the gateway runs on.
    InstanceRole(InstanceRoleSettings),
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawKey {
    pub(super) account: Option<Spanned<String>>,
    pub(super) access_key_id: Option<Spanned<String>>,
    pub(super) secret_env: Option<String>,
    pub(super) secret_file: Option<PathBuf>,
    pub(super) secret_command: Option<Vec<String>>,
    pub(super) instance_role: Option<Spanned<String>>,
    pub(super) metadata_url: Option<Spanned<String>>,
}

impl OwnKey {
    /// What two accounts cannot both have.
    fn identity(&self) -> String {
        match self {
            Self::Fixed { access_key_id, .. } => access_key_id.to_string(),
            Self::InstanceRole(role) => format!("{} of {}", role.role, role.metadata_url),
        }
    }
}

impl RawKey {
    fn says_anything(&self) -> bool {
        self.access_key_id.is_some()
            || self.secret_env.is_some()
            || self.secret_file.is_some()
            || self.secret_command.is_some()
            || self.instance_role.is_some()
            || self.metadata_url.is_some()
    }
}

impl Reader<'_> {
    pub(super) fn own_keys(
        &mut self,
        one: RawKey,
        keys: Vec<Spanned<RawKey>>,
        section: &Range<usize>,
        signing: Signing,
    ) -> OwnKeys {
        if signing == Signing::PassThrough && keys.is_empty() && !one.says_anything() {
            return OwnKeys::None;
        }
        if keys.is_empty() {
            return OwnKeys::One(self.own_key(one, section));
        }
        if one.says_anything() {
            let title = "the gateway has a key of its own and one for each account: nobody could tell which is meant";
            self.complain(section.clone(), title, "move it into a `[[upstream.key]]`, with its `account`");
        }
        let (mut accounts, mut ones) = (HashSet::new(), HashSet::new());
        let mut read = Vec::with_capacity(keys.len());
        for written in keys {
            let section = written.span();
            let mut written = written.into_inner();
            let account = self.account(written.account.take(), &section);
            let key = self.own_key(written, &section);
            let Some(account) = account else { continue };
            let (new_account, new_key) = (accounts.insert(account.clone()), ones.insert(key.identity()));
            if !new_account {
                self.complain(section, &format!("the account `{account}` has two keys"), "keep one");
            } else if !new_key {
                self.complain(section, "this key is another account's already", "a key belongs to one account");
            }
            read.push((account, key));
        }
        OwnKeys::OfAccount(read)
    }

    /// The embedded ECS knows one key, which is made for it.
    pub(super) fn refuse_keys(&mut self, one: &RawKey, keys: &[Spanned<RawKey>]) {
        let title = "the embedded ECS takes no key of yours";
        if let Some(key) = keys.first() {
            self.complain(key.span(), title, "leave `[[upstream.key]]` out, or give the `url` of a server");
        }
        if let Some(role) = one.instance_role.as_ref().or(one.metadata_url.as_ref()) {
            self.complain(role.span(), title, "leave it out, or give the `url` of a server");
        }
    }

    fn account(&mut self, written: Option<Spanned<String>>, section: &Range<usize>) -> Option<AccountId> {
        let help = "name the account whose key this is, such as `1234567890123456`";
        let Some(written) = written else {
            self.complain(section.clone(), "the `account` of this key is missing", help);
            return None;
        };
        let parsed = written.get_ref().parse::<AccountId>();
        parsed.map_err(|error| self.complain(written.span(), &error.to_string(), help)).ok()
    }

    fn own_key(&mut self, written: RawKey, section: &Range<usize>) -> OwnKey {
        let RawKey { access_key_id, secret_env, secret_file, secret_command, instance_role, metadata_url, .. } =
            written;
        let at = instance_role.as_ref().map(Spanned::span);
        if let Some(role) = self.instance_role(instance_role, metadata_url) {
            if access_key_id.is_some() || secret_env.is_some() || secret_file.is_some() || secret_command.is_some() {
                let title = "the gateway's own key is that of a role, and another besides";
                let help = "leave out `access_key_id` and `secret_…`, which come with the role, or `instance_role`";
                self.complain(at.unwrap_or_else(|| section.clone()), title, help);
            }
            return OwnKey::InstanceRole(role);
        }
        let secret = match (secret_env, secret_file, secret_command) {
            (Some(name), None, None) => SecretPlace::Environment(name),
            (None, Some(path), None) => SecretPlace::File(self.folder.join(path)),
            (None, None, Some(command)) => SecretPlace::Command(command),
            _ => {
                let title = "the gateway's own key has no secret, or two";
                let help = "give exactly one of `secret_env`, `secret_file` and `secret_command`, or `instance_role`";
                self.complain(section.clone(), title, help);
                SecretPlace::Environment(String::new())
            }
        };
        OwnKey::Fixed { access_key_id: self.access_key_id(access_key_id, section), secret }
    }

    fn access_key_id(&mut self, written: Option<Spanned<String>>, section: &Range<usize>) -> AccessKeyId {
        let parsed = match written {
            Some(id) => {
                id.get_ref().parse().map_err(|error: crate::ram::AccessKeyIdError| (id.span(), error.to_string()))
            }
            None => Err((section.clone(), "the gateway's own `access_key_id` is missing".to_owned())),
        };
        parsed.unwrap_or_else(|(span, title)| {
            self.complain(span, &title, "give the id of the key that signs forwarded calls");
            "missing".parse().expect("a well-formed id")
        })
    }
}
