//! Text patterns with `*` (zero or more characters) and `?` (exactly one), and nothing else (`docs/spec/ram-policy.md`
//! 2).

use std::sync::OnceLock;

use globset::{GlobBuilder, GlobMatcher};

/// A pattern, classified when it is read: most need no glob engine at all.
#[derive(Clone, Debug)]
pub struct Glob {
    pattern: Box<str>,
    case: Case,
    form: Form,
}

/// Whether `a` and `A` are the same character. Only ASCII letters are ever folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Sensitive,
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
    /// Texts without wildcards with one `*` between each two: `a*b*c`, `*b*`. Where the first and the last `*` are.
    Parts(u32, u32),
    /// Boxed: few patterns need it, and all would carry its size.
    General(Box<OnceLock<Option<GlobMatcher>>>),
}

impl Glob {
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

    /// The pattern, every run of `*` written as one.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    pub fn case(&self) -> Case {
        self.case
    }

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

    /// Whether the pattern matches whatever may follow `prefix`: its last `*` takes the rest, never a `?`.
    pub fn covers_all_under(&self, prefix: &str) -> bool {
        self.pattern.ends_with('*') && self.matches(prefix)
    }

    /// Short texts that it matches.
    pub fn samples(&self) -> Vec<String> {
        let fill = |star: &str| self.pattern.replace('*', star).replace('?', "0");
        if self.is_literal() { vec![self.pattern.to_string()] } else { vec![fill(""), fill("0")] }
    }

    /// Whether the pattern matches every text.
    pub fn is_any(&self) -> bool {
        matches!(self.form, Form::Any)
    }

    /// What stands before the first wildcard: every text that matches begins with it.
    pub fn literal_prefix(&self) -> &str {
        &self.pattern[..self.pattern.find(['*', '?']).unwrap_or(self.pattern.len())]
    }

    /// Whether nothing is left to check of a text that begins with [`Glob::literal_prefix`].
    pub(crate) fn is_prefix(&self) -> bool {
        matches!(self.form, Form::Any | Form::Prefix(_))
    }

    pub fn is_literal(&self) -> bool {
        matches!(self.form, Form::Literal)
    }

    /// The first part begins the text, the last one ends it, and each of the others is taken where it comes first.
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

    /// A glob matcher of the `globset` crate, which matches bytes: so for ASCII only. A pattern beyond any policy's
    /// size is left to [`Glob::walk`], lest its automaton outgrow the crate's limit.
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

    /// Two pointers over characters: on a mismatch, the last `*` takes one character more.
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

/// Equal patterns match equal texts, whether their engine was built or not.
impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.case == other.case && self.pattern == other.pattern
    }
}

impl Eq for Glob {}

fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("a pattern is bounded far below 4 GiB")
}

/// `**` has a meaning of its own beside `/` in globset; to RAM it is one `*`.
fn collapse_stars(pattern: &str) -> String {
    let mut collapsed = String::with_capacity(pattern.len());
    for character in pattern.chars() {
        if character != '*' || !collapsed.ends_with('*') {
            collapsed.push(character);
        }
    }
    collapsed
}

/// Takes their meaning from all characters that globset reads as syntax and RAM does not.
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
    fn the_longest_pattern_for_the_engine_can_be_built() {
        for unit in ["*?", "*a", "??", "[x"] {
            for case in [Case::Sensitive, Case::Insensitive] {
                let glob = Glob::new(&unit.repeat(512), case);
                assert!(glob.matcher().is_some(), "{unit}");
            }
        }
    }

    #[test]
    fn all_under_a_prefix_is_taken_by_a_star_only() {
        let covers = |pattern: &str| Glob::new(pattern, Case::Sensitive).covers_all_under("eni/");
        for pattern in ["*", "eni/*", "e*", "e?i/*", "*/*"] {
            assert!(covers(pattern), "{pattern}");
        }
        for pattern in ["eni/?", "eni/?*", "eni/eni-*", "eni/", "*?", "instance/*", "eni/*x"] {
            assert!(!covers(pattern), "{pattern}");
        }
    }
}
