//! An attempt as one line of text, as JSON, and as a row of CSV.

use serde_json::{Map, Value, json};

use crate::audit::read::{
    Attempt, Condition, CountedAttempts, Decision, Event, Gateway, Located, MatchedStatement, Stage, Verdict,
};
use crate::cli::plain::plain;

pub(super) const COLUMNS: [&str; 19] = [
    "time",
    "verdict",
    "principal",
    "session",
    "operation",
    "region",
    "eni",
    "instance",
    "source",
    "user_agent",
    "statements",
    "status",
    "code",
    "message",
    "reason",
    "event_id",
    "request_id",
    "file",
    "line",
];

/// The caller: `user/alice`, `role/terway:node-7`, or `unknown` with the name or key that the call claimed.
pub(super) fn who(event: &Event) -> String {
    let user = &event.user;
    let Some(arn) = user.arn() else {
        return match (user.kind.as_deref(), user.user_name.as_deref().or(user.access_key_id.as_deref())) {
            (_, Some(name)) => format!("unknown ({name})"),
            (Some("system"), None) => "system".to_owned(),
            (_, None) => "unknown".to_owned(),
        };
    };
    let relative = arn.rsplit_once(':').map_or(arn.as_str(), |(_, relative)| relative);
    match user.session() {
        Some((_, session)) => format!("{relative}:{session}"),
        None => relative.to_owned(),
    }
}

/// The verdict; for an event of ActionTrail, whether the call succeeded.
pub(super) fn verdict(attempt: &Attempt) -> &str {
    match attempt.verdict() {
        Some(verdict) => verdict.as_str(),
        None if attempt.event().error().is_some() => "Failed",
        None => "Succeeded",
    }
}

/// The statements that the verdict depends on, each once. For a denial, statements that allow another of its resources
/// are left out.
pub(super) fn statements(event: &Event) -> Vec<String> {
    let Some(decision) = decision(event) else { return Vec::new() };
    let matched = |effect: &str| {
        let of_effect = decision.matched().filter(|statement| statement.effect == effect);
        once_each(of_effect.map(MatchedStatement::place))
    };
    match event.gateway().map(|gateway| &gateway.verdict) {
        Some(Verdict::Allow) => matched("Allow"),
        Some(Verdict::ExplicitDeny) => matched("Deny"),
        Some(Verdict::ImplicitDeny) => once_each(decision.possible_denies().map(|deny| deny.statement.place())),
        _ => Vec::new(),
    }
}

fn once_each(places: impl Iterator<Item = String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for place in places {
        if !once.contains(&place) {
            once.push(place);
        }
    }
    once
}

/// Whether a line is about many attempts, or about the log itself.
pub(super) fn is_summary(event: &Event) -> bool {
    event.gateway().is_some_and(|gateway| gateway.stage == Stage::Summary)
}

pub(super) fn decision(event: &Event) -> Option<&Decision> {
    event.gateway()?.decision.as_ref()
}

/// The resources of the call: `eni-… to i-…`, or their names.
fn about(event: &Event) -> String {
    match (event.parameter("NetworkInterfaceId"), event.parameter("InstanceId")) {
        (Some(eni), Some(instance)) => format!("{eni} to {instance}"),
        _ => event.resources().iter().map(|resource| &*resource.name).collect::<Vec<_>>().join(", "),
    }
}

pub(super) fn status(attempt: &Attempt) -> Option<u16> {
    attempt.answer().gateway()?.http_status
}

/// An attempt as one line for a terminal.
pub(super) fn text(attempt: &Attempt) -> String {
    let event = attempt.event();
    if is_summary(event) {
        let reason = event.gateway().and_then(|gateway| gateway.reason.as_deref());
        let error = event.error().filter(|_| event.counted().is_some());
        let code = error.map(|error| format!("  {}", plain(error.code))).unwrap_or_default();
        let verdict = plain(verdict(attempt));
        return format!("{}  {verdict:<12}  {}{code}", event.time, plain(reason.unwrap_or_default()));
    }
    let mut pieces = vec![
        event.time.to_string(),
        format!("{:<12}", plain(verdict(attempt))),
        plain(&who(event)),
        plain(&event.name),
        plain(&about(event)),
    ];
    let statements = statements(event);
    if !statements.is_empty() {
        pieces.push(format!("[{}]", plain(&statements.join(", "))));
    }
    let status = status(attempt).map(|status| status.to_string());
    let code = attempt.answer().error().map(|error| plain(error.code));
    let answer: Vec<String> = status.into_iter().chain(code).collect();
    if attempt.is_open() {
        pieces.push("no outcome known".to_owned());
    } else if !answer.is_empty() {
        pieces.push(answer.join(" "));
    }
    pieces.extend(attempt.answer().request_id.as_deref().map(plain));
    pieces.retain(|piece| !piece.is_empty());
    pieces.join("  ")
}

pub(super) fn cells(attempt: &Attempt) -> [String; COLUMNS.len()] {
    let event = attempt.event();
    let error = attempt.answer().error();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let gateway = event.gateway();
    [
        event.time.to_string(),
        verdict(attempt).to_owned(),
        event.user.arn().unwrap_or_else(|| who(event)),
        text(event.user.session().map(|(_, session)| session)),
        event.name.to_string(),
        text(event.region.as_deref()),
        text(event.parameter("NetworkInterfaceId")),
        text(event.parameter("InstanceId")),
        text(event.source.as_deref()),
        text(event.user_agent.as_deref()),
        statements(event).join(" "),
        status(attempt).map(|status| status.to_string()).unwrap_or_default(),
        text(error.map(|error| error.code)),
        text(error.and_then(|error| error.message)),
        text(gateway.and_then(|gateway| gateway.reason.as_deref())),
        text(event.event_id.as_deref()),
        text(attempt.answer().request_id.as_deref()),
        attempt.line.place.file.to_string(),
        attempt.line.place.line.to_string(),
    ]
}

/// An attempt with all its fields.
pub(super) fn json(attempt: &Attempt) -> Value {
    let event = attempt.event();
    let parameters: Map<String, Value> =
        event.parameters.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let resources: Vec<Value> =
        event.resources().iter().map(|resource| json!({ "type": resource.kind, "name": resource.name })).collect();
    let user = &event.user;
    json!({
        "time": event.time.to_string(), "operation": event.name, "product": event.service, "region": event.region,
        "eventId": event.event_id, "requestId": attempt.answer().request_id,
        "principal": event.user.arn(),
        "userIdentity": {
            "type": user.kind, "accountId": user.account, "principalId": user.principal_id,
            "userName": user.user_name, "accessKeyId": user.access_key_id,
        },
        "source": event.source, "userAgent": event.user_agent, "transport": event.transport(),
        "parameters": parameters, "resources": resources,
        "verdict": attempt.verdict().map(Verdict::as_str),
        "answer": attempt.answer().error().map(|error| json!({ "code": error.code, "message": error.message })),
        "httpStatus": status(attempt),
        "gateway": event.gateway().map(gateway_json),
        "outcome": attempt.outcome.as_ref().map(outcome_json),
        "outcomeKnown": !attempt.is_open(),
        "line": place(&attempt.line),
    })
}

fn gateway_json(gateway: &Gateway) -> Value {
    json!({
        "reason": gateway.reason, "refusal": gateway.refusal, "mode": gateway.mode, "signing": gateway.signing,
        "signature": { "scheme": gateway.signature.scheme, "verified": gateway.signature.verified },
        "accessKeyTag": gateway.access_key_tag,
        "decision": gateway.decision.as_ref().map(decision_json),
        "policyRevision": gateway.policy_revision, "leftOut": gateway.left_out, "peer": gateway.peer,
        "cut": gateway.cut.map(|cut| json!({
            "parameters": cut.parameters, "resources": cut.resources, "statements": cut.statements,
            "conditions": cut.conditions,
        })),
        "summary": gateway.counted.as_ref().map(counted_json),
        "chain": gateway.chain, "replica": gateway.replica,
    })
}

fn counted_json(counted: &CountedAttempts) -> Value {
    json!({
        "of": counted.of, "source": counted.source, "attempts": counted.attempts,
        "first": counted.first.map(|at| at.to_string()), "last": counted.last.map(|at| at.to_string()),
        "operations": counted.operations, "otherOperations": counted.other_operations,
        "resources": counted.resources, "moreResources": counted.more_resources,
    })
}

fn decision_json(decision: &Decision) -> Value {
    let resources = decision.resources.iter().map(|resource| {
        let possible = resource.possible_deny.as_ref();
        json!({
            "resource": resource.arn, "verdict": resource.verdict.as_str(),
            "conditions": resource.conditions.as_deref().map(conditions_json),
            "statements": resource.matched.iter().map(statement_json).collect::<Vec<_>>(),
            "possibleDeny": possible.map(|deny| {
                json!({ "statement": statement_json(&deny.statement), "unknownKey": deny.unknown_key })
            }),
        })
    });
    json!({
        "action": decision.action, "explicitDeny": decision.explicit_deny, "policyType": decision.policy_type,
        "conditions": conditions_json(decision.conditions()), "resources": resources.collect::<Vec<_>>(),
    })
}

fn statement_json(statement: &MatchedStatement) -> Value {
    json!({
        "effect": statement.effect, "policy": statement.policy, "statement": statement.statement,
        "policyType": statement.policy_type, "attachedTo": statement.attached_to, "scope": statement.scope,
        "digest": statement.digest,
    })
}

fn conditions_json(conditions: &[Condition]) -> Map<String, Value> {
    conditions.iter().map(|condition| (condition.key.to_string(), json!(condition.values))).collect()
}

fn outcome_json(line: &Located) -> Value {
    let gateway = line.event.gateway();
    let upstream = gateway.and_then(|gateway| gateway.upstream.as_ref());
    json!({
        "time": line.event.time.to_string(), "line": place(line),
        "failure": gateway.and_then(|gateway| gateway.reason.as_deref()),
        "upstream": upstream.map(|upstream| json!({
            "endpoint": upstream.endpoint, "requestId": upstream.request_id, "status": upstream.status,
            "latencyMs": upstream.latency_ms,
        })),
    })
}

fn place(line: &Located) -> Value {
    json!({ "file": &*line.place.file, "line": line.place.line, "seq": line.seq })
}
