//! What conditions may ask about: the principal, the call, and one of its resources.

use crate::context::table::{Context, ContextKey};
use crate::context::unknown_keys::UnknownKeys;
use crate::context::value::ValueRef;
use crate::language::effect::{Applies, Effect};
use crate::name::principal::Principal;

const NOTHING: &Context = &Context::EMPTY;

/// What is known when one resource is judged.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// None for whoever is no principal of RAM's: a subject of somebody else's issuer, a service.
    principal: Option<&'a Principal>,
    context: &'a Context,
    /// `None` until they have been read.
    of_resource: Option<&'a Context>,
    unknown: &'a UnknownKeys,
    targets: Targets,
    reading: Reading,
}

/// Whether the resources of a request are what the call names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets {
    /// They are.
    Known,
    /// Only the name of the operation is known. The request has one resource, `*`, and the call may name any.
    Unknown,
}

/// Which facts about resources a judgement may turn on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequiredAttributes {
    pub tags: bool,
    pub groups: bool,
}

/// How tags and groups are treated that have not been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As unknown: the verdict holds whatever they are.
    Closed,
    /// As whatever would allow: what is refused then is refused whatever they are.
    Open,
}

/// What it means that a key has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The request does not have the key.
    Absent,
    /// It may have one.
    Unknown,
    /// It may have one, and counts as whatever would allow.
    Open,
}

impl<'a> Attributes<'a> {
    /// Of one resource of a request; `of_resource` is `None` until its attributes have been read.
    pub(crate) fn of_resource(
        principal: &'a Principal,
        (context, of_resource): (&'a Context, Option<&'a Context>),
        unknown: &'a UnknownKeys,
        targets: Targets,
        reading: Reading,
    ) -> Self {
        Self { principal: Some(principal), context, of_resource, unknown, targets, reading }
    }

    /// Of a call that is about no resource.
    pub(crate) fn of_call(principal: Option<&'a Principal>, context: &'a Context, unknown: &'a UnknownKeys) -> Self {
        let of_resource = Some(NOTHING);
        Self { principal, context, of_resource, unknown, targets: Targets::Known, reading: Reading::Closed }
    }

    /// What it means that [`Attributes::values`] has none for the key.
    pub(crate) fn missing(&self, key: &ContextKey) -> Missing {
        match self.reading {
            _ if self.unknown.has(key) => Missing::Unknown,
            _ if !self.is_unread(key) => Missing::Absent,
            Reading::Closed => Missing::Unknown,
            Reading::Open => Missing::Open,
        }
    }

    /// Whether the call says which resources it names.
    pub(crate) fn targets(&self) -> Targets {
        self.targets
    }

    /// Whether a key is about the resource, of which the facts have not been read.
    fn is_unread(&self, key: &ContextKey) -> bool {
        self.of_resource.is_none() && RequiredAttributes::of_key(key).any()
    }

    /// The values of a key; none when nothing is known. `acs:PrincipalARN` is always derived, so that no context can
    /// claim another. What the call's own context says of a resource counts once the resource's facts are read, since they
    /// may say otherwise.
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

    /// Whether a policy that is attached for a resource group, and has this effect, acts on the resource. What the
    /// call's own context says of groups counts for conditions only.
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
    /// Of a condition: what its key is about.
    pub fn of_key(key: &ContextKey) -> Self {
        Self { tags: matches!(key, ContextKey::ResourceTag(_)), groups: *key == ContextKey::ResourceGroupId }
    }

    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { tags: self.tags || other.tags, groups: self.groups || other.groups }
    }

    pub fn any(self) -> bool {
        self.tags || self.groups
    }
}
