//! One connection: its reader, the HTTP library, and a graceful close.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use crate::envelope::unique_id;

use super::connections::Slot;
use super::head_handoff::{HeadHandoff, Patience};
use super::peer::Peer;
use super::reader::Reader;
use super::socket::Socket;
use crate::gateway::call::Exchange;
use crate::gateway::parts::Gateway;

/// How many unread bytes of a body are drained before the connection closes, and for how long. Closing a socket with
/// unread bytes would reset the connection and could destroy the answer in flight.
const LINGER_BYTES: u64 = 256 << 10;
const LINGER: Duration = Duration::from_secs(1);

/// Serves a connection until the caller closes it, an error ends it, a new connection takes its slot, or the server
/// drains.
pub(crate) async fn serve(stream: Socket, peer: Peer, gateway: Arc<Gateway>) {
    let slot = Arc::clone(&peer.slot);
    let peer = Arc::new(peer);
    let handoff = Arc::new(HeadHandoff::default());
    let reader = Reader::new(stream, Arc::clone(&handoff), Arc::clone(&slot), gateway.reader_limits());
    let service = service_fn(|request: Request<Incoming>| {
        let (gateway, handoff, peer) = (Arc::clone(&gateway), Arc::clone(&handoff), Arc::clone(&peer));
        Box::pin(async move {
            let (response, patience) = answer(gateway, &handoff, peer, request.into_body()).await;
            handoff.answered(patience);
            Ok::<_, std::convert::Infallible>(response)
        })
    });
    let mut connection = http1::Builder::new().pipeline_flush(false).serve_connection(reader, service);
    let mut draining = pin!(slot.end().cancelled());
    let mut drains = false;
    let served = poll_fn(|context| {
        if !drains && draining.as_mut().poll(context).is_ready() {
            drains = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        connection.poll_without_shutdown(context)
    });
    if let Err(error) = served.await {
        tracing::debug!(peer = %peer.address, %error, "a connection ended early");
    }
    let (stream, sending) = connection.into_parts().io.into_stream();
    let displaced = slot.is_displaced();
    slot.waits(Instant::now());
    if sending && !displaced {
        unless_displaced(&slot, linger(stream)).await;
    } else if stream.needs_close_notify() {
        unless_displaced(&slot, close_notify(stream)).await;
    }
}

/// Runs the close of a connection until its slot is needed. A drain alone does not cut it short.
async fn unless_displaced(slot: &Slot, close: impl Future<Output = ()>) {
    let mut close = pin!(close);
    if slot.end().run_until_cancelled(close.as_mut()).await.is_none() && !slot.is_displaced() {
        close.await;
    }
}

/// Answers one call. Also returns how long the connection may be idle afterwards.
async fn answer(
    gateway: Arc<Gateway>,
    handoff: &HeadHandoff,
    peer: Arc<Peer>,
    body: Incoming,
) -> (Response<Full<Bytes>>, Patience) {
    let (slot, limits) = (Arc::clone(&peer.slot), gateway.parts.front.limits);
    let mut exchange = Exchange::new(gateway, unique_id(), peer);
    let mut response = answer_all(&mut exchange, handoff, body).await;
    let began = exchange.call.deadline - limits.call_timeout;
    if began.saturating_duration_since(slot.opened()) >= limits.connection_lifetime {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let known = slot.is_authenticated() || exchange.is_identified();
    (response, if known { Patience::Usual } else { Patience::Short })
}

/// Answers one call, even if its handler panics.
async fn answer_all(exchange: &mut Exchange, handoff: &HeadHandoff, body: Incoming) -> Response<Full<Bytes>> {
    let Some(head) = handoff.take() else {
        return exchange.panicked().await;
    };
    if let Some(response) = caught(exchange.answer(head, body)).await {
        return response;
    }
    match caught(exchange.panicked()).await {
        Some(response) => response,
        None => exchange.unwritten(),
    }
}

/// The future's output; `None` if it panics.
async fn caught<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        polled.map_or(Poll::Ready(None), |polled| polled.map(Some))
    })
    .await
}

async fn close_notify(mut stream: Socket) {
    let _ = timeout(LINGER, stream.shutdown()).await;
}

async fn linger(mut stream: Socket) {
    let drained = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    // The answer was sent, so an error or a timeout here has no consequence.
    let _ = timeout(LINGER, drained).await;
}
