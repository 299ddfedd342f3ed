//! The inputs of conditions: the principal, the call, and one of its resources.

use crate::context::table::{Context, ContextKey};
use crate::context::unknown_keys::UnknownKeys;
use crate::context::value::ValueRef;
use crate::language::effect::{Applies, Effect};
use crate::name::principal::Principal;

const NOTHING: &Context = &Context::EMPTY;

/// The condition keys that are known when one resource is judged: those of the principal, of the call and of the
/// resource. Made by the engine.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// `None` for callers that are not RAM principals: a subject of an external identity provider, a cloud service.
    principal: Option<&'a Principal>,
    context: &'a Context,
    /// The attributes of the resource; `None` until they have been read.
    of_resource: Option<&'a Context>,
    unknown: &'a UnknownKeys,
    targets: Targets,
    reading: Reading,
}

/// Whether it is known which resources a call names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets {
    /// The resources of the request are those that the call names.
    Known,
    /// Only the name of the operation is known. The request has one resource, `*`, but the call may name any resource.
    /// An Allow then applies only if it covers every resource, and a Deny on some resources denies the call.
    Unknown,
}

/// The attributes of resources that a decision may depend on.
///
/// They cost a look-up, so a caller can find out first whether it needs them: see
/// [`Layers::required_attributes`](crate::Layers::required_attributes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequiredAttributes {
    /// The tags of the resources.
    pub tags: bool,
    /// The resource groups that the resources are in.
    pub groups: bool,
}

/// How tags and groups that have not been read are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As unknown. An allowed request is allowed for all values that they may have.
    Closed,
    /// As the values that would allow the request. A refused request is refused for all values that they may have.
    Open,
}

/// Why a key has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The request does not have the key.
    Absent,
    /// The key may have a value.
    Unknown,
    /// The key may have a value, and is treated as if it had the one that would allow the request.
    Open,
}

impl<'a> Attributes<'a> {
    /// The attributes of one resource of a request; `of_resource` is `None` until they have been read.
    pub(crate) fn of_resource(
        principal: &'a Principal,
        (context, of_resource): (&'a Context, Option<&'a Context>),
        unknown: &'a UnknownKeys,
        targets: Targets,
        reading: Reading,
    ) -> Self {
        Self { principal: Some(principal), context, of_resource, unknown, targets, reading }
    }

    /// The attributes of a call without a resource.
    pub(crate) fn of_call(principal: Option<&'a Principal>, context: &'a Context, unknown: &'a UnknownKeys) -> Self {
        let of_resource = Some(NOTHING);
        Self { principal, context, of_resource, unknown, targets: Targets::Known, reading: Reading::Closed }
    }

    /// Why [`Attributes::values`] is empty for the key.
    pub(crate) fn missing(&self, key: &ContextKey) -> Missing {
        match self.reading {
            _ if self.unknown.has(key) => Missing::Unknown,
            _ if !self.is_unread(key) => Missing::Absent,
            Reading::Closed => Missing::Unknown,
            Reading::Open => Missing::Open,
        }
    }

    /// Whether it is known which resources the call names.
    pub(crate) fn targets(&self) -> Targets {
        self.targets
    }

    /// Whether a key is an attribute of the resource that has not been read.
    fn is_unread(&self, key: &ContextKey) -> bool {
        self.of_resource.is_none() && RequiredAttributes::of_key(key).any()
    }

    /// The known values of a key.
    ///
    /// The value of `acs:PrincipalARN` is always derived from the principal, so that no context can claim another one.
    /// Tags and groups in the context of the call count only once the attributes of the resource are read, because
    /// those take precedence.
    pub fn values<'k>(&self, key: &'k ContextKey) -> impl Iterator<Item = ValueRef<'a>> + use<'a, 'k> {
        let derived = (*key == ContextKey::PrincipalArn).then(|| self.principal.map(Principal::arn));
        let mut known = match self.of_resource {
            Some(attributes) if attributes.has(key) => attributes,
            None if self.is_unread(key) => NOTHING,
            _ => self.context,
        }
        .iter();
        let mut derived_left = derived;
        std::iter::from_fn(move || match derived {
            Some(_) => derived_left.take().flatten().map(ValueRef::Text),
            None => known.find(|(known, _)| *known == key).map(|(_, value)| value),
        })
    }

    /// Whether statements of this effect in a policy that is attached for a resource group act on the resource. A group
    /// in the context of the call counts for conditions only.
    pub(crate) fn acts_in(&self, group: &str, effect: Effect) -> Applies {
        let known = match (self.of_resource, self.reading, effect) {
            (Some(attributes), ..) => {
                attributes.values(&ContextKey::ResourceGroupId).any(|known| known.text() == group)
            }
            (None, Reading::Closed, _) => return Applies::Unknown,
            (None, Reading::Open, effect) => effect == Effect::Allow,
        };
        if known { Applies::Yes } else { Applies::No }
    }
}

impl RequiredAttributes {
    /// The attributes that a condition on this key depends on.
    pub fn of_key(key: &ContextKey) -> Self {
        Self { tags: matches!(key, ContextKey::ResourceTag(_)), groups: *key == ContextKey::ResourceGroupId }
    }

    /// The union of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { tags: self.tags || other.tags, groups: self.groups || other.groups }
    }

    /// Whether any attribute is required.
    pub fn any(self) -> bool {
        self.tags || self.groups
    }
}
