//! `ramgate can`: what a principal may attach, as patterns.

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

/// Shows what a principal may attach, as patterns
#[derive(Debug, Args)]
#[command(after_help = "Example: ramgate can --policies policies role/terway")]
pub(super) struct Can {
    /// A policy directory; repeat it for more accounts
    #[arg(long, value_name = "DIR", required = true)]
    policies: Vec<PathBuf>,
    /// `user/NAME`, `role/NAME` or `root`, with `ACCOUNT:` in front where several accounts are served
    principal: String,
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

/// The two resources that an attach is judged on, as people call them.
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
    /// For each type, what each layer says.
    types: Vec<(&'static str, &'static str, Vec<LayerReach<'a>>)>,
}

impl<'a> Answer<'a> {
    fn new(principal: &'a Principal, directory: &'a Directory) -> Self {
        let layers: Option<&Layers> = directory.entry(principal).map(|standing| &*standing.layers);
        let reach = |kind: &'static str| {
            let of = ArnPattern::of_type("ecs", principal.account(), kind);
            let mut reach = layers.map(|layers| layers.reach(Catalog::attach().action(), &of)).unwrap_or_default();
            for layer in &mut reach {
                layer.allows.retain(may_apply);
                layer.denies.retain(may_apply);
            }
            reach
        };
        let types = TYPES.iter().map(|(kind, people)| (*kind, *people, reach(kind))).collect();
        Self { principal, quarantine: layers.and_then(Layers::quarantine), types }
    }

    fn may(&self) -> bool {
        self.principal.is_root() || self.quarantine.is_none() && self.missing().is_none()
    }

    /// The first type of which nothing can be allowed, and the layer to blame.
    fn missing(&self) -> Option<(&'static str, LayerKind)> {
        self.types.iter().find_map(|(_, people, layers)| {
            let identity = |layer: &&LayerReach<'_>| layer.kind >= LayerKind::AccountIdentity;
            let control = layers.iter().find(|layer| layer.kind == LayerKind::Control && !allows_something(layer));
            let none = !layers.iter().filter(identity).any(allows_something);
            control.map(|layer| layer.kind).or(none.then_some(LayerKind::AccountIdentity)).map(|kind| (*people, kind))
        })
    }

    fn text(&self) -> String {
        let principal = self.principal.identity();
        if self.principal.is_root() {
            return format!("`{principal}` may attach whatever is of its account: the account's root needs no policy");
        }
        if let Some(policy) = self.quarantine {
            return format!(
                "`{principal}` may attach nothing: it has the policy `{policy}`, which is under quarantine"
            );
        }
        let mut text = match self.missing() {
            None => format!("`{principal}` may attach"),
            Some((people, LayerKind::Control)) => {
                format!("`{principal}` may attach nothing: the control policies allow no {people}")
            }
            Some((people, _)) => format!("`{principal}` may attach nothing: no statement allows it {people}"),
        };
        for (_, people, layers) in &self.types {
            let _ = write!(text, "\n\n{people}");
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

/// Whether a statement can apply to some attach: not where it wants a key that no attach has, nor, as an Allow, where it
/// turns on one that the gateway does not know.
fn may_apply(grant: &Grant<'_>) -> bool {
    let catalog = Catalog::bundled();
    grant.conditions().iter().all(|condition| match catalog.key_supply(Catalog::attach(), condition.key()) {
        KeySupply::Always | KeySupply::Sometimes => true,
        KeySupply::Never(_) => condition.operator().sense() == Sense::Negated,
        KeySupply::Unknown(_) => grant.at.statement.effect() == Effect::Deny,
    })
}

/// Whether something may be left of what a layer allows. A Deny that turns on unknown keys alone refuses all it covers.
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
            text.push_str(" (not known to the gateway: refused whatever it is)");
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
