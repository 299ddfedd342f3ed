//! Condition keys that are documented: their spelling, their type, and whether AttachNetworkInterface carries them.

use std::borrow::Cow;

use crate::policy::Compares;
use crate::ram::{ContextKey, KeyType};

/// Whether a call of AttachNetworkInterface has a value for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    Always,
    /// Where the resource has it.
    Sometimes,
    /// And why not.
    Never(&'static str),
}

/// Whose key it is (`spec/ram-policy.md` 4.5, 4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    OtherEcsOperations,
    OtherServices,
    NotSupplied,
}

use Compares::{Booleans, Texts};
use Home::{NotSupplied, OtherEcsOperations, OtherServices};

/// Documented keys that the gateway has no variant for, as they are spelled.
const KNOWN: [(&str, Compares, Home); 39] = [
    ("acs:AccessId", Texts, OtherServices),
    ("acs:PrincipalRDId", Texts, NotSupplied),
    ("acs:PrincipalRDPath", Texts, NotSupplied),
    ("acs:RequestedRegion", Texts, NotSupplied),
    ("acs:Service", Texts, OtherServices),
    ("acs:SourceVpc", Texts, NotSupplied),
    ("acs:TagKeys", Texts, NotSupplied),
    ("acs:UserAgent", Texts, OtherServices),
    ("ecs:AssociatePublicIpAddress", Booleans, OtherEcsOperations),
    ("ecs:CommandRunAs", Texts, OtherEcsOperations),
    ("ecs:ImageOwnerId", Texts, OtherEcsOperations),
    ("ecs:ImagePlatform", Texts, OtherEcsOperations),
    ("ecs:ImageSource", Texts, OtherEcsOperations),
    ("ecs:InstanceType", Texts, OtherEcsOperations),
    ("ecs:InstanceTypeFamily", Texts, OtherEcsOperations),
    ("ecs:IsDiskByokEncrypted", Texts, OtherEcsOperations),
    ("ecs:IsDiskEncrypted", Texts, OtherEcsOperations),
    ("ecs:IsSystemDiskByokEncrypted", Texts, OtherEcsOperations),
    ("ecs:IsSystemDiskEncrypted", Texts, OtherEcsOperations),
    ("ecs:LoginAsNonRoot", Booleans, OtherEcsOperations),
    ("ecs:NotSpecifySecurityGroupId", Booleans, OtherEcsOperations),
    ("ecs:PasswordCustomized", Booleans, OtherEcsOperations),
    ("ecs:PasswordInherit", Booleans, OtherEcsOperations),
    ("ecs:PluginName", Texts, OtherEcsOperations),
    ("ecs:SecurityEnhancementStrategy", Texts, OtherEcsOperations),
    ("ecs:SecurityGroupIpProtocols", Texts, OtherEcsOperations),
    ("ecs:SecurityGroupSourceCidrIps", Texts, OtherEcsOperations),
    ("ecs:SecurityHardeningMode", Booleans, OtherEcsOperations),
    ("oidc:aud", Texts, OtherServices),
    ("oidc:iss", Texts, OtherServices),
    ("oidc:sub", Texts, OtherServices),
    ("ram:ServiceName", Texts, OtherServices),
    ("saml:recipient", Texts, OtherServices),
    ("sts:ExternalId", Texts, OtherServices),
    ("sts:SourceIdentity", Texts, OtherServices),
    ("vpc:CreateDefaultVpc", Booleans, OtherEcsOperations),
    ("vpc:IsDefaultVpc", Booleans, OtherEcsOperations),
    ("vpc:IsDefaultVSwitch", Booleans, OtherEcsOperations),
    ("vpc:VPC", Texts, OtherEcsOperations),
];

const REQUEST_TAG: &str = "acs:RequestTag";

pub(super) fn carried(key: &ContextKey) -> Carried {
    match key {
        ContextKey::CurrentTime | ContextKey::SecureTransport | ContextKey::SourceIp | ContextKey::PrincipalArn => {
            Carried::Always
        }
        ContextKey::ResourceGroupId | ContextKey::ResourceTag(_) => Carried::Sometimes,
        ContextKey::MfaPresent => Carried::Never("a console logon carries it, and a call with an AccessKey never does"),
        ContextKey::Other(other) if is_request_tag(other.folded()) => Carried::Never("the call passes no tags"),
        ContextKey::Other(other) => Carried::Never(match known(other.folded()).map(|(_, _, home)| home) {
            Some(OtherEcsOperations) => "it belongs to other operations of ECS",
            Some(OtherServices) => "it belongs to other services",
            Some(NotSupplied) => "ECS is not documented to supply it",
            None => "it is documented nowhere",
        }),
    }
}

/// What the values of a key are; none where nobody says.
pub(super) fn values(key: &ContextKey) -> Option<Compares> {
    if let ContextKey::Other(other) = key {
        let tag = is_request_tag(other.folded()).then_some(Texts);
        return tag.or_else(|| known(other.folded()).map(|(_, compares, _)| *compares));
    }
    Some(match key.value_type() {
        KeyType::Text => Texts,
        KeyType::Address => Compares::Addresses,
        KeyType::Time => Compares::Dates,
        KeyType::Boolean => Booleans,
    })
}

/// The key as it is documented; none where nobody does.
pub(super) fn spelling(key: &ContextKey, written: &str) -> Option<Cow<'static, str>> {
    match key {
        // The older spelling is documented too.
        ContextKey::ResourceTag(tag)
            if written.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("ecs:tag/")) =>
        {
            Some(format!("ecs:tag/{tag}").into())
        }
        ContextKey::Other(other) => match other.folded().split_once('/') {
            Some((_, tag)) if is_request_tag(other.folded()) => Some(format!("{REQUEST_TAG}/{tag}").into()),
            _ => known(other.folded()).map(|(name, ..)| (*name).into()),
        },
        named => Some(named.to_string().into()),
    }
}

fn known(folded: &str) -> Option<&'static (&'static str, Compares, Home)> {
    KNOWN.iter().find(|(name, ..)| name.eq_ignore_ascii_case(folded))
}

fn is_request_tag(folded: &str) -> bool {
    folded.split_once('/').is_some_and(|(name, _)| name.eq_ignore_ascii_case(REQUEST_TAG))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_key_is_a_key_and_has_no_variant() {
        for (name, compares, _) in &KNOWN {
            let key: ContextKey = name.parse().unwrap();
            assert!(matches!(key, ContextKey::Other(_)), "{name}");
            assert_eq!(spelling(&key, name).as_deref(), Some(*name));
            assert_eq!(values(&key), Some(*compares), "{name}");
        }
        assert!(KNOWN.windows(2).all(|pair| pair[0].0.to_lowercase() < pair[1].0.to_lowercase()));
    }

    #[test]
    fn a_spelling_keeps_the_tag() {
        for (written, documented) in [
            ("acs:resourcetag/Team", "acs:ResourceTag/Team"),
            ("ECS:Tag/Team", "ecs:tag/Team"),
            ("acs:requesttag/Team", "acs:RequestTag/Team"),
            ("acs:sourceip", "acs:SourceIp"),
        ] {
            assert_eq!(spelling(&written.parse().unwrap(), written).as_deref(), Some(documented));
        }
        assert_eq!(spelling(&"acs:Unheard".parse().unwrap(), "acs:Unheard"), None);
    }
}
