//! What holds for whatever is written and whatever comes.

use std::io::{BufRead, Read};

use proptest::prelude::*;

use super::packages::attachment;
use super::{body, bytes, envelope, headers, message, read_str, request};
use crate::address::Part;
use crate::mime::TransferEncoding;
use crate::package::{Style, Unpacking, pack, unpack};
use crate::{
    Client, Element, EnvelopeError, HashAlgorithm, Head, Headers, Limits, Message, RepresentedParty,
    RequestHash, SecurityToken, ServerId, Text, read, read_into,
};

prop_compose! {
    fn part()(text in "[^\\pC:;/\\\\%\u{200B}\u{FEFF}]{1,30}".prop_filter("a part", |text| text.parse::<Part>().is_ok())) -> Part {
        text.parse().unwrap()
    }
}

/// Any text that XML can carry, line ends and quotes and all.
fn text() -> impl Strategy<Value = Text> {
    any::<String>().prop_filter_map("what XML can carry", |text| Text::new(&text).ok())
}

prop_compose! {
    fn any_headers()(
        parts in prop::array::uniform9(part()),
        (subsystem, version, party) in any::<(bool, bool, bool)>(),
        id in text().prop_filter("an id", |text| !text.as_str().is_empty()),
        user_id in prop::option::of(text()),
        issue in prop::option::of(text()),
        server in prop::option::of(prop::array::uniform4(part())),
        token in prop::option::of((prop::option::of(text()), text())),
        hashed in prop::option::of(any::<Vec<u8>>()),
    ) -> Headers {
        let [instance, class, member, code, of_service, of_version, party_class, party_code, owner] = parts;
        let client = Client { instance, class, member, subsystem: subsystem.then_some(code) };
        let provider = Client { member: owner, ..client.clone() };
        Headers {
            service: provider.service(of_service, version.then_some(of_version)),
            user_id,
            issue,
            security_server: server.map(|[instance, class, member, code]| ServerId { instance, class, member, code }),
            represented_party: party.then(|| RepresentedParty { class: version.then_some(party_class), code: party_code }),
            security_token: token.map(|(token_type, token)| SecurityToken { token_type, token }),
            request_hash: hashed.map(|bytes| RequestHash::of(HashAlgorithm::Sha384, &bytes)),
            ..Headers::new(client, headers().service, id.as_str().parse().unwrap())
        }
    }
}

/// Gives its bytes in pieces of these lengths, over and over.
struct Pieces<'a> {
    rest: &'a [u8],
    lengths: &'a [usize],
    turn: usize,
}

impl BufRead for Pieces<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        let length = self.lengths[self.turn % self.lengths.len()];
        Ok(&self.rest[..length.min(self.rest.len())])
    }

    fn consume(&mut self, amount: usize) {
        self.rest = &self.rest[amount..];
        self.turn += 1;
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

/// Markup at whose edges tokenizers go wrong.
const MARKUP: [&str; 22] = [
    "\u{FEFF}",
    "<!-- a -->",
    "<!---->",
    "<!-->",
    "<!--->",
    "<!-- -- -->",
    "<![CDATA[]]>",
    "<![CDATA[>]]>",
    "<![cdata[]]>",
    "<![CDATA[",
    "]]>",
    "&amp;",
    "&#x41;",
    "&",
    "&;",
    "<",
    ">",
    "<a/>",
    "</a>",
    "<a b='>'/>",
    "<?xml?>",
    "<!DOCTYPE a>",
];

type Unpacked = (Head, Vec<u8>, Vec<Vec<u8>>);

fn unpack_in_pieces(content_type: &str, bytes: &[u8], lengths: &[usize]) -> Result<Unpacked, EnvelopeError> {
    let source = Pieces { rest: bytes, lengths, turn: 0 };
    let mut unpacking = Unpacking::new(content_type, source, &Limits::default())?;
    let (mut body, mut attachments) = (Vec::new(), Vec::new());
    let head = unpacking.read_envelope(&mut body)?;
    while unpacking.next_attachment()?.is_some() {
        let mut attachment = Vec::new();
        unpacking.copy_attachment(&mut attachment)?;
        attachments.push(attachment);
    }
    Ok((head, body, attachments))
}

proptest! {
    #[test]
    fn any_header_survives_being_written_and_read(headers in any_headers()) {
        let code = headers.service.code.as_str().to_owned();
        let name = Element::parse(format!("<{code}/>").as_bytes(), &Limits::default());
        // Not every code can be the name of an element; then the body of no message can be named after it.
        if let Ok(body) = name
            && let Ok(written) = Message::new(headers, body)
        {
            let read = message(read(&written.to_xml(), &Limits::default()).unwrap());
            prop_assert_eq!(read.headers(), written.headers());
        }
    }

    #[test]
    fn any_value_survives_being_written_and_read(
        user_id in text(), issue in text(), token in text(), token_type in text(), member in part(),
    ) {
        let headers = Headers {
            client: Client { member, ..headers().client },
            user_id: Some(user_id),
            issue: Some(issue),
            security_token: Some(SecurityToken { token_type: Some(token_type), token }),
            ..headers()
        };
        let written = Message::new(headers, body("<ask_it/>")).unwrap();
        let read = message(read(&written.to_xml(), &Limits::default()).unwrap());
        prop_assert_eq!(read.headers(), written.headers());
    }

    #[test]
    fn a_spoilt_byte_never_does_more_than_be_refused(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut xml = envelope().into_bytes();
        let place = place.index(xml.len());
        xml[place] = byte;
        let _ = read(&xml, &Limits::default());
        let mut packed = pack(&request().to_xml(), &[attachment("a", TransferEncoding::Base64, b"bc")], Style::Mtom);
        let mut bytes = packed.bytes.to_vec();
        let place = place % bytes.len();
        bytes[place] = byte;
        packed.bytes = bytes.into();
        let _ = unpack(&packed.content_type, &packed.bytes, &Limits::default());
    }

    #[test]
    fn whatever_comes_is_read_or_refused(
        content_type in "(multipart/related; boundary=b|text/xml|\\PC{0,40})", content in any::<Vec<u8>>(), text in "(--b|\r\n|<|>|a|:| |--|&|;|\"|=|/|!|\\[|\\]|x)*",
    ) {
        let _ = unpack(&content_type, &content.into(), &Limits::default());
        let _ = unpack(&content_type, &bytes(&text), &Limits::default());
    }

    #[test]
    fn pieces_do_not_matter(lengths in prop::collection::vec(1_usize..40, 1..8), old in "[<>a&\r\n\"x:-]", new in "(|[<>a&;\r\n\"x:-]|--b|]]>)") {
        let attachments = [
            attachment("a", TransferEncoding::Identity, b"\r\n--par\r-\n"),
            attachment("b", TransferEncoding::Base64, &[9; 200]),
        ];
        let packed = pack(&request().to_xml(), &attachments, Style::Swa);
        let spoilt = String::from_utf8(packed.bytes.to_vec()).unwrap().replacen(&old, &new, 3);
        for bytes in [packed.bytes.to_vec(), spoilt.into_bytes()] {
            let whole = unpack_in_pieces(&packed.content_type, &bytes, &[usize::MAX]);
            let pieces = unpack_in_pieces(&packed.content_type, &bytes, &lengths);
            prop_assert_eq!(whole, pieces);
        }
    }

    #[test]
    fn pieces_of_an_envelope_do_not_matter(
        lengths in prop::collection::vec(1_usize..9, 1..8), place in any::<prop::sample::Index>(),
        put in prop::sample::select(&MARKUP[..]),
    ) {
        let mut xml = envelope();
        let mut place = place.index(xml.len());
        while !xml.is_char_boundary(place) {
            place -= 1;
        }
        xml.insert_str(place, put);
        let read = |lengths: &[usize]| {
            let mut body = Vec::new();
            let source = Pieces { rest: xml.as_bytes(), lengths, turn: 0 };
            read_into(source, &Limits::default(), &mut body).map(|head| (head, body))
        };
        prop_assert_eq!(read(&lengths), read(&[usize::MAX]));
        prop_assert_eq!(read(&[1]).is_ok(), read_str(&xml).is_ok());
    }
}
