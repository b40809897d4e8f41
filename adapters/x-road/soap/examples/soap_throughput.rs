//! How fast the codec is beside bare `quick-xml` events over the same bytes, and beside a bare copy for attachments:
//! `cargo run --release -p x-road --example soap_throughput`.

use std::error::Error;
use std::hint::black_box;
use std::io::{Write as _, sink, stdout};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quick_xml::Reader;
use quick_xml::events::Event;
use x_road_soap::address::{ClientPath, ServiceId};
use x_road_soap::mime::TransferEncoding;
use x_road_soap::package::{Attachment, Style, Unpacking, pack};
use x_road_soap::{Element, Headers, Limits, Message, Service, read, read_into};

/// Items of the bill that is measured: together some 8 MiB.
const ITEMS: usize = 40_000;
const ATTACHMENT_BYTES: usize = 16 << 20;
/// Each figure is the best of so many runs.
const RUNS: usize = 7;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let message = message()?;
    let envelope = message.to_xml();
    let limits = Limits::default();
    let mut out = stdout();
    writeln!(out, "envelope of {} bytes, best of {RUNS}", envelope.len())?;
    let mut figure = |name: &str, bytes: usize, run: &dyn Fn() -> Outcome<()>| -> Outcome<()> {
        let best = best(run)?;
        Ok(writeln!(out, "{name:<44} {:>7.0} MB/s", bytes as f64 / best.as_secs_f64() / 1e6)?)
    };
    figure("quick-xml, events from a slice", envelope.len(), &|| bare_slice(&envelope))?;
    figure("quick-xml, events from a stream", envelope.len(), &|| bare_stream(&envelope))?;
    figure("read, body in memory", envelope.len(), &|| {
        black_box(read(&envelope, &limits)?);
        Ok(())
    })?;
    figure("read_into, body streamed to nowhere", envelope.len(), &|| {
        black_box(read_into(&*envelope, &limits, sink())?);
        Ok(())
    })?;
    figure("write", envelope.len(), &|| {
        black_box(message.to_xml());
        Ok(())
    })?;
    for encoding in [TransferEncoding::Identity, TransferEncoding::Base64] {
        let packed = pack(&small()?.to_xml(), &[attachment(encoding)?], Style::Swa);
        let name = format!("unpack an attachment, {encoding:?}");
        figure(&name, packed.bytes.len(), &|| {
            let mut unpacking = Unpacking::new(&packed.content_type, &*packed.bytes, &limits)?;
            unpacking.read_envelope(sink())?;
            while unpacking.next_attachment()?.is_some() {
                unpacking.copy_attachment(sink())?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn best(run: &dyn Fn() -> Outcome<()>) -> Outcome<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        run()?;
        best = best.min(start.elapsed());
    }
    Ok(best)
}

fn bare_slice(envelope: &[u8]) -> Outcome<()> {
    let mut reader = Reader::from_str(std::str::from_utf8(envelope)?);
    while !matches!(black_box(reader.read_event()?), Event::Eof) {}
    Ok(())
}

fn bare_stream(envelope: &[u8]) -> Outcome<()> {
    let mut reader = Reader::from_reader(envelope);
    let mut buffer = Vec::new();
    while !matches!(black_box(reader.read_event_into(&mut buffer)?), Event::Eof) {
        buffer.clear();
    }
    Ok(())
}

fn headers() -> Outcome<Headers> {
    let client: ClientPath = "ee-test/COM/10303948/gw".parse()?;
    let service: ServiceId = "ee-test/GOV/70000001/register/bills".parse()?;
    Ok(Headers::new((&client).into(), Service::new(&service, Some("v1".parse()?)), "id-1".parse()?))
}

fn small() -> Outcome<Message> {
    Ok(Message::new(headers()?, Element::parse(b"<bills/>", &Limits::default())?)?)
}

fn message() -> Outcome<Message> {
    let item = "<b:item number=\"7\" code=\"3002\"><b:service>Arsti vastuvõtt</b:service><b:date>2026-11-22</b:date>\
                <b:price currency=\"EUR\">17.25</b:price><b:note>a &amp; b</b:note></b:item>\n";
    let body = format!("<b:bills xmlns:b=\"urn:bills\">{}</b:bills>", item.repeat(ITEMS));
    Ok(Message::new(headers()?, Element::parse(body.as_bytes(), &Limits::default())?)?)
}

fn attachment(encoding: TransferEncoding) -> Outcome<Attachment> {
    let content: Vec<u8> = (0..ATTACHMENT_BYTES).map(|place| (place * 31 % 251) as u8).collect();
    let media_type = "application/octet-stream".parse()?;
    Ok(Attachment { id: None, media_type, encoding, content: Bytes::from(content) })
}
