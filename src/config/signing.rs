//! `[upstream] signing`: whose signature a call bears when it is sent, and what that rules out.

use std::ops::Range;

use toml::Spanned;

use crate::text::possible;

use super::own_key::RawKey;
use super::raw::{RawSettings, RawUpstream};
use super::reader::Reader;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signing {
    /// The gateway's: a call is rebuilt from its values.
    #[default]
    Resign,
    /// Its caller's: the bytes go on as they came.
    PassThrough,
}

impl Reader<'_> {
    /// The mode, and everything written beside it that would make no sense.
    pub(super) fn signing(&mut self, written: &RawSettings) -> Signing {
        let upstream = written.upstream.as_ref().map(Spanned::get_ref);
        let Some((upstream, signing)) = upstream.and_then(|upstream| Some((upstream, upstream.signing.as_ref()?)))
        else {
            return Signing::Resign;
        };
        match signing.get_ref().as_str() {
            "resign" => return Signing::Resign,
            "passthrough" => {}
            other => {
                let title = format!("`{other}` is no way to sign calls");
                self.complain(signing.span(), &title, &possible(other, &["resign", "passthrough"]));
                return Signing::Resign;
            }
        }
        let at = signing.span();
        if written.hosts.is_empty() {
            let title = "a host name that a caller signed goes on as it is, and nothing says which may";
            self.complain(at.clone(), title, "list at the top in `hosts` the names that ECS answers to");
        }
        if !written.identity.jwt.is_empty() {
            let title = "`[[identity.jwt]]`: a call with a token is not signed, so it cannot be passed on";
            self.complain(at.clone(), title, "leave it out, or use `signing = \"resign\"`");
        }
        if let Some(issuer) = written.identity.issuer.as_ref().filter(|issuer| issuer.get_ref().enabled) {
            let title =
                "`[identity.issuer]`: ECS knows no key that this gateway issues, so its calls cannot be passed on";
            self.complain(issuer.span(), title, "leave it out, or use `signing = \"resign\"`");
        }
        if written.tls.as_ref().is_some_and(|tls| tls.get_ref().maps_certificates()) {
            let title = "`[[tls.principal]]`: a call without a signature cannot be passed on";
            self.complain(at.clone(), title, "leave it out, or use `signing = \"resign\"`");
        }
        if let Some(alias) = upstream.region_aliases.keys().next() {
            let title = "`region_aliases`: the region that was signed cannot be replaced";
            self.complain(alias.span(), title, "leave it out, or use `signing = \"resign\"`");
        }
        let asks = written.resources.source.as_ref().is_some_and(|source| source.get_ref() == "upstream");
        let embedded = upstream.url.as_ref().is_some_and(|url| url.get_ref() == "simulator");
        match own_key(upstream, at.clone()) {
            Some(key) if !asks => {
                let title = "nothing is signed with a key of the gateway's own";
                let help = "leave the key out; it is needed with `[resources] source = \"upstream\"` only";
                self.complain(key, title, help);
            }
            None if asks && !embedded => {
                let title = "ECS is asked about resources, and the gateway has no key to ask with";
                self.complain(at, title, "give the gateway's own key, or set `[resources] source = \"file\"`");
            }
            _ => {}
        }
        Signing::PassThrough
    }
}

/// Where a key of the gateway's own is written.
fn own_key(upstream: &RawUpstream, signing: Range<usize>) -> Option<Range<usize>> {
    let secret = upstream.secret_env.is_some() || upstream.secret_file.is_some() || upstream.secret_command.is_some();
    let id = upstream.access_key_id.as_ref().map(Spanned::span);
    let keys: Option<&Spanned<RawKey>> = upstream.key.first();
    id.or_else(|| keys.map(Spanned::span)).or_else(|| secret.then_some(signing))
}
