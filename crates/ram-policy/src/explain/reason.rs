//! Why a decision was made, in one line, at a bounded cost: for the answer and the log line of every denied call.
//!
//! The text is the one that [`Summary`](crate::Summary) writes from a whole proof, except that the nearest statement is
//! searched for with a bounded number of looks.

use std::fmt;

use crate::explain::possible_deny::PossibleDeny;
use crate::explain::proof::ResourceProof;
use crate::explain::words::{MOST_NAMED, write_refusal};
use crate::judge::decision::Decision;
use crate::judge::nearest::Nearest;
use crate::judge::nearness::Examined;
use crate::judge::request::Request;
use crate::judge::set::StatementRef;
use crate::judge::verdict::{Grounds, Judged, Verdict};
use crate::name::arn::Resource;

/// Why a decision was made, in one line.
#[derive(Clone, Debug)]
pub struct Reason<'a> {
    /// `None` if the request does not name a resource.
    decisive: Option<(&'a Resource<'a>, Why<'a>)>,
}

/// What a verdict on one resource rests on.
#[derive(Clone, Debug)]
pub(crate) struct Why<'a> {
    pub(crate) judged: Judged,
    pub(crate) quarantined: Option<&'a str>,
    pub(crate) possible_deny: Option<PossibleDeny<'a>>,
    pub(crate) deciding: Vec<StatementRef<'a>>,
    pub(crate) nearest: Option<Nearest<'a>>,
}

impl Decision {
    /// Why the call is denied. The request must be the one that was judged.
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
