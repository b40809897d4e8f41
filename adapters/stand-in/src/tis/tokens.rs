//! The token service, `tis/auth`: proves a person's role for an organisation against the register of rights and gives a token
//! that belongs to that person, organisation and role for a while.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use http::header::WWW_AUTHENTICATE;
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::Right;
use super::codes::is_personal_code;
use super::outcome::refusal;
use super::security_server::Call;
use crate::{Answer, Asked};

/// What the answer announces, whatever the lifetime is.
const ANNOUNCED_SECONDS: u32 = 300;

const ROLES: [&str; 12] = [
    "doctor",
    "midwife",
    "nurse",
    "clinical-psychologist",
    "speech-therapist",
    "physiotherapist",
    "specialist",
    "student",
    "gov-official",
    "org-legal-representative",
    "consumer",
    "consumer-limited",
];

/// The roles that treat patients: they read the patient index, and file certificates (`hcert.certificate.manage`).
const MANAGING: [&str; 8] = [
    "doctor",
    "midwife",
    "nurse",
    "clinical-psychologist",
    "speech-therapist",
    "physiotherapist",
    "specialist",
    "student",
];

/// The service.
pub struct TokenService {
    rights: Vec<Right>,
    lifetime: Duration,
    given: Mutex<HashMap<String, Token>>,
}

/// Whom a token belongs to.
#[derive(Debug, Clone)]
pub struct Token {
    right: Right,
    /// Whom the holder represents besides.
    pub represented: Option<String>,
    expires: Timestamp,
}

impl Token {
    /// Whether the holder's role is one that treats patients.
    pub fn manages(&self) -> bool {
        MANAGING.contains(&self.right.role.as_str())
    }

    /// The holder's role.
    pub fn role(&self) -> &str {
        &self.right.role
    }

    /// The registry code of the organisation the holder acts for.
    pub fn organisation(&self) -> &str {
        &self.right.organisation
    }

    /// Whether `code` is the holder's, as a person or as a professional.
    pub fn is_held_by(&self, code: &str) -> bool {
        self.right.personal_code == code || self.right.professional_code.as_deref() == Some(code)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TokenRequest {
    user: User,
    organization: String,
    role: String,
    application: String,
    represented_party: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct User {
    personal_code: String,
}

impl TokenService {
    /// The service with this register, whose tokens live so long.
    pub fn new(rights: Vec<Right>, lifetime: Duration) -> Self {
        Self { rights, lifetime, given: Mutex::default() }
    }

    /// Answers a call to the service.
    pub fn answer(&self, asked: &Asked, call: &Call, now: Timestamp) -> Answer {
        if asked.method != Method::POST || call.rest != ["v2", "token"] {
            return refusal(StatusCode::NOT_FOUND, "not-found", "there is only POST v2/token");
        }
        self.give(asked, call, now).unwrap_or_else(|(status, kind, why)| refusal(status, kind, why))
    }

    fn give(
        &self,
        asked: &Asked,
        call: &Call,
        now: Timestamp,
    ) -> Result<Answer, (StatusCode, &'static str, &'static str)> {
        let bad = |why| (StatusCode::BAD_REQUEST, "invalid", why);
        let forbidden = |why| (StatusCode::FORBIDDEN, "forbidden", why);
        if asked.media_type().as_deref() != Some("application/json") {
            let why = "only application/json is taken";
            return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-supported", why));
        }
        let request: TokenRequest = serde_json::from_slice(&asked.body)
            .map_err(|_| bad("the body is not exactly a token request"))?;
        if !is_personal_code(&request.user.personal_code) {
            return Err(bad("user.personalCode is not a personal code"));
        }
        if !ROLES.contains(&request.role.as_str()) {
            return Err(bad("role is not known"));
        }
        let application = &request.application;
        if application.is_empty() || application.contains(char::is_whitespace) {
            return Err(bad("application is a name without blanks"));
        }
        if request.organization != call.member {
            return Err(forbidden("organization is not the X-Road client's member"));
        }
        let right = self
            .right(&request)
            .ok_or_else(|| forbidden("the person has no such role for the organization"))?;
        let token = Token {
            right,
            represented: request.represented_party,
            expires: now
                .saturating_add(
                    jiff::SignedDuration::try_from(self.lifetime).unwrap_or(jiff::SignedDuration::MAX),
                )
                .unwrap_or(Timestamp::MAX),
        };
        self.hand_out(token, now)
    }

    fn right(&self, request: &TokenRequest) -> Option<Right> {
        let fits = |right: &&Right| {
            right.personal_code == request.user.personal_code
                && right.organisation == request.organization
                && right.role == request.role
                && request.represented_party.iter().all(|party| right.represented.contains(party))
        };
        self.rights.iter().find(fits).cloned()
    }

    fn hand_out(
        &self,
        token: Token,
        now: Timestamp,
    ) -> Result<Answer, (StatusCode, &'static str, &'static str)> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes)
            .map_err(|_| (StatusCode::INTERNAL_SERVER_ERROR, "exception", "no randomness"))?;
        let name = hex::encode(bytes);
        let answer = json!({ "accessToken": name, "expiresIn": ANNOUNCED_SECONDS, "tokenType": "Bearer" });
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        // Long expired ones go; recently expired ones stay, to be told from ones that never were.
        let kept_since = now.saturating_sub(jiff::SignedDuration::from_hours(1)).unwrap_or(Timestamp::MIN);
        given.retain(|_, token| token.expires > kept_since);
        given.insert(name, token);
        Ok(Answer::json(StatusCode::OK, "application/json", &answer))
    }

    /// The token `asked` shows, when it is valid at `now` and belongs to the calling member.
    ///
    /// # Errors
    /// The refusal.
    pub fn shown(&self, asked: &Asked, call: &Call, now: Timestamp) -> Result<Token, Box<Answer>> {
        let unauthorised = |kind, why: &str| {
            let answer = refusal(StatusCode::UNAUTHORIZED, kind, why);
            Box::new(answer.with(WWW_AUTHENTICATE, "Bearer error=\"invalid_token\""))
        };
        let name = asked
            .header("authorization")
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(|| unauthorised("login", "a bearer token is required"))?;
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let token = given.get(name).ok_or_else(|| unauthorised("login", "the token is not known"))?;
        if token.expires <= now {
            return Err(unauthorised("expired", "the token has expired"));
        }
        if token.organisation() != call.member {
            let why = "the token belongs to another organization";
            return Err(Box::new(refusal(StatusCode::FORBIDDEN, "forbidden", why)));
        }
        Ok(token.clone())
    }
}

impl fmt::Debug for TokenService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenService").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}
