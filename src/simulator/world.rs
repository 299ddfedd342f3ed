//! The world: vSwitches, instances and ENIs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ram::Region;
use ram_policy::{AccountId, Source};

use super::eni::{Eni, Mac};
use super::id::{EniId, InstanceId, VSwitchId};
use super::instance::{Instance, VSwitch};
use super::pool::AddressPool;

/// One account's instances and ENIs. A world is always consistent: [`World::read`] refuses any other.
#[derive(Clone, Debug)]
pub struct World {
    account: AccountId,
    vswitches: BTreeMap<VSwitchId, Arc<VSwitch>>,
    pools: BTreeMap<VSwitchId, AddressPool>,
    instances: BTreeMap<InstanceId, Instance>,
    enis: BTreeMap<EniId, Eni>,
    /// A counter for ids and MAC addresses, so that those of deleted ENIs are not reused.
    counted: u32,
}

impl World {
    /// The demo world that is compiled into the program.
    ///
    /// # Panics
    /// If the bundled file is invalid; a test reads it.
    pub fn demo() -> Self {
        let source = Source::new("demo/world.toml", include_str!("../../demo/world.toml"));
        Self::read(&source).unwrap_or_else(|diagnostics| panic!("the bundled world is invalid: {}", diagnostics[0]))
    }

    /// The account that owns everything in the world.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The regions that contain a vSwitch.
    pub fn regions(&self) -> Vec<Region> {
        let regions: BTreeSet<_> = self.vswitches.values().map(|vswitch| vswitch.region.clone()).collect();
        regions.into_iter().collect()
    }

    pub(super) fn empty(account: AccountId) -> Self {
        Self {
            account,
            vswitches: BTreeMap::new(),
            pools: BTreeMap::new(),
            instances: BTreeMap::new(),
            enis: BTreeMap::new(),
            counted: 0,
        }
    }

    pub(super) fn vswitch(&self, region: &Region, id: &str) -> Option<&Arc<VSwitch>> {
        self.vswitches.get(id).filter(|vswitch| vswitch.region == *region)
    }

    pub(super) fn instance(&self, region: &Region, id: &str) -> Option<&Instance> {
        self.instances.get(id).filter(|instance| instance.vswitch.region == *region)
    }

    pub(super) fn eni(&self, region: &Region, id: &str) -> Option<&Eni> {
        self.enis.get(id).filter(|eni| eni.vswitch.region == *region)
    }

    /// Looks in all regions.
    pub(super) fn vswitch_anywhere(&self, id: &str) -> Option<&Arc<VSwitch>> {
        self.vswitches.get(id)
    }

    /// Looks in all regions.
    pub(super) fn instance_anywhere(&self, id: &str) -> Option<&Instance> {
        self.instances.get(id)
    }

    pub(super) fn eni_mut(&mut self, id: &EniId) -> Option<&mut Eni> {
        self.enis.get_mut(id)
    }

    /// Sorted by id.
    pub(super) fn instances(&self, region: &Region) -> impl Iterator<Item = &Instance> {
        self.instances.values().filter(move |instance| instance.vswitch.region == *region)
    }

    /// Sorted by id.
    pub(super) fn enis(&self, region: &Region) -> impl Iterator<Item = &Eni> {
        self.enis.values().filter(move |eni| eni.vswitch.region == *region)
    }

    pub(super) fn pool(&mut self, vswitch: &str) -> Option<&mut AddressPool> {
        self.pools.get_mut(vswitch)
    }

    pub(super) fn add_vswitch(&mut self, vswitch: VSwitch, pool: AddressPool) {
        self.pools.insert(vswitch.id.clone(), pool);
        self.vswitches.insert(vswitch.id.clone(), Arc::new(vswitch));
    }

    pub(super) fn add_instance(&mut self, instance: Instance) {
        self.instances.insert(instance.id.clone(), instance);
    }

    pub(super) fn add_eni(&mut self, eni: Eni) {
        self.enis.insert(eni.id.clone(), eni);
    }

    pub(super) fn remove_eni(&mut self, id: &EniId) {
        let Some(eni) = self.enis.remove(id) else { return };
        if let Some(pool) = self.pools.get_mut(&eni.vswitch.id) {
            pool.release(eni.address);
        }
    }

    /// A new MAC address. There are sixteen million of them.
    pub(super) fn new_mac(&mut self) -> Mac {
        self.counted = self.counted.wrapping_add(1);
        Mac(self.counted)
    }

    /// A new ENI id.
    pub(super) fn new_eni_id(&mut self) -> EniId {
        loop {
            self.counted = self.counted.wrapping_add(1);
            let id: EniId = format!("eni-bp1sim{:014}", self.counted).parse().expect("digits make an id");
            if !self.enis.contains_key(&id) {
                return id;
            }
        }
    }
}
