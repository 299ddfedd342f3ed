//! File descriptors: a limit that is too low is detected at startup.

use std::process::Command;

use crate::support::house::{House, address};
use crate::support::program::{bare, finish};
use crate::support::{Server, wait_for};

/// The gateway under limits that a shell sets first.
fn limited(house: &House, limits: &str) -> Command {
    let mut command = Command::new("sh");
    let serve = format!("{limits} && exec {} serve --config ramgate.toml", env!("CARGO_BIN_EXE_ramgate"));
    command.args(["-c", &serve]);
    bare(&mut command, house.path());
    command
}

#[test]
fn configured_connections_beyond_the_descriptor_limit_are_a_startup_error() {
    let house = House::new("[limits]\nconnections = 5000");
    let ran = finish(&mut limited(&house, "ulimit -n 2000"), "");
    assert_eq!(ran.status, 2, "{ran:?}");
    for words in [
        "`connections = 5000` needs 9512 file descriptors",
        "may open 2000",
        "`ulimit -n 9512`",
        "or lower `connections` in `[limits]` to 792 or less",
    ] {
        assert!(ran.stderr.contains(words), "no `{words}`: {}", ran.stderr);
    }
}

#[test]
fn the_default_number_of_connections_shrinks_with_a_warning() {
    let house = House::new("[admin]\nlisten = \"127.0.0.1:0\"");
    let server = Server::start(&mut limited(&house, "ulimit -n 1024"), "attempts are written to");
    assert_eq!(house.status(&server), 200);
    // The remaining descriptors are split evenly between callers and calls to ECS.
    wait_for("a warning", || server.stderr().contains("`connections` is 240 instead"));
    assert_eq!(
        super::crowd::metric(super::crowd::admin(&server), "ramgate_connections_slots{listener=\"calls\"}"),
        240
    );
}

#[test]
fn a_descriptor_limit_too_low_for_any_connection_is_an_error() {
    for limits in ["", "[limits]\nconnections = 5000", "[limits]\nconnections = 1"] {
        let house = House::new(limits);
        let ran = finish(&mut limited(&house, "ulimit -n 200"), "");
        assert!(ran.status == 2 && ran.stderr.contains("this process may open 200"), "{ran:?}");
        let help = ran.stderr.lines().find(|line| line.contains("help:")).unwrap();
        assert!(help.contains("`ulimit -n ") && help.contains("`LimitNOFILE="), "{help}");
        assert!(!help.contains("lower"), "no lower number of connections would fit: {help}");
    }
}

#[test]
fn the_soft_limit_is_raised_to_the_hard_one() {
    let house = House::new("[limits]\nconnections = 1500");
    let server = Server::start(&mut limited(&house, "ulimit -Sn 256"), "attempts are written to");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let values: Vec<_> = line.split_whitespace().take(2).collect();
    assert_eq!(values[0], values[1], "{line}");
    assert!(address(&server).port() > 0);
}
