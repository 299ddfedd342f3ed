//! The reason for a decision in one line, at a bounded cost: for the answer and the log line of every denied call.
//!
//! The text is the same as that of [`Summary`](crate::Summary), which has a whole proof, except that the search for the
//! nearest statement is bounded.

use std::fmt;

use crate::explain::deciding::PossibleDeny;
use crate::explain::proof::ResourceProof;
use crate::explain::words::{MOST_NAMED, write_refusal};
use crate::judge::evaluate::Decision;
use crate::judge::nearest::Nearest;
use crate::judge::nearness::Examined;
use crate::judge::request::Request;
use crate::judge::set::StatementRef;
use crate::judge::verdict::{Grounds, Judged, Verdict};
use crate::name::arn::Resource;

/// The reason for a decision, which is displayed in one line. Made by [`Decision::reason`].
#[derive(Clone, Debug)]
pub struct Reason<'a> {
    /// `None` if the request names no resource.
    decisive: Option<(&'a Resource<'a>, Why<'a>)>,
}

/// The reason for the verdict on one resource.
#[derive(Clone, Debug)]
pub(crate) struct Why<'a> {
    pub(crate) judged: Judged,
    pub(crate) quarantined: Option<&'a str>,
    pub(crate) possible_deny: Option<PossibleDeny<'a>>,
    pub(crate) deciding: Vec<StatementRef<'a>>,
    pub(crate) nearest: Option<Nearest<'a>>,
}

impl Decision {
    /// Why the request was denied: the verdict, the resource that decides, and the statements that denied it or the one
    /// that came closest to allowing it.
    ///
    /// The cost does not grow with the number of statements. If the search for the closest statement ended early, the
    /// text says `nearest of those examined`. For an allowed request, use [`Proof::summary`](crate::Proof::summary),
    /// which names the statements for all resources. `request` must be the request that was evaluated.
    pub fn reason<'a>(&'a self, request: &Request<'a>) -> Reason<'a> {
        let decisive = self.decisive().and_then(|(at, judged)| {
            let resource = request.resource(at)?;
            Some((resource, self.why(request, at, judged)))
        });
        Reason { decisive }
    }

    fn why<'a>(&'a self, request: &Request<'a>, at: usize, judged: Judged) -> Why<'a> {
        let mut why = Why { judged, quarantined: None, possible_deny: None, deciding: Vec::new(), nearest: None };
        match judged.grounds {
            Grounds::Quarantine => why.quarantined = self.layers.quarantine(),
            Grounds::Unknown(_) => why.possible_deny = self.possible_deny(request, at),
            Grounds::Policies(_) if judged.verdict == Verdict::ImplicitDeny => {
                why.nearest = self.nearest_miss(request, at, judged);
            }
            // One more than is named, to find out whether there are more.
            Grounds::Policies(_) => {
                let deciding = self.deciding_at_most(request, at, MOST_NAMED + 1);
                why.deciding = deciding.into_iter().map(|(_, at)| at).collect();
            }
            _ => {}
        }
        why
    }
}

impl<'a> ResourceProof<'a> {
    /// The reason from the whole proof, for which every statement was examined.
    pub(crate) fn why(&self) -> Why<'a> {
        Why {
            judged: self.judged,
            quarantined: self.quarantined,
            possible_deny: self.possible_deny(),
            deciding: self.deciding().map(|(_, at)| at).collect(),
            nearest: self.nearest_miss().map(|(at, mismatch)| Nearest { at, mismatch, examined: Examined::Enough }),
        }
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.decisive {
            Some((resource, why)) => write_refusal(f, resource, why),
            None => write!(f, "{}: the request names no resource", Verdict::ImplicitDeny),
        }
    }
}
