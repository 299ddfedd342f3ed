//! `[[product]]`: further products behind the same gateway, chosen by the host that is called.

use std::collections::HashSet;

use toml::Spanned;

use super::operations::OtherOperations;
use super::reader::Reader;

/// One product besides ECS. Its regions, keys and time limit are those of `[upstream]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductSettings {
    /// The service of its actions: `vpc` of `vpc:DescribeVSwitches`.
    pub name: String,
    /// The names by which callers call it.
    pub hosts: Vec<String>,
    pub version: String,
    /// `{region}` stands for the call's region.
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
    pub(super) fn products(&mut self, written: Vec<Spanned<RawProduct>>, ecs: &[String]) -> Vec<ProductSettings> {
        let mut names = HashSet::new();
        let mut taken: HashSet<String> = ecs.iter().cloned().collect();
        written.into_iter().filter_map(|product| self.product(product, &mut names, &mut taken)).collect()
    }

    fn product(
        &mut self,
        written: Spanned<RawProduct>,
        names: &mut HashSet<String>,
        taken: &mut HashSet<String>,
    ) -> Option<ProductSettings> {
        let section = written.span();
        let RawProduct { name, hosts, version, url, other } = written.into_inner();
        let (Some(name), Some(version), false) = (name, version, hosts.is_empty()) else {
            let title = "a product has a `name`, a `version`, and the `hosts` by which it is called";
            self.complain(section, title, "write `name = \"vpc\"`, `version = \"2016-04-28\"` and `hosts = [\"…\"]`");
            return None;
        };
        if !is_service(name.get_ref()) || !names.insert(name.get_ref().clone()) {
            let title = format!("`{}` is no name of a further product", name.get_ref());
            self.complain(name.span(), &title, "name each once, as its actions do: `vpc`; ECS is `[upstream]`");
        }
        if !is_version(version.get_ref()) {
            let title = format!("`{}` is no version of an API", version.get_ref());
            self.complain(version.span(), &title, "write the date that it goes by, such as `2016-04-28`");
        }
        let hosts = hosts.iter().map(|host| {
            let read = self.host(host);
            let of_ecs = read.starts_with("ecs.") || read.starts_with("ecs-");
            if (of_ecs && read.contains(".aliyuncs.com")) || !taken.insert(read.clone()) {
                let help = "a host chooses one product: give each names of its own";
                self.complain(host.span(), &format!("`{read}` is called for something else already"), help);
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
            let title = "nothing of this product would be forwarded: the catalogue has no file of its operations";
            self.complain(said.unwrap_or(section), title, "write `other = \"evaluate\"`");
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
