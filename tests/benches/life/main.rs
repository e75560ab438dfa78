//! What a call through the border costs, and whether a provider notices what another one does.
//!
//! `tests/long calls` runs it. Everything is in one program: the calls through a real plugin file, and beside them the
//! same without a border. Figures of the first table depend on the machine and on what else it does; the second has a
//! bar, and the exit code is 1 if it is not reached.
#![allow(missing_docs, reason = "a bench")]
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints, and one that cannot go on fails loudly"
)]

mod calls;
mod isolation;

use std::process::ExitCode;

fn main() -> ExitCode {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let mut arguments = std::env::args().skip(1);
    let holds = runtime.block_on(async {
        match (arguments.next().as_deref(), arguments.next()) {
            (Some(isolation::DESCRIBE), Some(wrong)) => isolation::describing(&wrong).await,
            (Some("isolation"), _) => isolation::table().await,
            _ => {
                calls::calls().await;
                isolation::table().await
            }
        }
    });
    // Threads that are kept must not keep the program.
    runtime.shutdown_background();
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
