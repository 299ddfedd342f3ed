//! Opens an input. A compressed one is recognised by its first bytes, not by its name.

use std::fs::File;
use std::io::{self, BufReader, Read, stdin};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::input::Input;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The content of an input.
pub type Bytes = Box<dyn Read + Send>;

/// Opens an input and decompresses it if necessary. The bytes that are read from disk are added to `progress`.
///
/// # Errors
/// The file cannot be opened or read.
pub fn open(input: &Input, progress: &Arc<AtomicU64>) -> io::Result<Bytes> {
    let raw: Bytes = match input {
        Input::Stdin => Box::new(stdin()),
        Input::File(path) => Box::new(open_file(path)?),
    };
    let mut raw = Counted { raw, progress: Arc::clone(progress) };
    let mut start = [0; 2];
    let mut length = 0;
    while length < start.len() {
        match raw.read(&mut start[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let whole = io::Cursor::new(start).take(length as u64).chain(raw);
    if start[..length] == GZIP {
        return Ok(Box::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, whole))));
    }
    Ok(Box::new(whole))
}

/// Opens a file. A rotated file may have been compressed, and so have the name `….gz`, since it was listed.
fn open_file(path: &Path) -> io::Result<File> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut compressed = path.as_os_str().to_owned();
            compressed.push(".gz");
            File::open(compressed).map_err(|_| error)
        }
        opened => opened,
    }
}

struct Counted {
    raw: Bytes,
    progress: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.raw.read(into)?;
        self.progress.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
