//! RAM's own quotas on policies, as its documentation gives them.

use std::sync::OnceLock;

use serde::Deserialize;

/// How much RAM takes. An account may have been granted more of some of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RamQuotas {
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
pub struct AttachedQuota {
    pub system: usize,
    pub custom: usize,
}

impl RamQuotas {
    /// The quotas that are compiled in.
    ///
    /// # Panics
    /// When the bundled file is malformed, which a test would have found.
    pub fn bundled() -> &'static Self {
        static BUNDLED: OnceLock<RamQuotas> = OnceLock::new();
        BUNDLED.get_or_init(|| {
            serde_json::from_str(include_str!("ram-quotas.json")).expect("the bundled quotas are well formed")
        })
    }
}

impl AttachedQuota {
    /// All that may be attached, whichever kind it is.
    pub fn total(self) -> usize {
        self.system + self.custom
    }
}
