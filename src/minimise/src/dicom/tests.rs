//! Tests of the DICOM reader and writer: what is refused, and that the rest is what others read too.

mod build;
mod hostile;
mod oracle;
mod peers;
mod projecting;
mod reading;
mod slips;
mod texts;
mod tree;
mod writing;

use super::{Event, FileMeta, Limits, Malformed, Reader, Source, Step, Writer};

/// Reads `document` as chunks of `chunk_bytes`, and hands on what is told.
fn read(
    source: Source,
    limits: &Limits,
    document: &[u8],
    chunk_bytes: usize,
    mut told: impl FnMut(Event<'_>),
) -> Result<(), Malformed> {
    let mut reader = Reader::new(source, limits);
    let mut chunks = document.chunks(chunk_bytes.max(1));
    loop {
        match reader.next()? {
            Step::Event(event) => told(event),
            Step::More => match chunks.next() {
                Some(chunk) => reader.feed(chunk),
                None => reader.end(),
            },
            Step::Done => return Ok(()),
        }
    }
}

/// What is told of `document`, chunks of one value joined.
fn events(
    source: Source,
    document: &[u8],
    chunk_bytes: usize,
) -> Result<Vec<String>, (Vec<String>, Malformed)> {
    let mut all: Vec<String> = Vec::new();
    let mut chunk: Vec<u8> = Vec::new();
    let result = read(source, &Limits::default(), document, chunk_bytes, |event| {
        if let Event::Chunk(bytes) = event {
            chunk.extend_from_slice(bytes);
            return;
        }
        if !chunk.is_empty() {
            all.push(format!("chunks {:02X?}", std::mem::take(&mut chunk)));
        }
        all.push(match event {
            Event::Value(bytes) | Event::Meta(_, bytes) => format!("{event:?} {bytes:02X?}"),
            _ => format!("{event:?}"),
        });
    });
    match result {
        Ok(()) => {
            if !chunk.is_empty() {
                all.push(format!("chunks {chunk:02X?}"));
            }
            Ok(all)
        }
        // The chunks of a value that is cut off are told as far as they came.
        Err(malformed) => Err((all, malformed)),
    }
}

/// Reads `document` and writes it anew.
fn rewrite(source: Source, document: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut reader = Reader::new(source, &Limits::default());
    let mut chunks = document.chunks(4096);
    let mut writer = None;
    if let Source::DataSet(syntax) = source {
        writer = Some(Writer::data_set(syntax));
    }
    let (mut class, mut instance) = (String::new(), String::new());
    let (mut out, mut header) = (Vec::new(), None);
    loop {
        let syntax = reader.transfer_syntax();
        let event = match reader.next()? {
            Step::Event(event) => event,
            Step::More => {
                match chunks.next() {
                    Some(chunk) => reader.feed(chunk),
                    None => reader.end(),
                }
                continue;
            }
            Step::Done => break,
        };
        if let Event::Meta(header, value) = event {
            let text = String::from_utf8_lossy(value).trim_end_matches('\0').to_owned();
            match header.tag.element() {
                2 => class = text,
                3 => instance = text,
                _ => {}
            }
            continue;
        }
        if let Event::Preamble(_) = event {
            continue;
        }
        let writer = writer.get_or_insert_with(|| Writer::file(&meta(&class, &instance, syntax.unwrap())));
        write(writer, event, &mut header);
        if writer.pending() > 10_000 {
            let mut taken = Vec::new();
            writer.take(&mut taken);
            out.extend_from_slice(&taken);
        }
    }
    match writer {
        Some(writer) => writer.finish(&mut out),
        None => Writer::file(&meta(&class, &instance, reader.transfer_syntax().unwrap())).finish(&mut out),
    }
    Ok(out)
}

fn meta<'a>(class: &'a str, instance: &'a str, syntax: &'static super::TransferSyntax) -> FileMeta<'a> {
    FileMeta {
        sop_class_uid: class,
        sop_instance_uid: instance,
        transfer_syntax: syntax,
        implementation_class_uid: "2.25.1",
        implementation_version_name: "TEST",
    }
}

fn write(writer: &mut Writer, event: Event<'_>, header: &mut Option<super::Header>) {
    match event {
        Event::Preamble(_) | Event::Meta(..) => {}
        Event::Element(element) if element.is_in_chunks => writer.element_in_chunks(&element),
        Event::Element(element) => *header = Some(element),
        Event::Value(value) => writer.element(&header.take().unwrap(), value),
        Event::Chunk(bytes) => writer.chunk(bytes),
        Event::SequenceStart(header) => writer.start_sequence(&header),
        Event::ItemStart => writer.start_item(),
        Event::ItemEnd => writer.end_item(),
        Event::SequenceEnd => writer.end_sequence(),
        Event::FragmentsStart(header) => writer.start_fragments(&header),
        Event::Fragment(length) => writer.fragment(length),
        Event::FragmentsEnd => writer.end_fragments(),
    }
}
