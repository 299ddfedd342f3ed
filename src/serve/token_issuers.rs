//! Issuers of bearer tokens, and the keys that verify their tokens (`[[identity.jwt]]`).

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{MappedSubject, TokenKeysPlace, TokenSettings};
use crate::gateway::{IssuerKeys, KeyPlace, SharedKeys};
use crate::identity::{TokenIssuer, TokenMapping};
use crate::pdp::Directory;

use super::error::StartError;
use super::reloads::Reloads;
use super::trust::client_trust;

/// A trusted token issuer whose mapped principals have been looked up.
pub(super) struct Issuer {
    settings: TokenSettings,
    principals: Vec<TokenMapping>,
    tls: rustls::ClientConfig,
}

/// Looks up the principals of the subjects, and reads the certificates to trust.
pub(super) fn look_up(tokens: &[TokenSettings], directory: &Directory) -> Result<Vec<Issuer>, StartError> {
    let issuer = |settings: &TokenSettings| {
        let mapped = settings.principals.iter().map(|mapped| {
            let MappedSubject { subject, claims, principal } = mapped.clone();
            let principal = directory.named(principal).map_err(|unknown| {
                let what = format!("tokens of `{}`: {unknown}", settings.issuer);
                StartError::new(what, "name users and roles of the account file in `[[identity.jwt]]`")
            })?;
            Ok(TokenMapping { subject, claims, principal })
        });
        let principals = mapped.collect::<Result<_, StartError>>()?;
        let tls = client_trust(settings.ca_file.as_deref(), "identity.jwt.ca_file", "an issuer's")?;
        Ok(Issuer { settings: settings.clone(), principals, tls })
    };
    tokens.iter().map(issuer).collect()
}

/// Reads every issuer's keys for the first time, and keeps them fresh. A file must exist. A server may be unreachable:
/// its tokens are answered with 503 until it is back.
pub(super) async fn start(
    issuers: Vec<Issuer>,
    reloads: &Reloads,
    servers: &TaskTracker,
    shutdown: &CancellationToken,
) -> Result<(Vec<TokenIssuer>, Vec<Arc<IssuerKeys>>), StartError> {
    let (mut judged, mut kept) = (Vec::new(), Vec::new());
    for Issuer { settings, principals, tls } in issuers {
        let place = match settings.keys {
            TokenKeysPlace::File(path) => KeyPlace::File(path),
            TokenKeysPlace::Url(url) => KeyPlace::Url(url),
            TokenKeysPlace::Discovery => KeyPlace::Discovery,
        };
        let file = matches!(place, KeyPlace::File(_));
        let keys = Arc::new(IssuerKeys::new(settings.issuer.as_str().into(), place, tls, settings.refresh));
        match keys.read().await {
            Err(why) if file => return Err(StartError::new(why, "fix `jwks` in `[[identity.jwt]]`")),
            Err(why) => tracing::error!("{why}; its tokens are refused until the keys can be read"),
            Ok(()) => {}
        }
        servers.spawn(Arc::clone(&keys).keep(shutdown.clone()));
        servers.spawn(read_again(Arc::clone(&keys), reloads.clone(), shutdown.clone()));
        judged.push(TokenIssuer {
            issuer: settings.issuer.into(),
            provider: settings.provider.map(Into::into),
            audience: settings.audience,
            algorithms: settings.algorithms,
            not_before: settings.not_before,
            leeway: settings.leeway,
            principals,
            keys: Box::new(SharedKeys(Arc::clone(&keys))),
        });
        kept.push(keys);
    }
    Ok((judged, kept))
}

/// Reads an issuer's keys at each reload. If they cannot be read, the last good set stays in use.
async fn read_again(keys: Arc<IssuerKeys>, mut reloads: Reloads, shutdown: CancellationToken) {
    while shutdown.run_until_cancelled(reloads.next()).await.is_some() {
        match keys.read().await {
            Ok(()) => tracing::info!(issuer = keys.issuer(), "the keys of a token issuer were read again"),
            Err(why) => tracing::error!("{why}; the previous keys stay in use"),
        }
    }
}
