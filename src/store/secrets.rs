//! Key rings and the secrets they name.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::config::environment;
use crate::identity::{KeyRing, Secret, SecretPlace, WithoutSecret};
use ram_policy::{Diagnostic, Principal, PrincipalName, Source};

use super::private::{FileModes, PrivateFileError, read_private, read_private_source};

/// No secret is longer.
const LONGEST_SECRET: u64 = 4096;
/// How long a program may take to print a secret: it may have to ask a person.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads a key ring file. `principal` resolves a name to a principal.
///
/// # Errors
/// Every diagnostic about the file.
pub fn read_keyring(
    path: &Path,
    without_secret: WithoutSecret,
    principal: impl Fn(PrincipalName) -> Result<Principal, String>,
    modes: FileModes,
) -> Result<KeyRing, Vec<Diagnostic>> {
    let source = read_private_source(path, modes).map_err(|diagnostic| vec![diagnostic])?;
    let folder = path.parent().unwrap_or(Path::new("."));
    read_keyring_text(&source, folder, without_secret, principal, modes)
}

/// The same for a text already read; secret files are relative to `folder`.
///
/// # Errors
/// Every diagnostic about the text.
pub fn read_keyring_text(
    source: &Source,
    folder: &Path,
    without_secret: WithoutSecret,
    principal: impl Fn(PrincipalName) -> Result<Principal, String>,
    modes: FileModes,
) -> Result<KeyRing, Vec<Diagnostic>> {
    KeyRing::read(source, without_secret, principal, |place| read_secret(place, folder, modes))
}

/// Fetches a secret from where it is kept.
///
/// # Errors
/// Why it cannot be had, in words.
pub fn read_secret(place: &SecretPlace, folder: &Path, modes: FileModes) -> Result<Secret, String> {
    let text = match place {
        SecretPlace::Environment(name) => {
            // Not quoted: the operator may have put the secret itself there by mistake.
            environment(name).ok_or_else(|| "the environment variable that `secret_env` names is not set".to_owned())?
        }
        SecretPlace::File(path) => {
            let path = folder.join(path);
            let bytes = read_private(&path, LONGEST_SECRET, modes).map_err(|error| match error {
                PrivateFileError::Unreadable { .. } => format!("the secret file {error}"),
                error => error.in_one_line(),
            })?;
            String::from_utf8(bytes).map_err(|_| format!("the secret file `{}` is not UTF-8", path.display()))?
        }
        SecretPlace::Command(command) => printed(command, folder)?,
    };
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() { Err("the secret is empty".to_owned()) } else { Ok(Secret::new(text)) }
}

/// What a program prints. None of it is ever quoted, and what it says on standard error is the person's to see, not the
/// log's.
fn printed(command: &[String], folder: &Path) -> Result<String, String> {
    let [program, arguments @ ..] = command else { return Err("`secret_command` names no program".to_owned()) };
    let failed = |why: String| format!("`{program}` gave no secret: {why}");
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let (sender, receiver) = channel();
    let stdout = child.stdout.take();
    thread::spawn(move || {
        let mut text = Vec::new();
        let read = stdout.map(|stdout| stdout.take(LONGEST_SECRET + 1).read_to_end(&mut text));
        // The receiver is gone if the program took too long.
        let _ = sender.send((read.is_some_and(|read| read.is_ok()), text));
    });
    let ended = receiver.recv_timeout(PATIENCE).map_err(|_| format!("it took longer than {} s", PATIENCE.as_secs()));
    if ended.as_ref().map_or(true, |(_, text)| text.len() as u64 > LONGEST_SECRET) {
        // It may have exited already.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    let (read, text) = ended.map_err(failed)?;
    if text.len() as u64 > LONGEST_SECRET {
        return Err(failed(format!("it printed more than {LONGEST_SECRET} bytes")));
    }
    if !read || !status.success() {
        return Err(failed(format!("it ended with {status}")));
    }
    String::from_utf8(text).map_err(|_| failed("it printed something that is not UTF-8".to_owned()))
}
