//! What no author means to write: `${…}`, masked ids, a block of one address.

use std::net::Ipv4Addr;

use crate::policy::{Compares, Statement};

use super::rule::{MASKED_ID, SINGLE_ADDRESS_BLOCK, VARIABLE};
use super::site::Site;

/// As consoles and documentation hide the middle of an id.
const MASK: &str = "****";

/// `${` in a resource or a condition value (`spec/ram-policy.md` 4.7); an action with one does not load.
pub(super) fn variables(site: &mut Site<'_>, statement: &Statement) {
    let help = "write the value out: RAM documents no variables and compares the text as it stands";
    for (index, pattern) in statement.resources().iter().enumerate() {
        if pattern.fields().is_some_and(|fields| fields.iter().any(|field| field.as_str().contains("${"))) {
            let span = site.resource(statement, index);
            site.report(&VARIABLE, statement, span, format!("`{pattern}` holds `${{`, and RAM has no variables"), help);
        }
    }
    for condition in statement.conditions() {
        for (index, wanted) in condition.wanted().iter().enumerate().filter(|(_, it)| it.as_str().contains("${")) {
            let span = site.value(statement, condition, index);
            let title = format!("`{}` holds `${{`, and RAM has no variables", wanted.as_str());
            site.report(&VARIABLE, statement, span, title, help);
        }
    }
}

/// Stars in a row in a resource or a condition value.
pub(super) fn masked_ids(site: &mut Site<'_>, statement: &Statement) {
    if !site.source.text().contains(MASK) {
        return;
    }
    let help = "write the whole id, or a single `*` where any text is meant";
    for index in 0..statement.resources().len() {
        if let Some(text) = site.written_resource(statement, index).filter(|text| text.contains(MASK)) {
            let span = site.resource(statement, index);
            let title = format!("`{text}` was masked, and its stars match any text");
            site.report(&MASKED_ID, statement, span, title, help);
        }
    }
    for condition in statement.conditions() {
        let wild = condition.operator().name().ends_with("Like");
        for (index, wanted) in condition.wanted().iter().enumerate().filter(|(_, it)| it.as_str().contains(MASK)) {
            let span = site.value(statement, condition, index);
            let means = if wild { "its stars match any text" } else { "its stars are stars, so it matches nothing" };
            site.report(&MASKED_ID, statement, span, format!("`{}` was masked, and {means}", wanted.as_str()), help);
        }
    }
}

/// One address as a block (`spec/ram-policy.md` 4.4). The `IncludeBorder` operators say that borders count.
pub(super) fn single_address_blocks(site: &mut Site<'_>, statement: &Statement) {
    for condition in statement.conditions() {
        let operator = condition.operator();
        if operator.compares() != Compares::Addresses || operator.name().ends_with("IncludeBorder") {
            continue;
        }
        for (index, wanted) in condition.wanted().iter().enumerate() {
            let bare = wanted.as_str().strip_suffix("/32").filter(|bare| bare.parse::<Ipv4Addr>().is_ok());
            if let Some(bare) = bare {
                let span = site.value(statement, condition, index);
                let title = format!("`{}` is a block of one address, which RAM may not match", wanted.as_str());
                site.report(&SINGLE_ADDRESS_BLOCK, statement, span, title, format!("write `{bare}`"));
            }
        }
    }
}
