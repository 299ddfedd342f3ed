//! What a caller may send as `RegionId` in place of a region: off unless it is written.

use std::collections::BTreeMap;

use toml::Spanned;

use crate::ram::Region;

use super::reader::Reader;

pub(super) type RawAliases = BTreeMap<Spanned<String>, Spanned<String>>;

/// The region that is meant by each text. A client that is told an endpoint may send that as its region
/// (`docs/spec/ecs-eni.md` A.2, Terway).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegionAliases(BTreeMap<String, Region>);

impl RegionAliases {
    pub fn new(aliases: impl IntoIterator<Item = (String, Region)>) -> Self {
        Self(aliases.into_iter().collect())
    }

    pub fn meant(&self, sent: &str) -> Option<&Region> {
        self.0.get(sent)
    }
}

impl Reader<'_> {
    pub(super) fn region_aliases(&mut self, written: RawAliases, served: &[Region]) -> RegionAliases {
        const LONGEST: usize = 255;
        let mut aliases = BTreeMap::new();
        for (alias, region) in written {
            let sent = alias.get_ref();
            let visible = (1..=LONGEST).contains(&sent.len()) && sent.bytes().all(|byte| byte.is_ascii_graphic());
            if !visible {
                let title = format!("`{}` is nothing that a caller can send as its region", sent.escape_debug());
                self.complain(alias.span(), &title, "write what the caller sends, such as `ecs.example.com:8620`");
            } else if served.iter().any(|region| region.as_str() == sent) {
                let title = format!("`{sent}` is a region that is served: it means itself");
                self.complain(alias.span(), &title, "leave it out");
            }
            match served.iter().find(|served| served.as_str() == region.get_ref()) {
                Some(meant) => {
                    aliases.insert(alias.into_inner(), meant.clone());
                }
                None => {
                    let title = format!("`{}` is not among the regions that are served", region.get_ref());
                    self.complain(region.span(), &title, "name one of `regions`");
                }
            }
        }
        RegionAliases(aliases)
    }
}
