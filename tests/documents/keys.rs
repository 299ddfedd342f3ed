//! The keys that the program reads from each kind of file, derived from the structs that files are read into.

use std::collections::BTreeSet;

use crate::sources::{Item, Path2, Shape, SourceFile, items, source_files};

/// The keys of a kind of file, each with its sections: `upstream.key.account`. `*` is a name that users choose.
#[derive(Default)]
pub(crate) struct Keys {
    /// The struct that the file is read into, with its source file.
    pub(crate) of: String,
    pub(crate) keys: BTreeSet<String>,
    /// Keys that are sections.
    pub(crate) sections: BTreeSet<String>,
}

/// The module whose files users do not write: the vendor's facts are part of the program.
const NOT_WRITTEN_BY_PEOPLE: &str = "catalog";

/// The keys of each kind of file.
pub(crate) fn files() -> Vec<Keys> {
    let sources = source_files();
    let items = items(&sources);
    let items: Vec<&Item> = items.iter().filter(|item| !item.is_in(NOT_WRITTEN_BY_PEOPLE)).collect();
    let types = Types { sources: &sources, items: &items };
    let read = items.iter().filter(|item| item.is_read());
    let mut named: BTreeSet<*const Item> = BTreeSet::new();
    for item in read.clone() {
        named.extend(types.named_by(item).into_iter().map(std::ptr::from_ref));
    }
    let roots = read.filter(|item| !named.contains(&std::ptr::from_ref(**item)));
    roots.filter_map(|root| types.keys_of(root)).collect()
}

struct Types<'a> {
    sources: &'a [SourceFile],
    items: &'a [&'a Item],
}

impl<'a> Types<'a> {
    fn keys_of(&self, root: &'a Item) -> Option<Keys> {
        let mut keys = Keys { of: format!("`{}` in {}", root.name, root.file.display()), ..Keys::default() };
        match &root.shape {
            Shape::Fields(_) if root.is_section() => self.section(root, "", &mut keys),
            // The values of a map with `schema` and with names that users choose.
            Shape::Choice(names, variants) => {
                for item in names.iter().filter_map(|path| self.resolve(path, root)).filter(|item| item.is_section()) {
                    self.section(item, "*.", &mut keys);
                }
                if !keys.keys.is_empty() && variants.iter().any(|variant| variant == "Schema") {
                    keys.keys.insert("schema".to_owned());
                }
            }
            _ => {}
        }
        (!keys.keys.is_empty()).then_some(keys)
    }

    fn section(&self, section: &'a Item, at: &str, keys: &mut Keys) {
        let Shape::Fields(fields) = &section.shape else { return };
        for field in fields {
            let path = format!("{at}{}", field.key);
            let (mut inner, mut alternatives) = (Vec::new(), false);
            for name in &field.names {
                self.sections_behind(name, section, &mut inner, &mut alternatives);
            }
            if inner.is_empty() || alternatives {
                keys.keys.insert(path.clone());
            }
            for item in inner {
                let below = if field.is_map { format!("{path}.*.") } else { format!("{path}.") };
                keys.sections.insert(path.clone());
                self.section(item, &below, keys);
            }
        }
    }

    /// Adds the sections that a type contains. Sets `alternatives` if a value can also be other than a section.
    fn sections_behind(&self, path: &Path2, from: &Item, found: &mut Vec<&'a Item>, alternatives: &mut bool) {
        let Some(item) =
            self.resolve(path, from).filter(|item| item.is_read() || matches!(item.shape, Shape::Wraps(_)))
        else {
            return;
        };
        if item.is_section() {
            found.push(item);
            return;
        }
        let (names, chosen) = match &item.shape {
            Shape::Wraps(names) => (names, false),
            Shape::Choice(names, _) => (names, true),
            Shape::Fields(_) => return,
        };
        let before = found.len();
        for name in names.iter().filter(|name| name.name != item.name) {
            self.sections_behind(name, item, found, alternatives);
        }
        *alternatives |= chosen && found.len() > before;
    }

    /// Every type that the definition of an item names.
    fn named_by(&self, item: &Item) -> Vec<&'a Item> {
        let names: Vec<&Path2> = match &item.shape {
            Shape::Fields(fields) => fields.iter().flat_map(|field| &field.names).collect(),
            Shape::Wraps(names) | Shape::Choice(names, _) => names.iter().collect(),
        };
        let found = names.into_iter().filter_map(|path| self.resolve(path, item));
        found.filter(|found| !std::ptr::eq(*found, item)).collect()
    }

    /// The item that a name refers to: by its module, in the same file, or by an import of the file.
    fn resolve(&self, path: &Path2, from: &Item) -> Option<&'a Item> {
        let mut candidates: Vec<_> = self.items.iter().copied().filter(|item| item.name == path.name).collect();
        if candidates.is_empty() {
            return None;
        }
        if let Some(module) = &path.module {
            return candidates.into_iter().find(|item| item.is_in(module));
        }
        if let Some(here) = candidates.iter().find(|item| item.file == from.file) {
            return Some(here);
        }
        let text = &self.sources.iter().find(|file| file.path == from.file)?.text;
        let imports: String = text.split(';').filter(|it| it.trim_start().starts_with("use ")).collect();
        let imported = |item: &&Item| {
            let words: Vec<_> = imports.split(|it: char| !it.is_alphanumeric() && it != '_').collect();
            words.contains(&path.name.as_str()) && words.iter().any(|word| item.is_in(word))
        };
        candidates.retain(imported);
        let beside = candidates.iter().find(|item| item.file.parent() == from.file.parent());
        beside.or(candidates.first()).copied()
    }
}
