//! `ramgate key issuer`: makes and rotates the keys that seal security tokens.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use crate::config::parse_duration;
use crate::gateway::now;
use crate::identity::NewIssuerKey;
use crate::store::{FileModes, read_issuer_keys, replace_private, write_private};
use ram_policy::Source;

use super::super::exit::{Exit, Failure};

/// Makes an issuer key, or adds a key to an existing file
///
/// Every replica needs the same file. An added key comes into force later, so that there is time to copy the file to
/// every replica; running gateways reload it automatically. Keys that were superseded more than twelve hours ago, the
/// longest duration of a session, are removed when a key is added.
#[derive(Debug, Args)]
#[command(after_help = "\
Example: ramgate key issuer --out issuer.key
         ramgate key issuer --out issuer.key --rotate --after 30m")]
pub(in super::super) struct IssuerKey {
    /// The key file; only its owner may read it
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Add a key to the existing file
    #[arg(long)]
    rotate: bool,
    /// The time until the added key comes into force, which must be enough to copy the file to every replica
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration, requires = "rotate")]
    after: Duration,
}

const HEAD: &str = "# These keys seal security tokens: anyone who has this file can make a key for any role.\n\
                    # Every replica needs the same file. Made by `ramgate key issuer`.\n";

impl IssuerKey {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        if self.rotate { self.add() } else { self.make() }
    }

    fn make(&self) -> Result<Exit, Failure> {
        let key = NewIssuerKey::random(whole_second(now()));
        let mut document = DocumentMut::new();
        document["schema"] = value(1);
        push(&mut document, &key);
        let text = format!("{HEAD}{document}");
        write_private(&self.out, &text).map_err(|error| {
            let help = if error.kind() == std::io::ErrorKind::AlreadyExists {
                "add a key with `--rotate`, or name another file: replacing the file would lose its keys"
            } else {
                "name a file in a writable folder"
            };
            Failure::new(format!("`{}` cannot be written: {error}", self.out.display()), help)
        })?;
        say!("{}: key `{}`, in force now", self.out.display(), key.id);
        say!("add it to the configuration: [identity.issuer] enabled = true, key_file = \"{}\"", self.out.display());
        Ok(Exit::Yes)
    }

    fn add(&self) -> Result<Exit, Failure> {
        let now = whole_second(now());
        let (text, keys) = read_issuer_keys(&self.out, FileModes::Checked).map_err(Failure::Diagnostics)?;
        let malformed = |_| {
            let source = Source::new(self.out.display().to_string(), "").confidential();
            let help = "make a new file with `ramgate key issuer`";
            Failure::Diagnostics(vec![source.error_without_place("the file cannot be edited", help)])
        };
        let mut document: DocumentMut = text.expose().parse().map_err(malformed)?;
        let superseded: Vec<String> = keys.superseded(now).map(str::to_owned).collect();
        if let Some(tables) = document.get_mut("key").and_then(Item::as_array_of_tables_mut) {
            tables.retain(|table| {
                let id = table.get("id").and_then(Item::as_str).unwrap_or_default();
                !superseded.iter().any(|superseded| superseded == id)
            });
        }
        let after = SignedDuration::try_from(self.after).unwrap_or_default();
        let key = NewIssuerKey::random(now.saturating_add(after).unwrap_or(now));
        push(&mut document, &key);
        replace_private(&self.out, &document.to_string(), 0o600).map_err(|error| {
            let what = format!("`{}` cannot be written: {error}", self.out.display());
            Failure::new(what, "make the folder writable; the keys are unchanged")
        })?;
        say!(
            "{}: key `{}`, in force from {}; copy the file to every replica before then",
            self.out.display(),
            key.id,
            key.from
        );
        for id in superseded {
            say!("removed key `{id}`: every session that it sealed has expired");
        }
        Ok(Exit::Yes)
    }
}

fn push(document: &mut DocumentMut, key: &NewIssuerKey) {
    let mut table = Table::new();
    table["id"] = value(key.id.as_str());
    table["from"] = value(key.from.to_string());
    table["secret"] = value(key.secret.expose());
    let tables = document.entry("key").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    if let Some(tables) = tables.as_array_of_tables_mut() {
        tables.push(table);
    }
}

/// A time without the fraction of a second.
fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
