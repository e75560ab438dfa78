use std::fmt;

/// Why the bench cannot go on, in one line that says what to do.
#[derive(Debug)]
pub struct Failure(pub String);

/// What the bench's own steps return.
pub type Outcome<T> = Result<T, Failure>;

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Says what could not be done, before the system's own words.
pub fn cannot<E: fmt::Display>(what: impl fmt::Display) -> impl FnOnce(E) -> Failure {
    move |error| Failure(format!("cannot {what}: {error}"))
}
