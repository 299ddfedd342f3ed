//! One connection: its reader, the HTTP library, and a decent end.

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

/// How much of an unread body is taken before the connection closes, and for how long: closing on unread bytes
/// would reset the connection and could destroy the answer on its way.
const LINGER_BYTES: u64 = 256 << 10;
const LINGER: Duration = Duration::from_secs(1);

/// Serves a connection until the caller is done, a fault ends it, its slot becomes another's, or the server drains.
pub(crate) async fn serve(stream: Socket, neighbour: Peer, gateway: Arc<Gateway>) {
    let slot = Arc::clone(&neighbour.slot);
    let neighbour = Arc::new(neighbour);
    let handoff = Arc::new(HeadHandoff::default());
    let reader = Reader::new(stream, Arc::clone(&handoff), Arc::clone(&slot), gateway.reader_limits());
    let service = service_fn(|request: Request<Incoming>| {
        let (gateway, handoff, neighbour) = (Arc::clone(&gateway), Arc::clone(&handoff), Arc::clone(&neighbour));
        Box::pin(async move {
            let (response, patience) = answer(gateway, &handoff, neighbour, request.into_body()).await;
            handoff.answered(patience);
            Ok::<_, std::convert::Infallible>(response)
        })
    });
    let mut connection = http1::Builder::new().pipeline_flush(false).serve_connection(reader, service);
    let mut draining = pin!(slot.end().cancelled());
    let mut told = false;
    let served = poll_fn(|context| {
        if !told && draining.as_mut().poll(context).is_ready() {
            told = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        connection.poll_without_shutdown(context)
    });
    if let Err(error) = served.await {
        tracing::debug!(peer = %neighbour.address, %error, "a connection ended early");
    }
    let (stream, sending) = connection.into_parts().io.into_stream();
    let displaced = slot.is_displaced();
    slot.waits(Instant::now());
    if sending && !displaced {
        unless_displaced(&slot, linger(stream)).await;
    } else if stream.says_goodbye() {
        unless_displaced(&slot, goodbye(stream)).await;
    }
}

/// Runs the end of a connection, unless its slot is needed: a server that drains is no reason to cut it short.
async fn unless_displaced(slot: &Slot, end: impl Future<Output = ()>) {
    let mut end = pin!(end);
    if slot.end().run_until_cancelled(end.as_mut()).await.is_none() && !slot.is_displaced() {
        end.await;
    }
}

/// Answers one call, and says how long the connection may be idle afterwards.
async fn answer(
    gateway: Arc<Gateway>,
    handoff: &HeadHandoff,
    neighbour: Arc<Peer>,
    body: Incoming,
) -> (Response<Full<Bytes>>, Patience) {
    let (slot, limits) = (Arc::clone(&neighbour.slot), gateway.parts.front.limits);
    let mut exchange = Exchange::new(gateway, unique_id(), neighbour);
    let mut response = answer_all(&mut exchange, handoff, body).await;
    let began = exchange.call.deadline - limits.call_timeout;
    if began.saturating_duration_since(slot.opened()) >= limits.connection_lifetime {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let known = slot.is_authenticated() || exchange.is_identified();
    (response, if known { Patience::Usual } else { Patience::Short })
}

/// Answers one call; a panic on the way is answered too.
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

/// None when it panics.
async fn caught<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        polled.map_or(Poll::Ready(None), |polled| polled.map(Some))
    })
    .await
}

async fn goodbye(mut stream: Socket) {
    let _ = timeout(LINGER, stream.shutdown()).await;
}

async fn linger(mut stream: Socket) {
    let drained = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    // Whether the caller took the answer is its own affair by now.
    let _ = timeout(LINGER, drained).await;
}
