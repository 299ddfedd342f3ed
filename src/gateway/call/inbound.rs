//! The one reading of a call: its body, its parameters, the form of its answer.

use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use tokio::time::timeout;

use crate::catalog::Catalog;
use crate::envelope::{Format, FormatError};
use crate::identity::Claim;
use crate::ram::{Parameters, Place, Scheme};
use crate::wire::{Form, FormError, FormLimits, Framing, Head, read_parameters};

#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    #[error("the body was not complete after {0} ms")]
    Slow(u128),
    #[error("the body was not complete, or its framing is malformed")]
    Broken,
    #[error(
        "the body is no form: send `application/x-www-form-urlencoded`, with `charset=utf-8` or without, or no body"
    )]
    NoForm,
}

/// Reads the whole body, bounded in bytes and in time.
pub(crate) async fn read_body(
    head: &Head,
    body: Incoming,
    most: usize,
    patience: Duration,
) -> Result<Bytes, BodyError> {
    if head.framing() == Framing::None {
        return Ok(Bytes::new());
    }
    let collected = timeout(patience, Limited::new(body, most).collect());
    let collected = collected.await.map_err(|_| BodyError::Slow(patience.as_millis()))?;
    let bytes = collected
        .map(http_body_util::Collected::to_bytes)
        .map_err(|error| if error.is::<LengthLimitError>() { BodyError::TooLarge(most) } else { BodyError::Broken })?;
    if !bytes.is_empty() && head.form() != Form::UrlEncoded {
        return Err(BodyError::NoForm);
    }
    Ok(bytes)
}

pub(crate) fn parameters(head: &Head, body: &[u8], limits: FormLimits) -> Result<Parameters, FormError> {
    read_parameters(head.query(), body, limits)
}

/// The form of the answer, as soon as the parameters are known.
pub(crate) fn format(head: &Head, parameters: &Parameters) -> Result<Format, FormatError> {
    Format::choose(parameters.value("Format"), head.header("accept"), scheme_of(head))
}

/// The form of the answer to a call whose `Format` names none.
pub(crate) fn unasked(head: &Head) -> Format {
    Format::unasked(head.header("accept"), scheme_of(head))
}

fn scheme_of(head: &Head) -> Option<Scheme> {
    let token = ["x-acs-bearer-token", "x-acs-zero-trust-idtoken"].iter().any(|name| head.header(name).is_some());
    match head.header("authorization") {
        _ if token => Some(Scheme::Bearer),
        Some(_) => Some(Scheme::V3),
        None => None,
    }
}

/// Whether a V3 call has business parameters both in its query and in its form: which of them ECS reads is undocumented.
pub(crate) fn has_two_places(claim: &Claim<'_>, parameters: &Parameters, catalog: &Catalog) -> bool {
    if matches!(claim, Claim::V1(_)) || !parameters.iter().any(|parameter| parameter.place == Place::Form) {
        return false;
    }
    let business = |name: &str| !catalog.is_protocol_parameter(name);
    parameters.iter().any(|parameter| parameter.place == Place::Query && business(parameter.name))
}
