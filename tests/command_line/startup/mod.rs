//! Reasons for which a server does not start: malformed files, unsupported settings, unsafe settings, failing parts.

mod files;
mod keys;
mod order;
mod settings;
mod signals;
mod unsupplied;

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use crate::support::program::{Ran, Server, close_to_others, finish, program, ramgate};
use tempfile::{TempDir, tempdir};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/startup");

/// The secret in every fixture file that holds one.
const SECRET: &str = "hunter2-in-the-open";

/// Each case is a folder with the files, the arguments to run, and the exact expected standard error.
#[test]
fn the_errors_in_malformed_files_are_exactly_as_expected() {
    let mut cases: Vec<_> = fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert_eq!(cases.len(), 42);
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let folder = tempdir().unwrap();
        copy(&case, folder.path());
        let arguments = fs::read_to_string(case.join("arguments")).unwrap();
        let ran = ramgate(folder.path(), &arguments.split_whitespace().collect::<Vec<_>>());
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{name}: the command ran: {ran:?}");
        assert_eq!(ran.stderr, fs::read_to_string(case.join("expected")).unwrap(), "{name}");
        assert!(!ran.stderr.contains(SECRET), "{name}");
        assert!(!folder.path().join("audit.jsonl").exists(), "{name}: a log was begun");
    }
}

/// Checks the fixtures: each expected error has a place, help, and a line with a caret, unless it is confidential.
#[test]
fn every_expected_error_has_its_parts() {
    const WHOLE_FILE: [&str; 3] = ["configuration-no-upstream", "keyring-empty", "no-account"];
    for entry in fs::read_dir(CASES).unwrap() {
        let case = entry.unwrap().path();
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let expected = fs::read_to_string(case.join("expected")).unwrap();
        let errors: Vec<_> = expected.split("\n\n").filter(|part| part.starts_with("error: ")).collect();
        assert!(!errors.is_empty(), "{name}");
        for error in errors {
            assert!(error.contains(" = help: "), "{name}: {error}");
            if WHOLE_FILE.contains(&name.as_str()) {
                continue;
            }
            let place = error.lines().nth(1).unwrap().trim();
            assert!(place.starts_with("--> ") && place.split(':').count() == 3, "{name}: {error}");
            let confidential = name.starts_with("keyring-") || matches!(&*name, "configuration-secret" | "issuer-key");
            assert_eq!(error.contains('^'), !confidential, "{name}: {error}");
        }
    }
}

/// A planned setting that this version does not support, and its name in the error.
const UNSUPPORTED: &[(&str, &str)] =
    &[("[shadow]\npolicies = [\"next\"]", "[shadow]"), ("[identity]\nnonce_store = \"redis\"", "identity.nonce_store")];

#[test]
fn each_unsupported_setting_is_refused_by_name() {
    let folder = tempdir().unwrap();
    for (setting, name) in UNSUPPORTED {
        let upstream = "[upstream]\nurl = \"simulator\"";
        let text = format!("{upstream}\n{setting}\n");
        fs::write(folder.path().join("ramgate.toml"), format!("listen = \"127.0.0.1:0\"\n{text}")).unwrap();
        let ran = ramgate(folder.path(), &["serve", "--config", "ramgate.toml"]);
        let said = format!("error: `{name}` is not available in this version\n");
        could_not_start(&ran, &said);
        assert_eq!(ran.stderr.matches("error:").count(), 1, "{setting}: {}", ran.stderr);
    }
}

#[test]
fn every_supported_value_of_partly_supported_settings_is_accepted() {
    let folder = ready();
    let more = "[identity]\nnonce_store = \"memory\"\n[operations]\nother = \"refuse\"\ntrunk = \"refuse\"\n[resources]\n\
                source = \"file\"\ncache = \"0s\"\ncache_entries = 1\n[limits]\ntrusted_proxies = []\nproxy_protocol = \"off\"\n[audit]\nrequired = false\nsync = \"group\"\ngroup_delay = \"1s\"\nrotate_size = \"64KiB\"\n\
                rotate_every = \"1m\"\ncompress = false\nmin_free = \"1KiB\"\n[audit.stdout]\n[admin]\nlisten = \"127.0.0.1:0\"\n";
    let text = CONFIGURATION.replace("url =", "signing = \"resign\"\nregion_aliases = {}\nurl =") + more;
    fs::write(folder.path().join("ramgate.toml"), text).unwrap();
    let ran = ramgate(folder.path(), &["serve", "--config", "ramgate.toml", "--audit", "torn.jsonl"]);
    could_not_start(&ran, TORN);
}

/// Policies with conditions on tags need exactly one source of attributes.
#[test]
fn attributes_of_resources_come_from_exactly_one_source() {
    let folder = ready();
    let inside = folder.path();
    let start = || ramgate(inside, &["serve", "--config", "ramgate.toml", "--audit", "torn.jsonl"]);
    let from = |source: &str| {
        let text = format!("{CONFIGURATION}[resources]\nsource = \"{source}\"\ncache = \"5m\"\n");
        fs::write(inside.join("ramgate.toml"), text).unwrap();
        start()
    };
    let by_tag = "\"Resource\":\"*\",\"Condition\":{\"StringEquals\":{\"acs:ResourceTag/team\":\"network\"}}";
    replace(&inside.join("policies/all.json"), "\"Resource\":\"*\"", by_tag);
    could_not_start(
        &start(),
        "the Allow depends on `acs:ResourceTag/team`, but nothing supplies the attributes of resources",
    );
    could_not_start(
        &from("file"),
        "the Allow depends on `acs:ResourceTag/team`, but nothing supplies the attributes of resources",
    );
    could_not_start(&from("upstream"), TORN);

    let attributes = "[\"eni/eni-a\"]\ntags = { team = \"network\" }\n";
    fs::write(inside.join("policies/resources.toml"), attributes).unwrap();
    could_not_start(&from("upstream"), "attributes of resources are read from ECS, but a `resources.toml` exists");
    could_not_start(&from("file"), TORN);
    fs::remove_file(inside.join("policies/resources.toml")).unwrap();

    fs::create_dir(inside.join("others")).unwrap();
    fs::write(inside.join("others/account.toml"), "account = \"2222222222222222\"\n[users.dave]\n").unwrap();
    replace(&inside.join("keyring.toml"), "user/carol", "1234567890123456:user/carol");
    let two = "policies = [\"policies\", \"others\"]\n[upstream]";
    let text = format!("{CONFIGURATION}[resources]\nsource = \"upstream\"\n").replace("[upstream]", two);
    fs::write(inside.join("ramgate.toml"), text).unwrap();
    could_not_start(&start(), "attributes of resources are read from ECS with one key, but there are several accounts");
}

/// A call must be signed with a key of the account that it is judged for. Otherwise the start fails.
#[test]
fn several_accounts_need_a_key_each() {
    let folder = ready();
    let inside = folder.path();
    let start = |text: String| {
        fs::write(inside.join("ramgate.toml"), text).unwrap();
        ramgate(inside, &["serve", "--config", "ramgate.toml", "--audit", "torn.jsonl"])
    };
    fs::create_dir(inside.join("others")).unwrap();
    fs::write(inside.join("others/account.toml"), "account = \"2222222222222222\"\n[users.dave]\n").unwrap();
    replace(&inside.join("keyring.toml"), "user/carol", "1234567890123456:user/carol");
    let two = CONFIGURATION.replace("[upstream]", "policies = [\"policies\", \"others\"]\n[upstream]");
    could_not_start(&start(two.clone()), "several accounts are served, but the gateway has only one key of its own");

    let own = "access_key_id = \"LTAI5tGateway0000000\"\nsecret_file = \"gateway.secret\"\n";
    let key = |account: &str| format!("[[upstream.key]]\naccount = \"{account}\"\n{own}");
    let with = |account: &str| two.replace(own, "") + &key(account);
    could_not_start(&start(with("1234567890123456")), TORN);
    could_not_start(&start(with("2222222222222222")), TORN);
    let said = "a `[[upstream.key]]` is for account `3333333333333333`, which has no policy directory";
    could_not_start(&start(with("3333333333333333")), said);
    let by_account = with("1234567890123456") + "[resources]\nsource = \"upstream\"\n";
    could_not_start(&start(by_account), TORN);
    let embedded = format!("[upstream]\nurl = \"simulator\"\n{}", key("1234567890123456"));
    could_not_start(&start(embedded), "the embedded ECS generates its own key and accepts no other");
}

const PRODUCT: &str = "[[product]]\nname = \"vpc\"\nhosts = [\"vpc.gateway.internal\"]\nversion = \"2016-04-28\"\n";

#[test]
fn a_product_needs_a_real_upstream_too() {
    let folder = ready();
    let start = |more: &str, flags: &[&str]| {
        fs::write(folder.path().join("ramgate.toml"), format!("{CONFIGURATION}{PRODUCT}{more}")).unwrap();
        let fixed = ["serve", "--config", "ramgate.toml", "--audit", "torn.jsonl"];
        ramgate(folder.path(), &[&fixed[..], flags].concat())
    };
    let evaluate = "other = \"evaluate\"\n";
    could_not_start(&start(evaluate, &[]), TORN);
    let said = "a `[[product]]` is configured, but only the embedded ECS accepts the gateway's key";
    could_not_start(&start(evaluate, &["--upstream", "simulator"]), said);
    let plain = format!("{evaluate}url = \"http://vpc.{{region}}.example\"\n");
    could_not_start(&start(&plain, &[]), "`http://vpc.{region}.example` is plain http and not on loopback");
    could_not_start(&start(&plain, &["--insecure-plain-upstream"]), TORN);
}

#[test]
fn forwarding_operations_without_judging_them_causes_a_warning() {
    let folder = ready();
    let of_vpc = "every caller acts with the gateway's own rights for all operations of `vpc`";
    let of_ecs = "every caller acts with the gateway's own rights for all operations of `ecs`";
    for (ecs, vpc) in [("refuse", "evaluate"), ("evaluate", "forward"), ("forward", "evaluate")] {
        let more = format!("other = \"{vpc}\"\n[operations]\nother = \"{ecs}\"\ntrunk = \"judge\"\n");
        fs::write(folder.path().join("ramgate.toml"), format!("{CONFIGURATION}{PRODUCT}{more}")).unwrap();
        let server = Server::start(
            &mut program(folder.path(), &["serve", "--config", "ramgate.toml"]),
            "attempts are written to",
        );
        assert!(
            server.stdout().contains("`vpc` at vpc.gateway.internal, in front of https://vpc.{region}.aliyuncs.com")
        );
        assert_eq!(server.stderr().contains(of_ecs), ecs == "forward", "{ecs}: {}", server.stderr());
        assert_eq!(server.stderr().contains(of_vpc), vpc == "forward", "{vpc}: {}", server.stderr());
    }
}

/// A reason not to start: a change of a valid folder, or arguments; the error; and the flag that permits it.
struct Unsafe {
    change: fn(&Path),
    arguments: &'static [&'static str],
    said: &'static str,
    lifted_by: Option<&'static str>,
}

const EXCEPTIONS: [&str; 6] = [
    "--insecure-no-policy",
    "--insecure-plain-upstream",
    "--insecure-plain-listener",
    "--insecure-plain-admin",
    "--insecure-trusted-proxies",
    "--insecure-key-file-mode",
];

/// The error of a start without other errors: the starts get a torn log, so that no server keeps running.
const TORN: &str = "the audit log `torn.jsonl` does not end in a line of an audit log";

const UNSAFE: &[Unsafe] = &[
    Unsafe {
        change: |_| {},
        arguments: &["--listen", "0.0.0.0:0"],
        said: "`0.0.0.0:0` is not loopback, and this listener has no TLS",
        lifted_by: Some("--insecure-plain-listener"),
    },
    Unsafe {
        change: |_| {},
        arguments: &["--listen", "[::]:0"],
        said: "`[::]:0` is not loopback, and this listener has no TLS",
        lifted_by: Some("--insecure-plain-listener"),
    },
    Unsafe {
        change: |folder| add(folder, "[admin]\nlisten = \"0.0.0.0:0\"\n"),
        arguments: &[],
        said: "`0.0.0.0:0` is not loopback, and would serve health and metrics without TLS",
        lifted_by: Some("--insecure-plain-admin"),
    },
    Unsafe {
        change: |folder| {
            let made = ramgate(folder, &["key", "checkpoint", "--out", "checkpoint.key"]);
            assert_eq!(made.status, 0, "{made:?}");
            open_to_others(&folder.join("checkpoint.key"));
            add(folder, "[audit.checkpoint]\nkey_file = \"checkpoint.key\"\n");
        },
        arguments: &[],
        said: "other users can access `checkpoint.key`",
        lifted_by: Some("--insecure-key-file-mode"),
    },
    Unsafe {
        change: |folder| add(folder, "[limits]\ntrusted_proxies = [\"10.0.0.0/8\", \"0.0.0.0/0\"]\n"),
        arguments: &[],
        said: "`limits.trusted_proxies` covers all addresses",
        lifted_by: Some("--insecure-trusted-proxies"),
    },
    Unsafe {
        change: |folder| add(folder, "[limits]\ntrusted_proxies = [\"::/1\", \"8000::/1\"]\n"),
        arguments: &[],
        said: "`limits.trusted_proxies` covers all addresses",
        lifted_by: Some("--insecure-trusted-proxies"),
    },
    Unsafe {
        change: |folder| {
            with_tls(folder);
            open_to_others(&folder.join("tls.key"));
        },
        arguments: &[],
        said: "other users can access `tls.key`",
        lifted_by: Some("--insecure-key-file-mode"),
    },
    Unsafe {
        change: |folder| open_to_others(&folder.join("keyring.toml")),
        arguments: &[],
        said: "other users can access `keyring.toml`",
        lifted_by: Some("--insecure-key-file-mode"),
    },
    Unsafe {
        change: |folder| open_to_others(&folder.join("carol.secret")),
        arguments: &[],
        said: "other users can access `carol.secret`",
        lifted_by: Some("--insecure-key-file-mode"),
    },
    Unsafe {
        change: |folder| open_to_others(&folder.join("gateway.secret")),
        arguments: &[],
        said: "other users can access `gateway.secret`",
        lifted_by: Some("--insecure-key-file-mode"),
    },
    Unsafe {
        change: |folder| replace(&folder.join("ramgate.toml"), "https://", "http://"),
        arguments: &[],
        said: "`http://ecs.{region}.aliyuncs.com` is plain http and not on loopback",
        lifted_by: Some("--insecure-plain-upstream"),
    },
    Unsafe {
        change: |_| {},
        arguments: &["--upstream", "http://127.0.0.1:80@example.com"],
        said: "`http://127.0.0.1:80@example.com` is plain http and not on loopback",
        lifted_by: Some("--insecure-plain-upstream"),
    },
    Unsafe {
        change: |_| {},
        arguments: &["--upstream", "http://127.0.0.1.example.com"],
        said: "`http://127.0.0.1.example.com` is plain http and not on loopback",
        lifted_by: Some("--insecure-plain-upstream"),
    },
    Unsafe {
        change: |folder| {
            fs::remove_file(folder.join("policies/all.json")).unwrap();
            replace(&folder.join("policies/account.toml"), "\"all\"", "");
        },
        arguments: &[],
        said: "no policy is loaded",
        lifted_by: Some("--insecure-no-policy"),
    },
    Unsafe {
        change: |folder| fs::remove_file(folder.join("gateway.secret")).unwrap(),
        arguments: &[],
        said: "the secret file `gateway.secret` cannot be read",
        lifted_by: None,
    },
    Unsafe { change: |_| {}, arguments: &[], said: TORN, lifted_by: None },
];

#[test]
fn each_insecure_flag_permits_its_own_case_and_no_other() {
    for Unsafe { change, arguments, said, lifted_by } in UNSAFE {
        let folder = ready();
        change(folder.path());
        let start = |exceptions: &[&str]| {
            let fixed = ["serve", "--config", "ramgate.toml", "--audit", "torn.jsonl"];
            ramgate(folder.path(), &[&fixed[..], arguments, exceptions].concat())
        };
        could_not_start(&start(&[]), said);
        for exception in EXCEPTIONS {
            let said = if *lifted_by == Some(exception) { TORN } else { said };
            could_not_start(&start(&[exception]), said);
        }
        if let Some(lifted_by) = lifted_by {
            let refused = start(&[]).stderr;
            let has_remedy = refused.contains(lifted_by) || refused.contains("run `chmod 600` on it");
            assert!(has_remedy, "no remedy: {refused}");
            let others: Vec<_> = EXCEPTIONS.into_iter().filter(|exception| exception != lifted_by).collect();
            could_not_start(&start(&others), said);
        }
    }
}

#[test]
fn these_tests_know_every_insecure_flag() {
    let help = ramgate(tempdir().unwrap().path(), &["serve", "--help"]).stdout;
    let known: Vec<_> = help.split_whitespace().filter(|word| word.starts_with("--insecure-")).collect();
    assert_eq!(known, EXCEPTIONS);
}

#[test]
fn the_demos_keys_stay_on_loopback_despite_every_flag() {
    let folder = ready();
    for more in [&[][..], &EXCEPTIONS, &["--policies", "policies"], &["--upstream", "simulator"]] {
        for address in ["0.0.0.0:0", "[::]:0"] {
            let ran = ramgate(folder.path(), &[&["serve", "--listen", address], more].concat());
            could_not_start(&ran, "is not loopback, and the demo's keys are public");
        }
    }
    let ran = ramgate(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--policies", "policies"]);
    could_not_start(&ran, "the demo's keys belong to principals that are not in the policy directory");
}

#[test]
fn a_server_starts_with_the_flag_that_permits_its_listener() {
    let folder = ready();
    let listen = ["serve", "--config", "ramgate.toml", "--listen", "0.0.0.0:0", "--insecure-plain-listener"];
    let server = Server::start(&mut program(folder.path(), &listen), "attempts are written to");
    assert!(server.stdout().contains("listening on http://0.0.0.0:"), "{}", server.stdout());
}

/// A change of the files of `[tls]`, and the error. (A listener with TLS needs no flag to listen on all addresses.)
#[test]
fn a_certificate_that_cannot_be_used_prevents_the_start() {
    type Change = fn(&Path);
    let bad: [(Change, &str); 8] = [
        (|_| {}, TORN),
        (|folder| fs::remove_file(folder.join("tls.pem")).unwrap(), "`tls.pem` cannot be read"),
        (|folder| fs::remove_file(folder.join("tls.key")).unwrap(), "`tls.key` cannot be read"),
        (
            |folder| fs::write(folder.join("tls.pem"), "hello").unwrap(),
            "the certificate file contains no PEM certificate",
        ),
        (|folder| fs::write(folder.join("tls.key"), SECRET).unwrap(), "the key file contains no PEM private key"),
        (
            |folder| fs::write(folder.join("tls.key"), rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap(),
            "the certificate and the key cannot be used",
        ),
        (|folder| add(folder, "client_ca = \"absent.pem\"\n"), "`absent.pem` cannot be read"),
        (
            |folder| {
                let client = "[[tls.principal]]\nsubject = \"CN=x\"\nprincipal = \"role/unknown\"\n";
                add(folder, &format!("client_ca = \"tls.pem\"\n{client}"));
            },
            "the principal of the certificate `CN=x` is unknown",
        ),
    ];
    for (change, said) in bad {
        let folder = ready();
        with_tls(folder.path());
        change(folder.path());
        let serve = ["serve", "--config", "ramgate.toml", "--audit", "torn.jsonl", "--listen", "0.0.0.0:0"];
        could_not_start(&ramgate(folder.path(), &serve), said);
    }
}

#[test]
fn a_log_that_cannot_be_continued_prevents_the_start() {
    let folder = ready();
    fs::create_dir(folder.path().join("a-folder")).unwrap();
    fs::write(folder.path().join("text"), "hello\n").unwrap();
    for (path, said) in [
        ("torn.jsonl", "does not end in a line of an audit log"),
        ("text", "does not end in a line of an audit log"),
        ("a-folder", "cannot be opened"),
        ("absent/audit.jsonl", "cannot be opened"),
    ] {
        let ran = ramgate(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--audit", path]);
        could_not_start(&ran, &format!("the audit log `{path}` {said}"));
    }
    assert_eq!(fs::read_to_string(folder.path().join("torn.jsonl")).unwrap(), TORN_TEXT, "the torn log was changed");

    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let first = Server::start(&mut program(folder.path(), &serve), "Ctrl-C stops");
    let second = ramgate(folder.path(), &serve);
    could_not_start(&second, "the audit log `audit.jsonl` is being written by another process");
    drop(first);
    Server::start(&mut program(folder.path(), &serve), "Ctrl-C stops");
}

#[test]
fn a_port_in_use_prevents_the_start() {
    let folder = tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for name in ["serve", "ecs"] {
        let ran = ramgate(folder.path(), &[name, "--listen", &address]);
        could_not_start(&ran, &format!("`{address}`"));
    }
}

#[test]
fn flags_override_the_environment_which_overrides_the_file() {
    let folder = ready();
    let serve = |flags: &[&str], listen: Option<&str>| {
        let fixed = ["serve", "--config", "ramgate.toml", "--audit", "torn.jsonl"];
        let mut command = program(folder.path(), &[&fixed[..], flags].concat());
        finish(command.envs(listen.map(|listen| ("RAMGATE_LISTEN", listen))), "")
    };
    could_not_start(&serve(&[], None), TORN);
    could_not_start(&serve(&[], Some("0.0.0.0:1")), "`0.0.0.0:1` is not loopback");
    could_not_start(&serve(&["--listen", "0.0.0.0:2"], Some("0.0.0.0:1")), "`0.0.0.0:2` is not loopback");
    could_not_start(&serve(&["--listen", "127.0.0.1:0"], Some("0.0.0.0:1")), TORN);
}

/// Asserts status 2, an empty standard output, the reason, and a remedy.
fn could_not_start(ran: &Ran, said: &str) {
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{said}: {ran:?}");
    assert!(ran.stderr.contains(said), "no `{said}`: {}", ran.stderr);
    assert!(ran.stderr.contains("help: "), "{}", ran.stderr);
    assert!(!ran.stderr.contains(SECRET), "{}", ran.stderr);
}

/// A folder that a gateway can start in, and a torn log that prevents a start if `--audit` names it.
fn ready() -> TempDir {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    let files = [
        ("ramgate.toml", CONFIGURATION),
        ("policies/account.toml", "account = \"1234567890123456\"\n[users.carol]\npolicies = [\"all\"]\n"),
        (
            "policies/all.json",
            "{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}",
        ),
        (
            "keyring.toml",
            "[[access_key]]\nid = \"LTAI5tCarol000000000\"\nsecret_file = \"carol.secret\"\nprincipal = \"user/carol\"\n",
        ),
        ("carol.secret", SECRET),
        ("gateway.secret", SECRET),
        ("torn.jsonl", TORN_TEXT),
    ];
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
        close_to_others(&folder.path().join(name));
    }
    folder
}

const TORN_TEXT: &str = "{\"seq\":1,\"prev\":\"00\n";

const CONFIGURATION: &str = r#"
listen = "127.0.0.1:0"

[upstream]
url = "https://ecs.{region}.aliyuncs.com"
regions = ["cn-hangzhou"]
access_key_id = "LTAI5tGateway0000000"
secret_file = "gateway.secret"

"#;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
            close_to_others(&to);
        }
    }
}

/// Adds a self-signed certificate and a configuration that names it.
fn with_tls(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.join("tls.pem"), made.cert.pem()).unwrap();
    fs::write(folder.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    close_to_others(&folder.join("tls.key"));
    add(folder, "[tls]\ncertificate = \"tls.pem\"\nkey = \"tls.key\"\n");
}

/// Appends to the configuration.
fn add(folder: &Path, text: &str) {
    let path = folder.join("ramgate.toml");
    fs::write(&path, fs::read_to_string(&path).unwrap() + text).unwrap();
}

fn open_to_others(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
}
