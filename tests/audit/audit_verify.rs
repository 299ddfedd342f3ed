//! `audit verify`: every edit of a log is found, and the first bad line is named.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use ramgate::audit::read::Input;
use ramgate::audit::verify::{CheckpointKey, Order, Verification, verify as verify_files};

use crate::support::log::{Notary, chain, gzip, sha256, text, write};
use crate::support::program::finish;
use crate::support::{Ran, program, ramgate};

const SIX: &str = include_str!("../fixtures/audit/chain-of-six.jsonl");
const SIX_END: &str = "6faa069f74a0f4070d4fed03a3bedc7313397bd702aeba8f2a820bc50212746e";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn verify(folder: &Path, arguments: &[&str]) -> Ran {
    ramgate(folder, &[&["audit", "verify"], arguments].concat())
}

/// The first bad line, as `file:line`, and the message about it.
fn first_break(folder: &Path, arguments: &[&str]) -> (String, String) {
    let ran = verify(folder, &[arguments, &["--format", "json"]].concat());
    assert_eq!(ran.status, 1, "{ran:?}");
    let first = &ran.json()["breaks"][0];
    let place = format!("{}:{}", first["file"].as_str().unwrap(), first["line"]);
    (place, first["what"].as_str().unwrap().to_owned())
}

#[test]
fn the_published_vector_verifies() {
    let folder = folder();
    fs::write(folder.path().join("audit.jsonl"), SIX).unwrap();
    let ran = verify(folder.path(), &[]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stdout.contains(&format!("lines 1 to 6, the last with digest {SIX_END}")), "{ran:?}");
    assert!(ran.stdout.contains("lines that were cut off after the last one would not be detected"), "{ran:?}");
    let piped = finish(&mut program(folder.path(), &["audit", "verify", "-"]), SIX);
    assert_eq!((piped.status, piped.stdout), (0, ran.stdout));
}

#[test]
fn each_kind_of_edit_is_named_with_its_line() {
    let folder = folder();
    let good = chain("c", 9);
    let insert = |at: usize, line: String| {
        let mut lines = good.clone();
        lines.insert(at, line);
        lines
    };
    let forged = format!(
        "{{\"seq\":5,\"prev\":\"{}\",{}",
        sha256(&good[3]),
        good[4].split_once(',').unwrap().1.split_once(',').unwrap().1.replace("i-5", "i-7")
    );
    let without = |at: usize| [&good[..at], &good[at + 1..]].concat();
    let changed = |at: usize, from: &str, to: &str| {
        let mut lines = good.clone();
        lines[at] = lines[at].replacen(from, to, 1);
        assert_ne!(lines, good);
        lines
    };
    let mut swapped = good.clone();
    swapped.swap(3, 4);
    let cases: [(&str, Vec<String>, usize, &str); 13] = [
        ("changed", changed(3, "Allow", "Deny!"), 4, "it is not the line that audit.jsonl:5 names"),
        ("last but one", changed(7, "Allow", "Deny!"), 8, "it is not the line that audit.jsonl:9 names"),
        ("prev", changed(3, "\"prev\":\"", "\"prev\":\"0000"), 4, "its `prev` is not a SHA-256 digest"),
        ("prev digit", changed(3, &sha256(&good[2]), &sha256(&good[1])), 4, "it does not name the line before it"),
        ("seq", changed(3, "\"seq\":4", "\"seq\":8"), 4, "its number is not the one after"),
        ("chain", changed(3, "\"c\"", "\"d\""), 4, "lines 1 to 3 of its chain are missing"),
        ("deleted", without(3), 4, "line 4 is missing before it, after audit.jsonl:3"),
        ("first deleted", without(0), 1, "lines 1 to 1 of its chain are missing"),
        ("swapped", swapped, 4, "line 4 is missing before it"),
        ("twice", insert(4, good[3].clone()), 5, "line 4 comes after line 4 at audit.jsonl:4"),
        ("much later", insert(8, good[1].clone()), 9, "line 2 comes after line 8 at audit.jsonl:8"),
        ("inserted before the true one", insert(4, forged), 5, "another line 5 is at audit.jsonl:6"),
        ("no line", insert(4, "hello".to_owned()), 5, "it is not a line of an audit log"),
    ];
    for (kind, lines, line, what) in cases {
        write(folder.path(), "audit.jsonl", &lines);
        let (place, said) = first_break(folder.path(), &["audit.jsonl"]);
        assert_eq!(place, format!("audit.jsonl:{line}"), "{kind}: {said}");
        assert!(said.starts_with(what), "{kind}: {said}");
    }
    fs::write(folder.path().join("audit.jsonl"), text(&good).trim_end()).unwrap();
    assert!(first_break(folder.path(), &[]).1.contains("no line feed follows"));
}

#[test]
fn a_chain_continues_across_rotated_and_compressed_files() {
    let folder = folder();
    let lines = chain("c", 30);
    write(folder.path(), "audit.000000000001-000000000010.jsonl.gz", &lines[..10]);
    write(folder.path(), "audit.000000000011-000000000020.jsonl", &lines[10..20]);
    write(folder.path(), "audit.jsonl", &lines[20..]);
    for arguments in [
        &[][..],
        &["."],
        &["audit.jsonl", "audit.000000000011-000000000020.jsonl", "audit.000000000001-000000000010.jsonl.gz"],
    ] {
        let ran = verify(folder.path(), arguments);
        assert_eq!(ran.status, 0, "{ran:?}");
        assert!(ran.stdout.ends_with("verified: 30 lines in 3 files, 0 checkpoints\n"), "{ran:?}");
    }
    fs::remove_file(folder.path().join("audit.000000000011-000000000020.jsonl")).unwrap();
    let (place, what) = first_break(folder.path(), &[]);
    assert_eq!(place, "audit.jsonl:1");
    assert_eq!(what, "lines 11 to 20 are missing before it, after audit.000000000001-000000000010.jsonl.gz:10");
    let whole = gzip(text(&lines[..10]).as_bytes());
    fs::write(folder.path().join("audit.000000000001-000000000010.jsonl.gz"), &whole[..whole.len() - 9]).unwrap();
    assert!(first_break(folder.path(), &[]).1.starts_with("the file is damaged"));
}

/// Unrelated files in the folder do not make verification fail; they are listed as not read.
#[test]
fn in_a_folder_only_the_files_of_the_log_are_verified() {
    let folder = folder();
    let lines = chain("c", 30);
    write(folder.path(), "audit.000000000001-000000000010.jsonl.gz", &lines[..10]);
    write(folder.path(), "audit.jsonl", &lines[10..]);
    fs::write(folder.path().join("audit.torn-20260101T000000Z"), "{\"seq\":31,").unwrap();
    fs::write(folder.path().join("world.json"), "{}").unwrap();
    fs::write(folder.path().join("notes.jsonl"), "{\"note\":1}\n").unwrap();
    for name in ["policies", "backup"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("policies/attach.json"), "{\"Version\":\"1\"}").unwrap();
    write(&folder.path().join("backup"), "audit.jsonl", &lines[10..20]);
    let ran = verify(folder.path(), &["."]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stdout.contains("verified: 30 lines in 2 files"), "{ran:?}");
    assert!(ran.stderr.contains("not read: `./notes.jsonl` is not a log"), "{ran:?}");
    let json = verify(folder.path(), &[".", "--format", "json"]).json();
    assert_eq!(json["leftOut"], serde_json::json!(["./notes.jsonl"]));
    // The commands that answer questions read only files with events.
    let ran = ramgate(folder.path(), &["audit", "stats", "--log", "."]);
    assert_eq!(ran.status, 0, "{ran:?}");
    for name in ["./notes.jsonl", "./world.json", "./policies/attach.json"] {
        assert!(ran.stderr.contains(&format!("not read: `{name}` is not a log")), "{ran:?}");
    }
    assert!(!ran.stderr.contains("skipped"), "{ran:?}");
    // The log itself is always read, whatever it contains.
    fs::write(folder.path().join("audit.jsonl"), "garbage\n").unwrap();
    let (place, what) = first_break(folder.path(), &["."]);
    assert_eq!(
        (place.as_str(), what.starts_with("it is not a line of an audit log")),
        ("./audit.jsonl:1", true),
        "{what}"
    );
}

#[test]
fn merged_and_shuffled_exports_of_many_replicas_verify() {
    let folder = folder();
    let chains: Vec<Vec<String>> = ["a", "b", "c"].iter().map(|name| chain(name, 40)).collect();
    let merged: Vec<String> = (0..40).flat_map(|at| chains.iter().map(move |chain| chain[at].clone())).collect();
    write(folder.path(), "merged.jsonl", &merged);
    assert_eq!(verify(folder.path(), &["merged.jsonl"]).status, 0);
    let mut shuffled = merged.clone();
    // A permutation: it visits each of the 120 lines once.
    (0..120).for_each(|at| shuffled[at] = merged[(at * 77 + 5) % 120].clone());
    write(folder.path(), "shuffled.jsonl", &shuffled);
    assert_eq!(verify(folder.path(), &["shuffled.jsonl"]).status, 1, "shuffled lines break the order");
    let ran = verify(folder.path(), &["shuffled.jsonl", "--any-order", "--format", "json"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(ran.json()["chains"].as_array().unwrap().len(), 3);
    let lost = shuffled.iter().position(|line| *line == chains[1][20]).unwrap();
    shuffled.remove(lost);
    write(folder.path(), "shuffled.jsonl", &shuffled);
    let (_, what) = first_break(folder.path(), &["shuffled.jsonl", "--any-order"]);
    assert!(what.starts_with("line 21 is missing before it"), "{what}");
    shuffled.insert(lost, chains[1][20].replace("Allow", "Deny!"));
    write(folder.path(), "shuffled.jsonl", &shuffled);
    let (place, what) = first_break(folder.path(), &["shuffled.jsonl", "--any-order"]);
    assert_eq!(place, format!("shuffled.jsonl:{}", lost + 1), "{what}");
    shuffled[lost] = chains[1][20].clone();
    shuffled.push(chains[2][7].clone());
    write(folder.path(), "shuffled.jsonl", &shuffled);
    let (place, what) = first_break(folder.path(), &["shuffled.jsonl", "--any-order"]);
    assert_eq!(place, "shuffled.jsonl:121", "{what}");
}

#[test]
fn checkpoints_prove_where_the_log_ends_and_where_a_trimmed_log_begins() {
    let folder = folder();
    let path = folder.path();
    let lines = chain("c", 30);
    let mut notary = Notary::new();
    for last in [0, 10, 10, 25] {
        notary.vouch("c", &lines, last);
    }
    write(path, "audit.checkpoints.jsonl", &notary.lines);
    fs::write(path.join("k.pub"), notary.public_key()).unwrap();
    write(path, "audit.jsonl", &lines);
    let signed = ["--public-key", "k.pub"];
    let ran = verify(path, &signed);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(
        ran.stdout.contains(&format!(
            "signed with key {}, vouches for lines up to 25; 5 lines after it verified by the chain alone;",
            notary.key_id()
        )),
        "{ran:?}"
    );
    assert!(verify(path, &[]).stdout.contains("whose signature was not verified (give `--public-key`)"));

    write(path, "audit.jsonl", &lines[..24]);
    let (place, what) = first_break(path, &signed);
    assert_eq!(place, "audit.checkpoints.jsonl:4");
    assert_eq!(what, "it vouches for lines up to 25, but the log ends with line 24: lines 25 to 25 are missing");
    // A missing current file is the same break. If only rotated files are named, only they are checked.
    fs::remove_file(path.join("audit.jsonl")).unwrap();
    let rotated = "audit.000000000001-000000000020.jsonl";
    write(path, rotated, &lines[..20]);
    for arguments in [&[][..], &["."]] {
        let (place, _) = first_break(path, &[arguments, &signed].concat());
        assert!(place.ends_with("audit.checkpoints.jsonl:4"), "{place}");
    }
    let part = verify(path, &[&[rotated][..], &signed].concat());
    assert_eq!(part.status, 0, "{part:?}");
    assert!(part.stdout.contains("only rotated files were given"), "{part:?}");
    fs::remove_file(path.join(rotated)).unwrap();
    // A rewritten chain is consistent in itself, but it is not the chain that the checkpoints cover.
    let forged: Vec<String> = chain("c", 30);
    let mut rewritten = ramgate::audit::Chain::new();
    let mut out = Vec::new();
    for line in &forged {
        let event = line.split_once("\"event\":").unwrap().1;
        rewritten.append(&event[..event.len() - 1].replace("Allow", "Deny"), &mut out);
    }
    fs::write(path.join("audit.jsonl"), &out).unwrap();
    let (place, what) = first_break(path, &signed);
    assert_eq!(place, "audit.jsonl:10");
    assert_eq!(what, "it is not the line 10 that the checkpoint at audit.checkpoints.jsonl:3 vouches for");

    // The first files were removed.
    let later = path.join("later");
    fs::create_dir(&later).unwrap();
    write(&later, "audit.jsonl", &lines[10..]);
    write(&later, "kept.jsonl", &notary.lines[1..2]);
    fs::write(later.join("k.pub"), notary.public_key()).unwrap();
    let (place, what) = first_break(&later, &["audit.jsonl"]);
    assert_eq!((place.as_str(), &what[..22]), ("audit.jsonl:1", "lines 1 to 10 of its c"));
    let from = [&["audit.jsonl", "--from-checkpoint", "kept.jsonl"][..], &signed].concat();
    assert_eq!(verify(&later, &from).status, 0);
    write(&later, "audit.checkpoints.jsonl", &notary.lines[2..]);
    assert_eq!(verify(&later, &from).status, 0, "checkpoints continue from the one that was kept");
    write(&later, "audit.jsonl", &lines[11..]);
    assert_eq!(first_break(&later, &from).0, "audit.jsonl:1", "line 11 is missing, and no checkpoint vouches for it");
}

#[test]
fn an_edit_of_the_checkpoints_is_found() {
    let folder = folder();
    let path = folder.path();
    let lines = chain("c", 30);
    let (mut notary, other) = (Notary::new(), Notary::new());
    (1..=5).for_each(|at| drop(notary.vouch("c", &lines, at * 5)));
    write(path, "audit.jsonl", &lines);
    fs::write(path.join("k.pub"), notary.public_key()).unwrap();
    fs::write(path.join("other.pub"), other.public_key()).unwrap();
    let good = notary.lines.clone();
    let changed = good[1].replace("09:00:00", "09:00:01");
    let cases: [(&str, Vec<String>, usize, &str); 4] = [
        ("changed", [&good[..1], &[changed], &good[2..]].concat(), 2, "its signature does not verify"),
        ("deleted", [&good[..1], &good[2..]].concat(), 2, "it does not name the checkpoint before it"),
        ("first deleted", good[1..].to_vec(), 1, "it is not its chain's first checkpoint"),
        ("none", vec!["{}".to_owned()], 1, "it is not a checkpoint"),
    ];
    for (kind, checkpoints, line, what) in cases {
        write(path, "audit.checkpoints.jsonl", &checkpoints);
        let (place, said) = first_break(path, &["--public-key", "k.pub"]);
        assert_eq!(place, format!("audit.checkpoints.jsonl:{line}"), "{kind}: {said}");
        assert!(said.starts_with(what), "{kind}: {said}");
    }
    write(path, "audit.checkpoints.jsonl", &good);
    let (_, said) = first_break(path, &["--public-key", "other.pub"]);
    assert_eq!(
        said,
        format!("it names the key `{}` as its signer, but `--public-key` gave `{}`", notary.key_id(), other.key_id())
    );
    assert_eq!(verify(path, &["--public-key", "other.pub", "--public-key", "k.pub"]).status, 0);
}

#[test]
fn inputs_that_cannot_be_verified_are_an_error_with_a_reason() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("empty.jsonl"), "").unwrap();
    fs::write(path.join("k.pub"), "no key").unwrap();
    for (arguments, what) in [
        (&["absent.jsonl"][..], "`absent.jsonl` cannot be read"),
        (&[], "`audit.jsonl` cannot be read"),
        (&["empty.jsonl"], "there are no lines to verify"),
        (&["empty.jsonl", "--public-key", "k.pub"], "`k.pub` is not a public key for checkpoints: it has no PEM block"),
    ] {
        let ran = verify(path, arguments);
        assert_eq!(ran.status, 2, "{ran:?}");
        assert!(ran.stderr.contains(what), "{ran:?}");
    }
}

/// An edit of a log of 60 lines in three files.
#[derive(Clone, Debug)]
enum Edit {
    Flip { file: usize, at: usize, with: u8 },
    Delete { line: usize },
    Insert { line: usize, text: Vec<u8> },
    Swap { one: usize, other: usize },
    Copy { from: usize, to: usize },
    Cut { file: usize, from: usize, length: usize },
}

const NAMES: [&str; 3] =
    ["audit.000000000001-000000000020.jsonl.gz", "audit.000000000021-000000000040.jsonl", "audit.jsonl"];

fn edits() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => (0..3_usize, any::<usize>(), 1..=u8::MAX).prop_map(|(file, at, with)| Edit::Flip { file, at, with }),
        1 => (0..60_usize).prop_map(|line| Edit::Delete { line }),
        1 => (0..60_usize, vec(any::<u8>(), 0..80)).prop_map(|(line, text)| Edit::Insert { line, text }),
        1 => (0..60_usize, 0..60_usize).prop_map(|(one, other)| Edit::Swap { one, other }),
        1 => (0..60_usize, 0..60_usize).prop_map(|(from, to)| Edit::Copy { from, to }),
        1 => (0..3_usize, any::<usize>(), 1..3000_usize).prop_map(|(file, from, length)| Edit::Cut { file, from, length }),
    ]
}

impl Edit {
    /// The bytes of the files after the edit.
    fn of(&self, lines: &[String]) -> [Vec<u8>; 3] {
        let mut lines: Vec<Vec<u8>> = lines.iter().map(|line| format!("{line}\n").into_bytes()).collect();
        let mut ends = [20, 40, 60];
        let moved = |ends: &mut [usize; 3], at: usize, by: isize| {
            ends.iter_mut().filter(|end| **end > at).for_each(|end| *end = end.saturating_add_signed(by));
        };
        match self {
            Self::Delete { line } => {
                lines.remove(*line);
                moved(&mut ends, *line, -1);
            }
            Self::Insert { line, text } => {
                lines.insert(*line, [text, &b"\n"[..]].concat());
                moved(&mut ends, *line, 1);
            }
            Self::Swap { one, other } => lines.swap(*one, *other),
            Self::Copy { from, to } => {
                lines.insert(*to, lines[*from].clone());
                moved(&mut ends, *to, 1);
            }
            Self::Flip { .. } | Self::Cut { .. } => {}
        }
        let mut files = [lines[..ends[0]].concat(), lines[ends[0]..ends[1]].concat(), lines[ends[1]..].concat()];
        match self {
            Self::Flip { file, at, with } => {
                let at = at % files[*file].len();
                files[*file][at] ^= with;
            }
            Self::Cut { file, from, length } => {
                let from = from % files[*file].len();
                let to = (from + length).min(files[*file].len());
                files[*file].drain(from..to);
            }
            Self::Delete { .. } | Self::Insert { .. } | Self::Swap { .. } | Self::Copy { .. } => {}
        }
        files
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_edit_of_a_log_is_found(edit in edits(), any_order in any::<bool>()) {
        let lines = chain("c", 60);
        let mut notary = Notary::new();
        notary.vouch("c", &lines, 60);
        let folder = folder();
        let checkpoints = write(folder.path(), "audit.checkpoints.jsonl", &notary.lines);
        let wanted = Verification {
            logs: NAMES.iter().map(|name| Input::File(folder.path().join(name))).collect(),
            checkpoints: vec![Input::File(checkpoints)],
            from: Vec::new(),
            keys: vec![CheckpointKey::from_pem(&notary.public_key()).unwrap()],
            order: if any_order { Order::Any } else { Order::AsWritten },
            to_the_end: true,
        };
        let verified = |files: &[Vec<u8>; 3]| {
            for (name, bytes) in NAMES.iter().zip(files) {
                let bytes = if name.ends_with(".gz") { gzip(bytes) } else { bytes.clone() };
                fs::write(folder.path().join(name), bytes).unwrap();
            }
            verify_files(&wanted, &Arc::default(), &mut || {}).unwrap()
        };
        let good = Edit::Swap { one: 0, other: 0 }.of(&lines);
        let edited = edit.of(&lines);
        prop_assert!(verified(&good).holds());
        // With `--any-order`, lines that only changed places are not a break.
        let moved = any_order && matches!(edit, Edit::Swap { .. });
        prop_assert_eq!(verified(&edited).holds(), edited == good || moved, "{:?}", edit);
    }
}
