//! Containment of patterns, held against enumeration.

use proptest::prelude::*;
use ram_policy::{Case, Document, Glob, Source};

use super::globs::texts;

/// One letter more than any pattern has: what a wildcard may stand for.
const LETTERS: [char; 3] = ['a', 'b', 'z'];

/// Which patterns may match something of a type.
#[test]
fn a_beginning_is_possible_or_not() {
    let may = |pattern: &str| Glob::new(pattern, Case::Sensitive).meets(&Glob::new("eni/?*", Case::Sensitive));
    for pattern in ["*", "eni/*", "eni/eni-1", "e*", "*-prod", "e?i/x", "????*", "*/*", "eni/?"] {
        assert!(may(pattern), "{pattern}");
    }
    for pattern in ["eni", "eni/", "instance/*", "e", "?", "enix*", "eni?", "*i"] {
        assert_eq!(may(pattern), pattern == "*i", "{pattern}");
    }
}

#[test]
fn short_patterns_cover_and_meet_exactly() {
    let patterns = texts(&['a', 'b', '*', '?'], 4);
    let texts = texts(&LETTERS, 6);
    let globs: Vec<Glob> = patterns.iter().map(|pattern| Glob::new(pattern, Case::Sensitive)).collect();
    let taken: Vec<Vec<u64>> = globs
        .iter()
        .map(|glob| {
            let bits: Vec<bool> = texts.iter().map(|text| glob.matches(text)).collect();
            bits.chunks(64).map(|bits| bits.iter().fold(0, |word, bit| word << 1 | u64::from(*bit))).collect()
        })
        .collect();
    for (outer, outer_taken) in globs.iter().zip(&taken) {
        for (inner, inner_taken) in globs.iter().zip(&taken) {
            let mut words = outer_taken.iter().zip(inner_taken);
            let covers = words.clone().all(|(outer, inner)| inner & !outer == 0);
            let meets = words.any(|(outer, inner)| inner & outer != 0);
            assert_eq!(outer.covers(inner), covers, "{} covers {}", outer.as_str(), inner.as_str());
            assert_eq!(outer.meets(inner), meets, "{} meets {}", outer.as_str(), inner.as_str());
        }
    }
}

proptest! {
    /// A text made from the inner pattern is matched by whatever covers it, and two patterns with a text in common meet.
    #[test]
    fn no_text_of_a_covered_pattern_escapes(
        outer in "[ab*?]{0,9}", inner in "[ab*?]{0,9}", fill in "[abz]{0,24}", folded in any::<bool>()
    ) {
        let case = if folded { Case::Insensitive } else { Case::Sensitive };
        let (outer, inner) = (Glob::new(&outer, case), Glob::new(&inner, case));
        let mut fill = fill.chars();
        let mut text = String::new();
        for piece in inner.as_str().chars() {
            match piece {
                '*' => text.extend(fill.by_ref().take(3)),
                '?' => text.push(fill.next().unwrap_or('z')),
                literal => text.push(literal),
            }
        }
        if folded {
            text = text.to_ascii_uppercase();
        }
        prop_assert!(inner.matches(&text));
        if outer.covers(&inner) {
            prop_assert!(outer.matches(&text), "{} {} {text}", outer.as_str(), inner.as_str());
        }
        if outer.matches(&text) {
            prop_assert!(outer.meets(&inner) && inner.meets(&outer), "{} {} {text}", outer.as_str(), inner.as_str());
        }
    }
}

#[test]
fn case_counts_only_where_it_does() {
    let (exact, folded) = (Glob::new("a*", Case::Sensitive), Glob::new("A*", Case::Insensitive));
    assert!(folded.covers(&exact) && !exact.covers(&folded));
    assert!(folded.meets(&exact) && exact.meets(&folded));
    assert!(Glob::new("*1", Case::Sensitive).covers(&Glob::new("1", Case::Insensitive)));
}

/// Long alternations of stars must not cost the earth; not knowing is an answer.
#[test]
fn entangled_patterns_end() {
    let outer = Glob::new(&"*a?b".repeat(60), Case::Sensitive);
    let inner = Glob::new(&"a*?b*".repeat(60), Case::Sensitive);
    let _ = outer.covers(&inner);
    assert!(outer.covers(&outer));
}

fn covers(outer: &str, inner: &str) -> bool {
    let statement = |rest: &str| {
        let text = format!(r#"{{"Version":"1","Statement":[{{"Effect":"Allow",{rest}}}]}}"#);
        Document::parse("p", &Source::new("p.json", text)).unwrap().statements()[0].clone()
    };
    statement(outer).covers(&statement(inner))
}

#[test]
fn a_statement_covers_what_it_selects_and_tests_no_more_of() {
    let any = r#""Resource":"*""#;
    for (outer, inner) in [
        (r#""Action":"*""#, r#""NotAction":"ecs:*""#),
        (r#""Action":["ECS:*","vpc:*"]"#, r#""Action":["ecs:Attach*","vpc:List?"]"#),
        (r#""NotAction":"oss:*""#, r#""Action":"ecs:*""#),
        (r#""NotAction":"oss:Get*""#, r#""NotAction":["oss:*","vpc:*"]"#),
    ] {
        assert!(covers(&format!("{outer},{any}"), &format!("{inner},{any}")), "{outer} {inner}");
        assert!(!covers(&format!("{inner},{any}"), &format!("{outer},{any}")), "{inner} {outer}");
    }
    let action = r#""Action":"ecs:*""#;
    for (outer, inner) in [
        (r#""*""#, r#""acs:ecs:*:*:*""#),
        (r#""acs:ecs:*:*:eni/*""#, r#"["acs:ecs:cn-hangzhou:1:eni/eni-1","acs:ecs:*:1:eni/*"]"#),
        (r#""acs:ecs:*:*:e*""#, r#""acs:ecs:*:*:eni/*""#),
    ] {
        let resource = |list: &str| format!(r#"{action},"Resource":{list}"#);
        assert!(covers(&resource(outer), &resource(inner)), "{outer} {inner}");
        assert!(!covers(&resource(inner), &resource(outer)), "{inner} {outer}");
    }
    // Texts are covered, and all of a type is not.
    assert!(!covers(
        &format!(r#"{action},"Resource":"acs:ecs:*:*:*?""#),
        &format!(r#"{action},"Resource":"acs:ecs:*:*:eni/*""#)
    ));
    let tested =
        |values: &str| format!(r#"{action},{any},"Condition":{{"StringEquals":{{"acs:ResourceTag/a":{values}}}}}"#);
    assert!(covers(&format!("{action},{any}"), &tested(r#""x""#)));
    assert!(!covers(&tested(r#""x""#), &format!("{action},{any}")));
    assert!(covers(&tested(r#"["x","y"]"#), &tested(r#"["y","x"]"#)));
    assert!(!covers(&tested(r#"["x","y"]"#), &tested(r#""x""#)));
}
