//! Envelopes one by one: what is refused, and what is handed out.

use super::{body, bytes, envelope, headers, message, read_str, request};
use crate::package::unpack;
use crate::{
    AnswerError, Blame, Element, Envelope, EnvelopeError, Field, HashAlgorithm, HashError, Head, Headers,
    Kind, Limits, Message, MessageId, RequestHash, SecurityToken, Text, TextError, XmlError, XmlLimit, read,
    read_into,
};

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";

fn refused(xml: &str) -> EnvelopeError {
    read_str(xml).unwrap_err()
}

/// The envelope with `old` replaced, which must be in it.
fn spoilt(old: &str, new: &str) -> String {
    assert!(envelope().contains(old), "{old}");
    envelope().replacen(old, new, 1)
}

#[test]
fn what_is_written_reads_back() {
    let read_back = message(read_str(&envelope()).unwrap());
    assert_eq!(read_back.headers(), request().headers());
    assert_eq!(read_back.kind(), Kind::Request);
    assert_eq!(
        (read_back.body().name().namespace(), read_back.body().name().local()),
        ("urn:register", "ask_it")
    );
}

#[test]
fn a_document_type_an_entity_or_an_instruction_is_refused() {
    let doctype =
        spoilt("<s:Envelope", "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><s:Envelope");
    assert_eq!(refused(&doctype), EnvelopeError::Xml(XmlError::Doctype));
    assert_eq!(refused(&spoilt("<name>", "<name>&e;")), EnvelopeError::Xml(XmlError::Reference));
    let instruction = spoilt("<s:Body>", "<s:Body><?php evil ?>");
    assert_eq!(refused(&instruction), EnvelopeError::Xml(XmlError::ProcessingInstruction));
}

#[test]
fn a_header_element_comes_once() {
    for (field, element) in [
        (Field::Id, "<x:id>1</x:id>"),
        (Field::ProtocolVersion, "<x:protocolVersion>4.0</x:protocolVersion>"),
        (Field::UserId, "<x:userId>a</x:userId><x:userId>a</x:userId>"),
        (Field::Issue, "<x:issue/><x:issue/>"),
    ] {
        let twice = spoilt("</s:Header>", &format!("{element}</s:Header>"));
        assert_eq!(refused(&twice), EnvelopeError::DuplicateField(field), "{field}");
    }
    let part = "<id:memberClass>COM</id:memberClass>";
    let twice = spoilt(part, &part.repeat(2));
    assert_eq!(refused(&twice), EnvelopeError::DuplicateField(Field::Client));
    let headers = spoilt("<s:Body>", "<s:Header/><s:Body>");
    assert_eq!(refused(&headers), EnvelopeError::NotAnEnvelope);
}

#[test]
fn a_header_element_has_a_value_that_fits() {
    for (old, new, field) in [
        ("id:objectType=\"SUBSYSTEM\"", "id:objectType=\"MEMBER\"", Field::Client),
        ("id:objectType=\"SUBSYSTEM\"", "objectType=\"SUBSYSTEM\"", Field::Client),
        ("<id:subsystemCode>gw</id:subsystemCode>", "", Field::Client),
        ("id:objectType=\"SERVICE\"", "", Field::Service),
        ("id:objectType=\"SERVICE\"", "id:objectType=\"SERVER\"", Field::Service),
        ("<id:serviceCode>ask_it</id:serviceCode>", "", Field::Service),
        (">ask_it<", ">a/b<", Field::Service),
        (">ask_it<", "><b/><", Field::Service),
        ("<x:id>", "<x:id><b/>", Field::Id),
        ("</s:Header>", "<x:centralService/></s:Header>", Field::CentralService),
        ("</s:Header>", "<x:requestHash>x</x:requestHash></s:Header>", Field::RequestHash),
    ] {
        assert_eq!(refused(&spoilt(old, new)), EnvelopeError::InvalidField(field), "{new}");
    }
    for version in ["3.1", "4", "4.1", " 4.0", ""] {
        let other = spoilt(">4.0<", &format!(">{version}<"));
        assert_eq!(refused(&other), EnvelopeError::ProtocolVersion, "{version}");
    }
}

#[test]
fn a_message_has_what_it_needs() {
    for (field, element) in [
        (Field::Id, "<x:id>4894e35d-bf0f-44a6-867a-8e51f1daa7e0</x:id>"),
        (Field::ProtocolVersion, "<x:protocolVersion>4.0</x:protocolVersion>"),
    ] {
        assert_eq!(refused(&spoilt(element, "")), EnvelopeError::MissingField(field));
    }
    let other_namespace = envelope().replace("x-road.eu/xsd/xroad.xsd", "x-road.eu/xsd/x-road.xsd");
    assert_eq!(refused(&other_namespace), EnvelopeError::MissingField(Field::ProtocolVersion));
}

#[test]
fn an_envelope_is_that_of_soap_1_1_and_holds_nothing_else() {
    let soap12 = envelope().replace(SOAP, "http://www.w3.org/2003/05/soap-envelope");
    for xml in [
        soap12.as_str(),
        "",
        "<!-- nothing -->",
        "<html/>",
        &spoilt("<s:Header ", "text<s:Header "),
        &spoilt("<s:Header ", "<other/><s:Header "),
        &spoilt("</s:Body>", "</s:Body><after/>"),
        &spoilt("</s:Body>", "</s:Body><s:Body/>"),
    ] {
        assert_eq!(refused(xml), EnvelopeError::NotAnEnvelope, "{xml}");
    }
}

#[test]
fn a_body_has_one_child_named_after_the_service() {
    for (old, new) in [
        ("</s:Body>", "<again/></s:Body>"),
        ("</s:Body>", "text</s:Body>"),
        ("<s:Body>", "<s:Body>text"),
        ("</s:Body>", "&#32;</s:Body>"),
    ] {
        assert_eq!(refused(&spoilt(old, new)), EnvelopeError::Body, "{new}");
    }
    for name in ["ask_it_all", "ask_itresponse", "ask_itResponses", "ask"] {
        let other = envelope().replace("r:ask_it", &format!("r:{name}"));
        assert_eq!(refused(&other), EnvelopeError::Inconsistent, "{name}");
    }
    let answer = envelope().replace("r:ask_it", "r:ask_itResponse");
    assert_eq!(message(read_str(&answer).unwrap()).kind(), Kind::Answer);
    assert_eq!(Message::new(headers(), body("<tell_it/>")).unwrap_err(), EnvelopeError::Inconsistent);
}

#[test]
fn an_unknown_header_element_is_kept_unless_it_must_be_understood() {
    let known = spoilt("</s:Header>", "<o:trace xmlns:o=\"urn:o\">1</o:trace></s:Header>");
    let others = message(read_str(&known).unwrap()).headers().others.clone();
    assert_eq!(others.len(), 1);
    assert_eq!((others[0].name().namespace(), others[0].name().local()), ("urn:o", "trace"));
    let many = envelope().replace("</s:Header>", &format!("{}</s:Header>", "<o/>".repeat(33)));
    assert_eq!(refused(&many), EnvelopeError::HeaderTooLong);
    let must = known.replace("<o:trace", "<o:trace s:mustUnderstand=\"1\"");
    assert_eq!(refused(&must), EnvelopeError::NotUnderstood);
}

#[test]
fn a_body_stands_alone_with_all_that_was_declared_around_it() {
    let declared = envelope()
        .replace("<s:Envelope ", "<s:Envelope xmlns:a='urn:a&quot;&amp;' xmlns=\"urn:default\" ")
        .replace("<name>", "<name a:b='c'  >");
    let body = message(read_str(&declared).unwrap()).body().clone();
    let alone = std::str::from_utf8(body.xml()).unwrap();
    assert!(
        alone.contains("xmlns:a=\"urn:a&quot;&amp;\"") && alone.contains("xmlns=\"urn:default\""),
        "{alone}"
    );
    assert!(alone.contains("><name a:b='c'  >õ</name></r:ask_it>"), "the rest is as it was: {alone}");
    assert_eq!(Element::parse(body.xml(), &Limits::default()).unwrap(), body);
}

#[test]
fn an_empty_body_element_stands_alone_too() {
    let empty = envelope().replace("><name>õ</name></r:ask_it>", "/>");
    let body = message(read_str(&empty).unwrap()).body().clone();
    assert_eq!(&**body.xml(), format!("<r:ask_it xmlns:s=\"{SOAP}\" xmlns:r=\"urn:register\"/>").as_bytes());
}

#[test]
fn limits_hold_for_header_body_and_depth() {
    let tight = |limits: Limits, xml: &str| read(xml.as_bytes(), &limits).unwrap_err();
    let long = spoilt("<x:id>", &format!("<x:issue>{}</x:issue><x:id>", "a".repeat(70_000)));
    assert_eq!(tight(Limits::default(), &long), EnvelopeError::HeaderTooLong);
    let comments = spoilt("<s:Header ", &format!("{}<s:Header ", "<!-- -->".repeat(10_000)));
    assert_eq!(tight(Limits::default(), &comments), EnvelopeError::HeaderTooLong);
    let deep = spoilt("<name>", &format!("{}{}<name>", "<a>".repeat(200), "</a>".repeat(200)));
    assert_eq!(tight(Limits::default(), &deep), EnvelopeError::Xml(XmlError::Limit(XmlLimit::Depth)));
    let small = Limits { envelope_bytes_max: 500, ..Limits::default() };
    assert_eq!(tight(small, &envelope()), EnvelopeError::Xml(XmlError::Limit(XmlLimit::Bytes)));
    let token = Limits { token_bytes_max: 1000, ..Limits::default() };
    let text = spoilt("<name>", &format!("<name>{}", "a".repeat(2000)));
    assert_eq!(tight(token, &text), EnvelopeError::Xml(XmlError::Limit(XmlLimit::TokenBytes)));
}

#[test]
fn a_body_is_streamed_to_where_it_is_wanted() {
    let mut body = Vec::new();
    let xml = envelope();
    let head = read_into(xml.as_bytes(), &Limits::default(), &mut body).unwrap();
    let Head::Message { headers, kind, .. } = head else { panic!("a fault") };
    assert_eq!((*headers, kind), (request().headers().clone(), Kind::Request));
    assert_eq!(body, **message(read_str(&xml).unwrap()).body().xml());

    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = read_into(xml.as_bytes(), &Limits::default(), Full).unwrap_err();
    assert_eq!(error, EnvelopeError::Sink(std::io::ErrorKind::StorageFull));
}

#[test]
fn a_fault_is_read_with_or_without_a_header() {
    let fault = "<s:Fault><faultcode>Server.ServerProxy.AccessDenied</faultcode><faultstring>no &lt;</faultstring>\
                 <detail><x:faultDetail xmlns:x=\"http://x-road.eu/xsd/xroad.xsd\">f31e</x:faultDetail></detail></s:Fault>";
    let bare = format!("<s:Envelope xmlns:s=\"{SOAP}\"><s:Body>{fault}</s:Body></s:Envelope>");
    let body = String::from_utf8(request().body().xml().to_vec()).unwrap();
    let with_header = spoilt(&body, fault);
    for (xml, has_header) in [(&bare, false), (&with_header, true)] {
        let Envelope::Fault(fault) = read_str(xml).unwrap() else { panic!("no fault") };
        assert_eq!(fault.blame(), Blame::ServerProxy);
        assert!(fault.code.is("server.serverproxy.access_denied"));
        assert_eq!((&*fault.string, fault.detail.as_deref()), ("no <", Some("f31e")));
        assert_eq!(fault.headers.is_some(), has_header);
    }
    let codeless = bare.replace("faultcode", "code");
    assert_eq!(refused(&codeless), EnvelopeError::Fault);
    let with_more = bare.replace("</s:Fault>", "</s:Fault><more/>");
    assert_eq!(refused(&with_more), EnvelopeError::Body);
    let long = bare.replace("no &lt;", &"õ".repeat(20_000));
    let Envelope::Fault(fault) = read_str(&long).unwrap() else { panic!("no fault") };
    assert_eq!(fault.string.len(), 16 << 10);
}

#[test]
fn an_answer_is_tied_to_its_request() {
    let sent = request().to_xml();
    let answer = |headers: Headers| Message::new(headers, body("<ask_itResponse/>")).unwrap();
    let hash = RequestHash::of(HashAlgorithm::Sha512, &sent);
    let asked = headers();
    assert_eq!(answer(asked.of_answer(Some(hash.clone()))).answers(&asked, &sent), Ok(()));
    assert_eq!(answer(asked.of_answer(None)).answers(&asked, &sent), Ok(()));
    assert_eq!(request().answers(&asked, &sent), Err(AnswerError::NotAnAnswer));
    let other = Headers { id: "another".parse().unwrap(), ..headers() };
    assert_eq!(answer(other).answers(&asked, &sent), Err(AnswerError::Headers));
    assert_eq!(
        answer(asked.of_answer(Some(hash))).answers(&asked, b"something else"),
        Err(AnswerError::Hash(HashError::Mismatch))
    );
}

// Computed with `printf abc | openssl dgst -sha… -binary | base64 -w0`.
#[test]
fn hashes_are_those_of_others_too() {
    for (algorithm, value) in [
        (HashAlgorithm::Sha256, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="),
        (
            HashAlgorithm::Sha512,
            "3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==",
        ),
    ] {
        assert_eq!(RequestHash::of(algorithm, b"abc").value(), value);
    }
    let spaced = spoilt(
        "</s:Header>",
        "<x:requestHash algorithmId=\"http://www.w3.org/2001/04/xmlenc#sha256\">\n ungWv48Bz+pBQUDeXa4i\n \
         I7ADYaOWF3qctBD/YfIAFa0=\n</x:requestHash></s:Header>",
    );
    let hash = message(read_str(&spaced).unwrap()).headers().request_hash.clone().unwrap();
    assert_eq!(hash.check(b"abc"), Ok(()));
    let md5 = spaced.replace("xmlenc#sha256", "xmldsig-more#md5");
    let hash = message(read_str(&md5).unwrap()).headers().request_hash.clone().unwrap();
    assert_eq!(hash.check(b"abc"), Err(HashError::Algorithm));
}

#[test]
fn values_are_what_xml_can_carry() {
    assert_eq!(Text::new("a\u{0}b"), Err(TextError::Character));
    assert_eq!(Text::new("a\u{FFFE}"), Err(TextError::Character));
    assert_eq!(Text::new(&"a".repeat(16 * 1024 + 1)), Err(TextError::TooLong));
    assert_eq!("".parse::<MessageId>(), Err(TextError::Empty));
}

#[test]
fn nothing_prints_that_names_a_person() {
    let headers = Headers {
        user_id: Some(Text::new("EE39901012239").unwrap()),
        issue: Some(Text::new("39901012239").unwrap()),
        security_token: Some(SecurityToken { token_type: None, token: Text::new("39901012239").unwrap() }),
        ..headers()
    };
    let message = Message::new(headers, body("<ask_it>39901012239</ask_it>")).unwrap();
    assert!(!format!("{message:?}").contains("39901012239"));
    let received =
        unpack("text/xml", &bytes(std::str::from_utf8(&message.to_xml()).unwrap()), &Limits::default());
    let printed = format!("{:?}", received.unwrap().envelope);
    assert!(!printed.contains("39901012239"), "{printed}");
}
