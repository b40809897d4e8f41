//! Documents that mean harm. Each costs one error, little memory and little time.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::{Event, Limits, Reader, Reason, Source, Step, TransferSyntax};
use super::build::{BIG, Build, DEFLATED, IMPLICIT, JPEG, UNDEFINED, deflated, explicit, file, of_all_kinds};
use super::{events, read};

/// Bytes that a reader may hold for the documents here.
const HELD_BYTES_MAX: usize = 4 << 20;

fn reason(document: &[u8]) -> Reason {
    let (_, malformed) = events(Source::File, document, 1000).expect_err("the document is refused");
    malformed.reason
}

#[test]
fn a_lying_length_costs_one_error() {
    for length in [0xFFFF_FFFE_u32, 0x7FFF_FFFE, 1_000_000] {
        let document = explicit(|body| {
            body.short((8, 0x60), b"CS", b"CT").long((0x10, 0x4000), b"UT", length).raw(&[b'x'; 60]);
        });
        let limits = Limits::default();
        let fed = held(&document, &limits);
        assert!(fed < HELD_BYTES_MAX, "{fed}");
        assert!(matches!(reason(&document), Reason::EndsEarly | Reason::LengthBeyond), "{length}");
        // Where the length of the document is known, the lie is seen at once.
        let known = Limits { document_bytes_max: document.len() as u64, ..limits };
        let malformed = read(Source::File, &known, &document, 10, |_| {}).unwrap_err();
        assert_eq!(malformed.reason, Reason::LengthBeyond);
    }
}

#[test]
fn a_bomb_costs_one_error() {
    let mut body = Build::default();
    body.long((0x7FE0, 0x10), b"OW", 900_000_000);
    let mut bomb = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut bomb, &body.0).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..900 {
        std::io::Write::write_all(&mut bomb, &zeros).unwrap();
    }
    let mut document = Build::file(DEFLATED);
    document.raw(&bomb.finish().unwrap());
    let began = Instant::now();
    assert!(document.0.len() < 1_000_000);
    assert_eq!(reason(&document.0), Reason::InflatesTooMuch);
    assert!(held(&document.0, &Limits::default()) < HELD_BYTES_MAX);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    // Without the ratio, the absolute limit holds.
    let limits = Limits { inflate_ratio_max: u64::MAX, inflated_bytes_max: 1 << 31, ..Limits::default() };
    assert!(held(&document.0, &limits) < HELD_BYTES_MAX);
    let limits = Limits { inflate_ratio_max: u64::MAX, inflated_bytes_max: 10 << 20, ..Limits::default() };
    let malformed = read(Source::File, &limits, &document.0, 1000, |_| {}).unwrap_err();
    assert_eq!(malformed.reason, Reason::LengthBeyond);
}

#[test]
fn sequences_in_sequences_cost_one_error() {
    let document = explicit(|body| {
        for _ in 0..7300 {
            body.long((8, 0x1115), b"SQ", UNDEFINED).item(UNDEFINED);
        }
    });
    assert_eq!(reason(&document), Reason::TooDeep);
    let unknown = file(IMPLICIT, |body| {
        for _ in 0..7300 {
            body.bare((9, 0x1001), UNDEFINED).item(UNDEFINED);
        }
    });
    assert_eq!(reason(&unknown), Reason::TooDeep);
}

#[test]
fn group_lengths_and_empty_items_without_end_cost_no_stack() {
    let lengths = explicit(|body| {
        for group in (8..0xFFF0_u16).step_by(2) {
            body.short((group, 0), b"UL", &[0; 4]);
        }
    });
    events(Source::File, &lengths, 100_000).unwrap();
    let items = explicit(|body| {
        body.long((8, 0x1115), b"SQ", UNDEFINED);
        for _ in 0..100_000 {
            body.item(0);
        }
    });
    let few = Limits { elements_max: 1000, ..Limits::default() };
    let malformed = read(Source::File, &few, &items, 1000, |_| {}).unwrap_err();
    assert_eq!(malformed.reason, Reason::TooManyElements);
}

#[test]
fn what_two_readers_may_read_differently_is_refused() {
    let name = |body: &mut Build| {
        body.short((0x10, 0x10), b"PN", b"A^B ");
    };
    let cases: &[(Reason, Vec<u8>)] = &[
        (Reason::NotDicom, vec![0; 500]),
        (Reason::NotDicom, b"DICM".to_vec()),
        (Reason::NoTransferSyntax, [&[0; 128][..], b"DICM"].concat()),
        (Reason::UnknownTransferSyntax, file("1.2.840.113619.5.2", name)),
        (Reason::UnknownTransferSyntax, file("1.2.840.10008.1.2.4.94", name)),
        (Reason::DuplicateTag, explicit(|body| [(), ()].iter().for_each(|()| name(body)))),
        (
            Reason::OutOfOrder,
            explicit(|body| {
                name(body);
                body.short((8, 0x60), b"CS", b"CT");
            }),
        ),
        (
            Reason::OddLength,
            explicit(|body| {
                body.short((0x10, 0x10), b"PN", b"A^B");
            }),
        ),
        (
            Reason::OddLength,
            explicit(|body| {
                body.long((8, 0x1115), b"SQ", UNDEFINED).item(9);
            }),
        ),
        (
            Reason::UnknownVr,
            explicit(|body| {
                body.short((0x10, 0x10), b"pn", b"A^B ");
            }),
        ),
        (
            Reason::UnknownVr,
            explicit(|body| {
                body.bare((0x10, 0x10), 4).raw(b"A^B ");
            }),
        ),
        (
            Reason::ReservedNotZero,
            explicit(|body| {
                body.tag((0x10, 0x4000)).raw(b"UT").raw(&[4, 0]).raw(&[0; 4]).raw(b"A^B ");
            }),
        ),
        (
            Reason::UndefinedLength,
            explicit(|body| {
                body.long((0x7FE0, 0x10), b"OW", UNDEFINED).item(0).sequence_end();
            }),
        ),
        (
            Reason::UndefinedLength,
            explicit(|body| {
                body.long((0x10, 0x10), b"UN", UNDEFINED).sequence_end();
            }),
        ),
        (
            Reason::UndefinedLength,
            file(JPEG, |body| {
                body.long((0x7FE0, 0x10), b"OB", UNDEFINED).item(UNDEFINED);
            }),
        ),
        (
            Reason::PixelsNotEncapsulated,
            file(JPEG, |body| {
                body.long((0x7FE0, 0x10), b"OB", 2).raw(&[0; 2]);
            }),
        ),
        (
            Reason::ForbiddenGroup,
            explicit(|body| {
                body.short((0, 2), b"UI", b"1\0");
            }),
        ),
        (
            Reason::ForbiddenGroup,
            explicit(|body| {
                body.short((3, 2), b"LO", b"1 ");
            }),
        ),
        (Reason::BadMetaLength, {
            let mut file = Build(vec![0; 128]);
            file.raw(b"DICM").short((2, 0), b"UL", &[8, 0, 0, 0]).short(
                (2, 0x10),
                b"UI",
                b"1.2.840.10008.1.2\0",
            );
            file.0
        }),
        (
            Reason::BadGroupLength,
            explicit(|body| {
                body.short((0x10, 0), b"UL", &[0; 8]);
            }),
        ),
        (
            Reason::MisplacedDelimiter,
            explicit(|body| {
                body.sequence_end();
            }),
        ),
        (
            Reason::MisplacedDelimiter,
            explicit(|body| {
                body.item_end();
            }),
        ),
        (
            Reason::MisplacedDelimiter,
            explicit(|body| {
                body.long((8, 0x1115), b"SQ", 8).sequence_end();
            }),
        ),
        (
            Reason::MisplacedDelimiter,
            explicit(|body| {
                body.long((8, 0x1115), b"SQ", UNDEFINED).item(8).item_end();
            }),
        ),
        (
            Reason::MisplacedDelimiter,
            explicit(|body| {
                body.long((8, 0x1115), b"SQ", UNDEFINED).bare((0xFFFE, 0xE0DD), 2).raw(&[0; 2]);
            }),
        ),
        (
            Reason::ItemExpected,
            explicit(|body| {
                body.long((8, 0x1115), b"SQ", UNDEFINED).short((0x10, 0x10), b"PN", b"A^B ");
            }),
        ),
        (
            Reason::LengthBeyond,
            explicit(|body| {
                body.long((8, 0x1115), b"SQ", 16).item(16).short((0x10, 0x10), b"PN", b"A^B A^B ");
            }),
        ),
        (
            Reason::LengthBeyond,
            explicit(|body| {
                body.long((8, 0x1115), b"SQ", 18).item(10).short((0x10, 0x10), b"PN", b"A^B A^B ");
            }),
        ),
        (
            Reason::LengthBeyond,
            explicit(|body| {
                body.long((8, 0x1115), b"SQ", 12).item(UNDEFINED).bare((0xFFFE, 0xE00D), 0);
            }),
        ),
        (
            Reason::EndsEarly,
            explicit(|body| {
                body.long((8, 0x1115), b"SQ", UNDEFINED).item(UNDEFINED).item_end();
            }),
        ),
        (
            Reason::EndsEarly,
            explicit(|body| {
                body.raw(&[8, 0]);
            }),
        ),
        (
            Reason::BadDeflate,
            file(DEFLATED, |body| {
                body.raw(&[0xFF; 50]);
            }),
        ),
        (Reason::EndsEarly, {
            let mut document = deflated(&Build::default().short((0x10, 0x10), b"PN", b"A^B ").0);
            document.pop();
            document
        }),
        (Reason::TrailingBytes, {
            let mut document = deflated(&Build::default().short((0x10, 0x10), b"PN", b"A^B ").0);
            document.extend_from_slice(&[0; 10]);
            document
        }),
        (
            Reason::EndsEarly,
            file(BIG, |body| {
                body.raw(&[0, 0x10, 0, 0x10]).raw(b"PN").raw(&[0, 5]).raw(b"A^B ");
            }),
        ),
    ];
    for (number, (expected, document)) in cases.iter().enumerate() {
        // Big endian: the length is odd before it is long.
        let expected = if number + 1 == cases.len() { Reason::OddLength } else { *expected };

        assert_eq!(reason(document), expected, "case {number}");
    }
}

#[test]
fn a_value_that_is_told_whole_has_a_limit_and_one_that_is_skipped_has_none() {
    let document = file(IMPLICIT, |body| {
        body.bare((0x10, 0x4000), 3 << 20).raw(&vec![b'x'; 3 << 20]);
    });
    assert_eq!(reason(&document), Reason::ValueTooLong);
    let mut reader = Reader::new(Source::File, &Limits::default());
    let mut chunks = document.chunks(1 << 12);
    loop {
        match reader.next().unwrap() {
            Step::Event(Event::Element(_)) => reader.skip(),
            Step::Event(_) => {}
            Step::More => match chunks.next() {
                Some(chunk) => reader.feed(chunk),
                None => reader.end(),
            },
            Step::Done => break,
        }
    }
}

#[test]
fn a_document_cut_anywhere_is_refused_as_ended() {
    let document = of_all_kinds();
    let whole = events(Source::File, &document, usize::MAX).unwrap();
    for length in 0..document.len().min(1500) {
        match events(Source::File, &document[..length], 64) {
            Ok(told) => assert!(told.len() < whole.len(), "{length}"),
            Err((told, malformed)) => {
                let early = [Reason::EndsEarly, Reason::NotDicom, Reason::NoTransferSyntax];
                assert!(early.contains(&malformed.reason), "{length}: {malformed}");
                assert!(told.len() <= whole.len());
            }
        }
    }
}

#[test]
fn every_byte_may_be_any_other() {
    let document = of_all_kinds();
    for at in (0..document.len()).take(800) {
        for value in [0x00, 0x01, 0x0D, 0x7F, 0x80, 0xFE, 0xFF] {
            let mut changed = document.clone();
            changed[at] = value;
            let small = events(Source::File, &changed, 101);
            assert_eq!(small, events(Source::File, &changed, usize::MAX), "byte {at} as {value}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn how_a_document_is_cut_does_not_matter(
        changes in proptest::collection::vec((0_usize..1500, any::<u8>()), 0..4),
        chunk_bytes in 1_usize..300,
    ) {
        let mut document = of_all_kinds();
        for (at, value) in changes {
            if let Some(byte) = document.get_mut(at) {
                *byte = value;
            }
        }
        let whole = events(Source::File, &document, usize::MAX);
        prop_assert_eq!(events(Source::File, &document, chunk_bytes), whole);
    }

    #[test]
    fn bytes_without_sense_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..600), which in 0_usize..60) {
        let syntaxes = TransferSyntax::all();
        let source = Source::DataSet(&syntaxes[which % syntaxes.len()]);
        let _ = events(source, &bytes, 50);
        let mut file = Build::file(syntaxes[which % syntaxes.len()].uid);
        file.raw(&bytes);
        let _ = events(Source::File, &file.0, 50);
    }
}

/// Bytes that a reader held at most, as far as its room tells.
fn held(document: &[u8], limits: &Limits) -> usize {
    let mut reader = Reader::new(Source::File, limits);
    let mut chunks = document.chunks(1 << 16);
    let mut most = 0;
    loop {
        most = most.max(reader.held());
        match reader.next() {
            Ok(Step::Event(_)) => {}
            Ok(Step::More) => match chunks.next() {
                Some(chunk) => reader.feed(chunk),
                None => reader.end(),
            },
            Ok(Step::Done) | Err(_) => return most.max(reader.held()),
        }
    }
}
