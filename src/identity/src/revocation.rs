//! Certificate revocation lists, and how strictly they are taken.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::CertificateRevocationListDer;
use serde::Deserialize;
use webpki::{
    CertRevocationList, ExpirationPolicy, OwnedCertRevocationList, RevocationCheckDepth, RevocationOptions,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::files::{FileError, FileFault, read_revocation_lists};
use crate::window::{Window, timestamp};

/// How revocation lists are taken. The default is strict in all three; none of it matters while no
/// list is configured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RevocationPolicy {
    /// Believe a certificate for which no list speaks.
    pub dangerous_allow_unknown: bool,
    /// Believe a list that is past its nextUpdate.
    pub dangerous_allow_expired_lists: bool,
    /// Look up the peer's own certificate only, not the intermediates'.
    pub dangerous_check_leaf_only: bool,
}

impl RevocationPolicy {
    /// The options for webpki; none without lists.
    pub(crate) fn options<'a>(
        self,
        lists: &'a [&'a CertRevocationList<'a>],
    ) -> Option<RevocationOptions<'a>> {
        let builder = RevocationOptionsBuilder::new(lists).ok()?;
        Some(
            builder
                .with_depth(if self.dangerous_check_leaf_only {
                    RevocationCheckDepth::EndEntity
                } else {
                    RevocationCheckDepth::Chain
                })
                .with_status_policy(if self.dangerous_allow_unknown {
                    UnknownStatusPolicy::Allow
                } else {
                    UnknownStatusPolicy::Deny
                })
                .with_expiration_policy(if self.dangerous_allow_expired_lists {
                    ExpirationPolicy::Ignore
                } else {
                    ExpirationPolicy::Enforce
                })
                .build(),
        )
    }
}

/// Revocation lists, newest first.
#[derive(Debug, Default)]
pub struct Revocations {
    lists: Vec<List>,
}

#[derive(Debug)]
struct List {
    der: CertificateRevocationListDer<'static>,
    parsed: CertRevocationList<'static>,
    this_update: Timestamp,
    next_update: Timestamp,
}

impl Revocations {
    /// No lists: nothing is looked up.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads lists from files, PEM (several in a file if need be) or DER.
    ///
    /// Whether a list's signature is right is found out when it is used, because only the chain
    /// shows the issuer's key.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or holds no list, when a list is unusable (delta and indirect
    /// lists are), and, unless the policy allows it, when a list has expired: with it in place
    /// every client of that issuer would be refused.
    pub fn load(files: &[PathBuf], policy: RevocationPolicy, now: Timestamp) -> Result<Self, FileError> {
        let mut lists = Vec::new();
        for file in files {
            for (position, der) in (1..).zip(read_revocation_lists(file)?) {
                let list = List::read(der, position, policy, now).map_err(|fault| fault.in_file(file))?;
                lists.push(list);
            }
        }
        Ok(Self::newest_first(lists))
    }

    /// The same, from lists in memory; of `position` in errors each counts as one.
    pub(crate) fn of(
        ders: Vec<CertificateRevocationListDer<'static>>,
        policy: RevocationPolicy,
        now: Timestamp,
    ) -> Result<Self, FileFault> {
        let lists = (1..)
            .zip(ders)
            .map(|(position, der)| List::read(der, position, policy, now))
            .collect::<Result<_, _>>()?;
        Ok(Self::newest_first(lists))
    }

    // INVARIANT: newest first. webpki takes the first list that speaks for a certificate; of an
    // issuer's old and new list side by side, the new one counts.
    fn newest_first(mut lists: Vec<List>) -> Self {
        lists.sort_by_key(|list| std::cmp::Reverse(list.this_update));
        Self { lists }
    }

    pub(crate) fn parsed(&self) -> impl Iterator<Item = &CertRevocationList<'static>> {
        self.lists.iter().map(|list| &list.parsed)
    }

    pub(crate) fn ders(&self) -> Vec<CertificateRevocationListDer<'static>> {
        self.lists.iter().map(|list| list.der.clone()).collect()
    }

    /// The ends of the lists' lives.
    pub(crate) fn ends(&self) -> impl Iterator<Item = Timestamp> {
        self.lists.iter().map(|list| list.next_update)
    }

    /// The time in which no list of these runs out, as far as the policy asks for that.
    pub(crate) fn unchanged_around(&self, policy: RevocationPolicy) -> Window {
        let first_end = self.ends().min();
        match first_end {
            // A list ends at its nextUpdate, a window after its last moment.
            Some(end) if !policy.dangerous_allow_expired_lists => Window {
                not_before: Timestamp::MIN,
                not_after: end.checked_sub(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MIN),
            },
            _ => Window::ALWAYS,
        }
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.ders() == other.ders()
    }
}

impl List {
    fn read(
        der: CertificateRevocationListDer<'static>,
        position: usize,
        policy: RevocationPolicy,
        now: Timestamp,
    ) -> Result<Self, FileFault> {
        let unusable = FileFault::UnusableRevocationList { position };
        let Ok(parsed) = OwnedCertRevocationList::from_der(&der) else {
            return Err(unusable);
        };
        let Ok(([], read)) = CertificateRevocationList::from_der(&der) else {
            return Err(unusable);
        };
        let this_update = timestamp(read.last_update().timestamp());
        let next_update = read.next_update().map_or(Timestamp::MAX, |end| timestamp(end.timestamp()));
        if next_update <= now && !policy.dangerous_allow_expired_lists {
            return Err(FileFault::RevocationListExpired { position, next_update });
        }
        Ok(Self { parsed: parsed.into(), der, this_update, next_update })
    }
}
