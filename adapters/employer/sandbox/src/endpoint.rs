//! The employer's one call, `POST /health-check-decisions`: who signed, whether it was here before, what is in it, a receipt.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::rand;
use http::header::ALLOW;
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::json;
use stand_in::{Answer, Asked, Role, json, sha256_hex};

use crate::outcome::{self, FHIR_JSON, refusal};
use crate::{Decision, Signer, decision, signature};

const PATH: &str = "/health-check-decisions";
/// Nobody who sends a decision needs more.
const BODY_BYTES_MAX: usize = 20 * 1024 * 1024;
const KEY_CHARACTERS_MAX: usize = 255;
/// Above this the employer says it is full; a stand-in lives in memory.
const DECISIONS_MAX: usize = 100_000;

/// The employer.
pub(crate) struct EmployerEndpoint {
    registry_code: String,
    signers: Vec<Signer>,
    allow_suggestions: bool,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    decisions: Vec<Decision>,
    /// By idempotency key: the digest of the body and the answer given.
    answers: HashMap<String, (String, Answer)>,
}

type Checked<T> = Result<T, Box<Answer>>;

impl EmployerEndpoint {
    pub(crate) fn new(registry_code: String, signers: Vec<Signer>, allow_suggestions: bool) -> Self {
        Self { registry_code, signers, allow_suggestions, taken: Mutex::default() }
    }

    pub(crate) fn decisions(&self) -> Vec<Decision> {
        self.lock().decisions.clone()
    }

    fn take(&self, asked: &Asked, now: Timestamp) -> Checked<Answer> {
        call(asked)?;
        let key = idempotency_key(asked)?;
        self.signed(asked)?;
        let digest = sha256_hex(&asked.body);
        // Held until the answer is kept: of two at once with one key, the second sees the first.
        let mut taken = self.lock();
        if let Some((before, answer)) = taken.answers.get(key) {
            return if *before == digest {
                Ok(answer.clone().remarking("repeated with the same idempotency key"))
            } else {
                Err(refused(422, "conflict", "the idempotency key was used for another body"))
            };
        }
        self.acceptable(asked)?;
        if taken.decisions.len() >= DECISIONS_MAX {
            return Err(refused(503, "no-store", "full"));
        }
        let receipt = receipt()?;
        let answer = Answer::json(
            StatusCode::CREATED,
            "application/json",
            &json!({ "receipt": receipt, "sha256": digest, "receivedAt": now.to_string() }),
        );
        taken.decisions.push(Decision {
            receipt,
            idempotency_key: key.to_owned(),
            document: asked.body.to_vec(),
        });
        taken.answers.insert(key.to_owned(), (digest, answer.clone()));
        Ok(answer)
    }

    fn signed(&self, asked: &Asked) -> Checked<()> {
        let signature = asked
            .header("x-jws-signature")
            .ok_or_else(|| refused(401, "security", "one `X-JWS-Signature` is required"))?;
        signature::verify(&self.signers, signature, &asked.body).map_err(|why| refused(401, "security", why))
    }

    fn acceptable(&self, asked: &Asked) -> Checked<()> {
        let document = json::read(&asked.body).map_err(|why| refused(400, "structure", &why))?;
        let judged = decision::judge(&document, self.allow_suggestions);
        if judged.addressees.iter().any(|code| *code != self.registry_code) {
            return Err(refused(403, "forbidden", "the decision is for another employer"));
        }
        judged.issues.refuse(StatusCode::UNPROCESSABLE_ENTITY)
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Role for EmployerEndpoint {
    fn answer(&self, asked: &Asked, now: Timestamp) -> Answer {
        self.take(asked, now).unwrap_or_else(|refusal| *refusal)
    }

    fn failure(&self, _asked: &Asked, status: StatusCode) -> Answer {
        outcome::failure(status)
    }

    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }
}

impl fmt::Debug for EmployerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmployerEndpoint").field("registry_code", &self.registry_code).finish_non_exhaustive()
    }
}

fn call(asked: &Asked) -> Checked<()> {
    if asked.uri.path() != PATH || asked.uri.query().is_some() {
        return Err(refused(404, "not-found", "there is only `/health-check-decisions`"));
    }
    if asked.method != Method::POST {
        let refusal = *refused(405, "not-supported", "only `POST` is taken");
        return Err(Box::new(refusal.with(ALLOW, "POST")));
    }
    if asked.media_type().as_deref() != Some(FHIR_JSON) {
        return Err(refused(415, "not-supported", "only `application/fhir+json` is taken"));
    }
    Ok(())
}

fn idempotency_key(asked: &Asked) -> Checked<&str> {
    asked
        .header("idempotency-key")
        .filter(|key| (1..=KEY_CHARACTERS_MAX).contains(&key.len()))
        .filter(|key| key.bytes().all(|b| b.is_ascii_graphic()))
        .ok_or_else(|| {
            refused(400, "required", "one `Idempotency-Key` of 1 to 255 visible characters is required")
        })
}

fn receipt() -> Checked<String> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| refused(500, "exception", "no randomness"))?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}

fn refused(status: u16, kind: &'static str, why: &str) -> Box<Answer> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Box::new(refusal(status, kind, why))
}
