//! An upstream for benches, which answers every call with success and has no state.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::support::upstream::success;

/// A call that names an ENI with this prefix is answered after two minutes.
pub(crate) const HANGING: &str = "eni-hang";

/// Starts an upstream on a free port, until the process ends.
pub(crate) fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer_all(stream));
        }
    });
    address
}

fn answer_all(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, answer) = (String::new(), success());
    let (mut body, mut hangs) = (0, false);
    while reader.read_line(&mut line)? > 0 {
        hangs |= line.contains(HANGING);
        if let Some(length) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            body = length.trim().parse().unwrap_or(0);
        }
        if line == "\r\n" {
            std::io::copy(&mut (&mut reader).take(std::mem::take(&mut body)), &mut std::io::sink())?;
            if std::mem::take(&mut hangs) {
                thread::sleep(Duration::from_secs(120));
            }
            stream.write_all(&answer)?;
        }
        line.clear();
    }
    Ok(())
}
