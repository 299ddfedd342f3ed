//! Import cycles between files: none across folders, and none of more than three files within a folder.
//!
//! A name is followed through re-exports to the file that defines it, so a `mod.rs` that only re-exports names adds no
//! dependency.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::{ENGINE, sources, without_comments_and_tests};

const MOST_FILES: usize = 3;

/// One package: its files by module path.
struct Package {
    files: BTreeMap<Module, File>,
}

type Module = Vec<String>;

struct File {
    path: PathBuf,
    /// Names that the file imports or re-exports, with their full paths.
    aliases: BTreeMap<String, Vec<String>>,
    /// Every path that the file uses, as an absolute path.
    names: Vec<Vec<String>>,
}

#[test]
fn no_circle_of_imports_spans_folders_or_more_than_three_files() {
    let mut wrong = Vec::new();
    let mut imports = 0;
    for root in [ENGINE, "src"] {
        let package = Package::read(Path::new(root));
        let graph = package.graph();
        imports += graph.values().map(BTreeSet::len).sum::<usize>();
        for circle in circles(&graph) {
            let folders: BTreeSet<_> = circle.iter().map(|file| file.parent().unwrap()).collect();
            if folders.len() > 1 || circle.len() > MOST_FILES {
                let ties = circle.iter().flat_map(|from| {
                    let inside = graph[from].iter().filter(|to| circle.contains(*to));
                    inside.map(|to| format!("{} -> {}", from.display(), to.display())).collect::<Vec<_>>()
                });
                wrong.push(ties.collect::<Vec<_>>());
            }
        }
    }
    assert!(imports > 500, "only {imports} imports were found: the parser of this test is broken");
    assert!(wrong.is_empty(), "{} circles: {wrong:#?}", wrong.len());
}

#[test]
fn imports_are_read_in_every_form() {
    let text = "use super::{a::X, b::{self, Y as Z}};\npub(crate) use c::W;\nfn f() { crate::d::g(self::h); e::run() }\nuse super::e;";
    let read = File::parse(PathBuf::from("x"), text, &["m".into(), "x".into()], |_| true);
    let names: BTreeSet<String> = read.names.iter().map(|name| name.join("::")).collect();
    for name in ["m::a::X", "m::b", "m::b::Y", "d::g", "m::x::h", "m::e::run"] {
        assert!(names.contains(name), "{name} is not among {names:?}");
    }
    assert_eq!(read.aliases["W"], ["m", "x", "c", "W"]);
}

impl Package {
    fn read(root: &Path) -> Self {
        let mut texts = BTreeMap::new();
        for path in sources(root) {
            let inside = path.strip_prefix(root).unwrap().with_extension("");
            let mut module: Module = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if ["mod", "lib", "main"].contains(&module.last().unwrap().as_str()) {
                module.pop();
            }
            if !path.ends_with("src/main.rs") && !inside.ends_with("tests") {
                texts.insert(module, path);
            }
        }
        let known: BTreeSet<Module> = texts.keys().cloned().collect();
        let files = texts.into_iter().map(|(module, path)| {
            let text = without_comments_and_tests(&path);
            let file = File::parse(path, &text, &module, |candidate| known.contains(candidate));
            (module, file)
        });
        Self { files: files.collect() }
    }

    /// Which files each file imports.
    fn graph(&self) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
        let imported = |file: &File| {
            let found = file.names.iter().filter_map(|name| self.defining(name, 0));
            found.filter(|path| **path != file.path).cloned().collect()
        };
        self.files.values().map(|file| (file.path.clone(), imported(file))).collect()
    }

    /// The file that defines the item of a path. `None` for a path to a module itself.
    fn defining(&self, name: &[String], depth: usize) -> Option<&PathBuf> {
        let mut module: Module = Vec::new();
        let mut rest = name;
        while let [next, after @ ..] = rest {
            module.push(next.clone());
            if !self.files.contains_key(&module) {
                module.pop();
                break;
            }
            rest = after;
        }
        let file = self.files.get(&module)?;
        let first = rest.first()?;
        match file.aliases.get(first) {
            Some(target) if depth < 8 => {
                let mut target = target.clone();
                target.extend(rest[1..].iter().cloned());
                if target.as_slice() == name { None } else { self.defining(&target, depth + 1) }
            }
            _ => Some(&file.path),
        }
    }
}

impl File {
    fn parse(path: PathBuf, text: &str, module: &[String], exists: impl Fn(&Module) -> bool) -> Self {
        let mut file = Self { path, aliases: BTreeMap::new(), names: Vec::new() };
        let mut code = String::new();
        let mut rest = text;
        while let Some(at) = find_use(rest) {
            code.push_str(&rest[..at]);
            let end = rest[at..].find(';').map_or(rest.len(), |end| at + end);
            let public = rest[..at].lines().last().is_some_and(|line| line.trim_start().starts_with("pub"));
            for (tree, alias) in leaves(rest[at + 4..end].trim()) {
                let Some(name) = absolute(&tree, module, &exists) else { continue };
                if !public {
                    file.names.push(name.clone());
                }
                file.aliases.insert(alias, name);
            }
            rest = &rest[end..];
        }
        code.push_str(rest);
        for path in paths(&code) {
            let first = path[0].as_str();
            let name = match (first, file.aliases.get(first)) {
                ("crate" | "super" | "self", _) => absolute(&path, module, &exists),
                (_, Some(alias)) => Some(alias.iter().chain(&path[1..]).cloned().collect()),
                _ => absolute(&path, module, &exists),
            };
            file.names.extend(name);
        }
        file
    }
}

/// The position of the next `use`.
fn find_use(text: &str) -> Option<usize> {
    let starts = |at: &usize| {
        let line = text[..*at].rfind('\n').map_or(0, |newline| newline + 1);
        let before = text[line..*at].trim();
        before.is_empty() || before.starts_with("pub") && !before.contains(['{', ';'])
    };
    text.match_indices("use ").map(|(at, _)| at).find(starts)
}

/// The paths of a `use` tree, each with the name that it brings in.
fn leaves(tree: &str) -> Vec<(Vec<String>, String)> {
    let tree = tree.trim();
    if let Some(open) = tree.find('{') {
        let prefix: Vec<String> = segments(&tree[..open]);
        let inner = &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())];
        let each = split_outside_braces(inner).into_iter().flat_map(leaves);
        return each
            .map(|(mut path, alias)| {
                if path.last().is_some_and(|last| last == "self") {
                    path.pop();
                }
                let whole: Vec<String> = prefix.iter().cloned().chain(path).collect();
                let alias = if alias == "self" { whole.last().unwrap().clone() } else { alias };
                (whole, alias)
            })
            .collect();
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias.trim())));
    let path = segments(path);
    let Some(last) = path.last().cloned() else { return Vec::new() };
    vec![(path, alias.map_or(last, str::to_owned))]
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn split_outside_braces(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

/// The path from the package's root. `None` for a path into another package.
fn absolute(path: &[String], module: &[String], exists: impl Fn(&Module) -> bool) -> Option<Vec<String>> {
    let mut base = module.to_vec();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => {
            base.clear();
            rest = &path[1..];
        }
        "self" => rest = &path[1..],
        "super" => {
            while let ["super", ..] = rest.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                base.pop();
                rest = &rest[1..];
            }
        }
        child => {
            let mut inside = base.clone();
            inside.push(child.to_owned());
            if !exists(&inside) {
                return None;
            }
        }
    }
    base.extend(rest.iter().cloned());
    Some(base)
}

/// Every `a::b::c` of a text.
fn paths(code: &str) -> Vec<Vec<String>> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    code.split(|c| !part(c))
        .map(segments)
        .filter(|path| path.len() > 1 && path.iter().all(|part| !part.contains(':')))
        .collect()
}

/// Strongly connected parts of more than one file.
fn circles(graph: &BTreeMap<PathBuf, BTreeSet<PathBuf>>) -> Vec<BTreeSet<PathBuf>> {
    let reachable = |from: &PathBuf| {
        let mut found = BTreeSet::new();
        let mut open = vec![from.clone()];
        while let Some(file) = open.pop() {
            for next in graph.get(&file).into_iter().flatten() {
                if found.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        found
    };
    let reach: BTreeMap<_, _> = graph.keys().map(|file| (file.clone(), reachable(file))).collect();
    let mut circles = BTreeSet::new();
    for (file, reached) in &reach {
        if reached.contains(file) {
            let circle: BTreeSet<PathBuf> =
                reached.iter().filter(|other| reach[*other].contains(file)).cloned().collect();
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}
