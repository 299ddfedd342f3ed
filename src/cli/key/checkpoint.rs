//! `ramgate key checkpoint`: makes the key pair that signs checkpoints of the audit log.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::audit::NewCheckpointKey;
use crate::store::write_private_pair;

use super::super::exit::{Exit, Failure};

/// Makes a key pair for checkpoints of the audit log
///
/// The private key is written to the file, which only its owner may read, and the public key to the same name with
/// `.pub` appended. Auditors need the public key, from a place that the gateway's host cannot write to.
#[derive(Debug, Args)]
#[command(after_help = "\
Example: ramgate key checkpoint --out checkpoint.key")]
pub(in super::super) struct CheckpointKeyFile {
    /// The file for the private key; it must not exist yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl CheckpointKeyFile {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let no_randomness = |_| Failure::new("the system did not supply random numbers", "try again");
        let key = NewCheckpointKey::random().map_err(no_randomness)?;
        let mut public = self.out.clone().into_os_string();
        public.push(".pub");
        let public = PathBuf::from(public);
        write_private_pair((&self.out, &key.private), (&public, &key.public))
            .map_err(|(path, error)| cannot(path, &error.to_string()))?;
        say!("{}: key `{}`; the public key is in {}", self.out.display(), key.id, public.display());
        say!("add it to the configuration: [audit.checkpoint] key_file = \"{}\"", self.out.display());
        Ok(Exit::Yes)
    }
}

fn cannot(path: &Path, why: &str) -> Failure {
    let what = format!("`{}` cannot be written: {why}", path.display());
    Failure::new(what, "name a file that does not exist, in a writable folder: an existing key is never replaced")
}
