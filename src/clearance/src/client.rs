//! A registered client: who may send what for whom. Its certificate is the crate `identity`'s affair.

use std::collections::BTreeSet;
use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use serde::Deserialize;

use crate::declaration::Professional;
use crate::person::{Private, is_estonian_professional_code};
use crate::words::{ClientId, DestinationName};

/// A system of the clinic, as registered in the configuration.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its name.
    pub id: ClientId,
    /// The registry code of the organisation it belongs to.
    pub organisation: String,
    /// The destinations it may send to.
    pub destinations: BTreeSet<DestinationName>,
    /// The professionals it may speak for.
    pub professionals: Professionals,
}

/// The professionals a client may speak for. By default, nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Professionals {
    /// Those on the list, and nobody else.
    Listed(Vec<ListedProfessional>),
    /// Whomever the client names: the clinic relies on the client to know who is signed in.
    DangerousAnyone,
}

impl Default for Professionals {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

/// A professional on a client's list: code and personal code together, because a destination's token is issued to the
/// personal code, and, where they are listed, the roles.
///
/// In the configuration a table with `code`, `personal_code` and, unless every role will do, `roles`. Only a digest of
/// it is kept: the list is in memory for years, the codes need not be.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Spelt")]
pub struct ListedProfessional {
    digest: [u8; 32],
    roles: Option<BTreeSet<String>>,
}

/// Why an entry of a client's list is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAProfessional {
    /// The code is not one of the register of health professionals.
    #[error("the `code` of a professional is a capital letter and five digits")]
    Code,
    /// There is no personal code.
    #[error("the `personal_code` of a professional is empty")]
    PersonalCode,
}

/// A professional as the configuration spells it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spelt {
    code: String,
    personal_code: String,
    roles: Option<BTreeSet<String>>,
}

/// How the clinic vouches for the professional on whose behalf a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vouching {
    /// On the client's list.
    Listed,
    /// By a token of the clinic's identity provider.
    Token,
    /// By the client alone, which may name anyone ([`Professionals::DangerousAnyone`]).
    Client,
    /// Not at all.
    None,
}

impl Vouching {
    /// The code policies see, and the ledger keeps.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Token => "token",
            Self::Client => "client",
            Self::None => "none",
        }
    }

    /// The vouching with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Listed, Self::Token, Self::Client, Self::None]
            .into_iter()
            .find(|vouching| vouching.code() == code)
    }
}

impl Client {
    /// How this client's list vouches for `professional`.
    pub fn vouches_for(&self, professional: &Professional) -> Vouching {
        match &self.professionals {
            Professionals::DangerousAnyone => Vouching::Client,
            Professionals::Listed(listed) if listed.iter().any(|one| one.is(professional)) => {
                Vouching::Listed
            }
            Professionals::Listed(_) => Vouching::None,
        }
    }
}

impl ListedProfessional {
    /// The professional with `code` and `personal_code`, in `roles` or, with `None`, in any.
    ///
    /// # Errors
    /// When the code is not one of the register of health professionals, or there is no personal code.
    pub fn new(
        code: &Private,
        personal_code: &Private,
        roles: Option<BTreeSet<String>>,
    ) -> Result<Self, NotAProfessional> {
        if !is_estonian_professional_code(code.expose()) {
            return Err(NotAProfessional::Code);
        }
        if personal_code.expose().trim().is_empty() {
            return Err(NotAProfessional::PersonalCode);
        }
        Ok(Self { digest: digest_of(code, personal_code), roles })
    }

    fn is(&self, professional: &Professional) -> bool {
        self.digest == digest_of(&professional.code, &professional.personal_code)
            && self.roles.as_ref().is_none_or(|roles| roles.contains(&professional.role))
    }
}

/// The digest of a code can be guessed, so it does not print either.
impl fmt::Debug for ListedProfessional {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ListedProfessional(…)")
    }
}

impl TryFrom<Spelt> for ListedProfessional {
    type Error = NotAProfessional;

    fn try_from(spelt: Spelt) -> Result<Self, NotAProfessional> {
        Self::new(&Private::new(spelt.code), &Private::new(spelt.personal_code), spelt.roles)
    }
}

/// Neither code holds a zero byte, so it parts the two beyond doubt.
fn digest_of(code: &Private, personal_code: &Private) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(code.expose().as_bytes());
    context.update(&[0]);
    context.update(personal_code.expose().as_bytes());
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(professionals: Professionals) -> Client {
        Client {
            id: "ehr".parse().unwrap(),
            organisation: "10303948".into(),
            destinations: BTreeSet::new(),
            professionals,
        }
    }

    fn professional(code: &str, personal_code: &str, role: &str) -> Professional {
        Professional {
            code: Private::new(code),
            personal_code: Private::new(personal_code),
            role: role.into(),
        }
    }

    fn listed(text: &str) -> Result<ListedProfessional, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn a_client_speaks_for_the_person_behind_a_code_and_for_nobody_else_under_it() {
        let entry = listed("code = 'D00000'\npersonal_code = '60001017869'").unwrap();
        let client = client(Professionals::Listed(vec![entry]));
        assert_eq!(client.vouches_for(&professional("D00000", "60001017869", "doctor")), Vouching::Listed);
        for (code, personal_code) in [("D00000", "39901012239"), ("D00001", "60001017869")] {
            assert_eq!(client.vouches_for(&professional(code, personal_code, "doctor")), Vouching::None);
        }
    }

    #[test]
    fn where_roles_are_listed_the_professional_acts_in_no_other() {
        let entry = listed("code = 'D00000'\npersonal_code = '60001017869'\nroles = ['nurse']").unwrap();
        let client = client(Professionals::Listed(vec![entry]));
        assert_eq!(client.vouches_for(&professional("D00000", "60001017869", "nurse")), Vouching::Listed);
        assert_eq!(client.vouches_for(&professional("D00000", "60001017869", "doctor")), Vouching::None);
    }

    #[test]
    fn nobody_is_vouched_for_by_default_and_a_client_that_may_name_anyone_is_told_apart() {
        let somebody = professional("D00000", "60001017869", "doctor");
        assert_eq!(client(Professionals::default()).vouches_for(&somebody), Vouching::None);
        assert_eq!(client(Professionals::DangerousAnyone).vouches_for(&somebody), Vouching::Client);
    }

    #[test]
    fn an_entry_without_both_codes_is_none_and_its_fault_shows_no_value() {
        for text in [
            "code = '60001017869'\npersonal_code = '60001017869'",
            "code = 'D00000'\npersonal_code = ''",
            "code = 'D00000'",
        ] {
            let fault = listed(text).unwrap_err();
            assert!(!fault.message().contains("60001017869"), "{text}");
        }
        let entry = listed("code = 'D00000'\npersonal_code = '60001017869'").unwrap();
        assert_eq!(format!("{entry:?}"), "ListedProfessional(…)");
    }
}
