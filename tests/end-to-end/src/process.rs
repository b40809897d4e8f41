//! The gateway as a process: started, listened to, killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::fail;

/// A running gateway.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pub(crate) doors: Doors,
    log: Arc<Mutex<String>>,
}

/// Where it listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doors {
    pub(crate) intake: SocketAddr,
    pub(crate) tls_only: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Process {
    pub(crate) fn start(binary: &Path, settings: &Path) -> Self {
        let mut child = Command::new(binary)
            .args(["serve", "--config"])
            .arg(settings)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| fail(&error));
        let log = Arc::new(Mutex::new(String::new()));
        let started = listen(&mut child, &log);
        let doors = started.recv_timeout(Duration::from_secs(30));
        let doors = doors.unwrap_or_else(|_| {
            let said = log.lock().unwrap_or_else(PoisonError::into_inner).clone();
            fail(&format!("the gateway did not start:\n{said}"))
        });
        Self { child, doors, log }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal was not sent");
    }

    pub(crate) fn kill(&mut self) {
        // It may have ended already; then there is nothing to kill.
        if self.child.kill().is_ok() {
            self.child.wait().unwrap_or_else(|error| fail(&error));
        }
    }

    /// Asks it to end. Waiting must not block the runtime: its clients' connections have to end as well.
    pub(crate) async fn stop(&mut self) -> Option<i32> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return status.code();
        }
        self.signal("TERM");
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return status.code(),
                Ok(None) => tokio::time::sleep(Duration::from_millis(10)).await,
                Err(error) => fail(&error),
            }
        }
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn take_log(&self) -> String {
        self.log()
    }

    pub(crate) fn prepend_log(&self, earlier: String) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).insert_str(0, &earlier);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Keeps what it says, and finds its addresses in it.
fn listen(child: &mut Child, log: &Arc<Mutex<String>>) -> Receiver<Doors> {
    let (tell, told) = channel();
    let log = Arc::clone(log);
    if let Some(stderr) = child.stderr.take() {
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut kept = log.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_str(&line);
                kept.push('\n');
                drop(kept);
                // Told after it is kept: whoever is told may look it up.
                if let Some(doors) = doors(&line) {
                    // The test may have given up waiting.
                    let _gone = tell.send(doors);
                }
            }
        });
    }
    told
}

fn doors(line: &str) -> Option<Doors> {
    let line: Value = serde_json::from_str(line).ok()?;
    let address = |name: &str| line.get(name)?.as_str()?.parse().ok();
    (line.get("event.action")? == "started").then_some(())?;
    Some(Doors {
        intake: address("intake.address")?,
        tls_only: address("tls_only.address")?,
        admin: address("admin.address")?,
    })
}
