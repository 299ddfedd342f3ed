//! Disables core dumps in commands that hold secrets, because a dump contains all memory of the process.
//!
//! This takes two settings, because neither is enough alone. A core size limit of 0 prevents a dump to a file, but not
//! one that the kernel pipes to a program. The dumpable flag prevents both, but exists only on Linux.

use std::io;

use super::exit::Failure;

/// Proof that core dumps are disabled. Keeps the previous limit for child processes.
#[derive(Debug)]
pub(super) struct NoCoreDumps {
    #[cfg(unix)]
    before: rustix::process::Rlimit,
}

impl NoCoreDumps {
    /// Disables core dumps for the rest of the process.
    ///
    /// # Errors
    /// The system does not allow it. The command then ends before it reads a secret.
    pub(super) fn disable() -> Result<Self, Failure> {
        Self::set().map_err(|error| {
            let what = format!("core dumps, which would contain secrets, cannot be disabled: {error}");
            Failure::new(what, "allow this program to call `prctl` and `setrlimit`, which it applies only to itself")
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

    /// Starts another program with the core limit that this process was started with. The program gets none of this
    /// process's secrets except those it is given. It is dumpable in any case, because `exec` resets the flag.
    pub(super) fn lifted_for<T>(&self, start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        #[cfg(unix)]
        self.limit_to(self.before.current)?;
        let started = start();
        #[cfg(unix)]
        self.limit_to(Some(0))?;
        started
    }

    /// Sets the soft limit only: an unprivileged process could not raise the hard limit again.
    #[cfg(unix)]
    fn limit_to(&self, current: Option<u64>) -> io::Result<()> {
        use rustix::process::{Resource, Rlimit, setrlimit};
        Ok(setrlimit(Resource::Core, Rlimit { current, maximum: self.before.maximum })?)
    }
}
