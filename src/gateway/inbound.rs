//! The one reading of a call: its body, its parameters, the form of its answer.

use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use tokio::time::timeout;

use crate::catalog::Catalog;
use crate::envelope::Format;
use crate::identity::Claim;
use crate::ram::{Parameters, Place, Scheme};
use crate::wire::{Form, FormLimits, Framing, Head, read_parameters};

use super::stop::{BodyFault, Stop};

/// Reads the whole body, bounded in bytes and in time.
pub(super) async fn read_body(
    head: &Head,
    body: Incoming,
    most: usize,
    patience: Duration,
) -> Result<Bytes, BodyFault> {
    if head.framing() == Framing::None {
        return Ok(Bytes::new());
    }
    let collected = timeout(patience, Limited::new(body, most).collect());
    let collected = collected.await.map_err(|_| BodyFault::Slow(patience.as_millis()))?;
    let bytes = collected
        .map(http_body_util::Collected::to_bytes)
        .map_err(|error| if error.is::<LengthLimitError>() { BodyFault::TooLarge(most) } else { BodyFault::Broken })?;
    if !bytes.is_empty() && head.form() != Form::UrlEncoded {
        return Err(BodyFault::NoForm);
    }
    Ok(bytes)
}

pub(super) fn parameters(head: &Head, body: &[u8], limits: FormLimits) -> Result<Parameters, Stop> {
    Ok(read_parameters(head.query(), body, limits)?)
}

/// The form of the answer, as soon as the parameters are known.
pub(super) fn format(head: &Head, parameters: &Parameters) -> Result<Format, Stop> {
    Format::choose(parameters.value("Format"), head.header("accept"), scheme_of(head)).map_err(|_| Stop::Format)
}

/// The form of the answer to a call whose `Format` names none.
pub(super) fn unasked(head: &Head) -> Format {
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

/// A V3 form is read only where the query holds no business parameter: nobody documents which would win.
pub(super) fn check_places(claim: &Claim<'_>, parameters: &Parameters, catalog: &Catalog) -> Result<(), Stop> {
    if matches!(claim, Claim::V1(_)) || !parameters.iter().any(|parameter| parameter.place == Place::Form) {
        return Ok(());
    }
    let business = |name: &str| !catalog.is_protocol_parameter(name);
    let in_query = parameters.iter().any(|parameter| parameter.place == Place::Query && business(parameter.name));
    if in_query { Err(Stop::TwoPlaces) } else { Ok(()) }
}
