//! Reads what lies on disk: policy directories, key rings, secrets, configurations.
//!
//! The one room that opens files to read them, so that everybody else is handed values. Must not know: HTTP, who
//! calls, what a decision is made for.

mod account;
#[cfg(feature = "identity")]
mod certificates;
#[cfg(feature = "identity")]
mod checkpoint_key;
mod demo;
mod directory;
mod documents;
mod file;
#[cfg(feature = "gateway")]
mod in_force;
#[cfg(feature = "identity")]
mod issuer_keys;
#[cfg(feature = "identity")]
mod nonces;
#[cfg(feature = "identity")]
mod private;
mod quota;
mod resources;
#[cfg(feature = "identity")]
mod secrets;
#[cfg(feature = "gateway")]
mod space;
mod test_files;
mod unknown_facts;
mod write;
mod written_account;

pub use account::PolicyFiles;
#[cfg(feature = "identity")]
pub use certificates::{TlsFiles, read_tls_files};
#[cfg(feature = "identity")]
pub use checkpoint_key::{read_checkpoint_key, read_checkpoint_public_key};
pub use demo::{DEMO_KEYRING, demo_policies};
pub use directory::{FactSource, Loaded, LoadedAccount, load_directories, read_directory};
pub use documents::LoadedDocument;
pub use file::{read_bounded, read_source};
#[cfg(feature = "gateway")]
pub use in_force::{FilesInForce, InForce, secret_files_of_keyring};
#[cfg(feature = "identity")]
pub use issuer_keys::read_issuer_keys;
#[cfg(feature = "identity")]
pub use nonces::{FileNonces, NonceFileFault, NonceFileSettings};
#[cfg(feature = "identity")]
pub use private::FileModes;
#[cfg(feature = "identity")]
pub use secrets::{read_keyring, read_keyring_text, read_secret};
#[cfg(feature = "gateway")]
pub use space::{free_space, listen_backlog_limit};
pub use test_files::{TestKind, TestText, policy_directory_of, read_test_files};
pub use write::{replace_file, replace_private, write_private, write_private_pair};
