//! Text patterns with `*` (zero or more characters) and `?` (exactly one), and nothing else (`docs/spec/ram-policy.md`
//! 2).

use std::sync::OnceLock;

use globset::{GlobBuilder, GlobMatcher};

/// A text pattern in which `*` matches any number of characters and `?` exactly one.
///
/// RAM has no escape for the two, and no other wildcards. A pattern is classified when it is made, because most
/// patterns need no glob engine to be matched.
///
/// ```
/// use ram_policy::{Case, Glob};
///
/// let glob = Glob::new("instance/i-dev-*", Case::Sensitive);
/// assert!(glob.matches("instance/i-dev-7") && !glob.matches("instance/i-prod-7"));
/// assert!(Glob::new("ecs:attach?etworkInterface", Case::Insensitive).matches("ecs:AttachNetworkInterface"));
/// ```
#[derive(Clone, Debug)]
pub struct Glob {
    pattern: Box<str>,
    case: Case,
    form: Form,
}

/// Whether `a` and `A` are the same character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Every character matches only itself.
    Sensitive,
    /// ASCII letters match in both cases; all other characters match only themselves.
    Insensitive,
}

#[derive(Clone, Debug)]
enum Form {
    /// Stars only.
    Any,
    /// No wildcard.
    Literal,
    /// A text without wildcards, this many bytes long, then one `*`.
    Prefix(u32),
    /// Texts without wildcards, separated by single `*`: `a*b*c`, `*b*`. The offsets of the first and the last `*`.
    Parts(u32, u32),
    /// Any other pattern. Boxed, because few patterns need a matcher and all would carry its size.
    General(Box<OnceLock<Option<GlobMatcher>>>),
}

impl Glob {
    /// Reads a pattern. Every text is one.
    pub fn new(pattern: &str, case: Case) -> Self {
        let pattern: Box<str> = collapse_stars(pattern).into();
        let form = match pattern.find(['*', '?']) {
            None => Form::Literal,
            Some(0) if *pattern == *"*" => Form::Any,
            Some(first) if first + 1 == pattern.len() && pattern.ends_with('*') => Form::Prefix(offset(first)),
            Some(first) if case == Case::Sensitive && !pattern.contains('?') => {
                Form::Parts(offset(first), offset(pattern.rfind('*').unwrap_or(first)))
            }
            Some(_) => Form::General(Box::default()),
        };
        Self { pattern, case, form }
    }

    /// The pattern, with each run of `*` collapsed into one.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Whether case matters.
    pub fn case(&self) -> Case {
        self.case
    }

    /// Whether the pattern matches the whole text.
    #[inline]
    pub fn matches(&self, text: &str) -> bool {
        match &self.form {
            Form::Any => true,
            Form::Literal => self.case.same_text(&self.pattern, text),
            Form::Prefix(length) => match text.as_bytes().get(..*length as usize) {
                Some(head) => self.case.same_bytes(&self.pattern.as_bytes()[..*length as usize], head),
                None => false,
            },
            Form::Parts(first, last) => self.has_parts(text, *first as usize, *last as usize),
            Form::General(matcher) => match matcher.get_or_init(|| self.matcher()) {
                Some(matcher) if text.is_ascii() => matcher.is_match(text),
                _ => self.walk(text),
            },
        }
    }

    /// Whether the pattern matches `prefix` and, by a final `*`, everything that may follow it. A final `?` is not
    /// enough.
    pub fn covers_all_under(&self, prefix: &str) -> bool {
        self.pattern.ends_with('*') && self.matches(prefix)
    }

    /// One or two short texts that the pattern matches, for trying out policies.
    pub fn samples(&self) -> Vec<String> {
        let fill = |star: &str| self.pattern.replace('*', star).replace('?', "0");
        if self.is_literal() { vec![self.pattern.to_string()] } else { vec![fill(""), fill("0")] }
    }

    /// Whether the pattern matches every text.
    pub fn is_any(&self) -> bool {
        matches!(self.form, Form::Any)
    }

    /// The part before the first wildcard. Every text that matches begins with it, apart from case if the pattern
    /// ignores case.
    pub fn literal_prefix(&self) -> &str {
        &self.pattern[..self.pattern.find(['*', '?']).unwrap_or(self.pattern.len())]
    }

    /// Whether the pattern matches every text that begins with [`Glob::literal_prefix`].
    pub(crate) fn is_prefix(&self) -> bool {
        matches!(self.form, Form::Any | Form::Prefix(_))
    }

    /// Whether the pattern has no wildcard.
    pub fn is_literal(&self) -> bool {
        matches!(self.form, Form::Literal)
    }

    /// The text must begin with the first part and end with the last one. Each part between them is matched at its
    /// first occurrence after the previous part.
    fn has_parts(&self, text: &str, first: usize, last: usize) -> bool {
        let pattern = self.pattern.as_bytes();
        let left = text.as_bytes().strip_prefix(&pattern[..first]);
        let Some(mut left) = left.and_then(|left| left.strip_suffix(&pattern[last + 1..])) else { return false };
        let mut star = first;
        while star < last {
            let next = star + 1 + memchr::memchr(b'*', &pattern[star + 1..]).unwrap_or_default();
            let part = &pattern[star + 1..next];
            let Some(at) = memchr::memmem::find(left, part) else { return false };
            left = &left[at + part.len()..];
            star = next;
        }
        true
    }

    /// A matcher of the `globset` crate, for ASCII only, because it matches bytes. Patterns longer than those of real
    /// policies are left to [`Glob::walk`], because their automaton could exceed the limit of the crate.
    fn matcher(&self) -> Option<GlobMatcher> {
        const LONGEST: usize = 1024;
        if !self.pattern.is_ascii() || self.pattern.len() > LONGEST {
            return None;
        }
        let glob = GlobBuilder::new(&escape(&self.pattern))
            .literal_separator(false)
            .backslash_escape(true)
            .case_insensitive(self.case == Case::Insensitive)
            .build();
        glob.ok().map(|glob| glob.compile_matcher())
    }

    /// Walks pattern and text in parallel. After a mismatch, the last `*` takes one more character.
    fn walk(&self, text: &str) -> bool {
        let (mut pattern, mut text) = (self.pattern.chars(), text.chars());
        let mut retry = None;
        loop {
            let text_here = text.clone();
            match (pattern.next(), text.next()) {
                (Some('*'), _) => {
                    text = text_here;
                    retry = Some((pattern.clone(), text.clone()));
                }
                (None, None) => return true,
                (Some(wanted), Some(found)) if wanted == '?' || self.case.same_char(wanted, found) => {}
                _ => {
                    let Some((after_star, taken)) = &mut retry else { return false };
                    if taken.next().is_none() {
                        return false;
                    }
                    (pattern, text) = (after_star.clone(), taken.clone());
                }
            }
        }
    }
}

impl Case {
    fn same_text(self, a: &str, b: &str) -> bool {
        self.same_bytes(a.as_bytes(), b.as_bytes())
    }

    fn same_bytes(self, a: &[u8], b: &[u8]) -> bool {
        match self {
            Self::Sensitive => a == b,
            Self::Insensitive => a.eq_ignore_ascii_case(b),
        }
    }

    pub(crate) fn same_char(self, a: char, b: char) -> bool {
        match self {
            Self::Sensitive => a == b,
            Self::Insensitive => a.eq_ignore_ascii_case(&b),
        }
    }
}

/// Compares the patterns, without the matcher, which is built on first use.
impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.case == other.case && self.pattern == other.pattern
    }
}

impl Eq for Glob {}

fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("a pattern is shorter than 4 GiB")
}

/// In `globset`, `**` next to `/` has a meaning of its own; in RAM it is the same as `*`.
fn collapse_stars(pattern: &str) -> String {
    let mut collapsed = String::with_capacity(pattern.len());
    for character in pattern.chars() {
        if character != '*' || !collapsed.ends_with('*') {
            collapsed.push(character);
        }
    }
    collapsed
}

/// Escapes all characters that are syntax in `globset` and not in RAM.
fn escape(pattern: &str) -> String {
    let mut escaped = String::with_capacity(pattern.len());
    for character in pattern.chars() {
        if matches!(character, '[' | ']' | '{' | '}' | '\\' | '!' | ',' | '-' | '^') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_classified() {
        let form = |pattern| Glob::new(pattern, Case::Sensitive).form;
        assert!(matches!(form("***"), Form::Any));
        assert!(matches!(form("a.b"), Form::Literal));
        assert!(matches!(form(""), Form::Literal));
        assert!(matches!(form("ab**"), Form::Prefix(2)));
        assert!(matches!(form("*a"), Form::Parts(..)));
        assert!(matches!(form("a*b*"), Form::Parts(..)));
        assert!(matches!(Glob::new("*a", Case::Insensitive).form, Form::General(_)));
        assert!(matches!(form("a?"), Form::General(_)));
        assert!(matches!(form("?*"), Form::General(_)));
    }

    #[test]
    fn a_matcher_can_be_built_for_the_longest_patterns() {
        for unit in ["*?", "*a", "??", "[x"] {
            for case in [Case::Sensitive, Case::Insensitive] {
                let glob = Glob::new(&unit.repeat(512), case);
                assert!(glob.matcher().is_some(), "{unit}");
            }
        }
    }

    #[test]
    fn only_a_final_star_covers_everything_under_a_prefix() {
        let covers = |pattern: &str| Glob::new(pattern, Case::Sensitive).covers_all_under("eni/");
        for pattern in ["*", "eni/*", "e*", "e?i/*", "*/*"] {
            assert!(covers(pattern), "{pattern}");
        }
        for pattern in ["eni/?", "eni/?*", "eni/eni-*", "eni/", "*?", "instance/*", "eni/*x"] {
            assert!(!covers(pattern), "{pattern}");
        }
    }
}
