//! Protection of the log's files against other local users: file modes, owners, and planted links.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use super::log::{named, rotated};
use crate::support::house::{House, with_key};
use crate::support::program::program;
use crate::support::{Server, ramgate, wait_for};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

fn open_to_others(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

const SERVE: [&str; 3] = ["serve", "--config", "ramgate.toml"];

#[test]
fn files_open_to_other_users_get_mode_0600_and_a_warning_names_the_old_mode() {
    let house = with_key("[audit]\nsync = \"always\"");
    fs::write(house.path().join("audit.jsonl"), "").unwrap();
    open_to_others(&house.path().join("audit.jsonl"), 0o666);
    let mut server = house.start();
    assert!(server.stderr().contains("audit.jsonl` (mode 0666)"), "{}", server.stderr());
    assert_eq!(mode(&house.path().join("audit.jsonl")), 0o600);
    assert_eq!(house.status(&server), 200);
    assert_eq!(server.terminate(Duration::from_secs(20)), Some(0));
    let aside = house.path().join("audit.torn-20260101T000000Z");
    fs::write(&aside, "torn").unwrap();
    for name in ["audit.jsonl", "audit.checkpoints.jsonl", "audit.torn-20260101T000000Z"] {
        open_to_others(&house.path().join(name), 0o644);
    }
    let server = house.start();
    named(house.path(), "audit").iter().for_each(|path| assert_eq!(mode(path), 0o600, "{}", path.display()));
    for name in ["audit.jsonl", "audit.checkpoints.jsonl", "audit.torn-20260101T000000Z"] {
        assert!(server.stderr().contains(&format!("{name}` (mode 0644)")), "{}", server.stderr());
    }
    drop(server);
    open_to_others(&house.path().join("audit.jsonl"), 0o640);
    let flagged = [&SERVE[..], &["--insecure-key-file-mode"]].concat();
    drop(Server::start(&mut program(house.path(), &flagged), "attempts are written to"));
    assert_eq!(mode(&house.path().join("audit.jsonl")), 0o640, "the flag leaves the mode unchanged");
    open_to_others(&house.path().join("audit.tag-key"), 0o644);
    let ran = ramgate(house.path(), &SERVE);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("audit.tag-key` (mode 0644)"), "{ran:?}");
}

#[test]
fn a_log_of_another_user_is_refused() {
    let house = House::new("[audit]\nsync = \"always\"");
    let log = house.path().join("audit.jsonl");
    fs::write(&log, "").unwrap();
    if std::os::unix::fs::chown(&log, Some(12345), None).is_err() {
        // Only root can change the owner of a file.
        return;
    }
    let ran = ramgate(house.path(), &SERVE);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("belongs to another user (12345)"), "{ran:?}");
    // A link that another user made is refused too.
    fs::remove_file(&log).unwrap();
    symlink("elsewhere.jsonl", &log).unwrap();
    std::os::unix::fs::lchown(&log, Some(12345), None).unwrap();
    let ran = ramgate(house.path(), &SERVE);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("it is a link that belongs to another user"), "{ran:?}");
    assert!(!house.path().join("elsewhere.jsonl").exists());
}

/// The target of a planted link is neither written nor truncated.
#[test]
fn a_planted_link_at_the_name_of_a_new_file_is_not_followed() {
    let precious = |house: &House| {
        let path = house.path().join("precious");
        fs::write(&path, "precious").unwrap();
        path
    };
    // At the temporary name of a rotation, and at the name of a file to be compressed.
    let house = with_key("[audit]\nsync = \"none\"\nrotate_size = \"64KiB\"\ncompress = true");
    let target = precious(&house);
    symlink(&target, house.path().join("audit.next.jsonl")).unwrap();
    let server = house.start();
    wait_for("a rotation", || {
        assert_eq!(house.status(&server), 200);
        rotated(house.path()).iter().any(|path| path.extension().unwrap() == "gz")
    });
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    drop(server);
    let plain = house.path().join("audit.000000009001-000000009002.jsonl");
    symlink(&target, &plain).unwrap();
    drop(house.start());
    assert!(plain.symlink_metadata().unwrap().is_symlink(), "a link is not treated as a file of the log");

    // At the name of the checkpoints.
    let house = with_key("[audit]\nsync = \"none\"");
    let target = precious(&house);
    symlink(&target, house.path().join("audit.checkpoints.jsonl")).unwrap();
    let ran = ramgate(house.path(), &SERVE);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("it is a symbolic link: remove it"), "{ran:?}");
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
}

#[test]
fn a_link_of_the_operator_and_a_device_are_accepted() {
    let house = House::new("[audit]\npath = \"link.jsonl\"");
    fs::create_dir(house.path().join("logs")).unwrap();
    // The file is created at the target of the link.
    symlink("logs/real.jsonl", house.path().join("link.jsonl")).unwrap();
    let server = house.start();
    assert_eq!(house.status(&server), 200);
    drop(server);
    let real = house.path().join("logs/real.jsonl");
    assert_eq!((mode(&real), fs::metadata(&real).unwrap().nlink()), (0o600, 1));
    assert!(house.path().join("link.jsonl").symlink_metadata().unwrap().is_symlink());
    assert!(house.path().join("logs/real.tag-key").exists());
    drop(house.start());
    house.configure("[audit]\npath = \"/dev/null\"\nsync = \"none\"\n[identity]\nnonce_store = \"memory\"");
    let server = house.start();
    assert_eq!(house.status(&server), 200);
    assert_eq!(house.denied(&server), 403);
}

#[test]
fn other_users_cannot_write_into_the_spool() {
    let config = "[audit]\nsync = \"none\"\n[audit.http]\nurl = \"http://127.0.0.1:1/logs\"";
    let house = House::new(config);
    let server = house.start();
    let spool = house.path().join("audit-spool");
    assert_eq!(mode(&spool), 0o700);
    assert_eq!(house.status(&server), 200);
    wait_for("a batch in the spool", || fs::read_dir(&spool).unwrap().count() == 1);
    drop(server);
    let batch = fs::read_dir(&spool).unwrap().next().unwrap().unwrap().path();
    assert_eq!(mode(&batch), 0o600);
    open_to_others(&spool, 0o777);
    open_to_others(&batch, 0o666);
    symlink("/etc/passwd", spool.join("000000000099.jsonl")).unwrap();
    let server = house.start();
    assert!(server.stderr().contains("other users could write into"), "{}", server.stderr());
    assert_eq!((mode(&spool), mode(&batch)), (0o755, 0o600));
}
