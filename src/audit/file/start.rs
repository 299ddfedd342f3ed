//! From a path to a log that can be gone on with: the file, where its chain stands, and whether it is the one that its
//! checkpoints attest to. A log that is not is given up only when that is asked for.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::chain::Chain;
use super::super::event::JournalIdentity;
use super::super::notice::Notices;
use super::super::sink::LineClass;
use super::access::{Place, open_locked, open_log, tighten_beside};
use super::attested::{Attested, Loss};
use super::clock::{Opened, signed};
use super::found::FileId;
use super::lines::shares_of;
use super::linked::{Linked, rename_rotated};
use super::names::{Names, sync_folder};
use super::pack;
use super::room::Shares;
use super::state::Written;
use super::tail::{Standing, read_first, read_tail, set_aside};
use super::{FileSettings, LogPast, OpenFault};

/// A log that can be gone on with.
pub(super) struct Start {
    pub(super) file: File,
    pub(super) id: Option<FileId>,
    pub(super) names: Names,
    pub(super) written: Written,
    /// The number of the file's first line.
    pub(super) first: u64,
    /// When the file was begun, by the clock that is never set.
    pub(super) begun: SignedDuration,
    pub(super) opened: Opened,
    pub(super) chain_id: String,
    /// The last checkpoint of its chain.
    pub(super) attested: Option<Attested>,
    /// The log as it was before.
    pub(super) past: LogPast,
    /// What the log has to say about this start.
    pub(super) events: Vec<String>,
}

impl Start {
    pub(super) fn read(settings: &FileSettings) -> Result<Self, OpenFault> {
        let path = settings.path.clone();
        let io = |error| OpenFault::Io { path: path.clone(), error };
        let there = path.metadata().is_ok();
        let (file, place) = open_log(&path, settings.access).map_err(|error| match error {
            TryLockError::WouldBlock => OpenFault::InUse { path: path.clone() },
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
        let (complete, stands, torn) = whole(&file, length, &names, id, settings)?;
        let attested = match id {
            Some(_) => Attested::read(&names.checkpoints()).map_err(|error| at_checkpoints(&names, error))?,
            None => Ok(None),
        };
        let linked = Linked::all(&path, &names).map_err(|(path, error)| OpenFault::Io { path, error })?;
        let loss_of = |attested: &Result<Attested, Loss>| match attested {
            Err(loss) => Ok(Some(loss.clone())),
            Ok(attested) => match settings.checkpoints.as_ref().and_then(|settings| attested.verify(settings)) {
                Some(loss) => Ok(Some(loss)),
                None => attested.compare(stands.as_ref(), &names, &file, complete).map_err(io),
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
        let past = match &stands {
            _ if id.is_none() => LogPast::Device,
            Some(stands) => LogPast::Lines(stands.time),
            // Lines that are gone were written all the same.
            None if covered => LogPast::Lines(time),
            None => LogPast::Empty,
        };
        let mut start = match (loss, &settings.accept_lost) {
            (Some((checkpoints, loss)), None) => {
                if !there {
                    // A start that fails leaves nothing behind.
                    fs::remove_file(names.current()).map_err(io)?;
                }
                return Err(OpenFault::Lost { path, checkpoints, loss });
            }
            (Some((_, loss)), Some(reason)) => {
                let of_chain = all().next().map(|attested| attested.chain.clone());
                give_up(settings, names, file, (id, complete), &linked, (&loss, of_chain), reason).map_err(io)?
            }
            (None, accepted) => {
                if accepted.is_some() {
                    tracing::warn!("the audit log is what its checkpoints say: leave `--accept-lost-log` out");
                }
                go_on(settings, names, (file, id, complete), stands, (attested, time)).map_err(io)?
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

/// How long the file is without a line that was torn, which is set aside, and where the chain stands.
fn whole(
    file: &File,
    length: u64,
    names: &Names,
    id: Option<FileId>,
    settings: &FileSettings,
) -> Result<(u64, Option<Standing>, Torn), OpenFault> {
    let path = || settings.path.clone();
    let io = |error| OpenFault::Io { path: path(), error };
    let tail = read_tail(file, length).map_err(io)?.ok_or_else(|| OpenFault::Unreadable { path: path() })?;
    let torn = if tail.complete < length {
        let aside = names.aside("torn", (settings.clocks.now)());
        set_aside(file, tail.complete, &aside).map_err(io)?;
        Some((length - tail.complete, aside))
    } else {
        None
    };
    let stands = match tail.stands {
        None if id.is_some() => match pack::newest(names).map_err(io)? {
            None => None,
            Some((_, Some(stands))) => Some(stands),
            Some((file, None)) => return Err(OpenFault::Unreadable { path: file.path }),
        },
        stands => stands,
    };
    if id.is_some() {
        sync_folder(names.folder()).map_err(io)?;
    }
    Ok((tail.complete, stands, torn))
}

fn at_checkpoints(names: &Names, error: io::Error) -> OpenFault {
    OpenFault::Io { path: names.checkpoints(), error }
}

/// Goes on where the chain stands, or begins one.
fn go_on(
    settings: &FileSettings,
    names: Names,
    (file, id, length): (File, Option<FileId>, u64),
    stands: Option<Standing>,
    (attested, last_checkpoint): (Option<Attested>, Option<Timestamp>),
) -> io::Result<Start> {
    let clocks = settings.clocks;
    let last = stands.as_ref().and_then(|stands| stands.time).max(last_checkpoint);
    let opened = Opened::new(clocks, last);
    let chain = stands.as_ref().map_or_else(Chain::new, |stands| stands.chain);
    let first = if length > 0 { read_first(&file)? } else { None };
    // How old the file is, is known by the wall clock alone; a clock that is implausible rotates nothing.
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
        chain_id: stands.and_then(|stands| stands.name).unwrap_or_else(|| settings.new_chain.clone()),
        attested,
        past: LogPast::Empty,
        events: Vec::new(),
    })
}

/// Keeps what is left under names of its own, where it can be verified by itself, and begins a chain that says so. The
/// checkpoints go last: a crash before that leaves them to the next start, which finds the same.
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

/// Both clocks, read at once.
pub(super) fn moment(settings: &FileSettings) -> (Timestamp, Duration) {
    ((settings.clocks.now)(), (settings.clocks.elapsed)())
}
