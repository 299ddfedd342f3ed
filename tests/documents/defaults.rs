//! The defaults of `ramgate.toml` in `docs/configuration.md` are correct: writing one explicitly changes no setting.

use std::path::Path;

use ram_policy::Source;
use ramgate::config::Settings;

use crate::configuration::{Row, rows};

const UPSTREAM: &str =
    "[upstream]\nregions = [\"cn-hangzhou\"]\naccess_key_id = \"LTAI5tExample0000000\"\nsecret_env = \"SECRET\"\n";

/// The settings that a key needs around it, by the beginning of its path. The first match counts.
const BASES: [(&str, &str); 11] = [
    (
        "upstream.key.",
        "[upstream]\nregions = [\"cn-hangzhou\"]\n[[upstream.key]]\naccount = \"1\"\ninstance_role = \"r\"\n",
    ),
    ("upstream.metadata_url", "[upstream]\nregions = [\"cn-hangzhou\"]\ninstance_role = \"r\"\n"),
    (
        "identity.jwt.principals.",
        "[[identity.jwt]]\nissuer = \"https://i\"\naudience = [\"a\"]\n[[identity.jwt.principals]]\nsub = \"s\"\nprincipal = \"role/r\"\n",
    ),
    (
        "identity.jwt.",
        "[[identity.jwt]]\nissuer = \"https://i\"\naudience = [\"a\"]\nprincipals = [{ sub = \"s\", principal = \"role/r\" }]\n",
    ),
    (
        "identity.issuer.credentials.",
        "[identity.issuer]\nenabled = true\nkey_file = \"k\"\n[identity.issuer.credentials]\nlisten = \"127.0.0.1:1\"\n[[identity.issuer.credentials.uri]]\npath = \"/p\"\nrole = \"role/r\"\nfrom = [\"10.0.0.1\"]\n",
    ),
    ("audit.group_delay", "[audit]\nsync = \"group\"\n"),
    ("audit.compress", "[audit]\nrotate_every = \"1h\"\n"),
    ("audit.checkpoint.", "[audit.checkpoint]\nkey_file = \"k\"\n"),
    ("audit.stdout.", "[audit.stdout]\n"),
    ("audit.http.", "[audit.http]\nurl = \"https://c/\"\n"),
    ("tls.", "[tls]\ncertificate = \"c\"\nkey = \"k\"\nclient_ca = \"ca\"\n"),
];

#[test]
fn writing_a_documented_default_changes_no_setting() {
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for Row { section, key, default } in rows("ramgate.toml") {
        let Some(default) = default.filter(|text| !text.contains("NAME") && text.parse::<Value>().is_ok()) else {
            continue;
        };
        checked += 1;
        let path = format!("{section}{key}");
        let needed = BASES.iter().find(|(prefix, _)| path.starts_with(prefix)).map_or("", |(_, base)| base);
        let base = if needed.contains("[upstream]") { needed.to_owned() } else { format!("{UPSTREAM}{needed}") };
        let written = insert(&base, &section, &format!("{key} = {default}\n"));
        match (read(&base), read(&written)) {
            (Ok(base), Ok(written)) if base == written => {}
            (Ok(_), Ok(_)) => wrong.push(format!("`{path}` has another default than `{default}`")),
            (Err(why), _) | (_, Err(why)) => wrong.push(format!("`{path}`: {why}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 50, "only {checked} defaults were found");
}

/// Parses if a text is a TOML value.
struct Value;

impl std::str::FromStr for Value {
    type Err = toml::de::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        toml::from_str::<toml::Table>(&format!("value = {text}")).map(|_| Self)
    }
}

/// The text with one more line in a section.
fn insert(base: &str, section: &str, line: &str) -> String {
    let name = section.trim_end_matches('.');
    if name.is_empty() {
        return format!("{line}{base}");
    }
    let headers = [format!("[[{name}]]\n"), format!("[{name}]\n")];
    match headers.iter().find(|header| base.contains(*header)) {
        Some(header) => base.replace(header.as_str(), &format!("{header}{line}")),
        None => format!("{base}{}{line}", headers[1]),
    }
}

/// All settings, as text, ignoring whether a number was written or is the default.
fn read(text: &str) -> Result<String, String> {
    let settings = Settings::read(&Source::new("ramgate.toml", text), Path::new(""));
    let settings = settings.map_err(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
    settings.map(|settings| {
        format!("{settings:?}")
            .replace("Given: Written", "Given: Default")
            .replace("connections_given: Written", "connections_given: Default")
    })
}
