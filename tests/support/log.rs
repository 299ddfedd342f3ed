//! Generated logs in the gateway's format: chains, rotated files, checkpoints.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::write::GzEncoder;
use ramgate::audit::Chain;
use ramgate::testing::text::hex;

pub const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The lines of a chain, without line feeds.
pub fn chain(name: &str, count: usize) -> Vec<String> {
    let (mut chain, mut out) = (Chain::new(), Vec::new());
    for number in 1..=count {
        chain.append(&event(name, number), &mut out);
    }
    String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
}

fn event(chain: &str, number: usize) -> String {
    format!(
        "{{\"eventId\":\"{number:08X}\",\"eventTime\":\"2026-03-01T08:{:02}:{:02}Z\",\"eventName\":\"AttachNetworkInterface\",\
         \"requestParameters\":{{\"InstanceId\":\"i-{number}\"}},\"additionalEventData\":{{\"gateway\":{{\"stage\":\"Decision\",\
         \"verdict\":\"Allow\",\"chain\":\"{chain}\",\"replica\":\"r-{chain}\"}}}}}}",
        number / 60 % 60,
        number % 60
    )
}

pub fn sha256(line: &str) -> String {
    hex(digest(&SHA256, line.as_bytes()).as_ref())
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn text(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Writes lines to a file, compressed if its name ends with `.gz`.
pub fn write(folder: &Path, name: &str, lines: &[String]) -> PathBuf {
    let path = folder.join(name);
    let text = text(lines).into_bytes();
    fs::write(&path, if name.ends_with(".gz") { gzip(&text) } else { text }).unwrap();
    path
}

/// Signs checkpoints.
pub struct Notary {
    key: Ed25519KeyPair,
    previous: String,
    end: usize,
    pub lines: Vec<String>,
}

impl Notary {
    pub fn new() -> Self {
        let key = Ed25519KeyPair::generate().unwrap();
        Self { key, previous: ZEROS.to_owned(), end: 0, lines: Vec::new() }
    }

    pub fn key_id(&self) -> String {
        hex(digest(&SHA256, self.key.public_key().as_ref()).as_ref())[..16].to_owned()
    }

    /// The PEM text of the public key.
    pub fn public_key(&self) -> String {
        let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        let der = [&prefix[..], self.key.public_key().as_ref()].concat();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
    }

    /// Signs a checkpoint of a chain, from the end of the previous checkpoint to line `last`.
    pub fn vouch(&mut self, chain: &str, lines: &[String], last: usize) -> String {
        let last_hash = if last == 0 { ZEROS.to_owned() } else { sha256(&lines[last - 1]) };
        let checkpoint = format!(
            "{{\"chain\":\"{chain}\",\"replica\":\"r-{chain}\",\"at\":\"2026-03-01T09:00:00Z\",\"kind\":\"hour\",\"first\":{},\
             \"last\":{last},\"count\":{},\"lastHash\":\"{last_hash}\",\"previous\":\"{}\",\"policyRevision\":\"sha256:0\",\
             \"keyId\":\"{}\"}}",
            self.end + 1,
            last - self.end,
            self.previous,
            self.key_id()
        );
        let signature = STANDARD.encode(self.key.sign(checkpoint.as_bytes()));
        let line = format!("{{\"checkpoint\":{checkpoint},\"signature\":\"{signature}\"}}");
        (self.previous, self.end) = (sha256(&line), last);
        self.lines.push(line.clone());
        line
    }
}
