//! `first_logins CONFIGURATION NAME COUNT`: logs one person in so many times at once, as a server with many callers
//! does.
//!
//! Standard input: the password in one line, then a line that means "now". Before that one is read, everything is
//! loaded, so that two of these processes begin together. Standard output: a line `ready`, then a JSON object that
//! counts the answers.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "the answer is for the test that started this program")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Write, stdin, stdout};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use host_harness::Log;
use host_harness::config::Configuration;
use host_harness::login::Host;
use host_harness::providers;
use host_harness::store::Store;
use provider_api::{Credentials, Deadline, RequestContext, Secret};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, name, count] = arguments.as_slice() else {
        return Err("usage: first_logins CONFIGURATION NAME COUNT".into());
    };
    let password = Secret::new(line()?);
    let host = Arc::new(host(Path::new(file)).await?);
    println!("ready");
    stdout().flush()?;
    line()?;

    let mut logins = JoinSet::new();
    for number in 0..count.parse::<usize>()? {
        let (host, credentials) = (Arc::clone(&host), Credentials::new(name, password.clone()));
        logins.spawn(async move {
            let context = RequestContext::new(format!("first-{number}"), Deadline::after(Duration::from_mins(2)));
            host.login(&context, credentials).await
        });
    }
    let mut answers = BTreeMap::new();
    while let Some(answer) = logins.join_next().await {
        let answer = answer?;
        let provisioning = answer.provisioning.map(|provisioning| format!("{provisioning:?}").to_lowercase());
        let told = provisioning.or(answer.reason).unwrap_or(answer.message);
        *answers.entry(told).or_insert(0_u64) += 1;
    }
    println!("{}", serde_json::to_string(&answers)?);
    Ok(())
}

/// The host that the configuration describes, its providers loaded and configured.
async fn host(file: &Path) -> Result<Host, Box<dyn Error>> {
    let configuration = Configuration::read(file)?;
    let store = Store::open(&configuration.store_url, configuration.folders.configuration()).await?;
    let handles = providers::from_configuration(&configuration, Log::silent()).await?;
    for handle in &handles {
        handle.provider().await?;
    }
    Ok(Host::new(store, handles))
}

fn line() -> Result<String, std::io::Error> {
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    Ok(line.trim_end_matches('\n').to_owned())
}
