//! `[operations]`: whether calls by root, with a trunk ENI, or of operations without a catalogue file are accepted.

use toml::Spanned;

use crate::text::possible;
use ram_policy::{Diagnostic, Source};

#[derive(Clone, Copy, Debug, Default)]
pub struct OperationSettings {
    pub accept_root: bool,
    pub other: OtherOperations,
    pub trunk: TrunkEni,
}

/// How the gateway treats `TrunkNetworkInstanceId`, which the vendor documents as unavailable and Terway sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrunkEni {
    #[default]
    Refuse,
    /// The trunk ENI is one more resource that the policies must allow.
    Judge,
}

/// How the gateway treats a call of an operation that has no catalogue file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtherOperations {
    #[default]
    Refuse,
    /// Judged as `ecs:<Operation>` on all resources.
    Evaluate,
    /// Forwarded without judging: every caller gets the rights of the gateway's own key.
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
    pub(super) fn read(raw: RawOperations, source: &Source, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let other = raw.other.and_then(|other| OtherOperations::read(&other, source, diagnostics));
        let trunk = raw.trunk.map_or(TrunkEni::Refuse, |trunk| match trunk.get_ref().as_str() {
            "refuse" => TrunkEni::Refuse,
            "judge" => TrunkEni::Judge,
            unknown => {
                let title = format!("unknown value `{unknown}` for `trunk`");
                diagnostics.push(source.error(trunk.span(), title, possible(unknown, &["refuse", "judge"])));
                TrunkEni::Refuse
            }
        });
        Self { accept_root: raw.accept_root, other: other.unwrap_or_default(), trunk }
    }
}

impl OtherOperations {
    pub(super) fn read(raw: &Spanned<String>, source: &Source, diagnostics: &mut Vec<Diagnostic>) -> Option<Self> {
        match raw.get_ref().as_str() {
            "refuse" => Some(Self::Refuse),
            "evaluate" => Some(Self::Evaluate),
            "forward" => Some(Self::Forward),
            unknown => {
                let title = format!("unknown value `{unknown}` for `other`");
                diagnostics.push(source.error(
                    raw.span(),
                    title,
                    possible(unknown, &["refuse", "evaluate", "forward"]),
                ));
                None
            }
        }
    }
}
