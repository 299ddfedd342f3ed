//! The layers RAM evaluates for one principal, in order, and what is attached in each.

use std::sync::Arc;

use super::document::Document;
use super::statement::Statement;

/// All that is attached to one principal. There is always at least one layer, so that an empty set of policies is
/// an implicit deny and never nothing at all.
#[derive(Clone, Debug)]
pub struct Layers {
    layers: Box<[Layer]>,
}

/// One set of policies: evaluated as a whole, and whatever it does not allow is denied (`spec/ram-policy.md` 6.2).
#[derive(Clone, Debug)]
pub struct Layer {
    kind: LayerKind,
    attachments: Box<[Attachment]>,
}

/// Which set it is; named to a caller as the `PolicyType` of `spec/ram-policy.md` 7.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerKind {
    /// The principal's own policies and those of its groups, attached for the whole account.
    AccountIdentity,
}

/// A document attached to somebody.
#[derive(Clone, Debug)]
pub struct Attachment {
    pub document: Arc<Document>,
    pub to: AttachedTo,
}

/// To whom a document is attached: the principal itself, or a group it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttachedTo {
    User,
    Group(Box<str>),
    Role,
}

/// One statement, and how it came to bear on the principal.
#[derive(Clone, Copy, Debug)]
pub struct StatementRef<'a> {
    pub layer: &'a Layer,
    pub attachment: &'a Attachment,
    pub statement: &'a Statement,
}

impl Layers {
    /// A principal under identity policies at account scope only. Their order does not matter.
    pub fn identity(attachments: Vec<Attachment>) -> Self {
        let layer = Layer { kind: LayerKind::AccountIdentity, attachments: attachments.into() };
        Self { layers: Box::new([layer]) }
    }

    /// In the order in which RAM evaluates them.
    pub fn iter(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter()
    }

    pub(super) fn statement_count(&self) -> usize {
        let attachments = self.layers.iter().flat_map(Layer::attachments);
        attachments.map(|attachment| attachment.document.statements().len()).sum()
    }
}

impl Layer {
    pub fn kind(&self) -> LayerKind {
        self.kind
    }

    pub fn attachments(&self) -> &[Attachment] {
        &self.attachments
    }

    /// Every statement, in the order of attachments and documents.
    pub fn statements(&self) -> impl Iterator<Item = StatementRef<'_>> {
        self.attachments.iter().flat_map(move |attachment| {
            let statements = attachment.document.statements().iter();
            statements.map(move |statement| StatementRef { layer: self, attachment, statement })
        })
    }
}

impl LayerKind {
    pub fn policy_type(self) -> &'static str {
        match self {
            Self::AccountIdentity => "AccountLevelIdentityBasedPolicy",
        }
    }

    /// The `AttachedScope` of `spec/ram-policy.md` 7.3.
    pub fn scope(self) -> &'static str {
        match self {
            Self::AccountIdentity => "Account",
        }
    }
}

impl AttachedTo {
    /// The `AttachedEntityType` of `spec/ram-policy.md` 7.3.
    pub fn entity_type(&self) -> &'static str {
        match self {
            Self::User => "RamUser",
            Self::Group(_) => "RamGroup",
            Self::Role => "RamRole",
        }
    }
}
