//! Warns when files that are read only at startup change afterwards.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::config::{Endpoint, OwnKey, OwnKeys, Settings};
use crate::gateway::ChangedFiles;
use crate::identity::SecretPlace;
use crate::store::{LoadedFileKind, LoadedFiles, secret_files_of_keyring};

use super::reloads::Reloads;

/// How often the files are compared.
const INTERVAL: Duration = Duration::from_secs(5);
/// The number of files that a message names; the others are counted.
const NAMED: usize = 4;

/// Remembers the files that a gateway is about to load.
pub(super) fn remember(
    configuration: Option<PathBuf>,
    settings: &Settings,
    policies: bool,
    keyring: bool,
) -> LoadedFiles {
    let mut files: Vec<_> = configuration.into_iter().map(|path| (LoadedFileKind::Configuration, path)).collect();
    if keyring {
        let secrets = secret_files_of_keyring(&settings.keyring);
        files.extend(secrets.into_iter().map(|path| (LoadedFileKind::KeyRing, path)));
        files.push((LoadedFileKind::KeyRing, settings.keyring.clone()));
    }
    files.extend(secrets(settings).map(|path| (LoadedFileKind::Secrets, path)));
    LoadedFiles::remember(files, if policies { settings.policies.clone() } else { Vec::new() })
}

/// Those of the gateway's own secrets and trusted certificates that are read only at startup.
fn secrets(settings: &Settings) -> impl Iterator<Item = PathBuf> {
    let own: Vec<&OwnKey> = match &settings.upstream.endpoint {
        Endpoint::Simulator | Endpoint::Server { keys: OwnKeys::None, .. } => Vec::new(),
        Endpoint::Server { keys: OwnKeys::One(key), .. } => vec![key],
        Endpoint::Server { keys: OwnKeys::OfAccount(keys), .. } => keys.iter().map(|(_, key)| key).collect(),
    };
    let own = own.into_iter().filter_map(|key| match key {
        OwnKey::Fixed { secret, .. } => file_of(secret),
        OwnKey::InstanceRole(_) => None,
    });
    let http = settings.audit.http.as_ref();
    let token = http.and_then(|http| http.token.as_ref()).and_then(file_of);
    let exchange = settings.issuer.as_ref().and_then(|issuer| issuer.exchange.as_ref());
    let trusted = [
        settings.upstream.ca_file.clone(),
        http.and_then(|http| http.ca_file.clone()),
        exchange.and_then(|exchange| exchange.ca_file.clone()),
        settings.audit.checkpoint.as_ref().map(|checkpoint| checkpoint.key_file.clone()),
    ];
    let issuers = settings.tokens.iter().filter_map(|issuer| issuer.ca_file.clone());
    let all: Vec<_> = own.chain(token).chain(trusted.into_iter().flatten()).chain(issuers).collect();
    all.into_iter()
}

fn file_of(place: &SecretPlace) -> Option<PathBuf> {
    match place {
        SecretPlace::File(path) => Some(path.clone()),
        SecretPlace::Environment(_) | SecretPlace::Command(_) => None,
    }
}

/// Compares the files every few seconds, and at each reload, until the shutdown. Each new set of differences is logged
/// once.
pub(super) async fn watch(
    mut files: LoadedFiles,
    marks: Arc<ChangedFiles>,
    mut reloads: Reloads,
    shutdown: CancellationToken,
) {
    let mut reported = BTreeSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = reloads.next() => {}
            () = tokio::time::sleep(INTERVAL) => {}
        }
        let looked = spawn_blocking(move || {
            let changed = files.changed();
            (files, changed)
        });
        let changed = match looked.await {
            Ok((again, changed)) => {
                files = again;
                changed
            }
            Err(error) => return tracing::error!(%error, "changed files are not reported until a restart"),
        };
        for (kind, _) in LoadedFileKind::ALL {
            marks.mark(kind, changed.iter().any(|(changed, _)| *changed == kind));
        }
        if changed != reported {
            report(&changed);
        }
        reported = changed;
    }
}

fn report(changed: &BTreeSet<(LoadedFileKind, PathBuf)>) {
    if changed.is_empty() {
        return tracing::info!("all files have the same contents as at startup again");
    }
    let named = changed.iter().take(NAMED).map(|(kind, path)| format!("{} `{}`", kind.word(), path.display()));
    let mut named = named.collect::<Vec<_>>().join(", ");
    if changed.len() > NAMED {
        named.push_str(&format!(" and {} more", changed.len() - NAMED));
    }
    tracing::warn!(
        "files changed since startup; their old contents, revoked keys included, stay in force until a restart: {named}"
    );
}
