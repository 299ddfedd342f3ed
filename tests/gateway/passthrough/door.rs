//! A gateway that passes calls on, in front of a recording upstream.

use ramgate::config::Signing;

use crate::support::{Bench, Caller, Setup};

/// The host names that a caller may sign.
pub(crate) const LISTED: [&str; 2] = ["ecs.cn-hangzhou.aliyuncs.com", "ecs.gateway.test"];

/// Keys that are known by their ids alone.
const KEYS: &str = r#"
    [[access_key]]
    id = "LTAI5tTestClaimed000"
    principal = "role/terway"

    [[access_key]]
    id = "LTAI5tTestClaimed002"
    principal = "role/terway"

    [[access_key]]
    id = "LTAI5tTestClaimedBob"
    principal = "user/bob"

    [[access_key]]
    id = "LTAI5tTestClaimedOff"
    principal = "role/terway"
    status = "inactive"
"#;

pub(crate) fn setup() -> Setup {
    let mut setup = Setup { keyring: KEYS.to_owned(), ..Setup::default() };
    setup.settings.upstream.signing = Signing::PassThrough;
    setup.settings.hosts = LISTED.map(str::to_owned).to_vec();
    setup
}

pub(crate) fn bench() -> Bench {
    Bench::with(setup())
}

/// The demo's role, whose secret the gateway knows, with a listed host name.
pub(crate) fn terway() -> Caller {
    listed(Caller::terway())
}

/// A caller with a key of the role that the gateway knows only by its id.
pub(crate) fn claimed() -> Caller {
    listed(Caller::new("LTAI5tTestClaimed000", "a secret that ECS knows"))
}

/// Like [`claimed`], for the demo's user without policies.
pub(crate) fn claimed_bob() -> Caller {
    listed(Caller::new("LTAI5tTestClaimedBob", "another secret that ECS knows"))
}

pub(crate) fn listed(mut caller: Caller) -> Caller {
    LISTED[0].clone_into(&mut caller.host);
    caller
}
