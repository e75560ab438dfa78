//! Opening the TCP connection: to whichever of the server's addresses answers first (RFC 8305, "happy eyeballs").

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout_at;

/// How long an address is waited for alone, before the next is tried beside it: the Connection Attempt Delay that
/// RFC 8305 section 5 recommends.
const HEAD_START: Duration = Duration::from_millis(250);

/// After how long without a word the kernel asks whether the peer is still there, how often it asks again, and how long
/// what was sent may remain unacknowledged: a peer that is gone is noticed within a minute, and a firewall in between
/// sees that the connection is alive.
const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// ENFILE, EMFILE, ENOMEM, EADDRNOTAVAIL (no port is left) and ENOBUFS of Linux.
const LACK_OF_MEANS: [i32; 5] = [23, 24, 12, 99, 105];

/// EINPROGRESS of Linux.
const IN_PROGRESS: i32 = 115;

const NO_ANSWER: &str = "no answer in time";

/// How many addresses of one name are tried.
const MOST: usize = 16;

/// No address of the server took the connection.
#[derive(Debug, Error)]
#[error("no connection to {}", Attempts(attempts))]
pub struct ConnectError {
    /// What was tried, and what came of it.
    pub attempts: Vec<(SocketAddr, String)>,
    /// Whether it was this side that lacked something, files, memory or ports, for every address. The servers may be well.
    pub is_lack_of_means: bool,
}

struct Attempts<'a>(&'a [(SocketAddr, String)]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (address, outcome)) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(formatter, "{separator}{address} ({outcome})")?;
        }
        Ok(())
    }
}

/// Tries the addresses in their order, IPv6 and IPv4 in turn (RFC 8305 section 4): the next is begun when one fails, and
/// when the one before it has had its head start of 250 ms. The first that answers is taken, and the others are given up.
/// All of it ends by the deadline.
pub async fn connect(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, ConnectError> {
    // Most servers have one, for which nothing has to be tried beside it.
    if let [address] = addresses {
        return alone(*address, deadline).await;
    }
    let addresses = interleaved(addresses);
    let mut waiting = addresses.clone();
    let mut trying = JoinSet::new();
    let mut failed = Vec::new();
    let everything = async {
        loop {
            if let Some(address) = waiting.pop_front() {
                trying.spawn(async move { (address, open(address).await) });
            } else if trying.is_empty() {
                return None;
            }
            let head_start = if waiting.is_empty() { Duration::MAX } else { HEAD_START };
            // An attempt that cannot be joined has panicked, which connecting does not.
            match tokio::time::timeout(head_start, trying.join_next()).await {
                Ok(Some(Ok((_, Ok(stream))))) => return Some(stream),
                Ok(Some(Ok((address, Err(error))))) => {
                    failed.push((address, error));
                }
                Ok(_) | Err(_) => {}
            }
        }
    };
    let connected = timeout_at(deadline.into(), everything).await;
    if let Ok(Some(stream)) = connected {
        return Ok(stream);
    }
    Err(ConnectError::of(addresses, &failed))
}

impl ConnectError {
    /// No address has connected; those that are not among the failed did not answer in time.
    fn of(addresses: VecDeque<SocketAddr>, failed: &[(SocketAddr, io::Error)]) -> Self {
        // All of them: with IPv6 switched off, EADDRNOTAVAIL is what becomes of its addresses, and says nothing of the others.
        let lacking = failed.iter().filter(|(_, error)| is_lack_of_means(error)).count();
        let is_lack_of_means = lacking > 0 && lacking == addresses.len();
        let attempts = addresses.into_iter().map(|address| {
            let error = failed.iter().find(|(failed, _)| *failed == address).map(|(_, error)| error.to_string());
            (address, error.unwrap_or_else(|| NO_ANSWER.to_owned()))
        });
        Self { attempts: attempts.collect(), is_lack_of_means }
    }
}

async fn alone(address: SocketAddr, deadline: Instant) -> Result<TcpStream, ConnectError> {
    let (said, is_lack_of_means) = match timeout_at(deadline.into(), open(address)).await {
        Ok(Ok(stream)) => return Ok(stream),
        Ok(Err(error)) => (error.to_string(), is_lack_of_means(&error)),
        Err(_) => (NO_ANSWER.to_owned(), false),
    };
    Err(ConnectError { attempts: vec![(address, said)], is_lack_of_means })
}

/// Whether it is this side that lacks something.
pub(crate) fn is_lack_of_means(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| LACK_OF_MEANS.contains(&code))
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    // Without TCP_NODELAY, the acknowledgement that the peer delays adds 40 ms to a login over TLS.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(
        &TcpKeepalive::new().with_time(KEEP_ALIVE_IDLE).with_interval(KEEP_ALIVE_INTERVAL).with_retries(3),
    )?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(IN_PROGRESS) => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let stream = TcpStream::from_std(socket.into())?;
    // On the same machine it is connected by now, and nothing need be waited for.
    if stream.peer_addr().is_err() {
        stream.writable().await?;
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
    }
    Ok(stream)
}

/// The addresses in their order, but the families by turns, so that one that leads nowhere costs one head start and
/// not one for each of its addresses. Each once, and not more than anybody would wait for.
fn interleaved(addresses: &[SocketAddr]) -> VecDeque<SocketAddr> {
    let mut distinct: Vec<SocketAddr> = Vec::new();
    for &address in addresses {
        if !distinct.contains(&address) {
            distinct.push(address);
        }
    }
    let begins_with = distinct.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, other): (Vec<SocketAddr>, Vec<SocketAddr>) =
        distinct.iter().partition(|address| address.is_ipv6() == begins_with);
    let mut order = VecDeque::with_capacity(distinct.len());
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    loop {
        let pair = [preferred.next(), other.next()];
        if pair == [None, None] {
            // Not before: the last of a long list may be the only ones of a family that leads anywhere.
            order.truncate(MOST);
            return order;
        }
        order.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    use super::{ConnectError, connect, interleaved};

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test]
    async fn an_address_that_refuses_does_not_keep_the_next_from_being_tried() {
        let closed = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).unwrap().local_addr().unwrap();
        let open = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = connect(&[closed, open.local_addr().unwrap()], soon()).await.unwrap();
        assert!(stream.nodelay().unwrap());
        assert_eq!(stream.peer_addr().unwrap(), open.local_addr().unwrap());
    }

    #[tokio::test]
    async fn when_all_refuse_each_is_named_with_its_reason() {
        let closed = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).unwrap().local_addr().unwrap();
        let error = connect(&[closed], soon()).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&closed.to_string()) && text.contains("refused"), "{text}");
    }

    /// A listening socket that takes no further connection: to who dials it, nobody seems to be there.
    struct BlackHole {
        address: SocketAddr,
        _open: (TcpListener, Vec<TcpStream>),
    }

    fn black_hole() -> BlackHole {
        let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 3), 0)).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut filling = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            filling.push(stream);
            assert!(filling.len() < 100, "a socket with a queue for one takes all that come");
        }
        BlackHole { address, _open: (listener, filling) }
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_costs_its_head_start_alone() {
        let (hole, open) = (black_hole(), TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let began = Instant::now();
        let addresses = [hole.address, open.local_addr().unwrap()];
        let stream = connect(&addresses, Instant::now() + Duration::from_secs(30)).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open.local_addr().unwrap());
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(250) && took < Duration::from_secs(10), "{took:?}");
    }

    #[tokio::test]
    async fn an_address_that_answers_is_the_only_one_that_hears_of_it() {
        let [preferred, other] = [2, 3].map(|last| TcpListener::bind((Ipv4Addr::new(127, 0, 0, last), 0)).unwrap());
        let stream = connect(&[preferred.local_addr().unwrap(), other.local_addr().unwrap()], soon()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), preferred.local_addr().unwrap());
        other.set_nonblocking(true).unwrap();
        assert!(other.accept().is_err(), "nobody has dialled it");
    }

    #[tokio::test]
    async fn when_nobody_answers_it_ends_by_the_deadline() {
        let hole = black_hole();
        let error = connect(&[hole.address], Instant::now() + Duration::from_millis(500)).await.unwrap_err();
        assert!(error.to_string().contains("no answer in time"), "{error}");
        let error = connect(&[], Instant::now() + Duration::from_secs(5)).await.unwrap_err();
        assert!(error.attempts.is_empty());
    }

    #[test]
    fn it_is_this_side_that_lacks_something_only_if_it_does_for_every_address() {
        let [six, four] = ["[2001:db8::1]:389", "192.0.2.1:389"].map(|text| text.parse::<SocketAddr>().unwrap());
        let errno = io::Error::from_raw_os_error;
        let lacks = |failed: &[(SocketAddr, io::Error)]| ConnectError::of([four, six].into(), failed).is_lack_of_means;
        // IPv6 is switched off: the other address is refused, or does not answer.
        assert!(!lacks(&[(six, errno(99)), (four, errno(111))]));
        assert!(!lacks(&[(six, errno(99))]));
        assert!(!lacks(&[]));
        assert!(lacks(&[(four, errno(24)), (six, errno(24))]));
        let text = ConnectError::of([four, six].into(), &[(six, errno(111))]).to_string();
        assert!(text.contains("192.0.2.1:389 (no answer in time); [2001:db8::1]:389 (Connection refused"), "{text}");
    }

    #[test]
    fn families_take_turns_and_begin_with_the_preferred_one() {
        let parse = |text: &str| -> Vec<SocketAddr> { text.split(' ').map(|part| part.parse().unwrap()).collect() };
        let mixed = parse("[::1]:1 [::2]:1 [::3]:1 1.1.1.1:1 1.1.1.2:1");
        assert_eq!(interleaved(&mixed), parse("[::1]:1 1.1.1.1:1 [::2]:1 1.1.1.2:1 [::3]:1"));
        let other = parse("1.1.1.1:1 1.1.1.1:1 1.1.1.2:1 [::1]:1");
        assert_eq!(interleaved(&other), parse("1.1.1.1:1 [::1]:1 1.1.1.2:1"), "each once");
        let many: Vec<String> = (0..40).map(|last| format!("[::{last}]:1")).collect();
        let order = interleaved(&parse(&format!("{} 1.1.1.1:1", many.join(" "))));
        assert!(order.len() == 16 && order[1].is_ipv4(), "{order:?}");
    }
}
