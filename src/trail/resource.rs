//! What a call was about.

use super::text::Lists;

/// `ACS::ECS::Instance` and the instance's id; old events have the short form, `VSwitch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    pub kind: String,
    pub name: String,
}

impl Resource {
    /// Types are joined with `;`, and the names of one type with `,`, in step with the types (`spec/ecs-eni.md` C.1).
    pub(super) fn all(referenced: Lists, kinds: Option<&str>, names: Option<&str>) -> Vec<Self> {
        let of_kind = |kind: &str, names: Vec<String>| -> Vec<Self> {
            names.into_iter().map(|name| Self { kind: kind.to_owned(), name }).collect()
        };
        if !referenced.0.is_empty() {
            return referenced.0.into_iter().flat_map(|(kind, names)| of_kind(&kind, names)).collect();
        }
        let (Some(kinds), Some(names)) = (kinds, names) else { return Vec::new() };
        let together = kinds.split(';').zip(names.split(';'));
        together.flat_map(|(kind, names)| of_kind(kind, names.split(',').map(str::to_owned).collect())).collect()
    }
}
