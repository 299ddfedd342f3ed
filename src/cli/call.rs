//! `ramgate call`: signs a call, sends it and shows the answer. Works with the demo and with a real gateway.

use std::path::{Path, PathBuf};

use clap::Args;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use serde_json::{Value, json};

use crate::catalog::Catalog;
use crate::envelope::{json_lines, unique_id};
use crate::gateway::now;
use crate::identity::{
    Credential, KeyRing, UnsignedV3, WithoutSecret, canonical_query, format_timestamp, sign_v1, sign_v3,
};
use crate::ram::{Parameters, ParametersBuilder, Place};
use crate::serve::read_roots;
use crate::store::{DEMO_KEYRING, FileModes, read_keyring_text, read_source};
use crate::wire::percent_encoded;
use ram_policy::{Identity, Principal, Source};

use super::exit::{Exit, Failure};
use super::http_client;
use super::output::{OutputFormat, print_json};
use super::plain::plain;

/// Signs a call with a key of a key ring, sends it, and shows the answer
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 the call succeeded, 1 it was answered with an error, 2 it could not be sent.

Example: ramgate call --endpoint http://127.0.0.1:8620 --key LTAI5tDemoTerway0000 --region cn-hangzhou \\
           --eni eni-bp1demopod0000000001 --instance i-bp1demoworker00000001")]
pub(super) struct Call {
    /// Where to send it: `http://HOST[:PORT]` or `https://HOST[:PORT]`
    #[arg(long, value_name = "URL")]
    endpoint: String,
    /// The key ring that holds the key; default: the demo's
    #[arg(long, value_name = "FILE")]
    keyring: Option<PathBuf>,
    /// The AccessKey id to sign with
    #[arg(long, value_name = "ID")]
    key: String,
    /// Sign like old SDKs: `SignatureVersion=1.0`, with all parameters in the query
    #[arg(long, conflicts_with = "v3")]
    v1: bool,
    /// Sign like new SDKs: `ACS3-HMAC-SHA256`; the default
    #[arg(long)]
    v3: bool,
    /// The operation to call
    #[arg(long, value_name = "NAME", default_value = "AttachNetworkInterface")]
    operation: String,
    #[arg(long)]
    region: String,
    /// The ENI: `NetworkInterfaceId`
    #[arg(long, value_name = "ID")]
    eni: Option<String>,
    /// The instance: `InstanceId`
    #[arg(long, value_name = "ID")]
    instance: Option<String>,
    /// Another parameter of the operation; repeat the flag for more
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Trust the certificates of this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

impl Call {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let ring = self.keyring()?;
        if ring.find_without_secret(&self.key).is_some() {
            let what = format!("the key `{}` has no secret in the key ring, so it cannot sign calls", self.key);
            return Err(Failure::new(what, "use a key with a secret, or add the secret to the key ring"));
        }
        let credential = ring.find(&self.key).ok_or_else(|| {
            let known: Vec<_> = ring.iter().map(|key| format!("`{}`", key.id())).collect();
            Failure::new(
                format!("the key `{}` is not in the key ring", self.key),
                format!("use one of {}", known.join(", ")),
            )
        })?;
        let endpoint = self.endpoint.trim_end_matches('/');
        let host = endpoint.strip_prefix("http://").or_else(|| endpoint.strip_prefix("https://"));
        let host = host.filter(|host| !host.is_empty() && !host.contains('/')).ok_or_else(|| {
            Failure::new(
                format!("`{}` is not a valid endpoint", self.endpoint),
                "write `http://HOST[:PORT]` or `https://HOST[:PORT]`",
            )
        })?;
        let request = if self.v1 {
            self.request_v1(endpoint, host, credential)
        } else {
            self.request_v3(endpoint, host, credential)
        }?;
        let roots = self.ca_file.as_deref().map(|path| read_roots(path, "--ca-file"));
        let answer = http_client::send(request, roots.transpose()?.as_deref())?;
        show(&answer, self.format);
        Ok(if answer.status().is_success() { Exit::Yes } else { Exit::No })
    }

    fn keyring(&self) -> Result<KeyRing, Failure> {
        let (source, folder) = match &self.keyring {
            None => (Source::new("(demo) keyring.toml", DEMO_KEYRING), Path::new(".")),
            Some(path) => {
                let source = read_source(path).map_err(|diagnostic| Failure::Diagnostics(vec![diagnostic]))?;
                (source, path.parent().unwrap_or(Path::new(".")))
            }
        };
        // A signature does not depend on the key's principal; only the gateway needs to know it.
        let unused = |_| Ok(Principal::new("0".parse().expect("a well-formed account"), Identity::Root));
        Ok(read_keyring_text(&source, folder, WithoutSecret::KnownById, unused, FileModes::Ignored)?)
    }

    fn builder(&self) -> Result<ParametersBuilder, Failure> {
        let mut builder = ParametersBuilder::default();
        builder.push("RegionId", &self.region, Place::Query);
        for (name, value) in [("NetworkInterfaceId", &self.eni), ("InstanceId", &self.instance)] {
            if let Some(value) = value {
                builder.push(name, value, Place::Query);
            }
        }
        for pair in &self.parameters {
            let (name, value) = pair.split_once('=').ok_or_else(|| {
                let what = format!("`{pair}` is not of the form `NAME=VALUE`");
                Failure::new(what, "write it as in `--parameter NetworkCardIndex=0`")
            })?;
            builder.push(name, value, Place::Query);
        }
        Ok(builder)
    }

    fn version(&self) -> String {
        Catalog::bundled().operation(&self.operation).map_or("2014-05-26", |operation| operation.version()).to_owned()
    }

    fn request_v1(&self, endpoint: &str, host: &str, credential: &Credential) -> Result<Request<Full<Bytes>>, Failure> {
        let mut builder = self.builder()?;
        let version = self.version();
        let (timestamp, nonce) = (format_timestamp(now()), unique_id());
        let common = [
            ("Action", self.operation.as_str()),
            ("Version", &version),
            ("Format", "JSON"),
            ("AccessKeyId", credential.id().as_str()),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureNonce", &nonce),
            ("Timestamp", &timestamp),
        ];
        for (name, value) in common {
            builder.push(name, value, Place::Query);
        }
        let parameters = finish(builder)?;
        let signed = sign_v1(crate::wire::Method::Post, &parameters, credential);
        let query = format!("{}&Signature={}", canonical_query(parameters.iter()), percent_encoded(&signed.signature));
        let mut request = post(endpoint, &query)?;
        request.headers_mut().insert(HOST, header(host)?);
        Ok(request)
    }

    fn request_v3(&self, endpoint: &str, host: &str, credential: &Credential) -> Result<Request<Full<Bytes>>, Failure> {
        let query = canonical_query(finish(self.builder()?)?.iter());
        let (timestamp, nonce) = (format_timestamp(now()), unique_id());
        let unsigned = UnsignedV3 {
            method: crate::wire::Method::Post,
            host,
            action: &self.operation,
            version: &self.version(),
            timestamp: &timestamp,
            nonce: &nonce,
            query: &query,
        };
        let mut request = post(endpoint, query.as_str())?;
        for (name, value) in sign_v3(&unsigned, credential) {
            request.headers_mut().insert(HeaderName::from_static(name), header(&value)?);
        }
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        Ok(request)
    }
}

fn finish(builder: ParametersBuilder) -> Result<Parameters, Failure> {
    builder.finish().map_err(|repeated| Failure::new(repeated.to_string(), "give each parameter once"))
}

fn post(endpoint: &str, query: &str) -> Result<Request<Full<Bytes>>, Failure> {
    let uri = format!("{endpoint}/?{query}").parse::<Uri>();
    let uri = uri.map_err(|error| {
        Failure::new(format!("`{endpoint}` is not a valid endpoint: {error}"), "write `http://HOST[:PORT]`")
    })?;
    let mut request = Request::new(Full::default());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    Ok(request)
}

fn header(value: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(value).map_err(|_| {
        let what = "a header value contains characters that HTTP does not allow";
        Failure::new(what, "use printable ASCII in `--operation` and `--endpoint`")
    })
}

fn show(answer: &Response<Bytes>, format: OutputFormat) {
    let text = String::from_utf8_lossy(answer.body());
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()));
    let id = answer.headers().get("x-acs-request-id").and_then(|id| id.to_str().ok());
    match format {
        OutputFormat::Json => print_json(json!({ "status": answer.status().as_u16(), "request_id": id, "body": body })),
        OutputFormat::Text => {
            say!("HTTP {}", answer.status());
            match &body {
                Value::String(text) => text.lines().for_each(|line| say!("{}", plain(line))),
                body => say!("{}", json_lines(body)),
            }
        }
    }
}
