//! What is on file: versions of documents, what replaces what, and what was nullified. A message that returns with the same id
//! and content gets the answer it got before.

use crate::acknowledgement::Acknowledgement;
use crate::document::{Header, Identifier};
use crate::message::{Detail, Wanted};

/// A document on file.
#[derive(Clone)]
pub struct Filed {
    /// Root and extension of its id.
    pub id: (String, String),
    /// The code of its kind.
    pub code: String,
    /// Its version.
    pub version: u32,
    /// What has become of it.
    pub status: Status,
    /// The document, as it came.
    pub xml: String,
    header: Header,
}

impl std::fmt::Debug for Filed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filed").field("status", &self.status).finish_non_exhaustive()
    }
}

/// What has become of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It holds.
    Current,
    /// Another has taken its place.
    Replaced,
    /// It was filed in error.
    Nullified,
}

/// The register.
#[derive(Default)]
pub(crate) struct Register {
    filed: Vec<Filed>,
    /// The messages that were taken: id, content, answer.
    taken: Vec<(String, Option<String>, Header, Acknowledgement)>,
}

impl Register {
    /// What is on file, in the order it was filed.
    pub(crate) fn all(&self) -> Vec<Filed> {
        self.filed.clone()
    }

    /// Forgets which messages were taken.
    pub(crate) fn forget_messages(&mut self) {
        self.taken.clear();
    }

    /// Does what a message wants.
    pub(crate) fn take(&mut self, wanted: &Wanted) -> Acknowledgement {
        if let Some((_, document, header, answer)) = self.taken.iter().find(|(id, ..)| *id == wanted.id) {
            let same = *document == wanted.document && *header == wanted.header;
            return if same { answer.clone() } else { refused(wanted, "KEY205", "id") };
        }
        let done = match &wanted.document {
            Some(document) => self.file(&wanted.header, document),
            None => self.nullify(&wanted.header),
        };
        match done {
            Err((code, place)) => refused(wanted, code, place),
            Ok(()) => {
                let answer = Acknowledgement::accepted(wanted.id.clone(), self.taken.len() + 1);
                let (id, document) = (wanted.id.clone(), wanted.document.clone());
                self.taken.push((id, document, wanted.header.clone(), answer.clone()));
                answer
            }
        }
    }

    fn file(&mut self, header: &Header, document: &str) -> Result<(), (&'static str, &'static str)> {
        if self.place(&header.id).is_some() {
            return Err(("KEY205", "ClinicalDocument/id"));
        }
        let current = |filed: &Filed| filed.header.set == header.set && filed.status == Status::Current;
        match &header.replaces {
            None if self.filed.iter().any(current) => return Err(("KEY205", "ClinicalDocument/setId")),
            None => {}
            Some(replaced) => {
                let unknown = ("KEY204", "relatedDocument/parentDocument/id");
                let before =
                    self.place(replaced).and_then(|place| self.filed.get_mut(place)).ok_or(unknown)?;
                let follows = before.status == Status::Current
                    && before.header.patient == header.patient
                    && before.header.set == header.set;
                if !follows {
                    return Err(unknown);
                }
                if before.version + 1 != header.version {
                    return Err(("SYN102", "versionNumber"));
                }
                before.status = Status::Replaced;
            }
        }
        self.filed.push(Filed {
            id: header.id.clone(),
            code: header.code.clone(),
            version: header.version,
            status: Status::Current,
            xml: document.to_owned(),
            header: header.clone(),
        });
        Ok(())
    }

    fn nullify(&mut self, header: &Header) -> Result<(), (&'static str, &'static str)> {
        let unknown = ("KEY204", "clinicalDocument/id");
        let filed = self.place(&header.id).and_then(|place| self.filed.get_mut(place)).ok_or(unknown)?;
        let meant = filed.header.patient == header.patient
            && filed.header.set == header.set
            && filed.version == header.version
            && filed.code == header.code;
        if !meant || filed.status != Status::Current {
            return Err(unknown);
        }
        filed.status = Status::Nullified;
        Ok(())
    }

    fn place(&self, id: &Identifier) -> Option<usize> {
        self.filed.iter().position(|filed| filed.id == *id)
    }
}

fn refused(wanted: &Wanted, code: &'static str, place: &str) -> Acknowledgement {
    Acknowledgement::error(
        wanted.id.clone(),
        vec![Detail::new(code, place, "what is on file does not allow it")],
    )
}
