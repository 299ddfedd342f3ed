//! The language of comments, messages and documents: phrases that a reader stumbles over do not come back.

use std::fs;
use std::path::{Path, PathBuf};

/// The phrases, one a line; see the head of the file.
const PHRASES: &str = include_str!("phrases.txt");

/// Where people read texts of ours.
const ROOTS: [&str; 16] = [
    "src",
    "crates",
    "tests",
    "benches",
    "examples",
    "fuzz/fuzz_targets",
    "policies",
    "demo",
    "samples",
    "schema",
    "docs",
    ".ci",
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
];

/// What others wrote, inputs that are wrong on purpose, and the list itself.
const SKIPPED: [&str; 4] = ["docs/spec", "tests/fixtures", "src/catalog/ecs", "tests/tidy/language.rs"];

const EXTENSIONS: [&str; 5] = ["rs", "md", "toml", "json", "sh"];

/// A phrase that is refused, and the longer phrases in which it is allowed.
struct Phrase<'a> {
    words: Vec<&'a str>,
    allowed: Vec<Vec<&'a str>>,
}

#[test]
fn no_text_uses_a_refused_phrase() {
    let phrases = phrases(PHRASES);
    assert!(phrases.len() > 10, "the list of phrases is not read");
    let mut wrong = Vec::new();
    for path in ROOTS.iter().flat_map(|root| texts(Path::new(root))) {
        let text = fs::read_to_string(&path).unwrap();
        for (line, phrase) in refused(&text, &phrases) {
            wrong.push(format!("{}:{line}: `{phrase}`", path.display()));
        }
    }
    assert!(wrong.is_empty(), "house style (CONTRIBUTING.md): {wrong:#?}");
}

#[test]
fn a_refused_phrase_is_found_across_lines_and_in_no_longer_word() {
    let phrases = phrases("is no\n  is no longer\n  there is no\nwhoever\n");
    let found = |text: &str| refused(text, &phrases);
    assert_eq!(found("/// This is\n    /// no duration."), [(1, "is no".to_owned())]);
    assert_eq!(found("\"`x` is \\\n   no duration\""), [(1, "is no".to_owned())]);
    assert_eq!(found("Whoever it was"), [(1, "whoever".to_owned())]);
    assert_eq!(found("a key is no longer valid; there is no key"), []);
    assert_eq!(found("this is north; `is`, no; it is. No more"), []);
}

fn phrases(list: &str) -> Vec<Phrase<'_>> {
    let mut phrases: Vec<Phrase> = Vec::new();
    for line in list.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let words = line.split_whitespace().collect();
        match phrases.last_mut() {
            Some(phrase) if line.starts_with(' ') => phrase.allowed.push(words),
            _ => phrases.push(Phrase { words, allowed: Vec::new() }),
        }
    }
    phrases
}

/// The refused phrases of a text, each with the number of the line that it begins on.
fn refused(text: &str, phrases: &[Phrase<'_>]) -> Vec<(usize, String)> {
    let tokens = tokens(text);
    let is_at = |words: &[&str], at: usize| {
        tokens.len() >= at + words.len() && tokens[at..].iter().zip(words).all(|((_, token), word)| token == word)
    };
    let mut found = Vec::new();
    for (at, (line, _)) in tokens.iter().enumerate() {
        for phrase in phrases.iter().filter(|phrase| is_at(&phrase.words, at)) {
            let is_inside = |longer: &Vec<&str>| {
                let starts = longer.windows(phrase.words.len()).enumerate().filter(|(_, part)| *part == phrase.words);
                starts.map(|(before, _)| before).any(|before| at >= before && is_at(longer, at - before))
            };
            if !phrase.allowed.iter().any(is_inside) {
                found.push((*line, phrase.words.join(" ")));
            }
        }
    }
    found
}

/// The words of a text in lower case, and a token for each mark between them that ends a phrase, with their lines.
fn tokens(text: &str) -> Vec<(usize, String)> {
    let mut tokens = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim().trim_start_matches(['/', '!', '#', '*']).trim_end_matches('\\');
        for piece in line.split_inclusive(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '\'' | '-'))) {
            let word = piece.trim_end_matches(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '\'' | '-')));
            let mark = piece[word.len()..].trim();
            for token in [word, mark].into_iter().filter(|token| !token.is_empty()) {
                tokens.push((number + 1, token.to_lowercase()));
            }
        }
    }
    tokens
}

fn texts(path: &Path) -> Vec<PathBuf> {
    if SKIPPED.iter().any(|skipped| path.starts_with(skipped)) {
        return Vec::new();
    }
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        let entries = entries.filter(|path| !path.ends_with("target") && !path.ends_with("node_modules"));
        return entries.flat_map(|path| texts(&path)).collect();
    }
    let known = path.extension().is_none_or(|it| EXTENSIONS.iter().any(|known| it == *known));
    if known { vec![path.to_owned()] } else { Vec::new() }
}
