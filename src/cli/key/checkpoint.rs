//! `ramgate key checkpoint`: makes the key that checkpoints of the audit log are signed with.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::audit::NewCheckpointKey;
use crate::store::write_private_pair;

use super::super::exit::{Exit, Failure};

/// Makes a key for checkpoints of the audit log
///
/// The private key goes into the file, which only its owner may read, and the public one beside it, with `.pub`
/// appended: whoever verifies a log needs that, from a place that the gateway's host cannot write to.
#[derive(Debug, Args)]
#[command(after_help = "\
Example: ramgate key checkpoint --out checkpoint.key")]
pub(in super::super) struct CheckpointKeyFile {
    /// The file of the private key; it must not be there yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl CheckpointKeyFile {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let no_randomness = |_| Failure::new("the system gives no random numbers", "try again");
        let key = NewCheckpointKey::random().map_err(no_randomness)?;
        let mut public = self.out.clone().into_os_string();
        public.push(".pub");
        let public = PathBuf::from(public);
        write_private_pair((&self.out, &key.private), (&public, &key.public))
            .map_err(|(path, error)| cannot(path, &error.to_string()))?;
        say!("{}: key `{}`; the public key is in {}", self.out.display(), key.id, public.display());
        say!("name it in the configuration: [audit.checkpoint] key_file = \"{}\"", self.out.display());
        Ok(Exit::Yes)
    }
}

fn cannot(path: &Path, why: &str) -> Failure {
    let what = format!("`{}` cannot be written: {why}", path.display());
    Failure::new(what, "a key in use is never replaced: name another file, in a folder that can be written")
}
