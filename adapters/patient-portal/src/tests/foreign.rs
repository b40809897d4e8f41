//! Documents of other countries, full of narrative: refused with all that is not allowed, never passed on whole.

use clearance::refusal::Stage;
use serde_json::json;

use crate::testing::{declaration, journey};

#[test]
fn foreign_documents_are_refused_with_everything_that_is_not_allowed() {
    let Ok(folder) = std::env::var("CLEARANCE_SAMPLES") else {
        println!("skipped: CLEARANCE_SAMPLES is not set");
        return;
    };
    let journey = journey();
    let mut seen = 0;
    for file in std::fs::read_dir(format!("{folder}/cda")).unwrap() {
        let path = file.unwrap().path();
        let document = std::fs::read_to_string(&path).unwrap();
        let purposes = journey.adapter().description().purposes.iter();
        for purpose in purposes.filter(|purpose| purpose.media_types.contains(&"application/xml")) {
            let mut declaration = declaration(purpose.name);
            declaration["reason"] = json!("proov");
            let refusal =
                journey.shape_document(&declaration, "application/xml", document.clone()).unwrap_err();
            assert_eq!(refusal.stage, Stage::Document);
            let rules: Vec<_> = refusal.faults.iter().map(|fault| &*fault.rule).collect();
            println!("{}: {} faults under {}", path.display(), rules.len(), purpose.name);
            assert_eq!(rules[0], "document-kind", "{rules:?}");
            for expected in ["subject-missing", "required-missing", "not-in-profile", "value-not-allowed"] {
                assert!(rules.contains(&expected), "{expected}: {rules:?}");
            }
            assert!(refusal.faults.iter().all(|fault| !fault.remedy.is_empty()));
            says_nothing_of(&document, &format!("{refusal:?}"));
            seen += 1;
        }
    }
    assert!(seen >= 12, "{seen}");
}

/// No text of `document` is in `said`.
fn says_nothing_of(document: &str, said: &str) {
    let texts = document.split('>').filter_map(|piece| piece.split('<').next()).map(str::trim);
    for text in texts.filter(|text| text.contains(' ') && text.len() > 12) {
        assert!(!said.contains(text), "{text}");
    }
}
