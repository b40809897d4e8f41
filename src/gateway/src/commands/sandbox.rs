//! `clearance sandbox`: stand-ins for the destinations, which behave like the real ones, failures included.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Failure, Report, asked_to_stop, runtime};
use crate::playground::{Choices, Playground};

#[derive(Debug, Args)]
pub(super) struct Sandbox {
    /// An empty folder for the PKI, keys and settings
    #[arg(default_value = "sandbox")]
    folder: PathBuf,
}

impl Sandbox {
    pub(super) fn run(&self, report: &Report) -> Result<(), Failure> {
        runtime()?.block_on(async {
            std::fs::create_dir_all(&self.folder)?;
            let choices = Choices { admin: true, ..Choices::default() };
            let playground = Playground::start(&self.folder, &choices)?;
            let admin = |address: Option<std::net::SocketAddr>| {
                address.map(|address| format!("http://{address}")).unwrap_or_default()
            };
            let (tis_admin, employer_admin) =
                (admin(playground.tis.admin_address()), admin(playground.employer.admin_address()));
            report.line(format_args!("Security Server and TIS   https://{}", playground.tis.address()));
            report.line(format_args!("  make it fail            {tis_admin}/faults"));
            report.line(format_args!("employer                  https://{}", playground.employer.address()));
            report.line(format_args!("  make it fail            {employer_admin}/faults"));
            let prescriptions_admin = admin(playground.prescriptions.admin_address());
            report.line(format_args!(
                "prescription centre       https://{}",
                playground.prescriptions.address()
            ));
            report.line(format_args!("  make it fail            {prescriptions_admin}/faults"));
            let fund_admin = admin(playground.fund.admin_address());
            report.line(format_args!("health insurance fund     https://{}", playground.fund.address()));
            report.line(format_args!("  make it fail            {fund_admin}/faults"));
            let image_bank_admin = admin(playground.image_bank.admin_address());
            report
                .line(format_args!("image bank                https://{}", playground.image_bank.address()));
            report.line(format_args!("  make it fail            {image_bank_admin}/faults"));
            report.line(format_args!(
                "\nnow run: clearance serve --config {}",
                playground.settings().display()
            ));
            report.line("stop with Ctrl-C");
            report.value(&json!({
                "settings": playground.settings(),
                "security_server": playground.tis.address().to_string(),
                "security_server_admin": tis_admin,
                "employer": playground.employer.address().to_string(),
                "employer_admin": employer_admin,
                "prescription_centre": playground.prescriptions.address().to_string(),
                "prescription_centre_admin": prescriptions_admin,
                "health_insurance_fund": playground.fund.address().to_string(),
                "health_insurance_fund_admin": fund_admin,
                "image_bank": playground.image_bank.address().to_string(),
                "image_bank_admin": image_bank_admin,
            }));
            Ok(asked_to_stop().await?)
        })
    }
}
