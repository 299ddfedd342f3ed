//! The keys of a world file, and their reader.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Display;
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use toml::Spanned;

use crate::identity::parse_timestamp;
use ram_policy::{AccountId, Diagnostic, Source};

use super::eni::{Eni, EniKind, Labels, OnRelease};
use super::id::InstanceId;
use super::instance::{Instance, VSwitch};
use super::lifecycle::{Attachment, EniStatus, Life};
use super::pool::AddressPool;
use super::world::World;

type Text = Spanned<String>;

/// The creation time of objects without a date: 2026-01-01T00:00:00Z.
const BEGINNING: Timestamp = Timestamp::constant(1_767_225_600, 0);

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWorld {
    schema: Option<Spanned<u32>>,
    account: Text,
    #[serde(default)]
    vswitch: Vec<RawVSwitch>,
    #[serde(default)]
    instance: Vec<RawInstance>,
    #[serde(default)]
    eni: Vec<RawEni>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVSwitch {
    id: Text,
    vpc: Text,
    region: Text,
    zone: Text,
    cidr: Text,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInstance {
    id: Text,
    vswitch: Text,
    #[serde(rename = "type")]
    instance_type: String,
    status: Option<Text>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    resource_group: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEni {
    id: Text,
    vswitch: Text,
    #[serde(rename = "type")]
    kind: Option<Text>,
    /// The default is `InUse` with an instance and `Available` without one.
    status: Option<Text>,
    instance: Option<Text>,
    #[serde(default)]
    network_card_index: u32,
    private_ip: Option<Text>,
    #[serde(default)]
    security_groups: Vec<Text>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    resource_group: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    created: Option<Text>,
}

impl World {
    /// Parses a world file: `schema = 1`, `account`, `[[vswitch]]`, `[[instance]]`, `[[eni]]`. See `demo/world.toml`
    /// for an example of each.
    ///
    /// # Errors
    /// All diagnostics about the file.
    pub fn read(source: &Source) -> Result<Self, Vec<Diagnostic>> {
        let raw: RawWorld = toml::from_str(source.text()).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            vec![source.error(span, error.message().to_lowercase(), "see `demo/world.toml` for the form of a world")]
        })?;
        let mut reader = Reader { source, diagnostics: Vec::new() };
        let world = reader.world(raw);
        let mut diagnostics = reader.diagnostics;
        diagnostics.sort_by_key(|diagnostic| diagnostic.span.as_ref().map(|span| span.start));
        world.filter(|_| diagnostics.is_empty()).ok_or(diagnostics)
    }
}

struct Reader<'a> {
    source: &'a Source,
    diagnostics: Vec<Diagnostic>,
}

/// The ids in the file, including those of objects that are otherwise invalid.
#[derive(Default)]
struct Seen {
    vswitches: HashSet<String>,
    instances: HashSet<String>,
    enis: HashSet<String>,
    /// The primary ENI of each instance, by the instance's id.
    primaries: HashMap<String, u32>,
    device_indices: HashMap<String, u32>,
}

impl Reader<'_> {
    fn world(&mut self, raw: RawWorld) -> Option<World> {
        if let Some(schema) = raw.schema.filter(|schema| *schema.get_ref() != 1) {
            self.report(&schema, "the schema is unknown", "this program reads `schema = 1`");
        }
        let account: Option<AccountId> = self.parse(&raw.account, "write the id that the console shows");
        let mut seen = Seen::default();
        // Without a valid account, parsing continues to find further errors.
        let placeholder = || "0".parse().expect("a digit is an account id");
        let mut world = World::empty(account.clone().unwrap_or_else(placeholder));
        if raw.vswitch.is_empty() {
            let help = "add a `[[vswitch]]`: it determines the region, zone and VPC of the objects in it";
            self.diagnostics.push(self.source.error_without_place("the world has no vSwitch", help));
        }
        for vswitch in &raw.vswitch {
            if self.is_new(&vswitch.id, &mut seen.vswitches)
                && let Some((vswitch, pool)) = self.vswitch(vswitch)
            {
                world.add_vswitch(vswitch, pool);
            }
        }
        for instance in &raw.instance {
            if self.is_new(&instance.id, &mut seen.instances)
                && let Some(instance) = self.instance(instance, &world, &seen)
            {
                world.add_instance(instance);
            }
        }
        // Addresses in the file are allocated first, so that automatic allocation does not take one of them.
        let addresses: Vec<_> = raw.eni.iter().map(|eni| self.fixed_address(eni, &mut world)).collect();
        for (eni, address) in raw.eni.iter().zip(addresses) {
            if self.is_new(&eni.id, &mut seen.enis)
                && let Some(eni) = self.eni(eni, address, &mut world, &mut seen)
            {
                world.add_eni(eni);
            }
        }
        for instance in &raw.instance {
            self.check_primaries(instance, &seen);
        }
        account.map(|_| world)
    }

    fn vswitch(&mut self, raw: &RawVSwitch) -> Option<(VSwitch, AddressPool)> {
        let id = self.parse(&raw.id, "a vSwitch id is `vsw-` and lower-case letters or digits");
        let vpc = self.parse(&raw.vpc, "a VPC id is `vpc-` and lower-case letters or digits");
        let region = self.parse(&raw.region, "write the region as the console shows it");
        let zone = self.parse(&raw.zone, "a zone id looks like `cn-hangzhou-h`");
        let pool = raw.cidr.get_ref().parse::<Ipv4Net>().ok().and_then(AddressPool::new);
        if pool.is_none() {
            let title = format!("`{}` is not a valid address block for a vSwitch", raw.cidr.get_ref());
            self.report(&raw.cidr, title, "write a block between /16 and /29, such as `10.0.1.0/24`");
        }
        Some((VSwitch { id: id?, vpc: vpc?, region: region?, zone: zone? }, pool?))
    }

    fn instance(&mut self, raw: &RawInstance, world: &World, seen: &Seen) -> Option<Instance> {
        let id = self.parse(&raw.id, "an instance id is `i-` and lower-case letters or digits");
        let vswitch = self.place(&raw.vswitch, world, seen);
        let help = "use `Pending`, `Starting`, `Running`, `Stopping` or `Stopped`";
        let status = self.parse_or_default(raw.status.as_ref(), help);
        Some(Instance {
            id: id?,
            vswitch: vswitch?,
            instance_type: raw.instance_type.clone(),
            status: status?,
            name: raw.name.clone(),
            resource_group: raw.resource_group.clone(),
            tags: raw.tags.clone(),
        })
    }

    fn eni(&mut self, raw: &RawEni, address: Option<Ipv4Addr>, world: &mut World, seen: &mut Seen) -> Option<Eni> {
        let id = self.parse(&raw.id, "an ENI id is `eni-`, `leni-` or `hdeni-` and lower-case letters or digits");
        let vswitch = self.place(&raw.vswitch, world, seen);
        let kind = match &raw.kind {
            None => Some(EniKind::Secondary),
            Some(kind) => self.parse(kind, "use `Primary`, `Secondary`, `Trunk` or `Member`"),
        };
        let created = self.created(raw.created.as_ref());
        let life = self.life(raw, kind, vswitch.as_deref(), world, seen, created.unwrap_or(BEGINNING));
        let groups = raw.security_groups.iter();
        let groups: Vec<_> = groups.map(|id| self.parse(id, "a security group id starts with `sg-`")).collect();
        let address = if raw.private_ip.is_some() { address } else { self.any_address(raw, world) };
        Some(Eni {
            id: id?,
            vswitch: vswitch?,
            kind: kind?,
            life: life?,
            mac: world.new_mac(),
            address: address?,
            security_groups: groups.into_iter().collect::<Option<_>>()?,
            labels: Labels {
                name: raw.name.clone(),
                description: raw.description.clone(),
                resource_group: raw.resource_group.clone(),
                tags: raw.tags.clone(),
            },
            on_release: OnRelease::default(),
            created: created?,
            client_token: None,
        })
    }

    /// The life cycle from status and instance. A transitional status in the file lasts forever.
    fn life(
        &mut self,
        raw: &RawEni,
        kind: Option<EniKind>,
        vswitch: Option<&VSwitch>,
        world: &World,
        seen: &mut Seen,
        since: Timestamp,
    ) -> Option<Life> {
        let status = match &raw.status {
            None if raw.instance.is_some() => EniStatus::InUse,
            None => EniStatus::Available,
            Some(status) => self.parse(status, "use `Available`, `Attaching`, `InUse` or `Detaching`")?,
        };
        let Some(named) = &raw.instance else {
            if kind? == EniKind::Primary {
                self.report(&raw.id, "a primary ENI without an instance", "name its `instance`");
                return None;
            }
            if status == EniStatus::Available {
                return Some(Life::available());
            }
            let place = raw.status.as_ref().unwrap_or(&raw.id);
            self.report(place, format!("`{status}` without an instance"), "name the `instance`, or remove the status");
            return None;
        };
        let instance = self.attached_to(named, vswitch, world, seen)?;
        if kind? == EniKind::Primary {
            *seen.primaries.entry(instance.as_str().to_owned()).or_default() += 1;
        }
        let device_index = match kind? {
            EniKind::Primary => 0,
            _ => {
                let index = seen.device_indices.entry(instance.as_str().to_owned()).or_default();
                *index += 1;
                *index
            }
        };
        let attachment = Attachment { instance, device_index, network_card_index: raw.network_card_index, since };
        match (status, kind?) {
            (EniStatus::InUse, _) => Some(Life::attached(attachment, since)),
            (EniStatus::Attaching, kind) if kind != EniKind::Primary => {
                Some(Life::attached(attachment, Timestamp::MAX))
            }
            (EniStatus::Detaching, kind) if kind != EniKind::Primary => {
                Some(Life::detaching(attachment, Timestamp::MAX))
            }
            (EniStatus::Available | EniStatus::Attaching | EniStatus::Detaching, _) => {
                let place = raw.status.as_ref().unwrap_or(&raw.id);
                let title = format!("`{status}` is not possible for this type with an instance");
                self.report(place, title, "remove the status or the instance");
                None
            }
        }
    }

    /// The instance that an ENI is attached to, which must exist and be in the same zone and VPC.
    fn attached_to(
        &mut self,
        named: &Text,
        vswitch: Option<&VSwitch>,
        world: &World,
        seen: &Seen,
    ) -> Option<InstanceId> {
        if !seen.instances.contains(named.get_ref()) {
            let title = format!("there is no instance `{}`", named.get_ref());
            self.report(named, title, "name an `[[instance]]` of this file");
            return None;
        }
        let (instance, vswitch) = (world.instance_anywhere(named.get_ref())?, vswitch?);
        let id = instance.id.clone();
        if instance.vswitch.vpc != vswitch.vpc || instance.vswitch.zone != vswitch.zone {
            let title = format!("`{id}` is in another zone or VPC than the ENI");
            self.report(named, title, "put both into vSwitches of the same zone and VPC");
            return None;
        }
        Some(id)
    }

    /// Allocates the address that the file specifies for an ENI.
    fn fixed_address(&mut self, raw: &RawEni, world: &mut World) -> Option<Ipv4Addr> {
        let text = raw.private_ip.as_ref()?;
        let address: Ipv4Addr = self.parse(text, "write an IPv4 address of the vSwitch, or remove it")?;
        if let Err(error) = world.pool(raw.vswitch.get_ref())?.take(address) {
            self.report(text, format!("`{address}`: {error}"), "write a free address of the vSwitch, or remove it");
            return None;
        }
        Some(address)
    }

    fn any_address(&mut self, raw: &RawEni, world: &mut World) -> Option<Ipv4Addr> {
        let address = world.pool(raw.vswitch.get_ref())?.take_any();
        if address.is_none() {
            let title = format!("`{}` has no address left", raw.vswitch.get_ref());
            self.report(&raw.vswitch, title, "give the vSwitch a larger block");
        }
        address
    }

    fn created(&mut self, raw: Option<&Text>) -> Option<Timestamp> {
        let Some(text) = raw else { return Some(BEGINNING) };
        let time = parse_timestamp(text.get_ref());
        if time.is_none() {
            let title = format!("`{}` is not a valid time", text.get_ref());
            self.report(text, title, "write it like `2026-01-01T00:00:00Z`");
        }
        time
    }

    fn check_primaries(&mut self, instance: &RawInstance, seen: &Seen) {
        let title = match seen.primaries.get(instance.id.get_ref()) {
            Some(1) => return,
            None => "the instance has no primary ENI",
            Some(_) => "the instance has more than one primary ENI",
        };
        let help = "give it one `[[eni]]` with `type = \"Primary\"` and its id as `instance`";
        self.report(&instance.id, title, help);
    }

    fn place(&mut self, named: &Text, world: &World, seen: &Seen) -> Option<Arc<VSwitch>> {
        if !seen.vswitches.contains(named.get_ref()) {
            let title = format!("there is no vSwitch `{}`", named.get_ref());
            self.report(named, title, "name a `[[vswitch]]` of this file");
            return None;
        }
        world.vswitch_anywhere(named.get_ref()).cloned()
    }

    fn is_new(&mut self, id: &Text, seen: &mut HashSet<String>) -> bool {
        let new = seen.insert(id.get_ref().clone());
        if !new {
            self.report(id, format!("`{}` is given twice", id.get_ref()), "keep one of the two");
        }
        new
    }

    fn parse<T: FromStr<Err: Display>>(&mut self, text: &Text, help: &str) -> Option<T> {
        match text.get_ref().parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.report(text, error.to_string(), help);
                None
            }
        }
    }

    fn parse_or_default<T: FromStr<Err: Display> + Default>(&mut self, text: Option<&Text>, help: &str) -> Option<T> {
        text.map_or_else(|| Some(T::default()), |text| self.parse(text, help))
    }

    fn report<T>(&mut self, place: &Spanned<T>, title: impl Into<String>, help: &str) {
        self.diagnostics.push(self.source.error(place.span(), title, help));
    }
}
