//! `[[product]]`: further products behind the same gateway, selected by the host that a caller names.

use std::collections::HashSet;

use toml::Spanned;

use super::operations::OtherOperations;
use super::reader::Reader;

/// One product besides ECS. It shares the regions, keys and timeout of `[upstream]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductSettings {
    /// The service in its actions: `vpc` in `vpc:DescribeVSwitches`.
    pub name: String,
    /// The host names that select this product.
    pub hosts: Vec<String>,
    pub version: String,
    /// `{region}` is replaced with the call's region.
    pub url: String,
    pub other: OtherOperations,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawProduct {
    name: Option<Spanned<String>>,
    hosts: Vec<Spanned<String>>,
    version: Option<Spanned<String>>,
    url: Option<Spanned<String>>,
    other: Option<Spanned<String>>,
}

impl Reader<'_> {
    pub(super) fn products(&mut self, raw: Vec<Spanned<RawProduct>>, ecs: &[String]) -> Vec<ProductSettings> {
        let mut names = HashSet::new();
        let mut taken: HashSet<String> = ecs.iter().cloned().collect();
        raw.into_iter().filter_map(|product| self.product(product, &mut names, &mut taken)).collect()
    }

    fn product(
        &mut self,
        raw: Spanned<RawProduct>,
        names: &mut HashSet<String>,
        taken: &mut HashSet<String>,
    ) -> Option<ProductSettings> {
        let section = raw.span();
        let RawProduct { name, hosts, version, url, other } = raw.into_inner();
        let (Some(name), Some(version), false) = (name, version, hosts.is_empty()) else {
            let title = "a product needs `name`, `version` and `hosts`";
            self.report(section, title, "write `name = \"vpc\"`, `version = \"2016-04-28\"` and `hosts = [\"…\"]`");
            return None;
        };
        if !is_service(name.get_ref()) || !names.insert(name.get_ref().clone()) {
            let title = format!("`{}` is not a valid product name, or is given twice", name.get_ref());
            self.report(
                name.span(),
                &title,
                "write the service of its actions, such as `vpc`; ECS itself is `[upstream]`",
            );
        }
        if !is_version(version.get_ref()) {
            let title = format!("`{}` is not a valid API version", version.get_ref());
            self.report(version.span(), &title, "write the date of the version, such as `2016-04-28`");
        }
        let hosts = hosts.iter().map(|host| {
            let read = self.host(host);
            let of_ecs = read.starts_with("ecs.") || read.starts_with("ecs-");
            if (of_ecs && read.contains(".aliyuncs.com")) || !taken.insert(read.clone()) {
                let help = "give each product its own host names";
                self.report(host.span(), &format!("host `{read}` is already assigned to another product"), help);
            }
            read
        });
        let hosts = hosts.collect();
        let default_url = || format!("https://{}.{{region}}.aliyuncs.com", name.get_ref());
        let url = url.map_or_else(default_url, |url| self.url(&url));
        let said = other.as_ref().map(Spanned::span);
        let other = other.and_then(|other| OtherOperations::read(&other, self.source, self.diagnostics));
        let other = other.unwrap_or_default();
        if other == OtherOperations::Refuse {
            let title = "every call of this product would be refused: the catalogue has no files for its operations";
            self.report(said.unwrap_or(section), title, "write `other = \"evaluate\"`");
        }
        Some(ProductSettings { name: name.into_inner(), hosts, version: version.into_inner(), url, other })
    }
}

fn is_service(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text != "ecs"
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_version(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut digits =
        |count| parts.next().is_some_and(|part| part.len() == count && part.bytes().all(|b| b.is_ascii_digit()));
    digits(4) && digits(2) && digits(2) && parts.next().is_none()
}
