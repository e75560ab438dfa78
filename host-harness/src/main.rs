//! The program `host-harness`: see the library of the same name.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use host_harness::Exit;
use host_harness::cli::Cli;
use host_harness::commands;
use host_harness::output::Output;
use host_harness::threads::BLOCKING_THREADS;

fn main() -> ExitCode {
    // Ends by itself with 2 for a wrong command line and with 0 for --help and --version.
    let cli = Cli::parse();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = match runtime.max_blocking_threads(BLOCKING_THREADS).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            commands::tell(&format!("the system gives no threads ({error})"));
            return ExitCode::from(Exit::Unavailable.code());
        }
    };
    let mut output = Output::standard(cli.format);
    let exit = runtime.block_on(commands::run(cli, &mut output)).unwrap_or_else(|error| {
        commands::tell(&error.to_string());
        error.exit()
    });
    // A thread that waits for a person or for the store must not keep the program from ending.
    runtime.shutdown_timeout(Duration::from_millis(100));
    ExitCode::from(exit.code())
}
