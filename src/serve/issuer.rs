//! The issuer of temporary keys (`[identity.issuer]`): reads its keys, and reloads them.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::config::{ExchangeSettings, IssuerSettings};
use crate::gateway::{CredentialsListener, CredentialsUri, IdentityExchange, Issuing};
use crate::identity::{Issuer, Secret};
use crate::pdp::Directory;
use crate::store::{FileModes, read_issuer_keys};

use super::error::StartError;
use super::reloads::Reloads;
use super::trust::client_trust;

/// The issuer's files and settings, read and checked before a socket is opened.
pub(super) struct ReadyIssuer {
    exchange: Option<IdentityExchange>,
    /// The hosts and URIs of the credentials listener; empty without such a listener.
    pub(super) credentials: CredentialsListener,
    pub(super) keys: IssuerFile,
}

/// The issuer key file, read again when it changes.
pub(super) struct IssuerFile {
    path: PathBuf,
    modes: FileModes,
    text: Result<Secret, String>,
    issuer: Arc<Issuer>,
}

impl ReadyIssuer {
    pub(super) fn read(settings: &IssuerSettings, directory: &Directory, modes: FileModes) -> Result<Self, StartError> {
        let keys = IssuerFile::read(settings.key_file.clone(), modes)?;
        let exchange = settings.exchange.as_ref().map(exchange).transpose()?;
        let uris = settings.credentials.iter().flat_map(|credentials| &credentials.uris).map(|uri| {
            let role = directory.named(uri.role.clone()).map_err(|unknown| {
                let what = format!("credentials at `{}`: {unknown}", uri.path);
                StartError::new(what, "name a role of the account file")
            })?;
            let assumable = directory.entry(&role).and_then(|entry| entry.assumable.as_ref());
            let assumable = assumable.ok_or_else(|| {
                let what = format!("credentials at `{}`: the role `{}` has no trust policy", uri.path, role.identity());
                StartError::new(what, "give the role a `trust` policy that names the service `ecs.aliyuncs.com`")
            })?;
            let seconds = uri.duration.map(|duration| duration.as_secs());
            if seconds.is_some_and(|seconds| seconds > assumable.longest.as_secs()) {
                let longest = assumable.longest.as_secs();
                let what = format!("credentials at `{}`: a session of this role lasts at most {longest} s", uri.path);
                return Err(StartError::new(what, "shorten `duration`, or give the role a `max_session_duration`"));
            }
            let (path, from, session) = (uri.path.clone(), uri.from.clone(), uri.session.clone());
            Ok(CredentialsUri { path, role, from, session, seconds })
        });
        let uris = uris.collect::<Result<_, StartError>>()?;
        let hosts = settings.credentials.as_ref().map(|credentials| credentials.hosts.clone());
        let credentials = CredentialsListener { hosts: hosts.unwrap_or_default(), uris };
        Ok(Self { credentials, exchange, keys })
    }

    pub(super) fn issuing(&self) -> Issuing {
        Issuing { issuer: Arc::clone(&self.keys.issuer), exchange: self.exchange.clone() }
    }
}

fn exchange(settings: &ExchangeSettings) -> Result<IdentityExchange, StartError> {
    const NAME: &str = "identity.issuer.exchange.ca_file";
    let tls = client_trust(settings.ca_file.as_deref(), NAME, "the STS server's")?;
    Ok(IdentityExchange::new(settings.url.clone(), settings.audience.clone(), tls))
}

impl IssuerFile {
    fn read(path: PathBuf, modes: FileModes) -> Result<Self, StartError> {
        let (text, keys) = read_issuer_keys(&path, modes).map_err(StartError::Diagnostics)?;
        Ok(Self { path, modes, text: Ok(text), issuer: Arc::new(Issuer::new(keys)) })
    }

    /// Takes new keys into use when the file changes, until the shutdown. A file that is not valid changes nothing.
    pub(super) async fn watch(self, reloads: Reloads, shutdown: CancellationToken) {
        reloads.keep_looking(self, "the issuer keys are", Self::look_again, shutdown).await;
    }

    /// `requested` logs the result even if nothing changed.
    fn look_again(mut self, requested: bool) -> Self {
        let read = read_issuer_keys(&self.path, self.modes).map_err(|diagnostics| {
            diagnostics.into_iter().next().map(|diagnostic| diagnostic.title).unwrap_or_default()
        });
        let (text, keys) = match read {
            Ok((text, keys)) => (Ok(text), Some(keys)),
            Err(why) => (Err(why), None),
        };
        let same = match (&text, &self.text) {
            (Ok(new), Ok(old)) => new.is(old),
            (Err(new), Err(old)) => new == old,
            _ => false,
        };
        if same && !requested {
            return self;
        }
        match (&text, keys) {
            (_, Some(_)) if same => tracing::info!("the issuer keys have not changed"),
            (_, Some(keys)) => {
                self.issuer.replace(keys);
                tracing::info!("new issuer keys are in use");
            }
            (Err(why), None) => {
                tracing::error!("the new issuer keys are not valid; the old ones stay in use: {why}");
            }
            (Ok(_), None) => {}
        }
        self.text = text;
        self
    }
}
