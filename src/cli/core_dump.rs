//! Core dumps: a command that holds secrets leaves none, for a dump holds all of its memory.
//!
//! Two things are set, because neither does alone: a limit of nothing stops a dump into a file and not one that the
//! kernel pipes to a program, and only Linux knows processes that are not dumpable.

use std::io;

use super::exit::Failure;

/// That there are none; and how it was before, for those who inherit it.
#[derive(Debug)]
pub(super) struct NoCoreDumps {
    #[cfg(unix)]
    before: rustix::process::Rlimit,
}

impl NoCoreDumps {
    /// From here on this process leaves no dump.
    ///
    /// # Errors
    /// Where the system does not let it: nothing secret is read then.
    pub(super) fn from_here_on() -> Result<Self, Failure> {
        Self::set().map_err(|error| {
            let what = format!("core dumps, which would hold secrets, cannot be switched off: {error}");
            Failure::new(what, "allow this program `prctl` and `setrlimit`, which it uses on itself alone")
        })
    }

    #[cfg(unix)]
    fn set() -> io::Result<Self> {
        use rustix::process::{Resource, getrlimit};
        #[cfg(target_os = "linux")]
        {
            use rustix::process::{DumpableBehavior, set_dumpable_behavior};
            set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        }
        let this = Self { before: getrlimit(Resource::Core) };
        this.limit_to(Some(0))?;
        Ok(this)
    }

    #[cfg(not(unix))]
    fn set() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Begins another program, with the limit that this one was begun with. It holds nothing of ours but what it is
    /// given, and is dumpable anyway: an `exec` makes everything so.
    pub(super) fn lifted_for<T>(&self, begin: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        #[cfg(unix)]
        self.limit_to(self.before.current)?;
        let begun = begin();
        #[cfg(unix)]
        self.limit_to(Some(0))?;
        begun
    }

    /// The soft limit only: the other one could not be raised again.
    #[cfg(unix)]
    fn limit_to(&self, current: Option<u64>) -> io::Result<()> {
        use rustix::process::{Resource, Rlimit, setrlimit};
        Ok(setrlimit(Resource::Core, Rlimit { current, maximum: self.before.maximum })?)
    }
}
