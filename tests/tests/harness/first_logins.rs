//! A person's first login in two server processes at once.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rusqlite::Connection;
use serde_json::Value;
use tests::directory::{Directory, password_of};
use tests::harness::{Harness, Instance};

const CALLERS: u64 = 100;

/// A process that has loaded everything and waits for the word.
struct Server {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Server {
    fn start(harness: &Harness, login: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_first_logins"))
            .arg(harness.configuration_file())
            .args([login, &CALLERS.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = process.stdin.take().unwrap();
        writeln!(input, "{}", password_of(login)).unwrap();
        let mut server = Self { input, output: BufReader::new(process.stdout.take().unwrap()), process };
        assert_eq!(server.line(), "ready");
        server
    }

    fn go(&mut self) {
        writeln!(self.input, "now").unwrap();
    }

    fn answers(mut self) -> Value {
        let answers = self.line();
        assert!(self.process.wait().unwrap().success(), "{answers}");
        serde_json::from_str(&answers).unwrap()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

#[test]
fn two_hundred_first_logins_in_two_processes_make_one_account_and_no_error() {
    let directory = Directory::start();
    // Who comes first is chance. One round alone lets a store through that takes its write lock too late (2 in 6 were
    // seen).
    for round in 0..5 {
        let harness = Harness::new(&[Instance::ldap("corp", directory.settings())]);
        let mut servers = [Server::start(&harness, "alice"), Server::start(&harness, "alice")];
        for server in &mut servers {
            server.go();
        }
        let answers = servers.map(Server::answers);
        let count = |what: &str| answers.iter().filter_map(|answers| answers[what].as_u64()).sum::<u64>();
        assert_eq!((count("created"), count("refreshed")), (1, 2 * CALLERS - 1), "round {round}: {answers:?}");

        let store = Connection::open(harness.store_file()).unwrap();
        for table in ["user", "identity_link"] {
            let rows: i64 = store.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
            assert_eq!(rows, 1, "round {round}: {table}");
        }
    }
}
