//! Properties of the reader and the writer over generated documents, well-formed and not.

use proptest::prelude::*;

use super::*;

/// Reads cut at `cuts`, which may be anywhere, in characters too.
fn read_cut(document: &[u8], cuts: &[usize]) -> (Vec<Seen>, Result<(), Malformed>) {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (document.len() + 1)).collect();
    cuts.sort_unstable();
    let ends = cuts.iter().copied().chain([document.len()]);
    let starts = [0].into_iter().chain(cuts.iter().copied());
    read_chunks(starts.zip(ends).map(|(from, to)| &document[from..to]), &Limits::default())
}

/// Text before a fault may or may not have been told, as the chunks were.
fn without_last_text(
    (mut seen, outcome): (Vec<Seen>, Result<(), Malformed>),
) -> (Vec<Seen>, Result<(), Malformed>) {
    if outcome.is_err() && matches!(seen.last(), Some(Seen::Text(_))) {
        seen.pop();
    }
    (seen, outcome)
}

fn name() -> impl Strategy<Value = [String; 3]> {
    let locals = prop::sample::select(vec!["a", "b", "õ", "x-1", "xmlnsa", "long.er_name"]);
    let spaces = prop::sample::select(vec![
        ("", ""),
        ("", "u"),
        ("p", "u"),
        ("p", "v"),
        ("q", "urn:hl7-org:v3"),
        ("xml", "http://www.w3.org/XML/1998/namespace"),
    ]);
    (spaces, locals).prop_map(|((prefix, uri), local)| [uri, prefix, local].map(str::to_owned))
}

fn characters() -> impl Strategy<Value = String> {
    let pieces = vec![
        "a",
        " ",
        "\t",
        "\n",
        "\r",
        "\r\n",
        "<",
        ">",
        "&",
        "\"",
        "'",
        "]]>",
        "]",
        "õ",
        "\u{FFFD}",
        "\u{10FFFF}",
        "\u{E000}",
        "&lt;",
        "text",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..8).prop_map(|pieces| pieces.concat())
}

/// An element with attributes whose prefixes do not contradict each other.
fn start() -> impl Strategy<Value = Seen> {
    (name(), prop::collection::vec((name(), characters()), 0..12)).prop_map(|(name, attributes)| {
        let mut meanings = vec![(name[1].clone(), name[0].clone())];
        let mut kept: Vec<([String; 3], String)> = Vec::new();
        for (mut name, value) in attributes {
            if name[1].is_empty() {
                name[0].clear();
            } else {
                match meanings.iter().find(|(prefix, _)| *prefix == name[1]) {
                    Some((_, uri)) => name[0].clone_from(uri),
                    None => meanings.push((name[1].clone(), name[0].clone())),
                }
            }
            if kept.iter().all(|(other, _)| (&other[0], &other[2]) != (&name[0], &name[2])) {
                kept.push((name, value));
            }
        }
        Seen::Start { name, attributes: kept }
    })
}

/// The events of an element, its parts three deep.
fn element() -> impl Strategy<Value = Vec<Seen>> {
    let leaf = prop_oneof![
        characters().prop_map(|text| if text.is_empty() { vec![] } else { vec![Seen::Text(text)] }),
        start().prop_map(|start| vec![start, Seen::End]),
    ];
    let part = leaf.prop_recursive(3, 24, 4, |inner| {
        (start(), prop::collection::vec(inner, 0..4)).prop_map(|(start, parts)| {
            let parts = parts.into_iter().flatten();
            std::iter::once(start).chain(parts).chain([Seen::End]).collect()
        })
    });
    (start(), prop::collection::vec(part, 0..4)).prop_map(|(start, parts)| {
        let events = std::iter::once(start).chain(parts.into_iter().flatten()).chain([Seen::End]);
        writing::kept(events.collect())
    })
}

/// Pieces of which documents are made, most of them not well-formed.
fn scraps() -> impl Strategy<Value = Vec<u8>> {
    let scraps: Vec<&[u8]> = vec![
        b"<a",
        b"<a>",
        b"</a>",
        b"<p:a xmlns:p='u'>",
        b"</p:a>",
        b"/>",
        b">",
        b"<",
        b" b='c'",
        b" p:b=\"&lt;\"",
        b" xmlns='v'",
        b"<!--",
        b"-->",
        b"--",
        b"<![CDATA[",
        b"]]>",
        b"]",
        b"&amp;",
        b"&#x41;",
        b"&",
        b"<?p",
        b"?>",
        b" ",
        b"\r",
        b"\n",
        b"<?xml version='1.0'?>",
        b"text",
        b"\xC3\xB5",
        b"\xC3",
        b"\xEF\xBF\xBF",
        b"\xEF\xBB\xBF",
        b"\0",
        b"<!DOCTYPE",
        b"<b/>",
        b"'",
        b"\"",
    ];
    prop::collection::vec(prop::sample::select(scraps), 0..16).prop_map(|scraps| scraps.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_was_written_reads_as_it_was_meant(events in element()) {
        let written = writing::write(&events);
        prop_assert_eq!(read(&written).map_err(|m| (m, String::from_utf8(written.clone()))), Ok(events.clone()));
        prop_assert_eq!(writing::write(&events), written);
    }

    #[test]
    fn how_a_document_is_cut_makes_no_difference(
        events in element(),
        cuts in prop::collection::vec(any::<usize>(), 0..40),
    ) {
        let written = writing::write(&events);
        prop_assert_eq!(read_cut(&written, &cuts), (events.clone(), Ok(())));
        prop_assert_eq!(read_chunks(written.chunks(1), &Limits::default()), (events, Ok(())));
    }

    #[test]
    fn how_a_broken_document_is_cut_makes_no_difference(
        document in scraps(),
        in_root in any::<bool>(),
        cuts in prop::collection::vec(any::<usize>(), 0..10),
    ) {
        let document = if in_root { [b"<a>", document.as_slice(), b"</a>"].concat() } else { document };
        let whole = without_last_text(read_chunks([document.as_slice()], &Limits::default()));
        prop_assert_eq!(&without_last_text(read_cut(&document, &cuts)), &whole);
        prop_assert_eq!(&without_last_text(read_chunks(document.chunks(1), &Limits::default())), &whole);
    }

    #[test]
    fn a_damaged_document_never_panics_and_is_judged_alike(
        events in element(),
        place in any::<usize>(),
        byte in any::<u8>(),
    ) {
        let mut document = writing::write(&events);
        let place = place % document.len();
        document[place] = byte;
        let whole = without_last_text(read_chunks([document.as_slice()], &Limits::default()));
        prop_assert_eq!(without_last_text(read_chunks(document.chunks(1), &Limits::default())), whole);
    }
}
