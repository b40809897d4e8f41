//! A registered client: who may send what for whom. Its certificate is the crate `identity`'s affair.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};

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
    /// The professionals it may speak for; `None` when the clinic vouches for all that this client names.
    pub professionals: Option<BTreeSet<ProfessionalDigest>>,
}

/// How the clinic vouches for the professional on whose behalf a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vouching {
    /// On the client's list.
    Listed,
    /// By a token of the clinic's identity provider.
    Token,
    /// Not at all.
    None,
}

impl Vouching {
    /// The code policies see.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Token => "token",
            Self::None => "none",
        }
    }

    /// The vouching with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Listed, Self::Token, Self::None].into_iter().find(|vouching| vouching.code() == code)
    }
}

/// The digest of a professional's code: the list of a client is in memory for years, the codes need not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProfessionalDigest([u8; 32]);

impl ProfessionalDigest {
    /// The digest of the code `code`.
    pub fn of(code: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, code.as_bytes()).as_ref());
        Self(bytes)
    }
}

impl Client {
    /// How this client's list vouches for the professional with `code`.
    pub fn vouches_for(&self, code: &str) -> Vouching {
        match &self.professionals {
            None => Vouching::Listed,
            Some(listed) if listed.contains(&ProfessionalDigest::of(code)) => Vouching::Listed,
            Some(_) => Vouching::None,
        }
    }
}
