//! Whom a document is about: `PatientID`, and who gave that (PS3.3 section C.2.2).

use super::characters::Undecodable;
use super::glimpse::Glimpse;
use super::tag::Tag;
use super::value::Text;
use crate::excess::Faults;
use crate::guard::SubjectProof;
use crate::profile::Profile;
use crate::walk::Bound;

pub(super) const PATIENT_ID: Tag = Tag::new(0x0010, 0x0020);
pub(super) const ISSUER: Tag = Tag::new(0x0010, 0x0021);
pub(super) const ISSUER_QUALIFIERS: Tag = Tag::new(0x0010, 0x0024);
pub(super) const UNIVERSAL_ID: Tag = Tag::new(0x0040, 0x0032);

/// What the document says of its subject, compared with what is declared. It remembers no value.
#[derive(Debug)]
pub(super) struct Subject<'p> {
    declared: &'p str,
    /// How the document names the declared system; empty when the value alone says it.
    issuer: &'p str,
    /// Whether anybody is to be proved.
    is_wanted: bool,
    id: Id,
    offset: u64,
    issuer_said: bool,
    issuer_fits: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Id {
    Missing,
    Unreadable,
    Several,
    Declared,
    Another,
}

impl<'p> Subject<'p> {
    pub(super) fn new(profile: &'p Profile, bound: &Bound<'p>) -> Self {
        let system = bound.subject_system;
        Self {
            declared: bound.subject,
            issuer: profile.systems.get(system).map_or(system, String::as_str),
            is_wanted: !profile.subject.is_empty(),
            id: Id::Missing,
            offset: 0,
            issuer_said: false,
            issuer_fits: false,
        }
    }

    /// Whether this element of the data set says something of it.
    pub(super) fn asks(&self, tag: Tag) -> bool {
        self.is_wanted && matches!(tag, PATIENT_ID | ISSUER)
    }

    /// Whether the sequence says something of it.
    pub(super) fn asks_items(&self, tag: Tag) -> bool {
        self.is_wanted && tag == ISSUER_QUALIFIERS && !self.issuer.is_empty()
    }

    /// An element that it asked for.
    pub(super) fn see(&mut self, tag: Tag, text: Result<&Text<'_>, Undecodable>, offset: u64) {
        if tag == ISSUER {
            return self.see_issuer(text.ok().map(Text::whole));
        }
        self.offset = offset;
        self.id = match text {
            Err(_) => Id::Unreadable,
            Ok(text) if text.whole().is_empty() => Id::Missing,
            Ok(text) if text.values().count() > 1 => Id::Several,
            Ok(text) if text.values().all(|value| value == self.declared) => Id::Declared,
            Ok(_) => Id::Another,
        };
    }

    /// The items of the sequence that it asked for.
    pub(super) fn see_items(&mut self, glimpse: &Glimpse) {
        glimpse.values().for_each(|value| self.see_issuer(value));
    }

    fn see_issuer(&mut self, issuer: Option<&str>) {
        let issuer = issuer.map(|issuer| issuer.trim_matches(' '));
        self.issuer_said |= issuer != Some("");
        self.issuer_fits |= issuer == Some(self.issuer);
    }

    /// How the document names its subject; a fault if it does not.
    pub(super) fn prove(&self, faults: &mut Faults) -> Option<SubjectProof> {
        if !self.is_wanted {
            return Some(SubjectProof::AtDestination);
        }
        let needs_issuer = !self.issuer.is_empty();
        let (rule, detail, remedy) = match self.id {
            Id::Missing => (
                "subject-missing",
                "the document does not say whom it is about in `PatientID`",
                "write the declared identifier there",
            ),
            Id::Unreadable => (
                "subject-unreadable",
                "`PatientID` is not of the character set that the document declares",
                "write the declared identifier there",
            ),
            Id::Several => (
                "several-subjects",
                "the document is about more than one person",
                "send one document per person",
            ),
            Id::Declared if needs_issuer && !self.issuer_said => (
                "subject-missing",
                "the document does not say who gave `PatientID`",
                "write the issuer that the profile names in `IssuerOfPatientID`",
            ),
            Id::Declared if self.issuer_fits || !needs_issuer => return Some(SubjectProof::ByIdentifier),
            Id::Declared | Id::Another => (
                "wrong-patient",
                "the document is about another person than declared",
                "declare the person whom the document is about, or send that person's document",
            ),
        };
        faults.add(self.offset, || "PatientID".to_owned(), rule, detail, remedy);
        None
    }
}
