//! Shared by black-box tests: a gateway on port 0, callers that sign, a scripted upstream.
#![allow(dead_code, unreachable_pub, unused_imports, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot continue should panic")]

pub mod bench;
pub mod caller;
pub mod crafted;
pub mod envelope;
pub mod gateway;
pub mod house;
pub mod log;
pub mod metadata;
pub mod parts;
pub mod policies;
pub mod program;
pub mod refusals;
pub mod schema;
pub mod sink;
pub mod tls;
pub mod upstream;
pub mod wire;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ram_policy::Source;
use ramgate::store::{PolicyFiles, demo_policies};
use ramgate::testing::wire::TrustedProxies;

pub use bench::{Bench, Refused};
pub use caller::{Caller, Shape};
pub use crafted::{V1, V3};
pub use gateway::{Setup, TestGateway};
pub use program::{Ran, Server, program, ramgate};
pub use upstream::FakeUpstream;
pub use wire::{Answer, ask, ask_many, exchange, read_answers, send_raw};

/// The ENI that the demo attaches to [`INSTANCE`].
pub const ENI: &str = "eni-bp1demopod0000000001";
pub const INSTANCE: &str = "i-bp1demoworker00000001";
pub const PROD_INSTANCE: &str = "i-bp1demoprod000000001";
pub const ACCOUNT: &str = "1234567890123456";

/// The demo's policies with another account file and other documents.
pub fn policies(account: &str, documents: &[(&str, &str)]) -> PolicyFiles {
    let mut files = demo_policies();
    files.accounts = vec![(PathBuf::from("account.toml"), Source::new("account.toml", account))];
    let document = |(name, text): &(&str, &str)| (PathBuf::from(format!("{name}.json")), Source::new(*name, *text));
    files.documents = documents.iter().map(document).collect();
    files
}

pub fn trusted(ranges: &[&str]) -> TrustedProxies {
    TrustedProxies::new(ranges.iter().map(|range| range.parse().unwrap()))
}

/// Waits until a condition holds. Panics after 30 seconds.
pub fn wait_for(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "timed out waiting: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
