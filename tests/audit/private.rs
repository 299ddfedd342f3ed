//! Who else could touch the files of a log: modes, and links that somebody planted.

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
fn files_that_others_could_use_are_closed_to_them_and_the_mode_is_told() {
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
    assert_eq!(mode(&house.path().join("audit.jsonl")), 0o640, "left as it is where that is asked for");
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
        // Only root can give files away.
        return;
    }
    let ran = ramgate(house.path(), &SERVE);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("belongs to another user (12345)"), "{ran:?}");
    // So is one behind a link that another user made.
    fs::remove_file(&log).unwrap();
    symlink("elsewhere.jsonl", &log).unwrap();
    std::os::unix::fs::lchown(&log, Some(12345), None).unwrap();
    let ran = ramgate(house.path(), &SERVE);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("it is a link that belongs to another user"), "{ran:?}");
    assert!(!house.path().join("elsewhere.jsonl").exists());
}

/// A planted link leads nowhere: what it names is neither written nor emptied.
#[test]
fn no_link_at_the_name_of_a_file_to_be_made_is_followed() {
    let precious = |house: &House| {
        let path = house.path().join("precious");
        fs::write(&path, "precious").unwrap();
        path
    };
    // At the name that a rotation needs for a moment, and at the one of a file to be compressed.
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
    assert!(plain.symlink_metadata().unwrap().is_symlink(), "a link is no file of the log");

    // At the checkpoints' name.
    let house = with_key("[audit]\nsync = \"none\"");
    let target = precious(&house);
    symlink(&target, house.path().join("audit.checkpoints.jsonl")).unwrap();
    let ran = ramgate(house.path(), &SERVE);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("it is a symbolic link: remove it"), "{ran:?}");
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
}

#[test]
fn a_link_of_the_operator_and_a_device_are_taken() {
    let house = House::new("[audit]\npath = \"link.jsonl\"");
    fs::create_dir(house.path().join("logs")).unwrap();
    // The file is made where the link says.
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
fn the_spool_is_the_gateways_own() {
    let config = "[audit]\nsync = \"none\"\n[audit.http]\nurl = \"http://127.0.0.1:1/logs\"";
    let house = House::new(config);
    let server = house.start();
    let spool = house.path().join("audit-spool");
    assert_eq!(mode(&spool), 0o700);
    assert_eq!(house.status(&server), 200);
    wait_for("a parcel", || fs::read_dir(&spool).unwrap().count() == 1);
    drop(server);
    let parcel = fs::read_dir(&spool).unwrap().next().unwrap().unwrap().path();
    assert_eq!(mode(&parcel), 0o600);
    open_to_others(&spool, 0o777);
    open_to_others(&parcel, 0o666);
    symlink("/etc/passwd", spool.join("000000000099.jsonl")).unwrap();
    let server = house.start();
    assert!(server.stderr().contains("other users could write into"), "{}", server.stderr());
    assert_eq!((mode(&spool), mode(&parcel)), (0o755, 0o600));
}
