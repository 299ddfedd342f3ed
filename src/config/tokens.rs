//! `[[identity.jwt]]`: whose tokens are accepted, and who their subjects are (design 5.3).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;

use crate::identity::{NotBefore, TokenAlgorithm};
use crate::policy::{Case, Glob, is_provider_name};
use crate::ram::WrittenPrincipal;
use crate::source::{Complaint, Source};

use super::duration;
use super::protected_url::is_protected_url;

type Text = Spanned<String>;

/// One issuer.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    pub issuer: String,
    /// The name of the OIDC provider that it is to RAM: then its tokens are taken for keys.
    pub provider: Option<String>,
    pub audience: Vec<String>,
    pub keys: TokenKeysPlace,
    /// Replaces the system's certificates where the keys are fetched.
    pub ca_file: Option<PathBuf>,
    pub algorithms: Vec<TokenAlgorithm>,
    pub not_before: NotBefore,
    pub leeway: Duration,
    /// How old the keys may become.
    pub refresh: Duration,
    pub principals: Vec<MappedSubject>,
}

/// Where an issuer's keys are to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenKeysPlace {
    File(PathBuf),
    Url(String),
    /// By the issuer's discovery document.
    Discovery,
}

/// Who a subject is, before it is known who exists.
#[derive(Clone, Debug)]
pub struct MappedSubject {
    pub subject: Glob,
    pub claims: BTreeMap<String, Glob>,
    pub principal: WrittenPrincipal,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenJwt {
    issuer: Text,
    provider: Option<Text>,
    audience: Spanned<Vec<Text>>,
    jwks: Option<Text>,
    ca_file: Option<PathBuf>,
    #[serde(default)]
    algorithms: Vec<Text>,
    #[serde(default)]
    not_before: WrittenNotBefore,
    leeway: Option<Spanned<duration::WrittenOrZero>>,
    refresh: Option<Spanned<duration::Written>>,
    principals: Option<Spanned<Vec<WrittenSubject>>>,
}

#[derive(Clone, Copy, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenNotBefore {
    #[default]
    Required,
    Optional,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSubject {
    sub: Text,
    #[serde(default)]
    claims: BTreeMap<Text, String>,
    principal: Text,
}

/// Tokens of today's issuers are signed with one of these.
const USUAL: [&str; 2] = ["RS256", "ES256"];
const MOST_LEEWAY: Duration = Duration::from_secs(60);
const USUAL_REFRESH: Duration = Duration::from_secs(600);

struct Reader<'a> {
    source: &'a Source,
    folder: &'a Path,
    complaints: &'a mut Vec<Complaint>,
}

/// Every issuer; what is wrong is complained about. Paths are relative to `folder`. `issues_keys` says whether tokens can
/// be taken for keys.
pub(super) fn read(
    source: &Source,
    folder: &Path,
    complaints: &mut Vec<Complaint>,
    written: Vec<WrittenJwt>,
    issues_keys: bool,
) -> Vec<TokenSettings> {
    let mut reader = Reader { source, folder, complaints };
    let mut issuers: Vec<TokenSettings> = Vec::new();
    for jwt in written {
        if issuers.iter().any(|other| other.issuer == *jwt.issuer.get_ref()) {
            reader.complain(jwt.issuer.span(), "the issuer is given twice", "keep one of the two");
        }
        let provider = jwt.provider.as_ref();
        if let Some(provider) = provider.filter(|_| !issues_keys) {
            let title = "the provider's tokens are taken for keys, and this gateway issues none";
            reader.complain(provider.span(), title, "add `[identity.issuer]`, or leave `provider` out");
        }
        if let Some(provider) =
            provider.filter(|it| issuers.iter().any(|other| other.provider.as_ref() == Some(it.get_ref())))
        {
            reader.complain(provider.span(), "the provider is given twice", "an issuer is one provider");
        }
        issuers.extend(reader.issuer(jwt));
    }
    issuers
}

impl Reader<'_> {
    fn issuer(&mut self, written: WrittenJwt) -> Option<TokenSettings> {
        let faults = self.complaints.len();
        let https = |text: &str| text.starts_with("https://") && !text.contains(char::is_whitespace);
        if !https(written.issuer.get_ref()) && written.jwks.is_none() {
            let help = "name the keys with `jwks`: only an issuer on https is asked where they are";
            self.complain(written.issuer.span(), "the issuer is no https URL", help);
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
            self.complain(span, "the leeway is more than a minute", "mend the clocks instead");
        }
        if let Some(provider) = written.provider.as_ref().filter(|provider| !is_provider_name(provider.get_ref())) {
            let title = format!("`{}` is no name of a provider", provider.get_ref());
            self.complain(provider.span(), &title, "write what stands behind `oidc-provider/` in its ARN");
        }
        let nobody = written.principals.as_ref().is_none_or(|principals| principals.get_ref().is_empty());
        if nobody && written.provider.is_none() {
            let span = written.principals.as_ref().map_or_else(|| written.issuer.span(), Spanned::span);
            let help = "add `principals = [{ sub = \"…\", principal = \"role/NAME\" }]`, or a `provider`";
            self.complain(span, "no subject is anybody here", help);
        }
        let principals = written.principals.map(Spanned::into_inner).unwrap_or_default();
        let principals = principals.into_iter().filter_map(|subject| self.subject(subject)).collect();
        let settings = TokenSettings {
            keys: self.keys(written.jwks.as_ref()),
            issuer: written.issuer.into_inner(),
            provider: written.provider.map(Spanned::into_inner),
            audience: written.audience.into_inner().into_iter().map(Spanned::into_inner).collect(),
            ca_file: written.ca_file.map(|path| self.folder.join(path)),
            algorithms,
            not_before: match written.not_before {
                WrittenNotBefore::Required => NotBefore::Required,
                WrittenNotBefore::Optional => NotBefore::Optional,
            },
            leeway,
            refresh: written.refresh.map_or(USUAL_REFRESH, |refresh| refresh.into_inner().0),
            principals,
        };
        (self.complaints.len() == faults).then_some(settings)
    }

    fn keys(&mut self, jwks: Option<&Text>) -> TokenKeysPlace {
        let Some(jwks) = jwks else { return TokenKeysPlace::Discovery };
        let text = jwks.get_ref();
        if !text.contains("://") {
            return TokenKeysPlace::File(self.folder.join(text));
        }
        if !is_protected_url(text) {
            let help = "fetch the keys over https, or write them into a file";
            self.complain(jwks.span(), "whoever is on the way could change the keys", help);
        }
        TokenKeysPlace::Url(text.clone())
    }

    fn subject(&mut self, written: WrittenSubject) -> Option<MappedSubject> {
        if written.sub.get_ref().is_empty() {
            self.complain(written.sub.span(), "the subject is empty", "write the `sub` claim, or a pattern for it");
        }
        let mut claims = BTreeMap::new();
        for (pointer, wanted) in written.claims {
            if !pointer.get_ref().starts_with('/') {
                let title = format!("`{}` is no JSON pointer", pointer.get_ref());
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
                let error: crate::ram::MalformedPrincipal = error;
                self.complain(written.principal.span(), &error.to_string(), "name a user or role of the account file");
                None
            }
        }
    }

    fn complain(&mut self, span: std::ops::Range<usize>, title: &str, help: &str) {
        self.complaints.push(self.source.error(span, title, help));
    }
}
