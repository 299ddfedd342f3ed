//! Suggestions for misspelt words.

/// Help for an unknown word: the most similar known word, if one is similar enough, and all known words.
pub fn possible(word: &str, known: &[&str]) -> String {
    let all = match known {
        [] => return "leave it out".to_owned(),
        [one] => format!("write `{one}`"),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(|word| format!("`{word}`")).collect();
            format!("write {} or `{last}`", first.join(", "))
        }
    };
    did_you_mean(word, known).map_or_else(|| all.clone(), |meant| format!("did you mean `{meant}`? {all}"))
}

/// The known word that differs from `word` in only a few letters, if there is one.
pub fn did_you_mean<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let length = word.chars().count();
    // For a very long text, the distance would take too long to compute, and no word would be similar.
    if length > 64 {
        return None;
    }
    let near = known.iter().map(|known| (distance(known, &word.to_lowercase()), *known));
    let most = length.div_ceil(3).min(3);
    near.min_by_key(|(distance, _)| *distance).filter(|(distance, _)| *distance <= most).map(|(_, known)| known)
}

/// The number of letters to add, remove or change to turn one text into the other.
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_named_and_a_far_one_is_not() {
        let known = ["always", "group", "none"];
        assert_eq!(possible("goup", &known), "did you mean `group`? write `always`, `group` or `none`");
        assert_eq!(possible("Always", &known), "did you mean `always`? write `always`, `group` or `none`");
        assert_eq!(possible("sometimes", &known), "write `always`, `group` or `none`");
        assert_eq!(possible(&"x".repeat(1000), &["file"]), "write `file`");
        assert_eq!(possible("", &known), "write `always`, `group` or `none`");
    }
}
