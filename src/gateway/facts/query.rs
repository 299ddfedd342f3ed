//! One read of ECS: the resources to ask about, the query that asks, and the attributes in its answer.
//!
//! An answer is accepted only if it is complete and lists no other resources than those that were asked about.
//! Resources that it does not list do not exist, and have no attributes.

use std::collections::HashMap;

use serde::Deserialize;

use crate::ram::{Parameters, ParametersBuilder, Place, Region};
use crate::wire::excerpt;
use ram_policy::{AccountId, Resource};
use ram_policy::{Context, ContextKey};

use super::error::AttributeReadError;

/// The most ids that one call may name, and the largest page of its answer (`docs/spec/ecs-eni.md` D.6).
const MOST_IDS: usize = 100;

/// A resource whose attributes can be read from ECS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EcsResource {
    account: AccountId,
    region: Region,
    kind: EcsKind,
    id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum EcsKind {
    Eni,
    Instance,
}

/// One call that lists resources of one kind in one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AttributeQuery {
    /// At least one; all of the same account, region and kind.
    resources: Vec<EcsResource>,
}

impl EcsResource {
    /// `None` for a resource whose attributes cannot be read from ECS.
    pub(crate) fn of(resource: &Resource<'_>) -> Option<Self> {
        let fields = resource.fields().filter(|fields| resource.is_one() && fields.service == "ecs")?;
        let (kind, id) = fields.relative.split_once('/')?;
        let kind = match kind {
            "eni" => EcsKind::Eni,
            "instance" => EcsKind::Instance,
            _ => return None,
        };
        let (account, region) = (fields.account.parse().ok()?, fields.region.parse().ok()?);
        Some(Self { account, region, kind, id: id.to_owned() })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Whether one call can ask about both resources.
    fn is_compatible_with(&self, other: &Self) -> bool {
        (&self.account, &self.region, self.kind) == (&other.account, &other.region, other.kind)
    }
}

impl AttributeQuery {
    pub(crate) const VERSION: &str = "2014-05-26";

    pub(crate) fn about(resource: EcsResource) -> Self {
        Self { resources: vec![resource] }
    }

    /// Whether one more resource fits into the same call.
    pub(crate) fn takes(&self, resource: &EcsResource) -> bool {
        self.resources.len() < MOST_IDS && self.resources[0].is_compatible_with(resource)
    }

    pub(crate) fn add(&mut self, resource: EcsResource) {
        debug_assert!(self.takes(&resource));
        self.resources.push(resource);
    }

    pub(crate) fn resources(&self) -> &[EcsResource] {
        &self.resources
    }

    pub(crate) fn account(&self) -> &AccountId {
        &self.resources[0].account
    }

    pub(crate) fn region(&self) -> &Region {
        &self.resources[0].region
    }

    pub(crate) fn kind(&self) -> EcsKind {
        self.resources[0].kind
    }

    pub(crate) fn operation(&self) -> &'static str {
        match self.kind() {
            EcsKind::Eni => "DescribeNetworkInterfaces",
            EcsKind::Instance => "DescribeInstances",
        }
    }

    /// The parameters in the form that the operation requires (`docs/spec/wire-protocol.md` 6): one for each id, or a
    /// single one that holds a JSON array of ids.
    pub(crate) fn parameters(&self) -> Parameters {
        let mut builder = ParametersBuilder::default();
        builder.push("RegionId", self.region().as_str(), Place::Query);
        builder.push("PageSize", &MOST_IDS.to_string(), Place::Query);
        let ids = self.resources.iter().map(EcsResource::id);
        match self.kind() {
            EcsKind::Eni => {
                for (at, id) in ids.enumerate() {
                    builder.push(&format!("NetworkInterfaceId.{}", at + 1), id, Place::Query);
                }
            }
            EcsKind::Instance => {
                let ids = serde_json::Value::from_iter(ids).to_string();
                builder.push("InstanceIds", &ids, Place::Query);
            }
        }
        builder.finish().expect("no name is given twice")
    }
}

/// The attributes of each resource that a query asked about: empty for a resource that does not exist.
pub(crate) type AttributesById = HashMap<EcsResource, Context>;

#[derive(Deserialize)]
struct Enis {
    #[serde(rename = "TotalCount")]
    total: Option<usize>,
    #[serde(rename = "NetworkInterfaceSets")]
    set: EniSet,
}

#[derive(Deserialize)]
struct EniSet {
    #[serde(rename = "NetworkInterfaceSet")]
    enis: Vec<Eni>,
}

#[derive(Deserialize)]
struct Eni {
    #[serde(rename = "NetworkInterfaceId")]
    id: String,
    #[serde(flatten)]
    marks: Marks,
}

#[derive(Deserialize)]
struct Instances {
    #[serde(rename = "TotalCount")]
    total: Option<usize>,
    #[serde(rename = "Instances")]
    set: InstanceSet,
}

#[derive(Deserialize)]
struct InstanceSet {
    #[serde(rename = "Instance")]
    instances: Vec<Instance>,
}

#[derive(Deserialize)]
struct Instance {
    #[serde(rename = "InstanceId")]
    id: String,
    #[serde(flatten)]
    marks: Marks,
}

/// The attributes that conditions can test, in the same form for ENIs and instances (`docs/spec/wire-protocol.md` 6).
#[derive(Deserialize)]
struct Marks {
    #[serde(rename = "Tags", default)]
    tags: Tags,
    #[serde(rename = "ResourceGroupId", default)]
    resource_group: String,
}

#[derive(Default, Deserialize)]
struct Tags {
    #[serde(rename = "Tag")]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    #[serde(rename = "TagKey")]
    key: String,
    #[serde(rename = "TagValue", default)]
    value: String,
}

/// Reads the attributes in the answer to a query.
///
/// # Errors
/// The answer is malformed or incomplete, or lists a resource twice, a resource that was not asked about, or a tag
/// twice.
pub(crate) fn read_attributes(query: &AttributeQuery, body: &[u8]) -> Result<AttributesById, AttributeReadError> {
    let malformed = |error: serde_json::Error| AttributeReadError::Answer(excerpt(error.to_string()));
    let (total, listed): (_, Vec<(String, Marks)>) = match query.kind() {
        EcsKind::Eni => {
            let read: Enis = serde_json::from_slice(body).map_err(malformed)?;
            (read.total, read.set.enis.into_iter().map(|eni| (eni.id, eni.marks)).collect())
        }
        EcsKind::Instance => {
            let read: Instances = serde_json::from_slice(body).map_err(malformed)?;
            (read.total, read.set.instances.into_iter().map(|instance| (instance.id, instance.marks)).collect())
        }
    };
    // A resource on another page would be taken for one that does not exist.
    if total.is_some_and(|total| total > listed.len()) {
        return Err(AttributeReadError::Answer("it does not list all resources that were found".to_owned()));
    }
    let mut found: HashMap<String, Context> = HashMap::new();
    for (id, marks) in listed {
        if !query.resources().iter().any(|resource| resource.id() == id) {
            return Err(AttributeReadError::Answer(format!("it lists `{}`, which was not asked about", excerpt(&id))));
        }
        if found.insert(id.clone(), marks.attributes()?).is_some() {
            return Err(AttributeReadError::Answer(format!("it lists `{id}` twice")));
        }
    }
    let attributes = query.resources().iter().map(|resource| (resource.clone(), found.remove(resource.id())));
    Ok(attributes.map(|(resource, attributes)| (resource, attributes.unwrap_or_default())).collect())
}

impl Marks {
    fn attributes(self) -> Result<Context, AttributeReadError> {
        let mut attributes = Context::default();
        for tag in self.tags.tags {
            let key = ContextKey::tag(&tag.key);
            if attributes.has(&key) {
                return Err(AttributeReadError::Answer(format!("it gives the tag `{}` twice", excerpt(&tag.key))));
            }
            attributes.add(key, tag.value.as_str());
        }
        if !self.resource_group.is_empty() {
            attributes.add(ContextKey::ResourceGroupId, self.resource_group.as_str());
        }
        Ok(attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(arn: &str) -> Option<EcsResource> {
        EcsResource::of(&arn.parse().unwrap())
    }

    #[test]
    fn only_enis_and_instances_of_ecs_are_looked_up() {
        let query = AttributeQuery::about(resource("acs:ecs:cn-hangzhou:1:instance/i-a").unwrap());
        let parameters: Vec<_> = query.parameters().iter().map(|p| format!("{}={}", p.name, p.value)).collect();
        assert_eq!(parameters, ["RegionId=cn-hangzhou", "PageSize=100", "InstanceIds=[\"i-a\"]"]);
        for other in ["acs:ecs:cn-hangzhou:1:securitygroup/sg-a", "acs:vpc:cn-hangzhou:1:eni/eni-a", "acs:ecs::1:eni/a"]
        {
            assert_eq!(resource(other), None, "{other}");
        }
    }

    #[test]
    fn one_query_covers_one_kind_in_one_region_of_one_account() {
        let mut query = AttributeQuery::about(resource("acs:ecs:cn-hangzhou:1:eni/eni-0").unwrap());
        for other in
            ["acs:ecs:cn-beijing:1:eni/eni-1", "acs:ecs:cn-hangzhou:2:eni/eni-1", "acs:ecs:cn-hangzhou:1:instance/i-1"]
        {
            assert!(!query.takes(&resource(other).unwrap()), "{other}");
        }
        for at in 1..MOST_IDS {
            query.add(resource(&format!("acs:ecs:cn-hangzhou:1:eni/eni-{at}")).unwrap());
        }
        assert!(!query.takes(&resource("acs:ecs:cn-hangzhou:1:eni/eni-more").unwrap()));
        assert_eq!(query.parameters().value("NetworkInterfaceId.100"), Some("eni-99"));
    }
}
