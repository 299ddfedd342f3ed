//! Opening a log: the file, the end of its chain, and whether both match the log's checkpoints. A log that does not
//! match them is given up only if the operator asks for it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::chain::Chain;
use super::super::draft::JournalIdentity;
use super::super::notice::Notices;
use super::super::sink::LineClass;
use super::access::{Place, open_locked, open_log, tighten_beside};
use super::attested::{Attested, Loss};
use super::clock::{Opened, signed};
use super::found::FileId;
use super::history::LogPast;
use super::lines::shares_of;
use super::linked::{Linked, rename_rotated};
use super::names::{Names, sync_folder};
use super::open_file::Written;
use super::room::Shares;
use super::settings::FileSettings;
use super::tail::{ChainEnd, read_first, read_tail, set_aside};
use super::{OpenError, pack};

/// A log that is ready for its next line.
pub(super) struct Start {
    pub(super) file: File,
    pub(super) id: Option<FileId>,
    pub(super) names: Names,
    pub(super) written: Written,
    /// The number of the file's first line.
    pub(super) first: u64,
    /// When the file was begun, by the monotonic clock.
    pub(super) begun: SignedDuration,
    pub(super) opened: Opened,
    pub(super) chain_id: String,
    /// The last checkpoint of its chain.
    pub(super) attested: Option<Attested>,
    /// The log as it was when it was opened.
    pub(super) past: LogPast,
    /// Notices about this start, to be written to the log.
    pub(super) events: Vec<String>,
}

impl Start {
    pub(super) fn read(settings: &FileSettings) -> Result<Self, OpenError> {
        let path = settings.path.clone();
        let io = |error| OpenError::Io { path: path.clone(), error };
        let there = path.metadata().is_ok();
        let (file, place) = open_log(&path, settings.access).map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::InUse { path: path.clone() },
            TryLockError::Error(error) => io(error),
        })?;
        // If the path is a link, the other files are in the folder of its target.
        let names = match place {
            Place::File(own) => Names::new(&own),
            Place::Stream => Names::new(&path.canonicalize().unwrap_or_else(|_| path.clone())),
        };
        let metadata = file.metadata().map_err(io)?;
        let (id, length) = (FileId::of(&metadata), metadata.len());
        if id.is_some() {
            names.all_closed().map_err(io)?.iter().for_each(|path| tighten_beside(path, settings.access));
        }
        let (complete, end, torn) = whole(&file, length, &names, id, settings)?;
        let attested = match id {
            Some(_) => Attested::read(&names.checkpoints()).map_err(|error| at_checkpoints(&names, error))?,
            None => Ok(None),
        };
        let linked = Linked::all(&path, &names).map_err(|(path, error)| OpenError::Io { path, error })?;
        let loss_of = |attested: &Result<Attested, Loss>| match attested {
            Err(loss) => Ok(Some(loss.clone())),
            Ok(attested) => match settings.checkpoints.as_ref().and_then(|settings| attested.verify(settings)) {
                Some(loss) => Ok(Some(loss)),
                None => attested.compare(end.as_ref(), &names, &file, complete).map_err(io),
            },
        };
        let attested = attested.transpose();
        let mut loss = None;
        let own = attested.iter().map(|attested| (names.checkpoints(), attested));
        for (checkpoints, attested) in own.chain(linked.iter().map(|link| (link.checkpoints(), &link.attested))) {
            loss = loss_of(attested)?.map(|loss| (checkpoints, loss));
            if loss.is_some() {
                break;
            }
        }
        let attested = attested.and_then(Result::ok);
        let all = || attested.iter().chain(linked.iter().filter_map(|link| link.attested.as_ref().ok()));
        let time = all().filter_map(|attested| attested.at).max();
        let covered = all().any(|attested| attested.last > 0);
        let past = match &end {
            _ if id.is_none() => LogPast::Device,
            Some(end) => LogPast::Lines(end.time),
            // A log whose lines are gone is not an empty log.
            None if covered => LogPast::Lines(time),
            None => LogPast::Empty,
        };
        let mut start = match (loss, &settings.accept_lost) {
            (Some((checkpoints, loss)), None) => {
                if !there {
                    // A start that fails must not leave a new file behind.
                    fs::remove_file(names.current()).map_err(io)?;
                }
                return Err(OpenError::Lost { path, checkpoints, loss });
            }
            (Some((_, loss)), Some(reason)) => {
                let of_chain = all().next().map(|attested| attested.chain.clone());
                give_up(settings, names, file, (id, complete), &linked, (&loss, of_chain), reason).map_err(io)?
            }
            (None, accepted) => {
                if accepted.is_some() {
                    tracing::warn!("the audit log matches its checkpoints: omit `--accept-lost-log`");
                }
                continue_chain(settings, names, (file, id, complete), end, (attested, time)).map_err(io)?
            }
        };
        start.past = past;
        if let Some((bytes, aside)) = torn {
            tracing::error!(bytes, "the last line of the audit log was torn: it is now in `{}`", aside.display());
            let name = aside.file_name().unwrap_or_default().display();
            start.events.push(format!("the last line was torn by a crash: its {bytes} bytes are now in `{name}`"));
        }
        Ok(start)
    }
}

type Torn = Option<(u64, PathBuf)>;

/// Sets a torn last line aside. Returns the length of the file without it, and the end of the chain.
fn whole(
    file: &File,
    length: u64,
    names: &Names,
    id: Option<FileId>,
    settings: &FileSettings,
) -> Result<(u64, Option<ChainEnd>, Torn), OpenError> {
    let path = || settings.path.clone();
    let io = |error| OpenError::Io { path: path(), error };
    let tail = read_tail(file, length).map_err(io)?.ok_or_else(|| OpenError::Unreadable { path: path() })?;
    let torn = if tail.complete < length {
        let aside = names.aside("torn", (settings.clocks.now)());
        set_aside(file, tail.complete, &aside).map_err(io)?;
        Some((length - tail.complete, aside))
    } else {
        None
    };
    let end = match tail.end {
        None if id.is_some() => match pack::newest(names).map_err(io)? {
            None => None,
            Some((_, Some(end))) => Some(end),
            Some((file, None)) => return Err(OpenError::Unreadable { path: file.path }),
        },
        end => end,
    };
    if id.is_some() {
        sync_folder(names.folder()).map_err(io)?;
    }
    Ok((tail.complete, end, torn))
}

fn at_checkpoints(names: &Names, error: io::Error) -> OpenError {
    OpenError::Io { path: names.checkpoints(), error }
}

/// Continues the chain, or begins one.
fn continue_chain(
    settings: &FileSettings,
    names: Names,
    (file, id, length): (File, Option<FileId>, u64),
    end: Option<ChainEnd>,
    (attested, last_checkpoint): (Option<Attested>, Option<Timestamp>),
) -> io::Result<Start> {
    let clocks = settings.clocks;
    let last = end.as_ref().and_then(|end| end.time).max(last_checkpoint);
    let opened = Opened::new(clocks, last);
    let chain = end.as_ref().map_or_else(Chain::new, |end| end.chain);
    let first = if length > 0 { read_first(&file)? } else { None };
    // The age of the file is only known by the wall clock; an implausible clock must not cause a rotation.
    let time = first.as_ref().and_then(|first| first.time).filter(|_| !opened.is_doubtful());
    let age = time.map_or(SignedDuration::ZERO, |time| (clocks.now)().duration_since(time).max(SignedDuration::ZERO));
    let shares =
        if settings.rotation.size.is_some() && length > 0 { shares_of(&file, length)? } else { Shares::default() };
    Ok(Start {
        file,
        id,
        names,
        written: Written { chain, length, shares },
        first: first.map_or(chain.next(), |first| first.seq),
        begun: signed((clocks.elapsed)()) - age,
        opened,
        chain_id: end.and_then(|end| end.name).unwrap_or_else(|| settings.new_chain.clone()),
        attested,
        past: LogPast::Empty,
        events: Vec::new(),
    })
}

/// Renames the rest of the log, so that it can be verified as a separate log, and begins a new chain whose first line
/// records that. The checkpoints are renamed last: after a crash before that, the next start finds the same loss.
fn give_up(
    settings: &FileSettings,
    names: Names,
    mut file: File,
    (id, length): (Option<FileId>, u64),
    linked: &[Linked],
    (loss, chain): (&Loss, Option<String>),
    reason: &str,
) -> io::Result<Start> {
    let clocks = settings.clocks;
    let now = (clocks.now)();
    let lost = names.lost(now);
    if id.is_some() {
        rename_rotated(&names, &lost)?;
    }
    if length > 0 {
        fs::rename(names.current(), lost.current())?;
        file = open_locked(names.current(), settings.access).map_err(io::Error::from)?;
    }
    let own = id.is_some() && names.checkpoints().exists();
    let aside = linked.iter().map(|link| link.aside(now)).chain(own.then(|| lost.clone())).collect::<Vec<_>>();
    let kept = aside.iter().map(Names::checkpoints);
    let kept = kept.map(|path| format!("`{}`", path.file_name().unwrap_or_default().display()));
    let kept = kept.collect::<Vec<_>>().join(" and ");
    let of_chain = chain.map_or_else(String::new, |chain| format!(" (chain {})", chain.escape_default()));
    let why = format!("the log before this chain was given up with `--accept-lost-log`: {reason}");
    let what = format!("the checkpoints of the log that was given up are in {kept}: it {loss}{of_chain}");
    let identity = JournalIdentity { chain: settings.new_chain.clone(), replica: settings.replica.clone(), tags: None };
    let notices = Notices { identity, now: clocks.now };
    let (mut chain, mut line) = (Chain::new(), Vec::new());
    chain.append(&notices.event(&why), &mut line);
    file.write_all(&line)?;
    if id.is_some() {
        file.sync_all()?;
        sync_folder(names.folder())?;
    }
    if own {
        fs::rename(names.checkpoints(), lost.checkpoints())?;
        sync_folder(names.folder())?;
    }
    for (link, lost) in linked.iter().zip(&aside) {
        link.give_up(lost)?;
    }
    tracing::error!(
        reason,
        "the audit log {loss}{of_chain}: it was given up, and a new chain was begun; its checkpoints are now {kept}"
    );
    let mut shares = Shares::default();
    shares.add(LineClass::Notice, line.len() as u64);
    let id = FileId::of(&file.metadata()?);
    Ok(Start {
        file,
        id,
        names,
        written: Written { chain, length: line.len() as u64, shares },
        first: 1,
        begun: signed((clocks.elapsed)()),
        opened: Opened::new(clocks, None::<Timestamp>),
        chain_id: notices.identity.chain,
        attested: None,
        past: LogPast::Empty,
        events: vec![what],
    })
}

/// Reads both clocks.
pub(super) fn moment(settings: &FileSettings) -> (Timestamp, Duration) {
    ((settings.clocks.now)(), (settings.clocks.elapsed)())
}
