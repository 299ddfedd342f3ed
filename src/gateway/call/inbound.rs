//! Reads a call once: its body, its parameters, and the format of its answer.

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
    #[error("the body is incomplete, or its framing is malformed")]
    Broken,
    #[error(
        "the body is not a form: send `application/x-www-form-urlencoded`, with or without `charset=utf-8`, or no body"
    )]
    NoForm,
}

/// Reads the whole body, limited to `most` bytes and the time `patience`.
///
/// # Errors
/// The body is too large, too slow, incomplete, or not a form.
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

/// Reads the parameters of the query and of a form.
///
/// # Errors
/// The parameters are malformed or too many.
pub(crate) fn parameters(head: &Head, body: &[u8], limits: FormLimits) -> Result<Parameters, FormError> {
    read_parameters(head.query(), body, limits)
}

/// The format of the answer, from the parameters and the headers.
///
/// # Errors
/// `Format` is neither JSON nor XML.
pub(crate) fn format(head: &Head, parameters: &Parameters) -> Result<Format, FormatError> {
    Format::choose(parameters.value("Format"), head.header("accept"), scheme_of(head))
}

/// The format of the answer to a call without a valid `Format`.
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

/// Whether a V3 call has business parameters both in its query and in its form. Which of them ECS reads is
/// undocumented.
pub(crate) fn has_two_places(claim: &Claim<'_>, parameters: &Parameters, catalog: &Catalog) -> bool {
    if matches!(claim, Claim::V1(_)) || !parameters.iter().any(|parameter| parameter.place == Place::Form) {
        return false;
    }
    let business = |name: &str| !catalog.is_protocol_parameter(name);
    parameters.iter().any(|parameter| parameter.place == Place::Query && business(parameter.name))
}
