//! `ramgate key token-file`: writes a temporary key to a file, for clients that can only read keys from files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::config::parse_duration;
use crate::gateway::now;
use crate::identity::{Credential, WithoutSecret};
use crate::ram::SessionName;
use crate::serve::read_roots;
use crate::store::{FileModes, read_bounded, read_keyring, replace_private};
use ram_policy::{Identity, LONGEST_SESSION_POLICY, Principal, PrincipalName};

use super::super::exit::{Exit, Failure};
use super::super::hangup::Hangups;
use super::super::http_client;
use super::super::runtime::{runtime, start_log, stop_on_signal};
use super::obtain::{ObtainKeyError, Obtained, Presented, Session, obtain};
use super::terway;

/// Gets a temporary key from a gateway and writes it to a file; with `--renew`, keeps it current
///
/// The command presents a token (`--oidc-token-file`), a key of the gateway's key ring (`--keyring`, `--key`), or a key
/// of the real STS from the environment (`--caller-identity`).
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 written, 1 the gateway refused, 2 the gateway could not be reached or the file could not be written.

Example beside Terway, which reads such a file at the `credentialPath` of its configuration:
  ramgate key token-file --endpoint https://ramgate.kube-system:8620 --out /var/addon/token-config --renew \\
    --role acs:ram::1234567890123456:role/terway --oidc-token-file /var/run/secrets/ramgate/token \\
    --oidc-provider acs:ram::1234567890123456:oidc-provider/ack-rrsa-c1")]
pub(in super::super) struct TokenFile {
    /// The gateway's URL
    #[arg(long, value_name = "URL", env = "RAMGATE_ENDPOINT")]
    endpoint: String,
    /// The role's ARN: `acs:ram::ACCOUNT:role/NAME`
    #[arg(long, value_name = "ARN", env = "ALIBABA_CLOUD_ROLE_ARN", required_unless_present = "caller_identity")]
    role: Option<String>,
    /// The file to write; it is replaced atomically
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The format of the file
    #[arg(long = "as", value_enum, value_name = "FORM", default_value_t)]
    form: Form,
    /// The mode of the file, in octal; only the owner and the group may have access
    #[arg(long, value_name = "MODE", default_value = "600", value_parser = parse_mode)]
    mode: u32,
    /// Get a new key before the old one expires, and at once on SIGHUP, until stopped
    #[arg(long)]
    renew: bool,
    /// The file with the token to present; it is read for each request
    #[arg(long, value_name = "FILE", env = "ALIBABA_CLOUD_OIDC_TOKEN_FILE", help_heading = "Credential to present")]
    oidc_token_file: Option<PathBuf>,
    /// The ARN of the token's provider
    #[arg(long, value_name = "ARN", env = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN", help_heading = "Credential to present")]
    oidc_provider: Option<String>,
    /// A key ring with the key to sign with
    #[arg(
        long,
        value_name = "FILE",
        requires = "key",
        conflicts_with = "caller_identity",
        help_heading = "Credential to present"
    )]
    keyring: Option<PathBuf>,
    /// The id of the key to sign with
    #[arg(long, value_name = "ID", requires = "keyring", help_heading = "Credential to present")]
    key: Option<String>,
    /// Present the key of the real STS in ALIBABA_CLOUD_ACCESS_KEY_ID, …_ACCESS_KEY_SECRET and …_SECURITY_TOKEN to a
    /// gateway with this `audience`; without `--role`, the new key is for the same principal
    #[arg(long, value_name = "AUDIENCE", help_heading = "Credential to present")]
    caller_identity: Option<String>,
    /// The session's name
    #[arg(long, value_name = "NAME", env = "ALIBABA_CLOUD_ROLE_SESSION_NAME", default_value = "ramgate-token-file")]
    session_name: SessionName,
    /// The lifetime of a key; default: one hour, or less if the role allows less
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    duration: Option<Duration>,
    /// A policy document that narrows the session
    #[arg(long, value_name = "FILE")]
    session_policy: Option<PathBuf>,
    /// Trust the certificates of this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// The encrypted file that Terway and other addons read
    #[default]
    Terway,
    /// The JSON that a credentials URI returns
    Json,
}

/// The bounds of the pause after a failed attempt. The pause doubles with each failure.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl TokenFile {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        start_log("warn");
        let (presented, session) = (self.presented()?, self.session()?);
        let roots = self.ca_file.as_deref().map(|path| read_roots(path, "--ca-file")).transpose()?;
        let tls = http_client::tls(roots.as_deref())?;
        runtime(std::num::NonZeroUsize::new(1))?.block_on(async {
            if self.renew {
                return self.keep(&presented, &session, tls, stop_on_signal()).await;
            }
            match self.write(&presented, &session, tls).await {
                Ok(_) => Ok(Exit::Yes),
                Err(ObtainKeyError::Failed(failure)) => Err(failure),
                Err(ObtainKeyError::Refused(why)) => {
                    tell!("error: the gateway refused to issue a key: {why}");
                    Ok(Exit::No)
                }
            }
        })
    }

    /// Whether the command runs until it is stopped.
    pub(super) fn runs_until_stopped(&self) -> bool {
        self.renew
    }

    /// Renews the key until stopped. Failures and refusals are retried, because their cause may be fixed before the
    /// current key expires.
    async fn keep(
        &self,
        presented: &Presented,
        session: &Session,
        tls: rustls::ClientConfig,
        stop: CancellationToken,
    ) -> Result<Exit, Failure> {
        let (mut pause, mut hangups) = (SHORTEST_PAUSE, Hangups::new());
        loop {
            let wait = match self.write(presented, session, tls.clone()).await {
                Ok(wait) => {
                    pause = SHORTEST_PAUSE;
                    wait
                }
                Err(why) => {
                    match why {
                        ObtainKeyError::Refused(why) => tell!("the gateway refused to issue a key: {why}"),
                        ObtainKeyError::Failed(failure) => {
                            failure.print();
                        }
                    }
                    tell!("next attempt in {} s", pause.as_secs());
                    let wait = pause;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    wait
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(Exit::Yes),
                () = hangups.next() => tell!("ramgate: SIGHUP: requesting a new key"),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Writes one key. Returns the time until the next is due, which is when a third of this key's lifetime is left.
    async fn write(
        &self,
        presented: &Presented,
        session: &Session,
        tls: rustls::ClientConfig,
    ) -> Result<Duration, ObtainKeyError> {
        let key = obtain(&self.endpoint, presented, session, tls).await?;
        let expires: Timestamp = key.expiration.parse().map_err(|_| {
            let what = format!("the expiration `{}` of the gateway's key is not a valid time", key.expiration);
            Failure::new(what, "check the gateway's version")
        })?;
        let text = self.form.text(&key).ok_or_else(|| Failure::new("the key cannot be encrypted", "try again"))?;
        replace_private(&self.out, &text, self.mode).map_err(|error| {
            let what = format!("`{}` cannot be written: {error}", self.out.display());
            Failure::new(what, "name a file in a writable folder")
        })?;
        let role = self.role.as_deref().unwrap_or("the same principal");
        say!("{}: a key for {role}, valid until {}", self.out.display(), key.expiration);
        let left = Duration::try_from(expires.duration_since(now())).unwrap_or_default();
        Ok((left * 2 / 3).max(SHORTEST_PAUSE))
    }

    fn presented(&self) -> Result<Presented, Failure> {
        let endpoint = &self.endpoint;
        if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
            return Err(Failure::new(format!("`{endpoint}` is not a valid endpoint"), "write `https://HOST[:PORT]`"));
        }
        if let Some(audience) = &self.caller_identity {
            return Ok(Presented::CallerIdentity { audience: audience.clone() });
        }
        if let Some((ring, id)) = self.keyring.as_ref().zip(self.key.as_ref()) {
            return Ok(Presented::RingKey(Box::new(ring_key(ring, id)?)));
        }
        match (&self.oidc_token_file, &self.oidc_provider) {
            (Some(file), Some(provider)) => Ok(Presented::Token { file: file.clone(), provider: provider.clone() }),
            _ => {
                let help = "give `--oidc-token-file` and `--oidc-provider`, or `--keyring` and `--key`, or `--caller-identity`";
                Err(Failure::new("no credential is given to present to the gateway", help))
            }
        }
    }

    fn session(&self) -> Result<Session, Failure> {
        if let Some(role) = &self.role {
            let read = role.parse::<PrincipalName>();
            let is_role = read.is_ok_and(|it| it.account.is_some() && matches!(it.identity, Identity::Role(_)));
            if !is_role || !role.starts_with("acs:ram::") {
                let what = format!("`{role}` is not the ARN of a role");
                return Err(Failure::new(what, "write `acs:ram::ACCOUNT:role/NAME`"));
            }
        }
        let policy = self.session_policy.as_deref().map(read_policy).transpose()?;
        let seconds = self.duration.map(|duration| duration.as_secs());
        Ok(Session { role: self.role.clone(), name: self.session_name.as_str().to_owned(), seconds, policy })
    }
}

impl Form {
    fn text(self, key: &Obtained) -> Option<String> {
        match self {
            Self::Terway => terway::token_file(key),
            Self::Json => Some(
                json!({
                    "Code": "Success", "AccessKeyId": key.access_key_id, "AccessKeySecret": key.secret.expose(),
                    "SecurityToken": key.security_token.expose(), "Expiration": key.expiration,
                })
                .to_string(),
            ),
        }
    }
}

fn ring_key(ring: &Path, id: &str) -> Result<Credential, Failure> {
    // A signature does not depend on the key's principal; only the gateway needs to know it.
    let unused = |_| Ok(Principal::new("0".parse().expect("a well-formed account"), Identity::Root));
    let ring = read_keyring(ring, WithoutSecret::Refused, unused, FileModes::Checked)?;
    let found = ring.find(id).cloned();
    found.ok_or_else(|| Failure::new(format!("the key `{id}` is not in the key ring"), "name a key of the key ring"))
}

fn read_policy(path: &Path) -> Result<String, Failure> {
    let cannot = |why: String| {
        Failure::new(format!("`{}` is not a valid session policy: {why}", path.display()), "name a policy document")
    };
    let bytes = read_bounded(path, 4 * LONGEST_SESSION_POLICY as u64).map_err(|error| cannot(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| cannot("it is not UTF-8".to_owned()))?;
    match text.chars().count() {
        length if length > LONGEST_SESSION_POLICY => {
            Err(cannot(format!("it is {length} characters long; the limit is {LONGEST_SESSION_POLICY}")))
        }
        _ => Ok(text),
    }
}

fn parse_mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o770 && mode & 0o007 == 0);
    mode.ok_or_else(|| format!("`{text}` is not a valid mode for a secret: write `600` or `640`"))
}
