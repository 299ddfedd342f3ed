//! What goes back to the caller.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use crate::catalog::Catalog;
use crate::envelope::{AccessDeniedDetail, ErrorBody, Format};
use crate::pdp::{Denied, Directory};
use crate::policy::Verdict;
use crate::ram::Identity;

use super::outgoing::Outgoing;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-acs-request-id");

/// Whether the connection goes on after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    KeepAlive,
    Close,
}

/// A refusal in the documented envelope.
pub(super) fn refusal(body: &ErrorBody, status: u16, format: Format, after: After) -> Response<Full<Bytes>> {
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

/// What RAM would say of the denial; left out whole when a word in it would make a client do something else.
pub(super) fn detail(
    denied: &Denied<Outgoing>,
    directory: &Directory,
    catalog: &Catalog,
) -> Option<AccessDeniedDetail> {
    let request = denied.request();
    let principal = request.principal;
    let id = directory.standing(principal).and_then(|standing| standing.id.as_deref());
    let (kind, name) = match principal.identity() {
        Identity::Root => ("RootUser", principal.account().as_str()),
        Identity::User(name) => ("SubUser", id.unwrap_or(name)),
        Identity::Role(name) => ("AssumedRoleUser", &**name),
    };
    let decision = denied.decision();
    let explicit = decision.verdict() == Verdict::ExplicitDeny;
    let detail = AccessDeniedDetail {
        policy_type: decision.policy_type().unwrap_or_default().to_owned(),
        auth_principal_owner_id: principal.account().to_string(),
        auth_principal_type: kind.to_owned(),
        auth_principal_display_name: name.to_owned(),
        no_permission_type: if explicit { "ExplicitDeny" } else { "ImplicitDeny" }.to_owned(),
        auth_action: request.action.as_str().to_owned(),
        auth_resource: decision.decisive().map(|(at, _)| request.resources[at].to_string()).unwrap_or_default(),
    };
    let texts = [&detail.auth_principal_display_name, &detail.auth_resource, &detail.auth_action];
    texts.iter().all(|text| catalog.is_safe_in_a_denial(text)).then_some(detail)
}
