//! Listings of many users by several clients, in turn.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::arguments::Listing;
use crate::bar::{self, Bar};
use crate::directory::{BULK_DN, Directory, READER_DN, READER_PASSWORD};
use crate::failure::{Failure, Outcome, cannot};
use crate::figures::Figures;
use crate::logins::directory;
use crate::meter::Meter;
use crate::octets;
use crate::peer::{Kind, Listed, Peer, Programs, listing_go_ldap};
use crate::process::{self, Process};
use crate::progress::{say, setting};
use crate::target::{LISTED_ATTRIBUTES, Target, Transport};

/// How many users there are.
const SIZES: [u32; 3] = [10_000, 100_000, 1_000_000];

/// The octets of the end of a page, cookie included.
const END_OF_PAGE: u64 = 59;

/// By so many octets for each user what the server sends may differ.
const ALIKE: f64 = 5.0;

/// A way to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    Plugin,
    Ldapsearch,
    /// go-ldap's own paging, `SearchWithPaging`, which keeps all users in memory.
    GoLdap,
    /// go-ldap page by page, as written for this bench.
    GoPages,
}

impl Client {
    const ALL: [Self; 4] = [Self::Plugin, Self::Ldapsearch, Self::GoLdap, Self::GoPages];

    fn name(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::Ldapsearch => "ldapsearch",
            Self::GoLdap => "go-ldap",
            Self::GoPages => "go-pages",
        }
    }
}

/// One client with so many users.
struct Measured {
    size: u32,
    client: Client,
    /// In seconds.
    time: Figures,
    /// In MiB.
    peak: Figures,
}

/// Measures what is selected, prints the table, then the bars.
pub fn run(options: &Listing) -> Outcome<ExitCode> {
    let only = &options.common.only;
    let transport = Transport::ALL.into_iter().find(|transport| only.names(transport.name()));
    let transport = transport.unwrap_or(Transport::Plain);
    let clients: Vec<Client> = Client::ALL.into_iter().filter(|client| only.has(client.name())).collect();
    let sizes: Vec<u32> = SIZES.into_iter().filter(|size| only.has(&size.to_string())).collect();
    if clients.is_empty() {
        return Err(Failure("nothing is selected: see --help".to_owned()));
    }
    let programs = Programs::build(
        &options.common,
        0,
        false,
        clients.iter().any(|client| matches!(client, Client::GoLdap | Client::GoPages)),
    )?;

    println!("Listings {}, over {}, by pages of {}.", setting(), transport.name(), options.page);
    println!("\n| users | client | rounds | seconds | peak MiB | plugin to it: time |\n|---|---|---|---|---|---|");
    let mut measured = Vec::new();
    for size in sizes {
        let directory = directory(size);
        let target = Target::of(&directory, transport, size);
        let lister = Lister::new(&programs, &directory, target, options.page)?;
        let rounds = if size == SIZES[2] { options.million_rounds } else { options.common.rounds };
        let rows = lister.measure(&clients, rounds)?;
        print(&rows);
        measured.extend(rows);
    }
    Ok(bar::print(&bars(&measured)))
}

struct Lister<'a> {
    programs: &'a Programs,
    target: Target,
    directory: &'a Directory,
    page: u32,
    password_file: PathBuf,
    _folder: TempDir,
}

impl<'a> Lister<'a> {
    fn new(programs: &'a Programs, directory: &'a Directory, target: Target, page: u32) -> Outcome<Self> {
        let folder = TempDir::new().map_err(cannot("make a temporary folder"))?;
        let password_file = folder.path().join("password");
        write_secret(&password_file, READER_PASSWORD).map_err(cannot("write the service account's password"))?;
        Ok(Self { programs, target, directory, page, password_file, _folder: folder })
    }

    /// One listing each that does not count, then the rounds.
    fn measure(&self, clients: &[Client], rounds: u32) -> Outcome<Vec<Measured>> {
        let empty =
            |&client| Measured { size: self.target.users, client, time: Figures::default(), peak: Figures::default() };
        let mut rows: Vec<Measured> = clients.iter().map(empty).collect();
        say(format_args!("listing {} users: warming up", self.target.users));
        // The server's memory, which all of them share.
        let meter = Meter::start(self.directory);
        self.list(clients[0])?;
        if clients[0] == Client::Plugin {
            self.compare_pages(meter.read().searches);
        }
        if self.target.users == SIZES[0] {
            self.same_work(clients)?;
        }
        for round in 0..rounds as usize {
            say(format_args!("listing {} users: round {} of {rounds}", self.target.users, round + 1));
            for turn in 0..rows.len() {
                let row = (round + turn) % rows.len();
                let row = &mut rows[row];
                let (time, peak) = self.list(row.client)?;
                row.time.0.push(time.as_secs_f64());
                row.peak.0.push(peak);
            }
        }
        Ok(rows)
    }

    /// Makes sure that all ask for the same of a user.
    #[allow(clippy::cast_precision_loss, reason = "these are thousands")]
    fn same_work(&self, clients: &[Client]) -> Outcome<()> {
        let mut sent = Vec::new();
        for client in clients {
            let meter = Meter::start(self.directory);
            self.list(*client)?;
            let counted = meter.read();
            let octets = counted.octets.saturating_sub(END_OF_PAGE * counted.searches);
            sent.push((client.name(), octets as f64 / f64::from(self.target.users)));
        }
        octets::compare("for each user", ALIKE, &sent)
    }

    /// The plugin's page is its own business. Times compare only if the others' is about the same.
    fn compare_pages(&self, searches: u64) {
        let users = u64::from(self.target.users);
        let page = users.div_ceil(searches.max(1));
        // A search more than there are pages may be one that makes sure of the end.
        if page.abs_diff(u64::from(self.page)) > u64::from(self.page) / 10 {
            say(format_args!("ATTENTION: the plugin's pages have {page} users or so: use --page to compare with"));
        }
    }

    /// A listing by a process of its own: how long it took, and the most memory that it had.
    fn list(&self, client: Client) -> Outcome<(Duration, f64)> {
        let (listed, peak) = match client {
            Client::Plugin => {
                let mut peer = Peer::start(Kind::Plugin, self.programs, &self.target, 1)?;
                let listed = peer.conversation().list(self.page)?;
                (listed, peer.peak())
            }
            Client::GoLdap | Client::GoPages => {
                let mut conversation = listing_go_ldap(self.programs, &self.target)?;
                let listed = match client {
                    Client::GoLdap => conversation.list_kept(self.page)?,
                    _ => conversation.list(self.page)?,
                };
                (listed, process::peak(conversation.process()).unwrap_or(f64::NAN))
            }
            Client::Ldapsearch => return self.ldapsearch(),
        };
        let Listed { users, elapsed } = listed;
        if users == u64::from(self.target.users) {
            Ok((elapsed, peak))
        } else {
            Err(Failure(format!("{} listed {users} users of {}", client.name(), self.target.users)))
        }
    }

    /// From its start to its end, since it says nothing else.
    fn ldapsearch(&self) -> Outcome<(Duration, f64)> {
        let mut command = process::tethered(Path::new("ldapsearch"));
        command.env("LDAPTLS_CACERT", &self.target.ca_file).env("LDAPTLS_REQCERT", "demand");
        command.args(["-x", "-LLL", "-H", &self.target.url(), "-D", READER_DN, "-y"]).arg(&self.password_file);
        command.args(["-b", BULK_DN, "-s", "sub", "-a", "never", "-E", &format!("pr={}/noprompt", self.page)]);
        if self.target.start_tls() {
            command.arg("-ZZ");
        }
        command.arg("(uid=*)").args(LISTED_ATTRIBUTES).stdin(Stdio::null()).stdout(Stdio::null());
        let start = Instant::now();
        let process = Process::start("ldapsearch", &mut command)?;
        let mut peak = f64::NAN;
        loop {
            // It only grows, so the last look is as good as one at the end, when nothing is left to look at.
            peak = process::peak(process.id()).unwrap_or(peak);
            if let Some(status) = process.wait(Duration::from_millis(20))? {
                let elapsed = start.elapsed();
                return if status.success() {
                    Ok((elapsed, peak))
                } else {
                    Err(Failure(format!("ldapsearch has failed ({status}): see its words above")))
                };
            }
        }
    }
}

fn write_secret(file: &Path, text: &str) -> std::io::Result<()> {
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?.write_all(text.as_bytes())
}

fn print(rows: &[Measured]) {
    let plugin = rows.iter().find(|row| row.client == Client::Plugin);
    for row in rows {
        let ratio = plugin.filter(|_| row.client != Client::Plugin).map(|plugin| plugin.time.to(&row.time));
        println!(
            "| {} | {} | {} | {} | {} | {} |",
            row.size,
            row.client.name(),
            row.time.0.len(),
            row.time.shown(2),
            row.peak.shown(1),
            ratio.map_or_else(String::new, |ratio| ratio.shown_median(2)),
        );
    }
}

fn bars(measured: &[Measured]) -> [Bar; 3] {
    let find = |size, client| measured.iter().find(|row| row.size == size && row.client == client);
    let plugin_to = |client| Some(find(SIZES[1], Client::Plugin)?.time.to(&find(SIZES[1], client)?.time));
    let growth = || {
        let (few, many) = (find(SIZES[0], Client::Plugin)?, find(SIZES[2], Client::Plugin)?);
        Some(Figures(vec![many.peak.median() - few.peak.median()]))
    };
    [
        Bar::at_most("100,000 users: time, plugin to ldapsearch", plugin_to(Client::Ldapsearch), 1.15).aim(1.0),
        Bar::at_most("100,000 users: time, plugin to go-ldap", plugin_to(Client::GoLdap), 0.6),
        Bar::at_most("MiB of peak memory more for 1,000,000 users than for 10,000", growth(), 4.0).digits(1),
    ]
}
