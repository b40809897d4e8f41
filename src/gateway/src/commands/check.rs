//! `clearance check`: what would leave of a document, by the settings at hand; nothing is stored or sent.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use clearance::basis::Standing;
use clearance::declaration::Declaration;
use clearance::fault::Fault;
use clearance::journey::{Document, Outgoing, SubjectProof, Submission};
use clearance::refusal::{Refusal, Stage};
use serde_json::json;

use super::{Failure, Report, Settings, check_page, read};
use crate::config::Config;
use crate::rules::Rules;

#[derive(Debug, Args)]
pub(super) struct Check {
    /// The document
    document: PathBuf,
    /// The declaration, a JSON file
    #[arg(long, value_name = "FILE")]
    declaration: PathBuf,
    /// The client that would send it; the first in the settings when left out
    #[arg(long)]
    client: Option<String>,
    /// The document's media type
    #[arg(long, default_value = "application/fhir+json")]
    media_type: String,
    /// Write what would leave and what would not as a page, to be sent to a data protection officer; it holds no value
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Show the document as it would leave
    #[arg(long)]
    show: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Check {
    pub(super) fn run(&self, report: &Report) -> Result<(), Failure> {
        let config = crate::config::load(&self.settings.config)?;
        let rules = Rules::build(&config)?;
        let declaration = read(&self.declaration)?;
        let bytes = read(&self.document)?.into();
        let document = Document { media_type: self.media_type.clone(), bytes };
        let cleared = self.clear(&config, &rules, &declaration, &document)?;
        if let Some(path) = &self.html {
            let page = check_page::page(&cleared, &declaration);
            std::fs::write(path, page)
                .map_err(|error| Failure::Failed(format!("`{}`: {error}", path.display())))?;
        }
        match cleared {
            Ok(outgoing) => {
                self.permitted(report, &outgoing);
                Ok(())
            }
            Err(refusal) => {
                refused(report, &refusal);
                Err(Failure::Refused)
            }
        }
    }

    fn clear(
        &self,
        config: &Config,
        rules: &Rules,
        declaration: &[u8],
        document: &Document,
    ) -> Result<Result<Outgoing, Refusal>, Failure> {
        let first = || config.clients.first().map(|client| client.id.to_string());
        let name = self.client.clone().or_else(first).unwrap_or_default();
        let client = rules
            .client(&name)
            .ok_or_else(|| Failure::Failed(format!("there is no client `{name}` in the settings")))?;
        let parsed = match Declaration::parse(declaration, config.policy.check_digits) {
            Ok(parsed) => parsed,
            Err(faults) => {
                let detail = "the declaration is not well-formed";
                return Ok(Err(Refusal::for_faults(Stage::Declaration, detail, faults)));
            }
        };
        let destination =
            rules.destination(&parsed.destination).map_err(|problem| Failure::Failed(problem.detail))?;
        // The store is not asked: consents and restrictions are the running gateway's.
        let cleared = Submission::receive(Arc::clone(&client), [0; 32], parsed, destination)
            .and_then(|submission| submission.lawful(&rules.policy, Standing::default()))
            .and_then(|lawful| lawful.minimise(document, &rules.policy))
            .and_then(clearance::journey::Minimal::shape);
        Ok(cleared)
    }

    fn permitted(&self, report: &Report, outgoing: &Outgoing) {
        let manifest = outgoing.manifest();
        let document = String::from_utf8_lossy(&outgoing.payload().bytes);
        report.line(format_args!("permitted by {}", outgoing.permit().rules().join(", ")));
        match outgoing.subject() {
            SubjectProof::ByIdentifier => {}
            SubjectProof::ByIndex(_) => {
                report.line("its subject is named by index id: proved before delivery")
            }
            SubjectProof::AtDestination => {
                report.line("its subject is known to the destination: compared before delivery")
            }
        }
        report.line("\nleaves");
        for kept in manifest.kept() {
            report.line(format_args!("  {:>4} × {}  [{}]", kept.values, kept.path, kept.category));
        }
        report.line("\nstays");
        for dropped in manifest.dropped() {
            let why = check_page::why(dropped.reason);
            report.line(format_args!("  {:>4} × {}  ({why})", dropped.values, dropped.path));
        }
        if self.show {
            report.line(format_args!("\n{document}"));
        }
        report.value(&json!({
            "decision": "permitted",
            "rules": outgoing.permit().rules(),
            "manifest": manifest,
            "outgoing": self.show.then_some(&document),
        }));
    }
}

fn refused(report: &Report, refusal: &Refusal) {
    report.line(format_args!("refused by {}: {}", refusal.rule, refusal.detail));
    for fault in &refusal.faults {
        report.line(line(fault));
    }
    report.value(&json!({
        "decision": "refused",
        "stage": refusal.stage.code(),
        "rule": refusal.rule,
        "detail": refusal.detail,
        "errors": refusal.faults,
    }));
}

fn line(fault: &Fault) -> String {
    let place = if fault.pointer.is_empty() { String::new() } else { format!(" at {}", fault.pointer) };
    format!("  {}{place}: {}\n      {}", fault.rule, fault.detail, fault.remedy)
}
