//! `ramgate actions`: lists the catalogue of operations.

use clap::Args;
use serde_json::json;

use crate::catalog::{Catalog, Operation};

use super::exit::{Exit, Failure};
use super::output::{OutputFormat, print_json};

/// Lists the operations of the catalogue, and the ARNs that each is judged on
#[derive(Debug, Args)]
#[command(after_help = "Example: ramgate actions --format json")]
pub(super) struct Actions {
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

impl Actions {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let catalog = Catalog::bundled();
        match self.format {
            OutputFormat::Json => {
                let operations: Vec<_> = catalog.operations().map(|operation| describe(operation)).collect();
                print_json(json!({ "operations": operations }));
            }
            OutputFormat::Text => table(&catalog),
        }
        Ok(Exit::Yes)
    }
}

fn table(catalog: &Catalog) {
    let width = catalog.operations().map(|operation| operation.action().as_str().len()).max().unwrap_or_default();
    say!("{:width$}  {:6}  RESOURCE", "ACTION", "ACCESS");
    for operation in catalog.operations() {
        let (mut action, mut access) = (operation.action().as_str(), operation.access().as_str());
        for resource in operation.resources() {
            let optional = if resource.optional { "  (when named)" } else { "" };
            say!("{action:width$}  {access:6}  {}{optional}", resource.template.as_str());
            (action, access) = ("", "");
        }
    }
}

fn describe(operation: &Operation) -> serde_json::Value {
    let resources: Vec<_> = operation
        .resources()
        .iter()
        .map(|spec| json!({ "type": spec.kind, "arn": spec.template.as_str(), "optional": spec.optional }))
        .collect();
    let parameters: Vec<_> = operation
        .parameters()
        .iter()
        .map(|spec| json!({ "name": spec.name.as_str(), "type": spec.kind, "required": spec.required, "state": spec.state }))
        .collect();
    json!({
        "operation": operation.name(),
        "action": operation.action().as_str(),
        "access": operation.access(),
        "version": operation.version(),
        "source": operation.source(),
        "parameters": parameters,
        "resources": resources,
        "errors": operation.errors(),
    })
}
