//! Files that differ from the loaded ones cause a warning and set a metric, until they are restored.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;

use crate::support::caller::raw;
use crate::support::program::{Server, close_to_others, program};
use crate::support::{ask, wait_for};

struct Watched {
    folder: TempDir,
    server: Server,
    admin: SocketAddr,
}

fn start() -> Watched {
    let folder = super::ready();
    super::add(folder.path(), "[admin]\nlisten = \"127.0.0.1:0\"\n");
    let server =
        Server::start(&mut program(folder.path(), &["serve", "--config", "ramgate.toml"]), "attempts are written to");
    let admin = server.address_after("health and metrics at http://");
    Watched { folder, server, admin }
}

impl Watched {
    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
        close_to_others(&self.path().join(name));
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// The kinds that the metric shows as changed.
    fn changed(&self) -> Vec<String> {
        let page = ask(self.admin, &raw("GET", "/metrics", &[("Host", "x")], "")).body;
        let lines = page.lines().filter_map(|line| line.strip_prefix("ramgate_files_changed{kind=\""));
        lines.filter_map(|line| line.strip_suffix("\"} 1")).map(str::to_owned).collect()
    }

    /// Makes the gateway compare its files at once, and waits for these kinds in the metric.
    fn shows(&self, kinds: &[&str]) {
        self.server.hang_up();
        wait_for(&format!("{kinds:?} as the changed kinds"), || self.changed() == kinds);
    }
}

#[test]
fn a_change_of_each_kind_of_file_is_reported() {
    let gateway = start();
    assert_eq!(gateway.changed(), [""; 0]);
    for (name, kind) in [
        ("policies/all.json", "policies"),
        ("policies/account.toml", "account"),
        ("keyring.toml", "keyring"),
        ("carol.secret", "keyring"),
        ("gateway.secret", "secrets"),
        ("ramgate.toml", "configuration"),
    ] {
        let before = gateway.read(name);
        gateway.write(name, &format!("{before}\n# changed\n"));
        gateway.shows(&[kind]);
        wait_for("the warning", || {
            let log = gateway.server.stderr();
            log.contains(&format!("{kind} `")) && log.contains(name)
        });
        gateway.write(name, &before);
        gateway.shows(&[]);
    }
    gateway.write("policies/resources.toml", "");
    gateway.write("policies/another.json", "{}");
    gateway.shows(&["policies", "resources"]);
    fs::remove_file(gateway.path().join("policies/resources.toml")).unwrap();
    fs::remove_file(gateway.path().join("policies/another.json")).unwrap();
    gateway.shows(&[]);
    fs::remove_file(gateway.path().join("keyring.toml")).unwrap();
    gateway.shows(&["keyring"]);
    let log = gateway.server.stderr();
    assert!(log.contains("revoked keys included, stay in force until a restart"), "{log}");
    assert!(log.contains("all files have the same contents as at startup again"), "{log}");
    assert!(!log.contains(super::SECRET), "{log}");
}
