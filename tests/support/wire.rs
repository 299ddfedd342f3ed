//! HTTP over raw sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One HTTP answer, read from a socket.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// Whether the server closes the connection after this answer.
    pub closed: bool,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// `Code`, from JSON or XML.
    pub fn code(&self) -> String {
        self.field("Code")
    }

    pub fn message(&self) -> String {
        self.field("Message")
    }

    pub fn field(&self, name: &str) -> String {
        if self.body.starts_with('<') {
            let (_, rest) = self.body.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name}: {self:?}"));
            return rest.split('<').next().unwrap().to_owned();
        }
        self.json()[name].as_str().unwrap_or_else(|| panic!("no {name}: {self:?}")).to_owned()
    }
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends bytes on a new connection, reads one answer, and checks whether the server closes.
pub fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    let (mut answer, mut stream) = send(address, request);
    answer.closed |= is_closed(&mut stream);
    answer
}

/// Like [`exchange`], but does not wait to see whether the server closes.
pub fn ask(address: SocketAddr, request: &[u8]) -> Answer {
    send(address, request).0
}

fn send(address: SocketAddr, request: &[u8]) -> (Answer, TcpStream) {
    let mut stream = connect(address);
    // The server may refuse the request and close before it has read everything.
    let _ = stream.write_all(request);
    (read_answer(&mut stream).expect("an answer"), stream)
}

/// Sends bytes and reads until the server closes or is silent for a second.
pub fn send_raw(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    let _ = stream.write_all(request);
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    all
}

/// Reads one answer. `None` if the connection ends before the head is complete.
pub fn read_answer(stream: &mut impl Read) -> Option<Answer> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let find =
        |name: &str| headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone());
    let length: usize = find("content-length").map_or(0, |length| length.parse().unwrap());
    while bytes.len() < end + length {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
        }
    }
    let closed = find("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let body = String::from_utf8(bytes[end..].to_vec()).unwrap();
    Some(Answer { status, headers, body, closed })
}

/// Reads until the server closes the connection, and parses the bytes as answers. Panics if there is anything else.
pub fn read_answers(stream: &mut TcpStream) -> Vec<Answer> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap_or_else(|error| panic!("the connection did not close cleanly: {error}"));
    let mut rest = std::str::from_utf8(&bytes).expect("answers are text");
    let mut answers = Vec::new();
    while !rest.is_empty() {
        let (head, after) = rest.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {rest:?}"));
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).expect("a status line");
        let status = status.split(' ').next().unwrap().parse().unwrap();
        let headers: Vec<(String, String)> =
            lines.map(|line| line.split_once(": ").expect("a header")).map(|(n, v)| (n.into(), v.into())).collect();
        let find = |name: &str| headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, v)| v);
        let length: usize = find("content-length").expect("a length").parse().unwrap();
        let closed = find("connection").is_some_and(|value| value == "close");
        let body = after.get(..length).expect("the whole body").to_owned();
        rest = &after[length..];
        answers.push(Answer { status, headers, body, closed });
    }
    answers
}

fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    matches!(stream.read(&mut [0; 1]), Ok(0))
}

/// Sends requests over a few keep-alive connections, and returns all answers. A connection that the server closes is
/// opened again.
pub fn ask_many(address: SocketAddr, requests: &[Vec<u8>]) -> Vec<Answer> {
    const CONNECTIONS: usize = 4;
    let share = requests.len().div_ceil(CONNECTIONS).max(1);
    std::thread::scope(|scope| {
        let asking = requests.chunks(share).map(|requests| {
            scope.spawn(move || {
                let mut stream = connect(address);
                let ask = |request: &Vec<u8>| {
                    for _ in 0..3 {
                        let answer = stream.write_all(request).ok().and_then(|()| read_answer(&mut stream));
                        if answer.as_ref().is_none_or(|answer| answer.header("connection") == Some("close")) {
                            stream = connect(address);
                        }
                        if let Some(answer) = answer {
                            return answer;
                        }
                    }
                    panic!("no answer")
                };
                requests.iter().map(ask).collect::<Vec<_>>()
            })
        });
        let asking: Vec<_> = asking.collect();
        asking.into_iter().flat_map(|asking| asking.join().unwrap()).collect()
    })
}

/// Sends a request from an address of the loopback network, and reads the answer.
pub fn ask_from(source: [u8; 4], address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = connect_from(source, address);
    stream.write_all(request).unwrap();
    read_answer(&mut stream).unwrap()
}

/// A connection from an address of the loopback network.
pub fn connect_from(source: [u8; 4], address: SocketAddr) -> TcpStream {
    try_connect_from(source, address).unwrap()
}

/// Like [`connect_from`], but `None` if the connection fails.
pub fn try_connect_from(source: [u8; 4], address: SocketAddr) -> Option<TcpStream> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((source, 0))).unwrap();
        socket.connect(address).await.ok()?.into_std().ok()
    })?;
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    Some(stream)
}
