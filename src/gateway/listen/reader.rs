//! The connection's reader: checks each raw head before the HTTP library sees a byte of it.
//!
//! The library gets a synthetic head with nothing but the framing, so it does not matter what the library would merge,
//! drop or tolerate. A refused head becomes an empty request on a connection that closes: it is answered and logged
//! like any other call.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Duration, Instant, Sleep};

use crate::envelope::Format;
use crate::wire::{BodyScanner, Framing, Head, HeadError, HeadErrorKind, HeadLimits, Scanned};

use super::connections::{Displaced, Slot};
use super::head_handoff::{HeadHandoff, Patience, RefusedHead};
use super::socket::Socket;

/// The most bytes of one read from the socket.
const READ_SIZE: usize = 8192;
/// The idle timeout after an answer on a connection without an authenticated caller.
const SHORT_IDLE: Duration = Duration::from_secs(5);
/// How long an unauthenticated connection pauses before its next call while a new connection waits for a slot: long
/// enough for the table to find it between two calls.
const YIELD: Duration = Duration::from_millis(20);
/// How long an answer may wait for a caller that does not read it, once the server drains.
const DRAIN_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug)]
pub(crate) struct ReaderLimits {
    pub(crate) head: HeadLimits,
    /// For the first head of a connection, from the end of the handshake; for a later one, from its first byte.
    pub(crate) header_timeout: Duration,
    /// How long a connection may be idle between calls.
    pub(crate) idle_timeout: Duration,
    /// How long an answer may wait for a caller that does not read it.
    pub(crate) call_timeout: Duration,
}

pub(crate) struct Reader {
    stream: Socket,
    handoff: Arc<HeadHandoff>,
    slot: Arc<Slot>,
    limits: ReaderLimits,
    state: State,
    /// Bytes from the socket that were not yet passed on.
    unread: Vec<u8>,
    /// How many bytes of `unread` were already searched for the end of a head.
    searched: usize,
    /// The synthetic head for the library, which precedes any bytes of a body.
    outgoing: Vec<u8>,
    deadline: Instant,
    alarm: Pin<Box<Sleep>>,
    /// Set while the caller does not read an answer. Nothing is read from the caller meanwhile.
    stalled: Option<Pin<Box<Sleep>>>,
    /// The task to wake when the caller reads its answer again.
    paused: Option<Waker>,
    /// Set while the connection yields to a new one.
    yielding: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
enum State {
    /// Waiting for the first byte of a call.
    Idle,
    Head,
    Body(BodyScanner),
    Answering,
    /// Nothing more is read from this caller.
    Ended,
}

impl Reader {
    pub(crate) fn new(stream: Socket, handoff: Arc<HeadHandoff>, slot: Arc<Slot>, limits: ReaderLimits) -> Self {
        let deadline = Instant::now() + limits.header_timeout;
        Self {
            stream,
            handoff,
            slot,
            limits,
            state: State::Head,
            unread: Vec::new(),
            searched: 0,
            outgoing: Vec::new(),
            deadline,
            alarm: Box::pin(tokio::time::sleep_until(deadline)),
            stalled: None,
            paused: None,
            yielding: None,
        }
    }

    /// The socket after the library has finished, and whether the caller may still be sending.
    pub(crate) fn into_stream(self) -> (Socket, bool) {
        let quiet = matches!(self.state, State::Idle | State::Answering) && self.unread.is_empty();
        (self.stream, !quiet)
    }

    fn poll_next(&mut self, context: &mut Context<'_>, out: &mut ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        loop {
            if !self.outgoing.is_empty() {
                let taken = self.outgoing.len().min(out.remaining());
                out.put_slice(&self.outgoing[..taken]);
                self.outgoing.drain(..taken);
                return Poll::Ready(Ok(()));
            }
            if self.slot.is_displaced() {
                return self.displaced();
            }
            if self.stalled.is_some() {
                // A caller that does not read its answers must not start another call: the connection could never be
                // displaced.
                self.paused = Some(context.waker().clone());
                return Poll::Pending;
            }
            if let Some(yielding) = &mut self.yielding {
                ready!(yielding.as_mut().poll(context));
                self.yielding = None;
            }
            match &mut self.state {
                State::Idle | State::Head => {
                    // A head over the limit is refused even if it arrived complete: the answer must not depend on how
                    // the network splits the stream.
                    let end = self.head_end();
                    if end.unwrap_or(self.unread.len()) > self.limits.head.head_bytes {
                        let message = format!("the head has more than {} bytes", self.limits.head.head_bytes);
                        self.refuse(HeadError::new(HeadErrorKind::HeadTooLarge, message));
                    } else if let Some(end) = end {
                        self.read_head(end);
                    } else if ready!(self.poll_fill(context))? == 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
                State::Body(scanner) => {
                    if self.unread.is_empty() {
                        if ready!(self.poll_fill(context))? == 0 {
                            return Poll::Ready(Ok(()));
                        }
                        continue;
                    }
                    let piece = &self.unread[..self.unread.len().min(out.remaining())];
                    let scanned = scanner.scan(piece).map_err(io::Error::other);
                    let taken = match scanned {
                        Ok(Scanned::Within) => piece.len(),
                        Ok(Scanned::EndsAfter(taken)) => taken,
                        Err(error) => {
                            self.state = State::Ended;
                            return Poll::Ready(Err(error));
                        }
                    };
                    if scanner.is_done() {
                        if self.slot.answers().is_err() {
                            return self.displaced();
                        }
                        self.state = State::Answering;
                    }
                    out.put_slice(&self.unread[..taken]);
                    self.unread.drain(..taken);
                    return Poll::Ready(Ok(()));
                }
                State::Answering => {
                    let patience = ready!(self.handoff.poll_answered(context));
                    self.begin_next(patience);
                }
                State::Ended => return Poll::Pending,
            }
        }
    }

    fn begin_next(&mut self, patience: Patience) {
        let idle = match patience {
            Patience::Usual => self.limits.idle_timeout,
            Patience::Short => self.limits.idle_timeout.min(SHORT_IDLE),
        };
        let (state, wait) = match self.unread.is_empty() {
            true => (State::Idle, idle),
            false => (State::Head, self.limits.header_timeout),
        };
        self.state = state;
        let now = Instant::now();
        self.deadline = now + wait;
        self.slot.waits(now);
        if self.slot.is_wanted() {
            self.yielding = Some(Box::pin(tokio::time::sleep(YIELD)));
        }
    }

    /// Ends a connection that was displaced: between two calls as if the caller had closed it, during a call with an
    /// error.
    fn displaced(&mut self) -> Poll<io::Result<()>> {
        let ended = match std::mem::replace(&mut self.state, State::Ended) {
            State::Idle | State::Head => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "displaced by a new connection")),
        };
        self.unread.clear();
        Poll::Ready(ended)
    }

    /// The length of the head, including its blank line. Some parsers accept a bare line feed as a line end, so it
    /// counts here too; `Head::read` then refuses it.
    fn head_end(&mut self) -> Option<usize> {
        let from = self.searched.saturating_sub(3);
        let found = self.unread[from..].iter().enumerate().find_map(|(at, byte)| {
            let end = from + at + 1;
            let blank = self.unread[..end].ends_with(b"\r\n\r\n") || self.unread[..end].ends_with(b"\n\n");
            (*byte == b'\n' && blank).then_some(end)
        });
        self.searched = self.unread.len();
        found
    }

    fn read_head(&mut self, end: usize) {
        self.searched = 0;
        match Head::read(&self.unread[..end], &self.limits.head) {
            Err(error) => self.refuse(error),
            Ok(head) => {
                self.unread.drain(..end);
                let close = if head.keep_alive() { "" } else { "connection: close\r\n" };
                let framing = match head.framing() {
                    Framing::None => String::new(),
                    Framing::Length(bytes) => format!("content-length: {bytes}\r\n"),
                    Framing::Chunked => "transfer-encoding: chunked\r\n".to_owned(),
                };
                self.outgoing = format!("POST / HTTP/1.1\r\nhost: -\r\n{framing}{close}\r\n").into_bytes();
                let scanner = BodyScanner::new(head.framing());
                let begun = match scanner.is_done() {
                    true => self.begin(State::Answering),
                    false => self.begin(State::Body(scanner)),
                };
                match begun {
                    Ok(()) => self.handoff.hand_over(Ok(head)),
                    Err(Displaced) => self.outgoing.clear(),
                }
            }
        }
    }

    /// Begins a call, unless the connection was displaced before its head was complete.
    fn begin(&mut self, state: State) -> Result<(), Displaced> {
        match state {
            State::Body(_) => self.slot.receives(self.deadline - self.limits.header_timeout)?,
            _ => self.slot.answers()?,
        }
        self.state = state;
        Ok(())
    }

    fn refuse(&mut self, error: HeadError) {
        if self.slot.answers().is_err() {
            return;
        }
        let format = Format::guess(&self.unread);
        self.outgoing = b"POST / HTTP/1.1\r\nhost: -\r\nconnection: close\r\n\r\n".to_vec();
        self.state = State::Ended;
        self.handoff.hand_over(Err(RefusedHead { error, format }));
    }

    /// Reads from the socket under the current deadline. Ready with 0 at the end of the stream or after the idle
    /// timeout.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut room = [const { MaybeUninit::uninit() }; READ_SIZE];
        let mut piece = ReadBuf::uninit(&mut room);
        match Pin::new(&mut self.stream).poll_read(context, &mut piece) {
            Poll::Ready(Ok(())) => {
                let filled = piece.filled().len();
                self.unread.extend_from_slice(piece.filled());
                if matches!(self.state, State::Idle) && filled > 0 {
                    self.state = State::Head;
                    self.deadline = Instant::now() + self.limits.header_timeout;
                }
                Poll::Ready(Ok(filled))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.poll_deadline(context),
        }
    }

    /// Ready when the deadline has passed: an idle connection is closed, an incomplete head is refused with an answer.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if matches!(self.state, State::Body(_)) {
            return Poll::Pending;
        }
        loop {
            if self.alarm.deadline() > self.deadline {
                let deadline = self.deadline;
                self.alarm.as_mut().reset(deadline);
            }
            ready!(self.alarm.as_mut().poll(context));
            // The timer is reset only when it fires, not for every call.
            if Instant::now() < self.deadline {
                let deadline = self.deadline;
                self.alarm.as_mut().reset(deadline);
                continue;
            }
            if self.unread.is_empty() {
                self.state = State::Ended;
                return Poll::Ready(Ok(0));
            }
            let message = format!("the head was not complete after {} ms", self.limits.header_timeout.as_millis());
            self.refuse(HeadError::new(HeadErrorKind::Slow, message));
            return Poll::Ready(Ok(1));
        }
    }
}

impl Read for Reader {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, mut out: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_next(context, &mut out)
    }
}

impl Reader {
    /// Returns the result of a write, or an error once the caller has not read its answer for too long: it must not
    /// hold the connection forever.
    fn unless_stalled<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            if self.stalled.take().is_some() {
                self.resume();
            }
            return written;
        }
        if self.stalled.is_none() {
            self.slot.waits(Instant::now());
        } else if self.slot.is_displaced() {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "displaced by a new connection")));
        }
        let patience = self.limits.call_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        if self.slot.end().is_cancelled() {
            let soon = Instant::now() + DRAIN_PATIENCE;
            if stalled.deadline() > soon {
                stalled.as_mut().reset(soon);
            }
        }
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the caller does not read its answer")))
    }

    /// The caller reads its answer again: restores the phase that the connection had before.
    fn resume(&mut self) {
        let now = Instant::now();
        // If the connection was displaced meanwhile, the next read ends it.
        let _ = match self.state {
            State::Body(_) => self.slot.receives(now),
            State::Answering => self.slot.answers(),
            State::Idle | State::Head => {
                self.deadline = self.deadline.max(now + SHORT_IDLE);
                Ok(())
            }
            State::Ended => Ok(()),
        };
        if let Some(paused) = self.paused.take() {
            paused.wake();
        }
    }
}

impl Write for Reader {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.unless_stalled(context, written)
    }

    /// With TLS, an answer waits for its caller here: writing only encrypts it.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.unless_stalled(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.unless_stalled(context, written)
    }
}
