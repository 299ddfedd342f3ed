//! RAM's quotas on policies, as documented.

use std::sync::OnceLock;

use serde::Deserialize;

/// RAM's default quotas. The vendor may have raised some of them for an account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RamQuotas {
    /// The vendor's page.
    pub source: String,
    /// When that page was last updated.
    pub updated: String,
    pub groups_of_a_user: usize,
    pub policies_of_a_user: AttachedQuota,
    pub policies_of_a_group: AttachedQuota,
    pub policies_of_a_role: AttachedQuota,
    pub characters_of_a_document: usize,
}

/// How many policies may be attached to one user, group or role.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttachedQuota {
    pub system: usize,
    pub custom: usize,
}

impl RamQuotas {
    /// The quotas that are compiled in.
    ///
    /// # Panics
    /// If the bundled file is malformed; a test reads it.
    pub(crate) fn bundled() -> &'static Self {
        static BUNDLED: OnceLock<RamQuotas> = OnceLock::new();
        BUNDLED.get_or_init(|| {
            serde_json::from_str(include_str!("ram-quotas.json")).expect("the bundled quotas are well formed")
        })
    }
}

impl AttachedQuota {
    /// The sum of both kinds.
    pub(crate) fn total(self) -> usize {
        self.system + self.custom
    }
}
