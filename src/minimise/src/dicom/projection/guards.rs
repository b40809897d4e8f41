//! What the guards say of the values of an element that would leave.
//!
//! They look for personal codes in runs of digits. Where a representation is nothing but digits, that finds codes
//! that are none; so its form is used: a moment, a fraction and an identifier are told from a code.

use super::super::tag::Tag;
use super::super::value::Text;
use super::super::vr::Vr;
use super::element::Here;
use super::{Core, pointer};
use crate::dicom::is_uid;
use crate::fault::Fault;
use crate::guard::{self, Findings, Leaving};
use crate::person::is_estonian_personal_code;
use crate::value::Kind;

impl Core<'_> {
    pub(super) fn look(
        &self,
        here: &Here,
        text: &Text<'_>,
        kind: Kind,
        is_spelled: bool,
    ) -> Option<Findings> {
        let tag = here.header.tag;
        let look = |text: &str, kind: Kind| {
            let leaving = Leaving { text, kind, is_spelled, is_reference: false };
            let findings = guard::look(&leaving, &self.walk.bound, here.offset, || pointer(&self.path, tag));
            // References to the patient index are FHIR's.
            findings.map(|findings| Findings { index_id: None, ..findings })
        };
        match here.header.vr {
            Vr::UI if text.values().all(|value| value.is_empty() || is_uid(value)) => {
                let has_code = !is_spelled && text.values().any(|uid| self.holds_code(uid));
                has_code.then(|| self.other_person(tag, here.offset))
            }
            Vr::DS | Vr::FL | Vr::FD => {
                let whole = text.values().filter(|value| !has_fraction(value));
                whole.filter_map(|value| look(value, kind)).reduce(joined)
            }
            Vr::DA | Vr::DT if text.values().all(|value| Kind::Timestamp.has_form(value)) => {
                // That a fraction of a second follows makes no code of it.
                let moments = text.values().filter_map(|value| value.split('.').next());
                moments.filter_map(|value| look(value, Kind::Date)).reduce(joined)
            }
            _ => look(text.whole(), kind),
        }
    }

    /// Whether a part of an identifier is the personal code of someone else. Only Estonian codes: parts of twelve digits
    /// are moments more often than Swedish ones.
    fn holds_code(&self, uid: &str) -> bool {
        let known = &self.walk.bound.known;
        uid.split('.').any(|part| is_estonian_personal_code(part) && !known.contains(&part))
    }

    fn other_person(&self, tag: Tag, offset: u64) -> Findings {
        let detail = "an identifier that would leave holds what reads as the personal code of someone else";
        let remedy =
            "give it another identifier; only the subject and the declared professional may be named";
        let fault = Fault::new("other-person", pointer(&self.path, tag), detail, remedy);
        Findings { index_id: None, faults: vec![(offset, fault)] }
    }
}

/// Whether a number is not whole, and has fewer digits before its point than a code: then it is none.
fn has_fraction(number: &str) -> bool {
    let Some((whole, decimals)) = number.split_once('.') else { return false };
    let whole = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    whole.len() < CODE_DIGITS_MIN
        && are_digits(whole)
        && are_digits(decimals)
        && decimals.bytes().any(|digit| digit != b'0')
}

/// No personal code has fewer digits.
const CODE_DIGITS_MIN: usize = 8;

fn joined(mut one: Findings, other: Findings) -> Findings {
    one.faults.extend(other.faults);
    one
}
