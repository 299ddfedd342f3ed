//! Between the gateway and ECS: redirects, and changes between two calls.

use std::net::SocketAddr;
use std::sync::Arc;

use ram_policy::Source;
use ramgate::identity::KeyRing;
use ramgate::simulator::{Simulator, SimulatorSettings, World, run};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
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

/// The race between the check and the attach is inherent. But the gateway remembers nothing about a resource, so ECS
/// itself reports changes between two identical calls, and its answer is returned unchanged.
#[test]
fn row_40_nothing_about_resources_is_remembered_between_two_calls() {
    let mut ecs = Ecs::start(&demo_world(""));
    let gateway = TestGateway::start(Setup { upstream: Some(ecs.url()), ..Setup::default() });
    assert_eq!(gateway.exchange(&V1::attach().bytes()).status, 200);
    for (line, status) in [("", 404), ("instance = \"i-bp1demoworker00000002\"", 400)] {
        // Another client deleted the ENI, or attached it elsewhere, without the gateway.
        ecs = ecs.replaced_by(&if line.is_empty() { demo_world_without(ENI) } else { demo_world(line) });
        let through = gateway.exchange(&V1::attach().bytes());
        let direct = exchange(ecs.address, &V1::from(&operator(), &attach_parameters()).bytes());
        check_same(&through, &direct, status, &gateway);
    }
}

/// A denied call is refused without asking ECS, so that its caller cannot learn which resources exist.
#[test]
fn row_40_a_refusal_does_not_reveal_which_resources_exist() {
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

/// The demo's world, with one more line in the table of the demo's ENI.
fn demo_world(line: &str) -> String {
    DEMO_WORLD.replace(&format!("id = \"{ENI}\""), &format!("id = \"{ENI}\"\n{line}"))
}

fn demo_world_without(eni: &str) -> String {
    DEMO_WORLD.replace(eni, "eni-bp1demosomethingelse")
}

const DEMO_WORLD: &str = include_str!("../../../demo/world.toml");

/// A caller with a key that ECS accepts, who does not need the gateway.
fn operator() -> Caller {
    Caller::new("LTAI5tOperator000000", "the operator's secret")
}

/// An embedded ECS that the test can call directly, and whose world it can replace.
struct Ecs {
    address: SocketAddr,
    shutdown: CancellationToken,
    served: JoinHandle<()>,
    runtime: Runtime,
}

impl Ecs {
    fn start(world: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self::serve(runtime, SocketAddr::from(([127, 0, 0, 1], 0)), world)
    }

    /// Starts again at the same address, with another world.
    fn replaced_by(self, world: &str) -> Self {
        self.shutdown.cancel();
        self.runtime.block_on(self.served).unwrap();
        Self::serve(self.runtime, self.address, world)
    }

    fn serve(runtime: Runtime, address: SocketAddr, world: &str) -> Self {
        // The key that the gateways of this harness sign with.
        let gateway = Caller::new("LTAI5tGatewayItself0", "the gateway's own secret");
        let keys = KeyRing::new([gateway.credential(), operator().credential()]);
        let world = World::read(&Source::new("world.toml", world)).unwrap();
        let simulator = Arc::new(Simulator::new(world, keys, SimulatorSettings::default()));
        let listener = runtime.block_on(TcpListener::bind(address)).unwrap();
        let (address, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
        let served = runtime.spawn(run(listener, simulator, shutdown.clone()));
        Self { address, shutdown, served, runtime }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
