//! What a data protection officer can find out before anything is sent: profiles linted, their use by documents, a page of a check.

use std::process::{Command, Output};

use serde_json::Value;

use crate::BINARY;

fn repository() -> String {
    format!("{}/../..", env!("CARGO_MANIFEST_DIR"))
}

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let output: Output = Command::new(BINARY).args(arguments).current_dir(repository()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn every_profile_that_is_shipped_is_sound_and_every_fault_of_another_is_told() {
    let shipped = [
        "adapters/employer/profiles/health-check-decision.toml",
        "adapters/prescription-centre/profiles/prescription.toml",
        "adapters/prescription-centre/profiles/prescriptions-read.toml",
        "adapters/transport-administration/profiles/driver-certificate.toml",
        "adapters/transport-administration/profiles/driver-fitness.toml",
    ];
    let (code, said) = run(&[&["profile", "lint"], &shipped[..]].concat());
    assert_eq!((code, said.matches(": sound: ").count()), (Some(0), 5), "{said}");

    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.toml");
    std::fs::write(&broken, "profile = \"x\"\nformat = \"fhir-jsn\"\n").unwrap();
    let (code, said) = run(&["--json", "profile", "lint", &broken.display().to_string()]);
    let faults = serde_json::from_str::<Value>(&said).unwrap();
    assert_eq!(code, Some(3));
    assert_eq!(faults["faults"].as_array().unwrap().len(), 5, "{said}");
    assert!(
        said.contains("line 2, column 10: `format` cannot be `fhir-jsn`; did you mean `fhir-json`?"),
        "{said}"
    );
}

#[test]
fn a_path_that_no_document_uses_is_named() {
    let arguments = [
        "--json",
        "profile",
        "coverage",
        "adapters/employer/profiles/health-check-decision.toml",
        "--declaration",
        "tests/fixtures/occupational-declaration.json",
        "tests/fixtures/occupational-certificate.json",
    ];
    let (code, said) = run(&arguments);
    let coverage = serde_json::from_str::<Value>(&said).unwrap();
    let values = |path: &str| {
        let paths = coverage["paths"].as_array().unwrap();
        paths.iter().find(|entry| entry["path"] == path).map(|entry| entry["values"].as_u64().unwrap())
    };
    assert_eq!(values("Composition.status"), Some(1), "{said}");
    assert_eq!(values("Composition.section[code=employer-suggestions].text.div"), Some(0), "{said}");
    assert_eq!(code, Some(3), "some paths are never used");
}
