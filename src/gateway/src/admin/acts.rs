//! What all acts have in common: a body that is read strictly, and a reason that names nobody.

use clearance::declaration::is_neutral;
use clearance::journey::Recorder;
use ledger::Text;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use store::Operator;

use super::access::Caller;
use super::problem::AdminProblem;
use crate::gateway::Gateway;

/// What stands where none was asked for.
const NO_REASON: &str = "-";
/// The longest reason, in characters.
const REASON_MAX: usize = 200;

/// Why an operator acts: a line for the ledger, which is kept for years. It names no person and nothing clinical.
#[derive(Debug, Default)]
pub(super) struct Reason(Option<Text>);

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.chars().count() > REASON_MAX {
            return Err(D::Error::custom("the reason is longer than 200 characters"));
        }
        if !is_neutral(&text) {
            return Err(D::Error::custom(
                "the reason names a person or something clinical: it is kept for years",
            ));
        }
        let text = text.trim().parse();
        text.map(|text| Self(Some(text))).map_err(|_| D::Error::custom("the reason is not one line of text"))
    }
}

/// Reads the body of an act.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, AdminProblem> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        // The place, and what we say ourselves; of the body nothing.
        let said = error.to_string();
        let ours = ["the reason"].iter().any(|ours| said.starts_with(ours));
        let detail = if ours { said } else { format!("the body does not fit, at column {}", error.column()) };
        AdminProblem::malformed(detail)
    })
}

/// Who acts now, for the ledger.
pub(super) fn operator(gateway: &Gateway, caller: &Caller, reason: Reason) -> Result<Operator, AdminProblem> {
    let who = caller.who.parse().map_err(|_| AdminProblem::malformed("the caller has no name"))?;
    let reason = reason.0.map_or_else(|| NO_REASON.parse(), Ok);
    let reason = reason.map_err(|_| AdminProblem::malformed("the reason is not one line of text"))?;
    Ok(Operator { who, at: gateway.clock.now(), reason })
}

/// Puts an act on record that changes nothing in the store.
pub(super) async fn note(
    gateway: &Gateway,
    operator: &Operator,
    action: &str,
    object: &str,
) -> Result<(), AdminProblem> {
    let entry = operator.entry(action, object);
    let entry = entry.map_err(|_| AdminProblem::malformed("the act is too long to be recorded"))?;
    gateway.store.note(entry.into()).await?;
    Ok(())
}
