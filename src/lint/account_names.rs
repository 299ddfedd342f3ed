//! The names in the account files: where each is, and which policies are in use.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;

use ram_policy::Source;

use super::finding::{About, Finding};
use super::reporter::Reporter;
use super::rule::{UNUSED_GROUP, UNUSED_POLICY};

/// The names of one account.
pub(super) struct AccountNames {
    /// The source to report for a name that is in no file.
    whole: Source,
    /// The places of names, by `user/NAME`, `role/NAME` or `group/NAME`.
    places: BTreeMap<String, (Source, Range<usize>)>,
    /// Policies that apply to some principal.
    used: BTreeSet<String>,
    empty_groups: Vec<String>,
}

/// The parts of an account file that hold names. The rest was checked when the file was loaded.
#[derive(Default, serde::Deserialize)]
struct RawAccountNames {
    #[serde(default)]
    users: BTreeMap<Spanned<String>, Holder>,
    #[serde(default)]
    groups: BTreeMap<Spanned<String>, Holder>,
    #[serde(default)]
    roles: BTreeMap<Spanned<String>, Holder>,
    #[serde(default)]
    control: Vec<Holder>,
}

#[derive(Default, serde::Deserialize)]
struct Holder {
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    policies: Vec<String>,
    #[serde(default)]
    scoped: Vec<Scoped>,
}

#[derive(serde::Deserialize)]
struct Scoped {
    policies: Vec<String>,
}

impl AccountNames {
    pub(super) fn read(files: &[Source]) -> Self {
        let written: Vec<(&Source, RawAccountNames)> =
            files.iter().filter_map(|source| Some((source, toml::from_str(source.text()).ok()?))).collect();
        let whole = files.first().cloned().unwrap_or_else(|| Source::new("account.toml", ""));
        let mut names = Self { whole, places: BTreeMap::new(), used: BTreeSet::new(), empty_groups: Vec::new() };
        let joined: BTreeSet<&String> =
            written.iter().flat_map(|(_, file)| file.users.values()).flat_map(|user| &user.groups).collect();
        for (source, file) in &written {
            for (kind, holders) in [("user", &file.users), ("role", &file.roles), ("group", &file.groups)] {
                for (name, holder) in holders {
                    let key = format!("{kind}/{}", name.get_ref());
                    if kind == "group" && !joined.contains(name.get_ref()) {
                        names.empty_groups.push(key.clone());
                    } else {
                        names.used.extend(holder.attached().cloned());
                    }
                    names.places.insert(key, ((*source).clone(), name.span()));
                }
            }
            names.used.extend(file.control.iter().flat_map(Holder::attached).cloned());
        }
        names
    }

    /// The file and span of a name.
    pub(super) fn place(&self, name: &str) -> (&Source, Range<usize>) {
        self.places.get(name).map_or((&self.whole, 0..0), |(source, span)| (source, span.clone()))
    }

    pub(super) fn unused_groups(&self) -> impl Iterator<Item = Finding> {
        self.empty_groups.iter().map(|name| {
            let (source, span) = self.place(name);
            let title = format!("the group `{}` has no members", name.trim_start_matches("group/"));
            let about = About { principal: Some(name.as_str().into()), ..About::default() };
            Finding::new(&UNUSED_GROUP, source, span, title, "add a user to it, or remove it").about(about)
        })
    }

    /// A finding at the top of a document, if it applies to no principal.
    pub(super) fn unused_policy(&self, reporter: &Reporter<'_>) -> Option<Finding> {
        let name = reporter.document.name();
        if self.used.contains(name) {
            return None;
        }
        let title = format!("the policy `{name}` is not attached");
        let help = "attach it in the account file, or remove it";
        let about = About { policy: Some(name.into()), ..About::default() };
        Some(Finding::new(&UNUSED_POLICY, reporter.source, 0..0, title, help).about(about))
    }
}

impl Holder {
    fn attached(&self) -> impl Iterator<Item = &String> {
        self.policies.iter().chain(self.scoped.iter().flat_map(|scoped| &scoped.policies))
    }
}
