//! A scripted upstream that records its requests.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Raw requests in, scripted bytes out, on loopback.
#[derive(Debug)]
pub struct FakeUpstream {
    pub address: SocketAddr,
    scheme: &'static str,
    seen: Arc<Mutex<Seen>>,
}

/// How the upstream handles a request.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Answers with these bytes.
    Answer(Vec<u8>),
    /// Answers with these bytes after this delay.
    Late(Duration, Vec<u8>),
    /// Answers with these bytes, which need not be a whole answer, and closes.
    AnswerAndClose(Vec<u8>),
    /// Reads the request and sends nothing until the client closes.
    Silent,
    /// Reads the request and closes.
    Close,
}

#[derive(Debug, Default)]
struct Seen {
    connections: usize,
    ended: usize,
    requests: Vec<String>,
}

pub const REQUEST_ID: &str = "473469C7-AA6F-4DC5-B3DB-A3DC0DE3C83E";

impl FakeUpstream {
    /// Answers every call with success.
    pub fn start() -> Self {
        Self::behaving(Behaviour::Answer(success()))
    }

    pub fn behaving(behaviour: Behaviour) -> Self {
        Self::scripted(move |_| behaviour.clone())
    }

    /// The script gets the number of the request, counted from 0.
    pub fn scripted(script: impl Fn(usize) -> Behaviour + Send + Sync + 'static) -> Self {
        Self::listen("http", move |number, _| script(number), |stream| Box::new(stream))
    }

    /// The script gets the text of the request, head and body.
    pub fn answering(script: impl Fn(&str) -> Behaviour + Send + Sync + 'static) -> Self {
        Self::listen("http", move |_, request| script(request), |stream| Box::new(stream))
    }

    /// Answers every call with success, over TLS. Also returns the certificate to trust, as PEM.
    pub fn tls() -> (Self, Vec<u8>) {
        Self::tls_answering(|_| Behaviour::Answer(success()))
    }

    /// Like [`Self::answering`], over TLS. Also returns the certificate to trust, as PEM.
    pub fn tls_answering(script: impl Fn(&str) -> Behaviour + Send + Sync + 'static) -> (Self, Vec<u8>) {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let wrap = move |stream| -> Box<dyn Stream> {
            Box::new(StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream))
        };
        (Self::listen("https", move |_, request| script(request), wrap), made.cert.pem().into_bytes())
    }

    fn listen(
        scheme: &'static str,
        script: impl Fn(usize, &str) -> Behaviour + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> Box<dyn Stream> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (shared, script) = (Arc::clone(&seen), Arc::new(script));
        thread::spawn(move || {
            for stream in listener.incoming().take(1000) {
                let Ok(stream) = stream else { return };
                shared.lock().unwrap().connections += 1;
                let (seen, script, stream) = (Arc::clone(&shared), Arc::clone(&script), wrap(stream));
                thread::spawn(move || serve(stream, &seen, &*script));
            }
        });
        Self { address, scheme, seen }
    }

    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// All requests so far, as received: head, and body if the head announces one.
    pub fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }

    /// The number of connections accepted so far.
    pub fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    /// The number of connections that were closed after an answer, and then by the client too.
    pub fn ended(&self) -> usize {
        self.seen.lock().unwrap().ended
    }
}

/// An answer with a JSON body; `headers` holds whole lines, each with its line end.
pub fn json(status: u16, body: &str, headers: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json;charset=utf-8\r\nContent-Length: {}\r\n\
         x-acs-request-id: {REQUEST_ID}\r\n{headers}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub fn success() -> Vec<u8> {
    json(200, &format!("{{\"RequestId\":\"{REQUEST_ID}\"}}"), "")
}

trait Stream: Read + Write + Send {
    /// Closes the sending direction.
    fn end(&mut self);
}

impl Stream for TcpStream {
    fn end(&mut self) {
        let _ = self.shutdown(Shutdown::Write);
    }
}

impl Stream for StreamOwned<ServerConnection, TcpStream> {
    fn end(&mut self) {
        let _ = self.sock.shutdown(Shutdown::Write);
    }
}

/// The length of the body that a head announces.
fn announced(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let length = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.map_or(0, |(_, length)| length.trim().parse().unwrap())
}

fn serve(mut stream: Box<dyn Stream>, seen: &Mutex<Seen>, script: &dyn Fn(usize, &str) -> Behaviour) {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut piece) {
        bytes.extend_from_slice(&piece[..read]);
        while let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let end = end + 4 + announced(&bytes[..end + 4]);
            if bytes.len() < end {
                break;
            }
            let rest = bytes.split_off(end);
            let request = String::from_utf8(std::mem::replace(&mut bytes, rest)).unwrap();
            let number = {
                let mut seen = seen.lock().unwrap();
                seen.requests.push(request.clone());
                seen.requests.len() - 1
            };
            // Errors are ignored: a test may close the connection before the answer.
            match script(number, &request) {
                Behaviour::Answer(answer) => drop(stream.write_all(&answer)),
                Behaviour::Late(wait, answer) => {
                    thread::sleep(wait);
                    drop(stream.write_all(&answer));
                }
                Behaviour::AnswerAndClose(answer) => {
                    let _ = stream.write_all(&answer);
                    stream.end();
                    while let Ok(1..) = stream.read(&mut piece) {}
                    seen.lock().unwrap().ended += 1;
                    return;
                }
                Behaviour::Silent => {}
                Behaviour::Close => return,
            }
            let _ = stream.flush();
        }
    }
}
