//! A message over X-Road with edits in it: what is read, and written again, is read as the same message.

#![no_main]

use libfuzzer_sys::fuzz_target;
use x_road_soap::package::{Style, pack, unpack};
use x_road_soap::{Envelope, Limits};

const ENVELOPE: &str = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
    xmlns:x=\"http://x-road.eu/xsd/xroad.xsd\" xmlns:id=\"http://x-road.eu/xsd/identifiers\"><s:Header>\
    <x:client id:objectType=\"SUBSYSTEM\"><id:xRoadInstance>ee</id:xRoadInstance><id:memberClass>COM</id:memberClass>\
    <id:memberCode>10990009</id:memberCode><id:subsystemCode>gw</id:subsystemCode></x:client>\
    <x:service id:objectType=\"SERVICE\"><id:xRoadInstance>ee</id:xRoadInstance><id:memberClass>GOV</id:memberClass>\
    <id:memberCode>74000091</id:memberCode><id:subsystemCode>kirst</id:subsystemCode><id:serviceCode>ask</id:serviceCode>\
    <id:serviceVersion>v1</id:serviceVersion></x:service><x:id>m-1</x:id><x:userId>EE1</x:userId><x:issue>why</x:issue>\
    <x:protocolVersion>4.0</x:protocolVersion></s:Header><s:Body><k:ask xmlns:k=\"urn:k\"><a b='c'>&lt;&#65;<![CDATA[d]]></a>\
    <x:Include xmlns:x=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:a\"/></k:ask></s:Body></s:Envelope>";

fuzz_target!(|bytes: &[u8]| {
    let (alone, edits) = bytes.split_first().map_or((true, bytes), |(first, rest)| (first % 2 == 0, rest));
    let (media_type, message) = if alone {
        ("text/xml; charset=UTF-8", ENVELOPE.to_owned())
    } else {
        let parts = format!(
            "--b\r\nContent-Type: text/xml\r\n\r\n{ENVELOPE}\r\n--b\r\nContent-ID: <a>\r\n\
             Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n"
        );
        ("multipart/related; type=\"text/xml\"; boundary=b", parts)
    };
    let body = bytes::Bytes::from(edited(message.into_bytes(), edits));
    let limits = Limits::default();
    let Ok(received) = unpack(media_type, &body, &limits) else { return };
    let Envelope::Message(message) = &received.envelope else { return };
    let style = if received.attachments.is_empty() { Style::Swa } else { Style::Mtom };
    let packed = pack(&message.to_xml(), &received.attachments, style);
    let again = unpack(&packed.content_type, &packed.bytes, &limits).expect("what was written can be read");
    assert_eq!(again.envelope, received.envelope);
    assert_eq!(again.attachments.len(), received.attachments.len());
});

/// Each edit: where (two bytes), how much goes, how much comes, and what comes.
fn edited(mut text: Vec<u8>, mut edits: &[u8]) -> Vec<u8> {
    while let Some(([high, low, goes, comes], rest)) = edits.split_first_chunk() {
        let at = usize::from(u16::from_be_bytes([*high, *low])) % (text.len() + 1);
        let until = (at + usize::from(*goes)).min(text.len());
        let (new, rest) = rest.split_at(usize::from(*comes).min(rest.len()));
        text.splice(at..until, new.iter().copied());
        edits = rest;
    }
    text
}
