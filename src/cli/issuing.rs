//! The gateway as an issuer of keys: from its settings to parts that can run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::config::{ExchangeSettings, IssuerSettings};
use crate::gateway::{CredentialsListener, CredentialsUri, IdentityExchange, Issuing, client_tls};
use crate::identity::{Issuer, Secret};
use crate::pdp::Directory;
use crate::store::{FileModes, read_issuer_keys};

use super::exit::Failure;
use super::hangup::Reloads;
use super::http_client::read_roots;

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// What was read before a socket is opened.
pub(super) struct ReadyIssuer {
    exchange: Option<IdentityExchange>,
    /// What is served on the listener of the credentials; nothing where there is no such listener.
    pub(super) credentials: CredentialsListener,
    pub(super) keys: IssuerFile,
}

/// The issuer key file, looked at again and again.
pub(super) struct IssuerFile {
    path: PathBuf,
    modes: FileModes,
    text: Result<Secret, String>,
    issuer: Arc<Issuer>,
}

impl ReadyIssuer {
    pub(super) fn read(settings: &IssuerSettings, directory: &Directory, modes: FileModes) -> Result<Self, Failure> {
        let keys = IssuerFile::read(settings.key_file.clone(), modes)?;
        let exchange = settings.exchange.as_ref().map(exchange).transpose()?;
        let uris = settings.credentials.iter().flat_map(|credentials| &credentials.uris).map(|uri| {
            let role = directory.named(uri.role.clone()).map_err(|unknown| {
                let what = format!("credentials at `{}`: {unknown}", uri.path);
                Failure::new(what, "name a role of the account file")
            })?;
            let assumable = directory.standing(&role).and_then(|standing| standing.assumable.as_ref());
            let assumable = assumable.ok_or_else(|| {
                let what = format!("credentials at `{}`: nobody may assume `{}`", uri.path, role.identity());
                Failure::new(what, "give the role a `trust` policy that names the service `ecs.aliyuncs.com`")
            })?;
            let seconds = uri.duration.map(|duration| duration.as_secs());
            if seconds.is_some_and(|seconds| seconds > assumable.longest.as_secs()) {
                let longest = assumable.longest.as_secs();
                let what = format!("credentials at `{}`: a session of this role lasts {longest} s at most", uri.path);
                return Err(Failure::new(what, "shorten `duration`, or give the role a `max_session_duration`"));
            }
            let (path, from, session) = (uri.path.clone(), uri.from.clone(), uri.session.clone());
            Ok(CredentialsUri { path, role, from, session, seconds })
        });
        let uris = uris.collect::<Result<_, Failure>>()?;
        let hosts = settings.credentials.as_ref().map(|credentials| credentials.hosts.clone());
        let credentials = CredentialsListener { hosts: hosts.unwrap_or_default(), uris };
        Ok(Self { credentials, exchange, keys })
    }

    pub(super) fn issuing(&self) -> Issuing {
        Issuing { issuer: Arc::clone(&self.keys.issuer), exchange: self.exchange.clone() }
    }
}

fn exchange(settings: &ExchangeSettings) -> Result<IdentityExchange, Failure> {
    const NAME: &str = "identity.issuer.exchange.ca_file";
    let roots = settings.ca_file.as_deref().map(|path| read_roots(path, NAME)).transpose()?;
    let tls = client_tls(roots.as_deref())
        .map_err(|error| Failure::new(format!("the certificates of STS cannot be used: {error}"), "mend `ca_file`"))?;
    Ok(IdentityExchange::new(settings.url.clone(), settings.audience.clone(), tls))
}

impl IssuerFile {
    fn read(path: PathBuf, modes: FileModes) -> Result<Self, Failure> {
        let (text, keys) = read_issuer_keys(&path, modes).map_err(Failure::Complaints)?;
        Ok(Self { path, modes, text: Ok(text), issuer: Arc::new(Issuer::new(keys)) })
    }

    /// Takes new keys into use whenever the file changes, until the shutdown; what cannot be read changes nothing.
    pub(super) async fn watch(mut self, mut reloads: Reloads, shutdown: CancellationToken) {
        loop {
            let asked = tokio::select! {
                () = shutdown.cancelled() => return,
                () = reloads.next() => true,
                () = tokio::time::sleep(INTERVAL) => false,
            };
            match spawn_blocking(move || self.look_again(asked)).await {
                Ok(again) => self = again,
                Err(error) => return tracing::error!(%error, "the issuer keys are not read again until the next start"),
            }
        }
    }

    /// `asked` says whether the result is to be told even if nothing changed.
    fn look_again(mut self, asked: bool) -> Self {
        let read = read_issuer_keys(&self.path, self.modes)
            .map_err(|complaints| complaints.into_iter().next().map(|complaint| complaint.title).unwrap_or_default());
        let (text, keys) = match read {
            Ok((text, keys)) => (Ok(text), Some(keys)),
            Err(why) => (Err(why), None),
        };
        let same = match (&text, &self.text) {
            (Ok(new), Ok(old)) => new.is(old),
            (Err(new), Err(old)) => new == old,
            _ => false,
        };
        if same && !asked {
            return self;
        }
        match (&text, keys) {
            (_, Some(_)) if same => tracing::info!("the issuer keys are the ones in use"),
            (_, Some(keys)) => {
                self.issuer.replace(keys);
                tracing::info!("new issuer keys are in use");
            }
            (Err(why), None) => tracing::error!("the issuer keys are not taken, the old ones stay in use: {why}"),
            (Ok(_), None) => {}
        }
        self.text = text;
        self
    }
}
