//! What is sent to the Security Server: the address of the service, the headers of the protocol, and the body as it is.

use bytes::Bytes;
use clearance::adapter::{Call, CallBody};
use clearance::person::Private;
use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use uuid::Uuid;

use crate::address::{ClientPath, ServiceId, percent_encoded};

/// Who calls.
pub const X_ROAD_CLIENT: HeaderName = HeaderName::from_static("x-road-client");
/// The id of the message.
pub const X_ROAD_ID: HeaderName = HeaderName::from_static("x-road-id");
/// The person on whose behalf the call is made.
pub const X_ROAD_USER_ID: HeaderName = HeaderName::from_static("x-road-userid");
/// Why the call is made; the Data Tracker shows it to the subject.
pub const X_ROAD_ISSUE: HeaderName = HeaderName::from_static("x-road-issue");

/// The clinic's Security Server, and the name under which the clinic calls.
#[derive(Debug, Clone)]
pub struct SecurityServer {
    /// The name of its entry in the configuration of peers.
    pub peer: String,
    /// Its address, such as `https://security-server.example:8443`.
    pub url: String,
    /// Who calls.
    pub client: ClientPath,
}

/// What the protocol's headers say of a message.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Its id.
    pub id: Uuid,
    /// The personal code of the professional on whose behalf it is sent.
    pub professional: &'a Private,
    /// Why, in words the subject may read.
    pub reason: &'a str,
}

/// A resource of a service: fixed names, and values that no trace may show.
#[derive(Debug, Clone)]
pub struct Resource {
    path: Private,
    template: String,
    has_query: bool,
}

/// One request to a service.
#[derive(Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The service.
    pub service: &'a ServiceId,
    /// The resource.
    pub resource: Resource,
    /// What the protocol's headers say.
    pub message: Message<'a>,
    /// The media type that is sent and wanted back.
    pub media_type: &'static str,
    /// Headers for the service itself, such as `Authorization`.
    pub headers: HeaderMap,
    /// The body; without one no media type is stated.
    pub body: Option<Bytes>,
    /// The largest answer that is read, in bytes.
    pub answer_bytes_max: usize,
}

impl Resource {
    /// The service itself.
    pub fn root() -> Self {
        Self { path: Private::new(""), template: String::new(), has_query: false }
    }

    /// A step to the fixed `name`.
    #[must_use]
    pub fn at(self, name: &'static str) -> Self {
        self.extended(&format!("/{name}"), &format!("/{name}"))
    }

    /// A step to one of many; traces see `{item}` for it.
    #[must_use]
    pub fn item(self, value: &str) -> Self {
        self.extended(&format!("/{}", percent_encoded(value)), "/{item}")
    }

    /// A query parameter; traces see its name.
    #[must_use]
    pub fn query(self, name: &'static str, value: &str) -> Self {
        let mark = if self.has_query { '&' } else { '?' };
        let asked = format!("{mark}{name}={}", percent_encoded(value));
        let extended = self.extended(&asked, &format!("{mark}{name}={{value}}"));
        Self { has_query: true, ..extended }
    }

    /// The next page, with the query that the service gave in a link, as it stands; traces see that there is one. `None` when
    /// it is none: of a link nothing else is followed, since it may name any server.
    #[must_use]
    pub fn page(self, query: &str) -> Option<Self> {
        let is_query = !query.is_empty() && query.bytes().all(|c| c.is_ascii_graphic() && c != b'#');
        let page = self.extended(&format!("?{query}"), "?{page}");
        is_query.then_some(Self { has_query: true, ..page })
    }

    fn extended(self, path: &str, template: &str) -> Self {
        Self {
            path: Private::new(format!("{}{path}", self.path.expose())),
            template: format!("{}{template}", self.template),
            has_query: self.has_query,
        }
    }
}

impl SecurityServer {
    /// The call that carries `request`, to be answered before `deadline`.
    pub fn call(&self, request: Request<'_>, deadline: Timestamp) -> Call {
        let mut headers = self.headers(request.message.id, request.headers);
        headers.insert(X_ROAD_USER_ID, user_id(request.message.professional));
        headers.insert(X_ROAD_ISSUE, issue(request.message.reason));
        headers.insert(ACCEPT, HeaderValue::from_static(request.media_type));
        if request.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(request.media_type));
        }
        Call {
            headers,
            body: request.body.unwrap_or_default().into(),
            answer_bytes_max: request.answer_bytes_max,
            ..self.bare_call(request.method, request.service, &request.resource, deadline)
        }
    }

    /// The call to `resource` of `service`, without headers and body.
    pub(crate) fn bare_call(
        &self,
        method: Method,
        service: &ServiceId,
        resource: &Resource,
        deadline: Timestamp,
    ) -> Call {
        let base = format!("{}/r1/{service}", self.url.trim_end_matches('/'));
        Call {
            peer: self.peer.clone(),
            method,
            url: Private::new(format!("{base}{}", resource.path.expose())),
            url_template: format!("{base}{}", resource.template),
            headers: HeaderMap::new(),
            body: CallBody::default(),
            deadline,
            answer_bytes_max: 0,
        }
    }

    /// `headers` with who calls, in the message `id`.
    pub(crate) fn headers(&self, id: Uuid, mut headers: HeaderMap) -> HeaderMap {
        headers.insert(X_ROAD_CLIENT, visible(&self.client.to_string()));
        headers.insert(X_ROAD_ID, visible(&id.to_string()));
        headers
    }
}

/// X-Road identifies persons by country and personal code.
fn user_id(personal_code: &Private) -> HeaderValue {
    let mut value = visible(&format!("EE{}", personal_code.expose()));
    value.set_sensitive(true);
    value
}

/// The reason as a header: UTF-8, without what breaks lines, hides or turns text around.
fn issue(reason: &str) -> HeaderValue {
    let shown: String = reason.chars().filter(|character| !is_unseen(*character)).collect();
    let one_line = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut value = HeaderValue::from_bytes(one_line.as_bytes()).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// Control characters other than white space, and those that format text without being seen.
fn is_unseen(character: char) -> bool {
    let formats = matches!(
        character,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}'
    );
    formats || (character.is_control() && !character.is_whitespace())
}

/// What is written here is percent-encoded, a UUID or a code: visible ASCII, so that the fallback is never taken.
fn visible(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{PROFESSIONAL, security_server};
    use proptest::prelude::*;

    fn call(resource: Resource, reason: &str) -> Call {
        let service = "ee-test/GOV/70009770/tis/fhir".parse().unwrap();
        let professional = Private::new(PROFESSIONAL);
        let message = Message { id: Uuid::from_bytes([7; 16]), professional: &professional, reason };
        let request = Request {
            method: Method::GET,
            service: &service,
            resource,
            message,
            media_type: "application/fhir+json",
            headers: HeaderMap::new(),
            body: None,
            answer_bytes_max: 1024,
        };
        security_server().call(request, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_call_says_who_why_for_whom_and_under_which_id() {
        let call = call(Resource::root().at("Composition"), "juhi tervisetõend");
        assert_eq!(
            call.url.expose(),
            "https://security.example/r1/ee-test/GOV/70009770/tis/fhir/Composition"
        );
        assert_eq!(call.headers[X_ROAD_CLIENT], "ee-test/COM/10303948/gw");
        assert_eq!(call.headers[X_ROAD_ID], "07070707-0707-0707-0707-070707070707");
        assert_eq!(call.headers[X_ROAD_USER_ID], "EE60001017869");
        assert_eq!(call.headers[X_ROAD_ISSUE].as_bytes(), "juhi tervisetõend".as_bytes());
        assert!(!call.headers.contains_key(CONTENT_TYPE));
    }

    #[test]
    fn traces_see_neither_items_nor_what_was_asked_for() {
        let resource = Resource::root().at("Composition").item("a/b?c").query("identifier", "s|39901012239");
        let call = call(resource, "x");
        assert!(call.url.expose().ends_with("/Composition/a%2Fb%3Fc?identifier=s%7C39901012239"));
        assert!(call.url_template.ends_with("/fhir/Composition/{item}?identifier={value}"));
        let printed = format!("{call:?}");
        for text in ["39901012239", PROFESSIONAL] {
            assert!(!printed.contains(text), "{text}");
        }
    }

    #[test]
    fn of_a_link_to_the_next_page_only_the_query_is_taken() {
        let page = Resource::root().at("Composition").page("subject=Patient%2F1&page=2").unwrap();
        let call = call(page, "x");
        assert!(call.url.expose().ends_with("/fhir/Composition?subject=Patient%2F1&page=2"));
        assert!(call.url_template.ends_with("/fhir/Composition?{page}"));
        for query in ["", "a b", "a#b", "a\r\nb"] {
            assert!(Resource::root().page(query).is_none(), "{query:?}");
        }
    }

    proptest! {
        #[test]
        fn a_reason_is_one_line_of_visible_text_whatever_it_was(reason in any::<String>()) {
            let value = issue(&reason);
            let text = std::str::from_utf8(value.as_bytes()).unwrap();
            prop_assert!(!text.contains(|c: char| c.is_control() || is_unseen(c)));
        }
    }
}
