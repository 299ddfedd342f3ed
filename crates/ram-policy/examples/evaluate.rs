//! Evaluates one request and explains the verdict: `cargo run -p ram-policy --example evaluate`.

use std::sync::Arc;

use ram_policy::{AttachedTo, Context, ContextKey, Document, Layers, PolicySetBuilder, Principal, Request, Resource};
use ram_policy::{Source, Targets, UnknownKeys, evaluate};

const POLICY: &str = r#"{ "Version": "1", "Statement": [
  { "Effect": "Allow", "Action": "ecs:StartInstance", "Resource": "acs:ecs:*:*:instance/i-dev-*",
    "Condition": { "IpAddress": { "acs:SourceIp": "10.0.0.0/8" } } } ] }"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let source = Source::new("dev.json", POLICY);
    let document = Document::parse("dev", &source).map_err(|diagnostics| diagnostics[0].to_string())?;
    let set = PolicySetBuilder::default().set(AttachedTo::User, vec![Arc::new(document)]);
    let layers = Arc::new(Layers::identity([set]));

    let principal = Principal::new("1234567890123456".parse()?, "user/alice".parse()?);
    let action = "ecs:StartInstance".parse()?;
    let resources = ["acs:ecs:cn-hangzhou:1234567890123456:instance/i-dev-7".parse::<Resource<'_>>()?];
    let mut context = Context::default();
    context.add_text(ContextKey::SourceIp, "192.0.2.1");
    let request = Request {
        principal: &principal,
        action: &action,
        resources: &resources,
        deny_only: &[],
        context: &context,
        attributes: &[],
        session_policy: None,
        unknown_keys: UnknownKeys::none(),
        targets: Targets::Known,
    };
    let decision = evaluate(&layers, &request);
    println!("{:?}", decision.verdict());
    print!("{}", decision.proof(&request).details());
    Ok(())
}
