//! The harness of the end-to-end tests: a gateway as a process of its own, stand-ins beside it, clients that speak the
//! domain. It knows the gateway from outside only, by its command line, its API and what it leaves on disk.

mod client;
mod dial;
mod process;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gateway::playground::{Choices, Playground, samples};
use identity::MaterialFiles;
use identity::example::ExampleClient;
use serde_json::Value;
use tempfile::TempDir;

pub use self::client::{Answer, EhrClient, Submission, answer};
pub use self::dial::Dialled;
use self::process::Process;

/// A gateway under test, with its surroundings.
#[derive(Debug)]
pub struct TestGateway {
    /// The stand-ins, certificates and settings.
    pub playground: Playground,
    binary: PathBuf,
    process: Process,
    folder: TempDir,
}

impl TestGateway {
    /// A gateway with stand-ins that do what they should. `binary` is `env!("CARGO_BIN_EXE_clearance-under-test")`.
    pub async fn with_stand_ins(binary: &str) -> Self {
        Self::with(binary, Choices::default()).await
    }

    /// A gateway in chosen surroundings.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn with(binary: &str, choices: Choices) -> Self {
        gateway::install_crypto();
        let folder = tempfile::tempdir().unwrap_or_else(|error| fail(&error));
        let playground = Playground::start(folder.path(), &choices).unwrap_or_else(|error| fail(&error));
        let process = Process::start(Path::new(binary), &playground.settings());
        Self { playground, binary: binary.into(), process, folder }
    }

    /// A client of the clinic.
    pub fn client(&self, client: ExampleClient) -> EhrClient {
        self.client_with(&self.playground.client(client))
    }

    /// A client with this certificate.
    pub fn client_with(&self, files: &MaterialFiles) -> EhrClient {
        EhrClient::new(self.process.doors.intake, Some(files), &self.playground.authorities())
    }

    /// A client without certificate.
    pub fn stranger(&self) -> EhrClient {
        EhrClient::new(self.process.doors.intake, None, &self.playground.authorities())
    }

    /// A connection by hand, with this client's certificate.
    pub async fn dial(&self, client: ExampleClient) -> Dialled {
        Dialled::to(
            self.process.doors.intake,
            &self.playground.client(client),
            &self.playground.authorities(),
        )
        .await
    }

    /// The registered EHR.
    pub fn ehr(&self) -> EhrClient {
        self.client(ExampleClient::Ehr)
    }

    /// Where the intake listens.
    pub fn intake(&self) -> SocketAddr {
        self.process.doors.intake
    }

    /// Where scanners look: the same TLS, without a client certificate.
    pub fn scanners(&self) -> SocketAddr {
        self.process.doors.tls_only
    }

    /// Where health and metrics are.
    pub fn admin(&self) -> SocketAddr {
        self.process.doors.admin
    }

    /// What the admin listener answers at `path`: status and text.
    pub async fn ask_admin(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("http://{}{path}", self.process.doors.admin)).await;
        let answer = answer.unwrap_or_else(|error| fail(&error));
        (answer.status().as_u16(), answer.text().await.unwrap_or_else(|error| fail(&error)))
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, on new ports.
    pub fn restart(&mut self) {
        self.process.kill();
        let log = self.process.take_log();
        self.process = Process::start(&self.binary, &self.playground.settings());
        self.process.prepend_log(log);
    }

    /// SIGTERM, and waits for the end.
    pub async fn stop(&mut self) -> Option<i32> {
        self.process.stop().await
    }

    /// SIGHUP: reload.
    pub fn hangup(&self) {
        self.process.signal("HUP");
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The folder of all that it keeps.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The folder of settings, certificates and keys.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops it and has `clearance ledger verify` say what it finds: exit code and answer.
    pub async fn verify_ledger(&mut self) -> (Option<i32>, Value) {
        self.process.stop().await;
        let settings = self.playground.settings();
        let output = std::process::Command::new(&self.binary)
            .args(["--json", "ledger", "verify", "--config"])
            .arg(settings)
            .output()
            .unwrap_or_else(|error| fail(&error));
        let answer = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&output.stderr).into_owned()));
        (output.status.code(), answer)
    }

    /// Checks what must hold at the end of every test: nothing waits, and the ledger verifies.
    ///
    /// # Panics
    /// When it does not hold.
    pub async fn rests(mut self) {
        let quiet = eventually(|| async {
            let (_, metrics) = self.ask_admin("/metrics").await;
            let waiting = metrics.lines().filter(|line| line.starts_with("clearance_outbox_pending{"));
            let waiting: Vec<_> = waiting.filter(|line| !line.ends_with(" 0")).collect();
            waiting.is_empty().then_some(())
        })
        .await;
        assert!(quiet.is_some(), "transfers are left in the outbox");
        let (code, answer) = self.verify_ledger().await;
        assert_eq!(code, Some(0), "the ledger does not verify: {answer}");
    }
}

/// The occupational certificate for the employer, made up.
pub fn to_employer() -> Submission {
    Submission::of(samples::TO_EMPLOYER, samples::OCCUPATIONAL)
}

/// The driver's certificate for the Transport Administration, made up.
pub fn to_transport_administration() -> Submission {
    Submission::of(samples::TO_TRANSPORT_ADMINISTRATION, samples::DRIVER)
}

/// The epicrisis for the patient portal, made up.
pub fn to_patient_portal() -> Submission {
    Submission::of_xml(samples::TO_PATIENT_PORTAL, samples::EPICRISIS)
}

/// A prescription for the prescription centre, made up.
pub fn to_prescription_centre() -> Submission {
    Submission::of(samples::TO_PRESCRIPTION_CENTRE, samples::PRESCRIPTION)
}

/// A treatment bill for the health insurance fund, made up.
pub fn to_health_insurance_fund() -> Submission {
    Submission::of_xml(samples::TO_HEALTH_INSURANCE_FUND, samples::TREATMENT_BILL)
}

/// Looks every 20 ms until `look` finds something, at most 40 s.
pub async fn eventually<T, F: Future<Output = Option<T>>>(mut look: impl FnMut() -> F) -> Option<T> {
    // Long enough for a machine that does much else; it costs nothing where all is well.
    for _ in 0..2000 {
        if let Some(found) = look().await {
            return Some(found);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    None
}

#[expect(clippy::panic, reason = "a test cannot go on")]
fn fail(error: &dyn std::fmt::Display) -> ! {
    panic!("{error}")
}
