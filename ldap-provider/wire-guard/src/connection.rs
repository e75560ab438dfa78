use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::task::unconstrained;
use tokio::time::timeout_at;
use tokio_rustls::TlsConnector;

use crate::bind::{BindRequest, BindResponse, UserBind};
use crate::exchange::{ExchangeError, exchange, ready, silent};
use crate::incoming::Incoming;
use crate::limits::Limits;
use crate::message::{Message, OperationResult};
use crate::paged_results::PageRequest;
use crate::pipe::{self, Pipe};
use crate::searches::{self, EntryStream, Found, SearchBatch, SearchConnection, SearchFailure, SearchRequest};
use crate::starttls::start_tls;
use crate::stream::Stream;
use crate::trust::{CertificateRefusal, Trust, TrustError};
use crate::who_am_i;
use crate::{Security, Violation};

/// The connection could not be protected as it has to be. Nothing secret was sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SecureError {
    /// The server does not want to do StartTLS.
    #[error("the server refuses StartTLS, with result code {}: {}", .0.code, .0.diagnostic)]
    StartTlsRefused(OperationResult),
    /// StartTLS got no answer that could be used.
    #[error("StartTLS: {0}")]
    StartTls(#[from] ExchangeError),
    /// Nothing was tried: there is nobody whose certificates could be trusted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The server's certificate is not accepted.
    #[error("{0}")]
    Certificate(#[from] CertificateRefusal),
    /// The handshake failed for another reason.
    #[error("the TLS handshake failed (is TLS spoken on this port?): {0}")]
    Handshake(io::Error),
    /// The handshake did not end in time.
    #[error("the TLS handshake took too long")]
    Timeout,
}

/// A bind as a user that got no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UserBindError {
    /// The connection could not be used any more, so nothing was sent: the bind can be tried on another.
    #[error("nothing was sent: {0}")]
    NotSent(ExchangeError, UserBind),
    /// The password may have been sent, and may have been right or wrong.
    #[error("it may have been sent, and its answer is not known: {0}")]
    Unanswered(ExchangeError),
}

/// The answer to a bind as a user.
#[derive(Debug)]
#[non_exhaustive]
pub struct UserBindAnswer {
    /// What the server says.
    pub response: BindResponse,
    /// The connection, for the bind of another user and nothing else: until then it has the rights of this one. `None`
    /// if the server said more than it was asked.
    pub connection: Option<Connection>,
}

/// How a connection has ended on which nothing was asked.
#[derive(Debug)]
#[must_use = "what the server did wrong is to be reported"]
pub struct End {
    error: ExchangeError,
    peer: Option<SocketAddr>,
}

impl End {
    /// Logs what the server did wrong, if it did. Apart from [`Connection::end`], so that whoever looks at a connection under
    /// a lock need not log under it.
    pub fn report(self) {
        if let ExchangeError::Violation(violation) = self.error {
            violation.report(self.peer);
        }
    }
}

/// A connection to a directory that is protected as its [`Security`] asks for, and on which one request is made at a
/// time.
pub struct Connection {
    stream: Stream,
    /// On the heap: a connection is handed on from call to call, and each has room for it.
    incoming: Box<Incoming>,
    peer: Option<SocketAddr>,
    last_id: u32,
}

impl Connection {
    /// Protects a connection that was just [opened](crate::tcp::connect), and takes no more than `limits` from its
    /// server.
    pub async fn secure(
        tcp: TcpStream,
        security: &Security,
        limits: Limits,
        deadline: Instant,
    ) -> Result<Self, SecureError> {
        let peer = tcp.peer_addr().ok();
        let secured = protect(tcp, security, limits, deadline).await;
        if let Err(SecureError::StartTls(ExchangeError::Violation(violation))) = &secured {
            violation.report(peer);
        }
        let (stream, last_id) = secured?;
        Ok(Self { stream, incoming: Box::new(Incoming::new(limits)), peer, last_id })
    }

    /// The address of the server.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The version of TLS and the cipher suite, such as `TLSv1_3, TLS13_AES_256_GCM_SHA384`; `None` in the clear.
    pub fn protection(&self) -> Option<String> {
        let Stream::Tls(stream) = &self.stream else { return None };
        let (_, session) = stream.get_ref();
        let version = session.protocol_version()?;
        let suite = session.negotiated_cipher_suite()?.suite();
        Some(format!("{version:?}, {suite:?}"))
    }

    /// Binds as the service account. On an error the connection is of no further use: who it is bound as is not
    /// known.
    pub async fn bind(&mut self, request: BindRequest, deadline: Instant) -> Result<BindResponse, ExchangeError> {
        let ready = ready(&mut self.stream, &mut self.incoming, deadline).await;
        self.reported(ready)?;
        self.bind_when_ready(request, deadline).await
    }

    /// Tries a typed password: one bind request, on a connection that carries nothing but such. Of several answers the
    /// first counts.
    ///
    /// A call that is given up takes the connection with it: who it is bound as would not be known.
    ///
    /// # Errors
    ///
    /// Tell whether the request may have reached the server. It may then have counted as a failed attempt, and must
    /// not be sent again.
    pub async fn bind_user(mut self, bind: UserBind, deadline: Instant) -> Result<UserBindAnswer, UserBindError> {
        let ready = ready(&mut self.stream, &mut self.incoming, deadline).await;
        if let Err(error) = self.reported(ready) {
            return Err(UserBindError::NotSent(error, bind));
        }
        let response = self.bind_when_ready(bind.spend(), deadline).await.map_err(UserBindError::Unanswered)?;
        let connection = (!self.incoming.has_unread()).then_some(self);
        Ok(UserBindAnswer { response, connection })
    }

    /// Asks a harmless question (`Who am I?`, RFC 4532), to which any answer will do: whether there still is a server
    /// at the other end. A connection that has been idle can be dead without knowing it, if a firewall or a proxy has
    /// forgotten it, and a password that is written to it is lost.
    pub async fn probe(mut self, deadline: Instant) -> Result<Self, ExchangeError> {
        let ready = ready(&mut self.stream, &mut self.incoming, deadline).await;
        self.reported(ready)?;
        let id = self.next_id();
        let answer = exchange(&mut self.stream, &mut self.incoming, who_am_i::request(id), deadline).await;
        let checked = answer.and_then(|answer| Ok(who_am_i::check(&Message::parse(&answer)?, id)?));
        self.reported(checked)?;
        Ok(self)
    }

    /// How the connection has ended, if it has: the server has closed it or said something that nobody asked for. After that
    /// it is of no further use. Does not wait, does not log, and does not notice a connection that died in silence.
    pub fn end(&mut self) -> Option<End> {
        // Without tokio's budget: of many that are looked at in a row, the last ones count as well.
        let look = pin!(unconstrained(silent(&mut self.stream, &mut self.incoming)));
        match look.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(silent) => silent.err().map(|error| End { error, peer: self.peer }),
            Poll::Pending => None,
        }
    }

    /// Reads what the server says of itself: its root DSE (RFC 4512 section 5.1), of which these attributes. A server may not
    /// show it to whom the connection is bound as.
    pub async fn root_dse(
        self,
        attributes: &[impl AsRef<str>],
        deadline: Instant,
    ) -> Result<(Self, Found), ExchangeError> {
        const SECOND: Violation = Violation::Unexpected("a second root DSE");
        let peer = self.peer;
        let mut reading = self.search_together(&[(&SearchRequest::root_dse(attributes), 1)], deadline).await?;
        let read = timeout_at(deadline.into(), reading.next()).await.map_err(|_| ExchangeError::Timeout)?;
        let found = match read?.1 {
            Ok(found) => found,
            Err(SearchFailure::TooLarge(violation)) => {
                violation.report(peer);
                return Err(violation.into());
            }
            Err(SearchFailure::Ended(end)) => return Err(ExchangeError::Lost(io::Error::other(end.to_string()))),
        };
        if let Some(connection) = reading.into_connection() {
            return Ok((connection, found));
        }
        SECOND.report(peer);
        Err(SECOND.into())
    }

    /// Makes several searches at once, each for at most so many entries, whose answers are taken one by one. The deadline is
    /// that of sending them.
    pub async fn search_together(
        mut self,
        searches: &[(&SearchRequest, usize)],
        deadline: Instant,
    ) -> Result<SearchBatch, ExchangeError> {
        let ready = ready(&mut self.stream, &mut self.incoming, deadline).await;
        self.reported(ready)?;
        SearchBatch::send(self, searches, deadline).await
    }

    /// Begins a search, of all entries or of a page of them, which are taken one by one. The deadline is that of sending
    /// it.
    pub async fn search(
        mut self,
        request: &SearchRequest,
        page: Option<PageRequest<'_>>,
        deadline: Instant,
    ) -> Result<EntryStream, ExchangeError> {
        let ready = ready(&mut self.stream, &mut self.incoming, deadline).await;
        self.reported(ready)?;
        let id = self.next_id();
        let sending = searches::send_search(&mut self.stream, id, request, page);
        timeout_at(deadline.into(), sending).await.map_err(|_| ExchangeError::Timeout)??;
        Ok(EntryStream::over(self, id))
    }

    async fn bind_when_ready(
        &mut self,
        request: BindRequest,
        deadline: Instant,
    ) -> Result<BindResponse, ExchangeError> {
        let id = self.next_id();
        let answer = exchange(&mut self.stream, &mut self.incoming, request.encode(id), deadline).await;
        let response = answer.and_then(|answer| Ok(BindResponse::parse(&Message::parse(&answer)?, id)?));
        self.reported(response)
    }

    /// The id of the next request.
    pub(crate) fn next_id(&mut self) -> u32 {
        self.last_id += 1;
        self.last_id
    }

    pub(crate) fn limits(&self) -> Limits {
        self.incoming.limits()
    }

    /// What comes from the server, and where from.
    pub(crate) fn parts(&mut self) -> (&mut Stream, &mut Incoming) {
        (&mut self.stream, &mut self.incoming)
    }

    /// What a connection ends with is logged once, here.
    pub(crate) fn reported<T>(&self, outcome: Result<T, ExchangeError>) -> Result<T, ExchangeError> {
        if let Err(ExchangeError::Violation(violation)) = &outcome {
            violation.report(self.peer);
        }
        outcome
    }

    /// Turns the connection into one for many searches for few entries each, at the same time. Has to be called on a
    /// tokio runtime, on which the connection is looked after from then on.
    pub fn into_searches(self) -> SearchConnection {
        SearchConnection::over(self.stream, *self.incoming, self.peer, self.last_id)
    }

    /// Turns the connection into a pipe for an LDAP library. Has to be called on a tokio runtime, which pumps from
    /// then on.
    pub fn into_pipe(self) -> io::Result<Pipe> {
        pipe::open(self.stream, *self.incoming, self.peer)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connection").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// The protected stream, and the last message id that was used on it.
async fn protect(
    mut tcp: TcpStream,
    security: &Security,
    limits: Limits,
    deadline: Instant,
) -> Result<(Stream, u32), SecureError> {
    match security {
        Security::Plain => Ok((Stream::Plain(tcp), 0)),
        Security::Ldaps { trust, server_name } => Ok((handshake(tcp, trust, server_name, deadline).await?, 0)),
        Security::StartTls { trust, server_name } => {
            let id = 1;
            start_tls(&mut tcp, id, limits, deadline).await?;
            Ok((handshake(tcp, trust, server_name, deadline).await?, id))
        }
    }
}

async fn handshake(
    tcp: TcpStream,
    trust: &Trust,
    server_name: &ServerName<'static>,
    deadline: Instant,
) -> Result<Stream, SecureError> {
    let config = timeout_at(deadline.into(), trust.client_config()).await.map_err(|_| SecureError::Timeout)??;
    let connecting = TlsConnector::from(config).connect(server_name.clone(), tcp);
    match timeout_at(deadline.into(), connecting).await {
        Err(_) => Err(SecureError::Timeout),
        Ok(Ok(stream)) => Ok(Stream::Tls(Box::new(stream))),
        Ok(Err(error)) => Err(match CertificateRefusal::of(&error, server_name) {
            Some(refusal) => SecureError::Certificate(refusal),
            None => SecureError::Handshake(error),
        }),
    }
}
