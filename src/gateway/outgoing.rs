//! What is judged, written down and sent: one value all the way, so that what is sent is what was judged.

use std::sync::Arc;

use crate::catalog::Call;
use crate::pdp::Subject;
use crate::ram::{Action, Resource, UnknownKeys};

use super::original::Original;

#[derive(Debug)]
pub(super) enum Outgoing {
    /// Rebuilt from its values when it is sent, and signed with the gateway's own key.
    Rebuilt(Call),
    /// Sent as it came.
    Original(Box<Original>),
}

impl AsRef<Call> for Outgoing {
    fn as_ref(&self) -> &Call {
        match self {
            Self::Rebuilt(call) => call,
            Self::Original(original) => original.call(),
        }
    }
}

impl Subject for Outgoing {
    fn action(&self) -> &Action {
        self.as_ref().action()
    }

    fn resources(&self) -> &[Resource<'_>] {
        self.as_ref().resources()
    }

    fn is_unlisted(&self) -> bool {
        self.as_ref().is_unlisted()
    }

    fn unknown_keys(&self) -> Arc<UnknownKeys> {
        Arc::clone(self.as_ref().unknown_keys())
    }
}
