//! The clinic: what holds in every run, and how its system submits a transfer by the journey's own stages.

use std::sync::Arc;

use bytes::Bytes;
use clearance::adapter::{Adapter, Documents, PayloadSigner};
use clearance::basis::Policy;
use clearance::client::{Client, Professionals};
use clearance::clock::Entropy;
use clearance::declaration::{CheckDigits, Declaration};
use clearance::destination::Destination;
use clearance::journey::{
    Content, Document, IdempotencyScope, Keeping, Lawful, Minimal, NotMinimal, Particulars, RecordFailure,
    Recorder, Submission, Vault,
};
use clearance::keys::{PseudonymKey, Secret};
use clearance::person::{ESTONIAN_PERSONAL_CODE, Identifier, Private};
use clearance::refusal::Refusal;
use clearance::seal::{Bodies, Day, KeyRing};
use clearance::testing::{Arrived, MemoryBodies};
use clearance::words::TransferId;
use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;

use super::adapter::{MEDIA_TYPE, PURPOSE, Repeats, Reporting, basis};
use super::chance::Chance;
use super::{ARCHIVE, REGISTRY, SHELF};
use crate::playground;

/// What holds in every run.
#[derive(Debug)]
pub(super) struct Clinic {
    pub(super) policy: Policy,
    pub(super) destinations: [Arc<Destination>; 3],
    client: Arc<Client>,
    keys: TempDir,
    bodies: MemoryBodies,
}

/// What a client submits.
#[derive(Debug)]
pub(super) struct Wish<'a> {
    pub(super) subject: &'a str,
    pub(super) destination: &'a Destination,
    pub(super) title: String,
    /// How many documents, where they stream through.
    pub(super) documents: usize,
    pub(super) supersedes: Option<TransferId>,
}

/// Why a wish was not accepted.
#[derive(Debug)]
pub(super) enum NotAccepted {
    /// It may not be.
    Refused(Refusal),
    /// Nothing could be recorded.
    NotRecorded(RecordFailure),
}

impl Clinic {
    pub(super) fn open(at: Timestamp) -> Self {
        let destination = |name: &str, repeats| {
            let adapter: Arc<dyn Adapter> = Arc::new(Reporting::new(repeats));
            Arc::new(Destination::new(name.parse().unwrap(), adapter).unwrap())
        };
        let destinations = [
            destination(REGISTRY, Repeats::AreDoubled),
            destination(ARCHIVE, Repeats::AreRecognised),
            destination(SHELF, Repeats::ComeInParts),
        ];
        let client = Client {
            id: "ehr".parse().unwrap(),
            organisation: playground::CLINIC.to_owned(),
            destinations: destinations.iter().map(|of| of.name().clone()).collect(),
            professionals: Professionals::DangerousAnyone,
        };
        let facts = destinations.each_ref().map(|of| of.facts());
        let sources = destinations.each_ref().map(|of| of.policies());
        let policy = Policy::load(&sources, std::slice::from_ref(&client), &facts).unwrap();
        let (client, keys) = (Arc::new(client), tempfile::tempdir().unwrap());
        let clinic = Self { policy, destinations, client, keys, bodies: MemoryBodies::default() };
        // The daily key is there before the first run, so that every run draws the same from its seed.
        let vault = clinic.vault(Arc::new(Chance::of(0)));
        vault.ring.key_of(Day::of(at), &*vault.entropy).unwrap();
        clinic
    }

    pub(super) fn vault(&self, entropy: Arc<dyn Entropy>) -> Vault {
        Vault {
            pseudonyms: PseudonymKey::new(Secret::new([1; 32])),
            ring: KeyRing::new(self.keys.path(), Secret::new([2; 32])),
            entropy,
        }
    }

    /// Where sealed documents lie.
    pub(super) fn bodies(&self) -> Arc<dyn Bodies> {
        Arc::new(self.bodies.clone())
    }

    /// Takes a transfer from the declaration to the record; the answer is what will leave: its payload, or its parts.
    pub(super) async fn submit<R: Recorder>(
        &self,
        wish: &Wish<'_>,
        recorder: &R,
        vault: &Vault,
        with: Particulars,
    ) -> Result<Vec<Bytes>, NotAccepted> {
        let declaration = Declaration::parse(&wish.declaration(), CheckDigits::Reject).unwrap();
        let destination = self.destinations.iter().find(|of| of.name() == wish.destination.name()).unwrap();
        let subject = vault.pseudonyms.pseudonym(&declaration.subject.identifier);
        let standing = recorder.standing(subject, destination.name()).await;
        let standing = standing.map_err(|error| NotAccepted::NotRecorded(error.into()))?;
        let lawful =
            Submission::receive(Arc::clone(&self.client), [3; 32], declaration, Arc::clone(destination))
                .and_then(|submission| submission.lawful(&self.policy, standing))
                .map_err(NotAccepted::Refused)?;
        let minimal = match lawful.documents() {
            Documents::One => lawful.minimise(&wish.document(0), &self.policy),
            Documents::Streamed { .. } => self.minimise_streamed(lawful, wish, vault, with.transfer),
        };
        let outgoing = minimal.and_then(|minimal| minimal.shape()).map_err(NotAccepted::Refused)?;
        let leaving = match outgoing.parts() {
            [] => vec![outgoing.payload().bytes.clone()],
            // They are shorter than what an adapter sees of them.
            parts => parts.iter().map(|part| Bytes::copy_from_slice(part.head())).collect(),
        };
        outgoing.record(recorder, vault, with).await.map_err(NotAccepted::NotRecorded)?;
        Ok(leaving)
    }

    /// Every second transfer lies in a body, the others in the record.
    fn minimise_streamed(
        &self,
        lawful: Lawful,
        wish: &Wish<'_>,
        vault: &Vault,
        transfer: TransferId,
    ) -> Result<Minimal, Refusal> {
        let in_memory = if wish.documents.is_multiple_of(2) { 0 } else { 1 << 20 };
        let keeping = Keeping::sealed(&self.bodies(), transfer, in_memory, &*vault.entropy).unwrap();
        let documents: Vec<_> = (0..wish.documents).map(|number| wish.document(number)).collect();
        let documents: Vec<_> = documents.iter().map(|of| (MEDIA_TYPE, &*of.bytes)).collect();
        match lawful.minimise_arriving(&mut Arrived::of(&documents, 100), &self.policy, keeping) {
            Err(NotMinimal::Refused(refusal)) => Err(refusal),
            minimal => Ok(minimal.unwrap()),
        }
    }

    /// What accompanies a transfer that is submitted now.
    pub(super) fn particulars(
        &self,
        transfer: TransferId,
        at: Timestamp,
        not_after: Timestamp,
        vault: &Vault,
    ) -> Particulars {
        let key = vault.pseudonyms.digest("idempotency key", &[transfer.as_bytes()]);
        Particulars {
            transfer,
            at,
            not_after,
            idempotency: IdempotencyScope { client: self.client.id.clone(), key },
            content: Content(key),
            answer: Vec::new(),
            traceparent: None,
        }
    }
}

/// The identifier of the person with this code.
pub(super) fn person(code: &str) -> Identifier {
    Identifier { system: ESTONIAN_PERSONAL_CODE.to_owned(), value: Private::new(code) }
}

impl Wish<'_> {
    fn declaration(&self) -> Vec<u8> {
        let basis = basis();
        let mut declaration = json!({
            "destination": self.destination.name().as_str(),
            "purpose": PURPOSE,
            "legal_basis": {
                "gdpr6": basis.gdpr6, "gdpr9": basis.gdpr9, "act": basis.act, "section": basis.section,
            },
            "subject": {
                "system": ESTONIAN_PERSONAL_CODE, "value": self.subject, "given": "Mari", "family": "Maasikas",
            },
            "professional": {
                "code": playground::DOCTOR.0, "personal_code": playground::DOCTOR.1, "role": "doctor",
            },
            "reason": "a report that the registry is owed",
        });
        if let Some(transfer) = self.supersedes {
            declaration["supersedes"] = json!(transfer.to_string());
        }
        declaration.to_string().into_bytes()
    }

    fn document(&self, number: usize) -> Document {
        let document = json!({
            "resourceType": "Composition",
            "title": if number == 0 { self.title.clone() } else { format!("{} {number}", self.title) },
            "subject": { "identifier": { "system": ESTONIAN_PERSONAL_CODE, "value": self.subject } },
            "text": { "status": "generated", "div": "<div>what nobody may learn</div>" },
        });
        Document { media_type: MEDIA_TYPE.to_owned(), bytes: document.to_string().into() }
    }
}

/// Signs nothing: these registries ask for no signature.
#[derive(Debug)]
pub(super) struct NoSignature;

impl PayloadSigner for NoSignature {
    fn key_id(&self) -> &str {
        "none"
    }

    fn sign(&self, _message: &[u8]) -> [u8; 64] {
        [0; 64]
    }
}
