//! Condition keys that are documented: their spelling and their type.

use std::borrow::Cow;

use crate::catalog::Catalog;
use crate::policy::Compares;
use crate::ram::{ContextKey, KeyType};

/// What the values of a key are; none where nobody says.
pub(super) fn values(key: &ContextKey) -> Option<Compares> {
    let catalog = Catalog::bundled();
    Some(match catalog.condition_keys().find(key)?.value_type {
        KeyType::Text => Compares::Texts,
        KeyType::Address => Compares::Addresses,
        KeyType::Time => Compares::Dates,
        KeyType::Boolean => Compares::Booleans,
    })
}

/// The key as it is documented; none where nobody does.
pub(super) fn spelling(key: &ContextKey, written: &str) -> Option<Cow<'static, str>> {
    let tag = match (key, written.split_once('/')) {
        // The older spelling is documented too.
        (ContextKey::ResourceTag(tag), Some((name, _))) if name.eq_ignore_ascii_case("ecs:tag") => {
            return Some(format!("ecs:tag/{tag}").into());
        }
        (_, Some((_, tag))) => Some(tag),
        (_, None) => None,
    };
    let catalog = Catalog::bundled();
    let name = &catalog.condition_keys().find(key)?.name;
    Some(match tag {
        Some(tag) => format!("{name}/{tag}").into(),
        None => name.clone().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spelling_keeps_the_tag() {
        for (written, documented) in [
            ("acs:resourcetag/Team", "acs:ResourceTag/Team"),
            ("ECS:Tag/Team", "ecs:tag/Team"),
            ("acs:requesttag/Team", "acs:RequestTag/Team"),
            ("acs:sourceip", "acs:SourceIp"),
            ("acs:tagkeys", "acs:TagKeys"),
            ("vpc:vpc", "vpc:VPC"),
        ] {
            assert_eq!(spelling(&written.parse().unwrap(), written).as_deref(), Some(documented));
        }
        assert_eq!(spelling(&"acs:Unheard".parse().unwrap(), "acs:Unheard"), None);
    }
}
