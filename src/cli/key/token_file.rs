//! `ramgate key token-file`: keeps a file with a temporary key, for clients that know no other way to get one.

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
use super::obtain::{ObtainKeyError, Obtained, Session, Shown, obtain};
use super::terway;

/// Gets a temporary key from a gateway and writes it into a file, again and again with `--renew`
///
/// What is shown for it is a token (`--oidc-token-file`), a key of the gateway's key ring (`--keyring`, `--key`), or a
/// key of the real STS in the environment (`--caller-identity`).
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 written, 1 the gateway refused, 2 it could not be asked or the file not be written.

Example, beside Terway, which reads such a file where its configuration says `credentialPath`:
  ramgate key token-file --endpoint https://ramgate.kube-system:8620 --out /var/addon/token-config --renew \\
    --role acs:ram::1234567890123456:role/terway --oidc-token-file /var/run/secrets/ramgate/token \\
    --oidc-provider acs:ram::1234567890123456:oidc-provider/ack-rrsa-c1")]
pub(in super::super) struct TokenFile {
    /// The gateway
    #[arg(long, value_name = "URL", env = "RAMGATE_ENDPOINT")]
    endpoint: String,
    /// The role's ARN: `acs:ram::ACCOUNT:role/NAME`
    #[arg(long, value_name = "ARN", env = "ALIBABA_CLOUD_ROLE_ARN", required_unless_present = "caller_identity")]
    role: Option<String>,
    /// The file to write, as a whole or not at all
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What the file holds
    #[arg(long = "as", value_enum, value_name = "FORM", default_value_t)]
    form: Form,
    /// Who may read it, in octal; others than owner and group never may
    #[arg(long, value_name = "MODE", default_value = "600", value_parser = parse_mode)]
    mode: u32,
    /// Get a new key before the old one expires, and at once on SIGHUP, until stopped
    #[arg(long)]
    renew: bool,
    /// The file with the token to show; read anew each time
    #[arg(long, value_name = "FILE", env = "ALIBABA_CLOUD_OIDC_TOKEN_FILE", help_heading = "What is shown")]
    oidc_token_file: Option<PathBuf>,
    /// The ARN of the token's provider
    #[arg(long, value_name = "ARN", env = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN", help_heading = "What is shown")]
    oidc_provider: Option<String>,
    /// A key ring with the key to sign with
    #[arg(
        long,
        value_name = "FILE",
        requires = "key",
        conflicts_with = "caller_identity",
        help_heading = "What is shown"
    )]
    keyring: Option<PathBuf>,
    /// The id of the key to sign with
    #[arg(long, value_name = "ID", requires = "keyring", help_heading = "What is shown")]
    key: Option<String>,
    /// The key of the real STS in ALIBABA_CLOUD_ACCESS_KEY_ID, …_ACCESS_KEY_SECRET and …_SECURITY_TOKEN, for a gateway
    /// with this `audience`; without `--role`, the new key is for who the old one is
    #[arg(long, value_name = "AUDIENCE", help_heading = "What is shown")]
    caller_identity: Option<String>,
    /// The session's name
    #[arg(long, value_name = "NAME", env = "ALIBABA_CLOUD_ROLE_SESSION_NAME", default_value = "ramgate-token-file")]
    session_name: SessionName,
    /// How long a key lasts; without it an hour, or what the role allows
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
    /// The JSON that a credentials URI answers with
    Json,
}

/// Between attempts after one that failed.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl TokenFile {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        start_log("warn");
        let (shown, session) = (self.shown()?, self.session()?);
        let roots = self.ca_file.as_deref().map(|path| read_roots(path, "--ca-file")).transpose()?;
        let tls = http_client::tls(roots.as_deref())?;
        runtime(std::num::NonZeroUsize::new(1))?.block_on(async {
            if self.renew {
                return self.keep(&shown, &session, tls, stop_on_signal()).await;
            }
            match self.write(&shown, &session, tls).await {
                Ok(_) => Ok(Exit::Yes),
                Err(ObtainKeyError::Failed(failure)) => Err(failure),
                Err(ObtainKeyError::Refused(why)) => {
                    tell!("error: the gateway gives no key: {why}");
                    Ok(Exit::No)
                }
            }
        })
    }

    /// Whether it runs until it is stopped.
    pub(super) fn is_kept_up(&self) -> bool {
        self.renew
    }

    /// A gateway that is away, or refuses, may be back, or be taught better, before the last key expires.
    async fn keep(
        &self,
        shown: &Shown,
        session: &Session,
        tls: rustls::ClientConfig,
        stop: CancellationToken,
    ) -> Result<Exit, Failure> {
        let (mut pause, mut hangups) = (SHORTEST_PAUSE, Hangups::new());
        loop {
            let wait = match self.write(shown, session, tls.clone()).await {
                Ok(wait) => {
                    pause = SHORTEST_PAUSE;
                    wait
                }
                Err(why) => {
                    match why {
                        ObtainKeyError::Refused(why) => tell!("the gateway gives no key: {why}"),
                        ObtainKeyError::Failed(failure) => {
                            failure.tell();
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
                () = hangups.next() => tell!("ramgate: SIGHUP: a new key is asked for now"),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Writes one key, and says when the next is due: when a third of its life is left.
    async fn write(
        &self,
        shown: &Shown,
        session: &Session,
        tls: rustls::ClientConfig,
    ) -> Result<Duration, ObtainKeyError> {
        let key = obtain(&self.endpoint, shown, session, tls).await?;
        let expires: Timestamp = key.expiration.parse().map_err(|_| {
            Failure::new("the gateway's key says no time at which it expires", "look at the gateway's version")
        })?;
        let text = self.form.text(&key).ok_or_else(|| Failure::new("the key cannot be encrypted", "try again"))?;
        replace_private(&self.out, &text, self.mode).map_err(|error| {
            let what = format!("`{}` cannot be written: {error}", self.out.display());
            Failure::new(what, "name a file in a folder that can be written")
        })?;
        say!("{}: a key of {} until {}", self.out.display(), self.role.as_deref().unwrap_or("its own"), key.expiration);
        let left = Duration::try_from(expires.duration_since(now())).unwrap_or_default();
        Ok((left * 2 / 3).max(SHORTEST_PAUSE))
    }

    fn shown(&self) -> Result<Shown, Failure> {
        let endpoint = &self.endpoint;
        if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
            return Err(Failure::new(format!("`{endpoint}` is no endpoint"), "write `https://HOST[:PORT]`"));
        }
        if let Some(audience) = &self.caller_identity {
            return Ok(Shown::CallerIdentity { audience: audience.clone() });
        }
        if let Some((ring, id)) = self.keyring.as_ref().zip(self.key.as_ref()) {
            return Ok(Shown::RingKey(Box::new(ring_key(ring, id)?)));
        }
        match (&self.oidc_token_file, &self.oidc_provider) {
            (Some(file), Some(provider)) => Ok(Shown::Token { file: file.clone(), provider: provider.clone() }),
            _ => {
                let help = "give `--oidc-token-file` and `--oidc-provider`, or `--keyring` and `--key`, or `--caller-identity`";
                Err(Failure::new("there is nothing to show for a key", help))
            }
        }
    }

    fn session(&self) -> Result<Session, Failure> {
        if let Some(role) = &self.role {
            let read = role.parse::<PrincipalName>();
            let one = read.is_ok_and(|it| it.account.is_some() && matches!(it.identity, Identity::Role(_)));
            if !one || !role.starts_with("acs:ram::") {
                return Err(Failure::new(
                    format!("`{role}` is no ARN of a role"),
                    "write `acs:ram::ACCOUNT:role/NAME`",
                ));
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
    // Whose the key is, is the gateway's to know.
    let nobody = |_| Ok(Principal::new("0".parse().expect("a well-formed account"), Identity::Root));
    let ring = read_keyring(ring, WithoutSecret::Refused, nobody, FileModes::Checked)?;
    let found = ring.find(id).cloned();
    found.ok_or_else(|| Failure::new(format!("the key `{id}` is not in the key ring"), "name one that is"))
}

fn read_policy(path: &Path) -> Result<String, Failure> {
    let cannot = |why: String| {
        Failure::new(format!("`{}` is no session policy: {why}", path.display()), "name a policy document")
    };
    let bytes = read_bounded(path, 4 * LONGEST_SESSION_POLICY as u64).map_err(|error| cannot(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| cannot("it is not UTF-8".to_owned()))?;
    match text.chars().count() {
        length if length > LONGEST_SESSION_POLICY => {
            Err(cannot(format!("it has {length} characters, and at most {LONGEST_SESSION_POLICY} go")))
        }
        _ => Ok(text),
    }
}

fn parse_mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o770 && mode & 0o007 == 0);
    mode.ok_or_else(|| format!("`{text}` is no mode for a secret: write `600` or `640`"))
}
