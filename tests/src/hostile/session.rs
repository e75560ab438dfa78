//! One connection of the server.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::record::Received;
use super::renegotiation::{APPLICATION_DATA, HANDSHAKE, HELLO_REQUEST, Writer};
use super::script::Act;
use super::server::Stage;
use super::tap::{Tap, Tapped};
use super::transport::{Offer, Transport};
use super::wire::{self, ber};

/// The first octet of a TLS handshake.
const CLIENT_HELLO: u8 = 0x16;

pub(super) struct Session {
    stream: Stream,
    stage: Arc<Stage>,
    number: usize,
    unread: Vec<u8>,
}

enum Stream {
    Plain(Tapped),
    Tls(Box<TlsStream<Tapped>>),
    /// After a handshake that failed.
    Failed(Tapped),
    /// Between the two, and after the end.
    None,
}

impl Session {
    pub(super) fn over(tcp: TcpStream, tap: Tap, stage: Arc<Stage>, number: usize) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        Ok(Self { stream: Stream::Plain(Tapped::new(tcp, tap)), stage, number, unread: Vec::new() })
    }

    /// Serves until one of the two ends the connection.
    pub(super) async fn run(&mut self) -> io::Result<()> {
        self.perform(self.stage.at_connect()).await?;
        let mut greeted = false;
        loop {
            if !greeted && (self.is_protected() || self.stage.transport() != Transport::StartTls) {
                greeted = true;
                self.perform(self.stage.at_greeting()).await?;
            }
            let Some(message) = self.message().await? else { return Ok(()) };
            let decoded = wire::decode(&message);
            let request = decoded.as_ref().map(|(_, request)| request.clone()).map_err(Clone::clone);
            self.record(request);
            let Ok((id, request)) = decoded else { return Ok(()) };
            self.perform(self.stage.at_request(id, request)).await?;
        }
    }

    /// Aborts the connection.
    pub(super) fn reset(&mut self) -> io::Result<()> {
        match self.take_stream() {
            Stream::Plain(tcp) | Stream::Failed(tcp) => tcp.abort(),
            Stream::Tls(tls) => tls.into_inner().0.abort(),
            Stream::None => Ok(()),
        }
    }

    /// Ends the server's side, and reads what the client still has to say: for the record in the clear, for the tap
    /// alone otherwise.
    pub(super) async fn read_out(&mut self) -> io::Result<()> {
        let mut tcp = match self.take_stream() {
            Stream::Plain(mut tcp) => {
                // A client that is gone cannot be told.
                let _ = tcp.shutdown().await;
                self.stream = Stream::Plain(tcp);
                return self.drain().await;
            }
            Stream::Tls(tls) => tls.into_inner().0,
            Stream::Failed(tcp) => tcp,
            Stream::None => return Ok(()),
        };
        let _ = tcp.shutdown().await;
        tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await.map(drop)
    }

    async fn perform(&mut self, acts: Vec<Act>) -> io::Result<()> {
        for act in acts {
            match act {
                Act::Send(octets) => self.send(&octets).await?,
                Act::Drip(octets, pause) => {
                    for octet in octets {
                        self.send(&[octet]).await?;
                        if !pause.is_zero() {
                            tokio::time::sleep(pause).await;
                        }
                    }
                }
                Act::Flood(messages) => {
                    for message in messages {
                        self.send(&message).await?;
                    }
                }
                Act::Pause(pause) => tokio::time::sleep(pause).await,
                Act::Hear => drop(self.read().await?),
                Act::Secure(offer) => self.secure(offer).await?,
                Act::SecureByDrips(pause) => self.secure_by_drips(pause).await?,
                Act::Unprotect(octets) => self.unprotect(&octets).await?,
                Act::Renegotiate(times, octets) => self.renegotiate(times, &octets).await?,
                Act::Silence => self.drain().await?,
                Act::Freeze => {
                    self.stage.thaw().await;
                    self.drain().await?;
                }
                Act::Close => {
                    self.close().await?;
                    self.drain().await?;
                }
                Act::Reset => self.reset()?,
            }
        }
        Ok(())
    }

    /// The next whole message, or `None` at the end.
    async fn message(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            match ber::message_length(&self.unread) {
                Ok(Some(length)) if length <= self.unread.len() => {
                    return Ok(Some(self.unread.drain(..length).collect()));
                }
                Ok(_) => {}
                // A handshake that this server has no mind to take part in.
                Err(_) if self.unread.first() == Some(&CLIENT_HELLO) && self.expects_tls() => {
                    return self.discard().await;
                }
                Err(problem) => {
                    self.record(Err(problem));
                    return Ok(None);
                }
            }
            let read = self.read().await;
            if !matches!(read, Ok(1..)) {
                if !std::mem::take(&mut self.unread).is_empty() {
                    self.record(Err("a message that is cut short".to_owned()));
                }
                return read.map(|_| None);
            }
        }
    }

    /// Reads to the end without looking at it.
    async fn discard(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.unread.clear();
        while self.read().await? > 0 {
            self.unread.clear();
        }
        Ok(None)
    }

    async fn read(&mut self) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Plain(tcp) => tcp.read_buf(&mut self.unread).await,
            Stream::Tls(tls) => tls.read_buf(&mut self.unread).await,
            Stream::Failed(_) | Stream::None => Ok(0),
        }
    }

    async fn drain(&mut self) -> io::Result<()> {
        // What is not answered is recorded all the same.
        while let Some(message) = self.message().await? {
            self.record(wire::decode(&message).map(|(_, request)| request));
        }
        Ok(())
    }

    async fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(tcp) => tcp.write_all(octets).await?,
            Stream::Tls(tls) => {
                tls.write_all(octets).await?;
                tls.flush().await?;
            }
            Stream::Failed(_) | Stream::None => return Err(io::ErrorKind::NotConnected.into()),
        }
        self.stage.sent(octets.len());
        Ok(())
    }

    async fn close(&mut self) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(tcp) => tcp.shutdown().await,
            Stream::Tls(tls) => tls.shutdown().await,
            Stream::Failed(_) | Stream::None => Ok(()),
        }
    }

    async fn secure(&mut self, offer: Offer) -> io::Result<()> {
        let tcp = self.take_plain()?;
        match self.stage.acceptor(offer).accept(tcp).into_fallible().await {
            Ok(tls) => self.stream = Stream::Tls(Box::new(tls)),
            Err((error, tcp)) => {
                self.stream = Stream::Failed(tcp);
                return Err(error);
            }
        }
        Ok(())
    }

    async fn secure_by_drips(&mut self, pause: Duration) -> io::Result<()> {
        let (mut from_client, mut to_client) = tokio::io::split(self.take_plain()?);
        let (inner, outer) = tokio::io::duplex(64 * 1024);
        let (mut from_tls, mut to_tls) = tokio::io::split(outer);
        let upwards = async { tokio::io::copy(&mut from_client, &mut to_tls).await.map(drop) };
        let downwards = async {
            loop {
                let octet = from_tls.read_u8().await?;
                to_client.write_all(&[octet]).await?;
                tokio::time::sleep(pause).await;
            }
        };
        let handshake = async {
            let _connection = self.stage.acceptor(Offer::Good).accept(inner).await?;
            std::future::pending().await
        };
        tokio::select! {
            ended = upwards => ended,
            ended = downwards => ended,
            ended = handshake => ended,
        }
    }

    async fn unprotect(&mut self, octets: &[u8]) -> io::Result<()> {
        let Stream::Tls(tls) = self.take_stream() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let (mut tcp, mut session) = tls.into_inner();
        session.send_close_notify();
        let mut goodbye = Vec::new();
        while session.wants_write() {
            session.write_tls(&mut goodbye)?;
        }
        tcp.write_all(&goodbye).await?;
        tcp.write_all(octets).await?;
        // What the client sends after this is still protected: it is not for this server to read.
        tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await.map(drop)
    }

    async fn renegotiate(&mut self, times: usize, octets: &[u8]) -> io::Result<()> {
        let Stream::Tls(tls) = self.take_stream() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let (mut tcp, connection) = tls.into_inner();
        let mut writer = Writer::of(connection)?;
        for _ in 0..times {
            tcp.write_all(&writer.record(HANDSHAKE, &HELLO_REQUEST)?).await?;
        }
        tcp.write_all(&writer.record(APPLICATION_DATA, octets)?).await?;
        // What the client has to say to this is for rustls to read, which is no more.
        tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await.map(drop)
    }

    /// The connection, on which TLS begins.
    fn take_plain(&mut self) -> io::Result<Tapped> {
        if !std::mem::take(&mut self.unread).is_empty() {
            self.record(Err("octets between the request for TLS and the handshake".to_owned()));
        }
        match self.take_stream() {
            Stream::Plain(tcp) => Ok(tcp),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn take_stream(&mut self) -> Stream {
        std::mem::replace(&mut self.stream, Stream::None)
    }

    fn is_protected(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    fn expects_tls(&self) -> bool {
        !self.is_protected() && self.stage.transport() != Transport::Plain
    }

    fn record(&self, request: Result<wire::Request, String>) {
        self.stage.received(Received { connection: self.number, protected: self.is_protected(), request });
    }
}
