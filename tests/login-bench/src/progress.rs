//! What goes on, for who waits. On the error output, so that the other has nothing but the tables.

/// Says what begins.
pub fn say(text: impl std::fmt::Display) {
    eprintln!("login-bench: {text}");
}

/// The commit that is measured, and how many cores measure it.
pub fn setting() -> String {
    let cores = std::thread::available_parallelism().map_or(1, Into::into);
    format!("at commit {}, on {cores} cores", commit())
}

fn commit() -> String {
    let arguments = ["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty"];
    let output = std::process::Command::new("git").args(arguments).output();
    output.map_or_else(|_| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
