use std::fmt;
use std::time::Duration;

use super::{ROUND_TRIP, same_work};
use crate::arguments::Logins;
use crate::directory::Directory;
use crate::failure::Outcome;
use crate::figures::Figures;
use crate::meter::Meter;
use crate::peer::{Kind, Peer, Programs, Round, Warmth};
use crate::selection::Selection;
use crate::target::{Target, Transport};

/// How long the server's octets are counted.
const COUNTED: Duration = Duration::from_millis(300);

/// How far away the directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// On this machine.
    Logins,
    /// Behind the relay.
    Distance,
}

impl Part {
    pub fn is_at_a_distance(self) -> bool {
        self == Self::Distance
    }
}

/// Circumstances under which several clients are measured in turn.
#[derive(Clone, Debug)]
pub struct Cell {
    pub part: Part,
    pub transport: Transport,
    pub callers: u32,
    pub warmth: Warmth,
    pub clients: Vec<Kind>,
}

/// One client under the circumstances of a cell, round by round.
#[derive(Clone, Debug)]
pub struct Measured {
    pub part: Part,
    pub transport: Transport,
    pub callers: u32,
    pub warmth: Warmth,
    pub client: Kind,
    /// Logins in a second.
    pub rate: Figures,
    /// The median of a login's time, in µs.
    pub p50: Figures,
    /// 99 of 100 logins were as fast, in µs.
    pub p99: Figures,
    /// The client's CPU time for a login, in µs.
    pub cpu: Figures,
    /// The most memory that the client had, in MiB.
    pub peak: f64,
}

impl Cell {
    pub fn is_selected(&self, only: &Selection) -> bool {
        let part = match self.part {
            Part::Distance => "relay",
            Part::Logins => self.warmth.word(),
        };
        only.has(part) && only.has(self.transport.name()) && only.has(&self.callers.to_string())
    }

    /// Starts the clients, warms each up, and lets them play their rounds in turn.
    pub fn measure(
        &self,
        programs: &Programs,
        target: &Target,
        directory: &Directory,
        options: &Logins,
    ) -> Outcome<Vec<Measured>> {
        let start = |&kind| Peer::start(kind, programs, target, self.callers);
        let mut peers = self.clients.iter().map(start).collect::<Outcome<Vec<_>>>()?;
        for peer in &mut peers {
            peer.round(self.warmth, options.warm_up, options.quiet)?;
        }
        // Far away, too few logins are made in the time to tell.
        if self.warmth == Warmth::Warm && !self.part.is_at_a_distance() {
            let octets = peers.iter_mut().map(|peer| Ok((peer.kind(), self.octets(peer, directory)?)));
            same_work::check(self.transport, &octets.collect::<Outcome<Vec<_>>>()?)?;
        }
        let mut played = vec![Vec::new(); peers.len()];
        for round in 0..options.common.rounds as usize {
            for turn in 0..peers.len() {
                // What one leaves to be done falls on the next, so each is the first once.
                let index = (round + turn) % peers.len();
                played[index].push(peers[index].round(self.warmth, options.seconds, options.quiet)?);
            }
        }
        Ok(peers.iter().zip(&played).map(|(peer, rounds)| self.measured(peer, rounds)).collect())
    }

    /// How many octets the server sends a client for a login. It counts before TLS.
    #[allow(clippy::cast_precision_loss, reason = "nobody logs in that often")]
    fn octets(&self, peer: &mut Peer, directory: &Directory) -> Outcome<f64> {
        let meter = Meter::start(directory);
        let round = peer.round(self.warmth, COUNTED, Duration::ZERO)?;
        Ok(meter.read().octets as f64 / round.logins as f64)
    }

    #[allow(clippy::cast_precision_loss, reason = "nobody logs in that often")]
    fn measured(&self, peer: &Peer, rounds: &[Round]) -> Measured {
        let figures = |figure: fn(&Round) -> f64| rounds.iter().map(figure).collect();
        Measured {
            part: self.part,
            transport: self.transport,
            callers: self.callers,
            warmth: self.warmth,
            client: peer.kind(),
            rate: figures(|round| round.logins as f64 / round.elapsed.as_secs_f64()),
            p50: figures(|round| round.p50.as_secs_f64() * 1e6),
            p99: figures(|round| round.p99.as_secs_f64() * 1e6),
            cpu: figures(|round| round.cpu.as_secs_f64() * 1e6 / round.logins as f64),
            peak: peer.peak(),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.transport.name())?;
        if self.warmth != Warmth::Warm {
            write!(formatter, ", {}", self.warmth.word())?;
        }
        if self.part.is_at_a_distance() {
            write!(formatter, ", {} ms away", ROUND_TRIP.as_millis())?;
        }
        Ok(())
    }
}
