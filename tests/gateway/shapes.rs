//! Requests in every shape that real clients use (`docs/spec/wire-protocol.md` 1.3).

use crate::support::caller::SHAPES;
use crate::support::{Caller, ENI, FakeUpstream, INSTANCE, PROD_INSTANCE, TestGateway};

#[test]
fn every_shape_reaches_the_embedded_ecs_and_attaches() {
    let gateway = TestGateway::demo();
    for shape in SHAPES {
        let answer = gateway.exchange(&Caller::terway().attach(shape));
        assert_eq!(answer.status, 200, "{shape:?}: {answer:?}");
        let events = gateway.events();
        let [decision, outcome] = &events[events.len() - 2..] else { panic!() };
        let stage = |event: &serde_json::Value| event["additionalEventData"]["gateway"]["stage"].clone();
        assert_eq!((stage(decision), stage(outcome)), ("Decision".into(), "Outcome".into()), "{shape:?}");
        assert_eq!(outcome["requestId"], answer.field("RequestId"), "{shape:?}");
        assert_eq!(answer.header("x-acs-request-id"), Some(answer.field("RequestId").as_str()), "{shape:?}");
    }
}

#[test]
fn every_shape_is_denied() {
    let upstream = FakeUpstream::start();
    let gateway = TestGateway::before(&upstream.url());
    for shape in SHAPES {
        let request = [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", ENI), ("InstanceId", PROD_INSTANCE)];
        let answer = gateway.exchange(&Caller::alice().request(shape, &request));
        assert_eq!((answer.status, answer.code().as_str()), (403, "Forbidden.SubUser"), "{shape:?}");
    }
    assert_eq!(upstream.requests(), [""; 0], "no denied call is forwarded");
}

#[test]
fn every_shape_is_forwarded_as_the_same_call() {
    let upstream = FakeUpstream::start();
    let gateway = TestGateway::before(&upstream.url());
    for shape in SHAPES {
        assert_eq!(gateway.exchange(&Caller::terway().attach(shape)).status, 200, "{shape:?}");
    }
    let target =
        format!("POST /?Format=JSON&InstanceId={INSTANCE}&NetworkInterfaceId={ENI}&RegionId=cn-hangzhou HTTP/1.1");
    for request in upstream.requests() {
        assert_eq!(request.lines().next(), Some(target.as_str()));
    }
    assert_eq!(upstream.requests().len(), SHAPES.len());
}
