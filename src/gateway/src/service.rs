//! What the service manager is told: systemd, or whoever else sets `NOTIFY_SOCKET`. Without one, nothing is said.
//!
//! It does not ask for a watchdog to be set: the unit does, with `WatchdogSec`. The protocol is that of `sd_notify(3)`; the
//! crate for it does not reach abstract sockets, which container managers use.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::time::{ClockId, clock_gettime};

/// It accepts transfers; after a reload, again.
pub(crate) fn ready() {
    tell("READY=1");
}

/// Settings are being read again. `ready` ends it, whatever came of it: the old ones are still there.
pub(crate) fn reloading() {
    let now = clock_gettime(ClockId::Monotonic);
    let now_usec = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
    tell(&format!("RELOADING=1\nMONOTONIC_USEC={now_usec}"));
}

/// No new connections; requests and attempts under way are finished.
pub(crate) fn stopping() {
    tell("STOPPING=1");
}

/// Housekeeping has come round, so that the runtime runs and the store answers; and what stands in the way of accepting,
/// which a restart would not mend.
pub(crate) fn alive(accepting: Result<(), &str>) {
    match accepting {
        Ok(()) => tell("WATCHDOG=1\nSTATUS=accepting transfers"),
        Err(why) => tell(&format!("WATCHDOG=1\nSTATUS=not accepting: {why}")),
    }
}

fn tell(news: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(&socket, news) {
        tracing::warn!(
            event.action = "service-manager-deaf",
            error.message = %error,
            "the service manager could not be told; it may take the gateway for hung"
        );
    }
}

/// A manager that does not read must not hold up housekeeping: what does not fit is an error.
fn send(socket: &OsStr, news: &str) -> io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let sender = UnixDatagram::unbound()?;
    sender.set_nonblocking(true)?;
    sender.send_to_addr(news.as_bytes(), &address).map(drop)
}
