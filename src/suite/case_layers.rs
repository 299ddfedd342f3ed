//! Builds the layers of a case's principal from the policies of the case.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::Catalog;
use ram_policy::{
    AttachedTo, Diagnostic, Document, Identity, Layers, Library, PolicySet, PolicySetBuilder, Principal, Scoped, Source,
};

use super::case::{Case, CasePolicy, PolicyKind};

/// The policies that apply to the principal of a case.
pub(super) struct CaseLayers {
    pub(super) layers: Layers,
    pub(super) session: Option<Arc<PolicySet>>,
}

/// Why a case has no decision.
#[derive(Debug)]
pub enum CaseError {
    /// Documents do not load: the diagnostics.
    Rejected(Vec<Diagnostic>),
    /// The case is invalid: the reason, as a text for people.
    Broken(String),
}

/// The layers of the principal. Documents attached to other holders are left out, but must still load.
pub(super) fn case_layers(case: &Case, principal: &Principal) -> Result<CaseLayers, CaseError> {
    let (mut library, mut rejected) = (Library::default(), Vec::new());
    let mut documents = Vec::with_capacity(case.policies.len());
    for (at, policy) in case.policies.iter().enumerate() {
        let name = format!("policies-{at}");
        match library.document(&name, &Source::new(format!("{}/{name}", case.name), policy.document.get())) {
            Ok(document) => documents.push((policy, Arc::new(document))),
            Err(diagnostics) => rejected.extend(diagnostics),
        }
    }
    if !rejected.is_empty() {
        return Err(CaseError::Rejected(rejected));
    }
    let mut held = CasePolicies::default();
    for (policy, document) in documents {
        held.add(case, principal, policy, document).map_err(CaseError::Broken)?;
    }
    held.finish(case)
}

#[derive(Default)]
struct CasePolicies {
    levels: BTreeMap<String, Vec<Arc<Document>>>,
    session: Vec<Arc<Document>>,
    account: Vec<(AttachedTo, Arc<Document>)>,
    groups: Vec<(AttachedTo, String, Arc<Document>)>,
}

impl CasePolicies {
    fn add(
        &mut self,
        case: &Case,
        principal: &Principal,
        policy: &CasePolicy,
        document: Arc<Document>,
    ) -> Result<(), String> {
        match policy.kind {
            PolicyKind::Control => {
                let level = policy.level.clone().ok_or("a control policy needs a `level`")?;
                self.levels.entry(level).or_default().push(document);
            }
            PolicyKind::Session => self.session.push(document),
            PolicyKind::Identity => {
                let attached = policy.attached_to.as_deref().ok_or("an identity policy needs `attached_to`")?;
                let Some(to) = holder(attached, case, principal)? else { return Ok(()) };
                match policy.scope.as_deref().unwrap_or("account") {
                    "account" => self.account.push((to, document)),
                    scope => {
                        let group = scope.strip_prefix("resource-group:");
                        let group = group.ok_or_else(|| format!("unknown scope `{scope}`"))?;
                        self.groups.push((to, group.to_owned(), document));
                    }
                }
            }
        }
        Ok(())
    }

    fn finish(self, case: &Case) -> Result<CaseLayers, CaseError> {
        let mut sets = PolicySetBuilder::new(Catalog::bundled().indexed_actions());
        let levels: Vec<_> = self
            .levels
            .into_iter()
            .map(|(level, documents)| sets.set(AttachedTo::Level(level.as_str().into()), documents))
            .collect();
        let account: Vec<_> = self.account.into_iter().map(|(to, document)| sets.set(to, vec![document])).collect();
        let scoped = self.groups.into_iter().map(|(to, group, document)| Scoped {
            resource_group: group.as_str().into(),
            set: sets.set(to, vec![document]),
        });
        let mut layers = Layers::identity(account).scoped(scoped.collect());
        if !case.request.principal.service_linked {
            layers = layers.under(&levels.into());
        }
        let mut session = self.session.into_iter();
        match (session.next(), session.next()) {
            (_, Some(_)) => Err(CaseError::Broken("a session has at most one policy".to_owned())),
            (policy, None) => {
                let session = policy.map(|document| PolicySet::session(document, sets.action_slots()));
                Ok(CaseLayers { layers, session })
            }
        }
    }
}

/// How an attachment applies to the principal; `None` if it belongs to another holder.
fn holder(attached: &str, case: &Case, principal: &Principal) -> Result<Option<AttachedTo>, String> {
    let (kind, name) = attached.split_once(':').ok_or_else(|| format!("`{attached}` is not a valid holder"))?;
    let identity = principal.identity();
    match kind {
        "user" => Ok(matches!(identity, Identity::User(user) if **user == *name).then_some(AttachedTo::User)),
        "role" => Ok(matches!(identity, Identity::Role(role) if **role == *name).then_some(AttachedTo::Role)),
        "group" => {
            let joined = case.request.principal.groups.iter().any(|joined| joined == name);
            let member = joined && matches!(identity, Identity::User(_));
            Ok(member.then(|| AttachedTo::Group(name.into())))
        }
        _ => Err(format!("`{attached}` is not a valid holder")),
    }
}
