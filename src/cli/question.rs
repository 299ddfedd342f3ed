//! The question of `ramgate eval`, from flags or from a file.

use std::collections::BTreeMap;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use crate::catalog::{Binding, Catalog};
use crate::gateway::now;
use crate::identity::{format_timestamp, parse_timestamp};
use crate::pdp::{Asked, Directory, Question};
use crate::ram::{
    AccountId, Context, ContextKey, Identity, ParametersBuilder, Place, Principal, Region, WrittenPrincipal,
};
use crate::source::Source;
use crate::store::read_source;

use super::exit::Failure;

/// Who asks for what.
#[derive(Debug, Args)]
pub(super) struct QuestionArgs {
    /// A request as JSON: the `request` object of a case file, or one with the fields of these flags; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["principal", "region", "eni", "instance", "context", "now"])]
    request: Option<PathBuf>,
    /// `user/NAME`, `role/NAME` or `root`, with `ACCOUNT:` in front where several accounts are served
    #[arg(long, required_unless_present = "request")]
    principal: Option<String>,
    #[arg(long, required_unless_present = "request")]
    region: Option<String>,
    #[arg(long, value_name = "ID", required_unless_present = "request")]
    eni: Option<String>,
    #[arg(long, value_name = "ID", required_unless_present = "request")]
    instance: Option<String>,
    /// A condition key of the call, such as `acs:SourceIp=10.0.0.1`; repeat it for more
    #[arg(long, value_name = "KEY=VALUE")]
    context: Vec<String>,
    /// The time of the call, such as `2026-01-01T00:00:00Z`; without it, now
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
}

/// A request in the form of the flags.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct FlatRequest {
    principal: String,
    region: String,
    eni: String,
    instance: String,
    #[serde(default)]
    context: BTreeMap<String, String>,
    now: Option<String>,
}

/// The `request` object of a case file (`spec/ram-policy.md` 10).
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseRequest {
    principal: CasePrincipal,
    action: String,
    resources: Vec<String>,
    #[serde(default)]
    context: BTreeMap<String, String>,
    #[serde(default)]
    resource_context: BTreeMap<String, Value>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct CasePrincipal {
    #[serde(rename = "type")]
    kind: String,
    account_id: String,
    name: Option<String>,
    /// Who is in which group is the account file's to say.
    #[serde(default, rename = "groups")]
    _groups: Vec<String>,
    #[serde(default, rename = "session")]
    _session: Option<String>,
}

impl QuestionArgs {
    pub(super) fn question(self, directory: &Directory) -> Result<Question<Asked>, Failure> {
        let Some(path) = self.request else {
            let wanted = |value: Option<String>| value.unwrap_or_default();
            let context = self.context.iter().map(|pair| key_value(pair)).collect::<Result<_, _>>()?;
            let (principal, region) = (wanted(self.principal), wanted(self.region));
            let (eni, instance) = (wanted(self.eni), wanted(self.instance));
            return FlatRequest { principal, region, eni, instance, context, now: self.now }.question(directory);
        };
        let source = read_request(&path)?;
        if let Ok(case) = serde_json::from_str::<CaseRequest>(source.text()) {
            return case.question(directory);
        }
        let flat: FlatRequest = serde_json::from_str(source.text()).map_err(|error| {
            Failure::new(
                format!("`{}` is no request: {error}", source.name()),
                "see `ramgate eval --help` for the two forms",
            )
        })?;
        flat.question(directory)
    }
}

impl FlatRequest {
    fn question(self, directory: &Directory) -> Result<Question<Asked>, Failure> {
        let written: WrittenPrincipal = read("--principal", &self.principal)?;
        let principal = known(written.in_account(directory.only_account()), &self.principal, directory)?;
        let region: Region = read("--region", &self.region)?;
        let catalog = Catalog::bundled();
        let operation = catalog.operation("AttachNetworkInterface").ok_or_else(|| {
            Failure::new("the catalogue has no file for AttachNetworkInterface", "this is a fault of this build")
        })?;
        let mut parameters = ParametersBuilder::default();
        for (name, value) in
            [("RegionId", self.region), ("NetworkInterfaceId", self.eni), ("InstanceId", self.instance)]
        {
            parameters.push(name, &value, Place::Query);
        }
        let parameters = parameters.finish().map_err(|repeated| Failure::new(repeated.to_string(), "give it once"))?;
        let binding = Binding { account: &principal.account, regions: std::slice::from_ref(&region) };
        let call = catalog
            .bind(operation, &parameters, binding)
            .map_err(|fault| Failure::new(fault.to_string(), "give ids as ECS shows them"))?;
        let subject = Asked { action: call.operation().action().clone(), resources: call.resources().to_vec() };
        let now = match self.now {
            None => now(),
            Some(text) => parse_timestamp(&text)
                .ok_or_else(|| Failure::new(format!("`{text}` is no time"), "write `2026-01-01T00:00:00Z`"))?,
        };
        let mut context = Context::default();
        context.insert(read("context", "acs:CurrentTime")?, format_timestamp(now));
        add(&mut context, self.context)?;
        Ok(Question::new(principal, subject, context))
    }
}

impl CaseRequest {
    fn question(self, directory: &Directory) -> Result<Question<Asked>, Failure> {
        if !self.resource_context.is_empty() {
            let what = "`resource_context` is not available in this version";
            return Err(Failure::new(what, "remove it; nothing is judged without a fact that was given"));
        }
        let name = self.principal.name.unwrap_or_default();
        let written = match self.principal.kind.as_str() {
            "root" => "root".to_owned(),
            kind => format!("{kind}/{name}"),
        };
        let account: AccountId = read("account_id", &self.principal.account_id)?;
        let identity: Identity = read("principal", &written)?;
        let principal = known(Some(Principal { account, identity }), &written, directory)?;
        let resources = self.resources.iter().map(|arn| read("resources", arn)).collect::<Result<Vec<_>, _>>()?;
        let subject = Asked { action: read("action", &self.action)?, resources };
        let mut context = Context::default();
        add(&mut context, self.context)?;
        Ok(Question::new(principal, subject, context))
    }
}

/// A principal that nobody knows would be denied, and the typo behind it go unseen.
fn known(principal: Option<Principal>, written: &str, directory: &Directory) -> Result<Principal, Failure> {
    let principal = principal.ok_or_else(|| {
        Failure::new(format!("`{written}` could be of any account"), "write `ACCOUNT:` in front of it")
    })?;
    if directory.knows(&principal) {
        return Ok(principal);
    }
    let known: Vec<_> =
        directory.principals().map(|(principal, _)| format!("`{}`", principal.identity)).take(8).collect();
    let what = format!("`{principal}` is in no policy directory");
    Err(Failure::new(what, format!("name one that is there: {}", known.join(", "))))
}

fn add(context: &mut Context, given: BTreeMap<String, String>) -> Result<(), Failure> {
    for (key, value) in given {
        context.insert(read::<ContextKey>("context", &key)?, value);
    }
    Ok(())
}

fn key_value(pair: &str) -> Result<(String, String), Failure> {
    let split = pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    split.ok_or_else(|| {
        Failure::new(format!("`{pair}` is no condition key with a value"), "write `acs:SourceIp=10.0.0.1`")
    })
}

fn read<T: std::str::FromStr<Err: std::fmt::Display>>(what: &str, text: &str) -> Result<T, Failure> {
    text.parse().map_err(|error: T::Err| Failure::new(error.to_string(), format!("mend `{what}`")))
}

fn read_request(path: &Path) -> Result<Source, Failure> {
    const LARGEST: u64 = 1 << 20;
    if path != Path::new("-") {
        return read_source(path).map_err(|complaint| Failure::Complaints(vec![complaint]));
    }
    let mut text = String::new();
    let read = stdin().take(LARGEST).read_to_string(&mut text);
    read.map_err(|error| Failure::new(format!("standard input cannot be read: {error}"), "pipe a request into it"))?;
    Ok(Source::new("<stdin>", text))
}
