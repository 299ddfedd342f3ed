//! Issuer keys in use: shared by replicas, rolled over under load, and made by the command.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::issuing::{Issuing, read, refused};
use crate::support::program::ramgate;
use crate::support::{Shape, wait_for};

#[test]
fn a_key_of_one_replica_is_accepted_by_the_other() {
    let one = Issuing::start();
    let other = one.replica();
    let key = one.issued();
    for shape in [Shape::V1Query, Shape::V3Query] {
        assert_eq!(other.attach(&key, shape).status, 200);
    }
    let key = other.issued();
    assert_eq!(one.attach(&key, Shape::V3Query).status, 200);
    let stranger = Issuing::start();
    let answer = stranger.attach(&key, Shape::V3Query);
    refused(&answer, 400, "InvalidSecurityToken.Malformed");
}

/// A new key is added and comes into force while calls and requests for keys continue.
#[test]
fn no_call_fails_while_the_keys_roll_over() {
    let gateway = Issuing::start();
    let first = gateway.issued();
    let (done, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let work = |shape: Shape| {
            let (gateway, done, calls, first) = (&gateway, &done, &calls, &first);
            move || {
                while !done.load(Ordering::SeqCst) {
                    let key = gateway.issued();
                    for key in [first, &key] {
                        let answer = gateway.attach(key, shape);
                        assert_eq!(answer.status, 200, "{answer:?}");
                        calls.fetch_add(1, Ordering::SeqCst);
                    }
                }
            }
        };
        let workers = [Shape::V1Query, Shape::V3Query].map(|shape| scope.spawn(work(shape)));
        let rotated =
            ramgate(gateway.folder.path(), &["key", "issuer", "--out", "issuer.key", "--rotate", "--after", "0s"]);
        assert_eq!(rotated.status, 0, "{rotated:?}");
        wait_for("the new keys", || gateway.server.stderr().contains("new issuer keys are in use"));
        let before = calls.load(Ordering::SeqCst);
        wait_for("calls after the change", || calls.load(Ordering::SeqCst) > before + 20);
        done.store(true, Ordering::SeqCst);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
    let ids: Vec<String> = ids(&read(&gateway.path("issuer.key")));
    let key = gateway.issued();
    assert_eq!(key.token.split('.').nth(1), Some(ids[1].as_str()));
    assert_eq!(first.token.split('.').nth(1), Some(ids[0].as_str()));
}

/// A file that is not valid changes nothing, and a diagnostic is logged.
#[test]
fn an_invalid_file_leaves_the_old_keys_in_use() {
    let gateway = Issuing::start();
    let key = gateway.issued();
    let text = read(&gateway.path("issuer.key"));
    fs::write(gateway.path("issuer.key"), "[[key]]\nid = \"x\"\n").unwrap();
    wait_for("the diagnostic", || gateway.server.stderr().contains("the old ones stay in use"));
    assert_eq!(gateway.attach(&key, Shape::V1Query).status, 200);
    gateway.issued();
    fs::write(gateway.path("issuer.key"), text).unwrap();
    wait_for("the restored file to be loaded", || gateway.server.stderr().contains("new issuer keys are in use"));
    assert_eq!(gateway.attach(&key, Shape::V1Query).status, 200);
}

#[test]
fn the_command_makes_a_private_file_and_keeps_the_keys_in_use() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("issuer.key");
    let run =
        |arguments: &[&str]| ramgate(folder.path(), &[&["key", "issuer", "--out", "issuer.key"], arguments].concat());
    let made = run(&[]);
    assert_eq!(made.status, 0, "{made:?}");
    let mode = || fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    let text = read(&file);
    let secret = text.lines().find_map(|line| line.strip_prefix("secret = ")).unwrap().trim_matches('"');
    assert!(!format!("{}{}", made.stdout, made.stderr).contains(secret));
    let again = run(&[]);
    assert_eq!((again.status, read(&file) == text), (2, true), "{again:?}");
    assert!(again.stderr.contains("--rotate"), "{again:?}");
    let rotated = run(&["--rotate"]);
    assert_eq!((rotated.status, mode()), (0, 0o600), "{rotated:?}");
    assert!(read(&file).starts_with(text.trim_end()), "the previous text stays, with its comment");
    assert_eq!(ids(&read(&file)).len(), 2);
    // Moves both keys into the past, so that the first one is superseded.
    let old = read(&file);
    let moved: String = old
        .lines()
        .map(|line| {
            if line.starts_with("from = ") {
                "from = \"2026-01-01T00:00:00Z\"\n".to_owned()
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    fs::write(&file, moved).unwrap();
    let rotated = run(&["--rotate"]);
    assert!(rotated.stdout.contains(&format!("removed key `{}`", ids(&old)[0])), "{rotated:?}");
    assert_eq!(ids(&read(&file)).len(), 2, "the key in force, and the new key");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let open = run(&["--rotate"]);
    assert_eq!(open.status, 2, "{open:?}");
    assert!(open.stderr.contains("chmod 600"), "{open:?}");
}

fn ids(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.strip_prefix("id = ")).map(|id| id.trim_matches('"').to_owned()).collect()
}
