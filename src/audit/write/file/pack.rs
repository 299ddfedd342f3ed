//! Rotated files: compressed, and removed once they are too old or too many and a checkpoint covers them.

use std::fs::{self, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};

use super::access::{make_private, open_existing};
use super::names::{Form, Names, Rotated, sync_folder};
use super::settings::Packing;
use super::state::Shared;
use super::tail::{ChainEnd, LONGEST_LINE, Tail, read_tail, tail_of};

/// Works each time it is woken, until the maintenance worker has ended.
pub(super) fn run(shared: &Arc<Shared>, wake: &Receiver<()>) {
    while wake.recv().is_ok() {
        while wake.try_recv().is_ok() {}
        let done = pack_all(&shared.names, shared.rotation.packing).and_then(|()| remove_old(shared));
        if let Err(error) = done {
            tracing::error!(
                %error,
                "rotated files of the audit log could not be compressed or removed; the next attempt follows within a \
                 minute"
            );
        }
    }
}

fn pack_all(names: &Names, packing: Packing) -> io::Result<()> {
    if packing == Packing::Plain {
        return Ok(());
    }
    names.all_rotated()?.iter().filter(|file| file.form == Form::Plain).try_for_each(|file| pack(names, file))
}

/// The plain file is removed once the compressed one is on disk under its name, so a crash costs only time.
fn pack(names: &Names, file: &Rotated) -> io::Result<()> {
    let mut packed = file.path.clone().into_os_string();
    packed.push(".gz");
    let mut part = packed.clone();
    part.push(".part");
    let plain = open_existing(OpenOptions::new().read(true), &file.path)?;
    // A file that a crash left behind is overwritten; any other file or link with this name is not followed.
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut encoder = GzEncoder::new(make_private(Path::new(&part))?, Compression::default());
    io::copy(&mut BufReader::with_capacity(1 << 16, &plain), &mut encoder)?;
    let mut out = encoder.finish()?;
    out.flush()?;
    out.set_modified(plain.metadata()?.modified()?)?;
    out.sync_all()?;
    fs::rename(&part, &packed)?;
    sync_folder(names.folder())?;
    fs::remove_file(&file.path)
}

/// Removes files that are too old or too many. A file with lines that no checkpoint covers yet is kept.
fn remove_old(shared: &Shared) -> io::Result<()> {
    let covered = {
        let checkpoints = shared.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
        checkpoints.as_ref().map_or(0, |checkpoints| checkpoints.covered)
    };
    let mut files = shared.names.all_rotated()?;
    files.retain(|file| file.last <= covered);
    let now = (shared.notices.now)();
    // If the wall clock is in doubt, no file is removed for its age; the maintenance worker logs why.
    let keep = shared.rotation.keep.filter(|keep| shared.opened.doubt(now, (shared.elapsed)(), Some(*keep)).is_none());
    let surplus = shared.rotation.keep_files.map_or(0, |most| files.len().saturating_sub(most));
    for (at, file) in files.iter().enumerate() {
        if at < surplus || is_older(file, keep, now)? {
            fs::remove_file(&file.path)?;
            tracing::info!("removed `{}`, which a checkpoint covers", file.path.display());
        }
    }
    Ok(())
}

fn is_older(file: &Rotated, keep: Option<Duration>, now: Timestamp) -> io::Result<bool> {
    let Some(keep) = keep else { return Ok(false) };
    let written = Timestamp::try_from(fs::metadata(&file.path)?.modified()?).map_err(io::Error::other)?;
    Ok(SignedDuration::try_from(keep).is_ok_and(|keep| now.duration_since(written) > keep))
}

/// The newest rotated file, and the end of its chain; `None` for the end if the file does not end in a line of a log.
pub(super) fn newest(names: &Names) -> io::Result<Option<(Rotated, Option<ChainEnd>)>> {
    let Some(file) = names.all_rotated()?.pop() else { return Ok(None) };
    let opened = open_existing(OpenOptions::new().read(true), &file.path)?;
    let tail = match file.form {
        Form::Plain => {
            let length = opened.metadata()?.len();
            read_tail(&opened, length)?
        }
        Form::Gzip => end_of(MultiGzDecoder::new(BufReader::new(opened)))?,
    };
    Ok(Some((file, tail.and_then(|tail| tail.end))))
}

/// The end of a stream that can only be read from its beginning.
fn end_of(mut text: impl Read) -> io::Result<Option<Tail>> {
    let most = 4 * usize::try_from(LONGEST_LINE).unwrap_or(usize::MAX);
    let (mut bytes, mut piece, mut start) = (Vec::new(), vec![0; 1 << 16], 0);
    loop {
        let read = text.read(&mut piece)?;
        if read == 0 {
            return Ok(tail_of(&bytes, start));
        }
        bytes.extend_from_slice(&piece[..read]);
        if bytes.len() > most {
            start += bytes.drain(..bytes.len() - most / 2).count() as u64;
        }
    }
}
