//! `region_aliases`: texts that a caller may send as `RegionId` in place of a region. Off by default.

use std::collections::BTreeMap;

use toml::Spanned;

use crate::ram::Region;

use super::reader::Reader;

pub(super) type RawAliases = BTreeMap<Spanned<String>, Spanned<String>>;

/// The region that each alias means. Some clients send the endpoint they are configured with as the region
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
    pub(super) fn region_aliases(&mut self, raw: RawAliases, served: &[Region]) -> RegionAliases {
        const LONGEST: usize = 255;
        let mut aliases = BTreeMap::new();
        for (alias, region) in raw {
            let sent = alias.get_ref();
            let visible = (1..=LONGEST).contains(&sent.len()) && sent.bytes().all(|byte| byte.is_ascii_graphic());
            if !visible {
                let title = format!("`{}` is not a valid alias of a region", sent.escape_debug());
                self.report(
                    alias.span(),
                    &title,
                    "write the text that the client sends, such as `ecs.example.com:8620`",
                );
            } else if served.iter().any(|region| region.as_str() == sent) {
                let title = format!("`{sent}` is itself a served region");
                self.report(alias.span(), &title, "remove the alias");
            }
            match served.iter().find(|served| served.as_str() == region.get_ref()) {
                Some(meant) => {
                    aliases.insert(alias.into_inner(), meant.clone());
                }
                None => {
                    let title = format!("`{}` is not a served region", region.get_ref());
                    self.report(region.span(), &title, "name one of `regions`");
                }
            }
        }
        RegionAliases(aliases)
    }
}
