use std::future::Future;
use std::io;

use provider_api::one_line;
use serde_json::json;

use super::DemoError;
use super::expectation::Unexpected;
use crate::output::{Output, OutputFormat};

/// Tells the demo, a step at a time.
pub(super) struct Narrator {
    output: Output,
    steps: usize,
}

/// A step that went well: what it leaves for the next ones, and what came back in a few words.
pub(super) type Told<T> = Result<(T, String), Unexpected>;

impl Narrator {
    pub(super) fn new(output: Output) -> Self {
        Self { output, steps: 0 }
    }

    /// What people should know before the first step.
    pub(super) fn open(&mut self) -> Result<(), DemoError> {
        self.say(
            "A first login, from an entry in a directory to an account of this host. Nothing is installed and nothing \
             leaves\nthis machine; the plugins, the logins and the store are the real ones.",
        )?;
        self.say("")
    }

    /// Plays a step and tells what was done, what came back and why it matters.
    ///
    /// # Errors
    ///
    /// The step, if what came back is not what was expected.
    pub(super) async fn step<T>(
        &mut self,
        title: &'static str,
        why: &str,
        work: impl Future<Output = Told<T>>,
    ) -> Result<T, DemoError> {
        self.steps += 1;
        let number = self.steps;
        match work.await {
            Ok((left, told)) => {
                let told = one_line(&told);
                self.say(&format!("{number:>2} ✓ {title}: {told}\n     {why}"))?;
                self.record(&json!({ "step": number, "title": title, "passed": true, "found": told, "why": why }))?;
                Ok(left)
            }
            Err(Unexpected { expected, found }) => {
                let found = one_line(&found);
                self.say(&format!("{number:>2} ✗ {title}"))?;
                let record =
                    json!({ "step": number, "title": title, "passed": false, "expected": expected, "found": found });
                self.record(&record)?;
                Err(DemoError::StepFailed { number, title, expected, found })
            }
        }
    }

    /// The end, when every step went well.
    pub(super) fn close(&mut self) -> Result<(), DemoError> {
        let steps = self.steps;
        self.say(&format!(
            "\nAll {steps} steps went as they should.\n\
             Next: `host-harness inspect PLUGIN` shows the settings of a plugin, `host-harness --help` what else \
             there is."
        ))?;
        self.record(&json!({ "passed": true, "steps": steps }))
    }

    /// Says something to people.
    fn say(&mut self, text: &str) -> Result<(), DemoError> {
        self.when(OutputFormat::Text, |output| output.text(text))
    }

    /// The same for programs.
    fn record(&mut self, record: &serde_json::Value) -> Result<(), DemoError> {
        self.when(OutputFormat::Json, |output| output.object(record))
    }

    fn when(
        &mut self,
        format: OutputFormat,
        write: impl FnOnce(&mut Output) -> io::Result<()>,
    ) -> Result<(), DemoError> {
        if self.output.format() == format {
            // A step is told when it is done, not when a buffer is full.
            write(&mut self.output).and_then(|()| self.output.flush())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Narrator, Unexpected};
    use crate::demo::DemoError;
    use crate::output::{Output, OutputFormat};

    #[tokio::test]
    async fn the_number_of_a_failed_step_is_its_place_in_the_play() {
        let mut narrator = Narrator::new(Output::to(OutputFormat::Text, Box::new(std::io::sink())));
        narrator.step("first", "it is easy", async { Ok(((), "done".to_owned())) }).await.unwrap();
        let failed = narrator
            .step("second", "it is not", async { Err::<((), String), _>(Unexpected::new("rain", "sun\nshine")) });
        match failed.await {
            Err(DemoError::StepFailed { number, title, expected, found }) => {
                assert_eq!((number, title, expected.as_str(), found.as_str()), (2, "second", "rain", r"sun\u{a}shine"));
            }
            other => panic!("{other:?}"),
        }
    }
}
