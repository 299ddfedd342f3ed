//! What a start has to say of policies that turn on keys which this gateway cannot supply.

use crate::config::{OtherOperations, Settings};
use crate::lint::{self, Finding, IgnoreList, unsupplied_keys};
use crate::source::Complaint;
use crate::store::Loaded;

/// A warning for each such condition of an attached policy, but for what the ignore lists name.
pub(super) fn unsupplied(loaded: &Loaded, settings: &Settings) -> Vec<Complaint> {
    let of_products = settings.products.iter().map(|product| product.other);
    let judged = of_products.chain([settings.operations.other]).any(|other| other == OtherOperations::Evaluate);
    let others = if judged { lint::OtherOperations::Judged } else { lint::OtherOperations::NotJudged };
    let mut warnings = Vec::new();
    for account in &loaded.accounts {
        let documents = loaded.documents[account.documents.clone()].iter().filter(|loaded| loaded.attached);
        let mut findings: Vec<Finding> =
            documents.flat_map(|it| unsupplied_keys(&it.document, &it.source, others)).collect();
        if let Some(ignores) = account.lint.as_ref().and_then(|source| IgnoreList::read(source).ok()) {
            ignores.apply(&mut findings);
        }
        warnings.extend(findings.iter().filter(|finding| finding.ignored.is_none()).map(Finding::complaint));
    }
    warnings
}
