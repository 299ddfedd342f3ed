//! A reader for type definitions in the sources: enough of Rust's syntax to find the structs that files are read into.

use std::fs;
use std::path::{Path, PathBuf};

/// A struct, an enum or an alias.
pub(crate) struct Item {
    pub(crate) file: PathBuf,
    pub(crate) name: String,
    pub(crate) shape: Shape,
    attributes: String,
    deserialized_by_hand: bool,
}

pub(crate) enum Shape {
    Fields(Vec<Field>),
    /// A tuple struct or an alias, with the types that it names.
    Wraps(Vec<Path2>),
    /// An enum: the types that it names, and its variants.
    Choice(Vec<Path2>, Vec<String>),
}

pub(crate) struct Field {
    /// The key's name in a file.
    pub(crate) key: String,
    pub(crate) is_map: bool,
    pub(crate) names: Vec<Path2>,
}

/// The last two segments of the path of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path2 {
    pub(crate) module: Option<String>,
    pub(crate) name: String,
}

/// The text of a source file, without comments and tests.
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl Item {
    /// Whether it is a section of a file that users write: unknown keys are errors, and it is never serialized.
    pub(crate) fn is_section(&self) -> bool {
        self.attributes.contains("deny_unknown_fields") && self.is_read() && !self.attributes.contains("Serialize,")
    }

    /// Whether it can be deserialized.
    pub(crate) fn is_read(&self) -> bool {
        self.deserialized_by_hand || self.attributes.contains("Deserialize")
    }

    /// Whether it is defined in a module: the stem of its file, or one of its folders.
    pub(crate) fn is_in(&self, module: &str) -> bool {
        self.file.file_stem().is_some_and(|stem| stem == module)
            || self.file.parent().is_some_and(|folder| folder.iter().any(|part| part == module))
    }
}

pub(crate) fn source_files() -> Vec<SourceFile> {
    let mut paths = Vec::new();
    collect(Path::new("src"), &mut paths);
    for entry in fs::read_dir("crates").unwrap() {
        collect(&entry.unwrap().path().join("src"), &mut paths);
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        SourceFile { text: without_comments(text), path }
    };
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}

/// Removes comments. String literals stay, because they contain names of keys.
fn without_comments(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else {
            let length = literal(rest).unwrap_or(first.len_utf8());
            out.push_str(&rest[..length]);
            length
        };
        rest = &rest[length..];
    }
    out
}

/// The length of the string, raw string or character literal at the start of a text.
fn literal(text: &str) -> Option<usize> {
    if let Some(raw) = text.strip_prefix("r#\"") {
        return Some(3 + raw.find("\"#")? + 2);
    }
    if text.starts_with('"') {
        let mut escaped = false;
        let end = text.char_indices().skip(1).find(|(_, it)| {
            let ends = *it == '"' && !escaped;
            escaped = *it == '\\' && !escaped;
            ends
        });
        return Some(end?.0 + 1);
    }
    let mut characters = text.strip_prefix('\'')?.char_indices();
    match (characters.next()?.1, characters.next()?) {
        ('\\', _) => characters.find(|(_, it)| *it == '\'').map(|(at, _)| at + 2),
        (_, (at, '\'')) => Some(at + 2),
        _ => None,
    }
}

/// Every type of the sources.
pub(crate) fn items(files: &[SourceFile]) -> Vec<Item> {
    let mut items: Vec<_> = files.iter().flat_map(items_of).collect();
    for file in files {
        let read: Vec<&str> = file.text.split("Deserialize<'de> for ").skip(1).map(word_at).collect();
        let of_file = items.iter_mut().filter(|item| !read.is_empty() && item.file == file.path);
        of_file.for_each(|item| item.deserialized_by_hand = read.contains(&item.name.as_str()));
    }
    items
}

fn items_of(file: &SourceFile) -> Vec<Item> {
    let (mut items, mut attributes, mut rest) = (Vec::new(), String::new(), file.text.as_str());
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("#[") {
            let length = enclosed(&rest[1..]) + 1;
            attributes.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        if !is_word(first) {
            if !first.is_whitespace() && !matches!(first, '(' | ')') {
                attributes.clear();
            }
            rest = &rest[literal(rest).unwrap_or(first.len_utf8())..];
            continue;
        }
        let word = word_at(rest);
        rest = &rest[word.len()..];
        match word {
            "pub" | "super" | "crate" => {}
            "struct" | "enum" | "type" if rest.starts_with(' ') => {
                let name = word_at(rest.trim_start()).to_owned();
                rest = &rest.trim_start()[name.len()..];
                let (shape, length) = shape_of(word, rest);
                rest = &rest[length..];
                let attributes = std::mem::take(&mut attributes);
                items.push(Item { file: file.path.clone(), name, shape, attributes, deserialized_by_hand: false });
            }
            _ => attributes.clear(),
        }
    }
    items
}

/// The shape of an item, and the length of its definition, from the text after its name.
fn shape_of(word: &str, rest: &str) -> (Shape, usize) {
    let generics = if rest.starts_with('<') { enclosed(rest) } else { 0 };
    let Some(at) = rest[generics..].find(['{', '(', ';', '=']).map(|at| at + generics) else {
        return (Shape::Wraps(Vec::new()), rest.len());
    };
    if rest[at..].starts_with(['{', '(']) {
        let length = enclosed(&rest[at..]);
        let body = &rest[at + 1..at + length - 1];
        let shape = match word {
            "struct" if rest[at..].starts_with('{') => Shape::Fields(fields(body)),
            "enum" => Shape::Choice(paths(body), split(body).iter().map(|it| word_at(bare(it).1).to_owned()).collect()),
            _ => Shape::Wraps(paths(body)),
        };
        return (shape, at + length);
    }
    let end = rest[at..].find(';').map_or(rest.len(), |end| at + end);
    (Shape::Wraps(paths(&rest[at..end])), end)
}

fn fields(body: &str) -> Vec<Field> {
    let field = |text: &&str| {
        let (attributes, text) = bare(text);
        let (name, written) = text.split_once(':')?;
        let name = name.rsplit([' ', ')']).next().unwrap_or(name).trim();
        let renamed = attributes.split_once("rename = \"").and_then(|(_, rest)| rest.split('"').next());
        let is_map = written.contains("Map<");
        Some(Field { key: renamed.unwrap_or(name).to_owned(), is_map, names: paths(written) })
    };
    split(body).iter().filter_map(field).collect()
}

/// The attributes at the start of a field or variant, and the rest.
fn bare(text: &str) -> (String, &str) {
    let (mut attributes, mut rest) = (String::new(), text.trim());
    while rest.starts_with("#[") {
        let length = enclosed(&rest[1..]) + 1;
        attributes.push_str(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    (attributes, rest)
}

/// Splits at the commas that are not inside brackets.
fn split(body: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from, mut at) = (Vec::new(), 0_usize, 0, 0);
    while let Some(next) = body[at..].chars().next() {
        match next {
            '(' | '[' | '{' | '<' => depth += 1,
            ')' | ']' | '}' | '>' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&body[from..at]);
                from = at + 1;
            }
            _ => {}
        }
        at += literal(&body[at..]).unwrap_or(next.len_utf8());
    }
    parts.push(&body[from..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// Every path in a text, by its last two segments.
fn paths(text: &str) -> Vec<Path2> {
    let (mut found, mut rest): (Vec<Path2>, _) = (Vec::new(), text);
    let mut after_colons = false;
    while let Some(first) = rest.chars().next() {
        if is_word(first) {
            let word = word_at(rest);
            let module = if after_colons { found.pop().map(|path: Path2| path.name) } else { None };
            found.push(Path2 { module, name: word.to_owned() });
            rest = &rest[word.len()..];
            after_colons = rest.starts_with("::");
            rest = rest.strip_prefix("::").unwrap_or(rest);
        } else {
            after_colons = false;
            rest = &rest[literal(rest).unwrap_or(first.len_utf8())..];
        }
    }
    found
}

/// The length of the bracketed text at the start of a text, brackets included.
fn enclosed(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(next) = text[at..].chars().next() {
        at += literal(&text[at..]).unwrap_or(next.len_utf8());
        match next {
            '(' | '[' | '{' | '<' => depth += 1,
            ')' | ']' | '}' | '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

fn word_at(text: &str) -> &str {
    text.split(|it| !is_word(it)).next().unwrap_or_default()
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}
