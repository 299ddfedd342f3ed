//! The addresses of a gateway: all reserved before the log is opened, all opened when the start has succeeded.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::config::Settings;
use crate::gateway::ReservedPort;

use super::exit::Failure;

/// What a listener of the gateway is for.
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

/// The same, open.
pub(super) struct Listeners {
    pub(super) calls: TcpListener,
    pub(super) admin: Option<TcpListener>,
    /// Of `[identity.issuer.credentials]`.
    pub(super) credentials: Option<TcpListener>,
}

impl Ports {
    /// Reserves every address that the settings name.
    pub(super) fn reserve(settings: &Settings) -> Result<Self, Failure> {
        let credentials = settings.issuer.as_ref().and_then(|issuer| issuer.credentials.as_ref());
        Ok(Self {
            calls: reserve(settings.listen, Purpose::Calls)?,
            admin: settings.admin.map(|admin| reserve(admin.listen, Purpose::Admin)).transpose()?,
            credentials: credentials.map(|it| reserve(it.listen, Purpose::Credentials)).transpose()?,
        })
    }

    /// Where calls will be taken.
    pub(super) fn calls(&self) -> SocketAddr {
        self.calls.address()
    }

    /// Where health and metrics will be.
    pub(super) fn admin(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(ReservedPort::address)
    }

    /// Opens all of them; the one for calls last, so that no call comes while another could still fail.
    pub(super) fn open(self) -> Result<Listeners, Failure> {
        let Self { calls, admin, credentials } = self;
        let admin = admin.map(|port| open(port, Purpose::Admin)).transpose()?;
        let credentials = credentials.map(|port| open(port, Purpose::Credentials)).transpose()?;
        Ok(Listeners { calls: open(calls, Purpose::Calls)?, admin, credentials })
    }
}

fn reserve(address: SocketAddr, purpose: Purpose) -> Result<ReservedPort, Failure> {
    ReservedPort::bind(address).map_err(|error| unavailable(address, &error, purpose))
}

fn open(port: ReservedPort, purpose: Purpose) -> Result<TcpListener, Failure> {
    let address = port.address();
    port.open().map_err(|error| unavailable(address, &error, purpose))
}

fn unavailable(address: SocketAddr, error: &std::io::Error, purpose: Purpose) -> Failure {
    let help = match purpose {
        Purpose::Calls => "stop whatever holds it, or give another with `--listen`",
        Purpose::Admin => "stop whatever holds it, or change `listen` in `[admin]`",
        Purpose::Credentials => "stop whatever holds it, or change `listen` in `[identity.issuer.credentials]`",
    };
    Failure::new(format!("`{address}` cannot be listened on: {error}"), help)
}
