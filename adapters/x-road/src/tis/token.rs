//! Tokens: one for each professional, role and organisation, kept for their lifetime, never shared between persons.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use clearance::adapter::{Means, Reply};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Errand, Tis};
use crate::request::{Request, Resource};
use crate::trouble::{Effect, Trouble, retry_after};

const TOKEN_ANSWER_BYTES_MAX: usize = 1 << 16;
/// A token is not used in the last seconds of its life: the call that carries it takes time as well.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);
/// No token is kept longer, whatever its answer says. TIS gives five minutes.
const LIFETIME_MAX: SignedDuration = SignedDuration::from_hours(1);

/// A token as the header that carries it. It does not print.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token(HeaderValue);

/// The tokens held. Whoever needs one waits at its place, so that several errands of one professional fetch one token.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<HashMap<Holder, Arc<Place>>>);

type Place = tokio::sync::Mutex<Option<Held>>;

/// The digest of person, role and organisation: no personal code is kept in memory for the sake of a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Holder([u8; 32]);

#[derive(Debug)]
struct Held {
    token: Token,
    until: Timestamp,
}

#[derive(Serialize)]
struct Demand<'a> {
    user: User<'a>,
    organization: &'a str,
    role: &'a str,
    application: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct User<'a> {
    personal_code: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Grant {
    access_token: String,
    expires_in: u32,
    token_type: String,
}

impl Token {
    /// The `Authorization` header.
    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Tokens {
    /// The place of the token of `holder`. Places whose token is of no use any more are cleared away.
    fn place(&self, holder: Holder, now: Timestamp) -> Arc<Place> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|_, place| Arc::strong_count(place) > 1 || is_of_use(place, now));
        Arc::clone(places.entry(holder).or_default())
    }
}

/// Nobody waits at the place, so that it can be looked at.
fn is_of_use(place: &Place, now: Timestamp) -> bool {
    place.try_lock().is_ok_and(|held| held.as_ref().is_some_and(|held| now < held.until))
}

impl Tis {
    /// The professional's token, fetched if none is held that still lives.
    pub(super) async fn token(&self, errand: Errand<'_>, means: &Means<'_>) -> Result<Token, Trouble> {
        let place = self.tokens.place(self.holder(errand), means.clock.now());
        let mut held = place.lock().await;
        if let Some(held) = held.as_ref().filter(|held| means.clock.now() < held.until) {
            return Ok(held.token.clone());
        }
        *held = None;
        let fetched = self.fetch(errand, means).await?;
        let token = fetched.token.clone();
        *held = Some(fetched);
        Ok(token)
    }

    /// Drops `token`, unless somebody has replaced it already.
    pub(super) async fn forget(&self, errand: Errand<'_>, token: &Token) {
        let place = self.tokens.place(self.holder(errand), Timestamp::MIN);
        let mut held = place.lock().await;
        held.take_if(|held| held.token == *token);
    }

    async fn fetch(&self, errand: Errand<'_>, means: &Means<'_>) -> Result<Held, Trouble> {
        let demand = Demand {
            user: User { personal_code: errand.professional.expose() },
            organization: &self.organisation,
            role: errand.role,
            application: &self.application,
        };
        let body = serde_json::to_vec(&demand).map_err(|_| unreadable())?;
        let request = Request {
            method: Method::POST,
            service: &self.auth,
            resource: Resource::root().at("v2").at("token"),
            message: errand.before("token"),
            media_type: "application/json",
            headers: HeaderMap::new(),
            body: Some(Bytes::from(body)),
            answer_bytes_max: TOKEN_ANSWER_BYTES_MAX,
        };
        let reply = self.send(request, means).await.map_err(without_the_document)?;
        read(&reply, means.clock.now())
    }

    fn holder(&self, errand: Errand<'_>) -> Holder {
        let mut context = Context::new(&SHA256);
        for part in [errand.professional.expose(), errand.role, &self.organisation] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut holder = [0; 32];
        holder.copy_from_slice(context.finish().as_ref());
        Holder(holder)
    }
}

/// A demand for a token carries no document: the document cannot have arrived with it.
fn without_the_document(trouble: Trouble) -> Trouble {
    match trouble.effect {
        Effect::PerhapsArrived => Trouble { effect: Effect::NotArrived, ..trouble },
        Effect::Permanent | Effect::NotArrived => trouble,
    }
}

fn read(reply: &Reply, now: Timestamp) -> Result<Held, Trouble> {
    match reply.status {
        StatusCode::OK | StatusCode::CREATED => {}
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return Err(Trouble::new(Effect::Permanent, "tis-professional-not-entitled"));
        }
        _ => {
            let trouble = Trouble::new(Effect::NotArrived, "tis-token-not-given");
            return Err(trouble.after(retry_after(&reply.headers, now)));
        }
    }
    let grant: Grant = serde_json::from_slice(&reply.body).map_err(|_| unreadable())?;
    if !grant.token_type.eq_ignore_ascii_case("bearer") || grant.access_token.is_empty() {
        return Err(unreadable());
    }
    let header = format!("Bearer {}", grant.access_token);
    let mut header = HeaderValue::from_str(&header).map_err(|_| unreadable())?;
    header.set_sensitive(true);
    let lifetime = SignedDuration::from_secs(grant.expires_in.into()).min(LIFETIME_MAX) - MARGIN;
    Ok(Held { token: Token(header), until: now.saturating_add(lifetime).unwrap_or(now) })
}

fn unreadable() -> Trouble {
    Trouble::new(Effect::NotArrived, "tis-token-unreadable")
}
