//! Between the gateway and ECS: redirects, and what changes between two calls.

use std::sync::Arc;
use std::time::Duration;

use ramgate::identity::KeyRing;
use ramgate::simulator::{Simulator, SimulatorSettings, World, run};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::support::caller::attach_parameters;
use crate::support::upstream::{Behaviour, FakeUpstream, json};
use crate::support::{Answer, Bench, Caller, ENI, Refused, Setup, TestGateway, V1, exchange};

#[test]
fn row_39_a_redirect_is_not_followed() {
    let elsewhere = FakeUpstream::start();
    for status in [301, 302, 303, 307, 308, 304] {
        let location = format!("Location: {}/?followed\r\n", elsewhere.url());
        let upstream = FakeUpstream::behaving(Behaviour::Answer(json(status, "", &location)));
        let gateway = TestGateway::start(Setup { upstream: Some(upstream.url()), ..Setup::default() });
        let answer = gateway.exchange(&V1::attach().bytes());
        assert_eq!((answer.status, answer.code().as_str()), (503, "ServiceUnavailable"), "{status}: {answer:?}");
        assert_eq!(answer.header("location"), None, "{status}");
        assert!(!answer.body.contains("followed") && !answer.field("RequestId").is_empty(), "{status}: {answer:?}");
        assert_eq!(upstream.requests().len(), 1, "{status}: an attach is sent once");
        let outcome = gateway.last_event();
        assert_eq!(outcome["additionalEventData"]["gateway"]["upstream"]["status"], 503, "{outcome}");
        let reason = outcome["additionalEventData"]["gateway"]["reason"].as_str().unwrap();
        assert!(reason.contains("not passed on") && reason.contains(&status.to_string()), "{reason}");
    }
    assert_eq!(elsewhere.requests(), [""; 0]);
}

/// The race between the check and the attach is inherent. What can be had: nothing about a resource is remembered,
/// so what changed between two identical calls is told by ECS itself, and its answer goes back unchanged.
#[test]
fn row_40_nothing_about_resources_is_remembered_between_two_calls() {
    let ecs = Ecs::start();
    let gateway = TestGateway::start(Setup { upstream: Some(ecs.url.clone()), ..Setup::default() });
    let call = || gateway.exchange(&V1::attach().bytes());

    assert_eq!(call().status, 200);
    ecs.settle();
    // Somebody else attaches it elsewhere, past the gateway.
    assert_eq!(ecs.operate("DetachNetworkInterface", &attach_parameters()).status, 200);
    ecs.settle();
    let other = [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", ENI), ("InstanceId", "i-bp1demoworker00000002")];
    assert_eq!(ecs.operate("AttachNetworkInterface", &other).status, 200);
    ecs.settle();
    check_same(&call(), &ecs.operate("AttachNetworkInterface", &attach_parameters()), 400, &gateway);

    // Somebody else deletes it.
    assert_eq!(ecs.operate("DetachNetworkInterface", &other).status, 200);
    ecs.settle();
    assert_eq!(ecs.operate("DeleteNetworkInterface", &other[..2]).status, 200);
    check_same(&call(), &ecs.operate("AttachNetworkInterface", &attach_parameters()), 404, &gateway);
}

/// What is refused is refused without a look at ECS: existence is not to be learned by those who may not.
#[test]
fn row_40_a_refusal_does_not_tell_what_exists() {
    let bench = Bench::new();
    let denied = Refused::with(403, "Forbidden.SubUser", "implicit-deny", "");
    for eni in [ENI, "eni-bp1demonosuch0000001"] {
        let pair = [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", eni), ("InstanceId", "i-nosuch")];
        bench.refuses(eni, &V1::from(&Caller::bob(), &pair).bytes(), denied);
    }
}

#[track_caller]
fn check_same(through: &Answer, direct: &Answer, status: u16, gateway: &TestGateway) {
    assert_eq!((through.status, direct.status), (status, status), "{through:?} {direct:?}");
    assert_eq!((through.code(), through.message()), (direct.code(), direct.message()));
    assert_eq!(through.header("content-type"), direct.header("content-type"));
    let outcome = gateway.last_event();
    assert_eq!(outcome["requestId"], through.field("RequestId"), "the request id is the upstream's own");
    assert_eq!(outcome["errorCode"], through.code());
    assert_eq!(outcome["additionalEventData"]["gateway"]["stage"], "Outcome");
}

/// An embedded ECS that the test reaches past the gateway.
struct Ecs {
    url: String,
    address: std::net::SocketAddr,
    operator: Caller,
    /// Dropped last, and the ECS with it.
    _runtime: Runtime,
}

const DELAY: Duration = Duration::from_millis(20);

impl Ecs {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        // The key that the gateways of this harness sign with.
        let gateway = Caller::new("LTAI5tGatewayItself0", "the gateway's own secret");
        let operator = Caller::new("LTAI5tOperator000000", "the operator's secret");
        let keys = KeyRing::new([gateway.credential(), operator.credential()]);
        let settings = SimulatorSettings { attach_delay: DELAY, ..SimulatorSettings::default() };
        let simulator = Arc::new(Simulator::new(World::demo(), keys, settings));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(run(listener, simulator, CancellationToken::new()));
        Self { url: format!("http://{address}"), address, operator, _runtime: runtime }
    }

    fn operate(&self, action: &str, business: &[(&str, &str)]) -> Answer {
        exchange(self.address, &V1::from(&self.operator.clone().calling(action), business).bytes())
    }

    /// Waits until what was begun is done.
    fn settle(&self) {
        let enis = [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId.1", ENI)];
        for _ in 0..200 {
            let answer = self.operate("DescribeNetworkInterfaces", &enis).body;
            if answer.contains("\"InUse\"") || answer.contains("\"Available\"") {
                return;
            }
            std::thread::sleep(DELAY);
        }
        panic!("the ENI did not come to rest");
    }
}
