//! Reads key rings and the secrets that they name.

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

/// In bytes, far above any secret.
const LONGEST_SECRET: u64 = 4096;
/// The time limit for a program that prints a secret. It may have to ask a person.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads a key ring file. `principal` resolves a name to a principal.
///
/// # Errors
/// All diagnostics about the file.
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

/// Reads the text of a key ring. Paths of secret files are relative to `folder`.
///
/// # Errors
/// All diagnostics about the text.
pub fn read_keyring_text(
    source: &Source,
    folder: &Path,
    without_secret: WithoutSecret,
    principal: impl Fn(PrincipalName) -> Result<Principal, String>,
    modes: FileModes,
) -> Result<KeyRing, Vec<Diagnostic>> {
    KeyRing::read(source, without_secret, principal, |place| read_secret(place, folder, modes))
}

/// Reads a secret from a variable, a file or a program.
///
/// # Errors
/// The secret cannot be read; the text is for people.
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

/// The output of a program. It is never quoted in errors. The program's standard error goes to the gateway's own, for
/// the operator to read.
fn printed(command: &[String], folder: &Path) -> Result<String, String> {
    let [program, arguments @ ..] = command else { return Err("`secret_command` does not name a program".to_owned()) };
    let failed = |why: String| format!("`{program}` did not print a secret: {why}");
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
    String::from_utf8(text).map_err(|_| failed("its output is not UTF-8".to_owned()))
}
