//! A further product behind the gateway, chosen by the host that is called.

use std::sync::Arc;

use crate::config::{OtherOperations, ProductSettings};

use super::upstream::Upstream;

/// What the gateway knows of a product for which the catalogue has no files.
#[derive(Debug)]
pub struct Product {
    pub(super) settings: ProductSettings,
    /// `Vpc`, as audit events name it.
    pub(super) title: String,
    pub(super) upstream: Arc<Upstream>,
}

impl Product {
    /// Its calls go to an upstream of its own, signed with the keys that ECS's are.
    pub fn new(settings: ProductSettings, ecs: &Upstream) -> Self {
        let upstream = Arc::new(ecs.beside(settings.url.clone(), settings.version.clone()));
        let (first, rest) = settings.name.split_at(1);
        let title = first.to_uppercase() + rest;
        Self { settings, title, upstream }
    }

    pub(super) fn forwards(&self) -> bool {
        self.settings.other == OtherOperations::Forward
    }
}
