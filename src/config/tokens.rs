//! `[[identity.jwt]]`: which issuers' tokens are accepted, and which principals their subjects are.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;

use crate::identity::{NotBefore, TokenAlgorithm};
use ram_policy::{Case, Glob, PrincipalName, is_provider_name};

use super::duration;
use super::protected_url::is_protected_url;
use super::reader::Reader;

type Text = Spanned<String>;

/// One issuer.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    pub issuer: String,
    /// The name of the OIDC provider that it is to RAM: its tokens can be exchanged for keys then.
    pub provider: Option<String>,
    pub audience: Vec<String>,
    pub keys: TokenKeysPlace,
    /// Replaces the system's certificates where the keys are fetched.
    pub ca_file: Option<PathBuf>,
    pub algorithms: Vec<TokenAlgorithm>,
    pub not_before: NotBefore,
    pub leeway: Duration,
    /// How old the keys may become before they are fetched again.
    pub refresh: Duration,
    pub principals: Vec<MappedSubject>,
}

/// Where an issuer's keys are read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenKeysPlace {
    File(PathBuf),
    Url(String),
    /// The URL in the issuer's discovery document.
    Discovery,
}

/// The principal of a subject, not yet looked up in the policy directory.
#[derive(Clone, Debug)]
pub struct MappedSubject {
    pub subject: Glob,
    pub claims: BTreeMap<String, Glob>,
    pub principal: PrincipalName,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawJwt {
    issuer: Text,
    provider: Option<Text>,
    audience: Spanned<Vec<Text>>,
    jwks: Option<Text>,
    ca_file: Option<PathBuf>,
    #[serde(default)]
    algorithms: Vec<Text>,
    #[serde(default)]
    not_before: RawNotBefore,
    leeway: Option<Spanned<duration::RawDurationOrZero>>,
    refresh: Option<Spanned<duration::RawDuration>>,
    principals: Option<Spanned<Vec<RawSubject>>>,
}

#[derive(Clone, Copy, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawNotBefore {
    #[default]
    Required,
    Optional,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSubject {
    sub: Text,
    #[serde(default)]
    claims: BTreeMap<Text, String>,
    principal: Text,
}

/// Tokens of today's issuers are signed with one of these.
const USUAL: [&str; 2] = ["RS256", "ES256"];
const MOST_LEEWAY: Duration = Duration::from_secs(60);
const USUAL_REFRESH: Duration = Duration::from_secs(600);

impl Reader<'_> {
    /// Every issuer. `issues_keys` says whether tokens can be exchanged for keys.
    pub(super) fn tokens(&mut self, raw: Vec<RawJwt>, issues_keys: bool) -> Vec<TokenSettings> {
        let mut issuers: Vec<TokenSettings> = Vec::new();
        for jwt in raw {
            if issuers.iter().any(|other| other.issuer == *jwt.issuer.get_ref()) {
                self.complain(jwt.issuer.span(), "the issuer is given twice", "keep one of the two");
            }
            let provider = jwt.provider.as_ref();
            if let Some(provider) = provider.filter(|_| !issues_keys) {
                let title = "`provider` exchanges tokens for keys, and this gateway issues none";
                self.complain(provider.span(), title, "add `[identity.issuer]`, or leave `provider` out");
            }
            if let Some(provider) =
                provider.filter(|it| issuers.iter().any(|other| other.provider.as_ref() == Some(it.get_ref())))
            {
                self.complain(provider.span(), "the provider is given twice", "give each issuer its own provider");
            }
            issuers.extend(self.token_issuer(jwt));
        }
        issuers
    }

    fn token_issuer(&mut self, written: RawJwt) -> Option<TokenSettings> {
        let mistakes = self.diagnostics.len();
        let https = |text: &str| text.starts_with("https://") && !text.contains(char::is_whitespace);
        if !https(written.issuer.get_ref()) && written.jwks.is_none() {
            let help = "name the keys with `jwks`: only an https issuer has a discovery document";
            self.complain(written.issuer.span(), "the issuer is not an https URL", help);
        }
        if written.audience.get_ref().is_empty() || written.audience.get_ref().iter().any(|it| it.get_ref().is_empty())
        {
            let help = "name what the tokens are meant for, such as `[\"ramgate\"]`";
            self.complain(written.audience.span(), "the audience is empty", help);
        }
        let names = match written.algorithms.is_empty() {
            true => USUAL.map(|name| Spanned::new(0..0, name.to_owned())).to_vec(),
            false => written.algorithms,
        };
        let mut algorithms = Vec::new();
        for name in &names {
            match name.get_ref().parse::<TokenAlgorithm>() {
                Ok(algorithm) => algorithms.push(algorithm),
                Err(why) => self.complain(name.span(), &why, "leave the list out for `RS256` and `ES256`"),
            }
        }
        let leeway = written.leeway.as_ref().map_or(MOST_LEEWAY, |leeway| leeway.get_ref().0);
        if leeway > MOST_LEEWAY {
            let span = written.leeway.as_ref().map_or(0..0, Spanned::span);
            self.complain(span, "the leeway is more than a minute", "synchronize the clocks instead");
        }
        if let Some(provider) = written.provider.as_ref().filter(|provider| !is_provider_name(provider.get_ref())) {
            let title = format!("`{}` is not a valid provider name", provider.get_ref());
            self.complain(provider.span(), &title, "write what follows `oidc-provider/` in its ARN");
        }
        let unmapped = written.principals.as_ref().is_none_or(|principals| principals.get_ref().is_empty());
        if unmapped && written.provider.is_none() {
            let span = written.principals.as_ref().map_or_else(|| written.issuer.span(), Spanned::span);
            let help = "add `principals = [{ sub = \"…\", principal = \"role/NAME\" }]`, or a `provider`";
            self.complain(span, "no subject has a principal", help);
        }
        let principals = written.principals.map(Spanned::into_inner).unwrap_or_default();
        let principals = principals.into_iter().filter_map(|subject| self.subject(subject)).collect();
        let settings = TokenSettings {
            keys: self.token_keys(written.jwks.as_ref()),
            issuer: written.issuer.into_inner(),
            provider: written.provider.map(Spanned::into_inner),
            audience: written.audience.into_inner().into_iter().map(Spanned::into_inner).collect(),
            ca_file: written.ca_file.map(|path| self.folder.join(path)),
            algorithms,
            not_before: match written.not_before {
                RawNotBefore::Required => NotBefore::Required,
                RawNotBefore::Optional => NotBefore::Optional,
            },
            leeway,
            refresh: written.refresh.map_or(USUAL_REFRESH, |refresh| refresh.into_inner().0),
            principals,
        };
        (self.diagnostics.len() == mistakes).then_some(settings)
    }

    fn token_keys(&mut self, jwks: Option<&Text>) -> TokenKeysPlace {
        let Some(jwks) = jwks else { return TokenKeysPlace::Discovery };
        let text = jwks.get_ref();
        if !text.contains("://") {
            return TokenKeysPlace::File(self.folder.join(text));
        }
        if !is_protected_url(text) {
            let help = "fetch the keys over https, or write them into a file";
            self.complain(jwks.span(), "the keys could be changed on the way", help);
        }
        TokenKeysPlace::Url(text.clone())
    }

    fn subject(&mut self, written: RawSubject) -> Option<MappedSubject> {
        if written.sub.get_ref().is_empty() {
            self.complain(written.sub.span(), "the subject is empty", "write the `sub` claim, or a pattern for it");
        }
        let mut claims = BTreeMap::new();
        for (pointer, wanted) in written.claims {
            if !pointer.get_ref().starts_with('/') {
                let title = format!("`{}` is not a JSON pointer", pointer.get_ref());
                self.complain(pointer.span(), &title, "write `\"/kubernetes.io/namespace\"`, say");
            }
            claims.insert(pointer.into_inner(), Glob::new(&wanted, Case::Sensitive));
        }
        match written.principal.get_ref().parse() {
            Ok(principal) => {
                let subject = Glob::new(written.sub.get_ref(), Case::Sensitive);
                Some(MappedSubject { subject, claims, principal })
            }
            Err(error) => {
                let error: ram_policy::PrincipalError = error;
                self.complain(written.principal.span(), &error.to_string(), "name a user or role of the account file");
                None
            }
        }
    }
}
