//! Reads the request that `ramgate eval` judges, from flags or from a file.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use crate::catalog::{Binding, Catalog, KeySupply};
use crate::gateway::now;
use crate::identity::parse_timestamp;
use crate::pdp::{ActionRequest, Directory, Inventory, Question, UnknownPrincipalError};
use crate::ram::{ParametersBuilder, Place, Region};
use crate::store::{AttributeSource, read_source};
use crate::suite::CaseRequest;
use ram_policy::{
    ActionSlots, Context, ContextKey, Document, Identity, LONGEST_SESSION_POLICY, PolicySet, Principal, PrincipalName,
    Source, UnknownKeys,
};

use super::exit::Failure;

/// The flags that state a request: the principal, the resources and the context.
#[derive(Debug, Args)]
pub(super) struct QuestionArgs {
    /// A request as JSON: the `request` object of a case file, or an object with the fields of these flags; `-` reads
    /// standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["principal", "region", "eni", "instance", "context", "now",
        "eni_tag", "instance_tag", "eni_group", "instance_group"])]
    request: Option<PathBuf>,
    /// `user/NAME`, `role/NAME` or `root`; with several accounts, with the prefix `ACCOUNT:`
    #[arg(long, required_unless_present = "request")]
    principal: Option<String>,
    #[arg(long, required_unless_present = "request")]
    region: Option<String>,
    #[arg(long, value_name = "ID", required_unless_present = "request")]
    eni: Option<String>,
    #[arg(long, value_name = "ID", required_unless_present = "request")]
    instance: Option<String>,
    #[command(flatten)]
    attributes: AttributeArgs,
    /// The session policy of the role session
    #[arg(long, value_name = "FILE")]
    session_policy: Option<PathBuf>,
}

/// The flags that state the context of the call and the attributes of its resources.
#[derive(Debug, Args)]
pub(super) struct AttributeArgs {
    /// A condition key of the call, such as `acs:SourceIp=10.0.0.1`; repeat the flag for more
    #[arg(long, value_name = "KEY=VALUE")]
    context: Vec<String>,
    /// A tag of the ENI, instead of those in `resources.toml`; repeat the flag for more
    #[arg(long, value_name = "KEY=VALUE")]
    eni_tag: Vec<String>,
    /// A tag of the instance; repeat the flag for more
    #[arg(long, value_name = "KEY=VALUE")]
    instance_tag: Vec<String>,
    /// The resource group of the ENI
    #[arg(long, value_name = "GROUP")]
    eni_group: Option<String>,
    /// The resource group of the instance
    #[arg(long, value_name = "GROUP")]
    instance_group: Option<String>,
    /// The time of the call, such as `2026-01-01T00:00:00Z`; default: now
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
}

/// A request whose principal has not been looked up in the policy directory yet.
#[derive(Debug)]
pub(super) struct UnresolvedQuestion {
    request: RawRequest,
    session_policy: Option<Arc<PolicySet>>,
}

#[derive(Debug)]
enum RawRequest {
    Flat(FlatRequest),
    Case(CaseRequest),
}

/// A request in the form of the flags.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FlatRequest {
    principal: String,
    region: String,
    eni: String,
    instance: String,
    #[serde(default)]
    context: BTreeMap<String, String>,
    #[serde(default)]
    eni_tags: BTreeMap<String, String>,
    #[serde(default)]
    instance_tags: BTreeMap<String, String>,
    eni_group: Option<String>,
    instance_group: Option<String>,
    now: Option<String>,
}

impl QuestionArgs {
    pub(super) fn read(self) -> Result<UnresolvedQuestion, Failure> {
        let session_policy = self.session_policy.as_deref().map(read_session_policy).transpose()?;
        let Some(path) = self.request else {
            let wanted = |value: &Option<String>| value.clone().unwrap_or_default();
            let (principal, region) = (wanted(&self.principal), wanted(&self.region));
            let flat = self.attributes.flat(&principal, &region, &wanted(&self.eni), &wanted(&self.instance))?;
            return Ok(UnresolvedQuestion { request: RawRequest::Flat(flat), session_policy });
        };
        let source = read_request(&path)?;
        if let Ok(case) = serde_json::from_str::<CaseRequest>(source.text()) {
            return Ok(UnresolvedQuestion { request: RawRequest::Case(case), session_policy });
        }
        let flat = serde_json::from_str(source.text()).map_err(|error| {
            Failure::new(
                format!("`{}` is not a valid request: {error}", source.name()),
                "`ramgate eval --help` describes the two forms",
            )
        })?;
        Ok(UnresolvedQuestion { request: RawRequest::Flat(flat), session_policy })
    }
}

impl AttributeArgs {
    pub(super) fn flat(
        &self,
        principal: &str,
        region: &str,
        eni: &str,
        instance: &str,
    ) -> Result<FlatRequest, Failure> {
        let pairs = |pairs: &[String]| pairs.iter().map(|pair| key_value(pair)).collect::<Result<_, _>>();
        Ok(FlatRequest {
            principal: principal.to_owned(),
            region: region.to_owned(),
            eni: eni.to_owned(),
            instance: instance.to_owned(),
            context: pairs(&self.context)?,
            eni_tags: pairs(&self.eni_tag)?,
            instance_tags: pairs(&self.instance_tag)?,
            eni_group: self.eni_group.clone(),
            instance_group: self.instance_group.clone(),
            now: self.now.clone(),
        })
    }
}

impl UnresolvedQuestion {
    /// A request that states attributes of resources needs no `resources.toml`.
    pub(super) fn attribute_source(&self) -> AttributeSource {
        match &self.request {
            RawRequest::Flat(flat) => flat.attribute_source(),
            RawRequest::Case(case) if case.states_resources() => AttributeSource::Question,
            RawRequest::Case(_) => AttributeSource::File,
        }
    }

    pub(super) fn question(
        self,
        directory: &Directory,
        inventory: &Inventory,
    ) -> Result<Question<ActionRequest>, Failure> {
        let question = match self.request {
            RawRequest::Flat(flat) => flat.asked_by(&known_principal(&flat.principal, directory)?, inventory)?,
            RawRequest::Case(case) => of_case(&case, directory, inventory)?,
        };
        let Some(policy) = self.session_policy else { return Ok(question) };
        if !matches!(question.principal().identity(), Identity::Role(_)) {
            let what = format!("`{}` has no session: only roles have sessions", question.principal());
            return Err(Failure::new(what, "name a role, or omit `--session-policy`"));
        }
        Ok(question.in_session(policy))
    }
}

impl FlatRequest {
    pub(super) fn attribute_source(&self) -> AttributeSource {
        if self.tells_of_eni() || self.tells_of_instance() { AttributeSource::Question } else { AttributeSource::File }
    }

    fn tells_of_eni(&self) -> bool {
        !self.eni_tags.is_empty() || self.eni_group.is_some()
    }

    fn tells_of_instance(&self) -> bool {
        !self.instance_tags.is_empty() || self.instance_group.is_some()
    }

    /// The question whether this principal may make the call.
    ///
    /// # Errors
    /// A region, id, time or condition key is not valid.
    pub(super) fn asked_by(
        &self,
        principal: &Principal,
        inventory: &Inventory,
    ) -> Result<Question<ActionRequest>, Failure> {
        let region: Region = read("--region", &self.region)?;
        let mut parameters = ParametersBuilder::default();
        for (name, value) in
            [("RegionId", &self.region), ("NetworkInterfaceId", &self.eni), ("InstanceId", &self.instance)]
        {
            parameters.push(name, value, Place::Query);
        }
        let parameters = parameters.finish().map_err(|repeated| Failure::new(repeated.to_string(), "give it once"))?;
        let binding = Binding { account: principal.account(), regions: std::slice::from_ref(&region) };
        let call = Catalog::bundled()
            .bind(Catalog::attach(), &parameters, binding)
            .map_err(|error| Failure::new(error.to_string(), "write ids as ECS shows them"))?;
        let subject = ActionRequest { action: call.operation().action().clone(), resources: call.resources().to_vec() };
        let now = match &self.now {
            None => now(),
            Some(text) => parse_timestamp(text)
                .ok_or_else(|| Failure::new(format!("`{text}` is not a valid time"), "write `2026-01-01T00:00:00Z`"))?,
        };
        let mut context = attributes(&self.context)?;
        if !context.has(&ContextKey::CurrentTime) {
            context.add(ContextKey::CurrentTime, now);
        }
        let stated = [
            self.tells_of_eni().then(|| tags(&self.eni_tags, self.eni_group.as_deref())),
            self.tells_of_instance().then(|| tags(&self.instance_tags, self.instance_group.as_deref())),
        ];
        let known = inventory.attributes(&subject.resources).into_iter().zip(stated);
        let known = known.map(|(known, stated)| stated.unwrap_or(known)).collect();
        // The gateway knows these keys of a call. Here they are unknown unless the request states them.
        let unknown = [ContextKey::SourceIp, ContextKey::SecureTransport]
            .iter()
            .fold(UnknownKeys::clone(call.unknown_keys()), UnknownKeys::with);
        Ok(Question::new(principal.clone(), subject, context).with_attributes(known).with_unknown(Arc::new(unknown)))
    }
}

/// Warns about each stated condition key for which the gateway never has a value.
pub(super) fn warn_of_stated(question: &Question<ActionRequest>) {
    let catalog = Catalog::bundled();
    let action = &question.subject().action;
    let Some(operation) = catalog.operations().find(|operation| operation.action() == action) else { return };
    let mut seen = BTreeSet::new();
    for (key, _) in question.context().iter().filter(|(key, _)| **key != ContextKey::MfaPresent) {
        if let KeySupply::Never(why) | KeySupply::Unknown(why) = catalog.key_supply(operation, key)
            && seen.insert(key)
        {
            tell!("warning: `{key}` is judged as stated, but the gateway has no value for it ({why})");
        }
    }
}

/// The question of a case file's request.
fn of_case(
    case: &CaseRequest,
    directory: &Directory,
    inventory: &Inventory,
) -> Result<Question<ActionRequest>, Failure> {
    let malformed = |what: String| Failure::new(what, "fix the request");
    let principal = case.principal().map_err(malformed)?;
    let (account, identity) = (Some(principal.account().clone()), principal.identity().clone());
    known(PrincipalName { account, identity }, directory)?;
    case.question(|subject| inventory.attributes(&subject.resources)).map_err(malformed)
}

/// The principal with this name. It must exist: an unknown principal would be denied, which would hide a typo.
pub(super) fn known_principal(name: &str, directory: &Directory) -> Result<Principal, Failure> {
    known(read("--principal", name)?, directory)
}

fn known(name: PrincipalName, directory: &Directory) -> Result<Principal, Failure> {
    directory.named(name).map_err(|unknown| {
        let help = match unknown {
            UnknownPrincipalError::AccountNeeded(_) => "add the prefix `ACCOUNT:`".to_owned(),
            UnknownPrincipalError::NotInDirectory(_) => {
                let known = directory.principals().map(|(principal, _)| format!("`{}`", principal.identity()));
                format!("name a principal of the directory: {}", known.take(8).collect::<Vec<_>>().join(", "))
            }
        };
        Failure::new(unknown.to_string(), help)
    })
}

fn attributes(given: &BTreeMap<String, String>) -> Result<Context, Failure> {
    let mut attributes = Context::default();
    for (key, value) in given {
        attributes.add_text(read("context", key)?, value);
    }
    Ok(attributes)
}

fn tags(tags: &BTreeMap<String, String>, group: Option<&str>) -> Context {
    let mut attributes = Context::default();
    for (key, value) in tags {
        attributes.add(ContextKey::tag(key), value.as_str());
    }
    if let Some(group) = group {
        attributes.add(ContextKey::ResourceGroupId, group);
    }
    attributes
}

fn key_value(pair: &str) -> Result<(String, String), Failure> {
    let split = pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    split.filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
        let what = format!("`{pair}` is not of the form `KEY=VALUE`");
        Failure::new(what, "write it as in `acs:SourceIp=10.0.0.1`")
    })
}

fn read<T: std::str::FromStr<Err: std::fmt::Display>>(what: &str, text: &str) -> Result<T, Failure> {
    text.parse().map_err(|error: T::Err| Failure::new(error.to_string(), format!("fix `{what}`")))
}

fn read_session_policy(path: &Path) -> Result<Arc<PolicySet>, Failure> {
    let source = read_source(path).map_err(|diagnostic| Failure::Diagnostics(vec![diagnostic]))?;
    let length = source.text().chars().count();
    if length > LONGEST_SESSION_POLICY {
        let what = format!(
            "`{}` is {length} characters long; the limit for a session policy is {LONGEST_SESSION_POLICY}",
            source.name()
        );
        return Err(Failure::new(what, "shorten it: STS would refuse it with InvalidParameter.PolicySize"));
    }
    let document = Document::parse("session", &source).map_err(Failure::Diagnostics)?;
    Ok(PolicySet::session(Arc::new(document), &ActionSlots::default()))
}

fn read_request(path: &Path) -> Result<Source, Failure> {
    const LARGEST: u64 = 1 << 20;
    if path != Path::new("-") {
        return read_source(path).map_err(|diagnostic| Failure::Diagnostics(vec![diagnostic]));
    }
    let mut text = String::new();
    let read = stdin().take(LARGEST).read_to_string(&mut text);
    read.map_err(|error| Failure::new(format!("standard input cannot be read: {error}"), "pipe a request into it"))?;
    Ok(Source::new("<stdin>", text))
}
