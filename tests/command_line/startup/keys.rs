//! Checks of secret files look at the opened file, its mode and owner, and not at a path that may change in between.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ramgate::identity::SecretPlace;
use ramgate::store::{FileModes, read_secret};
use tempfile::tempdir;

use super::{TORN, add, could_not_start, ready};
use crate::support::parts::left_out;
use crate::support::program::{close_to_others, ramgate};

/// The id of another user, which needs no account on the machine.
const ANOTHER: u32 = 54_321;

/// Every file with a secret that is read at the start.
const SECRETS: [&str; 5] = ["keyring.toml", "carol.secret", "gateway.secret", "tls.key", "checkpoint.key"];

fn start(folder: &Path, more: &[&str]) -> super::Ran {
    let serve = ["serve", "--config", "ramgate.toml", "--audit", "torn.jsonl"];
    ramgate(folder, &[&serve[..], more].concat())
}

/// A folder with all of [`SECRETS`].
fn with_all() -> tempfile::TempDir {
    let folder = ready();
    super::with_tls(folder.path());
    let made = ramgate(folder.path(), &["key", "checkpoint", "--out", "checkpoint.key"]);
    assert_eq!(made.status, 0, "{made:?}");
    add(folder.path(), "[audit.checkpoint]\nkey_file = \"checkpoint.key\"\n");
    folder
}

#[test]
fn a_secret_that_belongs_to_another_user_is_refused() {
    for name in SECRETS {
        let folder = with_all();
        if chown(folder.path().join(name), Some(ANOTHER), None).is_err() {
            left_out("root", "a file that belongs to another user");
            return;
        }
        could_not_start(&start(folder.path(), &[]), &format!("`{name}` belongs to another user (54321)"));
        could_not_start(&start(folder.path(), &["--insecure-key-file-mode"]), TORN);
    }
}

/// Orchestrators mount secrets as links into a folder that they replace as a whole.
#[test]
fn a_secret_file_may_be_a_link_and_its_target_is_checked() {
    let folder = with_all();
    let inside = folder.path();
    let version = inside.join("..2026_03_01");
    fs::create_dir(&version).unwrap();
    symlink("..2026_03_01", inside.join("..data")).unwrap();
    for name in SECRETS {
        fs::rename(inside.join(name), version.join(name)).unwrap();
        symlink(Path::new("..data").join(name), inside.join(name)).unwrap();
    }
    could_not_start(&start(inside, &[]), TORN);
    for name in SECRETS {
        fs::set_permissions(version.join(name), fs::Permissions::from_mode(0o640)).unwrap();
        could_not_start(&start(inside, &[]), &format!("other users can access `{name}` (mode 0640)"));
        close_to_others(&version.join(name));
    }
    could_not_start(&start(inside, &[]), TORN);
}

/// If a path changes its target between check and read, the content of a file that others can read is never accepted.
#[test]
fn the_file_that_is_read_is_the_file_that_was_checked() {
    let folder = tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (name, mode) in [("closed", 0o600), ("open", 0o644)] {
        fs::write(path(name), name).unwrap();
        fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    symlink("closed", path("secret")).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for target in ["open", "closed"].iter().cycle() {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                symlink(target, path("next")).unwrap();
                fs::rename(path("next"), path("secret")).unwrap();
            }
        });
        let place = SecretPlace::File("secret".into());
        let (end, mut closed) = (Instant::now() + Duration::from_secs(2), 0);
        let mut accepted = None;
        while Instant::now() < end && accepted.is_none() {
            match read_secret(&place, folder.path(), FileModes::Checked) {
                Ok(secret) if secret.expose() == "closed" => closed += 1,
                Ok(secret) => accepted = Some(secret.expose().to_owned()),
                Err(_) => {}
            }
        }
        done.store(true, Ordering::Relaxed);
        assert_eq!(accepted, None, "a secret was read from a file that others can read");
        assert!(closed > 0, "the closed file was never read");
    });
}
