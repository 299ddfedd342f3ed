//! Settings with malformed values: each error says in plain words what is wrong and what to write.

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::Path;

use super::{CONFIGURATION, Ran, add, could_not_start, ready};
use crate::support::parts::left_out;
use crate::support::program::ramgate;

const SERVE: [&str; 3] = ["serve", "--config", "ramgate.toml"];

fn start(folder: &Path) -> Ran {
    ramgate(folder, &SERVE)
}

/// A setting, the title of its error, and the help.
const CASES: [(&str, &str, &str); 36] = [
    (
        "[limits]\nconnections = many",
        "`many` is not a valid value",
        "write a string in quotation marks (`\"many\"`), a number (`30`), or `true` or `false`",
    ),
    (
        "[limits]\nconnections = \"5\"",
        "`\"5\"` is not a whole number",
        "write a whole number without quotation marks: `5`",
    ),
    ("[limits]\nconnections = 1.5", "`1.5` is not a whole number", "write a whole number, such as `30`"),
    ("[limits]\nconnections = -1", "`-1` is out of range", "write a whole number from 0 up"),
    ("[limits]\nconnections = 0", "`0` is out of range", "give a number from 1 to 1073741824"),
    (
        "[audit]\nunauthenticated_total = 4294967296",
        "`4294967296` is out of range",
        "write a whole number from 0 to 4294967295",
    ),
    ("[identity]\nnonce_share = \"half\"", "`\"half\"` is not a number", "write a number, such as `0.5`"),
    ("[limits]\nidle_timeout = 30", "`30` has no unit", "write `\"30s\"` for seconds"),
    ("[limits]\nidle_timeout = \"30\"", "`30` has no unit", "write `\"30s\"` for seconds"),
    ("[limits]\nidle_timeout = 30s", "`30s` is not a valid value", "write a string in quotation marks (`\"30s\"`)"),
    ("[limits]\nidle_timeout = 0", "`0` is not a valid duration", "write `500ms`, `20s`, `15m` or `1h`"),
    ("[limits]\nidle_timeout = \"soon\"", "`soon` is not a valid duration", "write `500ms`, `20s`, `15m` or `1h`"),
    ("[resources]\ncache = 30", "`30` has no unit", "write `\"30s\"` for seconds"),
    ("[audit]\nrotate_size = 30", "`30` has no unit", "write `64KiB`, `256MiB` or `1GiB`"),
    (
        "[audit]\nsync = \"goup\"",
        "unknown value `goup` for `sync`",
        "did you mean `group`? write `always`, `group` or `none`",
    ),
    (
        "[audit]\nsync = \"sometimes\"",
        "unknown value `sometimes` for `sync`",
        "help: write `always`, `group` or `none`",
    ),
    ("[audit]\nsynk = \"group\"", "unknown key `synk`", "did you mean `sync`? the keys here are `path`, `required`,"),
    ("[audit]\ncolour = \"red\"", "unknown key `colour`", "help: the keys here are `path`, `required`,"),
    (
        "[audit]\nrequired = \"yes\"",
        "`\"yes\"` is neither `true` nor `false`",
        "write `true` or `false`, without quotation marks",
    ),
    ("[audit]\nrequired = yes", "`yes` is not a valid value", "write `true` or `false`"),
    ("[audit]\npath = 3", "`3` is not a string", "write it in quotation marks: `\"3\"`"),
    (
        "[limits]\ntrusted_proxies = \"10.0.0.1\"",
        "`\"10.0.0.1\"` is not a list",
        "write a list in brackets: `[\"10.0.0.1\"]`",
    ),
    ("[audit]\nkeep_files = 3\nkeep_files = 4", "this key is given twice", "keep one of the two"),
    ("[audit.checkpoint]\nevery = \"1h\"", "`key_file` is missing", "add `key_file = …` to this section"),
    (
        "[admin]\nlisten = \"localhost\"",
        "`\"localhost\"` is not an address with a port",
        "write an IP address and a port in quotation marks: `\"127.0.0.1:8620\"`",
    ),
    ("[admin]\nlisten = 8621", "`8621` is not an address with a port", "write an IP address and a port"),
    ("[identity]\nissuer = 3", "`3` is not a section", "write a section `[issuer]`"),
    (
        "[identity]\nnonce_store = \"flie\"",
        "unknown value `flie` for `nonce_store`",
        "did you mean `file`? write `file` or `memory`",
    ),
    (
        "[operations]\nother = \"evaluat\"",
        "unknown value `evaluat` for `other`",
        "did you mean `evaluate`? write `refuse`, `evaluate` or `forward`",
    ),
    (
        "[operations]\ntrunk = \"juge\"",
        "unknown value `juge` for `trunk`",
        "did you mean `judge`? write `refuse` or `judge`",
    ),
    (
        "[resources]\nsource = \"upstraem\"",
        "unknown value `upstraem` for `source`",
        "did you mean `upstream`? write `file` or `upstream`",
    ),
    (
        "[limits]\ntrusted_proxies = [\"127.0.0.1/32\"]\nproxy_protocol = \"v3\"",
        "unknown version `v3`",
        "did you mean `v1`? write `off`, `v1`, `v2` or `any`",
    ),
    (
        "[limits]\nconnections = 64\n[limits.principal]\nconnections = 65",
        "`connections = 65` of one principal exceeds the total of 64",
        "give 64 or less, remove it, or raise",
    ),
    (
        "[limits.source]\nconnections = 1025",
        "`connections = 1025` of one source exceeds the total of 1024",
        "give 1024 or less, remove it, or raise",
    ),
    ("[audit]\nunauthenticated_total = 0", "attempts of unknown callers would never be logged", "give 1 or more"),
    (
        "[denial]\nrecomend = \"https://example.com\"",
        "unknown key `recomend`",
        "did you mean `recommend`? the keys here are",
    ),
];

#[test]
fn each_error_of_a_setting_says_what_to_write() {
    let folder = ready();
    for (setting, title, help) in CASES {
        fs::write(folder.path().join("ramgate.toml"), format!("{CONFIGURATION}{setting}\n")).unwrap();
        let ran = start(folder.path());
        could_not_start(&ran, title);
        for part in [help, "--> ramgate.toml:"] {
            assert!(ran.stderr.contains(part), "{setting}: no `{part}`: {}", ran.stderr);
        }
        assert!(!ran.stderr.contains("usize") && !ran.stderr.contains("Raw"), "{setting}: {}", ran.stderr);
    }
}

#[test]
fn a_misplaced_secret_is_not_quoted_in_the_error() {
    let folder = ready();
    for setting in ["secret_file = 4711", "secret_command = \"hunter2\"", "secret = \"hunter2\""] {
        let text = format!("{CONFIGURATION}{setting}\n").replace("secret_file = \"gateway.secret\"\n", "");
        fs::write(folder.path().join("ramgate.toml"), text).unwrap();
        let ran = start(folder.path());
        assert_eq!(ran.status, 2, "{ran:?}");
        assert!(!ran.stderr.contains("hunter2") && !ran.stderr.contains("4711"), "{setting}: {}", ran.stderr);
    }
}

/// Each case: settings that name a missing file, the key that the help names, and another part of the error.
#[test]
fn the_error_about_a_missing_file_names_the_line_of_the_setting() {
    let remedy = "put only the secret of the gateway's own key into that file";
    let cases = [
        ("[audit.checkpoint]\nkey_file = \"cp.key\"\n", "audit.checkpoint.key_file", "cp.key"),
        ("[identity.issuer]\nenabled = true\nkey_file = \"is.key\"\n", "identity.issuer.key_file", "is.key"),
        ("[tls]\ncertificate = \"absent.pem\"\nkey = \"absent.key\"\n", "tls.key", "absent.key"),
        ("[audit.http]\nurl = \"http://127.0.0.1:1/\"\ntoken_file = \"tok\"\n", "audit.http.token_file", "token_file"),
        ("[audit]\npath = \"absent/audit.jsonl\"\n", "audit.path", "mkdir -p absent"),
    ];
    for (setting, key, said) in cases {
        let folder = ready();
        add(folder.path(), setting);
        let text = fs::read_to_string(folder.path().join("ramgate.toml")).unwrap();
        let last = setting.lines().rfind(|line| !line.starts_with("enabled")).unwrap();
        let line = text.lines().position(|line| line == last).unwrap() + 1;
        let ran = start(folder.path());
        could_not_start(&ran, said);
        let place = format!("the setting is `{key}` (ramgate.toml:{line})");
        assert!(ran.stderr.contains(&place), "no `{place}`: {}", ran.stderr);
    }
    let folder = ready();
    fs::remove_file(folder.path().join("gateway.secret")).unwrap();
    let ran = start(folder.path());
    could_not_start(&ran, "the secret file `gateway.secret` cannot be read");
    for part in [remedy, "the setting is `upstream.secret_file` (ramgate.toml:"] {
        assert!(ran.stderr.contains(part), "no `{part}`: {}", ran.stderr);
    }
    let folder = ready();
    fs::rename(folder.path().join("keyring.toml"), folder.path().join("aside.toml")).unwrap();
    let text = format!("keyring = \"keys.toml\"\n{CONFIGURATION}");
    fs::write(folder.path().join("ramgate.toml"), text).unwrap();
    could_not_start(&start(folder.path()), "the setting is `keyring` (ramgate.toml:1)");
}

#[test]
fn standard_output_is_refused_as_the_only_log() {
    let folder = ready();
    symlink("/dev/stdout", folder.path().join("linked.jsonl")).unwrap();
    for path in ["/dev/stdout", "/proc/self/fd/1", "linked.jsonl"] {
        fs::write(folder.path().join("ramgate.toml"), format!("{CONFIGURATION}[audit]\npath = \"{path}\"\n")).unwrap();
        let ran = start(folder.path());
        could_not_start(&ran, &format!("the audit log `{path}` is standard output"));
        assert!(
            ran.stderr.contains("`[audit.stdout]`") && ran.stderr.contains("the setting is `audit.path`"),
            "{}",
            ran.stderr
        );
    }
    let ran = ramgate(folder.path(), &[&SERVE[..], &["--audit", "/dev/stdout"]].concat());
    could_not_start(&ran, "the audit log `/dev/stdout` is standard output");
}

#[test]
fn the_error_about_a_foreign_file_names_the_chown_command() {
    let user = rustix::process::geteuid().as_raw();
    for (name, remedy) in [
        ("gateway.secret", format!("run `chown {user} gateway.secret`")),
        ("keyring.toml", format!("run `chown {user} keyring.toml`")),
        ("audit.jsonl", format!("chown {user} ")),
    ] {
        let folder = ready();
        if name == "audit.jsonl" {
            fs::write(folder.path().join(name), "").unwrap();
        }
        if chown(folder.path().join(name), Some(54_321), None).is_err() {
            left_out("root", "a file that belongs to another user");
            return;
        }
        could_not_start(&start(folder.path()), &remedy);
    }
}
