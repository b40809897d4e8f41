//! Reading a declaration: every member, and every fault of it, before anything is given up.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::neutral::is_neutral;
use super::{
    CheckDigits, Declaration, EVIDENCE_MAX, Evidence, EvidenceKind, LegalBasis, Professional,
    REASON_CHARACTERS_MAX, Reason, Subject,
};
use crate::fault::Fault;
use crate::person::{
    ESTONIAN_PERSONAL_CODE, ESTONIAN_REGISTRY_CODE, Identifier, Private, is_estonian_personal_code,
    is_estonian_professional_code, is_estonian_registry_code,
};

/// The longest text that has no limit of its own, in bytes.
const TEXT_BYTES_MAX: usize = 256;

/// Walks the members of a declaration and collects every fault.
pub(super) struct Reader {
    check_digits: CheckDigits,
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<Fault>,
}

pub(super) type Members = Map<String, Value>;

impl Reader {
    pub(super) fn new(check_digits: CheckDigits) -> Self {
        Self { check_digits, faults: Vec::new(), warnings: Vec::new() }
    }

    pub(super) fn declaration(&mut self, members: &Members) -> Option<Declaration> {
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
        if identifier.system != ESTONIAN_REGISTRY_CODE {
            self.fault(
                "recipient-system",
                "/recipient/system",
                "a recipient is an organisation, known by its registry code",
                format!("send `{ESTONIAN_REGISTRY_CODE}` as `system`"),
            );
        } else if !is_estonian_registry_code(identifier.value.expose()) {
            self.fault(
                "registry-code",
                "/recipient/value",
                "the registry code has a wrong length or check digit",
                "send the eight-digit registry code of the organisation",
            );
        }
        Some(identifier)
    }

    pub(super) fn identifier(&mut self, members: &Members, at: &str) -> Option<Identifier> {
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
        if !is_neutral(&text) {
            self.fault(
                "reason-not-neutral",
                "/reason",
                "the reason holds a control character, a personal code, what looks like a diagnosis code, or digits of another script",
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

    pub(super) fn object<'a>(&mut self, members: &'a Members, name: &str) -> Option<&'a Members> {
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

    pub(super) fn parsed<T: std::str::FromStr>(
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

    pub(super) fn only_known(&mut self, members: &Members, at: &str, known: &[&str]) {
        let unknown = members.keys().filter(|name| !known.contains(&name.as_str())).count();
        if unknown > 0 {
            // The names themselves are not echoed: they could be values.
            let known = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
            self.fault(
                "declaration-unknown-member",
                at,
                format!("{unknown} member(s) that are not known here"),
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
