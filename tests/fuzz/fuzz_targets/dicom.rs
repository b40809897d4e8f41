//! Any bytes as a DICOM file, whole and in pieces: the same outcome, without panic and in bounded memory.

#![no_main]

use libfuzzer_sys::fuzz_target;
use minimise::dicom::{Event, Limits, Reader, Source, Step};

fuzz_target!(|bytes: &[u8]| {
    let whole = read(bytes, bytes.len().max(1));
    let piece = bytes.first().map_or(1, |byte| usize::from(*byte) % 17 + 1);
    assert_eq!(whole, read(bytes, piece));
});

/// How many elements there are and how many bytes of values, or the rule that is broken.
fn read(bytes: &[u8], piece: usize) -> Result<(usize, usize), &'static str> {
    let mut reader = Reader::new(Source::File, &Limits::default());
    let mut pieces = bytes.chunks(piece);
    let (mut elements, mut value_bytes) = (0, 0);
    loop {
        match reader.next() {
            Ok(Step::Event(Event::Element(_))) => elements += 1,
            Ok(Step::Event(Event::Value(value) | Event::Chunk(value))) => value_bytes += value.len(),
            Ok(Step::Event(_)) => {}
            Ok(Step::More) => match pieces.next() {
                Some(piece) => reader.feed(piece),
                None => reader.end(),
            },
            Ok(Step::Done) => return Ok((elements, value_bytes)),
            Err(fault) => return Err(fault.reason.rule()),
        }
    }
}
