//! `clearance profile`: is a profile sound, and do documents at hand ever need all that it lets out?
//!
//! A path that no document exercises is either untested or too much: both are worth knowing before it is in force.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use clearance::declaration::{CheckDigits, Declaration};
use clearance::minimise::{Declared, Limits, Manifest, Profile, project};
use serde_json::{Value, json};

use super::{Failure, Report, read};

#[derive(Debug, Subcommand)]
pub(super) enum ProfileCommand {
    /// Say all that is wrong with profiles
    Lint {
        /// The profiles
        #[arg(required = true)]
        profiles: Vec<PathBuf>,
    },
    /// Say which paths of a profile documents use, and which none does
    Coverage {
        /// The profile
        profile: PathBuf,
        /// What is declared for the documents, a JSON file
        #[arg(long, value_name = "FILE")]
        declaration: PathBuf,
        /// Test documents, all about the declared subject
        #[arg(required = true)]
        documents: Vec<PathBuf>,
    },
}

impl ProfileCommand {
    pub(super) fn run(&self, report: &Report) -> Result<(), Failure> {
        match self {
            Self::Lint { profiles } => lint(profiles, report),
            Self::Coverage { profile, declaration, documents } => {
                coverage(profile, declaration, documents, report)
            }
        }
    }
}

fn lint(profiles: &[PathBuf], report: &Report) -> Result<(), Failure> {
    let mut faults = Vec::new();
    for path in profiles {
        match parse(path)? {
            Ok(profile) => {
                let count = profile.paths().count();
                let (name, version) = (profile.name(), profile.version());
                let paths = if count == 1 { "path" } else { "paths" };
                report.line(format_args!("{}: sound: `{name}` {version}, {count} {paths}", path.display()));
            }
            Err(found) => {
                found.iter().for_each(|fault| report.line(fault));
                faults.extend(found);
            }
        }
    }
    report.value(&json!({ "faults": faults }));
    if faults.is_empty() { Ok(()) } else { Err(Failure::Refused) }
}

/// The profile, or its faults as `FILE, line L, column C: …`.
fn parse(path: &Path) -> Result<Result<Profile, Vec<String>>, Failure> {
    let toml = String::from_utf8(read(path)?)?;
    let parsed = Profile::parse(&path.display().to_string(), &toml);
    Ok(parsed.map_err(|faults| faults.iter().map(ToString::to_string).collect()))
}

fn coverage(
    profile: &Path,
    declaration: &Path,
    documents: &[PathBuf],
    report: &Report,
) -> Result<(), Failure> {
    let profile = parse(profile)?.map_err(|faults| Failure::Failed(faults.join("\n")))?;
    let parsed = Declaration::parse(&read(declaration)?, CheckDigits::Warn);
    let declaration =
        parsed.map_err(|faults| Failure::Failed(listed(faults.iter().map(|fault| &*fault.rule))))?;
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    let mut refused = Vec::new();
    for path in documents {
        match kept(&profile, &declaration, &read(path)?) {
            Ok(manifest) => {
                for kept in manifest.kept() {
                    *used.entry(kept.path.clone()).or_default() += kept.values;
                }
            }
            Err(rules) => {
                report.line(format_args!("{}: would not leave: {}", path.display(), listed(rules.iter())));
                refused.push(json!({ "document": path, "rules": rules }));
            }
        }
    }
    let paths: Vec<Value> = profile
        .paths()
        .map(|(path, category)| {
            let values = used.get(path).copied().unwrap_or_default();
            let mark = if values == 0 { "never".to_owned() } else { format!("{values} ×") };
            report.line(format_args!("{mark:>8}  {path}  [{category}]"));
            json!({ "path": path, "category": category, "values": values })
        })
        .collect();
    let never = paths.iter().filter(|path| path["values"] == 0).count();
    report.line(format_args!("{} of {} paths are used by these documents", paths.len() - never, paths.len()));
    report.value(&json!({ "paths": paths, "refused": refused }));
    if never == 0 && refused.is_empty() { Ok(()) } else { Err(Failure::Refused) }
}

/// What the profile keeps of a document, or the rules by which it would not leave.
fn kept(profile: &Profile, declaration: &Declaration, document: &[u8]) -> Result<Manifest, Vec<String>> {
    let professional = &declaration.professional;
    let declared = Declared {
        subject: &declaration.subject.identifier,
        recipient: declaration.recipient.as_ref(),
        evidence: declaration.evidence.iter().map(|item| item.kind.code()).collect(),
        others: vec![professional.personal_code.expose(), professional.code.expose()],
        limits: Limits::default(),
    };
    let projected = project(profile, &declared, document);
    projected
        .map(|projection| projection.manifest)
        .map_err(|faults| faults.iter().map(|fault| fault.rule.to_string()).collect())
}

fn listed(rules: impl Iterator<Item = impl std::fmt::Display>) -> String {
    rules.map(|rule| format!("`{rule}`")).collect::<Vec<_>>().join(", ")
}
