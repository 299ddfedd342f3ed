//! An upstream that records what it gets and answers what it is told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

/// Raw requests in, scripted bytes out, on loopback.
#[derive(Debug)]
pub struct FakeUpstream {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

/// What it does with a request.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Answers with these bytes.
    Answer(Vec<u8>),
    /// Takes the request and says nothing until the caller leaves.
    Silent,
    /// Takes the request and closes.
    Close,
}

pub const REQUEST_ID: &str = "473469C7-AA6F-4DC5-B3DB-A3DC0DE3C83E";

impl FakeUpstream {
    /// Answers every call with success.
    pub fn start() -> Self {
        Self::behaving(Behaviour::Answer(json(200, &format!("{{\"RequestId\":\"{REQUEST_ID}\"}}"), "")))
    }

    pub fn behaving(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().take(1000) {
                let (Ok(mut stream), seen, behaviour) = (stream, Arc::clone(&seen), behaviour.clone()) else { return };
                thread::spawn(move || {
                    let mut bytes = Vec::new();
                    let mut piece = [0; 4096];
                    while let Ok(read) = stream.read(&mut piece) {
                        if read == 0 {
                            return;
                        }
                        bytes.extend_from_slice(&piece[..read]);
                        while let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                            let rest = bytes.split_off(end + 4);
                            seen.lock().unwrap().push(String::from_utf8(std::mem::replace(&mut bytes, rest)).unwrap());
                            match &behaviour {
                                Behaviour::Answer(answer) => stream.write_all(answer).unwrap(),
                                Behaviour::Silent => {}
                                Behaviour::Close => return,
                            }
                        }
                    }
                });
            }
        });
        Self { address, requests }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Heads of all requests so far, as received.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// An answer with a JSON body; `headers` are whole lines.
pub fn json(status: u16, body: &str, headers: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json;charset=utf-8\r\nContent-Length: {}\r\n\
         x-acs-request-id: {REQUEST_ID}\r\n{headers}\r\n{body}",
        body.len()
    )
    .into_bytes()
}
