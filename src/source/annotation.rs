//! Workflow commands of GitHub Actions: a line of output that is shown beside a line of a file.

use super::{Position, Severity, plain};

/// `::error file=…,line=…,col=…,title=…::message`, escaped as the runner reads it.
pub fn annotation(severity: Severity, file: &str, at: Position, title: &str, message: &str) -> String {
    let command = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let (file, title) = (property(file.strip_prefix("./").unwrap_or(file)), property(title));
    format!("::{command} file={file},line={},col={},title={title}::{}", at.line, at.column, data(message))
}

fn data(text: &str) -> String {
    plain(&text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A"))
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
