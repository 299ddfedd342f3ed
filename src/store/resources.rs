//! `resources.toml`: tags and resource groups of resources.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use toml::Spanned;

use crate::pdp::{RawResource, is_relative_id};
use ram_policy::{Context, Diagnostic, Source};

/// The value of a key of the file: of `schema`, or of a resource.
enum Entry {
    Schema(i64),
    Resource(RawResource),
}

/// Reads the attributes of each resource, by its relative id.
///
/// # Errors
/// All diagnostics about the text.
pub(super) fn read_resources(source: &Source) -> Result<BTreeMap<String, Context>, Vec<Diagnostic>> {
    let raw: BTreeMap<Spanned<String>, Entry> = toml::from_str(source.text()).map_err(|error| {
        let help = "write `[\"eni/ID\"]` or `[\"instance/ID\"]` with `tags` and `resource_group`";
        vec![source.error(error.span().unwrap_or(0..0), error.message().to_owned(), help)]
    })?;
    let mut diagnostics = Vec::new();
    let mut known = BTreeMap::new();
    for (id, entry) in raw {
        match entry {
            Entry::Schema(1) if id.get_ref() == "schema" => {}
            Entry::Schema(_) if id.get_ref() == "schema" => {
                diagnostics.push(source.error(id.span(), "the schema is unknown", "this program reads `schema = 1`"));
            }
            Entry::Resource(resource) if is_relative_id(id.get_ref()) => {
                known.insert(id.into_inner(), resource.attributes(source, &mut diagnostics));
            }
            Entry::Resource(_) | Entry::Schema(_) => {
                let title = format!("`{}` is not a relative resource ID", id.get_ref());
                diagnostics.push(source.error(id.span(), title, "write `[\"eni/ID\"]` or `[\"instance/ID\"]`"));
            }
        }
    }
    if diagnostics.is_empty() { Ok(known) } else { Err(diagnostics) }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a resource with `tags` and `resource_group`")
            }

            fn visit_i64<E>(self, schema: i64) -> Result<Entry, E> {
                Ok(Entry::Schema(schema))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
                RawResource::deserialize(MapAccessDeserializer::new(map)).map(Entry::Resource)
            }
        }
        deserializer.deserialize_any(Shape)
    }
}
