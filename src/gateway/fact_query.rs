//! The gateway's own questions to ECS: what is known of these ENIs, or of these instances?
//!
//! A query names an operation that lists, a region and ids, and there is no way to make it name anything else: what
//! is sent in the gateway's name without a permit cannot change a thing.

use crate::ram::{AccountId, Parameters, ParametersBuilder, Place, Region, Resource};

/// As many ids as one call may name, and as one page of its answer may hold (`spec/ecs-eni.md` D.6).
const MOST_IDS: usize = 100;

/// A resource whose facts ECS can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct EcsResource {
    account: AccountId,
    region: Region,
    kind: EcsKind,
    id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum EcsKind {
    Eni,
    Instance,
}

/// One call that lists resources of one kind in one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FactQuery {
    /// One at least, all of one account, region and kind.
    resources: Vec<EcsResource>,
}

impl EcsResource {
    /// None for a resource that ECS is not asked about.
    pub(super) fn of(resource: &Resource<'_>) -> Option<Self> {
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

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    fn is_beside(&self, other: &Self) -> bool {
        (&self.account, &self.region, self.kind) == (&other.account, &other.region, other.kind)
    }
}

impl FactQuery {
    pub(super) const VERSION: &str = "2014-05-26";

    pub(super) fn about(resource: EcsResource) -> Self {
        Self { resources: vec![resource] }
    }

    /// Whether one more resource fits into the same call.
    pub(super) fn takes(&self, resource: &EcsResource) -> bool {
        self.resources.len() < MOST_IDS && self.resources[0].is_beside(resource)
    }

    pub(super) fn add(&mut self, resource: EcsResource) {
        debug_assert!(self.takes(&resource));
        self.resources.push(resource);
    }

    pub(super) fn resources(&self) -> &[EcsResource] {
        &self.resources
    }

    pub(super) fn account(&self) -> &AccountId {
        &self.resources[0].account
    }

    pub(super) fn region(&self) -> &Region {
        &self.resources[0].region
    }

    pub(super) fn kind(&self) -> EcsKind {
        self.resources[0].kind
    }

    pub(super) fn operation(&self) -> &'static str {
        match self.kind() {
            EcsKind::Eni => "DescribeNetworkInterfaces",
            EcsKind::Instance => "DescribeInstances",
        }
    }

    /// As the operation takes them (`spec/wire-protocol.md` 6): ids one by one, or in one string that holds a JSON
    /// array.
    pub(super) fn parameters(&self) -> Parameters {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(arn: &str) -> Option<EcsResource> {
        EcsResource::of(&arn.parse().unwrap())
    }

    #[test]
    fn only_enis_and_instances_of_ecs_are_asked_about() {
        let query = FactQuery::about(resource("acs:ecs:cn-hangzhou:1:instance/i-a").unwrap());
        let parameters: Vec<_> = query.parameters().iter().map(|p| format!("{}={}", p.name, p.value)).collect();
        assert_eq!(parameters, ["RegionId=cn-hangzhou", "PageSize=100", "InstanceIds=[\"i-a\"]"]);
        for other in ["acs:ecs:cn-hangzhou:1:securitygroup/sg-a", "acs:vpc:cn-hangzhou:1:eni/eni-a", "acs:ecs::1:eni/a"]
        {
            assert_eq!(resource(other), None, "{other}");
        }
    }

    #[test]
    fn one_call_asks_for_one_kind_in_one_region_of_one_account() {
        let mut query = FactQuery::about(resource("acs:ecs:cn-hangzhou:1:eni/eni-0").unwrap());
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
