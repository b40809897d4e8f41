//! For tests of adapters: the real journey from a declaration to what is cleared, with a recorder of one transfer.
//!
//! Behind the feature `testing`. What it gives has passed every stage; it forges none.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test that cannot go on ends")]

mod bodies;
mod reading;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use jiff::Timestamp;
use ledger::Entry;
use serde_json::Value;

use crate::adapter::{Adapter, Means, SubjectIndex};
use crate::basis::{Permit, Policy, Question, Standing};
use crate::client::{Client, Professionals};
use crate::clock::SystemEntropy;
use crate::declaration::{CheckDigits, Declaration};
use crate::destination::Destination;
use crate::journey::{
    Acceptance, Arriving, Attempt, BeginRefusal, Begun, Cleared, Content, Document, Due, Ending,
    IdempotencyScope, Keeping, Lawful, NotMinimal, Outgoing, Particulars, RecordFailure, Recorded, Recorder,
    RecorderError, Reservation, Submission, TransferView, Unproven, Vault,
};
use crate::keys::{PseudonymKey, Secret};
use crate::refusal::Refusal;
use crate::seal::{Bodies, KeyRing};
use crate::words::{DestinationName, TransferId};

pub use self::bodies::{Arrived, MemoryBodies};
pub use self::reading::{ANSWER_BYTES_MAX, INQUIRY};

/// The one transfer.
pub const TRANSFER: TransferId = TransferId::from_bytes([7; 16]);

/// The stages of the journey around one adapter.
#[derive(Debug)]
pub struct Journey {
    client: Arc<Client>,
    destination: Arc<Destination>,
    /// The policies: those that hold everywhere, and the adapter's.
    pub policy: Policy,
    /// Where documents are that stream through and are large.
    pub bodies: MemoryBodies,
    /// The parts that the destination has confirmed before.
    pub parts_done: BTreeSet<u32>,
}

impl Journey {
    /// The journey to the destination `name`, which one client may send to.
    pub fn to(name: &str, adapter: impl Adapter + 'static) -> Self {
        let name: DestinationName = name.parse().unwrap();
        let client = Client {
            id: "ehr".parse().unwrap(),
            organisation: "10303948".into(),
            destinations: BTreeSet::from([name.clone()]),
            professionals: Professionals::DangerousAnyone,
        };
        let destination = Destination::new(name, Arc::new(adapter)).unwrap();
        let policy =
            Policy::load(&[destination.policies()], std::slice::from_ref(&client), &[destination.facts()])
                .unwrap();
        let bodies = MemoryBodies::default();
        Self {
            client: Arc::new(client),
            destination: Arc::new(destination),
            policy,
            bodies,
            parts_done: BTreeSet::new(),
        }
    }

    /// The adapter.
    pub fn adapter(&self) -> &dyn Adapter {
        self.destination.adapter()
    }

    /// What would leave.
    ///
    /// # Errors
    /// The refusal.
    pub fn shape(&self, declaration: &Value, document: &Value) -> Result<Outgoing, Refusal> {
        self.shape_document(declaration, "application/fhir+json", document.to_string())
    }

    /// What would leave of a document of this media type.
    ///
    /// # Errors
    /// The refusal.
    pub fn shape_document(
        &self,
        declaration: &Value,
        media_type: &str,
        document: impl Into<Bytes>,
    ) -> Result<Outgoing, Refusal> {
        let document = Document { media_type: media_type.into(), bytes: document.into() };
        self.lawful(declaration)?.minimise(&document, &self.policy)?.shape()
    }

    /// What would leave of `documents` that stream through, sealed; more than `memory_bytes_max` of it in
    /// [`bodies`](Self::bodies).
    ///
    /// # Errors
    /// Why nothing would.
    pub fn shape_streamed(
        &self,
        declaration: &Value,
        documents: &mut impl Arriving,
        memory_bytes_max: usize,
    ) -> Result<Outgoing, NotMinimal> {
        let keeping = Keeping::sealed(&self.shared_bodies(), TRANSFER, memory_bytes_max, &SystemEntropy);
        let lawful = self.lawful(declaration)?;
        Ok(lawful.minimise_arriving(documents, &self.policy, keeping.unwrap())?.shape()?)
    }

    pub(crate) fn lawful(&self, declaration: &Value) -> Result<Lawful, Refusal> {
        let declaration = Declaration::parse(declaration.to_string().as_bytes(), CheckDigits::Warn).unwrap();
        let destination = Arc::clone(&self.destination);
        let submission = Submission::receive(Arc::clone(&self.client), [0; 32], declaration, destination)?;
        submission.lawful(&self.policy, Standing::default())
    }

    pub(crate) fn shared_bodies(&self) -> Arc<dyn Bodies> {
        Arc::new(self.bodies.clone())
    }

    /// What would leave, as JSON.
    pub fn shaped(&self, declaration: &Value, document: &Value) -> Value {
        let outgoing = self.shape(declaration, document).unwrap();
        serde_json::from_slice(&outgoing.payload().bytes).unwrap()
    }

    /// Records `outgoing` and clears it for an attempt.
    ///
    /// # Errors
    /// When its subject is not proved.
    pub async fn clear(
        &self,
        outgoing: Outgoing,
        perhaps_delivered: bool,
        index: Option<&dyn SubjectIndex>,
        means: &Means<'_>,
    ) -> Result<Cleared, Unproven> {
        let folder = tempfile::tempdir().unwrap();
        let vault = vault(folder.path());
        let book = self.record(outgoing, &vault).await;
        let book = Book { perhaps_delivered, parts_done: self.parts_done.clone(), ..book };
        let permit = self.permit_again(&book);
        let attempt = begin(&book, &permit).await;
        attempt.open(permit, &vault.ring, &self.shared_bodies()).unwrap().prove(index, means).await
    }

    /// Records `outgoing`, in a book of its own.
    pub(crate) async fn record(&self, outgoing: Outgoing, vault: &Vault) -> Book {
        self.try_to_record(outgoing, vault).await.unwrap()
    }

    pub(crate) async fn try_to_record(
        &self,
        outgoing: Outgoing,
        vault: &Vault,
    ) -> Result<Book, RecordFailure> {
        let book = Book::default();
        let particulars = Particulars {
            transfer: TRANSFER,
            at: Timestamp::UNIX_EPOCH,
            not_after: Timestamp::MAX,
            idempotency: IdempotencyScope { client: self.client.id.clone(), key: [3; 32] },
            content: Content([4; 32]),
            answer: Vec::new(),
            traceparent: None,
        };
        outgoing.record(&book, vault, particulars).await?;
        Ok(book)
    }

    /// The permit for what is in `book`, asked for anew.
    pub(crate) fn permit_again(&self, book: &Book) -> Permit {
        let acceptance = book.acceptance.lock().unwrap();
        let recorded = acceptance.as_ref().unwrap();
        let question = Question::of_entry(&recorded.leaf, recorded.subject, Standing::default());
        self.policy.decide(question.unwrap()).unwrap()
    }
}

/// Begins an attempt at what is in `book`.
pub(crate) async fn begin(book: &Book, permit: &Permit) -> Attempt {
    let at = Timestamp::UNIX_EPOCH;
    Attempt::begin(book, TRANSFER, permit, at, at).await.unwrap().unwrap()
}

/// Keys for tests, with a key ring in `folder`.
pub(crate) fn vault(folder: &Path) -> Vault {
    Vault {
        pseudonyms: PseudonymKey::new(Secret::new([1; 32])),
        ring: KeyRing::new(folder, Secret::new([2; 32])),
        entropy: Arc::new(SystemEntropy),
    }
}

/// A recorder of one transfer, or one inquiry.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) acceptance: Mutex<Option<Acceptance>>,
    /// The leaves of an inquiry and its end, each with what lies beside it.
    pub(crate) inquiries: Mutex<Vec<(Vec<u8>, Vec<u8>)>>,
    pub(crate) standing: Mutex<Standing>,
    perhaps_delivered: bool,
    parts_done: BTreeSet<u32>,
}

impl Recorder for Book {
    async fn reserve(&self, _: &IdempotencyScope) -> Result<Reservation, RecorderError> {
        Ok(Reservation::Fresh)
    }

    fn release(&self, _: &IdempotencyScope) {}

    async fn record(&self, acceptance: Acceptance) -> Result<Recorded, RecorderError> {
        *self.acceptance.lock().unwrap() = Some(acceptance);
        Ok(Recorded { transfer: TRANSFER, index: 0 })
    }

    async fn note(&self, _: Entry) -> Result<u64, RecorderError> {
        Ok(0)
    }

    async fn standing(
        &self,
        _: crate::keys::Pseudonym,
        _: &DestinationName,
    ) -> Result<Standing, RecorderError> {
        Ok(*self.standing.lock().unwrap())
    }

    async fn due(&self, _: &DestinationName, _: Timestamp, _: usize) -> Result<Vec<Due>, RecorderError> {
        Ok(Vec::new())
    }

    async fn begin(
        &self,
        _: TransferId,
        _: u64,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<Result<Begun, BeginRefusal>, RecorderError> {
        let acceptance = self.acceptance.lock().unwrap().take().unwrap();
        Ok(Ok(Begun {
            number: 1,
            perhaps_delivered: self.perhaps_delivered,
            subject: acceptance.subject,
            leaf: acceptance.leaf,
            sealed: acceptance.sealed,
            parts_done: self.parts_done.clone(),
        }))
    }

    async fn end(&self, _: Ending) -> Result<(), RecorderError> {
        Ok(())
    }

    async fn transfer(&self, _: TransferId) -> Result<Option<TransferView>, RecorderError> {
        Ok(None)
    }
}
