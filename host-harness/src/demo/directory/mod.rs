//! A small LDAP directory inside the process, so that the demo needs nothing installed.
//!
//! It speaks what a login and a listing need and refuses the rest in the protocol's own way: simple binds, searches
//! with the usual filters and scopes, simple paged results, the root DSE. It has no TLS and listens on 127.0.0.1
//! alone, on a port that the system chooses.

mod dn;
mod entry;
mod filter;
mod search;
mod session;
#[cfg(test)]
mod tests;
mod traffic;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use ldap3_proto::LdapCodec;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::codec::Framed;

use dn::Dn;
pub(crate) use entry::Entry;
use search::Tree;
use session::{Session, notice_of_disconnection};
pub(crate) use traffic::Received;
use traffic::Traffic;

/// A running directory. Dropping it closes its port and every connection.
#[derive(Debug)]
pub(crate) struct Directory {
    address: SocketAddr,
    traffic: Arc<Traffic>,
    accepting: JoinHandle<()>,
}

impl Directory {
    /// Starts a directory with these entries below `naming_context`; binds as `service_account` are counted apart
    /// from those of people.
    ///
    /// # Errors
    ///
    /// No port could be had, or one of the two names is no DN.
    pub(crate) async fn start(naming_context: &str, service_account: &str, entries: Vec<Entry>) -> io::Result<Self> {
        let no_dn = || io::Error::new(io::ErrorKind::InvalidInput, "that is no DN");
        let tree = Arc::new(Tree::new(entries, naming_context).ok_or_else(no_dn)?);
        let traffic = Arc::new(Traffic::new(Dn::parse(service_account).ok_or_else(no_dn)?));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, tree, Arc::clone(&traffic)));
        Ok(Self { address, traffic, accepting })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has arrived so far.
    pub(crate) fn received(&self) -> Received {
        self.traffic.received()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // The task owns the listener and the set of the connections' tasks, which ends them as it is dropped.
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, tree: Arc<Tree>, traffic: Arc<Traffic>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // A client that left too early, or no file descriptor to be had: the port itself stays good.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        connections.spawn(serve(stream, Session::new(Arc::clone(&tree), Arc::clone(&traffic))));
        while connections.try_join_next().is_some() {}
    }
}

/// Serves one connection to its end. Why it ended concerns nobody here.
async fn serve(stream: TcpStream, mut session: Session) {
    // Answers are several small writes; without this each would wait for the client's delayed acknowledgement.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut connection = Framed::new(stream, LdapCodec::default());
    while let Some(received) = connection.next().await {
        let Ok(message) = received else {
            let _ = connection.send(notice_of_disconnection()).await;
            return;
        };
        let Some(answers) = session.answer(message) else { return };
        for answer in answers {
            if connection.feed(answer).await.is_err() {
                return;
            }
        }
        if connection.flush().await.is_err() {
            return;
        }
    }
}
