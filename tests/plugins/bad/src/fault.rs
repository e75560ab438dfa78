use serde::Deserialize;

/// How the contract is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bug {
    /// Unknown settings are taken.
    TakesUnknownKeys,
    /// A setting that the schema requires may be missing.
    RequiresNothing,
    /// A refusal of settings does not say which one.
    NamesNoKey,
    /// Settings that work do not validate.
    FailsToValidate,
    /// A stage has no code for its name.
    NamesStagesBadly,
    /// The same person has another subject each time.
    NewSubjects,
    /// Everybody has the same subject.
    OneSubject,
    /// Any password is right.
    TakesAnyPassword,
    /// An unknown name is a wrong password.
    UnknownIsWrong,
    /// A wrong password hears more than that.
    TellsStrangers,
    /// A disabled account is accepted.
    LetsTheDisabledIn,
    /// A wrong password for a disabled account hears that it is disabled.
    TellsWhoIsDisabled,
    /// A server that is not there is an unknown user.
    OutageIsARejection,
    /// The name `*` is anybody's.
    MatchesPatterns,
    /// A name in other letters is a defect.
    ChokesOnNames,
    /// Keeps its thread when time is short.
    Blocks,
    /// A call that is dropped keeps a lock.
    KeepsALock,
    /// The answer to one login goes to another.
    MixesUp,
    /// The list lacks somebody and says that it is complete.
    MissesSomebody,
    /// Somebody is listed twice.
    ListsTwice,
    /// Its threads do something else when it shall end.
    HogsItsThreads,
    /// Typed passwords are logged.
    LogsPasswords,
    /// Typed passwords are in rejections.
    TellsPasswords,
    /// Its secret setting is logged.
    LogsItsSecret,
    /// A metric has no name that anybody could read.
    NamesMetricsBadly,
    /// A metric becomes infinite.
    CountsToInfinity,
    /// A counter goes back.
    CountsBackwards,
    /// The same counter is there twice.
    CountsTwice,
    /// Typed passwords are in the names of metrics.
    CountsPasswords,
    /// An unknown name is a panic.
    Panics,
}
