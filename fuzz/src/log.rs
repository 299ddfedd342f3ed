//! Readers of audit logs, whose contents are untrusted input.

use std::fs;
use std::path::Path;
use std::slice;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, LazyLock};

use aws_lc_rs::digest;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ramgate::audit::read::{Events, Input};
use ramgate::audit::verify::{CheckpointKey, Order, Verification, Verified, verify};
use ramgate::testing::text::hex;

/// However a log is damaged, its readers terminate and report what they could not read. A log that verifies no longer does
/// if a line is changed, moved or missing. Checkpoints follow an empty line; without one, the log's own lines are used.
pub(crate) fn audit_log(data: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let (path, checkpoints) = (folder.path().join("audit.jsonl"), folder.path().join("checkpoints.jsonl"));
    let end = data.windows(2).position(|pair| pair == b"\n\n");
    let (log, signed) = end.map_or((data, data), |at| (&data[..=at], &data[at + 2..]));
    fs::write(&path, log).unwrap();
    fs::write(&checkpoints, signed).unwrap();
    // Deflate makes at most 1032 bytes of one, and the shortest event of an array is a digit and a comma.
    let most = if log.starts_with(b"\x1f\x8b") {
        log.len() * 1032
    } else {
        log.iter().filter(|byte| matches!(byte, b'\n' | b'}' | b',')).count() + 2
    };
    let read = Events::new(vec![Input::File(path.clone())]).take(most + 1).count();
    assert!(read <= most, "an event for each line, at most");
    // Read by the thread that finds the lines, or by another.
    let mut raw = Events::new(vec![Input::File(path.clone())]);
    let later =
        std::iter::from_fn(|| raw.next_raw()).map(|it| it.and_then(|it| it.read()).map_err(|fault| fault.to_string()));
    let at_once = Events::new(vec![Input::File(path.clone())]).map(|it| it.map_err(|fault| fault.to_string()));
    assert!(at_once.eq(later), "the same events");
    for order in [Order::AsWritten, Order::Any] {
        let _ = verified(&path, Some(&checkpoints), &[], order);
        let _ = verified(&path, Some(&checkpoints), slice::from_ref(&*KEY), order);
    }
    let holds = |lines: &[&[u8]], order| {
        fs::write(&path, [lines.join(&b'\n'), vec![b'\n']].concat()).unwrap();
        verified(&path, None, &[], order).is_some_and(|found| found.breaks.is_empty())
    };
    let lines: Vec<&[u8]> = log.strip_suffix(b"\n").unwrap_or(log).split(|byte| *byte == b'\n').collect();
    let plain = verified(&path, None, &[], Order::AsWritten).filter(|found| found.breaks.is_empty());
    let Some([chain]) = plain.as_ref().map(|found| &found.chains[..]) else { return };
    // A compressed log has other lines than these.
    if lines.len() as u64 != chain.last - chain.first + 1 || chain.first != 1 {
        return;
    }
    assert!(holds(&lines, Order::Any), "what holds in order holds in any");
    for at in 0..lines.len().min(6) {
        let mut other = lines.clone();
        other.remove(at);
        assert!(at + 1 == lines.len() || !holds(&other, Order::AsWritten) && !holds(&other, Order::Any), "missing");
        let mut other = lines.clone();
        let longer = [lines[at], b" "].concat();
        other[at] = &longer;
        assert!(at + 1 == lines.len() || !holds(&other, Order::AsWritten) && !holds(&other, Order::Any), "changed");
        let mut other = lines.clone();
        other.insert(at, lines[at]);
        assert!(!holds(&other, Order::AsWritten) && !holds(&other, Order::Any), "twice");
        if at > 0 {
            let mut other = lines.clone();
            other.swap(at - 1, at);
            assert!(!holds(&other, Order::AsWritten) && holds(&other, Order::Any), "moved");
        }
    }
    // The fast parser accepts a line only in the form in which this program writes it; a trailing space forces the full
    // parser. If a line names its chain in an unusual place, the fast parser still accepts the name.
    let Some(respelled) = respelled(&lines) else { return };
    let text: Vec<&[u8]> = respelled.iter().map(Vec::as_slice).collect();
    fs::write(&path, [text.join(&b'\n'), vec![b'\n']].concat()).unwrap();
    let slow = verified(&path, None, &[], Order::AsWritten).expect("the file is there");
    let names = |found: &Verified| found.chains.iter().map(|it| (it.chain.clone(), it.last)).collect::<Vec<_>>();
    if slow.breaks.is_empty() && slow.chains.iter().all(|it| !it.chain.is_empty()) {
        assert_eq!(names(&slow), [(chain.chain.clone(), chain.last)], "both readings find the same chain");
    }
    vouched_for(&path, &checkpoints, &lines, &chain.chain);
}

/// The same chain, each line with a blank at its end; none where a line does not spell `prev` as this program does.
fn respelled(lines: &[&[u8]]) -> Option<Vec<Vec<u8>>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for line in lines {
        let mut line = [line, &b" "[..]].concat();
        if let Some(before) = all.last() {
            let named = b"\"prev\":\"";
            let at = line.windows(named.len()).position(|part| part == named).map(|at| at + named.len());
            let number = line.strip_prefix(b"{\"seq\":")?.iter().take_while(|byte| byte.is_ascii_digit()).count();
            at.filter(|at| *at == 7 + number + 1 + named.len())?;
            let place = line.get_mut(at?..at? + 64)?;
            place.copy_from_slice(hex(digest::digest(&digest::SHA256, before).as_ref()).as_bytes());
        }
        all.push(line);
    }
    Some(all)
}

/// A checkpoint vouches for all lines up to its own, the last one included.
fn vouched_for(path: &Path, checkpoints: &Path, lines: &[&[u8]], chain: &str) {
    let Some(last) = lines.last() else { return };
    let digest = hex(digest::digest(&digest::SHA256, last).as_ref());
    let said = serde_json::json!({
        "chain": chain, "replica": "", "at": "2026-01-01T00:00:00Z", "first": 1, "last": lines.len(),
        "count": lines.len(), "lastHash": digest, "previous": "0".repeat(64), "keyId": KEY.id(),
    });
    let signature = BASE64_STANDARD.encode(SIGNER.sign(said.to_string().as_bytes()));
    fs::write(checkpoints, format!("{{\"checkpoint\":{said},\"signature\":\"{signature}\"}}\n")).unwrap();
    let longer = [last, &b" "[..]].concat();
    let all = lines.join(&b'\n');
    let before = lines[..lines.len() - 1].join(&b'\n');
    for (text, good) in [(all.clone(), true), ([&before[..], b"\n", &longer].concat(), false), (before, false)] {
        fs::write(path, [text, vec![b'\n']].concat()).unwrap();
        let found =
            verified(path, Some(checkpoints), slice::from_ref(&*KEY), Order::AsWritten).expect("both files are there");
        assert_eq!(found.breaks.is_empty(), good, "{:?}", found.breaks);
    }
    fs::write(path, [all, vec![b'\n']].concat()).unwrap();
    let forged = BASE64_STANDARD.encode(SIGNER.sign(b"another text"));
    fs::write(checkpoints, format!("{{\"checkpoint\":{said},\"signature\":\"{forged}\"}}\n")).unwrap();
    let found =
        verified(path, Some(checkpoints), slice::from_ref(&*KEY), Order::AsWritten).expect("both files are there");
    assert!(!found.breaks.is_empty(), "signed over another text");
}

/// Signs the checkpoints of valid logs, and nothing else.
static SIGNER: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap());
static KEY: LazyLock<CheckpointKey> = LazyLock::new(|| {
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let der = BASE64_STANDARD.encode([&prefix[..], SIGNER.public_key().as_ref()].concat());
    CheckpointKey::from_pem(&format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n")).unwrap()
});

/// `None` if a file cannot be read.
fn verified(log: &Path, checkpoints: Option<&Path>, keys: &[CheckpointKey], order: Order) -> Option<Verified> {
    let wanted = Verification {
        logs: vec![Input::File(log.to_owned())],
        checkpoints: checkpoints.map(|path| Input::File(path.to_owned())).into_iter().collect(),
        from: Vec::new(),
        keys: keys.to_vec(),
        order,
        to_the_end: true,
    };
    verify(&wanted, &Arc::new(AtomicU64::new(0)), &mut || ()).ok()
}
