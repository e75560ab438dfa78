use std::fs::File;
use std::path::Path;

use super::walk::{self, Links};
use crate::host::error::Refusal;

/// A file that was opened on the way on which it was looked at: what is read of it is what was examined.
#[derive(Debug)]
#[non_exhaustive]
pub struct Examined {
    /// The file.
    pub file: File,
    /// Who else than root and the host's user could have changed it, a line each that says what to do. For
    /// [`Strict`](super::TrustProfile::Strict) each is a refusal, for [`Developer`](super::TrustProfile::Developer) a
    /// warning.
    pub problems: Vec<String>,
}

/// A file of which nobody can tell who could have changed it. Prints as a line.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
#[non_exhaustive]
pub struct NotExamined {
    why: String,
    /// Who else than root and the host's user could have changed the way to it, as far as that was gone: whoever can
    /// may make the file that is missing.
    pub problems: Vec<String>,
}

/// Opens a regular file that a host goes by, and tells who could have changed it. The file that holds the pins of
/// plugins has to be as trustworthy as these.
///
/// It is asked by the rules of a plugin's own file: the file and all its folders belong to root or to the host's user,
/// and nobody else may write them. A symbolic link is followed, and asked about too.
///
/// # Errors
///
/// No regular file that can be read.
pub fn examine(path: &Path) -> Result<Examined, NotExamined> {
    let mut problems = Vec::new();
    let opened = walk::open(path, Links::Followed, |problem| {
        problems.push(problem);
        Ok(())
    });
    match opened {
        Ok(file) => Ok(Examined { file, problems }),
        Err(refusal) => {
            let why = match refusal {
                Refusal::Missing => "there is no such file".to_owned(),
                Refusal::NotAFile(kind) => format!("it is {kind} and no regular file"),
                other => other.to_string(),
            };
            Err(NotExamined { why, problems })
        }
    }
}
