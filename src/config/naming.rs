//! Finds the setting that names a file, so that an error about the file can point to it.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use ram_policy::Source;

/// The setting that names a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming {
    /// The key with its sections: `audit.checkpoint.key_file`.
    pub key: String,
    /// The line in the configuration, from 1.
    pub line: usize,
}

/// The first setting whose value is the path of this file. Relative paths in `source` are relative to `folder`.
pub fn naming(source: &Source, folder: &Path, file: &Path) -> Option<Naming> {
    let table = DeTable::parse(source.text()).ok()?;
    let (key, at) = in_table(table.get_ref(), "", &|text| folder.join(text) == file)?;
    Some(Naming { key, line: source.position(at).line })
}

fn in_table(table: &DeTable<'_>, section: &str, is: &dyn Fn(&str) -> bool) -> Option<(String, usize)> {
    table.iter().find_map(|(key, value)| {
        let name = key.get_ref();
        let key = if section.is_empty() { name.to_string() } else { format!("{section}.{name}") };
        in_value(value.get_ref(), value.span().start, &key, is)
    })
}

fn in_value(value: &DeValue<'_>, at: usize, key: &str, is: &dyn Fn(&str) -> bool) -> Option<(String, usize)> {
    match value {
        DeValue::String(text) => is(text).then(|| (key.to_owned(), at)),
        DeValue::Array(values) => {
            values.iter().find_map(|value| in_value(value.get_ref(), value.span().start, key, is))
        }
        DeValue::Table(table) => in_table(table, key, is),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_and_the_key_of_a_file_are_found() {
        let text = "keyring = \"keys.toml\"\n[audit.checkpoint]\nkey_file = \"cp.key\"\nprevious_keys = [\n  \"old.pub\",\n]\n\
                    [[upstream.key]]\nsecret_file = \"/run/secret\"\n";
        let source = Source::new("ramgate.toml", text);
        let named = |file: &str| naming(&source, Path::new("etc"), Path::new(file)).map(|it| (it.key, it.line));
        let found = |key: &str, line| Some((key.to_owned(), line));
        assert_eq!(named("etc/keys.toml"), found("keyring", 1));
        assert_eq!(named("etc/cp.key"), found("audit.checkpoint.key_file", 3));
        assert_eq!(named("etc/old.pub"), found("audit.checkpoint.previous_keys", 5));
        assert_eq!(named("/run/secret"), found("upstream.key.secret_file", 8));
        assert_eq!(named("keys.toml"), None);
    }
}
