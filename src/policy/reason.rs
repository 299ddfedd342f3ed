//! Why a decision was made, in one line, at a bounded cost: for the answer and the log line of every denied call.
//!
//! The text is the one that [`Summary`](super::Summary) writes from a whole proof, except that the nearest statement is
//! searched for with a bounded number of looks.

use std::fmt;

use crate::ram::Resource;

use super::decision::{Decision, Grounds, Judged};
use super::doubt::Doubt;
use super::explain::{MOST_NAMED, write_refusal};
use super::nearest::{Examined, Nearest};
use super::proof::ResourceProof;
use super::request::Request;
use super::set::StatementRef;
use super::verdict::Verdict;

/// Why a decision was made, in one line.
#[derive(Clone, Debug)]
pub struct Reason<'a> {
    /// `None` if the request does not name a resource.
    decisive: Option<(&'a Resource<'a>, Why<'a>)>,
}

/// What a verdict on one resource rests on.
#[derive(Clone, Debug)]
pub(super) struct Why<'a> {
    pub(super) judged: Judged,
    pub(super) quarantined: Option<&'a str>,
    pub(super) doubt: Option<Doubt<'a>>,
    pub(super) deciding: Vec<StatementRef<'a>>,
    pub(super) nearest: Option<Nearest<'a>>,
}

impl Decision {
    /// Why the call is denied. The request must be the one that was judged.
    pub fn reason<'a>(&'a self, request: &Request<'a>) -> Reason<'a> {
        let decisive = self.decisive().and_then(|(at, judged)| {
            let resource = request.resources.get(at)?;
            Some((resource, self.why(request, at, judged)))
        });
        Reason { decisive }
    }

    fn why<'a>(&'a self, request: &Request<'a>, at: usize, judged: Judged) -> Why<'a> {
        let mut why = Why { judged, quarantined: None, doubt: None, deciding: Vec::new(), nearest: None };
        match judged.grounds {
            Grounds::Quarantine => why.quarantined = self.layers.quarantine(),
            Grounds::Unknown(_) => why.doubt = self.doubt(request, at),
            Grounds::Policies(_) if judged.verdict == Verdict::ImplicitDeny => {
                why.nearest = self.nearest_miss(request, at, judged);
            }
            // One more than will be named, to find out whether there are more.
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
    /// The same from the whole proof, where nothing was passed over.
    pub(super) fn why(&self) -> Why<'a> {
        Why {
            judged: self.judged,
            quarantined: self.quarantined,
            doubt: self.doubt(),
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
