//! Messages with attachments.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::{body, bytes, envelope, headers, request};
use crate::mime::{ContentId, MimeError, TransferEncoding};
use crate::package::{Attachment, Packed, Style, Unpacking, pack, unpack};
use crate::xop::{self, XopError};
use crate::{EnvelopeError, Limits, Message};

pub(super) fn attachment(id: &str, encoding: TransferEncoding, content: &[u8]) -> Attachment {
    Attachment {
        id: Some(id.parse().unwrap()),
        media_type: "application/octet-stream".parse().unwrap(),
        encoding,
        content: Bytes::copy_from_slice(content),
    }
}

fn packed() -> Packed {
    let attachments = [
        attachment("a@b", TransferEncoding::Identity, b"\r\n--part\r\n\0\xFF"),
        attachment("c", TransferEncoding::Base64, &[7; 1000]),
        attachment("empty", TransferEncoding::Identity, b""),
    ];
    pack(&request().to_xml(), &attachments, Style::Swa)
}

/// A message of two parts with `replaced` spoilt.
fn spoilt(old: &str, new: &str) -> Result<crate::package::Received, EnvelopeError> {
    let text = format!(
        "--b\r\nContent-Type: text/xml\r\nContent-ID: <root>\r\n\r\n{}\r\n--b\r\nContent-Type: text/plain\r\n\
         Content-ID: <data>\r\n\r\ncontent\r\n--b--\r\n",
        envelope()
    );
    assert!(text.contains(old), "{old}");
    unpack("multipart/related; boundary=b", &bytes(&text.replacen(old, new, 1)), &Limits::default())
}

fn mime_error(old: &str, new: &str) -> MimeError {
    match spoilt(old, new).unwrap_err() {
        EnvelopeError::Mime(error) => error,
        error => panic!("{old} → {new}: {error}"),
    }
}

#[test]
fn attachments_come_back_whatever_is_in_them() {
    let packed = packed();
    let received = unpack(&packed.content_type, &packed.bytes, &Limits::default()).unwrap();
    assert_eq!(received.bytes, packed.envelope);
    let contents: Vec<_> = received.attachments.iter().map(|attachment| attachment.content.clone()).collect();
    assert_eq!(contents, [Bytes::from_static(b"\r\n--part\r\n\0\xFF"), vec![7; 1000].into(), Bytes::new()]);
}

#[test]
fn what_the_parts_begin_with_is_as_the_protocol_has_it() {
    let packed = packed();
    let text = String::from_utf8_lossy(&packed.bytes).into_owned();
    assert!(packed.content_type.starts_with("multipart/related; type=\"text/xml\"; start=\"<envelope>\""));
    assert!(text.contains("Content-Type: text/xml; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n"));
    let mtom = pack(&request().to_xml(), &[], Style::Mtom);
    assert!(
        mtom.content_type.contains("type=\"application/xop+xml\"")
            && mtom.content_type.contains("start-info")
    );
    assert!(unpack(&mtom.content_type, &mtom.bytes, &Limits::default()).is_ok());
}

#[test]
fn attachments_are_streamed_to_where_they_are_wanted() {
    let packed = packed();
    let mut unpacking = Unpacking::new(&packed.content_type, &*packed.bytes, &Limits::default()).unwrap();
    unpacking.read_envelope(std::io::sink()).unwrap();
    let first = unpacking.next_attachment().unwrap().unwrap();
    assert_eq!(first.id, Some("a@b".parse().unwrap()));
    // The first is not wanted; the second is.
    unpacking.next_attachment().unwrap().unwrap();
    let mut content = Vec::new();
    assert_eq!(unpacking.copy_attachment(&mut content).unwrap(), 1000);
    assert_eq!(content, [7; 1000]);
    unpacking.next_attachment().unwrap().unwrap();
    assert_eq!(unpacking.next_attachment().unwrap(), None);
}

#[test]
fn hostile_boundaries_are_refused() {
    for (boundary, error) in [
        ("", EnvelopeError::Mime(MimeError::Boundary)),
        ("; boundary=\"\"", EnvelopeError::Mime(MimeError::Boundary)),
        ("; boundary=\"a\\\"b\"", EnvelopeError::Mime(MimeError::Boundary)),
        ("; boundary=\"a \"", EnvelopeError::Mime(MimeError::Boundary)),
        ("; boundary=b; boundary=c", EnvelopeError::ContentType),
        ("; boundary*0=b", EnvelopeError::ContentType),
        ("; boundary=\"b", EnvelopeError::ContentType),
    ] {
        let content_type = format!("multipart/related{boundary}");
        let refused = unpack(&content_type, &bytes("--b--"), &Limits::default()).unwrap_err();
        assert_eq!(refused, error, "{boundary}");
    }
    let long = format!("multipart/related; boundary={}", "b".repeat(71));
    let refused = unpack(&long, &bytes("--b--"), &Limits::default()).unwrap_err();
    assert_eq!(refused, EnvelopeError::Mime(MimeError::Boundary));
}

#[test]
fn what_readers_disagree_about_is_refused() {
    for (old, new, error) in [
        ("--b\r\nContent-Type: text/xml", "hello\r\n--b\r\nContent-Type: text/xml", MimeError::Preamble),
        ("--b--\r\n", "--b--\r\nhello", MimeError::Epilogue),
        ("content\r\n--b--", "content\n--b--", MimeError::Ambiguous),
        ("content\r\n", "content\r\n--better\r\n", MimeError::Ambiguous),
        ("content\r\n", "content\r\n--b-\r\n", MimeError::Ambiguous),
        ("Content-ID: <data>\r\n", "Content-ID: <data>\n", MimeError::Ambiguous),
        ("\r\n--b--\r\n", "", MimeError::CutOff),
        ("--b--", "--b", MimeError::CutOff),
        ("<data>", "<root>", MimeError::DuplicateContentId),
        ("Content-ID: <data>\r\n", "Content-ID: <data>\r\ncontent-id: <more>\r\n", MimeError::DuplicateField),
        ("Content-ID: <data>", "Content-ID <data>", MimeError::PartHeader),
        ("Content-ID: <data>", "Content ID: <data>", MimeError::PartHeader),
        ("Content-Type: text/plain\r\n", " folded\r\nContent-Type: text/plain\r\n", MimeError::PartHeader),
        (
            "<data>\r\n",
            "<data>\r\nContent-Transfer-Encoding: 8bit\r\nContent-Transfer-Encoding: base64\r\n",
            MimeError::DuplicateField,
        ),
        (
            "<data>\r\n",
            "<data>\r\nContent-Transfer-Encoding: quoted-printable\r\n",
            MimeError::TransferEncoding,
        ),
        ("<data>\r\n", "<data>\r\nContent-Transfer-Encoding: base64\r\n", MimeError::Base64),
        ("<root>\r\n", "<root>\r\nContent-Transfer-Encoding: base64\r\n", MimeError::TransferEncoding),
    ] {
        assert_eq!(mime_error(old, new), error, "{new:?}");
    }
    assert_eq!(spoilt("Content-Type: text/plain\r\n", "").unwrap_err(), EnvelopeError::ContentType);
    assert_eq!(spoilt("text/xml", "text/html").unwrap_err(), EnvelopeError::ContentType);
    assert_eq!(spoilt("text/xml", "text/xml; charset=utf-16").unwrap_err(), EnvelopeError::ContentType);
    let long = format!("<data>\r\nX: {}\r\n", "x".repeat(9000));
    assert_eq!(mime_error("<data>\r\n", &long), MimeError::PartHeaderTooLong);
    assert_eq!(spoilt("content", "other").unwrap().attachments[0].content, "other");
}

#[test]
fn the_parameters_of_a_message_agree_with_its_first_part() {
    let text = format!("--b\r\nContent-Type: text/xml\r\nContent-ID: <root>\r\n\r\n{}\r\n--b--", envelope());
    for (parameters, agree) in [
        ("; start=\"<root>\"; type=\"text/xml\"", true),
        ("; start=\"root\"", true),
        ("; start=\"<other>\"", false),
        ("; type=\"application/xop+xml\"", false),
    ] {
        let content_type = format!("multipart/related; boundary=b{parameters}");
        let read = unpack(&content_type, &bytes(&text), &Limits::default());
        assert_eq!(read.is_ok(), agree, "{parameters}");
    }
}

#[test]
fn limits_hold_for_parts_and_attachments() {
    let packed = packed();
    let refused = |limits: Limits| unpack(&packed.content_type, &packed.bytes, &limits).unwrap_err();
    let parts = refused(Limits { parts_max: 3, ..Limits::default() });
    assert_eq!(parts, EnvelopeError::Mime(MimeError::TooManyParts));
    let attachment = refused(Limits { attachment_bytes_max: 999, ..Limits::default() });
    assert_eq!(attachment, EnvelopeError::Mime(MimeError::AttachmentTooLarge));
}

#[test]
fn base64_is_read_in_lines_of_any_length_and_ends_at_its_padding() {
    for (text, content) in [
        ("Y29udGVudA==", Some("content")),
        ("Y29\r\nudGV\r\nudA\r\n==\r\n", Some("content")),
        ("", Some("")),
        ("Y29udGVudA", None),
        ("Y29udGVudA==Y29udGVudA==", None),
        ("Y2 !", None),
    ] {
        let encoded = format!("Content-Transfer-Encoding: base64\r\n\r\n{text}\r\n--b--");
        let read = spoilt("\r\n\r\ncontent\r\n--b--", &format!("\r\n{encoded}"));
        let read = read.map(|received| received.attachments[0].content.clone()).ok();
        assert_eq!(read.as_deref(), content.map(str::as_bytes), "{text:?}");
    }
}

#[test]
fn what_mtom_took_out_is_put_back_in() {
    let image = attachment("image@clinic", TransferEncoding::Identity, &[1, 2, 3]);
    let including = |include: &str| body(&format!("<ask_it><image>\n{include}\n</image><name/></ask_it>"));
    let message = Message::new(headers(), including(&xop::include(image.id.as_ref().unwrap()))).unwrap();
    let packed = pack(&message.to_xml(), std::slice::from_ref(&image), Style::Mtom);
    let received = unpack(&packed.content_type, &packed.bytes, &Limits::default()).unwrap();
    let read = super::message(received.envelope);
    let whole = xop::inlined(read.body(), &received.attachments, &Limits::default()).unwrap();
    let whole = std::str::from_utf8(whole.xml()).unwrap().to_owned();
    assert!(whole.contains(&format!("<image>\n{}\n</image>", STANDARD.encode([1, 2, 3]))), "{whole}");

    let refused = |include: &str| {
        xop::inlined(&including(include), std::slice::from_ref(&image), &Limits::default()).unwrap_err()
    };
    let xop = "xmlns='http://www.w3.org/2004/08/xop/include'";
    assert_eq!(refused(&format!("<Include {xop} href='cid:other'/>")), XopError::Missing);
    assert_eq!(refused(&format!("<Include {xop} href='file:///etc/passwd'/>")), XopError::Include);
    assert_eq!(refused(&format!("<Include {xop}/>")), XopError::Include);
    assert_eq!(refused(&format!("<Include {xop} href='cid:image@clinic'>x</Include>")), XopError::Include);
    let twice = format!("<Include {xop} href='cid:image@clinic'/>");
    assert_eq!(refused(&twice.repeat(2)), XopError::NotAlone);
    assert_eq!(refused(&format!("text{twice}")), XopError::NotAlone);
    assert_eq!(refused(&format!("{twice}text")), XopError::NotAlone);
    let small = Limits { envelope_bytes_max: 60, ..Limits::default() };
    let large = attachment("image@clinic", TransferEncoding::Identity, &[0; 90]);
    let body = body(
        "<ask_it><Include xmlns='http://www.w3.org/2004/08/xop/include' href='cid:image@clinic'/></ask_it>",
    );
    assert!(xop::inlined(&body, &[large], &small).is_err());
}

#[test]
fn references_are_urls() {
    let id: ContentId = "<a%b@c>".parse().unwrap();
    assert_eq!(id.url(), "cid:a%25b@c");
    assert_eq!(ContentId::referred_to("CID:a%25b%40c"), Some(id));
    for href in ["cid:", "cid:%", "cid:a b", "http:a", "a", "cid:%FF"] {
        assert_eq!(ContentId::referred_to(href), None, "{href}");
    }
    let attachments = [attachment("x", TransferEncoding::Base64, b"y")];
    assert!(xop::referred_to("cid:x", &attachments).is_some());
}
