use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::latencies::Watch;
use super::{Order, first_line};
use crate::directory::bulk_login;
use crate::failure::{Failure, Outcome, cannot};

/// Asks saslauthd through its socket, by a thread for each caller, as libsasl does: a connection for each question.
pub fn serve(socket: &Path, callers: usize, users: u32) -> Outcome<()> {
    let passwords = first_line()?;
    println!("ready");
    while let Some(order) = Order::next()? {
        let Order::Round(milliseconds) = order else { return Err(Failure("there are only rounds here".to_owned())) };
        let watch = Watch::start();
        let deadline = Instant::now() + Duration::from_millis(milliseconds);
        let latencies: Outcome<Vec<_>> = thread::scope(|scope| {
            let callers = (0..callers).map(|_| scope.spawn(|| call(socket, users, &passwords, deadline)));
            let callers: Vec<_> = callers.collect();
            callers.into_iter().map(|caller| caller.join().expect("a caller that does not panic")).collect()
        });
        let latencies = latencies?.concat();
        println!("{}", watch.stop(latencies.len() as u64, 0, latencies));
    }
    Ok(())
}

fn call(socket: &Path, users: u32, passwords: &str, deadline: Instant) -> Outcome<Vec<Duration>> {
    let mut latencies = Vec::new();
    loop {
        let before = Instant::now();
        if before >= deadline {
            return Ok(latencies);
        }
        let login = bulk_login(fastrand::u32(1..=users) as usize);
        let answer = ask(socket, &login, &format!("{passwords}{login}")).map_err(cannot("ask saslauthd"))?;
        if !answer.starts_with("OK") {
            return Err(Failure(format!("{login} was refused: {answer}")));
        }
        latencies.push(before.elapsed());
    }
}

/// Login, password, service and realm, each with its length before it; then an answer of the same form.
fn ask(socket: &Path, login: &str, password: &str) -> std::io::Result<String> {
    let mut question = Vec::new();
    for part in [login, password, "login-bench", ""] {
        let length = u16::try_from(part.len()).map_err(std::io::Error::other)?;
        question.extend_from_slice(&length.to_be_bytes());
        question.extend_from_slice(part.as_bytes());
    }
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(&question)?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
