//! Condition keys of a call that may have a value which the request does not tell.

use std::sync::{Arc, OnceLock};

use crate::context::table::ContextKey;

/// Keys that are *unknown*: the vendor may supply a value when it judges the call, and this program cannot. A key that
/// is not among them, and that a request gives no value, is known to be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownKeys {
    /// Of the keys that are variants of [`ContextKey`], one bit each.
    variants: u16,
    /// Services whose keys are all unknown, as far as they are no variants; in lower case.
    services: Box<[Box<str>]>,
    /// Single names, without their tag keys, in lower case.
    names: Box<[Box<str>]>,
}

impl UnknownKeys {
    /// Every key of `services` that is no variant of [`ContextKey`], and the names `names`, which have no tag keys.
    pub fn new<'n>(services: impl IntoIterator<Item = &'n str>, names: impl IntoIterator<Item = &'n str>) -> Self {
        let lower = |text: &str| text.to_ascii_lowercase().into_boxed_str();
        Self {
            variants: 0,
            services: services.into_iter().map(lower).collect(),
            names: names.into_iter().map(lower).collect(),
        }
    }

    /// No key is unknown: what a request does not tell is absent.
    pub fn none() -> &'static Arc<Self> {
        static NONE: OnceLock<Arc<UnknownKeys>> = OnceLock::new();
        NONE.get_or_init(Arc::default)
    }

    /// With one key more, whatever its tag key. A key that is no variant of [`ContextKey`] is named to
    /// [`UnknownKeys::new`] instead.
    #[must_use]
    pub fn with(self, key: &ContextKey) -> Self {
        Self { variants: self.variants | bit(key), ..self }
    }

    /// Without one key, whatever its tag key.
    #[must_use]
    pub fn without(self, key: &ContextKey) -> Self {
        Self { variants: self.variants & !bit(key), ..self }
    }

    /// Whether the key may have a value that nobody told.
    pub fn has(&self, key: &ContextKey) -> bool {
        let ContextKey::Other(other) = key else { return self.variants & bit(key) != 0 };
        let name = other.folded().split_once('/').map_or(other.folded(), |(name, _)| name);
        let service = name.split_once(':').map_or(name, |(service, _)| service);
        self.services.iter().any(|known| **known == *service) || self.names.iter().any(|known| **known == *name)
    }
}

/// The place of a variant; none for other keys.
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
