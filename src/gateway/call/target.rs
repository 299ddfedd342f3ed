//! The target of a call: product, operation and region.

use std::sync::Arc;

use crate::catalog::{Catalog, ECS, Operation, Unlisted};
use crate::config::{OtherOperations, ProductSettings, RegionAliases};
use crate::ram::{Parameters, ParametersBuilder};
use crate::wire::excerpt;

use crate::gateway::upstream::Upstream;

/// The operation that a call requests, and the product that its host selects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) action: Option<&'a str>,
    pub(crate) version: Option<&'a str>,
    /// `None` for ECS.
    pub(crate) product: Option<&'a Product>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum OperationError {
    #[error("The input parameter \"{0}\" that is mandatory for processing this request is not supplied.")]
    Missing(&'static str),
    #[error(
        "The specified parameter \"Action or Version\" is not valid: this gateway knows {product} version `{known}`"
    )]
    Version { product: String, known: String },
    #[error("the operation `{0}` resembles `{1}` but differs from it: names are case-sensitive")]
    LookAlike(String, String),
    #[error("the operation `{0}` is not one this gateway forwards")]
    Unknown(String),
}

/// The operation of a call. For ECS, an operation without a file in the catalogue is accepted only if
/// `other_operations` permits it; for other products, every operation is.
///
/// # Errors
/// A name or version is missing, or the operation is not one of this gateway.
pub(crate) fn operation(
    catalog: &Catalog,
    other_operations: OtherOperations,
    target: Target<'_>,
) -> Result<Arc<Operation>, OperationError> {
    let action = target.action.filter(|action| !action.is_empty()).ok_or(OperationError::Missing("Action"))?;
    let version = target.version.filter(|version| !version.is_empty()).ok_or(OperationError::Missing("Version"))?;
    let unlisted = match target.product {
        None => {
            if let Some(operation) = listed(catalog, action, version)? {
                return Ok(operation);
            }
            let other = Unlisted { name: action, version, service: ECS, product: "Ecs" };
            (other_operations != OtherOperations::Refuse).then_some(other)
        }
        Some(Product { settings, title, .. }) => {
            if settings.version != version {
                return Err(OperationError::Version { product: title.to_uppercase(), known: settings.version.clone() });
            }
            Some(Unlisted { name: action, version, service: &settings.name, product: title })
        }
    };
    let unknown = || OperationError::Unknown(excerpt(action));
    let unlisted = unlisted.ok_or_else(unknown)?;
    if let Some(known) = target.product.is_none().then(|| catalog.resembling(action)).flatten() {
        return Err(OperationError::LookAlike(excerpt(action), known.name().to_owned()));
    }
    catalog.unlisted(unlisted).map(Arc::new).ok_or_else(unknown)
}

fn listed(catalog: &Catalog, action: &str, version: &str) -> Result<Option<Arc<Operation>>, OperationError> {
    if catalog.operations().all(|operation| operation.version() != version) {
        return Err(OperationError::Version { product: "ECS".to_owned(), known: "2014-05-26".to_owned() });
    }
    Ok(catalog.operation(action).cloned())
}

/// A product for which the catalogue has no files.
#[derive(Debug)]
pub struct Product {
    pub(crate) settings: ProductSettings,
    /// The name in audit events, such as `Vpc`.
    pub(crate) title: String,
    pub(crate) upstream: Arc<Upstream>,
}

impl Product {
    /// A product with an upstream of its own, whose calls are signed with the same keys as those of ECS.
    pub fn new(settings: ProductSettings, ecs: &Upstream) -> Self {
        let upstream = Arc::new(ecs.beside(settings.url.clone(), settings.version.clone()));
        let (first, rest) = settings.name.split_at(1);
        let title = first.to_uppercase() + rest;
        Self { settings, title, upstream }
    }

    pub(crate) fn forwards(&self) -> bool {
        self.settings.other == OtherOperations::Forward
    }
}

/// The parameters with the alias in `RegionId` replaced by its region; `None` if `RegionId` is not an alias. The result
/// is judged, recorded and forwarded, but the signature covers the parameters as they were sent.
pub(crate) fn meant(sent: &Parameters, aliases: &RegionAliases) -> Option<Parameters> {
    const REGION: &str = "RegionId";
    let region = sent.value(REGION).and_then(|sent| aliases.meant(sent))?;
    let mut meant = ParametersBuilder::default();
    for given in sent.iter() {
        let value = if given.name == REGION { region.as_str() } else { given.value };
        meant.push(given.name, value, given.place);
    }
    Some(meant.finish().expect("the names of parameters already read are distinct"))
}
