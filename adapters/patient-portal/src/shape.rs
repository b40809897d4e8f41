//! What leaves: the document as its profile left it, after what only this destination can check of it.

use bytes::Bytes;
use clearance::fault::Fault;
use clearance::journey::Payload;

use crate::cda::Header;

/// The media type under which the document rests.
const XML: &str = "application/xml";

/// What is done with a document at TIS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// It is new.
    File,
    /// It takes the place of an earlier version.
    Replace,
    /// It was filed in error.
    Nullify,
}

impl Operation {
    const ALL: [Self; 3] = [Self::File, Self::Replace, Self::Nullify];

    /// The code under which it rests with the payload.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Replace => "replace",
            Self::Nullify => "nullify",
        }
    }

    /// The operation with this code.
    pub(crate) fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }
}

/// What leaves of `document` from the clinic with the registry code `clinic`.
pub(crate) fn document(document: &[u8], clinic: &str, nullified: bool) -> Result<Payload, Vec<Fault>> {
    let header = Header::read(document).ok_or_else(unreadable)?;
    let replaces = header.value("relatedDocument@typeCode").is_some();
    let mut faults = Vec::new();
    faults.extend(of_another_clinic(&header, clinic));
    faults.extend(of_the_version(&header, replaces));
    if replaces {
        faults.extend(of_the_replaced(&header));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let operation = match (nullified, replaces) {
        (true, _) => Operation::Nullify,
        (false, true) => Operation::Replace,
        (false, false) => Operation::File,
    };
    Ok(Payload {
        operation: operation.code().to_owned(),
        media_type: XML.to_owned(),
        bytes: Bytes::copy_from_slice(document),
    })
}

/// The member that calls answers for the document: its custodian.
fn of_another_clinic(header: &Header<'_>, clinic: &str) -> Option<Fault> {
    let path = "custodian/assignedCustodian/representedCustodianOrganization/id@extension";
    (header.value(path) != Some(clinic)).then(|| {
        Fault::new(
            "wrong-custodian",
            "/ClinicalDocument/custodian/assignedCustodian/representedCustodianOrganization/id/@extension",
            "the document's custodian is another organisation than the one that sends it",
            "send a document of this clinic, with its registry code as the custodian's",
        )
    })
}

/// CDA R2, section 4.2.3.1: a first version replaces nothing, and a later one says what it replaces.
fn of_the_version(header: &Header<'_>, replaces: bool) -> Option<Fault> {
    let first = header.value("versionNumber@value") == Some("1");
    match (first, replaces) {
        (true, true) => Some(Fault::new(
            "replacement-version",
            "/ClinicalDocument/versionNumber/@value",
            "the document replaces another and is a first version",
            "give it the version number that follows the one it replaces",
        )),
        (false, false) => Some(Fault::new(
            "replacement-missing",
            "/ClinicalDocument/relatedDocument",
            "the document is a later version and does not say which document it replaces",
            "add `relatedDocument` with `typeCode=\"RPLC\"` and the id of the version before in `parentDocument`",
        )),
        _ => None,
    }
}

fn of_the_replaced(header: &Header<'_>) -> Option<Fault> {
    let replaced = header.identifier("relatedDocument/parentDocument/id");
    let parent = "/ClinicalDocument/relatedDocument/parentDocument";
    let fault = |below: &str, detail, remedy| {
        Some(Fault::new("replacement-document", format!("{parent}{below}"), detail, remedy))
    };
    if replaced.is_none() {
        return fault("/id", "the replaced document has no id", "name it by the `id` it was filed under");
    }
    if replaced == header.identifier("id") {
        return fault("/id", "the document replaces itself", "give the new version an `id` of its own");
    }
    let set = header.identifier("relatedDocument/parentDocument/setId");
    if set.is_some() && set != header.identifier("setId") {
        return fault(
            "/setId",
            "the replaced document is of another set",
            "give both versions the same `setId`",
        );
    }
    None
}

/// What the profile left has all that it requires, so that this is never seen.
fn unreadable() -> Vec<Fault> {
    vec![Fault::new(
        "document-unreadable",
        "",
        "the header of the document cannot be read",
        "send a CDA R2 document",
    )]
}
