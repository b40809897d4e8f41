//! One SOAP exchange with the clinic's Security Server: a request is sent, and what comes back is its answer or a trouble.

use bytes::Bytes;
use clearance::adapter::{Call, Means, Reply};
use clearance::person::Private;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use jiff::Timestamp;

use crate::answer::network_trouble;
use crate::request::SecurityServer;
use crate::soap::package::{Attachment, Packed, Style, pack, unpack};
use crate::soap::{AnswerError, Blame, Envelope, Fault, Limits, Message};
use crate::trouble::{Effect, Trouble, retry_after};

const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");

/// The answer of a service.
#[derive(Debug, Clone)]
pub struct SoapAnswer {
    /// Header and body.
    pub message: Box<Message>,
    /// The attachments, in order.
    pub attachments: Vec<Attachment>,
}

/// What came back.
#[derive(Debug, Clone)]
pub enum SoapReply {
    /// The answer of the service.
    Answer(SoapAnswer),
    /// The service's own fault: X-Road has done its part. Whether the service has acted, only the fault can tell.
    Fault(Box<Fault>),
}

impl SecurityServer {
    /// Sends `request` with `attachments` and reads its answer, of which `limits` say how much. An answer of X-Road
    /// itself, or one that is not to this request, is a trouble.
    ///
    /// # Errors
    /// When there was no answer of the service.
    pub async fn exchange(
        &self,
        request: &Message,
        attachments: &[Attachment],
        style: Style,
        limits: &Limits,
        means: &Means<'_>,
    ) -> Result<SoapReply, Trouble> {
        let packed = pack(&request.to_xml(), attachments, style);
        let envelope = packed.envelope.clone();
        let call = self.soap_call(packed, answer_bytes_max(limits), means.deadline);
        let reply = means.transport.call(call).await?;
        read(&reply, request, &envelope, limits, means.clock.now())
    }

    fn soap_call(&self, packed: Packed, answer_bytes_max: usize, deadline: Timestamp) -> Call {
        let url = format!("{}/", self.url.trim_end_matches('/'));
        let mut headers = HeaderMap::new();
        // What `pack` writes is visible ASCII, so that the fallback is never taken.
        let content_type = HeaderValue::from_str(&packed.content_type);
        headers.insert(CONTENT_TYPE, content_type.unwrap_or(HeaderValue::from_static("")));
        headers.insert(ACCEPT, HeaderValue::from_static("text/xml, multipart/related"));
        // SOAP 1.1, section 6.1.1, requires it; the services of X-Road go by the header of the envelope.
        headers.insert(SOAP_ACTION, HeaderValue::from_static("\"\""));
        Call {
            peer: self.peer.clone(),
            method: Method::POST,
            url: Private::new(&url),
            url_template: url,
            headers,
            body: packed.bytes.into(),
            deadline,
            answer_bytes_max,
        }
    }
}

/// An envelope and as large an attachment, with some room for what is around them.
fn answer_bytes_max(limits: &Limits) -> usize {
    let bytes = limits.envelope_bytes_max.saturating_add(limits.attachment_bytes_max / 3 * 4);
    usize::try_from(bytes).unwrap_or(usize::MAX).saturating_add(64 << 10)
}

/// What `reply` is to `request`. A fault comes with status 500, and used to come with 200: the envelope decides.
fn read(
    reply: &Reply,
    request: &Message,
    sent: &Bytes,
    limits: &Limits,
    now: Timestamp,
) -> Result<SoapReply, Trouble> {
    let content_type = reply.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let received = match unpack(content_type.unwrap_or_default(), &reply.body, limits) {
        Ok(received) => received,
        Err(error) if reply.status == StatusCode::OK => {
            let code = format!("x-road-answer-{}", error.code().replace('_', "-"));
            return Err(Trouble::new(Effect::PerhapsArrived, code));
        }
        // Something between the gateway and the service answered that does not speak SOAP.
        Err(_) => {
            let trouble = Trouble::new(Effect::PerhapsArrived, format!("http-{}", reply.status.as_u16()));
            return Err(trouble.after(retry_after(&reply.headers, now)));
        }
    };
    match received.envelope {
        Envelope::Message(message) => {
            message.answers(request.headers(), sent).map_err(|error| trouble_with_answer(&error))?;
            Ok(SoapReply::Answer(SoapAnswer { message, attachments: received.attachments }))
        }
        Envelope::Fault(fault) => {
            let trouble = trouble_of_network(&fault).map(|it| it.after(retry_after(&reply.headers, now)));
            trouble.map_or(Ok(SoapReply::Fault(Box::new(fault))), Err)
        }
    }
}

/// The trouble that a fault of X-Road means; `None` for the service's own. The two spell the blame `Client` and `Server`
/// alike, but X-Road always says more: `Client.InvalidRequest`, `Server.ServerProxy`.
fn trouble_of_network(fault: &Fault) -> Option<Trouble> {
    match fault.blame() {
        Blame::ClientProxy | Blame::ServerProxy => Some(network_trouble(fault.code.as_str()).1),
        Blame::Client if fault.code.as_str().contains('.') => {
            // A service too may qualify its `Client`: only a code that is X-Road's own says that it has not seen the call.
            let trouble = network_trouble(fault.code.as_str()).1;
            (trouble.setback.code != crate::answer::Blame::Client.code()).then_some(trouble)
        }
        Blame::Client | Blame::Service | Blame::Unsaid => None,
    }
}

fn trouble_with_answer(error: &AnswerError) -> Trouble {
    let code = match error {
        AnswerError::NotAnAnswer => "x-road-answer-is-a-request",
        AnswerError::Headers => "x-road-answer-to-another-message",
        AnswerError::Hash(_) => "x-road-request-hash-mismatch",
    };
    Trouble::new(Effect::PerhapsArrived, code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soap::mime::TransferEncoding;
    use crate::soap::{Element, HashAlgorithm, Headers, RequestHash, Service};
    use crate::testing::{Hands, Stage, means, security_server};
    use clearance::adapter::CallFailure;

    fn headers() -> Headers {
        let service = Service::new(&"ee-test/GOV/70000001/register/ask".parse().unwrap(), None);
        Headers::new((&security_server().client).into(), service, "id-1".parse().unwrap())
    }

    fn message(headers: Headers, body: &str) -> Message {
        Message::new(headers, Element::parse(body.as_bytes(), &Limits::default()).unwrap()).unwrap()
    }

    fn reply(status: u16, packed: Packed) -> Result<Reply, CallFailure> {
        let content_type = HeaderValue::from_str(&packed.content_type).unwrap();
        Ok(Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::from_iter([(CONTENT_TYPE, content_type)]),
            body: packed.bytes,
        })
    }

    fn plain(status: u16, body: impl Into<Bytes>) -> Result<Reply, CallFailure> {
        reply(status, pack(&body.into(), &[], Style::Swa))
    }

    async fn exchanged(answer: Result<Reply, CallFailure>) -> (Result<SoapReply, Trouble>, Vec<Call>) {
        let stage = Stage::answering([answer]);
        let hands = Hands::default();
        let request = message(headers(), "<ask/>");
        let limits = Limits::default();
        let reply =
            security_server().exchange(&request, &[], Style::Swa, &limits, &means(&stage, &hands)).await;
        (reply, stage.calls())
    }

    fn fault(code: &str) -> String {
        format!(
            "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><s:Fault><faultcode>{code}\
             </faultcode><faultstring>39901012239</faultstring></s:Fault></s:Body></s:Envelope>"
        )
    }

    #[tokio::test]
    async fn an_answer_comes_with_its_attachments() {
        let hash = RequestHash::of(HashAlgorithm::Sha512, &message(headers(), "<ask/>").to_xml());
        let answer = message(headers().of_answer(Some(hash)), "<askResponse>1</askResponse>");
        let attachment = Attachment {
            id: Some("a".parse().unwrap()),
            media_type: "text/plain".parse().unwrap(),
            encoding: TransferEncoding::Identity,
            content: "content".into(),
        };
        let packed = pack(&answer.to_xml(), std::slice::from_ref(&attachment), Style::Swa);
        let (reply, calls) = exchanged(reply(200, packed)).await;
        let Ok(SoapReply::Answer(answered)) = reply else { panic!("{reply:?}") };
        assert_eq!(answered.message.headers(), answer.headers());
        assert_eq!(answered.attachments, [attachment]);
        assert_eq!(calls[0].url.expose(), "https://security.example/");
        assert_eq!(calls[0].headers[CONTENT_TYPE], "text/xml; charset=UTF-8");
        assert_eq!(calls[0].headers[SOAP_ACTION], "\"\"");
        assert_eq!(calls[0].body.in_memory().unwrap(), message(headers(), "<ask/>").to_xml());
    }

    #[tokio::test]
    async fn an_answer_to_another_request_is_none() {
        let other = Headers { id: "id-2".parse().unwrap(), ..headers() };
        let hash = RequestHash::of(HashAlgorithm::Sha512, b"something else");
        for (answer, code) in [
            (message(other, "<askResponse/>"), "x-road-answer-to-another-message"),
            (message(headers(), "<ask/>"), "x-road-answer-is-a-request"),
            (message(headers().of_answer(Some(hash)), "<askResponse/>"), "x-road-request-hash-mismatch"),
        ] {
            let trouble = exchanged(plain(200, answer.to_xml())).await.0.unwrap_err();
            assert_eq!(trouble, Trouble::new(Effect::PerhapsArrived, code));
        }
    }

    #[tokio::test]
    async fn a_fault_is_the_network_s_or_the_service_s() {
        use Effect::{NotArrived, PerhapsArrived};
        for (code, effect, setback) in [
            ("Client.MissingBody", NotArrived, "x-road-client-missing-body"),
            (
                "Server.ClientProxy.SslAuthenticationFailed",
                NotArrived,
                "x-road-server-clientproxy-ssl-authentication-failed",
            ),
            ("server.serverproxy.access_denied", NotArrived, "x-road-server-serverproxy-access-denied"),
            ("Server.ServerProxy.ServiceFailed", PerhapsArrived, "x-road-server-serverproxy"),
        ] {
            for status in [200, 500] {
                let trouble = exchanged(plain(status, fault(code))).await.0.unwrap_err();
                assert_eq!(trouble, Trouble::new(effect, setback), "{code}");
            }
        }
        for code in ["s:Client", "Client.39901012239", "Server", "s:Server.Database", "CODE"] {
            let (reply, _) = exchanged(plain(500, fault(code))).await;
            assert!(matches!(reply, Ok(SoapReply::Fault(_))), "{code}: {reply:?}");
            assert!(!format!("{reply:?}").contains("39901012239"), "{code}");
        }
    }

    #[tokio::test]
    async fn what_does_not_speak_soap_leaves_the_outcome_open() {
        let html = || pack(&"<html/>".into(), &[], Style::Swa);
        let trouble = exchanged(reply(200, html())).await.0.unwrap_err();
        assert_eq!(trouble, Trouble::new(Effect::PerhapsArrived, "x-road-answer-invalid-soap"));
        let trouble = exchanged(reply(503, html())).await.0.unwrap_err();
        assert_eq!(trouble, Trouble::new(Effect::PerhapsArrived, "http-503"));
        let trouble = exchanged(Err(CallFailure::NotReached)).await.0.unwrap_err();
        assert_eq!(trouble.effect, Effect::NotArrived);
    }
}
