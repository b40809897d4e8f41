//! The gateway under a service manager: what it says to it, the keys it is handed, and what the kernel forbids it.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use end_to_end::{TestGateway, eventually};
use gateway::playground::Choices;
use serde_json::Value;

use crate::BINARY;

/// A service manager that listens, and the gateway that it started.
struct Managed {
    heard: UnixDatagram,
    gateway: Child,
}

impl Managed {
    /// Starts a gateway that is told to notify `socket`, on which `heard` listens.
    fn start(heard: UnixDatagram, socket: &str, settings: &Path) -> Self {
        heard.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let gateway = Command::new(BINARY)
            .args(["serve", "--config"])
            .arg(settings)
            .env("NOTIFY_SOCKET", socket)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { heard, gateway }
    }

    /// Waits for a message with this line, and the moment it came.
    fn hears(&self, line: &str) -> (String, Instant) {
        let mut buffer = [0; 4096];
        loop {
            let length = self.heard.recv(&mut buffer).unwrap_or_else(|_| panic!("`{line}` was not told"));
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.lines().any(|of| of == line) {
                return (message, Instant::now());
            }
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.gateway.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Managed {
    fn drop(&mut self) {
        // It may have ended.
        let _ended = self.gateway.kill().and_then(|()| self.gateway.wait());
    }
}

/// The surroundings of a gateway, without the gateway.
async fn surroundings() -> TestGateway {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.stop().await;
    gateway
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_is_told_of_start_reload_life_and_end() {
    let surroundings = surroundings().await;
    let settings = surroundings.playground.settings();
    let path = surroundings.folder().join("notify");
    let name = format!("clearance-test-{}", std::process::id());
    let of_name = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
    let sockets = [
        (UnixDatagram::bind(&path).unwrap(), path.display().to_string()),
        (UnixDatagram::bind_addr(&of_name).unwrap(), format!("@{name}")),
    ];
    for (heard, socket) in sockets {
        let mut managed = Managed::start(heard, &socket, &settings);
        managed.hears("READY=1");
        let (alive, _) = managed.hears("WATCHDOG=1");
        assert!(alive.ends_with("STATUS=accepting transfers"), "{alive}");
        managed.signal("HUP");
        let (reloading, _) = managed.hears("RELOADING=1");
        assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
        managed.hears("READY=1");
        managed.signal("TERM");
        managed.hears("STOPPING=1");
        assert!(managed.gateway.wait().unwrap().success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_hangs_stops_the_pings_though_nobody_sends() {
    let surroundings = surroundings().await;
    let path = surroundings.folder().join("notify");
    let heard = UnixDatagram::bind(&path).unwrap();
    let settings = surroundings.playground.settings();
    let managed = Managed::start(heard, &path.display().to_string(), &settings);
    managed.hears("READY=1");
    // Whoever holds the file's lock lets no commit through, and none fail for a while.
    let holder = rusqlite::Connection::open(surroundings.data().join("clearance.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (mut last, until) = (managed.hears("WATCHDOG=1").1, Instant::now() + Duration::from_secs(40));
    let silence = loop {
        let (_, now) = managed.hears("WATCHDOG=1");
        let silence = now - last;
        if silence > Duration::from_secs(6) {
            break silence;
        }
        assert!(now < until, "it pings although its store hangs");
        last = now;
    };
    println!("silent for {silence:?}");
    holder.execute_batch("ROLLBACK").unwrap();
    // It takes no restart once the store answers again.
    eventually(|| async {
        managed.hears("WATCHDOG=1").0.contains("STATUS=accepting transfers").then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn keys_that_are_handed_over_take_the_place_of_the_folder() {
    let surroundings = surroundings().await;
    let (keys, credentials) = (surroundings.folder().join("keys"), surroundings.folder().join("credentials"));
    std::fs::rename(&keys, &credentials).unwrap();
    let settings = surroundings.playground.settings();
    let check = || {
        let mut command = Command::new(BINARY);
        command.args(["config", "check"]).arg(&settings).env_remove("CREDENTIALS_DIRECTORY");
        command
    };
    assert_eq!(check().output().unwrap().status.code(), Some(1), "the folder of the settings is gone");
    let handed_over = || check().env("CREDENTIALS_DIRECTORY", &credentials).output().unwrap();
    // As systemd's access list and Kubernetes' `fsGroup` show.
    for mode in [0o400, 0o440] {
        for file in std::fs::read_dir(&credentials).unwrap() {
            std::fs::set_permissions(file.unwrap().path(), PermissionsExt::from_mode(mode)).unwrap();
        }
        let output = handed_over();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    std::fs::set_permissions(credentials.join("seal.key"), PermissionsExt::from_mode(0o444)).unwrap();
    assert_eq!(handed_over().status.code(), Some(1), "everybody can read it");
}

/// What the log says of the sandbox.
fn given(gateway: &TestGateway) -> String {
    let log = gateway.log();
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let line = lines.find(|line| line["event.action"] == "sandboxed").unwrap();
    line["sandbox.given"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn it_serves_in_a_sandbox_which_new_settings_cannot_leave() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.id())).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", gateway.id())).unwrap();
    let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(cores.split_whitespace().filter(|of| *of == "0").count(), 2, "{cores}");
    if given(&gateway) == "none" {
        println!("skipped: this kernel has no Landlock");
        return;
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let list = elsewhere.path().join("clients.crl");
    std::fs::copy(gateway.folder().join("certs/authority/clients.crl"), &list).unwrap();
    let settings = gateway.playground.settings();
    let text = std::fs::read_to_string(&settings).unwrap();
    let moved = text.replace("certs/authority/clients.crl", &list.display().to_string());
    assert_ne!(moved, text);
    std::fs::write(&settings, moved).unwrap();
    gateway.hangup();
    let refused = eventually(|| async { gateway.log().contains("outside the sandbox").then_some(()) }).await;
    assert!(refused.is_some(), "{}", gateway.log());
    gateway.rests().await;
}

#[tokio::test]
async fn without_a_sandbox_it_says_so() {
    let settings = "[process]\nsandbox = \"off\"\n".to_owned();
    let gateway = TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await;
    assert_eq!(given(&gateway), "off");
    gateway.rests().await;
}
