//! What ECS answers to a question about facts, read strictly: an answer that may not mean what it seems to is none.

use std::collections::HashMap;

use serde::Deserialize;

use crate::ram::{Context, ContextKey};
use crate::wire::excerpt;

use super::fact_query::{EcsKind, EcsResource, FactQuery};
use super::unread::Unread;

/// What is known of each resource that a query asked about; of those that ECS does not have, nothing.
pub(super) type Facts = HashMap<EcsResource, Context>;

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

/// What policies may ask of an ENI as of an instance (`spec/wire-protocol.md` 6).
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

/// # Errors
/// An answer that does not say, of each resource that was asked about and of no other, what it has.
pub(super) fn read_facts(query: &FactQuery, body: &[u8]) -> Result<Facts, Unread> {
    let malformed = |error: serde_json::Error| Unread::Answer(excerpt(error.to_string()));
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
    // What stands on another page would be taken for a resource that is not there.
    if total.is_some_and(|total| total > listed.len()) {
        return Err(Unread::Answer("it lists only some of what there is".to_owned()));
    }
    let mut found: HashMap<String, Context> = HashMap::new();
    for (id, marks) in listed {
        if !query.resources().iter().any(|resource| resource.id() == id) {
            return Err(Unread::Answer(format!("it lists `{}`, which was not asked about", excerpt(&id))));
        }
        if found.insert(id.clone(), marks.facts()?).is_some() {
            return Err(Unread::Answer(format!("it lists `{id}` twice")));
        }
    }
    let facts = query.resources().iter().map(|resource| (resource.clone(), found.remove(resource.id())));
    Ok(facts.map(|(resource, facts)| (resource, facts.unwrap_or_default())).collect())
}

impl Marks {
    fn facts(self) -> Result<Context, Unread> {
        let mut facts = Context::default();
        for tag in self.tags.tags {
            let key = ContextKey::tag(&tag.key);
            if facts.has(&key) {
                return Err(Unread::Answer(format!("it gives the tag `{}` twice", excerpt(&tag.key))));
            }
            facts.add(key, tag.value.as_str());
        }
        if !self.resource_group.is_empty() {
            facts.add(ContextKey::ResourceGroupId, self.resource_group.as_str());
        }
        Ok(facts)
    }
}
