//! Finds the end of a body, with a scanner that is stricter than the HTTP library behind it.

use super::head::Framing;

/// Tracks a body as it arrives.
#[derive(Debug)]
pub struct BodyScanner {
    state: State,
}

/// How much of the input belongs to the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// All of it, and the body is not complete.
    Within,
    /// The body ends after this many bytes of the input.
    EndsAfter(usize),
}

/// A chunked body with extensions, trailers, bare line feeds or an invalid chunk size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chunked body is malformed, or has extensions or trailers")]
pub struct ChunkError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Length(u64),
    Size { digits: u8, value: u64 },
    SizeEnd { value: u64 },
    Data(u64),
    DataEnd { carriage_return: bool },
    LastEnd { carriage_return: bool },
    Done,
}

impl BodyScanner {
    /// A scanner at the start of a body.
    pub fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::None => State::Done,
            Framing::Length(bytes) => State::Length(bytes),
            Framing::Chunked => State::Size { digits: 0, value: 0 },
        };
        Self { state }
    }

    /// Whether the whole body has been seen.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Scans the next input.
    ///
    /// # Errors
    /// A malformed chunked body. Nothing after it on the connection may be interpreted.
    pub fn scan(&mut self, input: &[u8]) -> Result<Scanned, ChunkError> {
        let mut at = 0;
        while self.state != State::Done {
            let Some(byte) = input.get(at) else { return Ok(Scanned::Within) };
            let skip = |remaining: u64| remaining.min((input.len() - at) as u64);
            match self.state {
                State::Length(remaining) => {
                    let taken = skip(remaining);
                    at += usize::try_from(taken).expect("no more than the input holds");
                    self.state = if taken == remaining { State::Done } else { State::Length(remaining - taken) };
                }
                State::Data(remaining) => {
                    let taken = skip(remaining);
                    at += usize::try_from(taken).expect("no more than the input holds");
                    self.state = match remaining - taken {
                        0 => State::DataEnd { carriage_return: false },
                        rest => State::Data(rest),
                    };
                }
                state => {
                    self.state = step(state, *byte)?;
                    at += 1;
                }
            }
        }
        Ok(Scanned::EndsAfter(at))
    }
}

fn step(state: State, byte: u8) -> Result<State, ChunkError> {
    match (state, byte) {
        (State::Size { digits, value }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') if digits < 8 => {
            let digit = char::from(byte).to_digit(16).unwrap_or_default();
            Ok(State::Size { digits: digits + 1, value: value * 16 + u64::from(digit) })
        }
        (State::Size { digits: 1.., value }, b'\r') => Ok(State::SizeEnd { value }),
        (State::SizeEnd { value: 0 }, b'\n') => Ok(State::LastEnd { carriage_return: false }),
        (State::SizeEnd { value }, b'\n') => Ok(State::Data(value)),
        (State::DataEnd { carriage_return: false }, b'\r') => Ok(State::DataEnd { carriage_return: true }),
        (State::DataEnd { carriage_return: true }, b'\n') => Ok(State::Size { digits: 0, value: 0 }),
        (State::LastEnd { carriage_return: false }, b'\r') => Ok(State::LastEnd { carriage_return: true }),
        (State::LastEnd { carriage_return: true }, b'\n') => Ok(State::Done),
        _ => Err(ChunkError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scans the input as a whole and byte by byte, which must give the same result.
    fn scan(framing: Framing, input: &[u8]) -> Result<Scanned, ChunkError> {
        let whole = BodyScanner::new(framing).scan(input);
        let mut bytewise = BodyScanner::new(framing);
        for at in 0..input.len() {
            match bytewise.scan(&input[at..=at]) {
                Ok(Scanned::Within) => {}
                Ok(Scanned::EndsAfter(taken)) => {
                    assert_eq!(whole, Ok(Scanned::EndsAfter(at + taken)));
                    return whole;
                }
                Err(error) => {
                    assert_eq!(whole, Err(error));
                    return whole;
                }
            }
        }
        whole
    }

    #[test]
    fn a_body_ends_where_its_framing_says() {
        assert_eq!(scan(Framing::Length(3), b"abcGET"), Ok(Scanned::EndsAfter(3)));
        assert_eq!(scan(Framing::Length(3), b"ab"), Ok(Scanned::Within));
        assert_eq!(scan(Framing::Chunked, b"3\r\nabc\r\n0\r\n\r\nGET"), Ok(Scanned::EndsAfter(13)));
        assert_eq!(scan(Framing::None, b"GET"), Ok(Scanned::EndsAfter(0)));
    }

    #[test]
    fn a_chunked_body_has_no_extras() {
        for bad in
            ["3;x=1\r\nabc\r\n0\r\n\r\n", "0\r\nA: b\r\n\r\n", "3\nabc", "3\r\nabcd", "\r\n", "x\r\n", "000000001\r\n"]
        {
            assert_eq!(scan(Framing::Chunked, bad.as_bytes()), Err(ChunkError), "{bad}");
        }
    }
}
