use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use provider_api::host::examine;

/// The text of a file, and who else could have changed it, a line each. What was looked at is what is read.
pub(super) fn text(file: &Path) -> io::Result<(String, Vec<String>)> {
    match examine(&std::path::absolute(file)?) {
        Ok(mut examined) => {
            let mut text = String::new();
            examined.file.read_to_string(&mut text)?;
            Ok((text, examined.problems))
        }
        // A pipe from a shell, say: it can be read, and nobody can tell who writes to it.
        Err(problem) => Ok((fs::read_to_string(file)?, vec![format!("{}: {problem}", file.display())])),
    }
}
