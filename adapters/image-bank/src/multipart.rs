//! `multipart/related` as DICOMweb uses it (PS3.18 §8.6, RFC 2387): requests are written in pieces, answers hold one part.

use bytes::Bytes;
use clearance::adapter::{CallBody, Piece};
use clearance::journey::Cleared;
use memchr::memmem::find;

use crate::DICOM;
use crate::batch::Batch;

/// The line between the parts of a request. It cannot stand in an instance by chance or on purpose: it is derived from the transfer's
/// id, which is made after the documents were.
pub(crate) fn boundary(cleared: &Cleared) -> String {
    cleared.transfer().message(&format!("batch-{}", cleared.attempt())).simple().to_string()
}

/// The `Content-Type` of a request with this boundary.
pub(crate) fn content_type(boundary: &str) -> String {
    format!("multipart/related; type=\"{DICOM}\"; boundary={boundary}")
}

/// The body of a request: the instances are read as they are sent.
pub(crate) fn body(batch: &Batch<'_>, boundary: &str) -> CallBody {
    let head = Bytes::from(format!("--{boundary}\r\nContent-Type: {DICOM}\r\n\r\n"));
    let parts = batch.sending.iter().flat_map(|sending| {
        [
            Piece::Bytes(head.clone()),
            Piece::Part(sending.part.read()),
            Piece::Bytes(Bytes::from_static(b"\r\n")),
        ]
    });
    let end = Bytes::from(format!("--{boundary}--\r\n"));
    parts.chain([Piece::Bytes(end)]).collect()
}

/// The one part of an answer with this `Content-Type`; nothing when it is anything else.
pub(crate) fn only_part(content_type: &str, body: &Bytes) -> Option<Bytes> {
    let boundary = boundary_of(content_type)?;
    let begin = format!("--{boundary}\r\n");
    let end = format!("\r\n--{boundary}--");
    let part = body.strip_prefix(b"\r\n".as_slice()).unwrap_or(body).strip_prefix(begin.as_bytes())?;
    let headers = find(part, b"\r\n\r\n")?;
    let content = part.get(headers + 4..)?;
    let (content, rest) = content.split_at_checked(find(content, end.as_bytes())?)?;
    let is_over = matches!(rest.get(end.len()..)?, b"" | b"\r\n");
    let is_dicom = has_type(std::str::from_utf8(part.get(..headers)?).ok()?);
    let has_one = find(content, format!("\r\n--{boundary}").as_bytes()).is_none();
    (is_over && is_dicom && has_one).then(|| body.slice_ref(content))
}

fn has_type(headers: &str) -> bool {
    let types = headers.split("\r\n").filter_map(|line| line.split_once(':'));
    let mut types = types.filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let is_dicom = |(_, value): (&str, &str)| {
        value.split(';').next().is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case(DICOM))
    };
    types.next().is_some_and(is_dicom) && types.next().is_none()
}

fn boundary_of(content_type: &str) -> Option<&str> {
    let mut parameters = content_type.split(';').map(str::trim);
    if !parameters.next()?.eq_ignore_ascii_case("multipart/related") {
        return None;
    }
    let (_, boundary) = parameters
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?;
    let boundary = boundary.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(boundary);
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(content_type: &str, body: &str) -> Option<String> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        only_part(content_type, &body).map(|part| String::from_utf8(part.to_vec()).unwrap())
    }

    #[test]
    fn an_answer_has_one_part_and_it_is_dicom() {
        const TYPE: &str = "multipart/related; type=\"application/dicom\"; boundary=\"b\"";
        let body = "--b\r\nContent-Type: application/dicom; transfer-syntax=1.2\r\n\r\n\r\n-- image --\r\n\r\n--b--\r\n";
        assert_eq!(part(TYPE, body).as_deref(), Some("\r\n-- image --\r\n"));
        assert_eq!(part(TYPE, &format!("\r\n{body}")).as_deref(), Some("\r\n-- image --\r\n"));
        let bad = |from: &str, to: &str| part(TYPE, &body.replace(from, to));
        assert_eq!(bad("--b--", "--b"), None, "no end");
        assert_eq!(bad("application/dicom;", "text/html;"), None, "another type");
        assert_eq!(bad("\r\n\r\n\r\n", "\r\n"), None, "headers without end");
        assert_eq!(bad("-- image --", "\r\n--b\r\n"), None, "two parts");
        assert_eq!(bad("--b--\r\n", "--b--\r\nmore"), None, "an epilogue");
        assert_eq!(part("multipart/mixed; boundary=b", body), None);
        assert_eq!(part("multipart/related", body), None);
    }
}
