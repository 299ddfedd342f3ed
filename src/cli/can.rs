//! `ramgate can`: lists the ENIs and instances that a principal may attach, as patterns.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::catalog::{Catalog, KeySupply};
use crate::gateway::now;
use crate::pdp::Directory;
use crate::store::{AttributeSource, load_directories};
use ram_policy::{
    ArnPattern, Condition, ConditionValue, Effect, Grant, LayerKind, LayerReach, Layers, Principal, Sense,
};

use super::exit::{Exit, Failure};
use super::output::{OutputFormat, print_json, statement_json};
use super::question::known_principal;

/// Shows which ENIs and instances a principal may attach, as patterns
#[derive(Debug, Args)]
#[command(after_help = "Example: ramgate can --policies policies role/terway")]
pub(super) struct Can {
    /// A policy directory; repeat the flag for more accounts
    #[arg(long, value_name = "DIR", required = true)]
    policies: Vec<PathBuf>,
    /// `user/NAME`, `role/NAME` or `root`; with several accounts, with the prefix `ACCOUNT:`
    principal: String,
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

/// The two resource types that an attach is judged on, and their names in the output.
const TYPES: [(&str, &str); 2] = [("eni", "ENIs"), ("instance", "instances")];

impl Can {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let loaded = load_directories(&self.policies, AttributeSource::Question, now())?;
        let principal = known_principal(&self.principal, &loaded.directory)?;
        let answer = Answer::new(&principal, &loaded.directory);
        match self.format {
            OutputFormat::Json => print_json(answer.json()),
            OutputFormat::Text => say!("{}", answer.text()),
        }
        Ok(if answer.may() { Exit::Yes } else { Exit::No })
    }
}

struct Answer<'a> {
    principal: &'a Principal,
    quarantine: Option<&'a str>,
    /// Each resource type with its name in the output and the statements of each layer.
    types: Vec<(&'static str, &'static str, Vec<LayerReach<'a>>)>,
}

impl<'a> Answer<'a> {
    fn new(principal: &'a Principal, directory: &'a Directory) -> Self {
        let layers: Option<&Layers> = directory.entry(principal).map(|entry| &*entry.layers);
        let reach = |kind: &'static str| {
            let of = ArnPattern::of_type("ecs", principal.account(), kind);
            let mut reach = layers.map(|layers| layers.reach(Catalog::attach().action(), &of)).unwrap_or_default();
            for layer in &mut reach {
                layer.allows.retain(may_apply);
                layer.denies.retain(may_apply);
            }
            reach
        };
        let types = TYPES.iter().map(|(kind, label)| (*kind, *label, reach(kind))).collect();
        Self { principal, quarantine: layers.and_then(Layers::quarantine), types }
    }

    fn may(&self) -> bool {
        self.principal.is_root() || self.quarantine.is_none() && self.missing().is_none()
    }

    /// The first resource type of which no resource can be allowed, and the layer that prevents it.
    fn missing(&self) -> Option<(&'static str, LayerKind)> {
        self.types.iter().find_map(|(_, label, layers)| {
            let identity = |layer: &&LayerReach<'_>| layer.kind >= LayerKind::AccountIdentity;
            let control = layers.iter().find(|layer| layer.kind == LayerKind::Control && !allows_something(layer));
            let none = !layers.iter().filter(identity).any(allows_something);
            control.map(|layer| layer.kind).or(none.then_some(LayerKind::AccountIdentity)).map(|kind| (*label, kind))
        })
    }

    fn text(&self) -> String {
        let principal = self.principal.identity();
        if self.principal.is_root() {
            return format!("`{principal}` may attach everything in its account: an account's root needs no policy");
        }
        if let Some(policy) = self.quarantine {
            return format!("`{principal}` may attach nothing: its policy `{policy}` is under quarantine");
        }
        let mut text = match self.missing() {
            None => format!("`{principal}` may attach"),
            Some((label, LayerKind::Control)) => {
                format!("`{principal}` may attach nothing: the control policies allow no {label}")
            }
            Some((label, _)) => format!("`{principal}` may attach nothing: no statement allows any {label}"),
        };
        for (_, label, layers) in &self.types {
            let _ = write!(text, "\n\n{label}");
            for layer in layers {
                write_layer(&mut text, layer);
            }
        }
        text
    }

    fn json(&self) -> Value {
        let layer = |layer: &LayerReach<'_>| {
            json!({
                "policyType": layer.kind.policy_type(), "name": layer.name,
                "allows": layer.allows.iter().map(grant).collect::<Vec<_>>(),
                "denies": layer.denies.iter().map(grant).collect::<Vec<_>>(),
            })
        };
        let types = self
            .types
            .iter()
            .map(|(kind, _, layers)| json!({ "type": kind, "layers": layers.iter().map(layer).collect::<Vec<_>>() }));
        json!({
            "principal": self.principal.to_string(), "may": self.may(), "root": self.principal.is_root(),
            "quarantine": self.quarantine, "types": types.collect::<Vec<_>>(),
        })
    }
}

/// Whether a statement can apply to some attach. It cannot if a condition requires a key that no attach has. An Allow
/// also cannot if a condition depends on a key that is unknown to the gateway.
fn may_apply(grant: &Grant<'_>) -> bool {
    let catalog = Catalog::bundled();
    grant.conditions().iter().all(|condition| match catalog.key_supply(Catalog::attach(), condition.key()) {
        KeySupply::Always | KeySupply::Sometimes => true,
        KeySupply::Never(_) => condition.operator().sense() == Sense::Negated,
        KeySupply::Unknown(_) => grant.at.statement.effect() == Effect::Deny,
    })
}

/// Whether a layer may still allow something. A Deny on every resource whose conditions use no key that the gateway
/// knows refuses everything.
fn allows_something(layer: &LayerReach<'_>) -> bool {
    let catalog = Catalog::bundled();
    let is_open = |condition: &Condition| {
        matches!(catalog.key_supply(Catalog::attach(), condition.key()), KeySupply::Always | KeySupply::Sometimes)
    };
    let refuses_all = |grant: &Grant<'_>| grant.pattern.is_any() && !grant.conditions().iter().any(is_open);
    layer.allows_something() && !layer.denies.iter().any(refuses_all)
}

fn write_layer(text: &mut String, layer: &LayerReach<'_>) {
    let _ = write!(text, "\n  {}", layer.kind.policy_type());
    if let Some(name) = layer.name {
        let _ = write!(text, " `{name}`");
    }
    if layer.is_everything() {
        text.push_str(": everything");
        return;
    }
    text.push(':');
    if layer.allows.is_empty() {
        text.push_str("\n    nothing");
    }
    for grant in &layer.allows {
        let _ = write!(text, "\n    {}  by {}", grant.pattern, grant.at);
        write_conditions(text, grant.conditions());
    }
    for grant in &layer.denies {
        let _ = write!(text, "\n    but not {}  by {}", grant.pattern, grant.at);
        write_conditions(text, grant.conditions());
    }
}

fn write_conditions(text: &mut String, conditions: &[Condition]) {
    for condition in conditions {
        let wanted: Vec<_> = condition.values().iter().map(|wanted| format!("`{}`", wanted.as_str())).collect();
        let _ = write!(
            text,
            "\n      when {} {} {}",
            condition.operator().name(),
            condition.written_key(),
            wanted.join(", ")
        );
        if let KeySupply::Unknown(_) = Catalog::bundled().key_supply(Catalog::attach(), condition.key()) {
            text.push_str(" (unknown to the gateway: refused for any value)");
        }
    }
}

fn grant(grant: &Grant<'_>) -> Value {
    let condition = |condition: &Condition| {
        json!({
            "operator": condition.operator().name(), "key": condition.written_key(),
            "values": condition.values().iter().map(ConditionValue::as_str).collect::<Vec<_>>(),
        })
    };
    let mut row = statement_json(grant.at);
    row["pattern"] = grant.pattern.to_string().into();
    row["conditions"] = grant.conditions().iter().map(condition).collect();
    row
}
