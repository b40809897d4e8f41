//! The consumer side of the Security Server: who calls, which service is meant, and X-Road's own headers and errors around the
//! provider's answer (message protocol for REST, version 1).
//!
//! The token service and the patient index stand behind every one; what else does is a stand-in's own ([`Services`]). It
//! forwards in memory; there is no second Security Server, no signature and no message log.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::outcome::{self, refusal};
use super::patients::PatientIndex;
use super::query::decoded;
use super::tokens::{Token, TokenService};
use super::{Patient, RegisteredClient, Right};
use crate::{Answer, Asked, Role, certificates, sha256_hex};
use aws_lc_rs::digest::{SHA512, digest};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, StatusCode};
use jiff::Timestamp;
use serde_json::json;

const TIS: &str = "GOV/70009770/tis";
/// What a Security Server of the Estonian package takes.
const BODY_BYTES_MAX: usize = 20 * 1024 * 1024;
const REMEMBERED_MAX: usize = 100_000;
/// What the request hash leaves out: it concerns the hop, not the message (`RestMessage.java`).
const NOT_HASHED: [&str; 15] = [
    "transfer-encoding",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "upgrade",
    "connection",
    "user-agent",
    "host",
    "content-length",
    "server",
    "expect",
    "x-road-request-id",
    "x-road-request-hash",
];

/// How the Security Server and what stands behind every one are set up.
#[derive(Debug)]
pub struct Settings {
    /// The X-Road instance: `ee-dev`, `ee-test`, `EE`.
    pub instance: String,
    /// The information systems registered at the Security Server.
    pub clients: Vec<RegisteredClient>,
    /// Who may act for whom, as the token service's register has it.
    pub rights: Vec<Right>,
    /// The persons the patient index knows.
    pub patients: Vec<Patient>,
    /// How long a token really lives; its answer says 300 seconds whatever this is.
    pub token_lifetime: Duration,
}

/// What else stands behind the Security Server than the token service and the patient index.
pub trait Services: Send + Sync + 'static {
    /// Whether there is such a provider, `class/member/subsystem`, beside the health information system.
    fn provides(&self, provider: &str) -> bool;

    /// Answers a call to one of its services; none when there is no such service.
    fn answer(&self, asked: &Asked, call: &Call, behind: &Behind, now: Timestamp) -> Option<Answer>;
}

/// What stands behind every Security Server.
#[derive(Debug)]
pub struct Behind {
    /// The token service.
    pub tokens: TokenService,
    /// The patient index.
    pub patients: PatientIndex,
}

/// The Security Server with the services behind it.
pub struct SecurityServer<S> {
    instance: String,
    /// Fingerprint of a certificate and the client it is registered for.
    clients: Vec<(String, String)>,
    behind: Behind,
    /// The services of this stand-in.
    pub services: S,
    /// By `X-Road-Id`: the digest of the message it came with.
    messages: Mutex<HashMap<String, String>>,
}

/// A request the Security Server would forward.
#[derive(Debug)]
pub struct Call {
    client: String,
    /// The member code of the calling client.
    pub member: String,
    /// The service as the path names it, `instance/…/service`.
    service: String,
    /// `class/member/subsystem` of the provider.
    pub provider: String,
    /// The service's code.
    pub service_code: String,
    /// The path below the service, decoded.
    pub rest: Vec<String>,
    /// The `X-Road-Id`.
    pub id: String,
}

/// X-Road's own refusal: its type and what it says.
type NotForwarded = (&'static str, &'static str);

impl<S: Services> SecurityServer<S> {
    /// The Security Server, with `services` behind it.
    ///
    /// # Errors
    /// When a client's certificate cannot be read.
    pub fn new(settings: Settings, services: S) -> io::Result<Self> {
        let mut clients = Vec::new();
        for client in &settings.clients {
            for certificate in certificates(&client.certificates_pem, "client certificate")? {
                clients.push((sha256_hex(&certificate), client.client.clone()));
            }
        }
        Ok(Self {
            instance: settings.instance,
            clients,
            behind: Behind {
                tokens: TokenService::new(settings.rights, settings.token_lifetime),
                patients: PatientIndex::new(settings.patients),
            },
            services,
            messages: Mutex::default(),
        })
    }

    fn call(&self, asked: &Asked) -> Result<Call, NotForwarded> {
        let path = asked.uri.path();
        let parts: Vec<&str> = path.splitn(8, '/').collect();
        let ["", "r1", instance, class, member, subsystem, service, rest @ ..] = parts.as_slice() else {
            return Err(("Client.BadRequest", "Invalid request URI"));
        };
        let client = self.client(asked)?;
        let id = asked
            .header("x-road-id")
            .filter(|id| !id.trim().is_empty())
            .ok_or(("Client.MissingHeaderField", "X-Road-Id is required once"))?;
        optional(asked, "x-road-represented-party", 1..=2)?;
        optional(asked, "x-road-security-server", 4..=4)?;
        let undecodable = ("Client.BadRequest", "Invalid request URI");
        let part = |text: &str| decoded(text).ok_or(undecodable);
        let provider = format!("{}/{}/{}", part(class)?, part(member)?, part(subsystem)?);
        let is_there = provider == TIS || self.services.provides(&provider);
        if part(instance)? != self.instance || !is_there {
            return Err((
                "Server.ClientProxy.UnknownMember",
                "Could not find addresses for service provider",
            ));
        }
        let rest = rest.first().copied().unwrap_or_default();
        Ok(Call {
            member: client.split('/').nth(2).unwrap_or_default().to_owned(),
            client,
            service: [*instance, *class, *member, *subsystem, *service].join("/"),
            provider,
            service_code: part(service)?,
            rest: rest
                .split('/')
                .filter(|segment| !segment.is_empty())
                .map(part)
                .collect::<Result<_, _>>()?,
            id: id.to_owned(),
        })
    }

    fn client(&self, asked: &Asked) -> Result<String, NotForwarded> {
        let missing = ("Server.ClientProxy.InvalidClientIdentifier", "The client identifier is missing");
        let header = asked.header("x-road-client").ok_or(missing)?;
        let parts: Option<Vec<String>> = header.split('/').map(decoded).collect();
        let client = parts
            .filter(|parts| (3..=4).contains(&parts.len()) && parts.iter().all(|part| !part.is_empty()))
            .ok_or(("Client.BadRequest", "Invalid Client Id"))?
            .join("/");
        let registered = |(_, known): &&(String, String)| *known == client;
        if !self.clients.iter().any(|row| registered(&row)) {
            return Err(("Server.ClientProxy.UnknownMember", "Client not found"));
        }
        let shown = |(fingerprint, _): &&(String, String)| *fingerprint == asked.peer;
        if !self.clients.iter().any(|row| registered(&row) && shown(&row)) {
            let why = "Client specifies HTTPS NOAUTH or another TLS certificate";
            return Err(("Server.ClientProxy.SslAuthenticationFailed", why));
        }
        Ok(client)
    }

    fn serve(&self, asked: &Asked, call: &Call, now: Timestamp) -> Answer {
        match (call.provider.as_str(), call.service_code.as_str()) {
            (TIS, "auth") => self.behind.tokens.answer(asked, call, now),
            (TIS, "mpi") => self
                .behind
                .by_token(asked, call, now, |token| self.behind.patients.answer(asked, call, token)),
            _ => self
                .services
                .answer(asked, call, &self.behind, now)
                .unwrap_or_else(|| x_road_error("Server.ServerProxy.UnknownService", "Unknown service")),
        }
    }

    /// Notes when an `X-Road-Id` comes back with another message than before.
    fn remember(&self, asked: &Asked, call: &Call) -> Option<&'static str> {
        let mut message = format!("{} {}\n", asked.method, asked.uri).into_bytes();
        message.extend_from_slice(&asked.body);
        let message = sha256_hex(&message);
        let mut messages = self.messages();
        if messages.len() >= REMEMBERED_MAX {
            messages.clear();
        }
        let before = messages.entry(call.id.clone()).or_insert_with(|| message.clone());
        (*before != message).then_some("X-Road-Id repeated with another message")
    }

    fn messages(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Behind {
    /// `answer` to the holder of the token that `asked` shows, or the refusal of one that is not valid.
    pub fn by_token(
        &self,
        asked: &Asked,
        call: &Call,
        now: Timestamp,
        answer: impl FnOnce(&Token) -> Answer,
    ) -> Answer {
        match self.tokens.shown(asked, call, now) {
            Ok(token) => answer(&token),
            Err(refusal) => *refusal,
        }
    }
}

impl<S: Services> Role for SecurityServer<S> {
    fn answer(&self, asked: &Asked, now: Timestamp) -> Answer {
        let call = match self.call(asked) {
            Ok(call) => call,
            Err((kind, why)) => return x_road_error(kind, why),
        };
        let remark = self.remember(asked, &call);
        let answer = self.serve(asked, &call, now);
        let answer = framed(asked, &call, answer);
        match remark {
            Some(remark) => answer.remarking(remark),
            None => answer,
        }
    }

    fn failure(&self, asked: &Asked, status: StatusCode) -> Answer {
        let answer = outcome::failure(status);
        match self.call(asked) {
            Ok(call) => framed(asked, &call, answer),
            Err(_) => answer,
        }
    }

    fn x_road_error(&self, _asked: &Asked, kind: &str) -> Answer {
        x_road_error(kind, outcome::TOLD)
    }

    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }
}

impl<S> fmt::Debug for SecurityServer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecurityServer").field("instance", &self.instance).finish_non_exhaustive()
    }
}

fn optional(asked: &Asked, name: &str, parts: std::ops::RangeInclusive<usize>) -> Result<(), NotForwarded> {
    let fits = match asked.header(name) {
        Some(value) => parts.contains(&value.split('/').count()),
        None => !asked.headers.contains_key(name),
    };
    fits.then_some(()).ok_or(("Client.BadRequest", "Invalid identifier in an X-Road header"))
}

/// X-Road's own error: 500 when a server is to blame, else 400 (PR-REST 4.6).
fn x_road_error(kind: &str, message: &str) -> Answer {
    let status =
        if kind.starts_with("Server.") { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::BAD_REQUEST };
    let body = json!({ "type": kind, "message": message, "detail": "" });
    Answer::json(status, "application/json;charset=utf-8", &body)
        .with(HeaderName::from_static("x-road-error"), kind)
}

/// Puts X-Road's headers around what the provider answered; an error of X-Road's own gets none.
fn framed(asked: &Asked, call: &Call, answer: Answer) -> Answer {
    if answer.headers.contains_key("x-road-error") {
        return answer;
    }
    let Some(request_id) = request_id() else {
        return refusal(StatusCode::INTERNAL_SERVER_ERROR, "exception", "no randomness");
    };
    let hash = request_hash(asked, &request_id);
    answer
        .with(HeaderName::from_static("x-road-client"), &call.client)
        .with(HeaderName::from_static("x-road-service"), &call.service)
        .with(HeaderName::from_static("x-road-id"), &call.id)
        .with(HeaderName::from_static("x-road-request-id"), &request_id)
        .with(HeaderName::from_static("x-road-request-hash"), &hash)
}

fn request_id() -> Option<String> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).ok()?;
    Some(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}

/// The hash of the request as forwarded: of its head, and of head and body together when there is a body.
///
/// Header names are hashed in lower case, as they arrive over HTTP/2; over HTTP/1.1 the real server hashes them as written.
fn request_hash(asked: &Asked, request_id: &str) -> String {
    let head = digest(&SHA512, &hashed_head(asked, request_id));
    if asked.body.is_empty() {
        return STANDARD.encode(head);
    }
    let body = digest(&SHA512, &asked.body);
    STANDARD.encode(digest(&SHA512, &[head.as_ref(), body.as_ref()].concat()))
}

fn hashed_head(asked: &Asked, request_id: &str) -> Vec<u8> {
    let path = asked.uri.path_and_query().map_or("", |path| path.as_str());
    let mut head = format!("{}\r\n{path}\r\n", asked.method).into_bytes();
    let mut write = |name: &str, value: &[u8]| {
        head.extend_from_slice(name.as_bytes());
        head.push(b':');
        head.extend_from_slice(value);
        head.extend_from_slice(b"\r\n");
    };
    for (name, value) in hashed(&asked.headers) {
        write(name, value);
    }
    write("x-road-request-id", request_id.as_bytes());
    head
}

fn hashed(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .filter(|(name, _)| !NOT_HASHED.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_hash_is_that_of_the_protocol() {
        let mut headers = HeaderMap::new();
        headers.insert("host", "localhost".parse().unwrap());
        headers.insert("x-road-client", "EE/COM/1/a".parse().unwrap());
        headers.insert("x-road-id", "i".parse().unwrap());
        let mut asked = Asked {
            method: http::Method::GET,
            uri: "/r1/a?b=c".parse().unwrap(),
            headers,
            body: "".into(),
            peer: String::new(),
        };
        let head = "GET\r\n/r1/a?b=c\r\nx-road-client:EE/COM/1/a\r\nx-road-id:i\r\nx-road-request-id:r\r\n";
        assert_eq!(String::from_utf8(hashed_head(&asked, "r")).unwrap(), head);
        let head = digest(&SHA512, head.as_bytes());
        assert_eq!(request_hash(&asked, "r"), STANDARD.encode(head));
        asked.body = "x".into();
        let both = [head.as_ref(), digest(&SHA512, b"x").as_ref()].concat();
        assert_eq!(request_hash(&asked, "r"), STANDARD.encode(digest(&SHA512, &both)));
    }
}
