//! The consumer side of the Security Server with the fund's services behind it: who calls, by which certificate, for what.

use std::fmt;
use std::io;

use http::{Method, StatusCode};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use stand_in::{Answer, Asked, Role, certificates, sha256_hex};

use crate::envelope::{self, Fault, Header};
use crate::fund::Fund;
use crate::schema::Schema;
use crate::{Bill, Settings};

/// What a Security Server of the Estonian package takes.
const BODY_BYTES_MAX: usize = 20 * 1024 * 1024;
const SERVICES: [&str; 3] = ["rta_saatmine", "rta_tyhistus", "rta_detail"];

pub(crate) struct SecurityServer {
    client: String,
    certificates: Vec<String>,
    /// Instance, class, member, subsystem.
    provider: Vec<String>,
    version: String,
    schema: Schema,
    fund: Fund,
}

impl SecurityServer {
    pub(crate) fn new(settings: &Settings) -> io::Result<Self> {
        let shown = certificates(&settings.client_certificates_pem, "client certificate")?;
        let member = settings.client.split('/').nth(2).unwrap_or_default().to_owned();
        Ok(Self {
            client: settings.client.clone(),
            certificates: shown.iter().map(|certificate| sha256_hex(certificate)).collect(),
            provider: settings.provider.split('/').map(str::to_owned).collect(),
            version: settings.version.clone(),
            schema: Schema::read(),
            fund: Fund::new(member, settings.insured.clone(), settings.services.clone()),
        })
    }

    pub(crate) fn bills(&self) -> Vec<Bill> {
        self.fund.bills()
    }

    fn check(&self, asked: &Asked, header: &Header) -> Result<(), Fault> {
        if header.client.join("/") != self.client {
            return Err(("Server.ClientProxy.UnknownMember", "the client is not known".to_owned()));
        }
        if !self.certificates.contains(&asked.peer) {
            return Err(("Server.ClientProxy.SslAuthenticationFailed", "another certificate".to_owned()));
        }
        if !header.service.starts_with(&self.provider) {
            return Err(("Server.ClientProxy.UnknownMember", "the provider is not known".to_owned()));
        }
        let known = header.service.get(4).is_some_and(|code| SERVICES.contains(&code.as_str()))
            && header.service.get(5) == Some(&self.version);
        if !known {
            return Err(("Server.ServerProxy.UnknownService", "there is no such service".to_owned()));
        }
        if header.id.is_empty() {
            return Err(("Client.MissingHeaderField", "the id is empty".to_owned()));
        }
        if !header.names_a_person() {
            return Err(("Client", "`userId` is no person, or `issue` says nothing".to_owned()));
        }
        Ok(())
    }

    /// Reads a request and has `serve` make its body into the answer's.
    fn handle(
        &self,
        asked: &Asked,
        serve: impl FnOnce(roxmltree::Node<'_, '_>) -> Result<String, Fault>,
    ) -> Result<Answer, Fault> {
        let is_soap = asked.method == Method::POST && asked.media_type().as_deref() == Some("text/xml");
        if !is_soap || !asked.headers.contains_key("soapaction") {
            return Err(("Client.InvalidContentType", "only SOAP 1.1 by POST is taken".to_owned()));
        }
        let text = std::str::from_utf8(&asked.body)
            .map_err(|_| ("Client.InvalidSoap", "the message is not UTF-8".to_owned()))?;
        let document = envelope::parse(text)?;
        let (header, body) = envelope::request(&document)?;
        self.check(asked, &header)?;
        self.schema.judge(body).map_err(|why| ("Client", why))?;
        Ok(header.answer(&asked.body, &serve(body)?))
    }
}

impl Role for SecurityServer {
    fn answer(&self, asked: &Asked, now: Timestamp) -> Answer {
        let today = now.to_zoned(TimeZone::UTC).date();
        self.handle(asked, |body| Ok(self.fund.answer(body, today))).unwrap_or_else(refused)
    }

    fn failure(&self, asked: &Asked, status: StatusCode) -> Answer {
        if status == StatusCode::OK {
            return self.handle(asked, |body| Ok(Fund::refusal(body))).unwrap_or_else(refused);
        }
        envelope::fault(status, "Server", "told to fail")
    }

    fn x_road_error(&self, _asked: &Asked, kind: &str) -> Answer {
        envelope::fault(StatusCode::INTERNAL_SERVER_ERROR, kind, "told to fail")
    }

    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }
}

impl fmt::Debug for SecurityServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecurityServer").field("client", &self.client).finish_non_exhaustive()
    }
}

/// SOAP 1.1, section 6.2: a fault comes with status 500.
fn refused((code, why): Fault) -> Answer {
    envelope::fault(StatusCode::INTERNAL_SERVER_ERROR, code, &why)
}
