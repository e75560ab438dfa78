//! The guard against servers: with good and bad certificates, and with scripts of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may fail this way")]

mod authority;
mod batch;
mod bind;
mod entries;
mod pipe;
mod script;
mod searches;
mod starttls;
mod trust;

use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use wire_guard::{
    BindName, BindPassword, BindPermit, BindRequest, Connection, Limits, SecureError, Security, UserBind,
};

/// A deadline that no test reaches unless it hangs.
fn ample() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// A deadline for tests in which waiting is the point.
fn soon() -> Instant {
    Instant::now() + Duration::from_millis(300)
}

async fn connect(
    address: std::net::SocketAddr,
    security: &Security,
    deadline: Instant,
) -> Result<Connection, SecureError> {
    connect_with(address, security, Limits::LOGIN, deadline).await
}

async fn connect_with(
    address: std::net::SocketAddr,
    security: &Security,
    limits: Limits,
    deadline: Instant,
) -> Result<Connection, SecureError> {
    let tcp: TcpStream = wire_guard::tcp::connect(&[address], deadline).await.unwrap();
    Connection::secure(tcp, security, limits, deadline).await
}

fn request() -> BindRequest {
    BindRequest::simple(BindName::new("cn=x").unwrap(), BindPassword::new("right").unwrap())
}

fn user_bind() -> UserBind {
    UserBind::new(request(), BindPermit::for_one_login())
}
