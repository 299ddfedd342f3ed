//! Warnings about policies that exceed RAM's quotas. They load here, but RAM would reject them.

use crate::catalog::{AttachedQuota, RamQuotas};
use ram_policy::{Diagnostic, Source};

use super::documents::LoadedDocument;
use super::raw_account::{RawAccount, Text};

/// One warning for each exceeded quota, at the name of the user, group or role, or at the start of the document.
pub(super) fn warnings(raw: &[(Source, RawAccount)], documents: &[LoadedDocument]) -> Vec<Diagnostic> {
    let quotas = RamQuotas::bundled();
    let mut warnings = Vec::new();
    for (source, file) in raw {
        let mut attached = |name: &Text, kind: &str, policies: usize, quota: AttachedQuota| {
            if policies > quota.total() {
                let title = format!(
                    "the {kind} `{}` has {policies} policies; RAM allows at most {} ({} system and {} custom policies)",
                    name.get_ref(),
                    quota.total(),
                    quota.system,
                    quota.custom
                );
                warnings.push(source.warning(name.span(), title, help(quotas, "merge policies, or use groups")));
            }
        };
        for (name, user) in &file.users {
            attached(name, "user", user.policies.len(), quotas.policies_of_a_user);
        }
        for (name, group) in &file.groups {
            attached(name, "group", group.policies.len(), quotas.policies_of_a_group);
        }
        for (name, role) in &file.roles {
            attached(name, "role", role.policies.len(), quotas.policies_of_a_role);
        }
        for (name, user) in file.users.iter().filter(|(_, user)| user.groups.len() > quotas.groups_of_a_user) {
            let (groups, most) = (user.groups.len(), quotas.groups_of_a_user);
            let title = format!("the user `{}` is in {groups} groups; RAM allows at most {most}", name.get_ref());
            warnings.push(source.warning(name.span(), title, help(quotas, "remove the user from some groups")));
        }
    }
    for LoadedDocument { document, source, .. } in documents {
        let (characters, most) = (characters(source.text()), quotas.characters_of_a_document);
        if characters > most {
            let title = format!(
                "the policy `{}` has {characters} characters without white space; RAM allows at most {most}",
                document.name()
            );
            warnings.push(source.warning(0..0, title, help(quotas, "split it, or use wildcards")));
        }
    }
    warnings
}

fn help(quotas: &RamQuotas, remedy: &str) -> String {
    format!("{remedy}; see {} (of {}) for the quotas that can be raised", quotas.source, quotas.updated)
}

/// The number of characters without white space between JSON tokens. Whether RAM counts that white space is not
/// documented, so this is the least that RAM could count.
fn characters(text: &str) -> usize {
    let (mut count, mut in_string, mut escaped) = (0, false, false);
    for character in text.chars() {
        if in_string {
            count += 1;
            (in_string, escaped) = (escaped || character != '"', !escaped && character == '\\');
        } else if !character.is_ascii_whitespace() {
            count += 1;
            in_string = character == '"';
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_between_tokens_is_not_counted() {
        assert_eq!(characters(""), 0);
        assert_eq!(characters("{ \"a b\" :\n 1 }"), r#"{"a b":1}"#.len());
        assert_eq!(characters(r#"[ "a\" \\" , "é" ]"#), 14);
    }

    #[test]
    fn the_bundled_quotas_name_their_source() {
        let quotas = RamQuotas::bundled();
        assert!(quotas.source.starts_with("https://www.alibabacloud.com/"), "{quotas:?}");
        assert_eq!((quotas.policies_of_a_user.total(), quotas.characters_of_a_document), (30, 6144));
    }
}
