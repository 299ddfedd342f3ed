//! The responses that the gateway composes itself.

use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::Value;

use crate::audit::Attempt;
use crate::catalog::Catalog;
use crate::envelope::{self, AccessDeniedDetail, ErrorBody, Format, success_body};
use crate::pdp::{AssumeRoleError, Denied, Directory};
use crate::ram::Origin;
use ram_policy::{Identity, Principal, Verdict};

/// Texts of a caller are truncated to this many characters in an answer.
const LONGEST_NAME: usize = 128;

use crate::gateway::upstream::Outgoing;

const REQUEST_ID: HeaderName = HeaderName::from_static(envelope::REQUEST_ID);

/// In milliseconds (`docs/spec/wire-protocol.md` 5.1).
const RETRY_AFTER: HeaderName = HeaderName::from_static("x-acs-retry-after");

/// Adds the header that says after how long a refused call may be repeated.
pub(crate) fn add_retry_after(response: &mut Response<Full<Bytes>>, after: Duration) {
    let milliseconds = u64::try_from(after.as_millis()).unwrap_or(u64::MAX).max(1);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(milliseconds));
}

/// Whether the connection stays open after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    KeepAlive,
    Close,
}

/// A refusal, in the documented envelope.
pub(crate) fn refusal(body: &ErrorBody, status: u16, format: Format, after: After) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_text(format)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    if let Ok(id) = HeaderValue::from_str(&body.request_id) {
        headers.insert(REQUEST_ID, id);
    }
    if after == After::Close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The answer to a call that the gateway handled itself.
pub(crate) fn success(id: &str, operation: &str, mut value: Value, format: Format) -> Response<Full<Bytes>> {
    value["RequestId"] = id.into();
    let mut response = Response::new(Full::from(success_body(format, operation, &value)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// The detail that RAM would give for a refusal to assume a role.
pub(crate) fn unassumed(why: &AssumeRoleError, attempt: &Attempt, catalog: &Catalog) -> Option<AccessDeniedDetail> {
    let (verdict, policy_type) = why.grounds();
    let principal = attempt.caller.as_ref().map(|caller| &caller.principal);
    let kind = principal.map_or("Federated", |principal| match principal.identity() {
        Identity::Root => "RootUser",
        Identity::User(_) => "SubUser",
        Identity::Role(_) => "AssumedRoleUser",
    });
    let subject = attempt.shown.as_ref().and_then(Origin::token).map(|(_, subject)| subject);
    let name = attempt.caller_id.as_deref().or(subject).or(principal.map(Principal::arn)).unwrap_or_default();
    let parameter = |wanted: &str| attempt.parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    let role = parameter("RoleArn").cloned().unwrap_or_default();
    let account = role.split(':').nth(3).unwrap_or_default().to_owned();
    let detail = AccessDeniedDetail {
        policy_type: policy_type.to_owned(),
        auth_principal_owner_id: principal.map_or(account, |principal| principal.account().to_string()),
        auth_principal_type: kind.to_owned(),
        auth_principal_display_name: name.chars().take(LONGEST_NAME).collect(),
        no_permission_type: no_permission(verdict).to_owned(),
        auth_action: Catalog::assume_role().as_str().to_owned(),
        auth_resource: role.chars().take(LONGEST_NAME).collect(),
    };
    safe(detail, catalog)
}

fn no_permission(verdict: Verdict) -> &'static str {
    if verdict == Verdict::ExplicitDeny { "ExplicitDeny" } else { "ImplicitDeny" }
}

/// The detail; `None` if it contains a word on which clients act.
fn safe(detail: AccessDeniedDetail, catalog: &Catalog) -> Option<AccessDeniedDetail> {
    let texts = [&detail.auth_principal_display_name, &detail.auth_resource, &detail.auth_action];
    texts.iter().all(|text| catalog.is_safe_in_a_denial(text)).then_some(detail)
}

/// The detail that RAM would give for a denial.
pub(crate) fn detail(
    denied: &Denied<Outgoing>,
    directory: &Directory,
    catalog: &Catalog,
) -> Option<AccessDeniedDetail> {
    let request = denied.request();
    let principal = request.principal;
    let id = directory.entry(principal).and_then(|entry| entry.id.as_deref());
    let (kind, name) = match principal.identity() {
        Identity::Root => ("RootUser", principal.account().as_str()),
        Identity::User(name) => ("SubUser", id.unwrap_or(name)),
        Identity::Role(name) => ("AssumedRoleUser", &**name),
    };
    let decision = denied.decision();
    let detail = AccessDeniedDetail {
        policy_type: decision.policy_type().unwrap_or_default().to_owned(),
        auth_principal_owner_id: principal.account().to_string(),
        auth_principal_type: kind.to_owned(),
        auth_principal_display_name: name.to_owned(),
        no_permission_type: no_permission(decision.verdict()).to_owned(),
        auth_action: request.action.as_str().to_owned(),
        auth_resource: decision.decisive().map(|(at, _)| request.resources[at].to_string()).unwrap_or_default(),
    };
    safe(detail, catalog)
}
