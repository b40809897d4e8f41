//! What is written is what was read.

use super::super::{Event, Limits, Reader, Source, Step, TransferSyntax, Writer};
use super::build::{BIG, Build, IMPLICIT, UNDEFINED, deflated, explicit, file, of_all_kinds};
use super::{events, meta, rewrite, write};

/// What is told of `document` but for its file meta information.
fn told(document: &[u8]) -> Vec<String> {
    let told = events(Source::File, document, 1000).unwrap();
    told.into_iter().filter(|told| !told.starts_with("Meta") && !told.starts_with("Preamble")).collect()
}

#[test]
fn what_was_written_reads_as_before() {
    let unknown = |body: &mut Build| {
        body.raw(b"\0\x09\x10\x01UN\0\0").raw(&UNDEFINED.to_be_bytes());
        body.item(UNDEFINED).bare((0x10, 0x20), 4).raw(b"1234").item_end().sequence_end();
    };
    let mut body = Build::default();
    body.short((0x10, 0x10), b"PN", b"A^B ").long((0x7FE0, 0x10), b"OW", 30_000).raw(&[5; 30_000]);
    let implicit = file(IMPLICIT, |body| {
        body.bare((0x10, 0x4000), 70_000).raw(&[b'x'; 70_000]);
    });
    for document in [of_all_kinds(), file(BIG, unknown), deflated(&body.0), implicit] {
        let written = rewrite(Source::File, &document).unwrap();
        assert_eq!(told(&written), told(&document));
        assert_eq!(rewrite(Source::File, &written).unwrap(), written);
    }
}

#[test]
fn the_preamble_and_the_file_meta_information_are_made_anew() {
    let mut document = of_all_kinds();
    document[..4].copy_from_slice(b"MZ\x90\0");
    let written = rewrite(Source::File, &document).unwrap();
    assert_eq!(written[..132], [&[0; 128][..], b"DICM"].concat());
    let told = events(Source::File, &written, 1000).unwrap();
    let meta: Vec<_> =
        told.iter().filter(|told| told.starts_with("Meta")).filter_map(|told| told.get(5..16)).collect();
    let expected = ["(0002,0001)", "(0002,0002)", "(0002,0003)", "(0002,0010)", "(0002,0012)", "(0002,0013)"];
    assert_eq!(meta, expected);
}

#[test]
fn what_was_written_can_be_taken_back_until_it_is_taken() {
    let mut reader = Reader::new(Source::File, &Limits::default());
    reader.feed(&of_all_kinds());
    reader.end();
    let mut writer = Writer::file(&meta("1.2", "1.3", TransferSyntax::of("1.2.840.10008.1.2.1").unwrap()));
    let (mut header, mut mark, mut level) = (None, None, 0);
    while let Step::Event(event) = reader.next().unwrap() {
        if let Event::SequenceStart(_) = event {
            if level == 0 {
                mark = Some(writer.mark());
            }
            level += 1;
        }
        write(&mut writer, event, &mut header);
        if let Event::SequenceEnd = event {
            level -= 1;
            assert!(level > 0 || writer.rewind(mark.unwrap()));
        }
    }
    let early = writer.mark();
    let mut written = Vec::new();
    writer.chunk(b"");
    writer.take(&mut written);
    assert!(writer.rewind(early));
    assert!(!writer.rewind(mark.unwrap()));
    writer.finish(&mut written);
    let left = told(&written);
    assert!(left.iter().all(|told| !told.starts_with("Sequence") && !told.starts_with("Item")));
    assert_eq!(left.len(), 2 * 6);
}

#[test]
fn a_chunk_beside_the_writer_is_counted_unless_it_would_be_out_of_order() {
    let syntax = TransferSyntax::of("1.2.840.10008.1.2.1").unwrap();
    let mut writer = Writer::data_set(syntax);
    writer.chunk(b"ab");
    assert!(!writer.pass(b"cd"));
    let mut taken = Vec::new();
    writer.take(&mut taken);
    let before = writer.mark();
    assert!(writer.pass(b"cd"));
    assert!(!writer.rewind(before));
    let mut deflating = Writer::data_set(TransferSyntax::of("1.2.840.10008.1.2.1.99").unwrap());
    assert!(!deflating.pass(b"cd"));
}

#[test]
fn an_odd_value_is_padded_as_its_representation_has_it() {
    let document = explicit(|body| {
        body.short((8, 0x18), b"UI", b"1.2\0").short((8, 0x60), b"CS", b"CT");
    });
    let mut reader = Reader::new(Source::File, &Limits::default());
    reader.feed(&document);
    reader.end();
    let mut writer = Writer::data_set(TransferSyntax::of("1.2.840.10008.1.2.1").unwrap());
    while let Step::Event(event) = reader.next().unwrap() {
        if let Event::Element(header) = event {
            writer.element(&header, b"123");
        }
    }
    let mut written = Vec::new();
    writer.finish(&mut written);
    assert_eq!(written, b"\x08\0\x18\0UI\x04\x00123\0\x08\0\x60\0CS\x04\x00123 ");
}
