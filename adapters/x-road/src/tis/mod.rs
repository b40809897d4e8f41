//! The health information system (TIS) of TEHIK, over X-Road REST: a token for each professional, the patient index,
//! and FHIR calls on a professional's behalf.
//!
//! It knows how one calls TIS and reads its answers, not what one files there: that is each destination's own affair.

pub mod members;
pub mod outcome;
mod patient;
mod token;

use bytes::Bytes;
use clearance::adapter::{IndexInquiry, Means, Promise, Reply, Setback, SubjectIndex};
use clearance::journey::Inquiry;
use clearance::person::{Identifier, Private};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use uuid::Uuid;

use self::token::{Token, Tokens};
use crate::address::{LocalClient, LocalService, Part, ServiceId};
use crate::answer::of_the_service;
use crate::request::{Message, Request, Resource, SecurityServer};
use crate::trouble::Trouble;

/// The media type of FHIR in JSON.
pub const FHIR_JSON: &str = "application/fhir+json";
const PREFER: HeaderName = HeaderName::from_static("prefer");
/// The largest answer with a document, in bytes: a certificate with its history link takes some ten thousand.
const DOCUMENT_ANSWER_BYTES_MAX: usize = 1 << 21;

/// How to reach TIS.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TisSettings {
    /// The Security Server's name in the configuration of peers.
    pub peer: String,
    /// The Security Server's address, such as `https://security-server.example:8443`.
    pub url: String,
    /// The X-Road instance: `ee-dev`, `ee-test` or `EE`.
    pub instance: Part,
    /// The clinic's own subsystem, such as `COM/10303948/gw`.
    pub client: LocalClient,
    /// The registry code of the clinic, which tokens are issued for.
    pub organisation: String,
    /// The name of the software, as tokens are asked for: without white space.
    pub application: String,
    /// The token service; `GOV/70009770/tis/auth` when absent.
    pub auth: Option<LocalService>,
    /// The patient index; `GOV/70009770/tis/mpi` when absent.
    pub mpi: Option<LocalService>,
    /// The FHIR service; `GOV/70009770/tis/fhir` when absent.
    pub fhir: Option<LocalService>,
}

/// Settings with which TIS cannot be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TisSettingsError {
    /// TIS wants the name of the software without white space.
    #[error("`application` is empty or has white space")]
    Application,
    /// The address is not that of an HTTP server.
    #[error("`url` does not begin with `https://` or `http://`")]
    Url,
}

/// TIS, as one clinic calls it.
#[derive(Debug)]
pub struct Tis {
    server: SecurityServer,
    auth: ServiceId,
    mpi: ServiceId,
    fhir: ServiceId,
    organisation: String,
    application: String,
    tokens: Tokens,
}

/// On whose behalf TIS is called, why, and under which id.
#[derive(Debug, Clone, Copy)]
pub struct Errand<'a> {
    /// The professional's personal code.
    pub professional: &'a Private,
    /// The professional's role, such as `doctor`.
    pub role: &'a str,
    /// Why, in words the subject may read.
    pub reason: &'a str,
    /// The id of the message; what it takes to send it, such as the token, gets ids derived from it.
    pub message: Uuid,
}

/// A call to the FHIR service.
#[derive(Debug, Clone)]
pub struct FhirRequest {
    /// The method.
    pub method: Method,
    /// The resource.
    pub resource: Resource,
    /// The body; with one, the resource as it then stands is asked for in return.
    pub body: Option<Bytes>,
}

impl<'a> Errand<'a> {
    /// The errand of a question's `step`.
    pub fn of_inquiry(inquiry: &'a Inquiry, step: &str) -> Self {
        let (_, professional, role) = inquiry.professional();
        Self { professional, role, reason: inquiry.reason(), message: inquiry.id().message(step) }
    }
}

impl Tis {
    /// TIS, called as `settings` say.
    ///
    /// # Errors
    /// When TIS could not be called with these settings.
    pub fn new(settings: TisSettings) -> Result<Self, TisSettingsError> {
        if settings.application.is_empty() || settings.application.contains(char::is_whitespace) {
            return Err(TisSettingsError::Application);
        }
        if !settings.url.starts_with("https://") && !settings.url.starts_with("http://") {
            return Err(TisSettingsError::Url);
        }
        let instance = &settings.instance;
        let service = |given: Option<LocalService>, code: &'static str| match given {
            Some(given) => given.within(instance),
            None => LocalService::published(["GOV", "70009770", "tis", code]).within(instance),
        };
        Ok(Self {
            auth: service(settings.auth, "auth"),
            mpi: service(settings.mpi, "mpi"),
            fhir: service(settings.fhir, "fhir"),
            server: SecurityServer {
                peer: settings.peer,
                url: settings.url,
                client: settings.client.within(instance),
            },
            organisation: settings.organisation,
            application: settings.application,
            tokens: Tokens::default(),
        })
    }

    /// The index id of `subject`; `None` when the index does not know the person.
    ///
    /// # Errors
    /// When there was no answer of the index that could be read.
    pub async fn patient(
        &self,
        errand: Errand<'_>,
        subject: &Identifier,
        means: &Means<'_>,
    ) -> Result<Option<String>, Trouble> {
        let request = FhirRequest { method: Method::GET, resource: patient::inquiry(subject), body: None };
        let reply = self.authorised(&self.mpi, errand, request, &HeaderMap::new(), means).await?;
        patient::read(&reply, subject, means.clock.now())
    }

    /// Calls the FHIR service. The answer is the service's own, whatever its status.
    ///
    /// # Errors
    /// When the service was not reached, or X-Road failed.
    pub async fn fhir(
        &self,
        errand: Errand<'_>,
        request: FhirRequest,
        means: &Means<'_>,
    ) -> Result<Reply, Trouble> {
        self.authorised(&self.fhir, errand, request, &HeaderMap::new(), means).await
    }

    /// Calls another FHIR service that takes the tokens of TIS, with `headers` of its own such as `If-Match`. The answer is
    /// the service's own, whatever its status.
    ///
    /// # Errors
    /// When the service was not reached, or X-Road failed.
    pub async fn fhir_at(
        &self,
        service: &ServiceId,
        errand: Errand<'_>,
        request: FhirRequest,
        headers: &HeaderMap,
        means: &Means<'_>,
    ) -> Result<Reply, Trouble> {
        self.authorised(service, errand, request, headers, means).await
    }

    /// Calls `service` with the professional's token. A token that is no longer taken is dropped and fetched once more:
    /// a service that answers 401 has done nothing, so that the call may be repeated.
    async fn authorised(
        &self,
        service: &ServiceId,
        errand: Errand<'_>,
        request: FhirRequest,
        headers: &HeaderMap,
        means: &Means<'_>,
    ) -> Result<Reply, Trouble> {
        let token = self.token(errand, means).await?;
        let reply = self.with_token(&token, service, errand, request.clone(), headers, means).await?;
        if reply.status != StatusCode::UNAUTHORIZED {
            return Ok(reply);
        }
        self.forget(errand, &token).await;
        let token = self.token(errand, means).await?;
        self.with_token(&token, service, errand, request, headers, means).await
    }

    async fn with_token(
        &self,
        token: &Token,
        service: &ServiceId,
        errand: Errand<'_>,
        request: FhirRequest,
        headers: &HeaderMap,
        means: &Means<'_>,
    ) -> Result<Reply, Trouble> {
        let mut headers = headers.clone();
        headers.insert(http::header::AUTHORIZATION, token.header());
        if request.body.is_some() {
            headers.insert(PREFER, HeaderValue::from_static("return=representation"));
        }
        let request = Request {
            method: request.method,
            service,
            resource: request.resource,
            message: errand.message(),
            media_type: FHIR_JSON,
            headers,
            body: request.body,
            answer_bytes_max: DOCUMENT_ANSWER_BYTES_MAX,
        };
        self.send(request, means).await
    }

    async fn send(&self, request: Request<'_>, means: &Means<'_>) -> Result<Reply, Trouble> {
        let message = request.message.id;
        let reply = means.transport.call(self.server.call(request, means.deadline)).await?;
        of_the_service(reply, message, means.clock.now())
    }
}

impl<'a> Errand<'a> {
    fn message(self) -> Message<'a> {
        Message { id: self.message, professional: self.professional, reason: self.reason }
    }

    /// The message that fetches what this errand needs first.
    fn before(self, step: &str) -> Message<'a> {
        Message { id: Uuid::new_v5(&self.message, step.as_bytes()), ..self.message() }
    }
}

impl SubjectIndex for Tis {
    fn index_id<'a>(
        &'a self,
        inquiry: IndexInquiry<'a>,
        means: &'a Means<'a>,
    ) -> Promise<'a, Result<Option<String>, Setback>> {
        let errand = Errand {
            professional: inquiry.professional,
            role: inquiry.role,
            reason: inquiry.reason,
            message: inquiry.message,
        };
        Box::pin(async move {
            self.patient(errand, inquiry.subject, means).await.map_err(|trouble| trouble.setback)
        })
    }
}

#[cfg(test)]
mod tests;
