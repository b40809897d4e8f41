//! Any bytes as XML, whole and in pieces: the same outcome, and what was read can be written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use minimise::xml::{Event, Limits, Reader, Step};

fuzz_target!(|bytes: &[u8]| {
    let whole = read(bytes, bytes.len().max(1));
    let piece = bytes.first().map_or(1, |byte| usize::from(*byte) % 17 + 1);
    assert_eq!(whole, read(bytes, piece));
});

/// How many elements there are and how much text, or the rule that is broken and where.
fn read(bytes: &[u8], piece: usize) -> Result<(usize, usize), (&'static str, String)> {
    let mut reader = Reader::new(&Limits::default());
    let mut pieces = bytes.chunks(piece);
    let (mut elements, mut text_bytes) = (0, 0);
    loop {
        match reader.next() {
            Ok(Step::Event(Event::Start(_))) => elements += 1,
            Ok(Step::Event(Event::Text(text))) => text_bytes += text.len(),
            Ok(Step::Event(_)) => {}
            Ok(Step::More) => match pieces.next() {
                Some(piece) => reader.feed(piece),
                None => reader.end(),
            },
            Ok(Step::Done) => return Ok((elements, text_bytes)),
            Err(fault) => return Err((fault.reason.rule(), fault.offset.to_string())),
        }
    }
}
