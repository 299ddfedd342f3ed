//! Containment of patterns, compared with enumeration.

use proptest::prelude::*;
use ram_policy::{Case, Document, Glob, Source};

use super::globs::texts;

/// The letters of texts: one more than those of patterns, which only a wildcard can match.
const LETTERS: [char; 3] = ['a', 'b', 'z'];

#[test]
fn some_patterns_can_match_a_resource_of_a_type() {
    let can = |pattern: &str| Glob::new(pattern, Case::Sensitive).meets(&Glob::new("eni/?*", Case::Sensitive));
    for pattern in ["*", "eni/*", "eni/eni-1", "e*", "*-prod", "*i", "e?i/x", "????*", "*/*", "eni/?"] {
        assert!(can(pattern), "{pattern}");
    }
    for pattern in ["eni", "eni/", "instance/*", "e", "?", "enix*", "eni?"] {
        assert!(!can(pattern), "{pattern}");
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
    /// A text that is made from the inner pattern is matched by every pattern that covers it, and two patterns that
    /// match the same text meet.
    #[test]
    fn a_covering_pattern_matches_every_text_of_the_covered_one(
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
fn case_matters_only_between_letters() {
    let (exact, folded) = (Glob::new("a*", Case::Sensitive), Glob::new("A*", Case::Insensitive));
    assert!(folded.covers(&exact) && !exact.covers(&folded));
    assert!(folded.meets(&exact) && exact.meets(&folded));
    assert!(Glob::new("*1", Case::Sensitive).covers(&Glob::new("1", Case::Insensitive)));
}

/// The search must end soon for long alternations of stars, even without an answer.
#[test]
fn the_search_is_bounded_for_intricate_patterns() {
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
fn a_statement_covers_one_that_selects_less_and_tests_more() {
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
    // The pattern covers every single resource, but not all resources of the type as a whole.
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
