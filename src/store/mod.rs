//! Files on disk: policy directories, key rings, secrets, keys, tests, and the nonce store.
//!
//! Only this module opens these files; other modules receive values. Must not know: HTTP, callers, the purpose of a
//! decision.

mod account;
mod demo;
mod directory;
mod documents;
mod file;
mod key_files;
mod loaded_files;
mod nonces;
mod private;
mod quota;
mod raw_account;
mod resources;
mod secrets;
mod space;
mod test_files;
mod write;

pub use account::PolicyFiles;
pub use demo::{DEMO_KEYRING, demo_policies};
pub use directory::{AttributeSource, LoadedAccount, LoadedPolicies, load_directories, read_directory};
pub use documents::LoadedDocument;
pub use file::{read_bounded, read_source};
pub use key_files::{TlsFiles, read_checkpoint_key, read_checkpoint_public_key, read_issuer_keys, read_tls_files};
pub use loaded_files::{LoadedFileKind, LoadedFiles, secret_files_of_keyring};
pub use nonces::{FileNonces, NonceFileError, NonceFileSettings};
pub use private::FileModes;
pub use secrets::{read_keyring, read_keyring_text, read_secret};
pub use space::{free_space, listen_backlog_limit};
pub use test_files::{TestKind, TestText, policy_directory_of, read_test_files};
pub use write::{replace_file, replace_private, write_private, write_private_pair};
