//! An error about a file says where the configuration names it.

use std::path::Path;

use crate::config::naming;
use crate::source::Source;

use super::exit::Failure;

/// Adds to the help of a failure about a whole file which setting names that file, and in which line. What is about a place
/// in a file, or about no file of the configuration, stays as it is.
pub(super) fn with_setting(failure: Failure, source: &Source, folder: &Path) -> Failure {
    match failure {
        Failure::Complaints(mut complaints) => {
            for complaint in complaints.iter_mut().filter(|it| it.span.is_none() && it.is_error()) {
                if let Some(setting) = setting(source, folder, complaint.source.name()) {
                    complaint.help = format!("{}; {setting}", complaint.help);
                }
            }
            Failure::Complaints(complaints)
        }
        Failure::Other { what, mut help } => {
            // Files stand in back-ticks.
            let found = what.split('`').skip(1).step_by(2).find_map(|file| setting(source, folder, file));
            if let Some(setting) = found {
                help = format!("{help}; {setting}");
            }
            Failure::Other { what, help }
        }
    }
}

fn setting(configuration: &Source, folder: &Path, file: &str) -> Option<String> {
    let named = naming(configuration, folder, Path::new(file)).filter(|_| !file.contains("://"))?;
    Some(format!("`{}` names the file ({}:{})", named.key, configuration.name(), named.line))
}
