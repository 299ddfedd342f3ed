//! A reader of the log that shares no code with the writer: it recomputes every digest.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::read::GzDecoder;
use serde_json::Value;

use crate::support::schema::check_line;

/// All lines of a log, oldest first.
#[derive(Debug)]
pub struct Log {
    pub lines: Vec<String>,
    /// The bytes after the last line feed.
    pub torn: String,
}

/// Whether lines may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gaps {
    None,
    /// In this many places.
    Some(usize),
}

impl Log {
    /// The rotated files of `audit.jsonl` in a folder, and the file itself.
    pub fn read(folder: &Path) -> Self {
        let mut text = String::new();
        for path in rotated(folder) {
            let bytes = fs::read(&path).unwrap();
            if path.extension().unwrap() == "gz" {
                GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
            } else {
                text.push_str(std::str::from_utf8(&bytes).unwrap());
            }
            assert!(text.ends_with('\n'), "{} splits a line", path.display());
        }
        text.push_str(&fs::read_to_string(folder.join("audit.jsonl")).unwrap_or_default());
        let (whole, torn) = text.rsplit_once('\n').unwrap_or(("", &text));
        Self { lines: whole.lines().map(str::to_owned).collect(), torn: torn.to_owned() }
    }

    /// The events, after checking that every line names the line before it.
    pub fn verified(&self, gaps: Gaps) -> Vec<Value> {
        let (mut last, mut previous, mut found) = (0, "0".repeat(64), 0);
        let events = self.lines.iter().map(|line| {
            let written: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            check_line(&written);
            let seq = written["seq"].as_u64().unwrap();
            if (seq, written["prev"].as_str().unwrap()) != (last + 1, previous.as_str()) {
                assert!(seq > last, "line {seq} comes after line {last}");
                found += 1;
            }
            (last, previous) = (seq, hash(line.as_bytes()));
            written["event"].clone()
        });
        let events: Vec<Value> = events.collect();
        assert_eq!(found, if let Gaps::Some(gaps) = gaps { gaps } else { 0 }, "gaps");
        events
    }

    /// Verifies the checkpoints beside the log against the public key and the lines, and returns their kinds.
    pub fn checkpoints(&self, folder: &Path) -> Vec<String> {
        let pem = fs::read_to_string(folder.join("checkpoint.key.pub")).unwrap();
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = BASE64_STANDARD.decode(body).unwrap();
        let raw = &der[der.len() - 32..];
        let hashes: Vec<String> = self.lines.iter().map(|line| hash(line.as_bytes())).collect();
        let seqs: Vec<u64> = self
            .lines
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap())
            .collect();
        let (mut covered, mut previous) = (0, "0".repeat(64));
        let text = fs::read_to_string(folder.join("audit.checkpoints.jsonl")).unwrap();
        let kinds = text.lines().map(|line| {
            let (signed, signature) = line.rsplit_once(",\"signature\":\"").unwrap();
            let signed = signed.strip_prefix("{\"checkpoint\":").unwrap();
            let signature = BASE64_STANDARD.decode(signature.strip_suffix("\"}").unwrap()).unwrap();
            UnparsedPublicKey::new(&ED25519, raw).verify(signed.as_bytes(), &signature).expect("a signature");
            let it: Value = serde_json::from_str(signed).unwrap();
            let (first, last) = (it["first"].as_u64().unwrap(), it["last"].as_u64().unwrap());
            assert_eq!((first, it["count"].as_u64().unwrap()), (covered + 1, last - covered), "{it}");
            assert_eq!((&it["previous"], &it["keyId"]), (&previous.as_str().into(), &hash(raw)[..16].into()), "{it}");
            let at = seqs.iter().position(|seq| *seq == last);
            // Lines that retention removed can no longer be compared.
            let expected = if last == 0 { "0".repeat(64) } else { at.map_or(String::new(), |at| hashes[at].clone()) };
            assert!(expected.is_empty() || it["lastHash"] == expected.as_str(), "{it}");
            (covered, previous) = (last, hash(line.as_bytes()));
            it["kind"].as_str().unwrap().to_owned()
        });
        kinds.collect()
    }
}

pub fn rotated(folder: &Path) -> Vec<PathBuf> {
    let mut paths = named(folder, "audit.0");
    paths.retain(|path| !path.to_string_lossy().ends_with(".part"));
    // After a crash, a file may exist both plain and compressed, with the same lines.
    let plain: Vec<String> = paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    paths.retain(|path| !plain.iter().any(|other| format!("{other}.gz") == path.to_string_lossy()));
    paths
}

/// Files beside the log whose names begin with `start`, sorted.
pub fn named(folder: &Path, start: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(start)).collect();
    paths.sort();
    paths
}

pub fn hash(bytes: &[u8]) -> String {
    digest::digest(&digest::SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn stage(event: &Value) -> &str {
    event["additionalEventData"]["gateway"]["stage"].as_str().unwrap()
}

/// The notices that the log contains about itself.
pub fn reasons(events: &[Value]) -> Vec<&str> {
    let summaries = events.iter().filter(|event| stage(event) == "Summary");
    summaries.map(|event| event["additionalEventData"]["gateway"]["reason"].as_str().unwrap()).collect()
}
