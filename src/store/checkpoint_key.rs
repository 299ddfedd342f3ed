//! The file of the key that checkpoints are signed with.

use std::path::Path;

use crate::audit::{CheckpointKey, CheckpointPublicKey};
use crate::source::Complaint;

use super::file::read_source;
use super::private::{FileModes, read_private_source};

/// # Errors
/// A file that cannot be read, that others can read, or that holds no such key.
pub fn read_checkpoint_key(path: &Path, modes: FileModes) -> Result<CheckpointKey, Vec<Complaint>> {
    let source = read_private_source(path, modes).map_err(|complaint| vec![complaint])?.confidential();
    CheckpointKey::from_pem(source.text()).map_err(|error| {
        vec![source.error_without_place(error.to_string(), "make one: `ramgate key checkpoint --out FILE`")]
    })
}

/// # Errors
/// A file that cannot be read, or that holds no such key.
pub fn read_checkpoint_public_key(path: &Path) -> Result<CheckpointPublicKey, Vec<Complaint>> {
    let source = read_source(path).map_err(|complaint| vec![complaint])?;
    CheckpointPublicKey::from_pem(source.text()).map_err(|error| {
        vec![
            source
                .error_without_place(error.to_string(), "give the file that ends in `.pub`: it was made with the key"),
        ]
    })
}
