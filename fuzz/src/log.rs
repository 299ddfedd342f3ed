//! Readers of audit logs: what they read was written by others, callers among them.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use ramgate::trail::verify::{Order, Verification, verify};
use ramgate::trail::{Events, Input};

/// However a log was damaged, its readers come to an end and say what they could not read.
pub(crate) fn audit_log(data: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    fs::write(&path, data).unwrap();
    let most = data.iter().filter(|byte| matches!(byte, b'\n' | b'}')).count() + 2;
    let read = Events::new(vec![Input::File(path.clone())]).take(most + 1).count();
    assert!(read <= most, "an event for each line, at most");
    for order in [Order::AsWritten, Order::Any] {
        let wanted = Verification {
            logs: vec![Input::File(path.clone())],
            checkpoints: vec![Input::File(path.clone())],
            from: Vec::new(),
            keys: Vec::new(),
            order,
            to_the_end: true,
        };
        let _ = verify(&wanted, &Arc::new(AtomicU64::new(0)), &mut || ());
    }
}
