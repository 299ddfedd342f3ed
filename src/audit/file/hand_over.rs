//! How a batch of lines reaches the disk together with what must not be less safe than they are.

use std::fs::File;
use std::io::{self, Write};

use super::super::sink::Requirement;
use super::state::{Shared, Taken};

impl Shared {
    /// Hands lines to the operating system, and before them what is written ahead.
    pub(super) fn hand_over(&self, mut file: &File, taken: &Taken) -> io::Result<()> {
        if let Some(ahead) = self.ahead.get() {
            let last = taken.reached.chain.last();
            // Where calls go on without their lines, they go on without this too.
            if let (Err(fault), Requirement::Required) = (ahead.write(last, taken.stamping), self.requirement) {
                return Err(io::Error::other(fault.0));
            }
        }
        file.write_all(&taken.lines)
    }

    /// Waits until all that was handed over is on disk. Both files are synced at the same time.
    pub(super) fn sync_all(&self, file: &File) -> io::Result<()> {
        let ahead = self.ahead.get().and_then(|ahead| Some((ahead, ahead.start_sync()?)));
        let synced = file.sync_data();
        let ahead = ahead.map_or(Ok(()), |(ahead, ticket)| ahead.finish_sync(ticket));
        synced?;
        match (ahead, self.requirement) {
            (Err(fault), Requirement::Required) => Err(io::Error::other(fault.0)),
            _ => Ok(()),
        }
    }
}
