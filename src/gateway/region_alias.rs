//! The region that a caller means, where it sends something else as its region.

use std::borrow::Cow;

use crate::config::RegionAliases;
use crate::ram::{Parameters, ParametersBuilder};

/// The parameters with the region that is meant: what is judged, written down and forwarded. The signature is over
/// what was sent.
pub(super) fn meant<'a>(sent: &'a Parameters, aliases: &RegionAliases) -> Cow<'a, Parameters> {
    const REGION: &str = "RegionId";
    let Some(region) = sent.value(REGION).and_then(|sent| aliases.meant(sent)) else { return Cow::Borrowed(sent) };
    let mut meant = ParametersBuilder::default();
    for given in sent.iter() {
        let value = if given.name == REGION { region.as_str() } else { given.value };
        meant.push(given.name, value, given.place);
    }
    Cow::Owned(meant.finish().expect("the names of parameters already read are distinct"))
}
