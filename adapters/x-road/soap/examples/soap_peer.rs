//! The codec as a program, for peers that are not written in Rust (`peers/soap.py`): a message comes on the standard
//! input, its `Content-Type` as the argument; what goes out is a `Content-Type`, an empty line and a message.
//!
//! `answer` reads a request and answers it with its own content and attachments; `ask` writes a request of its own.

use std::error::Error;
use std::io::{Read as _, Write as _, stdin, stdout};

use x_road_soap::address::{ClientPath, ServiceId};
use x_road_soap::mime::TransferEncoding;
use x_road_soap::package::{Attachment, Packed, Received, Style, pack, unpack};
use x_road_soap::{
    Element, Envelope, HashAlgorithm, Headers, Kind, Limits, Message, RequestHash, Service, Text, escaped,
    xop,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let packed = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["ask", style] => ask(style_named(style)?)?,
        ["answer", style, content_type] => {
            let mut request = Vec::new();
            stdin().read_to_end(&mut request)?;
            answer(&unpack(content_type, &request.into(), &Limits::default())?, style_named(style)?)?
        }
        _ => return Err("ask swa|mtom, or answer swa|mtom CONTENT-TYPE".into()),
    };
    let mut out = stdout();
    write!(out, "{}\n\n", packed.content_type)?;
    Ok(out.write_all(&packed.bytes)?)
}

fn style_named(name: &str) -> Outcome<Style> {
    match name {
        "swa" => Ok(Style::Swa),
        "mtom" => Ok(Style::Mtom),
        _ => Err("a style is swa or mtom".into()),
    }
}

fn ask(style: Style) -> Outcome<Packed> {
    let client: ClientPath = "ee-test/COM/10303948/gw".parse()?;
    let service: ServiceId = "ee-test/GOV/70000001/register/ask".parse()?;
    let headers = Headers {
        user_id: Some(Text::new("EE39901012239")?),
        issue: Some(Text::new("õ <&>\"'\r\n\t end")?),
        ..Headers::new((&client).into(), Service::new(&service, Some("v1".parse()?)), "id-õ".parse()?)
    };
    let image = Attachment {
        id: Some("image@clinic".parse()?),
        media_type: "application/octet-stream".parse()?,
        encoding: if style == Style::Swa { TransferEncoding::Base64 } else { TransferEncoding::Identity },
        content: (0..=255_u8).cycle().take(10_000).collect::<Vec<_>>().into(),
    };
    let id = "image@clinic".parse()?;
    let reference = if style == Style::Mtom { xop::include(&id) } else { id.url() };
    let body = format!("<r:ask xmlns:r=\"urn:register\"><text>õ</text><image>{reference}</image></r:ask>");
    let body = Element::parse(body.as_bytes(), &Limits::default())?;
    Ok(pack(&Message::new(headers, body)?.to_xml(), &[image], style))
}

fn answer(request: &Received, style: Style) -> Outcome<Packed> {
    let Envelope::Message(message) = &request.envelope else { return Err("a fault asks nothing".into()) };
    if message.kind() != Kind::Request {
        return Err("an answer asks nothing".into());
    }
    let content = String::from_utf8_lossy(message.body().xml()).into_owned();
    let includes: String = request
        .attachments
        .iter()
        .filter_map(|attachment| attachment.id.as_ref())
        .map(|id| {
            format!("<image>{}</image>", if style == Style::Mtom { xop::include(id) } else { id.url() })
        })
        .collect();
    let body = format!(
        "<r:askResponse xmlns:r=\"urn:register\"><text>{}</text>{includes}</r:askResponse>",
        escaped(&content)
    );
    let hash = RequestHash::of(HashAlgorithm::Sha512, &request.bytes);
    let headers = message.headers().of_answer(Some(hash));
    let body = Element::parse(body.as_bytes(), &Limits::default())?;
    Ok(pack(&Message::new(headers, body)?.to_xml(), &request.attachments, style))
}
