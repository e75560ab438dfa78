//! The program `host-harness`: see the library of the same name.

#![forbid(unsafe_code)]

use std::io;
use std::num::NonZero;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser as _;
use host_harness::Exit;
use host_harness::cli::Cli;
use host_harness::commands;
use host_harness::output::Output;
use host_harness::threads::BLOCKING_THREADS;
use provider_api::try_threads;
use tokio::runtime::Runtime;

/// For the store, for files, for a call to a plugin and for what is typed or piped in.
const THREADS_OF_A_COMMAND: usize = 4;

/// Of each thread, in bytes.
const STACK_SIZE: usize = 2 * 1024 * 1024;

fn main() -> ExitCode {
    // Ends by itself with 2 for a wrong command line and with 0 for --help and --version.
    let cli = Cli::parse();
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            let advice = "raise the limit of processes (ulimit -u, pids.max), or of memory";
            commands::tell(&format!("the system gives no threads ({error}): {advice}"));
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

/// A thread for each processor; it refuses if the system does not give those and what every command needs besides.
fn runtime() -> io::Result<Runtime> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    try_threads(workers + THREADS_OF_A_COMMAND, STACK_SIZE)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(workers).thread_stack_size(STACK_SIZE).max_blocking_threads(BLOCKING_THREADS);
    runtime.enable_all().build()
}
