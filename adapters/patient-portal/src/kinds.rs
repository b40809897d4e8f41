//! The kinds of documents, each with its purpose and its profile: the document's own code says which it is.

use clearance::adapter::{Direction, Documents, PurposeDescription};
use clearance::declaration::LegalBasis;
use clearance::fault::Fault;
use x_road::tis::FHIR_JSON;

use crate::cda;

/// The purpose under which a document that was filed in error is nullified.
pub(crate) const NULLIFICATION: &str = "document-nullification";
/// The purpose under which a health certificate is filed.
pub(crate) const CERTIFICATE: &str = "health-certificate";
/// The purpose under which a health certificate that was made in error is cancelled.
pub(crate) const CERTIFICATE_CANCELLATION: &str = "health-certificate-cancellation";
/// The media types of CDA documents.
const CDA: &[&str] = &["application/xml", "text/xml", "application/hl7-cda+xml"];
const SECTIONS: [&str; 2] = ["59¹", "59²"];

/// One kind of CDA document.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Its code; a code below it, such as `63.1`, is of the same kind.
    code: &'static str,
    /// Its purpose.
    purpose: &'static str,
    summary: &'static str,
    profile: &'static str,
}

/// A profile: the kind, the header, the sections.
macro_rules! profile {
    ($kind:literal $(, $section:literal)*) => {
        concat!(
            include_str!(concat!("../profiles/kinds/", $kind, ".toml")),
            "\n",
            include_str!("../profiles/cda-header.toml"),
            $("\n", include_str!(concat!("../profiles/sections/", $section, ".toml")),)*
        )
    };
}

/// All kinds of CDA documents.
pub(crate) const KINDS: [Kind; 5] = [
    Kind {
        code: "2",
        purpose: "ambulatory-epicrisis",
        summary: "file an ambulatory epicrisis in TIS, or replace one",
        profile: profile!(
            "ambulatory-epicrisis",
            "ambs",
            "anam",
            "dgn",
            "drug",
            "ana",
            "imm",
            "proc",
            "rg-proc",
            "pat-proc"
        ),
    },
    Kind {
        code: "63",
        purpose: "referral",
        summary: "file a referral in TIS, or replace one",
        profile: profile!("referral", "anam", "dgn", "drug", "ana", "proc"),
    },
    Kind {
        code: "64",
        purpose: "referral-answer",
        summary: "file the answer to a referral in TIS, or replace one",
        profile: profile!("referral-answer", "dgn", "ana", "proc", "rg-proc", "pat-proc"),
    },
    Kind {
        code: "84",
        purpose: "immunisation-notice",
        summary: "file an immunisation notice in TIS, or replace one",
        profile: profile!("immunisation-notice", "imm"),
    },
    Kind {
        code: "34",
        purpose: "dental-card",
        summary: "file a dental card in TIS, or replace one",
        profile: profile!("dental-card", "anam", "dgn", "dentdise"),
    },
];

/// The purposes of all kinds, and the nullification of any.
pub(crate) fn purposes() -> Vec<PurposeDescription> {
    let nullification = purpose(
        NULLIFICATION,
        "nullify a document that was filed in TIS in error",
        profile!("document-nullification"),
    );
    let kinds = KINDS.iter().map(|kind| purpose(kind.purpose, kind.summary, kind.profile));
    kinds.chain([nullification]).collect()
}

/// The purposes that the FHIR service carries.
pub(crate) fn certificate_purposes() -> [PurposeDescription; 2] {
    let by_fhir = |purpose| PurposeDescription { media_types: &[FHIR_JSON], ..purpose };
    [
        by_fhir(purpose(
            CERTIFICATE,
            "file a certificate of occupational health in TIS, or change one",
            include_str!("../profiles/health-certificate.toml"),
        )),
        by_fhir(purpose(
            CERTIFICATE_CANCELLATION,
            "cancel a certificate of occupational health that was made in error",
            include_str!("../profiles/health-certificate-cancellation.toml"),
        )),
    ]
}

/// What is wrong with the kind of `document` under `purpose`, if that is what is wrong with it.
pub(crate) fn misfit(purpose: &str, document: &[u8]) -> Option<Fault> {
    if [CERTIFICATE, CERTIFICATE_CANCELLATION].contains(&purpose) {
        return None;
    }
    let code = cda::kind_of(document);
    let kind = code.as_deref().and_then(|code| KINDS.iter().find(|kind| kind.has(code)));
    let fault =
        |rule, detail: String, remedy| Some(Fault::new(rule, "/ClinicalDocument/code/@code", detail, remedy));
    match kind {
        Some(kind) if kind.purpose == purpose || purpose == NULLIFICATION => None,
        Some(kind) => fault(
            "document-kind",
            format!("the document's code is that of the kind `{}`", kind.purpose),
            format!("declare the purpose `{}`", kind.purpose),
        ),
        None => {
            let known: Vec<_> =
                KINDS.iter().map(|kind| format!("`{}` ({})", kind.code, kind.purpose)).collect();
            fault(
                "document-kind",
                "the document's code is that of no kind that is filed".to_owned(),
                format!("send a CDA document with one of the codes {}", known.join(", ")),
            )
        }
    }
}

impl Kind {
    fn has(&self, code: &str) -> bool {
        code.strip_prefix(self.code).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

fn purpose(name: &'static str, summary: &'static str, profile: &'static str) -> PurposeDescription {
    let basis = |section: &str| LegalBasis {
        gdpr6: "6(1)(c)".into(),
        gdpr9: "9(2)(h)".into(),
        act: "TTKS".into(),
        section: section.into(),
    };
    PurposeDescription {
        name,
        summary,
        direction: Direction::Sends,
        act_reason: "TREAT",
        bases: SECTIONS.map(basis).into(),
        documents: Documents::One,
        media_types: CDA,
        profile,
        needs_recipient: false,
        onward_recipient: None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The section codes in predicates of `profile` between `from` and `to`.
    fn sections(profile: &str) -> BTreeSet<&str> {
        let predicates = profile.split("section[code/@code=").skip(1);
        let codes = predicates.filter_map(|rest| rest.split(']').next());
        codes.flat_map(|codes| codes.trim_matches(['{', '}']).split(',')).collect()
    }

    #[test]
    fn every_section_that_a_kind_names_has_its_rules_and_no_other_has() {
        for kind in &KINDS {
            let (head, rules) = kind.profile.split_once("# The header that").unwrap();
            assert_eq!(sections(head), sections(rules), "{}", kind.purpose);
        }
    }

    #[test]
    fn a_document_s_own_code_decides_its_kind() {
        let document = |code: &str| {
            format!("<ClinicalDocument xmlns='urn:hl7-org:v3'><id/><code code='{code}'/></ClinicalDocument>")
        };
        let says =
            |purpose: &str, code: &str| misfit(purpose, document(code).as_bytes()).map(|fault| fault.remedy);
        assert_eq!(says("dental-card", "34"), None);
        assert_eq!(says("referral", "63.1"), None);
        assert_eq!(says(NULLIFICATION, "84"), None);
        assert_eq!(says("dental-card", "64").unwrap(), "declare the purpose `referral-answer`");
        let all = "send a CDA document with one of the codes `2` (ambulatory-epicrisis), `63` (referral), \
                   `64` (referral-answer), `84` (immunisation-notice), `34` (dental-card)";
        for code in ["18.1", "630", "", "11506-3"] {
            assert_eq!(says("dental-card", code).unwrap(), all);
        }
        assert_eq!(misfit("dental-card", b"<ClinicalDocument").unwrap().remedy, all);
    }
}
