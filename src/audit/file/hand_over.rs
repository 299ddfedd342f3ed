//! How a batch of lines reaches the disk together with what must not be less safe than they are.

use std::fs::File;
use std::io::{self, Write};

use super::super::sink::Requirement;
use super::state::Shared;

impl Shared {
    /// Hands lines up to number `last` to the operating system, and before them what is written ahead.
    pub(super) fn hand_over(&self, mut file: &File, lines: &[u8], last: u64) -> io::Result<()> {
        if let Some(ahead) = self.ahead.get() {
            // Where calls go on without their lines, they go on without this too.
            if let (Err(fault), Requirement::Required) = (ahead.write(last), self.requirement) {
                return Err(io::Error::other(fault.0));
            }
        }
        file.write_all(lines)
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
