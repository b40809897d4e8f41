//! What a running gateway consists of; every request and every delivery works on this.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use clearance::adapter::{PayloadSigner, Transport};
use clearance::clock::{Clock, Entropy};
use clearance::declaration::Declaration;
use clearance::journey::{Recorder, RecorderError, Vault};
use clearance::refusal::Refusal;
use clearance::seal::Bodies;
use identity::Reloader;
use jiff::Timestamp;
use ledger::Entry;
use store::Sqlite;

use crate::admin::Operations;
use crate::config::Config;
use crate::delivery::Bells;
use crate::health::Health;
use crate::intake::problem::{Kind, Problem};
use crate::intake::{Caller, Questions, Room, Waiting};
use crate::listener::Places;
use crate::rates::Rates;
use crate::rules::Rules;
use crate::sightings::Sightings;
use crate::telemetry::metrics::{self, Connections};

/// A running gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) config: ArcSwap<Config>,
    pub(crate) rules: ArcSwap<Rules>,
    pub(crate) trust: Reloader,
    pub(crate) store: Arc<Sqlite>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) bodies: Arc<dyn Bodies>,
    pub(crate) room: Room,
    pub(crate) rates: Rates,
    pub(crate) health: Health,
    pub(crate) connections: Connections,
    pub(crate) places: Places,
    pub(crate) sightings: Sightings,
    pub(crate) waiting: Waiting,
    pub(crate) questions: Questions,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) signer: Arc<dyn PayloadSigner>,
    pub(crate) bells: Bells,
    pub(crate) operations: Operations,
}

impl Gateway {
    /// Where problem types open; empty means beside the API itself.
    pub(crate) fn problem_base_url(&self) -> String {
        self.config.load().intake.problem_base_url.trim_end_matches('/').to_owned()
    }

    /// After which a transfer is not delivered any more: as declared, but no later than the settings allow, because its
    /// body is kept until then.
    pub(crate) fn not_after(&self, declaration: &Declaration, accepted_at: Timestamp) -> Timestamp {
        self.config.load().delivery.not_after(declaration.not_after, accepted_at)
    }

    /// Whether it is safe to accept a transfer now.
    pub(crate) fn accepting(&self) -> Result<(), Problem> {
        self.health.accepting(self.clock.now()).map_err(|why| {
            metrics::not_accepting(why);
            Problem::new(Kind::NotAccepting, format!("not safe now: {why}"))
                .retry_after(Duration::from_secs(30))
        })
    }

    /// Puts a refusal on record, unless this client is refused faster than is ledgered.
    pub(crate) async fn note_refusal(
        &self,
        caller: &Caller,
        request: &crate::intake::RequestId,
        refusal: &Refusal,
        named: Option<(String, String)>,
    ) -> Result<(), Problem> {
        let destination = named.as_ref().map_or("-", |(destination, _)| destination);
        metrics::refused_by_rule(destination, refusal.stage.code(), &refusal.rule);
        if !self.rates.refusal_is_ledgered(&caller.client.id) {
            return Ok(());
        }
        let entry = self.refusal_entry(caller, request, refusal, named);
        let entry =
            entry.map_err(|_| Problem::new(Kind::Internal, "the refusal could not be put on record"))?;
        self.store.note(entry).await.map(drop).map_err(|error: RecorderError| {
            tracing::error!(event.action = "record-failed", error.message = %error, "a refusal could not be recorded");
            Problem::new(Kind::NotAccepting, "the record cannot be written").retry_after(Duration::from_secs(30))
        })
    }

    fn refusal_entry(
        &self,
        caller: &Caller,
        request: &crate::intake::RequestId,
        refusal: &Refusal,
        named: Option<(String, String)>,
    ) -> Result<Entry, ledger::ValueError> {
        let (destination, purpose) = named.unzip();
        Ok(Entry::Refusal(ledger::Refusal {
            at: self.clock.now().try_into()?,
            client: caller.client.id.as_str().parse()?,
            destination: destination.map(|name| name.parse()).transpose()?,
            purpose: purpose.map(|name| name.parse()).transpose()?,
            rule: refusal.rule.parse()?,
            stage: refusal.stage.code().parse()?,
            faults: u32::try_from(refusal.faults.len()).unwrap_or(u32::MAX).into(),
            request: request.as_str().parse()?,
        }))
    }
}
