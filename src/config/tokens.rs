//! `[[identity.jwt]]`: the token issuers that are trusted, and the principals that their subjects map to.

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

/// One trusted issuer.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    pub issuer: String,
    /// The issuer's name as an OIDC provider in RAM. If given, callers can exchange its tokens for keys.
    pub provider: Option<String>,
    pub audience: Vec<String>,
    pub keys: TokenKeysPlace,
    /// Replaces the system's root certificates when the keys are fetched.
    pub ca_file: Option<PathBuf>,
    pub algorithms: Vec<TokenAlgorithm>,
    pub not_before: NotBefore,
    pub leeway: Duration,
    /// The age at which the keys are fetched again.
    pub refresh: Duration,
    pub principals: Vec<MappedSubject>,
}

/// The source of an issuer's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenKeysPlace {
    File(PathBuf),
    Url(String),
    /// The URL in the issuer's discovery document.
    Discovery,
}

/// Maps subjects to a principal, which is not yet looked up in the policy directory.
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

/// The defaults: today's issuers sign with one of these.
const USUAL: [&str; 2] = ["RS256", "ES256"];
const MOST_LEEWAY: Duration = Duration::from_secs(60);
const USUAL_REFRESH: Duration = Duration::from_secs(600);

impl Reader<'_> {
    /// All issuers. `issues_keys`: whether the gateway issues keys, for which `provider` exchanges tokens.
    pub(super) fn tokens(&mut self, raw: Vec<RawJwt>, issues_keys: bool) -> Vec<TokenSettings> {
        let mut issuers: Vec<TokenSettings> = Vec::new();
        for jwt in raw {
            if issuers.iter().any(|other| other.issuer == *jwt.issuer.get_ref()) {
                self.report(jwt.issuer.span(), "the issuer is given twice", "keep one of the two");
            }
            let provider = jwt.provider.as_ref();
            if let Some(provider) = provider.filter(|_| !issues_keys) {
                let title = "`provider` exchanges tokens for keys, but this gateway issues no keys";
                self.report(provider.span(), title, "add `[identity.issuer]`, or leave `provider` out");
            }
            if let Some(provider) =
                provider.filter(|it| issuers.iter().any(|other| other.provider.as_ref() == Some(it.get_ref())))
            {
                self.report(provider.span(), "the provider is given twice", "give each issuer its own provider");
            }
            issuers.extend(self.token_issuer(jwt));
        }
        issuers
    }

    fn token_issuer(&mut self, raw: RawJwt) -> Option<TokenSettings> {
        let mistakes = self.diagnostics.len();
        let https = |text: &str| text.starts_with("https://") && !text.contains(char::is_whitespace);
        if !https(raw.issuer.get_ref()) && raw.jwks.is_none() {
            let help = "set `jwks` to the keys' place: only an https issuer has a discovery document";
            self.report(raw.issuer.span(), "the issuer is not an https URL", help);
        }
        if raw.audience.get_ref().is_empty() || raw.audience.get_ref().iter().any(|it| it.get_ref().is_empty()) {
            let help = "write the audience that the tokens carry, such as `[\"ramgate\"]`";
            self.report(raw.audience.span(), "the audience is empty", help);
        }
        let names = match raw.algorithms.is_empty() {
            true => USUAL.map(|name| Spanned::new(0..0, name.to_owned())).to_vec(),
            false => raw.algorithms,
        };
        let mut algorithms = Vec::new();
        for name in &names {
            match name.get_ref().parse::<TokenAlgorithm>() {
                Ok(algorithm) => algorithms.push(algorithm),
                Err(error) => self.report(name.span(), &error, "remove the list to accept `RS256` and `ES256`"),
            }
        }
        let leeway = raw.leeway.as_ref().map_or(MOST_LEEWAY, |leeway| leeway.get_ref().0);
        if leeway > MOST_LEEWAY {
            let span = raw.leeway.as_ref().map_or(0..0, Spanned::span);
            self.report(span, "`leeway` is more than a minute", "synchronize the clocks instead");
        }
        if let Some(provider) = raw.provider.as_ref().filter(|provider| !is_provider_name(provider.get_ref())) {
            let title = format!("`{}` is not a valid provider name", provider.get_ref());
            self.report(provider.span(), &title, "write what follows `oidc-provider/` in its ARN");
        }
        let unmapped = raw.principals.as_ref().is_none_or(|principals| principals.get_ref().is_empty());
        if unmapped && raw.provider.is_none() {
            let span = raw.principals.as_ref().map_or_else(|| raw.issuer.span(), Spanned::span);
            let help = "add `principals = [{ sub = \"…\", principal = \"role/NAME\" }]`, or a `provider`";
            self.report(span, "no subject is mapped to a principal", help);
        }
        let principals = raw.principals.map(Spanned::into_inner).unwrap_or_default();
        let principals = principals.into_iter().filter_map(|subject| self.subject(subject)).collect();
        let settings = TokenSettings {
            keys: self.token_keys(raw.jwks.as_ref()),
            issuer: raw.issuer.into_inner(),
            provider: raw.provider.map(Spanned::into_inner),
            audience: raw.audience.into_inner().into_iter().map(Spanned::into_inner).collect(),
            ca_file: raw.ca_file.map(|path| self.folder.join(path)),
            algorithms,
            not_before: match raw.not_before {
                RawNotBefore::Required => NotBefore::Required,
                RawNotBefore::Optional => NotBefore::Optional,
            },
            leeway,
            refresh: raw.refresh.map_or(USUAL_REFRESH, |refresh| refresh.into_inner().0),
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
            self.report(jwks.span(), "the keys could be changed in transit", help);
        }
        TokenKeysPlace::Url(text.clone())
    }

    fn subject(&mut self, raw: RawSubject) -> Option<MappedSubject> {
        if raw.sub.get_ref().is_empty() {
            self.report(raw.sub.span(), "the subject is empty", "write the `sub` claim, or a pattern for it");
        }
        let mut claims = BTreeMap::new();
        for (pointer, wanted) in raw.claims {
            if !pointer.get_ref().starts_with('/') {
                let title = format!("`{}` is not a JSON pointer", pointer.get_ref());
                self.report(pointer.span(), &title, "write a pointer such as `\"/kubernetes.io/namespace\"`");
            }
            claims.insert(pointer.into_inner(), Glob::new(&wanted, Case::Sensitive));
        }
        match raw.principal.get_ref().parse() {
            Ok(principal) => {
                let subject = Glob::new(raw.sub.get_ref(), Case::Sensitive);
                Some(MappedSubject { subject, claims, principal })
            }
            Err(error) => {
                let error: ram_policy::PrincipalError = error;
                self.report(raw.principal.span(), &error.to_string(), "name a user or role of the account file");
                None
            }
        }
    }
}
