//! The condition keys of a request that may have a value which the request does not give.

use std::sync::{Arc, OnceLock};

use crate::context::table::ContextKey;

/// A set of condition keys that are *unknown*: RAM may have a value for them when it judges the call, but the caller of
/// this crate cannot supply it.
///
/// An Allow never applies because of an unknown key, and a Deny that depends on one denies the request. A key that is
/// not in this set, and has no value in the [`Context`](crate::Context), is known to be absent.
///
/// ```
/// use ram_policy::{ContextKey, UnknownKeys};
///
/// let unknown = UnknownKeys::new(["vpc"], ["acs:SourceVpc"]).with(&ContextKey::MfaPresent);
/// assert!(unknown.has(&"acs:SourceVpc".parse()?));
/// assert!(unknown.has(&"vpc:VPC".parse()?));
/// assert!(unknown.has(&ContextKey::MfaPresent));
/// assert!(!unknown.has(&ContextKey::SourceIp));
/// # Ok::<(), ram_policy::ContextKeyError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownKeys {
    /// One bit for each key that is a variant of [`ContextKey`].
    variants: u16,
    /// Services in lower case. All of their keys are unknown, except those that are variants of [`ContextKey`].
    services: Box<[Box<str>]>,
    /// Names of keys in lower case, without their tag keys.
    names: Box<[Box<str>]>,
}

impl UnknownKeys {
    /// The set of all keys of `services` and of the keys called `names`, which have no tag keys. A name covers all tag
    /// keys of its key. Keys that are variants of [`ContextKey`] are not affected; add them by [`UnknownKeys::with`].
    pub fn new<'n>(services: impl IntoIterator<Item = &'n str>, names: impl IntoIterator<Item = &'n str>) -> Self {
        let lower = |text: &str| text.to_ascii_lowercase().into_boxed_str();
        Self {
            variants: 0,
            services: services.into_iter().map(lower).collect(),
            names: names.into_iter().map(lower).collect(),
        }
    }

    /// The empty set: every key without a value is absent.
    pub fn none() -> &'static Arc<Self> {
        static NONE: OnceLock<Arc<UnknownKeys>> = OnceLock::new();
        NONE.get_or_init(Arc::default)
    }

    /// Adds a key that is a variant of [`ContextKey`], with all of its tag keys. [`ContextKey::Other`] has no effect;
    /// pass its name to [`UnknownKeys::new`] instead.
    #[must_use]
    pub fn with(self, key: &ContextKey) -> Self {
        Self { variants: self.variants | bit(key), ..self }
    }

    /// Removes a key that is a variant of [`ContextKey`], with all of its tag keys.
    #[must_use]
    pub fn without(self, key: &ContextKey) -> Self {
        Self { variants: self.variants & !bit(key), ..self }
    }

    /// Whether the key is in the set.
    pub fn has(&self, key: &ContextKey) -> bool {
        let ContextKey::Other(other) = key else { return self.variants & bit(key) != 0 };
        let name = other.folded().split_once('/').map_or(other.folded(), |(name, _)| name);
        let service = name.split_once(':').map_or(name, |(service, _)| service);
        self.services.iter().any(|known| **known == *service) || self.names.iter().any(|known| **known == *name)
    }
}

/// The bit of a variant; 0 for other keys.
fn bit(key: &ContextKey) -> u16 {
    match key {
        ContextKey::CurrentTime => 1,
        ContextKey::SecureTransport => 1 << 1,
        ContextKey::SourceIp => 1 << 2,
        ContextKey::MfaPresent => 1 << 3,
        ContextKey::PrincipalArn => 1 << 4,
        ContextKey::ResourceGroupId => 1 << 5,
        ContextKey::ResourceTag(_) => 1 << 6,
        ContextKey::RequestTag(_) => 1 << 7,
        ContextKey::TagKeys => 1 << 8,
        ContextKey::Other(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_unknown_by_its_variant_its_service_or_its_name() {
        let unknown = UnknownKeys::new(["acs"], ["vpc:VPC", "vpc:tag"]).with(&ContextKey::TagKeys);
        let has = |text: &str| unknown.has(&text.parse().unwrap());
        for key in ["acs:SourceVpc", "ACS:unheard", "acs:TagKeys", "vpc:vpc", "vpc:tag/team"] {
            assert!(has(key), "{key}");
        }
        for key in ["acs:SourceIp", "acs:MFAPresent", "acs:RequestTag/env", "vpc:IsDefaultVpc", "ecs:tag/team", "oss:X"]
        {
            assert!(!has(key), "{key}");
        }
        assert!(!unknown.without(&ContextKey::TagKeys).has(&ContextKey::TagKeys));
        assert_eq!(**UnknownKeys::none(), UnknownKeys::default());
    }
}
