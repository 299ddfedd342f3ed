//! The names of a log's files: the current one, the rotated ones beside it, its checkpoints.

use std::path::{Path, PathBuf};

/// The meaning of a file's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogName {
    /// `audit.000000000001-000000004096.jsonl`, with or without `.gz`: lines `first` to `last` of its log.
    Rotated { stem: String, first: u64, last: u64 },
    /// `audit.jsonl`, or any other file with lines.
    Current { stem: String },
    /// `audit.checkpoints.jsonl`
    Checkpoints { stem: String },
    /// Not the name of a file of lines.
    Other,
}

impl LogName {
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let Some(stem) = name.strip_suffix(".jsonl") else { return Self::Other };
        if let Some(stem) = stem.strip_suffix(".checkpoints") {
            return Self::Checkpoints { stem: stem.to_owned() };
        }
        match stem.rsplit_once('.').and_then(|(stem, range)| Some((stem, sequence_range(range)?))) {
            Some((stem, (first, last))) => Self::Rotated { stem: stem.to_owned(), first, last },
            None => Self::Current { stem: stem.to_owned() },
        }
    }
}

/// The beginning of the names of all of a log's files: `audit` for `audit.jsonl`, or for `audit` with any other
/// extension.
pub(super) fn stem_of(path: &Path) -> Option<String> {
    match LogName::of(path) {
        LogName::Rotated { stem, .. } | LogName::Current { stem } => Some(stem),
        LogName::Checkpoints { .. } => None,
        LogName::Other => path.file_stem().map(|stem| stem.to_string_lossy().into_owned()),
    }
}

/// The path of the checkpoints of the log that a file belongs to.
pub fn checkpoints_of(path: &Path) -> Option<PathBuf> {
    stem_of(path).map(|stem| path.with_file_name(format!("{stem}.checkpoints.jsonl")))
}

fn sequence_range(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.split_once('-')?;
    let number = |text: &str| {
        let digits = text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    };
    Some((number(first)?, number(last)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        let of = |name: &str| LogName::of(Path::new(name));
        let stem = || "audit".to_owned();
        let rotated = LogName::Rotated { stem: stem(), first: 1, last: 42 };
        assert_eq!(of("/l/audit.000000000001-000000000042.jsonl"), rotated);
        assert_eq!(of("audit.000000000001-000000000042.jsonl.gz"), rotated);
        assert_eq!(of("audit.jsonl"), LogName::Current { stem: stem() });
        assert_eq!(of("audit.1-2.jsonl"), LogName::Current { stem: "audit.1-2".to_owned() });
        assert_eq!(of("audit.checkpoints.jsonl"), LogName::Checkpoints { stem: stem() });
        assert_eq!(of("audit.torn-20260101T000000Z"), LogName::Other);
        let beside = Some(PathBuf::from("/l/audit.checkpoints.jsonl"));
        assert_eq!(checkpoints_of(Path::new("/l/audit.000000000001-000000000042.jsonl.gz")), beside);
        assert_eq!(checkpoints_of(Path::new("/l/audit.log")), beside);
    }
}
