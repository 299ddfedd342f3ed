//! `ramgate who-can`: lists the principals that may attach an ENI to an instance.

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
use super::question::{AttributeArgs, warn_of_stated};

/// Lists the principals that may attach an ENI to an instance, and why
#[derive(Debug, Args)]
#[command(after_help = "\
Example: ramgate who-can --policies policies --region cn-hangzhou --eni eni-bp1demopod0000000001 \\
           --instance i-bp1demoworker00000001")]
pub(super) struct WhoCan {
    /// A policy directory; repeat the flag for more accounts
    #[arg(long, value_name = "DIR", required = true)]
    policies: Vec<PathBuf>,
    #[arg(long)]
    region: String,
    #[arg(long, value_name = "ID")]
    eni: String,
    #[arg(long, value_name = "ID")]
    instance: String,
    #[command(flatten)]
    attributes: AttributeArgs,
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

/// The answer for one principal.
struct Answer {
    principal: Principal,
    verdict: Verdict,
    summary: String,
    statements: Vec<Value>,
    /// Condition keys without a value that might lead to an allow with the right value.
    needs: Vec<String>,
}

impl WhoCan {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let asked = self.attributes.flat("", &self.region, &self.eni, &self.instance)?;
        let loaded = load_directories(&self.policies, asked.attribute_source(), now())?;
        let pdp = Pdp::new(Arc::new(loaded.directory));
        let (mut answers, mut warned) = (Vec::new(), false);
        for (principal, _) in pdp.directory().principals() {
            let question = asked.asked_by(principal, &loaded.inventory)?;
            if !std::mem::replace(&mut warned, true) {
                warn_of_stated(&question);
            }
            let authorization = pdp.decide(question);
            answers.push(Answer::new(principal.clone(), &authorization));
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
        say!("none of {} may attach it", counted(answers.len() as u64, "principal"));
    }
    for answer in answers.iter().filter(|answer| !answer.needs.is_empty()) {
        let keys: Vec<_> = answer.needs.iter().map(|key| format!("`{key}`")).collect();
        tell!("{} might, depending on {}: state it with `--context KEY=VALUE`", answer.principal, keys.join(", "));
    }
}

impl Answer {
    fn new(principal: Principal, authorization: &Authorization<crate::pdp::ActionRequest>) -> Self {
        let proof = authorization.proof();
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

/// The condition keys whose values might turn a deny into an allow. There are some only if, for each refused resource,
/// the nearest Allow or a possible Deny depends on a key that is missing or unknown.
fn needs(proof: &ram_policy::Proof<'_>) -> Vec<String> {
    let refused = proof.resources().iter().filter(|resource| resource.judged.verdict != Verdict::Allow);
    let mut lacking = Vec::new();
    for resource in refused {
        let possible_deny = resource.possible_deny().map(|deny| (deny.at, deny.mismatch));
        let Some((at, mismatch)) = possible_deny.or_else(|| resource.nearest_miss()) else { return Vec::new() };
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
