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
    /// One key for every call.
    One(OwnKey),
    /// One key for each account. Callers of other accounts are refused.
    OfAccount(Vec<(AccountId, OwnKey)>),
    /// In pass-through: calls keep their callers' signatures, and the gateway sends no calls of its own.
    None,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnKey {
    Fixed {
        access_key_id: AccessKeyId,
        secret: SecretPlace,
    },
    /// A temporary key, from the RAM role of the instance that the gateway runs on.
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
    /// Identifies the key, so that two accounts with the same key are detected.
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
            let title = "a key is given both in `[upstream]` and in `[[upstream.key]]`";
            self.report(
                section.clone(),
                title,
                "move the first into a `[[upstream.key]]` of its own, with its `account`",
            );
        }
        let (mut accounts, mut ones) = (HashSet::new(), HashSet::new());
        let mut read = Vec::with_capacity(keys.len());
        for raw in keys {
            let section = raw.span();
            let mut raw = raw.into_inner();
            let account = self.account(raw.account.take(), &section);
            let key = self.own_key(raw, &section);
            let Some(account) = account else { continue };
            let (new_account, new_key) = (accounts.insert(account.clone()), ones.insert(key.identity()));
            if !new_account {
                self.report(section, &format!("the account `{account}` has two keys"), "keep one");
            } else if !new_key {
                self.report(section, "this key is already used for another account", "give each account its own key");
            }
            read.push((account, key));
        }
        OwnKeys::OfAccount(read)
    }

    /// The embedded ECS accepts one key only, generated at startup.
    pub(super) fn refuse_keys(&mut self, one: &RawKey, keys: &[Spanned<RawKey>]) {
        let title = "the embedded ECS generates its own key and accepts no other";
        if let Some(key) = keys.first() {
            self.report(key.span(), title, "leave `[[upstream.key]]` out, or give the `url` of a server");
        }
        if let Some(role) = one.instance_role.as_ref().or(one.metadata_url.as_ref()) {
            self.report(role.span(), title, "leave it out, or give the `url` of a server");
        }
    }

    fn account(&mut self, raw: Option<Spanned<String>>, section: &Range<usize>) -> Option<AccountId> {
        let help = "name the account whose key this is, such as `1234567890123456`";
        let Some(raw) = raw else {
            self.report(section.clone(), "the `account` of this key is missing", help);
            return None;
        };
        let parsed = raw.get_ref().parse::<AccountId>();
        parsed.map_err(|error| self.report(raw.span(), &error.to_string(), help)).ok()
    }

    fn own_key(&mut self, raw: RawKey, section: &Range<usize>) -> OwnKey {
        let RawKey { access_key_id, secret_env, secret_file, secret_command, instance_role, metadata_url, .. } = raw;
        let at = instance_role.as_ref().map(Spanned::span);
        if let Some(role) = self.instance_role(instance_role, metadata_url) {
            if access_key_id.is_some() || secret_env.is_some() || secret_file.is_some() || secret_command.is_some() {
                let title = "`instance_role` and another key are both given for the gateway";
                let help = "remove `access_key_id` and `secret_…`, which come with the role, or remove `instance_role`";
                self.report(at.unwrap_or_else(|| section.clone()), title, help);
            }
            return OwnKey::InstanceRole(role);
        }
        let secret = match (secret_env, secret_file, secret_command) {
            (Some(name), None, None) => SecretPlace::Environment(name),
            (None, Some(path), None) => SecretPlace::File(self.folder.join(path)),
            (None, None, Some(command)) => SecretPlace::Command(command),
            _ => {
                let title = "the gateway's own key needs exactly one secret";
                let help = "give one of `secret_env`, `secret_file` and `secret_command`, or use `instance_role`";
                self.report(section.clone(), title, help);
                SecretPlace::Environment(String::new())
            }
        };
        OwnKey::Fixed { access_key_id: self.access_key_id(access_key_id, section), secret }
    }

    fn access_key_id(&mut self, raw: Option<Spanned<String>>, section: &Range<usize>) -> AccessKeyId {
        let parsed = match raw {
            Some(id) => {
                id.get_ref().parse().map_err(|error: crate::ram::AccessKeyIdError| (id.span(), error.to_string()))
            }
            None => Err((section.clone(), "the gateway's own `access_key_id` is missing".to_owned())),
        };
        parsed.unwrap_or_else(|(span, title)| {
            self.report(span, &title, "give the id of the key that signs forwarded calls");
            "missing".parse().expect("a well-formed id")
        })
    }
}
