use std::time::Duration;

/// What each step of a call may take. The one deadline of the call cuts them all short.
///
/// They are shares of the time that the whole call has, so that a call with little time can still fail over: of 8 s, a
/// server that does not answer costs 3, and the next one can still let somebody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Looking up a server's addresses.
    pub(crate) resolve: Duration,
    /// Making a connection: TCP, TLS, and the service account's bind.
    pub(crate) connect: Duration,
    /// A search, or the bind of a user.
    pub(crate) operation: Duration,
    /// A first sign of life on a connection that has been idle.
    pub(crate) probe: Duration,
}

impl Steps {
    /// The steps of a call that may take so long in all.
    pub(crate) fn of(whole: Duration) -> Self {
        Self { resolve: whole / 4, connect: whole * 3 / 8, operation: whole * 5 / 8, probe: whole / 8 }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Steps;

    #[test]
    fn after_a_server_that_does_not_answer_there_is_time_for_another() {
        let steps = Steps::of(Duration::from_secs(8));
        let seconds = [steps.resolve, steps.connect, steps.operation, steps.probe].map(|step| step.as_secs());
        assert_eq!(seconds, [2, 3, 5, 1]);
        assert!(steps.connect + steps.operation <= Duration::from_secs(8));
    }
}
