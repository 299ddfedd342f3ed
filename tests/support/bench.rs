//! A gateway in front of a recording upstream, and checks of a single request.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Answer, ENI, FakeUpstream, INSTANCE, Setup, TestGateway};

pub struct Bench {
    pub upstream: FakeUpstream,
    pub gateway: TestGateway,
}

/// The expected refusal of a request.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    pub status: u16,
    pub code: &'static str,
    /// The kind of refusal, as the audit event names it.
    pub refusal: &'static str,
    /// Part of the reason in the audit event, so that a refusal for the wrong reason fails the test.
    pub because: &'static str,
    pub closes: bool,
    pub xml: bool,
}

impl Refused {
    pub fn with(status: u16, code: &'static str, refusal: &'static str, because: &'static str) -> Self {
        Self { status, code, refusal, because, closes: false, xml: false }
    }

    /// The request has two readings, which is detected after it was read completely.
    pub fn two_readings(because: &'static str) -> Self {
        Self::with(400, "InvalidParameter", "two-readings", because)
    }

    /// The head or the body has two readings. The connection closes, because the bytes that follow cannot be trusted.
    pub fn framing(because: &'static str) -> Self {
        Self::two_readings(because).closing()
    }

    pub fn closing(self) -> Self {
        Self { closes: true, ..self }
    }

    pub fn in_xml(self) -> Self {
        Self { xml: true, ..self }
    }
}

impl Bench {
    pub fn new() -> Self {
        Self::with(Setup::default())
    }

    pub fn with(setup: Setup) -> Self {
        let upstream = FakeUpstream::start();
        let gateway = TestGateway::start(Setup { upstream: Some(upstream.url()), ..setup });
        Self { upstream, gateway }
    }

    /// Checks that the request is refused and logged as expected, and not forwarded.
    #[track_caller]
    pub fn refuses(&self, label: &str, request: &[u8], expected: Refused) -> Answer {
        let before = (self.upstream.requests().len(), self.gateway.events().len());
        let answer = self.gateway.exchange(request);
        let events = self.gateway.events();
        assert_eq!(self.upstream.requests().len(), before.0, "{label}: it was forwarded");
        assert_eq!(events.len(), before.1 + 1, "{label}: one log line per refused attempt");
        self.check_refusal(label, &answer, events.last().unwrap(), expected);
        answer
    }

    #[track_caller]
    pub fn check_refusal(&self, label: &str, answer: &Answer, event: &Value, expected: Refused) {
        let gateway = &event["additionalEventData"]["gateway"];
        assert_eq!((answer.status, answer.code().as_str()), (expected.status, expected.code), "{label}: {answer:?}");
        assert_eq!(gateway["refusal"], expected.refusal, "{label}: {event}");
        let reason = gateway["reason"].as_str().unwrap_or_default();
        assert!(reason.contains(expected.because), "{label}: `{reason}` instead of `{}`", expected.because);
        let logged = (&event["errorCode"], &gateway["httpStatus"], &event["eventId"]);
        let answered = (&answer.code().into(), &answer.status.into(), &answer.field("RequestId").into());
        assert_eq!(logged, answered, "{label}: the log and the answer agree");
        assert!(!answer.message().is_empty(), "{label}: {answer:?}");
        assert_eq!(answer.header("x-acs-request-id"), Some(answer.field("RequestId").as_str()), "{label}");
        let form = if expected.xml { "text/xml;charset=utf-8" } else { "application/json;charset=utf-8" };
        assert_eq!(answer.header("content-type"), Some(form), "{label}: {answer:?}");
        assert_eq!(answer.closed, expected.closes, "{label}: whether the connection closes");
    }

    /// Checks that the request is forwarded once, with exactly these parameters, and that these were judged.
    #[track_caller]
    pub fn forwards(&self, label: &str, request: &[u8], expected: &[(&str, &str)]) -> Value {
        let before = self.upstream.requests().len();
        let answer = self.gateway.exchange(request);
        assert_eq!(answer.status, 200, "{label}: {answer:?} {:?}", self.gateway.last_event());
        let requests = self.upstream.requests();
        assert_eq!(requests.len(), before + 1, "{label}: a call is forwarded exactly once");
        let forwarded = forwarded(requests.last().unwrap());
        let expected: BTreeMap<_, _> = expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(forwarded, expected, "{label}");
        let events = self.gateway.events();
        let decision = events[events.len() - 2].clone();
        assert_eq!(judged(&decision), without_format(&forwarded), "{label}: the judged parameters are those sent");
        decision
    }

    /// Checks that the request is forwarded as the demo's attach.
    #[track_caller]
    pub fn forwards_attach(&self, label: &str, request: &[u8]) -> Value {
        self.forwards(label, request, &ATTACH)
    }
}

/// The parameters of the demo's attach, as they are forwarded.
pub const ATTACH: [(&str, &str); 4] =
    [("Format", "JSON"), ("InstanceId", INSTANCE), ("NetworkInterfaceId", ENI), ("RegionId", "cn-hangzhou")];

/// The parameters in the target of a forwarded head, decoded.
pub fn forwarded(head: &str) -> BTreeMap<String, String> {
    let target = head.strip_prefix("POST /?").and_then(|rest| rest.split(' ').next()).expect("a rebuilt target");
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let pieces: Vec<_> = target.split('&').map(|piece| piece.split_once('=').unwrap()).collect();
    let map: BTreeMap<_, _> = pieces.iter().map(|(name, value)| (decode(name), decode(value))).collect();
    assert_eq!(map.len(), pieces.len(), "each name is forwarded once: {target}");
    map
}

/// The parameters of a decision event, except those listed in `leftOut`.
pub fn judged(event: &Value) -> BTreeMap<String, String> {
    let left_out = event["additionalEventData"]["gateway"]["leftOut"].as_array().cloned().unwrap_or_default();
    let parameters = event["requestParameters"].as_object().expect("parameters").iter();
    let kept = parameters.filter(|(name, _)| !left_out.iter().any(|other| other == name.as_str()));
    kept.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

/// The parameters without `Format`, which is forwarded but not judged.
pub fn without_format(parameters: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut rest = parameters.clone();
    rest.remove("Format");
    rest
}
