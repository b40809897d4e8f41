//! What becomes of a transfer whose key cannot be had: it is never withheld for it, and its body never erased.

use std::path::Path;
use std::sync::Arc;

use clearance::clock::SystemEntropy;
use clearance::journey::{Recorder, Vault};
use clearance::keys::{PseudonymKey, Secret};
use clearance::seal::KeyRing;
use clearance::words::{State, TransferId};
use jiff::SignedDuration;
use store::conformance::at;

use super::chance::{Chance, GiveWay, Time};
use super::clinic::{Clinic, NoSignature, Wish};
use super::model::{Disk, Model};
use super::registries::Registries;
use super::witness::Witness;
use crate::delivery::{Courier, Halt, Retry, Step, Terms};
use crate::playground::WORKER;

/// One transfer to the archive, accepted and waiting.
struct Waiting {
    clinic: Clinic,
    model: Model,
    time: Arc<Time>,
    transfer: TransferId,
}

impl Waiting {
    async fn sealed_in(ring: &Path) -> Self {
        let clinic = Clinic::open(at(0));
        let model = Disk::default().boot(at(0)).unwrap();
        let transfer = TransferId::new(at(0), &SystemEntropy).unwrap();
        let vault = vault(ring, 2);
        let wish = Wish {
            subject: WORKER.code,
            destination: &clinic.destinations[1],
            title: "Report".into(),
            documents: 1,
            supersedes: None,
        };
        let particulars = clinic.particulars(transfer, at(0), at(1000), &vault);
        clinic.submit(&wish, &model, &vault, particulars).await.unwrap();
        Self { clinic, model, time: Arc::new(Time::starting(at(0))), transfer }
    }

    /// Carries it one step with the keys of `vault`.
    async fn carried_with(&self, vault: Vault) -> Result<Step, Halt> {
        let chance = Arc::new(Chance::of(0));
        chance.calm_down();
        let witness = Arc::new(Witness::new(self.model.clone(), Arc::clone(&self.time)));
        let courier = Courier {
            recorder: Arc::new(self.model.clone()),
            vault: Arc::new(vault),
            bodies: self.clinic.bodies(),
            clock: Arc::clone(&self.time) as _,
            entropy: Arc::clone(&chance) as _,
            patience: Arc::new(GiveWay),
            transport: Arc::new(Registries::new(Arc::clone(&self.time), chance, witness)),
            signer: Arc::new(NoSignature),
        };
        let destination = &*self.clinic.destinations[1];
        let retry = Retry { first: SECOND, factor: 1.0, max: SECOND };
        let attempt = SignedDuration::from_secs(10);
        let policy = &self.clinic.policy;
        let terms = Terms { destination, policy, index: None, retry, attempt, bytes_per_second: 1 << 20 };
        let due = self.model.due(destination.name(), at(900), 1).await.unwrap().pop().expect("it is due");
        courier.carry(due, terms).await
    }

    /// The registries take their time.
    async fn time_passes(&self) {
        loop {
            if let Some(next) = self.time.next_alarm() {
                self.time.go_on_to(next);
            }
            tokio::task::yield_now().await;
        }
    }
}

const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

fn vault(ring: &Path, master: u8) -> Vault {
    Vault {
        pseudonyms: PseudonymKey::new(Secret::new([1; 32])),
        ring: KeyRing::new(ring, Secret::new([master; 32])),
        entropy: Arc::new(SystemEntropy),
    }
}

#[tokio::test]
async fn under_a_wrong_master_key_delivery_halts_and_what_waits_is_delivered_under_the_right_one() {
    let ring = tempfile::tempdir().unwrap();
    let waiting = Waiting::sealed_in(ring.path()).await;
    let halted = waiting.carried_with(vault(ring.path(), 9)).await;
    assert!(matches!(halted, Err(Halt::Ring(_))), "{halted:?}");
    let view = waiting.model.view(waiting.transfer).unwrap();
    // Nothing was sent, so nothing is in doubt.
    assert_eq!((view.state, view.code.as_deref()), (State::Delivering, Some("key-ring-unusable")));
    assert!(waiting.model.keeps_bodies());

    let carried = tokio::select! {
        carried = waiting.carried_with(vault(ring.path(), 2)) => carried,
        () = waiting.time_passes() => unreachable!("it passes for ever"),
    };
    assert_eq!(carried.unwrap(), Step::Taken);
    assert_eq!(waiting.model.view(waiting.transfer).unwrap().state, State::Delivered);
}

#[tokio::test]
async fn a_transfer_whose_key_is_gone_is_parked_with_its_body_until_its_deadline() {
    let (ring, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let waiting = Waiting::sealed_in(ring.path()).await;
    let parked = waiting.carried_with(vault(empty.path(), 2)).await.unwrap();
    assert_eq!(parked, Step::Parked("key-gone"));
    let view = waiting.model.view(waiting.transfer).unwrap();
    assert_eq!((view.state, view.code.as_deref()), (State::Delivering, Some("key-gone")));
    assert!(view.next_attempt_at > Some(view.not_after), "{view:?}");
    assert!(waiting.model.keeps_bodies());
}
