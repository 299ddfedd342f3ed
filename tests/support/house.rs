//! A folder for the real gateway to run in, the upstream behind it, and calls that each name another ENI.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::program::close_to_others;
use super::wire::{connect, read_answer};
use super::{Answer, Caller, FakeUpstream, Server, Shape, program, ramgate};
use tempfile::{TempDir, tempdir};

pub struct House {
    pub folder: TempDir,
    pub upstream: FakeUpstream,
    calls: AtomicUsize,
}

pub const SECRET: &str = "the secret of carol";

impl House {
    /// `more` is appended to the configuration, after the upstream.
    pub fn new(more: &str) -> Self {
        let house = Self { folder: tempdir().unwrap(), upstream: FakeUpstream::start(), calls: AtomicUsize::new(0) };
        furnish(house.path(), &house.upstream.url(), more);
        house
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn configure(&self, more: &str) {
        configure(self.path(), &self.upstream.url(), more);
    }

    pub fn serve(&self) -> Command {
        program(self.path(), &["serve", "--config", "ramgate.toml"])
    }

    pub fn start(&self) -> Server {
        Server::start(&mut self.serve(), "attempts are written to")
    }

    /// An attach of an ENI that no earlier call named. `None` if the gateway does not answer.
    pub fn call(&self, address: SocketAddr) -> Option<Answer> {
        self.call_with("LTAI5tCarol000000000", address)
    }

    /// The status of the answer to a call of a user without policies.
    pub fn denied(&self, server: &Server) -> u16 {
        self.call_with("LTAI5tDave0000000000", address(server)).expect("an answer").status
    }

    fn call_with(&self, key: &str, address: SocketAddr) -> Option<Answer> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let eni = format!("eni-call{number:08}");
        let parameters =
            [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", &*eni), ("InstanceId", "i-bp1demoworker00000001")];
        let request = Caller::new(key, SECRET).request(Shape::V1Get, &parameters);
        let mut stream = std::net::TcpStream::connect(address).ok()?;
        std::io::Write::write_all(&mut stream, &request).ok()?;
        read_answer(&mut stream)
    }

    /// The status of the answer to a call. Panics if the gateway does not answer.
    pub fn status(&self, server: &Server) -> u16 {
        self.call(address(server)).expect("an answer").status
    }

    /// The ENI ids of the calls that reached the upstream.
    pub fn forwarded(&self) -> Vec<String> {
        let requests = self.upstream.requests();
        requests.iter().map(|request| request[request.find("eni-call").unwrap()..][..16].to_owned()).collect()
    }
}

/// A house with a checkpoint key. `more` goes before `[audit.checkpoint]` in the configuration.
pub fn with_key(more: &str) -> House {
    let house = House::new(&format!("{more}\n[audit.checkpoint]\nkey_file = \"checkpoint.key\""));
    let made = ramgate(house.path(), &["key", "checkpoint", "--out", "checkpoint.key"]);
    assert_eq!(made.status, 0, "{made:?}");
    house
}

/// Writes all the files that a gateway in front of that upstream needs.
pub fn furnish(folder: &Path, upstream: &str, more: &str) {
    fs::create_dir(folder.join("policies")).unwrap();
    let allow = "{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}";
    let key = |id: &str, user: &str| {
        format!("[[access_key]]\nid = \"{id}\"\nsecret_file = \"secret\"\nprincipal = \"user/{user}\"\n")
    };
    let keys = key("LTAI5tCarol000000000", "carol") + &key("LTAI5tDave0000000000", "dave");
    let account = "account = \"1234567890123456\"\n[users.carol]\npolicies = [\"all\"]\n[users.dave]\n";
    write(folder, "policies/account.toml", account);
    write(folder, "policies/all.json", allow);
    write(folder, "keyring.toml", &keys);
    write(folder, "secret", SECRET);
    configure(folder, upstream, more);
}

fn configure(folder: &Path, url: &str, more: &str) {
    let upstream = format!(
        "listen = \"127.0.0.1:0\"\n[upstream]\nurl = \"{url}\"\nregions = [\"cn-hangzhou\"]\n\
         access_key_id = \"LTAI5tGateway0000000\"\nsecret_file = \"secret\"\n"
    );
    write(folder, "ramgate.toml", &format!("{upstream}{more}\n"));
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
    close_to_others(&folder.join(name));
}

pub fn address(server: &Server) -> SocketAddr {
    server.url().strip_prefix("http://").unwrap().parse().unwrap()
}

/// The answer to a GET.
pub fn get(address: SocketAddr, path: &str) -> Answer {
    let mut stream = connect(address);
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    read_answer(&mut stream).expect("an answer")
}
