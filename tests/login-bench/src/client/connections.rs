//! Connections of this process that end without its doing.

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{Shutdown, getpeername, shutdown};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use crate::failure::{Failure, Outcome, cannot};

/// Ends all connections of this process to that port, whoever in it has them: for both ends, it is as if the other one had
/// closed. At least one has to be there.
pub fn end_all_to(port: u16) -> Outcome<()> {
    let process = pidfd_open(getpid(), PidfdFlags::empty()).map_err(cannot("look at this process"))?;
    let mut ended = 0;
    for file in fs::read_dir("/proc/self/fd").map_err(cannot("list this process's files"))? {
        let file = file.map_err(cannot("list this process's files"))?;
        let Some(number) = file.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let is_socket = fs::read_link(file.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"));
        if !is_socket {
            continue;
        }
        let socket = match pidfd_getfd(&process, number, PidfdGetfdFlags::empty()) {
            // It was closed meanwhile.
            Err(Errno::BADF) => continue,
            socket => {
                socket.map_err(cannot("get at a connection (pidfd_getfd; a container may need CAP_SYS_PTRACE)"))?
            }
        };
        if peer_port(&socket) == Some(port) {
            match shutdown(&socket, Shutdown::Both) {
                Err(error) if error.kind() != ErrorKind::NotConnected => return Err(cannot("end a connection")(error)),
                _ => ended += 1,
            }
        }
    }
    if ended > 0 { Ok(()) } else { Err(Failure(format!("there is no connection to port {port}"))) }
}

/// `None` if it leads nowhere.
fn peer_port(socket: &OwnedFd) -> Option<u16> {
    let peer = getpeername(socket).ok()??;
    Some(SocketAddr::try_from(peer).ok()?.port())
}
