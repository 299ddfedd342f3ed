//! `[upstream] signing`: whose signature a forwarded call carries, and which settings conflict with that.

use std::ops::Range;

use toml::Spanned;

use crate::text::possible;

use super::own_key::RawKey;
use super::raw::{RawSettings, RawUpstream};
use super::reader::Reader;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signing {
    /// The gateway rebuilds the call from its parsed values and signs it with its own key.
    #[default]
    Resign,
    /// The call is forwarded byte for byte, with its caller's signature.
    PassThrough,
}

impl Reader<'_> {
    /// Reads the mode, and reports every setting that conflicts with it.
    pub(super) fn signing(&mut self, raw: &RawSettings) -> Signing {
        let upstream = raw.upstream.as_ref().map(Spanned::get_ref);
        let Some((upstream, signing)) = upstream.and_then(|upstream| Some((upstream, upstream.signing.as_ref()?)))
        else {
            return Signing::Resign;
        };
        match signing.get_ref().as_str() {
            "resign" => return Signing::Resign,
            "passthrough" => {}
            other => {
                let title = format!("unknown signing mode `{other}`");
                self.report(signing.span(), &title, &possible(other, &["resign", "passthrough"]));
                return Signing::Resign;
            }
        }
        let at = signing.span();
        if raw.hosts.is_empty() {
            let title = "`signing = \"passthrough\"` forwards the host that a caller signed, but `hosts` is empty";
            self.report(at.clone(), title, "list the host names of ECS in `hosts`, at the top of the file");
        }
        if !raw.identity.jwt.is_empty() {
            let title = "`[[identity.jwt]]`: a call with a token has no signature to pass through";
            self.report(at.clone(), title, "leave it out, or use `signing = \"resign\"`");
        }
        if let Some(issuer) = raw.identity.issuer.as_ref().filter(|issuer| issuer.get_ref().enabled) {
            let title = "`[identity.issuer]`: ECS rejects signatures made with a key that this gateway issued";
            self.report(issuer.span(), title, "leave it out, or use `signing = \"resign\"`");
        }
        if raw.tls.as_ref().is_some_and(|tls| tls.get_ref().maps_certificates()) {
            let title = "`[[tls.principal]]`: a call identified by a certificate has no signature to pass through";
            self.report(at.clone(), title, "leave it out, or use `signing = \"resign\"`");
        }
        if let Some(alias) = upstream.region_aliases.keys().next() {
            let title = "`region_aliases`: a region that the caller signed cannot be replaced";
            self.report(alias.span(), title, "leave it out, or use `signing = \"resign\"`");
        }
        let asks = raw.resources.source.as_ref().is_some_and(|source| source.get_ref() == "upstream");
        let embedded = upstream.url.as_ref().is_some_and(|url| url.get_ref() == "simulator");
        match own_key(upstream, at.clone()) {
            Some(key) if !asks => {
                let title = "the gateway's own key is never used with `signing = \"passthrough\"`";
                let help = "remove the key; only `[resources] source = \"upstream\"` needs it";
                self.report(key, title, help);
            }
            None if asks && !embedded => {
                let title = "`[resources] source = \"upstream\"` needs a key of the gateway's own";
                self.report(at, title, "add the key, or set `[resources] source = \"file\"`");
            }
            _ => {}
        }
        Signing::PassThrough
    }
}

/// The place of the gateway's own key in the file; that of `signing`, if only a secret is given.
fn own_key(upstream: &RawUpstream, signing: Range<usize>) -> Option<Range<usize>> {
    let secret = upstream.secret_env.is_some() || upstream.secret_file.is_some() || upstream.secret_command.is_some();
    let id = upstream.access_key_id.as_ref().map(Spanned::span);
    let keys: Option<&Spanned<RawKey>> = upstream.key.first();
    id.or_else(|| keys.map(Spanned::span)).or_else(|| secret.then_some(signing))
}
