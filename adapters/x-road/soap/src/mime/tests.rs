//! Media types and the header of parts; whole messages are in the tests of packages.

use super::fields::PartHead;
use super::{MediaType, MimeError};

#[test]
fn a_media_type_is_read_as_senders_write_it() {
    for (text, essence, boundary) in [
        ("text/xml", "text/xml", None),
        ("Text/XML;charset=utf-8;", "text/xml", None),
        ("multipart/related ; Boundary = \"a b\" ; type=\"text/xml\"", "multipart/related", Some("a b")),
        ("multipart/related; boundary=:a/b:; x=y", "multipart/related", Some(":a/b:")),
        ("multipart/related; x=\"; boundary=no\"; boundary=\"\\\"yes\"", "multipart/related", Some("\"yes")),
    ] {
        let media_type: MediaType = text.parse().unwrap();
        assert_eq!((media_type.essence(), media_type.parameter("boundary")), (essence, boundary), "{text}");
        assert_eq!(media_type.to_string().parse(), Ok(media_type), "{text}");
    }
}

#[test]
fn what_is_no_media_type_is_refused() {
    for text in [
        "",
        "text",
        "/xml",
        "text/",
        "te xt/xml",
        "text/xml; a",
        "text/xml; a=",
        "text/xml; a=1; A=2",
        "text/xml; a*=1",
        "text/xml; a=\"1",
        "text/xml; a=\"1\" b=2",
        "text/xml; a=\"\r\n\"",
        "text/xml; a=õ",
        "text/x\u{0}ml",
    ] {
        assert!(text.parse::<MediaType>().is_err(), "{text:?}");
    }
}

#[test]
fn a_media_type_does_not_print_its_parameters() {
    let media_type: MediaType = "text/plain; name=\"39901012239.txt\"".parse().unwrap();
    assert_eq!(format!("{media_type:?}"), "MediaType(text/plain)");
}

#[test]
fn a_field_without_control_characters_is_read_whatever_its_case() {
    let mut head = PartHead::default();
    head.read_field("CONTENT-ID:\t<a@b>").unwrap();
    head.read_field("Content-Disposition: attachment; filename=\"õ.txt\"").unwrap();
    assert_eq!(head.id.as_ref().map(|id| id.as_str()), Some("a@b"));
    assert_eq!(head.read_field("Content-Id: b"), Err(MimeError::DuplicateField));
    for line in ["X: a\u{0}b", "X: a\rb", ": a", "X Y: a", "X"] {
        assert_eq!(head.read_field(line), Err(MimeError::PartHeader), "{line:?}");
    }
}
