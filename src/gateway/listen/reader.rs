//! The connection's reader: checks each raw head before the HTTP library sees a byte of it.
//!
//! The library gets a head of our own making that holds only the framing, so that nothing it merges, drops or
//! tolerates can matter. A refused head becomes an empty request on a connection that ends: it is answered and
//! written down like any other.

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

/// Bytes asked of the socket at once.
const READ_SIZE: usize = 8192;
/// Between calls, after an answer to a caller who is unknown.
const SHORT_IDLE: Duration = Duration::from_secs(5);
/// How long a caller who has not authenticated waits before its next call begins while a new connection wants a slot:
/// long enough for its own to be found between two calls.
const YIELD: Duration = Duration::from_millis(20);
/// How long an answer may wait for a caller that does not take it once the server drains.
const DRAIN_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug)]
pub(crate) struct ReaderLimits {
    pub(crate) head: HeadLimits,
    /// From accept for the first head, from its first byte for a later one.
    pub(crate) header_timeout: Duration,
    /// Between calls.
    pub(crate) idle_timeout: Duration,
    /// How long an answer may wait for a caller that does not take it.
    pub(crate) call_timeout: Duration,
}

pub(crate) struct Reader {
    stream: Socket,
    handoff: Arc<HeadHandoff>,
    slot: Arc<Slot>,
    limits: ReaderLimits,
    state: State,
    /// Read from the socket and not yet passed on.
    unread: Vec<u8>,
    /// How much of `unread` was already looked at for the end of a head.
    searched: usize,
    /// For the library, before anything else.
    outgoing: Vec<u8>,
    deadline: Instant,
    alarm: Pin<Box<Sleep>>,
    /// Set while the caller takes nothing of an answer: until then, nothing more is read of it.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Who reads on when the caller takes its answer.
    paused: Option<Waker>,
    /// Set while the connection yields to a new one.
    yielding: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
enum State {
    /// Waiting for a call; nothing of it is there.
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

    /// The socket, when the library is done with it, and whether the caller may still be sending.
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
                // Calls that nobody takes the answers of must not follow one another: the connection could never be
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
                    // A head over the limit is refused even when its end came in the same piece: the answer must not
                    // depend on how the network cuts what is sent.
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

    /// The end of a connection whose slot is another's: between two calls it ends, within a call the call is broken off.
    fn displaced(&mut self) -> Poll<io::Result<()>> {
        let ended = match std::mem::replace(&mut self.state, State::Ended) {
            State::Idle | State::Head => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "displaced by a new connection")),
        };
        self.unread.clear();
        Poll::Ready(ended)
    }

    /// Where the head ends, its blank line included. A bare line feed ends a line for some readers: it is found
    /// here and refused there.
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
            Err(fault) => self.refuse(fault),
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
                    Ok(()) => self.handoff.hand_on(Ok(head)),
                    Err(Displaced) => self.outgoing.clear(),
                }
            }
        }
    }

    /// A call begins, unless the connection was displaced before its head was complete.
    fn begin(&mut self, state: State) -> Result<(), Displaced> {
        match state {
            State::Body(_) => self.slot.receives(self.deadline - self.limits.header_timeout)?,
            _ => self.slot.answers()?,
        }
        self.state = state;
        Ok(())
    }

    fn refuse(&mut self, fault: HeadError) {
        if self.slot.answers().is_err() {
            return;
        }
        let format = Format::guess(&self.unread);
        self.outgoing = b"POST / HTTP/1.1\r\nhost: -\r\nconnection: close\r\n\r\n".to_vec();
        self.state = State::Ended;
        self.handoff.hand_on(Err(RefusedHead { fault, format }));
    }

    /// Reads from the socket under the deadline of the moment; 0 when the caller is done.
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

    /// Ready when the caller took too long: a silent one is let go, one in the middle of a head is told.
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
            // The alarm is set anew only when it rings, not for every call.
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
    /// An answer that nobody takes must not hold its connection for ever.
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
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the caller does not take its answer")))
    }

    /// The caller takes its answers again: the connection is where it was before.
    fn resume(&mut self) {
        let now = Instant::now();
        // One that was displaced meanwhile is found to be so when it reads on.
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

    /// With TLS this is where an answer waits for its caller: writing only encrypts it.
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
