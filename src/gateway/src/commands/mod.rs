//! The command line.

mod certs;
mod check;
mod check_page;
mod config;
mod demo;
mod keys;
mod ledger;
mod outbox;
mod profile;
mod report;
mod sandbox;
mod serve;
mod submit;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use self::report::Report;

/// Clearance: the gateway through which a clinic sends health data to registries and employers.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by a rule, 4 the ledger does not verify.
#[derive(Debug, Parser)]
#[command(name = "clearance", version, max_term_width = 110)]
struct Cli {
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it all: a PKI, stand-ins for the destinations, a gateway, transfers, and a table of what happened
    Demo(demo::Demo),
    /// Run the gateway
    Serve(serve::Serve),
    /// Run stand-ins for the destinations, with a PKI and settings for a gateway beside them
    Sandbox(sandbox::Sandbox),
    /// Send a document through a gateway
    Submit(submit::Submit),
    /// Show what a gateway would let out of a document, without sending it
    Check(check::Check),
    /// Profiles: what documents may carry
    #[command(subcommand)]
    Profile(profile::ProfileCommand),
    /// Certificates
    #[command(subcommand)]
    Certs(certs::Certs),
    /// The gateway's own keys
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Settings
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// What waits to be delivered: see it and steer it
    Outbox(outbox::Outbox),
    /// The record of disclosures
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
}

/// Where the settings are.
#[derive(Debug, Args)]
struct Settings {
    /// The settings file
    #[arg(long, value_name = "FILE", default_value = "clearance.toml", env = "CLEARANCE_CONFIG")]
    config: PathBuf,
}

/// How a command ended when it did not do what it was asked.
#[derive(Debug)]
enum Failure {
    /// It could not be done.
    Failed(String),
    /// A rule says no; what it says has been printed.
    Refused,
    /// The ledger does not verify; where has been printed.
    LedgerDamaged,
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(crate::serve::causes(&error))
    }
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    crate::install_crypto();
    let cli = Cli::parse();
    let report = Report::new(cli.json);
    let done = match cli.command {
        Command::Demo(demo) => demo.run(&report),
        Command::Serve(serve) => serve.run(&report),
        Command::Sandbox(sandbox) => sandbox.run(&report),
        Command::Submit(submit) => submit.run(&report),
        Command::Check(check) => check.run(&report),
        Command::Profile(profile) => profile.run(&report),
        Command::Certs(certs) => certs.run(&report),
        Command::Keys(keys) => keys.run(&report),
        Command::Config(config) => config.run(&report),
        Command::Outbox(outbox) => outbox.run(&report),
        Command::Ledger(ledger) => ledger.run(&report),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(why)) => {
            report.failed(&why);
            ExitCode::from(1)
        }
        Err(Failure::Refused) => ExitCode::from(3),
        Err(Failure::LedgerDamaged) => ExitCode::from(4),
    }
}

/// Reads a file that the command line names; the failure names it too.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::Failed(format!("`{}`: {error}", path.display())))
}

/// Waits for SIGINT or SIGTERM.
async fn asked_to_stop() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

/// A runtime for commands that talk to the network.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
