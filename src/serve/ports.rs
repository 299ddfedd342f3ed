//! The gateway's addresses: all are reserved before the log is opened, and all listen once the start has succeeded.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::config::Settings;
use crate::gateway::ReservedPort;

use super::error::StartError;

/// The addresses on which a gateway listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The listener for calls.
    pub calls: SocketAddr,
    /// The listener for health and metrics.
    pub admin: Option<SocketAddr>,
    /// The listener for `ALIBABA_CLOUD_CREDENTIALS_URI`.
    pub credentials: Option<SocketAddr>,
}

/// The purpose of a listener.
#[derive(Clone, Copy)]
enum Purpose {
    Calls,
    Admin,
    Credentials,
}

/// The reserved addresses. They do not accept connections yet.
pub(super) struct Ports {
    calls: ReservedPort,
    admin: Option<ReservedPort>,
    credentials: Option<ReservedPort>,
}

/// The open listeners.
pub(super) struct Listeners {
    pub(super) calls: TcpListener,
    pub(super) admin: Option<TcpListener>,
    /// The listener of `[identity.issuer.credentials]`.
    pub(super) credentials: Option<TcpListener>,
}

impl Ports {
    /// Reserves every address that the settings name.
    pub(super) fn reserve(settings: &Settings) -> Result<Self, StartError> {
        let credentials = settings.issuer.as_ref().and_then(|issuer| issuer.credentials.as_ref());
        Ok(Self {
            calls: reserve(settings.listen, Purpose::Calls)?,
            admin: settings.admin.map(|admin| reserve(admin.listen, Purpose::Admin)).transpose()?,
            credentials: credentials.map(|it| reserve(it.listen, Purpose::Credentials)).transpose()?,
        })
    }

    pub(super) fn addresses(&self) -> Addresses {
        Addresses {
            calls: self.calls.address(),
            admin: self.admin.as_ref().map(ReservedPort::address),
            credentials: self.credentials.as_ref().map(ReservedPort::address),
        }
    }

    /// Opens all of them, the one for calls last, so that no call arrives while another can still fail.
    pub(super) fn open(self) -> Result<Listeners, StartError> {
        let Self { calls, admin, credentials } = self;
        let admin = admin.map(|port| open(port, Purpose::Admin)).transpose()?;
        let credentials = credentials.map(|port| open(port, Purpose::Credentials)).transpose()?;
        Ok(Listeners { calls: open(calls, Purpose::Calls)?, admin, credentials })
    }
}

fn reserve(address: SocketAddr, purpose: Purpose) -> Result<ReservedPort, StartError> {
    ReservedPort::bind(address).map_err(|error| unavailable(address, &error, purpose))
}

fn open(port: ReservedPort, purpose: Purpose) -> Result<TcpListener, StartError> {
    let address = port.address();
    port.open().map_err(|error| unavailable(address, &error, purpose))
}

fn unavailable(address: SocketAddr, error: &std::io::Error, purpose: Purpose) -> StartError {
    let help = match purpose {
        _ if address.port() == 0 => "free a port",
        Purpose::Calls => "stop the process that uses it, or choose another address with `--listen`",
        Purpose::Admin => "stop the process that uses it, or change `listen` in `[admin]`",
        Purpose::Credentials => "stop the process that uses it, or change `listen` in `[identity.issuer.credentials]`",
    };
    StartError::new(format!("cannot listen on `{address}`: {error}"), help)
}
