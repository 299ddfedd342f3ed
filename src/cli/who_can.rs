//! `ramgate who-can`: every principal that may attach this ENI to this instance.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use crate::gateway::now;
use crate::pdp::{Authorization, Pdp};
use crate::store::load_directories;
use ram_policy::{ConditionMismatch, Mismatch, Principal, ResourceProof, Verdict};

use super::exit::{Exit, Failure};
use super::output::{OutputFormat, counted, print_json, statement_json};
use super::question::{FactArgs, warn_of_stated};

/// Lists who may attach this ENI to this instance, and by which statements
#[derive(Debug, Args)]
#[command(after_help = "\
Example: ramgate who-can --policies policies --region cn-hangzhou --eni eni-bp1demopod0000000001 \\
           --instance i-bp1demoworker00000001")]
pub(super) struct WhoCan {
    /// A policy directory; repeat it for more accounts
    #[arg(long, value_name = "DIR", required = true)]
    policies: Vec<PathBuf>,
    #[arg(long)]
    region: String,
    #[arg(long, value_name = "ID")]
    eni: String,
    #[arg(long, value_name = "ID")]
    instance: String,
    #[command(flatten)]
    facts: FactArgs,
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

/// What one principal is told.
struct Answer {
    principal: Principal,
    verdict: Verdict,
    summary: String,
    statements: Vec<Value>,
    /// Condition keys without which nothing more can be said: with the right value they might allow.
    needs: Vec<String>,
}

impl WhoCan {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let asked = self.facts.flat("", &self.region, &self.eni, &self.instance)?;
        let loaded = load_directories(&self.policies, asked.fact_source(), now())?;
        let pdp = Pdp::new(Arc::new(loaded.directory));
        let (mut answers, mut warned) = (Vec::new(), false);
        for (principal, _) in pdp.directory().principals() {
            let question = asked.asked_by(principal, &loaded.inventory)?;
            if !std::mem::replace(&mut warned, true) {
                warn_of_stated(&question);
            }
            let ruling = pdp.decide(question);
            answers.push(Answer::new(principal.clone(), &ruling));
        }
        let allowed = answers.iter().filter(|answer| answer.verdict == Verdict::Allow).count();
        match self.format {
            OutputFormat::Json => {
                let may = answers.iter().filter(|answer| answer.verdict == Verdict::Allow).map(Answer::json);
                let might = answers.iter().filter(|answer| !answer.needs.is_empty()).map(Answer::json);
                print_json(json!({
                    "principals": may.collect::<Vec<_>>(),
                    "needMoreContext": might.collect::<Vec<_>>(),
                    "asked": answers.len(),
                }));
            }
            OutputFormat::Text => tell(&answers, allowed),
        }
        Ok(if allowed > 0 { Exit::Yes } else { Exit::No })
    }
}

fn tell(answers: &[Answer], allowed: usize) {
    for answer in answers.iter().filter(|answer| answer.verdict == Verdict::Allow) {
        say!("{}: {}", answer.principal, answer.summary);
    }
    if allowed == 0 {
        say!("nobody of {}", counted(answers.len() as u64, "principal"));
    }
    for answer in answers.iter().filter(|answer| !answer.needs.is_empty()) {
        let keys: Vec<_> = answer.needs.iter().map(|key| format!("`{key}`")).collect();
        tell!("{} might, depending on {}: give it with `--context KEY=VALUE`", answer.principal, keys.join(", "));
    }
}

impl Answer {
    fn new(principal: Principal, ruling: &Authorization<crate::pdp::ActionRequest>) -> Self {
        let proof = ruling.proof();
        let verdict = proof.verdict();
        let deciding = proof.resources().iter().flat_map(ResourceProof::deciding);
        let mut statements: Vec<Value> = Vec::new();
        for (kind, at) in deciding.filter(|_| verdict == Verdict::Allow) {
            let mut row = statement_json(at);
            row["policyType"] = kind.policy_type().into();
            if !statements.contains(&row) {
                statements.push(row);
            }
        }
        Self { principal, verdict, summary: proof.summary().to_string(), statements, needs: needs(&proof) }
    }

    fn json(&self) -> Value {
        json!({
            "principal": self.principal.to_string(), "reason": self.summary, "statements": self.statements,
            "needs": self.needs,
        })
    }
}

/// The keys that stand between a principal and an allow: each refused resource was missed by a key only, or has a Deny
/// that a key alone could rule out.
fn needs(proof: &ram_policy::Proof<'_>) -> Vec<String> {
    let refused = proof.resources().iter().filter(|resource| resource.judged.verdict != Verdict::Allow);
    let mut lacking = Vec::new();
    for resource in refused {
        let doubt = resource.possible_deny().map(|doubt| (doubt.at, doubt.mismatch));
        let Some((at, mismatch)) = doubt.or_else(|| resource.nearest_miss()) else { return Vec::new() };
        let Mismatch::Condition { index, reason: ConditionMismatch::KeyMissing | ConditionMismatch::KeyUnknown } =
            mismatch
        else {
            return Vec::new();
        };
        if resource.judged.verdict == Verdict::ExplicitDeny {
            return Vec::new();
        }
        lacking.extend(at.statement.conditions().get(index).map(|condition| condition.written_key().to_owned()));
    }
    lacking.dedup();
    lacking
}
