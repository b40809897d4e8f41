//! What is told, passed over and looked into.

use super::super::{Event, Limits, Preamble, Reader, Reason, Source, Step, Tag, TransferSyntax, Vr};
use super::build::{BIG, Build, IMPLICIT, JPEG, UNDEFINED, deflated, explicit, file, of_all_kinds};
use super::events;

/// A reader that was fed all of `document`.
fn reader(document: &[u8]) -> Reader {
    let mut reader = Reader::new(Source::File, &Limits::default());
    reader.feed(document);
    reader.end();
    reader
}

/// The next event, as it prints, or how reading ended.
fn next(reader: &mut Reader) -> String {
    match reader.next() {
        Ok(Step::Event(Event::Value(value))) => format!("Value({})", String::from_utf8_lossy(value)),
        Ok(Step::Event(event)) => format!("{event:?}"),
        Ok(step) => format!("{step:?}"),
        Err(malformed) => format!("{:?}", malformed.reason),
    }
}

fn all(document: &[u8]) -> Vec<String> {
    let mut reader = reader(document);
    std::iter::from_fn(|| Some(next(&mut reader)).filter(|told| told != "Done")).collect()
}

fn until(reader: &mut Reader, told: &str) {
    for _ in 0..100 {
        if next(reader) == told {
            return;
        }
    }
    panic!("{told} was not told");
}

#[test]
fn all_kinds_of_elements_are_told() {
    let told = all(&of_all_kinds());
    assert_eq!(
        told,
        [
            "Meta((0002,0010), …)",
            "Element((0008,0005), CS)",
            "Value(ISO_IR 100)",
            "Element((0008,0060), CS)",
            "Value(CT)",
            "SequenceStart((0008,1115))",
            "ItemStart",
            "Element((0008,0005), CS)",
            "Value(ISO_IR 192)",
            "Element((0010,0010), PN)",
            "Value(Jõgi^Õie)",
            "SequenceStart((0040,A730))",
            "ItemStart",
            "Element((0008,0100), SH)",
            "Value(T-A0100 AB)",
            "ItemEnd",
            "SequenceEnd",
            "ItemEnd",
            "ItemStart",
            "ItemEnd",
            "SequenceEnd",
            "Element((0009,0010), LO)",
            "Value(MAKER )",
            "SequenceStart((0009,1001))",
            "ItemStart",
            "Element((0010,0020), LO)",
            "Value(1234)",
            "ItemEnd",
            "SequenceEnd",
            "Element((0010,0010), PN)",
            "Value(J\u{FFFD}gi^Mari )",
            "Element((0028,0010), US)",
            "Value(\u{1}\u{2})",
            "Element((7FE0,0010), OW)",
            "Chunk(…)",
        ]
    );
}

#[test]
fn each_transfer_syntax_tells_the_same() {
    let mut little = Build::default();
    little.short((0x10, 0x10), b"PN", b"A^B ").short((0x28, 0x10), b"US", &[1, 2]);
    let expected = ["Element((0010,0010), PN)", "Value(A^B )", "Element((0028,0010), US)"];
    let implicit = file(IMPLICIT, |body| {
        body.bare((0x10, 0x10), 4).raw(b"A^B ").bare((0x28, 0x10), 2).raw(&[1, 2]);
    });
    let big = file(BIG, |body| {
        body.raw(b"\0\x10\0\x10PN\0\x04A^B ").raw(b"\0\x28\0\x10US\0\x02\x02\x01");
    });
    let explicit = explicit(|body| {
        body.raw(&little.0);
    });
    for document in [implicit, big, explicit, deflated(&little.0)] {
        let told = all(&document);
        assert_eq!(told[1..4], expected);
    }
}

#[test]
fn a_data_set_alone_is_read_in_the_transfer_syntax_that_it_is_said_to_have() {
    let mut body = Build::default();
    body.bare((0x10, 0x10), 4).raw(b"A^B ");
    let source = Source::DataSet(TransferSyntax::of(IMPLICIT).unwrap());
    let told = events(source, &body.0, 3).unwrap();
    assert_eq!(told.len(), 2);
}

#[test]
fn fragments_pass_through_as_they_are() {
    let document = file(JPEG, |body| {
        body.long((0x88, 0x200), b"SQ", UNDEFINED)
            .item(UNDEFINED)
            .long((0x7FE0, 0x10), b"OB", 2)
            .raw(&[1, 2])
            .item_end()
            .sequence_end()
            .long((0x7FE0, 0x10), b"OB", UNDEFINED)
            .item(0)
            .item(8)
            .raw(&[0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0])
            .sequence_end();
    });
    let told = events(Source::File, &document, 5).unwrap();
    let end = told.len() - 5;
    assert_eq!(
        told[end..],
        [
            "FragmentsStart((7FE0,0010))",
            "Fragment(0)",
            "Fragment(8)",
            "chunks [FE, FF, DD, E0, 00, 00, 00, 00]",
            "FragmentsEnd"
        ]
    );
}

#[test]
fn a_preamble_that_is_something_else_is_told() {
    let cases: [(&[u8], Preamble); 4] = [
        (b"II\x2A\0", Preamble::Tiff),
        (b"MZ", Preamble::Program),
        (b"#!/bin/sh", Preamble::Script),
        (b"zip", Preamble::Other),
    ];
    for (start, expected) in cases {
        let mut document = of_all_kinds();
        document[..start.len()].copy_from_slice(start);
        assert_eq!(all(&document)[0], format!("Preamble({expected:?})"));
    }
}

#[test]
fn what_is_skipped_is_not_told() {
    let document = of_all_kinds();
    for (start, after) in [
        ("Element((0008,0005), CS)", "Element((0008,0060), CS)"),
        ("SequenceStart((0008,1115))", "Element((0009,0010), LO)"),
        ("SequenceStart((0040,A730))", "ItemEnd"),
        ("SequenceStart((0009,1001))", "Element((0010,0010), PN)"),
        ("Element((7FE0,0010), OW)", "Done"),
    ] {
        let mut reader = reader(&document);
        until(&mut reader, start);
        reader.skip();
        assert_eq!(next(&mut reader), after);
    }
}

#[test]
fn an_item_is_skipped_with_all_that_is_in_it() {
    let mut reader = reader(&of_all_kinds());
    until(&mut reader, "ItemStart");
    reader.skip();
    assert_eq!(next(&mut reader), "ItemStart");
    reader.skip();
    assert_eq!(next(&mut reader), "SequenceEnd");
    assert_eq!(reader.depth(), 0);
}

#[test]
fn what_is_skipped_is_not_held() {
    let document = explicit(|body| {
        body.long((0x7FE0, 0x10), b"OW", 64 << 20);
    });
    let mut reader = Reader::new(Source::File, &Limits::default());
    reader.feed(&document);
    until(&mut reader, "Element((7FE0,0010), OW)");
    reader.skip();
    let chunk = vec![0; 1 << 20];
    for _ in 0..64 {
        reader.feed(&chunk);
    }
    reader.end();
    assert!(reader.held() < 1 << 10);
    assert_eq!(next(&mut reader), "Done");
}

#[test]
fn one_can_look_into_an_item_and_go_back() {
    let mut reader = reader(&of_all_kinds());
    until(&mut reader, "ItemStart");
    assert!(reader.mark());
    until(&mut reader, "Value(T-A0100 AB)");
    assert!(!reader.mark());
    reader.rewind();
    let told: Vec<_> = (0..6).map(|_| next(&mut reader)).collect();
    assert_eq!(told[0], "ItemStart");
    assert_eq!(told[4], "Value(Jõgi^Õie)");
    assert_eq!(told[5], "SequenceStart((0040,A730))");
}

#[test]
fn looking_into_an_item_does_not_go_past_it() {
    let document = of_all_kinds();
    for (start, end) in [("ItemStart", "ItemEnd"), ("SequenceStart((0040,A730))", "SequenceEnd")] {
        let mut reader = reader(&document);
        until(&mut reader, start);
        assert!(reader.mark());
        reader.skip();
        assert_eq!(next(&mut reader), end);
        assert_eq!(next(&mut reader), end);
        reader.rewind();
        assert_eq!(next(&mut reader), start);
        reader.skip();
        assert_ne!(next(&mut reader), "ItemExpected");
    }
}

#[test]
fn one_can_look_ahead_while_the_document_still_comes() {
    let document = of_all_kinds();
    let mut reader = Reader::new(Source::File, &Limits::default());
    let mut bytes = document.iter();
    let (mut looks, mut told, mut looked) = (false, Vec::new(), 0);
    loop {
        let event = match reader.next().unwrap() {
            Step::Event(event) => format!("{event:?}"),
            Step::More => {
                match bytes.next() {
                    Some(byte) => reader.feed(&[*byte]),
                    None => reader.end(),
                }
                continue;
            }
            Step::Done => break,
        };
        if looks && event == "ItemEnd" {
            reader.rewind();
            looks = false;
            // The start is told again.
            assert!(matches!(reader.next(), Ok(Step::Event(Event::ItemStart))));
        } else if !looks && event == "ItemStart" {
            looks = reader.mark();
            looked += 1;
            told.push(event);
        } else if !looks && event != "Chunk(…)" {
            told.push(event);
        }
    }
    assert_eq!(looked, 4);
    assert_eq!(told.len(), all(&document).len() - 1);
}

#[test]
fn looking_ahead_has_a_limit() {
    let document = explicit(|body| {
        body.long((8, 0x1115), b"SQ", UNDEFINED).item(UNDEFINED);
        body.long((0x54, 0x400), b"OB", 30_000).raw(&[0; 30_000]).item_end().sequence_end();
    });
    let limits = Limits { look_ahead_bytes_max: 20_000, ..Limits::default() };
    let mut reader = Reader::new(Source::File, &limits);
    reader.feed(&document);
    reader.end();
    until(&mut reader, "ItemStart");
    assert!(reader.mark());
    until(&mut reader, &format!("{:?}", Reason::LookAheadExceeded));
}

#[test]
fn an_unknown_element_that_the_standard_knows_is_what_the_standard_says() {
    let document = explicit(|body| {
        body.long((8, 0x1115), b"UN", 20).item(12).bare((0x10, 0x20), 4).raw(b"1234");
        body.long((0x10, 0x10), b"UN", 4).raw(b"A^B ");
        body.long((0x10, 0x30), b"OB", 8).raw(b"20000101");
    });
    let mut reader = reader(&document);
    until(&mut reader, "SequenceStart((0008,1115))");
    until(&mut reader, "Value(1234)");
    until(&mut reader, "SequenceEnd");
    let Ok(Step::Event(Event::Element(name))) = reader.next() else { panic!("no element") };
    assert_eq!((name.vr, name.written_vr, name.is_as_registered()), (Vr::PN, Vr::UN, Some(true)));
    reader.skip();
    let Ok(Step::Event(Event::Element(date))) = reader.next() else { panic!("no element") };
    assert_eq!((date.vr, date.is_as_registered()), (Vr::OB, Some(false)));
}

#[test]
fn where_it_stands_is_said_in_keywords() {
    let mut reader = reader(&of_all_kinds());
    until(&mut reader, "Value(T-A0100 AB)");
    assert_eq!(reader.pointer(), "ReferencedSeriesSequence.ContentSequence.CodeValue");
    until(&mut reader, "Value(1234)");
    assert_eq!(reader.pointer(), "*.PatientID");
}

#[test]
fn tags_have_names() {
    let name = Tag::new(0x10, 0x10);
    for word in ["PatientName", "00100010", "(0010,0010)"] {
        assert_eq!(Tag::named(word), Some(name), "{word}");
    }
    for word in ["patientname", "0010010", "0010,0010", "(00100010)", "001000g0", "+0100010", ""] {
        assert_eq!(Tag::named(word), None, "{word}");
    }
    assert_eq!(name.keyword(), Some("PatientName"));
    let overlay = Tag::new(0x6002, 0x3000).registered().unwrap();
    assert_eq!((overlay.keyword, overlay.tag), ("OverlayData", Tag::new(0x6000, 0x3000)));
    assert_eq!(Tag::new(0x6003, 0x3000).keyword(), None);
    assert!(Tag::new(9, 0x1001).is_private());
    assert!(Tag::new(9, 0x10).is_private_creator());
}

#[test]
fn nothing_of_a_document_is_printed() {
    let mut reader = reader(&of_all_kinds());
    let mut printed = String::new();
    while let Ok(Step::Event(event)) = reader.next() {
        printed += &format!("{event:?}");
        printed += &format!("{reader:?}");
    }
    assert!(!printed.contains("Mari") && !printed.contains("1234"), "{printed}");
}
