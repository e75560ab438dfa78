use std::time::Duration;

use provider_api::{Fault, MisconfiguredReason, Stage, UnavailableReason, ValidationReport};

use super::CommandError;
use super::session::{Session, configured, context};
use crate::exit::Exit;
use crate::output::{Output, OutputFormat, ValidationJson, validation};
use crate::providers::ProviderHandle;

pub(super) async fn run(
    session: &Session,
    chosen: Option<&str>,
    timeout: Duration,
    output: &mut Output,
) -> Result<Exit, CommandError> {
    let configuration = session.configuration().await?;
    let handles = session.providers(&configuration, chosen).await?;
    if handles.is_empty() {
        return Err(CommandError::Usage(format!("there is nothing to validate: {}", configured(&handles))));
    }
    let mut exit = Exit::Done;
    for handle in &handles {
        let report = session.interrupt.unless(validate(handle, timeout)).await;
        let cancelled = report.is_none();
        let report = report.unwrap_or_else(|| {
            let fault = Fault::unavailable(UnavailableReason::CANCELLED, "the validation was cancelled");
            failed("validate", &fault)
        });
        match output.format() {
            OutputFormat::Text => output.text(&validation(handle.instance(), &report))?,
            OutputFormat::Json => output.object(&ValidationJson::new(handle.instance(), &report))?,
        }
        output.flush()?;
        if exit == Exit::Done {
            exit = verdict(&report);
        }
        if cancelled {
            break;
        }
    }
    session.goodbye(&handles).await;
    Ok(exit)
}

/// A provider that cannot be loaded, configured or asked is a report too, with the stage at which it ended.
async fn validate(handle: &ProviderHandle, timeout: Duration) -> ValidationReport {
    match handle.provider().await {
        Ok(provider) => provider.validate(&context(timeout)).await.unwrap_or_else(|fault| failed("validate", &fault)),
        Err(fault) if fault.code() == MisconfiguredReason::PLUGIN_REFUSED.as_str() => failed("load", &fault),
        Err(fault) => failed("configure", &fault),
    }
}

fn failed(stage: &str, fault: &Fault) -> ValidationReport {
    let detail = match fault {
        Fault::Misconfigured { setting: Some(key), message, .. } => format!("setting {key}: {message}"),
        other => other.message().to_owned(),
    };
    let mut failed = Stage::failed(stage, fault);
    failed.detail = detail;
    ValidationReport::new(vec![failed])
}

/// The code of the first stage that failed. Stages without a known kind, and a report without stages, are the
/// provider's defect.
fn verdict(report: &ValidationReport) -> Exit {
    match report.first_failed() {
        Some(Stage { fault: Some(fault), .. }) => fault.kind().into(),
        None if report.is_valid() => Exit::Done,
        Some(_) | None => Exit::Internal,
    }
}
