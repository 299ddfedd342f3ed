//! What may go on as the caller wrote it, where a call is passed on with its own signature.

use super::bind_fault::BindFault;
use super::call::Call;
use super::load::Catalog;

impl Catalog {
    /// What a rebuilt call would go on without goes on too: it has no effect, or names the account that was judged.
    ///
    /// # Errors
    /// A claim of the caller's about where it is, which somebody further on might believe.
    pub fn check_as_received(&self, call: &Call) -> Result<(), BindFault> {
        match call.left_out().iter().find(|name| self.claims.contains(name)) {
            Some(claim) => Err(BindFault::Claim { parameter: claim.clone() }),
            None => Ok(()),
        }
    }
}
