//! The glob of policies against a reference matcher that uses another algorithm.

use proptest::prelude::*;
use ram_policy::{Case, Glob};

/// A table over all prefixes of pattern and text, filled row by row: the definition of the two wildcards, literally.
fn reference(pattern: &str, text: &str, case: Case) -> bool {
    let fold = |c: char| if case == Case::Insensitive { c.to_ascii_lowercase() } else { c };
    let text: Vec<char> = text.chars().map(fold).collect();
    let mut reached: Vec<bool> = (0..=text.len()).map(|length| length == 0).collect();
    for wanted in pattern.chars().map(fold) {
        let mut next = vec![false; text.len() + 1];
        for length in 0..=text.len() {
            let before = length.checked_sub(1);
            next[length] = match wanted {
                '*' => reached[length] || before.is_some_and(|before| next[before]),
                '?' => before.is_some_and(|before| reached[before]),
                _ => before.is_some_and(|before| reached[before] && text[before] == wanted),
            };
        }
        reached = next;
    }
    reached[text.len()]
}

/// Every text over an alphabet up to a length.
pub(crate) fn texts(alphabet: &[char], longest: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut from = 0;
    for _ in 0..longest {
        let to = all.len();
        for index in from..to {
            all.extend(alphabet.iter().map(|c| format!("{}{c}", all[index])).collect::<Vec<_>>());
        }
        from = to;
    }
    all
}

/// All patterns, with and without wildcards, on all texts, without wildcards: up to four characters long, in optimized
/// builds up to five.
#[test]
fn short_patterns_match_as_they_should() {
    let longest = if cfg!(debug_assertions) { 4 } else { 5 };
    let texts = texts(&['a', '.', '/', ':'], longest);
    for pattern in self::texts(&['a', '.', '/', ':', '*', '?'], longest) {
        let glob = Glob::new(&pattern, Case::Sensitive);
        for text in &texts {
            assert_eq!(glob.matches(text), reference(&pattern, text, Case::Sensitive), "`{pattern}` on `{text}`");
        }
    }
}

fn case() -> impl Strategy<Value = Case> {
    prop_oneof![Just(Case::Sensitive), Just(Case::Insensitive)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn any_pattern_matches_as_it_should(
        pattern in "[]aA.*?/:{}\\[\\\\!,^é中-]{0,10}",
        text in "[]aA.*?/:{}\\[\\\\!,^é中\n-]{0,10}",
        case in case(),
    ) {
        prop_assert_eq!(Glob::new(&pattern, case).matches(&text), reference(&pattern, &text, case));
    }

    /// Random pairs seldom match; a text that is made from the pattern often does.
    #[test]
    fn a_text_made_from_its_pattern_matches_as_it_should(
        pattern in "[]aA.*?/{}\\[\\\\!,^é-]{0,10}",
        fillings in prop::collection::vec("[]aA./{}\\[\\\\!,^é*-]{0,2}", 10),
        case in case(),
    ) {
        let mut fillings = fillings.into_iter();
        let mut text = String::new();
        for c in pattern.chars() {
            match c {
                '*' | '?' => text.push_str(&fillings.next().unwrap_or_default()),
                _ => text.push(c),
            }
        }
        prop_assert_eq!(Glob::new(&pattern, case).matches(&text), reference(&pattern, &text, case));
    }

    #[test]
    fn covering_all_under_a_prefix_means_matching_every_continuation(
        pattern in "[a/*?]{0,6}", prefix in "[a/]{0,3}", rest in "[a/:]{0,4}",
    ) {
        let glob = Glob::new(&pattern, Case::Sensitive);
        if glob.covers_all_under(&prefix) {
            let text = format!("{prefix}{rest}");
            prop_assert!(glob.matches(&text));
        }
    }
}
