//! The other sinks of the log: standard output, and a collector that fails, hangs and recovers.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use flate2::read::GzDecoder;

use super::log::{Gaps, Log};
use crate::support::house::{House, address, get};
use crate::support::wait_for;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Takes,
    Fails,
    Hangs,
}

/// A log collector, as `[audit.http]` posts to it.
pub struct Collector {
    pub address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    mood: Mood,
    lines: Vec<String>,
    heads: Vec<String>,
}

impl Collector {
    pub fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Mutex::new(Shared { mood, lines: Vec::new(), heads: Vec::new() }));
        let all = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&all);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, shared }
    }

    fn turns(&self, mood: Mood) {
        self.shared.lock().unwrap().mood = mood;
    }

    pub fn lines(&self) -> Vec<String> {
        self.shared.lock().unwrap().lines.clone()
    }

    fn heads(&self) -> Vec<String> {
        self.shared.lock().unwrap().heads.clone()
    }
}

fn serve(stream: TcpStream, shared: &Mutex<Shared>) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).is_ok_and(|read| read > 0) {
                continue;
            }
            return;
        }
        let lower = head.to_ascii_lowercase();
        let length = lower.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let mut text = String::new();
        if lower.contains("content-encoding: gzip") {
            GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(body).unwrap();
        }
        let mood = {
            let mut shared = shared.lock().unwrap();
            shared.heads.push(head);
            if shared.mood == Mood::Takes {
                shared.lines.extend(text.lines().map(str::to_owned));
            }
            shared.mood
        };
        let answer = match mood {
            Mood::Takes => "HTTP/1.1 204 OK\r\n\r\n",
            Mood::Fails => "HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n",
            Mood::Hangs => continue,
        };
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn with_collector(collector: &Collector, more: &str) -> String {
    let admin = "[admin]\nlisten = \"127.0.0.1:0\"";
    format!("[audit]\nsync = \"none\"\n{admin}\n[audit.http]\nurl = \"http://{}/logs\"\n{more}", collector.address)
}

#[test]
fn a_collector_gets_the_lines_byte_for_byte() {
    for (form, compressed) in [("", true), ("gzip = false\n", false)] {
        let collector = Collector::start(Mood::Takes);
        let house = House::new(&with_collector(&collector, &format!("{form}token_file = \"secret\"")));
        let server = house.start();
        for _ in 0..5 {
            assert_eq!(house.status(&server), 200);
        }
        wait_for("all lines", || collector.lines().len() == 10);
        assert_eq!(collector.lines(), Log::read(house.path()).lines);
        for head in collector.heads() {
            assert!(head.starts_with("POST /logs HTTP/1.1\r\n"), "{head}");
            assert!(head.contains("authorization: Bearer the secret of carol\r\n"), "{head}");
            assert_eq!(head.contains("content-encoding: gzip"), compressed, "{head}");
        }
        assert!(!server.stderr().contains("the secret of carol"));
    }
}

#[test]
fn the_spool_keeps_lines_across_a_failing_collector_and_a_restart() {
    for (mood, required) in [(Mood::Fails, true), (Mood::Hangs, false)] {
        let collector = Collector::start(mood);
        let house = House::new(&with_collector(&collector, &format!("required = {required}")));
        let server = house.start();
        for _ in 0..5 {
            assert_eq!(house.status(&server), 200, "{mood:?}");
        }
        wait_for("an attempt to send", || !collector.heads().is_empty());
        wait_for("all lines in the file", || Log::read(house.path()).lines.len() == 10);
        drop(server);
        collector.turns(Mood::Takes);
        let mut server = house.start();
        assert_eq!(house.status(&server), 200, "{mood:?}");
        wait_for("all lines", || {
            let mut lines = collector.lines();
            lines.dedup();
            lines.len() == 12
        });
        assert_eq!(server.terminate(Duration::from_secs(20)), Some(0));
        let lines = collector.lines();
        for line in &Log::read(house.path()).lines {
            assert!(lines.contains(line), "{mood:?}: a line was not sent");
        }
        assert_eq!(fs::read_dir(house.path().join("audit-spool")).unwrap().count(), 0, "{mood:?}: the spool is empty");
    }
}

#[test]
fn a_full_spool_refuses_calls_or_counts_missed_lines() {
    for required in [true, false] {
        let collector = Collector::start(Mood::Fails);
        let house = House::new(&with_collector(&collector, &format!("required = {required}\nspool_bytes = \"1MiB\"")));
        let server = house.start();
        let admin = server.address_after("metrics at http://");
        let metrics = || get(admin, "/metrics").body;
        let missed = || !metrics().contains("ramgate_audit_sink_lines_missed_total{sink=\"http\"} 0");
        let mut calls = 0;
        while !missed() {
            house.call(address(&server)).unwrap();
            calls += 1;
            assert!(calls < 1000, "the spool does not fill");
        }
        let status = if required { 503 } else { 200 };
        wait_for("a full spool", || house.status(&server) == status);
        assert_eq!(get(admin, "/readyz").status, status);
        collector.turns(Mood::Takes);
        wait_for("calls to be accepted", || house.status(&server) == 200 && get(admin, "/readyz").status == 200);
        Log::read(house.path()).verified(Gaps::None);
    }
}

/// A gateway that writes log lines to standard output. Killed when dropped.
pub struct Printing(pub Child);

impl Drop for Printing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn standard_output_gets_the_lines_and_nothing_else() {
    for required in [true, false] {
        let house = House::new(&format!("[audit]\nsync = \"group\"\n[audit.stdout]\nrequired = {required}"));
        let mut child = Printing(house.serve().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        let mut stderr = BufReader::new(child.0.stderr.take().unwrap());
        let mut greeting = String::new();
        while !greeting.contains("attempts are written to") {
            assert!(stderr.read_line(&mut greeting).unwrap() > 0, "{greeting}");
        }
        let at = greeting.split("http://").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
        let mut printed = BufReader::new(child.0.stdout.take().unwrap());
        for _ in 0..3 {
            assert_eq!(house.call(at).unwrap().status, 200);
        }
        let mut lines = Vec::new();
        for _ in 0..6 {
            let mut line = String::new();
            printed.read_line(&mut line).unwrap();
            lines.push(line.trim_end().to_owned());
        }
        assert_eq!(lines, Log::read(house.path()).lines);
        drop(printed);
        assert_eq!(house.call(at).unwrap().status, if required { 503 } else { 200 }, "after the reader is gone");
        assert_eq!(house.forwarded().len(), if required { 3 } else { 4 });
        Log::read(house.path()).verified(Gaps::None);
    }
}
