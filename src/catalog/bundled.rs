//! The catalogue that is compiled into the program.

use std::sync::{Arc, OnceLock};

use ram_policy::Source;

use super::contents::Catalog;
use super::operation::{ATTACH_NETWORK_INTERFACE, Operation};

macro_rules! operations {
    ($($name:literal),+ $(,)?) => {
        &[$((concat!("ecs/", $name, ".json"), include_str!(concat!("ecs/", $name, ".json")))),+]
    };
}

const COMMON: &str = include_str!("common.json");
const CONDITION_KEYS: &str = include_str!("condition-keys.json");

const OPERATIONS: &[(&str, &str)] = operations![
    "AssignIpv6Addresses",
    "AssignPrivateIpAddresses",
    "AttachNetworkInterface",
    "CreateNetworkInterface",
    "DeleteNetworkInterface",
    "DescribeInstanceAttribute",
    "DescribeInstanceTypes",
    "DescribeInstances",
    "DescribeNetworkInterfaceAttribute",
    "DescribeNetworkInterfaces",
    "DetachNetworkInterface",
    "ModifyNetworkInterfaceAttribute",
    "UnassignIpv6Addresses",
    "UnassignPrivateIpAddresses",
];

impl Catalog {
    /// The bundled catalogue, read once.
    ///
    /// # Panics
    /// If a bundled file is invalid; a test reads them all.
    pub fn bundled() -> Arc<Self> {
        static BUNDLED: OnceLock<Arc<Catalog>> = OnceLock::new();
        let read = || {
            let sources: Vec<_> = OPERATIONS.iter().map(|(name, text)| Source::new(*name, *text)).collect();
            let keys = Source::new("condition-keys.json", CONDITION_KEYS);
            let catalog = Self::read(&Source::new("common.json", COMMON), &keys, &sources);
            Arc::new(catalog.unwrap_or_else(|diagnostics| panic!("the bundled catalogue is wrong: {}", diagnostics[0])))
        };
        Arc::clone(BUNDLED.get_or_init(read))
    }

    /// `AttachNetworkInterface`, the operation that this program was written for.
    ///
    /// # Panics
    /// See [`Catalog::bundled`].
    pub fn attach() -> &'static Arc<Operation> {
        static ATTACH: OnceLock<Arc<Operation>> = OnceLock::new();
        let find = || Self::bundled().operation(ATTACH_NETWORK_INTERFACE).map(Arc::clone);
        ATTACH.get_or_init(|| find().expect("it is among the bundled files"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_catalogue_is_read_and_complete() {
        let catalog = Catalog::bundled();
        assert_eq!((catalog.operations().count(), OPERATIONS.len()), (14, 14));
        let attach = catalog.operation("AttachNetworkInterface").unwrap();
        assert_eq!((attach.parameters().len(), attach.resources().len(), attach.errors().len()), (6, 2, 63));
        for twice in ["InvalidOperation.InvalidEcsState", "InvalidEni.NotSameVpc"] {
            assert_eq!(attach.errors().iter().filter(|row| row.code == twice).count(), 2, "{twice}");
        }
    }
}
