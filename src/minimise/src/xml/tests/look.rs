//! Looking into an element, and back.

use super::*;

/// Reads `document` in chunks of `size`, looking into every element before going on.
fn look_everywhere(document: &str, size: usize) -> (Vec<Seen>, Vec<Vec<Seen>>) {
    let mut reader = Reader::new(&Limits::default());
    let mut chunks = document.as_bytes().chunks(size);
    let (mut seen, mut looks) = (Vec::new(), Vec::new());
    let mut has_looked = false;
    loop {
        let step = reader.next().unwrap();
        let is_start = matches!(step, Step::Event(Event::Start(_)));
        match step {
            Step::Event(_) if is_start && !has_looked => {
                assert!(reader.mark());
                assert!(!reader.mark(), "one at a time");
                looks.push(look(&mut reader, &mut chunks));
                reader.rewind();
                has_looked = true;
                continue;
            }
            Step::Event(event) => take_down(&event, &mut seen),
            Step::More => match chunks.next() {
                Some(chunk) => reader.feed(chunk),
                None => reader.end(),
            },
            Step::Done => return (seen, looks),
        }
        has_looked = false;
    }
}

fn look<'a>(reader: &mut Reader, chunks: &mut impl Iterator<Item = &'a [u8]>) -> Vec<Seen> {
    let (mut inside, mut depth) = (Vec::new(), 1);
    loop {
        match reader.next().unwrap() {
            Step::Event(event) => {
                match event {
                    Event::Start(_) => depth += 1,
                    Event::End => depth -= 1,
                    _ => {}
                }
                take_down(&event, &mut inside);
                if depth == 0 {
                    break;
                }
            }
            Step::More => match chunks.next() {
                Some(chunk) => reader.feed(chunk),
                None => reader.end(),
            },
            Step::Done => panic!("the element does not end"),
        }
    }
    assert!(matches!(reader.next(), Ok(Step::Event(Event::End))), "it does not leave the element");
    inside
}

#[test]
fn what_is_looked_into_is_read_again_the_same() {
    let document = "<?xml version='1.0'?><a xmlns='u' xmlns:p='v'>1<p:b c='2' xmlns:p='w'>x&lt;<![CDATA[y]]>\
        <!-- z --><d/><p:d p:e=''/></p:b>\r\n<f></f></a>";
    let expected = read(document).unwrap();
    for size in [1, 2, 7, 1000] {
        let (seen, looks) = look_everywhere(document, size);
        assert_eq!(seen, expected);
        assert_eq!(looks[0], expected[1..]);
        assert_eq!(looks.len(), 5);
        assert_eq!(looks[2], [Seen::End]);
    }
}

#[test]
fn one_can_look_only_from_a_start() {
    let mut reader = Reader::new(&Limits::default());
    assert!(!reader.mark());
    reader.feed(b"<a>b</a>");
    while !matches!(reader.next().unwrap(), Step::Event(Event::Text(_))) {}
    assert!(!reader.mark());
    reader.rewind();
    assert!(matches!(reader.next(), Ok(Step::Event(Event::End))), "without a mark nothing is gone back to");
}

#[test]
fn looking_too_far_is_refused_at_the_element_that_was_looked_into() {
    let limits = Limits { look_ahead_bytes_max: 20, ..Limits::default() };
    for size in [1, 5, 100] {
        for inside in
            ["x".repeat(30), "<b/>".repeat(10), format!("{}\u{1}", "x".repeat(30)), "&lt;".repeat(9)]
        {
            let document = format!("<a>\n<b>{inside}</b></a>");
            let mut reader = Reader::new(&limits);
            let mut chunks = document.as_bytes().chunks(size);
            let malformed = loop {
                let depth = reader.depth();
                match reader.next() {
                    Ok(Step::Event(Event::Start(_))) if depth == 1 => assert!(reader.mark()),
                    Ok(Step::More) => match chunks.next() {
                        Some(chunk) => reader.feed(chunk),
                        None => reader.end(),
                    },
                    Ok(_) => {}
                    Err(malformed) => break malformed,
                }
            };
            let expected = Malformed { reason: Reason::LookAheadExceeded, offset: 4, line: 2, column: 1 };
            assert_eq!(malformed, expected, "{size} {document}");
        }
    }
}
