//! What a provider offers: the metadata services of X-Road, over SOAP (PR-META) and over REST (PR-MREST).
//!
//! They ask about services, not about persons: they carry no user and no reason.

use bytes::Bytes;
use clearance::adapter::{Call, Means};
use http::header::{ACCEPT, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde::Deserialize;
use uuid::Uuid;

use crate::address::{ClientPath, Part};
use crate::answer::of_the_service;
use crate::exchange::{SoapAnswer, SoapReply};
use crate::request::{Resource, SecurityServer};
use crate::soap::package::Style;
use crate::soap::{Client, Element, Headers, Limits, Message, MessageId, Service, escaped, read_services};
use crate::trouble::{Effect, Trouble};

/// The largest answer, in bytes: descriptions of large registers take more than one million.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// Whether all services of a provider are listed, or those that the client may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Methods {
    /// All (`listMethods`).
    All,
    /// Those that the client may call (`allowedMethods`).
    Allowed,
}

/// A REST service and what can be called of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RestService {
    /// Its code.
    #[serde(alias = "serviceCode")]
    pub service_code: String,
    /// How it is described: `REST` or `OPENAPI`.
    #[serde(alias = "serviceType")]
    pub service_type: Option<String>,
    /// Its endpoints; a path may have wildcards.
    #[serde(alias = "endpointList", default)]
    pub endpoint_list: Vec<Endpoint>,
}

/// An endpoint of a REST service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Endpoint {
    /// The method, or `*`.
    pub method: String,
    /// The path, such as `/pet/*`.
    pub path: String,
}

/// The answer to `listMethods` and `allowedMethods` over REST.
#[derive(Deserialize)]
struct RestServices {
    #[serde(default)]
    service: Vec<RestService>,
}

impl Methods {
    const fn code(self) -> &'static str {
        match self {
            Self::All => "listMethods",
            Self::Allowed => "allowedMethods",
        }
    }
}

impl SecurityServer {
    /// The SOAP services of `provider`.
    ///
    /// # Errors
    /// When there was no answer that could be read.
    pub async fn soap_services(
        &self,
        provider: &Client,
        methods: Methods,
        id: Uuid,
        means: &Means<'_>,
    ) -> Result<Vec<Service>, Trouble> {
        let answer = self.ask(provider, methods.code(), "", id, means).await?;
        read_services(answer.message.body()).map_err(|_| unreadable())
    }

    /// The WSDL of `service`, as bytes: it is somebody's document, and not checked. The address in it is replaced by the
    /// provider's Security Server.
    ///
    /// # Errors
    /// When there was no answer that could be read.
    pub async fn wsdl(&self, service: &Service, id: Uuid, means: &Means<'_>) -> Result<Bytes, Trouble> {
        let version = service.version.as_ref().map(|version| element("serviceVersion", version));
        let content = element("serviceCode", &service.code) + &version.unwrap_or_default();
        let answer = self.ask(&service.provider, "getWsdl", &content, id, means).await?;
        let [wsdl] = &*answer.attachments else { return Err(unreadable()) };
        Ok(wsdl.content.clone())
    }

    /// The REST services of the subsystem `provider`.
    ///
    /// # Errors
    /// When there was no answer that could be read.
    pub async fn rest_services(
        &self,
        provider: &ClientPath,
        methods: Methods,
        id: Uuid,
        means: &Means<'_>,
    ) -> Result<Vec<RestService>, Trouble> {
        let body = self.look_up(provider, methods.code(), Resource::root(), id, means).await?;
        let services: RestServices = serde_json::from_slice(&body).map_err(|_| unreadable())?;
        Ok(services.service)
    }

    /// The OpenAPI description of the REST service `code` of the subsystem `provider`, as bytes, in JSON or YAML.
    ///
    /// # Errors
    /// When there was no answer that could be read.
    pub async fn open_api(
        &self,
        provider: &ClientPath,
        code: &Part,
        id: Uuid,
        means: &Means<'_>,
    ) -> Result<Bytes, Trouble> {
        let resource = Resource::root().query("serviceCode", code.as_str());
        self.look_up(provider, "getOpenAPI", resource, id, means).await
    }

    /// Calls the metadata service `code` over SOAP.
    async fn ask(
        &self,
        provider: &Client,
        code: &'static str,
        content: &str,
        id: Uuid,
        means: &Means<'_>,
    ) -> Result<SoapAnswer, Trouble> {
        let service = provider.service(Part::published(code), None);
        let headers = Headers::new((&self.client).into(), service, MessageId::from(id));
        let limits = Limits {
            envelope_bytes_max: ANSWER_BYTES_MAX as u64,
            attachment_bytes_max: ANSWER_BYTES_MAX as u64,
            ..Limits::default()
        };
        let body = format!("<x:{code} xmlns:x=\"http://x-road.eu/xsd/xroad.xsd\">{content}</x:{code}>");
        let body = Element::parse(body.as_bytes(), &limits).map_err(|_| unaskable())?;
        let request = Message::new(headers, body).map_err(|_| unaskable())?;
        match self.exchange(&request, &[], Style::Swa, &limits, means).await? {
            SoapReply::Answer(answer) => Ok(answer),
            SoapReply::Fault(_) => Err(Trouble::new(Effect::Permanent, "x-road-metadata-refused")),
        }
    }

    /// Calls the metadata service `code` over REST.
    async fn look_up(
        &self,
        provider: &ClientPath,
        code: &'static str,
        resource: Resource,
        id: Uuid,
        means: &Means<'_>,
    ) -> Result<Bytes, Trouble> {
        let service = provider.service(Part::published(code)).ok_or_else(unaskable)?;
        let headers =
            HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json, */*;q=0.5"))]);
        let call = Call {
            headers: self.headers(id, headers),
            answer_bytes_max: ANSWER_BYTES_MAX,
            ..self.bare_call(Method::GET, &service, &resource, means.deadline)
        };
        let reply = of_the_service(means.transport.call(call).await?, id, means.clock.now())?;
        match reply.status {
            StatusCode::OK => Ok(reply.body),
            status if status.is_client_error() => {
                Err(Trouble::new(Effect::Permanent, "x-road-metadata-refused"))
            }
            _ => Err(unreadable()),
        }
    }
}

fn element(name: &str, part: &Part) -> String {
    format!("<x:{name}>{}</x:{name}>", escaped(part.as_str()))
}

/// The provider cannot be asked this way: it is no subsystem.
fn unaskable() -> Trouble {
    Trouble::new(Effect::Permanent, "x-road-metadata-not-addressable")
}

fn unreadable() -> Trouble {
    Trouble::new(Effect::PerhapsArrived, "x-road-metadata-unreadable")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soap::mime::TransferEncoding;
    use crate::soap::package::{Attachment, Packed, pack};
    use crate::testing::{Hands, Stage, means, reply, security_server};
    use clearance::adapter::{CallFailure, Reply};
    use http::header::CONTENT_TYPE;

    const ID: Uuid = Uuid::from_bytes([7; 16]);

    fn provider() -> ClientPath {
        "ee-test/GOV/70000001/register".parse().unwrap()
    }

    /// The answer to the metadata service `code`.
    fn answer(code: &'static str, content: &str, attachments: &[Attachment]) -> Result<Reply, CallFailure> {
        let service = Client::from(&provider()).service(Part::published(code), None);
        let headers = Headers::new((&security_server().client).into(), service, ID.into());
        let body = format!(
            "<x:{code}Response xmlns:x=\"http://x-road.eu/xsd/xroad.xsd\" \
             xmlns:id=\"http://x-road.eu/xsd/identifiers\">{content}</x:{code}Response>"
        );
        let body = Element::parse(body.as_bytes(), &Limits::default()).unwrap();
        let Packed { content_type, bytes, .. } =
            pack(&Message::new(headers, body).unwrap().to_xml(), attachments, Style::Swa);
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_str(&content_type).unwrap())]);
        Ok(Reply { status: StatusCode::OK, headers, body: bytes })
    }

    #[tokio::test]
    async fn the_soap_services_of_a_provider_are_listed() {
        let listed = "<x:service id:objectType=\"SERVICE\"><id:xRoadInstance>ee-test</id:xRoadInstance>\
            <id:memberClass>GOV</id:memberClass><id:memberCode>70000001</id:memberCode>\
            <id:subsystemCode>register</id:subsystemCode><id:serviceCode>ask</id:serviceCode>\
            <id:serviceVersion>v1</id:serviceVersion></x:service>";
        let stage = Stage::answering([
            answer("listMethods", &listed.repeat(2), &[]),
            answer("allowedMethods", "", &[]),
            answer("allowedMethods", "<x:service/>", &[]),
        ]);
        let (hands, server, provider) = (Hands::default(), security_server(), Client::from(&provider()));
        let all = server.soap_services(&provider, Methods::All, ID, &means(&stage, &hands)).await.unwrap();
        let ask = provider.service("ask".parse().unwrap(), Some("v1".parse().unwrap()));
        assert_eq!(all, [ask.clone(), ask]);
        let none = server.soap_services(&provider, Methods::Allowed, ID, &means(&stage, &hands)).await;
        assert_eq!(none.unwrap(), []);
        let malformed = server.soap_services(&provider, Methods::Allowed, ID, &means(&stage, &hands)).await;
        assert_eq!(malformed.unwrap_err().setback.code, "x-road-metadata-unreadable");
        let asked = String::from_utf8(stage.calls()[0].body.in_memory().unwrap().to_vec()).unwrap();
        assert!(
            asked.contains("<x:listMethods xmlns:x=\"http://x-road.eu/xsd/xroad.xsd\"></x:listMethods>"),
            "{asked}"
        );
        assert!(!asked.contains("userId") && !asked.contains("issue"));
    }

    #[tokio::test]
    async fn a_wsdl_comes_as_the_one_attachment() {
        let wsdl = Attachment {
            id: None,
            media_type: "text/xml".parse().unwrap(),
            encoding: TransferEncoding::Identity,
            content: "<definitions/>".into(),
        };
        let stage = Stage::answering([
            answer("getWsdl", "<x:serviceCode>a&amp;b</x:serviceCode>", &[wsdl]),
            answer("getWsdl", "", &[]),
        ]);
        let (hands, server) = (Hands::default(), security_server());
        let service = Client::from(&provider()).service("a&b".parse().unwrap(), Some("v1".parse().unwrap()));
        let read = server.wsdl(&service, ID, &means(&stage, &hands)).await.unwrap();
        assert_eq!(read, "<definitions/>");
        assert!(server.wsdl(&service, ID, &means(&stage, &hands)).await.is_err());
        let asked = String::from_utf8(stage.calls()[0].body.in_memory().unwrap().to_vec()).unwrap();
        let content =
            "<x:serviceCode>a&amp;b</x:serviceCode><x:serviceVersion>v1</x:serviceVersion></x:getWsdl>";
        assert!(asked.contains(content), "{asked}");
    }

    #[tokio::test]
    async fn the_rest_services_of_a_provider_are_listed() {
        let listed = r#"{"service": [{"service_code": "pets", "service_type": "OPENAPI", "object_type": "SERVICE",
            "endpoint_list": [{"method": "GET", "path": "/pet/*"}]}, {"serviceCode": "bare"}]}"#;
        let stage = Stage::answering([reply(200, listed), reply(200, "{}"), reply(200, "7"), reply(404, "")]);
        let (hands, server) = (Hands::default(), security_server());
        let read =
            async || server.rest_services(&provider(), Methods::Allowed, ID, &means(&stage, &hands)).await;
        let services = read().await.unwrap();
        assert_eq!((&*services[0].service_code, &*services[1].service_code), ("pets", "bare"));
        assert_eq!(services[0].endpoint_list, [Endpoint { method: "GET".into(), path: "/pet/*".into() }]);
        assert_eq!(read().await.unwrap(), []);
        assert_eq!(read().await.unwrap_err().setback.code, "x-road-metadata-unreadable");
        assert_eq!(read().await.unwrap_err().effect, Effect::Permanent);
        let call = &stage.calls()[0];
        let url = "https://security.example/r1/ee-test/GOV/70000001/register/allowedMethods";
        assert_eq!(call.url.expose(), url);
        assert_eq!(call.headers[crate::request::X_ROAD_CLIENT], "ee-test/COM/10303948/gw");
        assert!(!call.headers.contains_key(crate::request::X_ROAD_USER_ID));
    }

    #[tokio::test]
    async fn a_description_is_asked_for_by_the_code_of_the_service() {
        let stage = Stage::answering([reply(200, "openapi: 3.0.0")]);
        let (hands, server) = (Hands::default(), security_server());
        let code = "pets".parse().unwrap();
        let read = server.open_api(&provider(), &code, ID, &means(&stage, &hands)).await.unwrap();
        assert_eq!(read, "openapi: 3.0.0");
        assert!(stage.calls()[0].url.expose().ends_with("/register/getOpenAPI?serviceCode=pets"));
        let member = "ee-test/GOV/70000001".parse().unwrap();
        let none = server.open_api(&member, &code, ID, &means(&stage, &hands)).await.unwrap_err();
        assert_eq!(none.setback.code, "x-road-metadata-not-addressable");
    }
}
