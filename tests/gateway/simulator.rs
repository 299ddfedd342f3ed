//! The embedded ECS, called over real sockets with signed requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ram_policy::{Principal, Source};
use ramgate::identity::{
    Credential, KeyRing, KeyStatus, Secret, UnsignedV3, canonical_query, format_timestamp, sign_v1, sign_v3,
};
use ramgate::ram::{Parameters, ParametersBuilder, Place};
use ramgate::simulator::{Simulator, SimulatorSettings, World, run};
use ramgate::testing::wire::{Method, percent_encoded};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

const POD: &str = "eni-bp1demopod0000000001";
const WORKER: &str = "i-bp1demoworker00000001";
const OTHER: &str = "i-bp1demoworker00000002";

fn credential(id: &str, secret: &str) -> Credential {
    let principal = Principal::new("1234567890123456".parse().unwrap(), "user/a".parse().unwrap());
    Credential::new(id.parse().unwrap(), &Secret::new(secret), principal, KeyStatus::Active)
}

struct Ecs {
    address: SocketAddr,
    shutdown: CancellationToken,
    served: tokio::task::JoinHandle<()>,
    nonce: AtomicU64,
    credential: Credential,
}

struct Got {
    status: u16,
    head: String,
    body: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn code(&self) -> (u16, String) {
        let value = self.json();
        for name in ["Code", "Message", "RequestId"] {
            assert!(value[name].is_string(), "{name}: {value}");
        }
        (self.status, value["Code"].as_str().unwrap().to_owned())
    }
}

fn query(parameters: &[(&str, &str)]) -> Parameters {
    let mut builder = ParametersBuilder::default();
    if !parameters.iter().any(|(name, _)| *name == "RegionId") {
        builder.push("RegionId", "cn-hangzhou", Place::Query);
    }
    for (name, value) in parameters {
        builder.push(name, value, Place::Query);
    }
    builder.finish().unwrap()
}

fn encoded(parameters: &Parameters) -> String {
    let pairs = parameters.iter().map(|given| format!("{}={}", given.name, percent_encoded(given.value)));
    pairs.collect::<Vec<_>>().join("&")
}

impl Ecs {
    async fn start(attach_delay: Duration) -> Self {
        Self::of(World::demo(), SimulatorSettings { attach_delay, ..SimulatorSettings::default() }).await
    }

    async fn of(world: World, settings: SimulatorSettings) -> Self {
        let credential = credential("testid", "testsecret");
        let simulator = Simulator::new(world, KeyRing::new([credential.clone()]), settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(run(listener, Arc::new(simulator), shutdown.clone()));
        Self { address, shutdown, served, nonce: AtomicU64::new(0), credential }
    }

    fn request(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        self.request_as(&self.credential, action, parameters, jiff::Timestamp::now())
    }

    fn request_as(
        &self,
        credential: &Credential,
        action: &str,
        parameters: &[(&str, &str)],
        now: jiff::Timestamp,
    ) -> String {
        let (host, query) = (self.address.to_string(), query(parameters));
        let nonce = self.nonce.fetch_add(1, Ordering::Relaxed).to_string();
        let call = UnsignedV3 {
            method: Method::Post,
            host: &host,
            action,
            version: "2014-05-26",
            timestamp: &format_timestamp(now),
            nonce: &nonce,
            query: &canonical_query(query.iter()),
        };
        let lines: String =
            sign_v3(&call, credential).iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("POST /?{} HTTP/1.1\r\n{lines}content-length: 0\r\nconnection: close\r\n\r\n", encoded(&query))
    }

    async fn send(&self, request: &str) -> Got {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Got { status: head[9..12].parse().unwrap(), head: head.to_lowercase(), body: body.to_owned() }
    }

    async fn call(&self, action: &str, parameters: &[(&str, &str)]) -> Got {
        self.send(&self.request(action, parameters)).await
    }

    async fn pair(&self, action: &str, eni: &str, instance: &str) -> Got {
        self.call(action, &[("NetworkInterfaceId", eni), ("InstanceId", instance)]).await
    }

    async fn eni(&self, id: &str) -> Value {
        let got = self.call("DescribeNetworkInterfaces", &[("NetworkInterfaceId.1", id)]).await;
        assert_eq!(got.status, 200, "{}", got.body);
        got.json()["NetworkInterfaceSets"]["NetworkInterfaceSet"][0].take()
    }

    /// Polls, as a client does, until the ENI has that status.
    async fn becomes(&self, id: &str, status: &str) -> Value {
        for _ in 0..100 {
            let eni = self.eni(id).await;
            if eni["Status"] == status {
                return eni;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("`{id}` never became `{status}`");
    }
}

#[tokio::test]
async fn the_life_cycle_of_an_eni() {
    let ecs = Ecs::start(Duration::from_millis(400)).await;
    assert_eq!(ecs.eni(POD).await["Status"], "Available");

    let attached = ecs.pair("AttachNetworkInterface", POD, WORKER).await;
    assert_eq!(attached.status, 200, "{}", attached.body);
    let request_id = attached.json()["RequestId"].as_str().unwrap().to_owned();
    assert!(attached.head.contains(&format!("x-acs-request-id: {}", request_id.to_lowercase())), "{}", attached.head);
    assert!(attached.head.contains("content-type: application/json;charset=utf-8"), "{}", attached.head);

    let eni = ecs.eni(POD).await;
    assert_eq!((eni["Status"].as_str(), eni["InstanceId"].as_str()), (Some("Attaching"), Some(WORKER)));
    assert_eq!(ecs.pair("AttachNetworkInterface", POD, WORKER).await.status, 200);
    let refused = ecs.pair("AttachNetworkInterface", POD, OTHER).await;
    assert_eq!(refused.code(), (400, "InvalidOperation.InvalidEniState".to_owned()));

    let eni = ecs.becomes(POD, "InUse").await;
    assert_eq!(ecs.pair("AttachNetworkInterface", POD, WORKER).await.status, 200);
    assert_eq!(ecs.eni(POD).await, eni, "a repeat changes nothing");
    let refused = ecs.pair("AttachNetworkInterface", POD, OTHER).await;
    let expected = "The operation is not allowed in the current ENI state. \
                    Expecting status is \"Available\" while current status is \"InUse\".";
    assert_eq!(refused.json()["Message"], expected);
    let instances = ecs.call("DescribeInstances", &[("InstanceIds", &format!("[\"{WORKER}\"]"))]).await.json();
    let enis = instances["Instances"]["Instance"][0]["NetworkInterfaces"]["NetworkInterface"].as_array().unwrap();
    assert_eq!((instances["TotalCount"].as_u64(), enis.len()), (Some(1), 2));

    let refused = ecs.call("DeleteNetworkInterface", &[("NetworkInterfaceId", POD)]).await;
    assert_eq!(refused.code(), (400, "InvalidOperation.InvalidEniState".to_owned()));
    let refused = ecs.pair("DetachNetworkInterface", POD, OTHER).await;
    assert_eq!(refused.code(), (400, "InvalidOperation.InvalidEniState".to_owned()));
    assert_eq!(ecs.pair("DetachNetworkInterface", POD, WORKER).await.status, 200);
    assert_eq!(ecs.eni(POD).await["Status"], "Detaching");
    assert_eq!(ecs.becomes(POD, "Available").await["InstanceId"], "");

    assert_eq!(ecs.call("DeleteNetworkInterface", &[("NetworkInterfaceId", POD)]).await.status, 200);
    for action in ["DeleteNetworkInterface", "DescribeNetworkInterfaceAttribute"] {
        let gone = ecs.call(action, &[("NetworkInterfaceId", POD)]).await;
        assert_eq!(gone.code(), (404, "InvalidEniId.NotFound".to_owned()));
    }
}

#[tokio::test]
async fn invalid_calls_get_the_documented_errors() {
    let ecs = Ecs::start(Duration::ZERO).await;
    let cases = [
        ("AttachNetworkInterface", "eni-unknown", WORKER, (404, "InvalidEniId.NotFound")),
        ("AttachNetworkInterface", POD, "i-unknown", (404, "InvalidEcsId.NotFound")),
        ("AttachNetworkInterface", "eni-bp1demoprimary00001", OTHER, (403, "InvalidOperation.InvalidEniType")),
        ("AttachNetworkInterface", "eni-bp1demofarvpc0000001", WORKER, (403, "InvalidEni.NotSameVpc")),
        (
            "AttachNetworkInterface",
            "eni-bp1demofarzone000001",
            WORKER,
            (403, "InvalidOperation.AvailabilityZoneMismatch"),
        ),
        ("AttachNetworkInterface", POD, "I", (400, "InvalidInstanceID.Malformed")),
        ("AttachNetworkInterface", POD, "", (400, "MissingParameter")),
        (
            "DetachNetworkInterface",
            "eni-bp1demoprimary00001",
            WORKER,
            (400, "InvalidOperation.DetachPrimaryEniNotAllowed"),
        ),
        ("DetachNetworkInterface", POD, WORKER, (400, "InvalidOperation.InvalidEniState")),
        ("RunInstances", POD, WORKER, (403, "Forbidden.NotSupportRAM")),
    ];
    for (action, eni, instance, (status, code)) in cases {
        let got = ecs.pair(action, eni, instance).await;
        assert_eq!(got.code(), (status, code.to_owned()), "{action} {eni} {instance}: {}", got.body);
    }
    let elsewhere = [("RegionId", "cn-beijing"), ("NetworkInterfaceId", POD), ("InstanceId", WORKER)];
    let got = ecs.call("AttachNetworkInterface", &elsewhere).await;
    assert_eq!(got.code(), (400, "Forbidden.RegionId".to_owned()));
    let message = ecs.pair("AttachNetworkInterface", "eni-unknown", WORKER).await.json()["Message"].take();
    assert_eq!(message, "The specified EniId \"eni-unknown\" is not found.");
}

#[tokio::test]
async fn an_eni_cannot_be_attached_to_a_starting_instance() {
    let demo = include_str!("../../demo/world.toml");
    let world = demo.replacen("name = \"worker-1\"", "name = \"worker-1\"\nstatus = \"Starting\"", 1);
    let ecs = Ecs::of(World::read(&Source::new("w", world)).unwrap(), SimulatorSettings::default()).await;
    let got = ecs.pair("AttachNetworkInterface", POD, WORKER).await;
    assert_eq!(got.code(), (400, "InvalidOperation.InvalidEcsState".to_owned()));
}

#[tokio::test]
async fn a_caller_must_authenticate() {
    let ecs = Ecs::start(Duration::ZERO).await;
    let (call, now) = (("DescribeNetworkInterfaces", [("PageSize", "1")]), jiff::Timestamp::now());
    let signed_by = |credential: &Credential, now| ecs.request_as(credential, call.0, &call.1, now);

    let wrong = ecs.send(&signed_by(&credential("testid", "wrong"), now)).await;
    assert_eq!(wrong.code(), (400, "SignatureDoesNotMatch".to_owned()));
    let unknown = ecs.send(&signed_by(&credential("unknown", "testsecret"), now)).await;
    assert_eq!(unknown.code(), (400, "InvalidAccessKeyId.NotFound".to_owned()));
    let late = ecs.send(&signed_by(&ecs.credential, now - jiff::SignedDuration::from_mins(16))).await;
    assert_eq!(late.code(), (400, "InvalidTimeStamp.Expired".to_owned()));

    let request = signed_by(&ecs.credential, now);
    assert_eq!(ecs.send(&request).await.status, 200);
    assert_eq!(ecs.send(&request).await.code(), (400, "SignatureNonceUsed".to_owned()));
    let tampered = ecs.request(call.0, &call.1).replace("PageSize=1", "PageSize=2");
    assert_eq!(ecs.send(&tampered).await.code(), (400, "SignatureDoesNotMatch".to_owned()));

    let unsigned = ecs.send("GET /?Action=DescribeInstances HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert_eq!(unsigned.status, 400);
    assert!(unsigned.body.contains("<Code>MissingParameter</Code>"), "{}", unsigned.body);
    let method = ecs.send("PUT / HTTP/1.1\r\nhost: a\r\naccept: application/json\r\nconnection: close\r\n\r\n").await;
    assert_eq!(method.code(), (403, "UnsupportedHTTPMethod".to_owned()));
}

#[tokio::test]
async fn old_clients_sign_their_parameters_and_read_xml() {
    let ecs = Ecs::start(Duration::ZERO).await;
    let now = format_timestamp(jiff::Timestamp::now());
    let common = [
        ("AccessKeyId", "testid"),
        ("Action", "DescribeNetworkInterfaces"),
        ("NetworkInterfaceId.1", POD),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureNonce", "v1"),
        ("SignatureVersion", "1.0"),
        ("Timestamp", &now),
        ("Version", "2014-05-26"),
    ];
    let parameters = query(&common);
    let signature = sign_v1(Method::Post, &parameters, &ecs.credential).signature;
    let form = format!("{}&Signature={}", encoded(&parameters), percent_encoded(&signature));
    let request = format!(
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{form}",
        form.len()
    );
    let got = ecs.send(&request).await;
    assert_eq!(got.status, 200, "{}", got.body);
    assert!(got.head.contains("content-type: text/xml;charset=utf-8\r\n"), "{}", got.head);
    let root = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><DescribeNetworkInterfacesResponse>";
    assert!(got.body.starts_with(root), "{}", got.body);
    assert!(got.body.contains(&format!("<NetworkInterfaceId>{POD}</NetworkInterfaceId>")), "{}", got.body);

    let refused = ecs.call("DeleteNetworkInterface", &[("NetworkInterfaceId", "eni-x"), ("Format", "xml")]).await;
    assert_eq!(refused.status, 404);
    assert!(refused.body.contains("<Error>") && refused.body.contains("<Code>InvalidEniId.NotFound</Code>"));
    let neither = ecs.call("DescribeInstances", &[("Format", "html")]).await;
    assert_eq!(neither.code(), (400, "InvalidParameter.Format".to_owned()));
}

#[tokio::test]
async fn created_enis_are_described_page_by_page() {
    let ecs = Ecs::start(Duration::ZERO).await;
    let vswitch = ("VSwitchId", "vsw-bp1demozoneh0000001");
    let mut made = Vec::new();
    for number in 0..5 {
        let name = format!("new {number}");
        let wanted = [
            vswitch,
            ("NetworkInterfaceName", name.as_str()),
            ("SecurityGroupIds.1", "sg-a"),
            ("Tag.1.Key", "made"),
            ("Tag.1.Value", "here"),
            ("ClientToken", name.as_str()),
        ];
        let eni = ecs.call("CreateNetworkInterface", &wanted).await;
        assert_eq!(eni.status, 200, "{}", eni.body);
        let id = eni.json()["NetworkInterfaceId"].as_str().unwrap().to_owned();
        let again = ecs.call("CreateNetworkInterface", &wanted).await.json();
        assert_eq!(again["NetworkInterfaceId"], id, "the same token gives the same ENI");
        assert_eq!((&again["ZoneId"], &again["Status"]), (&"cn-hangzhou-h".into(), &"Available".into()));
        made.push(id);
    }
    assert_eq!(ecs.pair("AttachNetworkInterface", &made[0], WORKER).await.status, 200);
    assert_eq!(ecs.eni(&made[0]).await["Attachment"]["DeviceIndex"], 1);

    let ids = |page: &Value| -> Vec<String> {
        let enis = page["NetworkInterfaceSets"]["NetworkInterfaceSet"].as_array().unwrap();
        enis.iter().map(|eni| eni["NetworkInterfaceId"].as_str().unwrap().to_owned()).collect()
    };
    let tag = ("Tag.1.Key", "made");
    let mut seen = Vec::new();
    for number in ["1", "2", "3"] {
        let page = ecs.call("DescribeNetworkInterfaces", &[tag, ("PageSize", "2"), ("PageNumber", number)]).await;
        assert_eq!(page.json()["TotalCount"], 5);
        seen.extend(ids(&page.json()));
    }
    assert_eq!(seen, made);
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = [tag, ("MaxResults", "3"), ("NextToken", token.as_str())];
        let page = ecs.call("DescribeNetworkInterfaces", &page).await.json();
        seen.extend(ids(&page));
        token = page["NextToken"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, made);
    let filters = [
        (vec![("Status", "InUse"), tag], 1),
        (vec![("InstanceId", WORKER)], 2),
        (vec![("Type", "Primary")], 3),
        (vec![("VpcId", "vpc-bp1demoother000001")], 1),
        (vec![("VSwitchId", "vsw-bp1demozonei0000001")], 1),
        (vec![("Status", "Available"), ("PageSize", "1000")], 9),
    ];
    for (filter, expected) in filters {
        let got = ecs.call("DescribeNetworkInterfaces", &filter).await.json();
        assert_eq!((got["TotalCount"].as_u64(), ids(&got).len()), (Some(expected), expected as usize), "{filter:?}");
    }

    let refused = [
        (vec![("VSwitchId", "vsw-nowhere")], (404, "InvalidVSwitchId.NotFound")),
        (vec![vswitch, ("PrimaryIpAddress", "10.9.9.9")], (400, "InvalidParameter")),
        (vec![vswitch, ("Ipv6AddressCount", "1")], (400, "UnsupportedParameter")),
    ];
    for (wanted, (status, code)) in refused {
        let got = ecs.call("CreateNetworkInterface", &wanted).await;
        assert_eq!(got.code(), (status, code.to_owned()), "{wanted:?}");
    }
}

#[tokio::test]
async fn the_number_of_enis_in_a_region_is_limited() {
    let ecs = Ecs::of(World::demo(), SimulatorSettings { enis_per_region: 9, ..Default::default() }).await;
    let vswitch = [("VSwitchId", "vsw-bp1demozoneh0000001")];
    assert_eq!(ecs.call("CreateNetworkInterface", &vswitch).await.status, 200);
    let full = ecs.call("CreateNetworkInterface", &vswitch).await;
    assert_eq!(full.code(), (403, "MaxEniCountExceeded".to_owned()));
}

#[tokio::test]
async fn a_body_must_be_a_form_and_not_too_large() {
    let ecs = Ecs::start(Duration::ZERO).await;
    let post = |kind: &str, body: &str| {
        format!(
            "POST / HTTP/1.1\r\nhost: a\r\naccept: application/json\r\ncontent-type: {kind}\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let form = "application/x-www-form-urlencoded";
    let got = ecs.send(&post("application/json", "{}")).await;
    assert_eq!(got.code(), (400, "InvalidParameter".to_owned()));
    let got = ecs.send(&post(form, "A=1&A=2")).await;
    assert_eq!(got.code(), (400, "InvalidParameter".to_owned()));
    let got = ecs.send(&post(form, &format!("A={}", "x".repeat(64 * 1024)))).await;
    assert_eq!(got.code(), (413, "InvalidParameter".to_owned()));
}

#[tokio::test]
async fn a_connection_is_kept_until_the_server_stops() {
    let ecs = Ecs::start(Duration::ZERO).await;
    let mut stream = TcpStream::connect(ecs.address).await.unwrap();
    for _ in 0..3 {
        let request = ecs.request("DescribeNetworkInterfaceAttribute", &[("NetworkInterfaceId", POD)]);
        stream.write_all(request.replace("connection: close\r\n", "").as_bytes()).await.unwrap();
        let mut answer = vec![0; 8192];
        let length = stream.read(&mut answer).await.unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200 OK\r\n"));
    }
    ecs.shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(3), ecs.served).await.unwrap().unwrap();
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0);
    assert!(TcpStream::connect(ecs.address).await.is_err());
}
