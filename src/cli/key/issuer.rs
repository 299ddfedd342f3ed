//! `ramgate key issuer`: makes the key that security tokens are sealed with, and rolls it over.

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

/// Makes an issuer key, or adds a new one to those of a file
///
/// Every replica needs the same file. A key that is added comes into force later, so that there is time to bring the
/// file to all of them; running gateways read it again by themselves. A key that was superseded more than twelve hours
/// ago, the longest that a session may last, is dropped when the next is added.
#[derive(Debug, Args)]
#[command(after_help = "\
Example: ramgate key issuer --out issuer.key
         ramgate key issuer --out issuer.key --rotate --after 30m")]
pub(in super::super) struct IssuerKey {
    /// The file; only its owner may read it
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Add a key to the file that is there
    #[arg(long)]
    rotate: bool,
    /// When the added key comes into force: the time that the file needs to reach every replica
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration, requires = "rotate")]
    after: Duration,
}

const HEAD: &str = "# Security tokens are sealed with these keys: whoever has this file can make a key of any role.\n\
                    # The same file belongs on every replica. Made by `ramgate key issuer`.\n";

impl IssuerKey {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        if self.rotate { self.add() } else { self.make() }
    }

    fn make(&self) -> Result<Exit, Failure> {
        let key = NewIssuerKey::random(whole(now()));
        let mut document = DocumentMut::new();
        document["schema"] = value(1);
        push(&mut document, &key);
        let text = format!("{HEAD}{document}");
        write_private(&self.out, &text).map_err(|error| {
            let help = if error.kind() == std::io::ErrorKind::AlreadyExists {
                "keys in use would be lost: add one with `--rotate`, or name another file"
            } else {
                "name a file in a folder that can be written"
            };
            Failure::new(format!("`{}` cannot be written: {error}", self.out.display()), help)
        })?;
        say!("{}: key `{}`, in force now", self.out.display(), key.id);
        say!("name it in the configuration: [identity.issuer] enabled = true, key_file = \"{}\"", self.out.display());
        Ok(Exit::Yes)
    }

    fn add(&self) -> Result<Exit, Failure> {
        let now = whole(now());
        let (text, keys) = read_issuer_keys(&self.out, FileModes::Checked).map_err(Failure::Diagnostics)?;
        let malformed = |_| {
            let source = Source::new(self.out.display().to_string(), "").confidential();
            Failure::Diagnostics(vec![source.error_without_place("the file cannot be edited", "make it anew")])
        };
        let mut document: DocumentMut = text.expose().parse().map_err(malformed)?;
        let gone: Vec<String> = keys.superseded(now).map(str::to_owned).collect();
        if let Some(tables) = document.get_mut("key").and_then(Item::as_array_of_tables_mut) {
            tables.retain(|table| {
                let id = table.get("id").and_then(Item::as_str).unwrap_or_default();
                !gone.iter().any(|gone| gone == id)
            });
        }
        let after = SignedDuration::try_from(self.after).unwrap_or_default();
        let key = NewIssuerKey::random(now.saturating_add(after).unwrap_or(now));
        push(&mut document, &key);
        replace_private(&self.out, &document.to_string(), 0o600).map_err(|error| {
            let what = format!("`{}` cannot be written: {error}", self.out.display());
            Failure::new(what, "the keys are as they were; make the folder writable")
        })?;
        say!(
            "{}: key `{}`, in force from {}; bring the file to every replica before",
            self.out.display(),
            key.id,
            key.from
        );
        for gone in gone {
            say!("dropped `{gone}`: no session that it sealed can last until now");
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

fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
