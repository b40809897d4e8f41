//! What a client states about a transfer, read strictly: every fault at once, each with its place and its remedy.
//!
//! It decides what is well-formed, not what is lawful: that is [`crate::basis`].

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::person::{
    ESTONIAN_PERSONAL_CODE, ESTONIAN_PROFESSIONAL_CODE, ESTONIAN_REGISTRY_CODE, Identifier, Private,
    is_estonian_personal_code, is_estonian_professional_code, is_estonian_registry_code,
};
use crate::words::{DestinationName, PurposeName, TransferId};

/// The longest reason, in characters: it is shown to the subject in a list.
pub const REASON_CHARACTERS_MAX: usize = 200;
/// The most evidence items in one declaration.
pub const EVIDENCE_MAX: usize = 16;
/// The longest other text, in bytes.
const TEXT_BYTES_MAX: usize = 256;

/// A declaration that is well-formed.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// Where it goes.
    pub destination: DestinationName,
    /// For which of the destination's purposes.
    pub purpose: PurposeName,
    /// On which legal basis.
    pub legal_basis: LegalBasis,
    /// The person the data is about.
    pub subject: Subject,
    /// The person in the clinic on whose behalf it is sent.
    pub professional: Professional,
    /// The organisation that receives it, where the destination stands for many.
    pub recipient: Option<Identifier>,
    /// What shows that the basis holds.
    pub evidence: Vec<Evidence>,
    /// Why, in words the subject may read; never clinical text.
    pub reason: Reason,
    /// Transfers with the same key to one destination keep their order; the subject when absent.
    pub ordering_key: Option<Private>,
    /// After this instant it is no longer delivered.
    pub not_after: Option<Timestamp>,
    /// The undelivered transfer that this one replaces.
    pub supersedes: Option<TransferId>,
    /// What is odd but let through (`check_digits = "warn"`).
    pub warnings: Vec<Fault>,
}

/// GDPR Art. 6 and 9 and the national act and section.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegalBasis {
    /// The ground of GDPR Art. 6, such as `6(1)(c)`.
    pub gdpr6: String,
    /// The ground of GDPR Art. 9, such as `9(2)(h)`.
    pub gdpr9: String,
    /// The national act, by its usual short form, such as `TTOS`.
    pub act: String,
    /// The section of the act, such as `13¹`.
    pub section: String,
}

/// The person the data is about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The person's identifier.
    pub identifier: Identifier,
    /// The given names.
    pub given: Private,
    /// The family name.
    pub family: Private,
}

/// The person in the clinic on whose behalf a document is sent.
#[derive(Debug, Clone)]
pub struct Professional {
    /// The code in the register of health professionals: a letter and five digits.
    pub code: Private,
    /// The personal code, which the destination's token is issued to.
    pub personal_code: Private,
    /// The role the person acts in, such as `doctor`.
    pub role: String,
}

impl Professional {
    /// The professional as an identifier in the register of health professionals.
    pub fn identifier(&self) -> Identifier {
        Identifier { system: ESTONIAN_PROFESSIONAL_CODE.into(), value: self.code.clone() }
    }
}

/// One item that shows that the basis holds.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// What it is.
    pub kind: EvidenceKind,
    /// Its number or address.
    pub reference: Private,
}

/// The kinds of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EvidenceKind {
    /// An order: of an examination, or of a court.
    Order,
    /// The subject's consent.
    Consent,
    /// A written inquiry.
    Inquiry,
    /// The doctor's release of a free text.
    Release,
    /// The certificate, as the destination knows it, that this transfer acts on.
    Certificate,
}

impl EvidenceKind {
    const ALL: [Self; 5] = [Self::Order, Self::Consent, Self::Inquiry, Self::Release, Self::Certificate];

    /// The code used in declarations, policies and the ledger.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Consent => "consent",
            Self::Inquiry => "inquiry",
            Self::Release => "release",
            Self::Certificate => "certificate",
        }
    }
}

/// Why a document is sent, in words the subject may read.
///
/// INVARIANT: 1 to 200 characters, no control characters, no personal code, nothing that looks like a diagnosis code.
/// It leaves the house in a header (`X-Road-Issue`) and is shown to the subject.
#[derive(Debug, Clone)]
pub struct Reason(Private);

impl Reason {
    /// The text.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// How strictly the check digits of personal codes are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckDigits {
    /// A wrong check digit is a fault.
    Reject,
    /// A wrong check digit is reported and let through: partners' own test data has them.
    Warn,
}

impl Declaration {
    /// Reads a declaration.
    ///
    /// # Errors
    /// All faults of the declaration, in the order of its members.
    pub fn parse(bytes: &[u8], check_digits: CheckDigits) -> Result<Self, Vec<Fault>> {
        crate::minimise::check_json(bytes).map_err(|fault| vec![fault])?;
        let value: Value = serde_json::from_slice(bytes).map_err(|_| vec![not_an_object()])?;
        Self::from_value(&value, check_digits)
    }

    fn from_value(value: &Value, check_digits: CheckDigits) -> Result<Self, Vec<Fault>> {
        let Value::Object(members) = value else {
            return Err(vec![not_an_object()]);
        };
        let mut reader = Reader::new(check_digits);
        let parsed = reader.declaration(members);
        match parsed {
            Some(declaration) if reader.faults.is_empty() => {
                Ok(Self { warnings: reader.warnings, ..declaration })
            }
            _ => Err(reader.faults),
        }
    }
}

fn not_an_object() -> Fault {
    Fault::new(
        "declaration-invalid",
        "",
        "the declaration is not a JSON object",
        "send the declaration as one JSON object",
    )
}

/// Walks the members of a declaration and collects every fault.
struct Reader {
    check_digits: CheckDigits,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

type Members = Map<String, Value>;

impl Reader {
    fn new(check_digits: CheckDigits) -> Self {
        Self { check_digits, faults: Vec::new(), warnings: Vec::new() }
    }

    fn declaration(&mut self, members: &Members) -> Option<Declaration> {
        const KNOWN: [&str; 11] = [
            "destination",
            "purpose",
            "legal_basis",
            "subject",
            "professional",
            "recipient",
            "evidence",
            "reason",
            "ordering_key",
            "not_after",
            "supersedes",
        ];
        self.only_known(members, "", &KNOWN);
        // Every member is read before any `?`, so that all faults are found.
        let destination = self.parsed(members, "", "destination", "the name of a destination");
        let purpose = self.parsed(members, "", "purpose", "one of the destination's purposes");
        let legal_basis = self.legal_basis(members);
        let subject = self.subject(members);
        let professional = self.professional(members);
        let recipient = self.recipient(members);
        let evidence = self.evidence(members);
        let reason = self.reason(members);
        let ordering_key = self.optional_text(members, "ordering_key").map(Private::new);
        let not_after = self.optional_parsed(members, "not_after", "an RFC 3339 instant");
        let supersedes = self.optional_parsed(members, "supersedes", "the id of a transfer");
        Some(Declaration {
            destination: destination?,
            purpose: purpose?,
            legal_basis: legal_basis?,
            subject: subject?,
            professional: professional?,
            recipient,
            evidence,
            reason: reason?,
            ordering_key,
            not_after,
            supersedes,
            warnings: Vec::new(),
        })
    }

    fn legal_basis(&mut self, members: &Members) -> Option<LegalBasis> {
        let basis = self.object(members, "legal_basis")?;
        let at = "/legal_basis";
        self.only_known(basis, at, &["gdpr6", "gdpr9", "act", "section"]);
        let gdpr6 = self.text(basis, at, "gdpr6");
        let gdpr9 = self.text(basis, at, "gdpr9");
        let act = self.text(basis, at, "act");
        let section = self.text(basis, at, "section");
        Some(LegalBasis { gdpr6: gdpr6?, gdpr9: gdpr9?, act: act?, section: section? })
    }

    fn subject(&mut self, members: &Members) -> Option<Subject> {
        let subject = self.object(members, "subject")?;
        let at = "/subject";
        self.only_known(subject, at, &["system", "value", "given", "family"]);
        let identifier = self.identifier(subject, at);
        let given = self.text(subject, at, "given");
        let family = self.text(subject, at, "family");
        Some(Subject { identifier: identifier?, given: Private::new(given?), family: Private::new(family?) })
    }

    fn professional(&mut self, members: &Members) -> Option<Professional> {
        let professional = self.object(members, "professional")?;
        let at = "/professional";
        self.only_known(professional, at, &["code", "personal_code", "role"]);
        let code = self.text(professional, at, "code");
        let personal_code = self.text(professional, at, "personal_code");
        let role = self.text(professional, at, "role");
        if code.as_deref().is_some_and(|code| !is_estonian_professional_code(code)) {
            self.fault(
                "professional-code",
                "/professional/code",
                "the code of a health professional is a capital letter and five digits",
                "send the code under which the professional is registered",
            );
        }
        if let Some(code) = &personal_code {
            self.check_digit(code, "/professional/personal_code");
        }
        Some(Professional {
            code: Private::new(code?),
            personal_code: Private::new(personal_code?),
            role: role?,
        })
    }

    fn recipient(&mut self, members: &Members) -> Option<Identifier> {
        if matches!(members.get("recipient"), None | Some(Value::Null)) {
            return None;
        }
        let recipient = self.object(members, "recipient")?;
        self.only_known(recipient, "/recipient", &["system", "value"]);
        let identifier = self.identifier(recipient, "/recipient")?;
        if identifier.system == ESTONIAN_REGISTRY_CODE
            && !is_estonian_registry_code(identifier.value.expose())
        {
            self.fault(
                "registry-code",
                "/recipient/value",
                "the registry code has a wrong length or check digit",
                "send the eight-digit registry code of the organisation",
            );
        }
        Some(identifier)
    }

    fn identifier(&mut self, members: &Members, at: &str) -> Option<Identifier> {
        let system = self.text(members, at, "system");
        let value = self.text(members, at, "value");
        let (system, value) = (system?, value?);
        if system == ESTONIAN_PERSONAL_CODE {
            self.check_digit(&value, &format!("{at}/value"));
        }
        Some(Identifier { system, value: Private::new(value) })
    }

    fn evidence(&mut self, members: &Members) -> Vec<Evidence> {
        let items = match members.get("evidence") {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(items)) if items.len() <= EVIDENCE_MAX => items,
            Some(_) => {
                self.fault(
                    "declaration-invalid",
                    "/evidence",
                    format!("the evidence is not a list of at most {EVIDENCE_MAX} items"),
                    "send a list of objects with `kind` and `ref`",
                );
                return Vec::new();
            }
        };
        let mut found = BTreeSet::new();
        let mut evidence = Vec::new();
        for (place, item) in items.iter().enumerate() {
            let at = format!("/evidence/{place}");
            let Value::Object(item) = item else {
                self.fault("declaration-invalid", at, "not an object", "send `kind` and `ref`");
                continue;
            };
            self.only_known(item, &at, &["kind", "ref"]);
            let kind = self.text(item, &at, "kind");
            let reference = self.text(item, &at, "ref");
            let (Some(kind), Some(reference)) = (kind, reference) else {
                continue;
            };
            let Some(kind) = EvidenceKind::ALL.into_iter().find(|known| known.code() == kind) else {
                let known = EvidenceKind::ALL.map(|kind| format!("`{}`", kind.code()));
                self.fault(
                    "evidence-kind",
                    format!("{at}/kind"),
                    "this kind of evidence is not known",
                    format!("use one of {}", known.join(", ")),
                );
                continue;
            };
            if !found.insert(kind) {
                self.fault(
                    "evidence-twice",
                    at,
                    "evidence of this kind is stated twice",
                    "state each kind once",
                );
                continue;
            }
            evidence.push(Evidence { kind, reference: Private::new(reference) });
        }
        evidence
    }

    fn reason(&mut self, members: &Members) -> Option<Reason> {
        let text = self.text(members, "", "reason")?;
        let remedy = "say why it is sent in words the subject may read, without clinical text";
        if text.chars().count() > REASON_CHARACTERS_MAX {
            self.fault(
                "reason-too-long",
                "/reason",
                format!("the reason is longer than {REASON_CHARACTERS_MAX} characters"),
                remedy,
            );
            return None;
        }
        if text.chars().any(char::is_control) || has_code_of_person_or_diagnosis(&text) {
            self.fault(
                "reason-not-neutral",
                "/reason",
                "the reason holds a control character, a personal code or what looks like a diagnosis code",
                remedy,
            );
            return None;
        }
        Some(Reason(Private::new(text)))
    }

    fn check_digit(&mut self, code: &str, pointer: &str) {
        if is_estonian_personal_code(code) {
            return;
        }
        let fault = Fault::new(
            "personal-code",
            pointer,
            "the personal code has a wrong length, date or check digit",
            "send the eleven-digit personal code as it stands in the population register",
        );
        match self.check_digits {
            CheckDigits::Reject => self.faults.push(fault),
            CheckDigits::Warn => self.warnings.push(fault),
        }
    }

    fn object<'a>(&mut self, members: &'a Members, name: &str) -> Option<&'a Members> {
        match members.get(name) {
            Some(Value::Object(object)) => Some(object),
            Some(_) => {
                self.fault(
                    "declaration-invalid",
                    format!("/{name}"),
                    "not an object",
                    format!("send `{name}` as an object"),
                );
                None
            }
            None => {
                self.missing("", name);
                None
            }
        }
    }

    fn text(&mut self, members: &Members, at: &str, name: &str) -> Option<String> {
        match members.get(name) {
            Some(Value::String(text)) if !text.trim().is_empty() && fits(name, text) => Some(text.clone()),
            Some(_) => {
                self.fault(
                    "declaration-invalid",
                    format!("{at}/{name}"),
                    format!("not a text of 1 to {TEXT_BYTES_MAX} bytes without control characters"),
                    format!("send `{name}` as such a text"),
                );
                None
            }
            None => {
                self.missing(at, name);
                None
            }
        }
    }

    fn parsed<T: std::str::FromStr>(
        &mut self,
        members: &Members,
        at: &str,
        name: &str,
        expected: &str,
    ) -> Option<T> {
        let text = self.text(members, at, name)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.fault(
                "declaration-invalid",
                format!("{at}/{name}"),
                format!("not {expected}"),
                format!("send {expected} as `{name}`"),
            );
        }
        parsed
    }

    fn optional_text(&mut self, members: &Members, name: &str) -> Option<String> {
        match members.get(name) {
            None | Some(Value::Null) => None,
            Some(_) => self.text(members, "", name),
        }
    }

    fn optional_parsed<T: std::str::FromStr>(
        &mut self,
        members: &Members,
        name: &str,
        expected: &str,
    ) -> Option<T> {
        match members.get(name) {
            None | Some(Value::Null) => None,
            Some(_) => self.parsed(members, "", name, expected),
        }
    }

    fn only_known(&mut self, members: &Members, at: &str, known: &[&str]) {
        let unknown = members.keys().filter(|name| !known.contains(&name.as_str())).count();
        if unknown > 0 {
            // The names themselves are not echoed: they could be values.
            let known = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
            self.fault(
                "declaration-unknown-member",
                at,
                format!("{unknown} member(s) that a declaration does not have here"),
                format!("only {} are known here", known.join(", ")),
            );
        }
    }

    fn missing(&mut self, at: &str, name: &str) {
        self.fault(
            "declaration-missing",
            format!("{at}/{name}"),
            format!("`{name}` is missing"),
            format!("add `{name}`"),
        );
    }

    fn fault(
        &mut self,
        rule: &'static str,
        pointer: impl Into<String>,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.faults.push(Fault::new(rule, pointer, detail, remedy));
    }
}

fn fits(name: &str, text: &str) -> bool {
    // The reason has a limit and a rule of its own.
    name == "reason" || (text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control))
}

/// A run of eleven digits that is a personal code, or a word such as `J45` or `F32.1` (RHK-10).
fn has_code_of_person_or_diagnosis(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '.').any(|word| {
        let word = word.trim_matches('.');
        is_estonian_personal_code(word) || looks_like_diagnosis(word)
    })
}

fn looks_like_diagnosis(word: &str) -> bool {
    let mut characters = word.chars();
    let letter = characters.next().is_some_and(|c| c.is_ascii_alphabetic());
    let (category, rest) = characters.as_str().split_once('.').unwrap_or((characters.as_str(), ""));
    letter
        && category.len() == 2
        && category.bytes().all(|c| c.is_ascii_digit())
        && rest.len() <= 2
        && rest.bytes().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn good() -> Value {
        json!({
            "destination": "employer", "purpose": "health-check-decision",
            "legal_basis": { "gdpr6": "6(1)(c)", "gdpr9": "9(2)(b)", "act": "TTOS", "section": "13¹" },
            "subject": { "system": ESTONIAN_PERSONAL_CODE, "value": "39901012239", "given": "Mari", "family": "Maasikas" },
            "professional": { "code": "D00000", "personal_code": "60001017869", "role": "doctor" },
            "recipient": { "system": ESTONIAN_REGISTRY_CODE, "value": "10303948" },
            "evidence": [ { "kind": "order", "ref": "2026-17" } ],
            "reason": "töötervishoiu otsus", "ordering_key": null,
            "not_after": "2026-12-01T00:00:00Z", "supersedes": null
        })
    }

    fn rules(value: &Value) -> Vec<String> {
        let faults = Declaration::from_value(value, CheckDigits::Reject).err().unwrap_or_default();
        faults.iter().map(|fault| format!("{} {}", fault.pointer, fault.rule)).collect()
    }

    #[test]
    fn a_whole_declaration_is_read() {
        let declaration = Declaration::from_value(&good(), CheckDigits::Reject).unwrap();
        assert_eq!(declaration.evidence.len(), 1);
        assert_eq!(declaration.legal_basis.section, "13¹");
    }

    #[test]
    fn all_faults_are_found_at_once() {
        let mut value = good();
        value["subject"]["value"] = json!("39901012238");
        value["recipient"]["value"] = json!("10303949");
        value["professional"]["code"] = json!("doctor");
        value["evidence"][0]["kind"] = json!("hearsay");
        value["reason"] = json!("because of F32.1");
        value["colour"] = json!("red");
        value.as_object_mut().unwrap().remove("purpose");
        assert_eq!(
            rules(&value),
            [
                " declaration-unknown-member",
                "/purpose declaration-missing",
                "/subject/value personal-code",
                "/professional/code professional-code",
                "/recipient/value registry-code",
                "/evidence/0/kind evidence-kind",
                "/reason reason-not-neutral",
            ]
        );
    }

    #[test]
    fn a_wrong_check_digit_can_be_a_warning() {
        let mut value = good();
        value["subject"]["value"] = json!("39406240016");
        let declaration = Declaration::from_value(&value, CheckDigits::Warn).unwrap();
        assert_eq!(declaration.warnings.len(), 1);
    }

    #[test]
    fn a_reason_names_neither_person_nor_diagnosis() {
        for (reason, neutral) in [
            ("juhi tervisetõend", true),
            ("order 2026-17", true),
            ("J45", false),
            ("see 39901012239.", false),
            ("a\r\nb", false),
        ] {
            let mut value = good();
            value["reason"] = json!(reason);
            assert_eq!(rules(&value).is_empty(), neutral, "{reason}");
        }
    }

    #[test]
    fn no_fault_and_no_debug_output_shows_a_value() {
        let mut value = good();
        value["subject"]["value"] = json!("39901012238");
        value["39901012239"] = json!(1);
        let faults = Declaration::from_value(&value, CheckDigits::Reject).unwrap_err();
        let declaration = Declaration::from_value(&good(), CheckDigits::Reject).unwrap();
        let printed = format!("{faults:?} {declaration:?}");
        for text in ["3990101", "Maasikas", "Mari", "60001017869", "töötervishoiu"] {
            assert!(!printed.contains(text), "{text}");
        }
    }
}
