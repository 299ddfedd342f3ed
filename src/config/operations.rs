//! `[operations]`: what becomes of calls beyond the ordinary ones.

use toml::Spanned;

use crate::text::possible;
use ram_policy::{Diagnostic, Source};

#[derive(Clone, Copy, Debug, Default)]
pub struct OperationSettings {
    pub accept_root: bool,
    pub other: OtherOperations,
    pub trunk: TrunkEni,
}

/// What becomes of `TrunkNetworkInstanceId`, which the vendor calls unavailable and Terway sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrunkEni {
    #[default]
    Refuse,
    /// One more ENI to be allowed.
    Judge,
}

/// What becomes of a call of an operation that has no file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtherOperations {
    #[default]
    Refuse,
    /// Judged as `ecs:<Operation>` on all resources.
    Evaluate,
    /// Unjudged: every caller has the gateway's own rights for it.
    Forward,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawOperations {
    pub(super) other: Option<Spanned<String>>,
    pub(super) accept_root: bool,
    pub(super) trunk: Option<Spanned<String>>,
}

impl OperationSettings {
    pub(super) fn read(written: RawOperations, source: &Source, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let other = written.other.and_then(|other| OtherOperations::read(&other, source, diagnostics));
        let trunk = written.trunk.map_or(TrunkEni::Refuse, |trunk| match trunk.get_ref().as_str() {
            "refuse" => TrunkEni::Refuse,
            "judge" => TrunkEni::Judge,
            unknown => {
                let title = format!("`{unknown}` is nothing that can be done with a trunk ENI");
                diagnostics.push(source.error(trunk.span(), title, possible(unknown, &["refuse", "judge"])));
                TrunkEni::Refuse
            }
        });
        Self { accept_root: written.accept_root, other: other.unwrap_or_default(), trunk }
    }
}

impl OtherOperations {
    pub(super) fn read(written: &Spanned<String>, source: &Source, diagnostics: &mut Vec<Diagnostic>) -> Option<Self> {
        match written.get_ref().as_str() {
            "refuse" => Some(Self::Refuse),
            "evaluate" => Some(Self::Evaluate),
            "forward" => Some(Self::Forward),
            unknown => {
                let title = format!("`{unknown}` is nothing that can be done with other operations");
                diagnostics.push(source.error(
                    written.span(),
                    title,
                    possible(unknown, &["refuse", "evaluate", "forward"]),
                ));
                None
            }
        }
    }
}
