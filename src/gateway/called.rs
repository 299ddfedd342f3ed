//! Which operation a call names, and whether the gateway takes calls of it.

use std::sync::Arc;

use crate::catalog::{Catalog, Operation, Unlisted};
use crate::config::OtherOperations;
use crate::wire::excerpt;

use super::parts::GatewayParts;
use super::product::Product;
use super::stop::OperationFault;

/// The service of ECS's actions.
pub(super) const ECS: &str = "ecs";

/// What a call says it calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Called<'a> {
    pub(super) action: Option<&'a str>,
    pub(super) version: Option<&'a str>,
    /// None for ECS.
    pub(super) product: Option<&'a Product>,
}

/// The operation of a call, or why there is none. One without a file is taken where `other` says so.
pub(super) fn operation(parts: &GatewayParts, called: Called<'_>) -> Result<Arc<Operation>, OperationFault> {
    let action = called.action.filter(|action| !action.is_empty()).ok_or(OperationFault::Missing("Action"))?;
    let version = called.version.filter(|version| !version.is_empty()).ok_or(OperationFault::Missing("Version"))?;
    let unlisted = match called.product {
        None => {
            if let Some(operation) = listed(&parts.catalog, action, version)? {
                return Ok(operation);
            }
            let other = Unlisted { name: action, version, service: ECS, product: "Ecs" };
            (parts.operations.other != OtherOperations::Refuse).then_some(other)
        }
        Some(Product { settings, title, .. }) => {
            if settings.version != version {
                return Err(OperationFault::Version { product: title.to_uppercase(), known: settings.version.clone() });
            }
            Some(Unlisted { name: action, version, service: &settings.name, product: title })
        }
    };
    let unknown = || OperationFault::Unknown(excerpt(action));
    let unlisted = unlisted.ok_or_else(unknown)?;
    if let Some(known) = called.product.is_none().then(|| parts.catalog.resembling(action)).flatten() {
        return Err(OperationFault::LookAlike(excerpt(action), known.name().to_owned()));
    }
    parts.catalog.unlisted(unlisted).map(Arc::new).ok_or_else(unknown)
}

fn listed(catalog: &Catalog, action: &str, version: &str) -> Result<Option<Arc<Operation>>, OperationFault> {
    if catalog.operations().all(|operation| operation.version() != version) {
        return Err(OperationFault::Version { product: "ECS".to_owned(), known: "2014-05-26".to_owned() });
    }
    Ok(catalog.operation(action).cloned())
}
