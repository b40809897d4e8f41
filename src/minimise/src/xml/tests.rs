//! What the reader and the writer promise, each promise in its own words.

mod limits;
mod look;
mod properties;
mod rules;
mod suite;
mod writing;

use super::*;

/// An event that outlives its reader. Pieces of text are put together.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Start { name: [String; 3], attributes: Vec<([String; 3], String)> },
    End,
    Text(String),
    Comment(String),
    Instruction(String, String),
}

fn owned(name: Name<'_>) -> [String; 3] {
    [name.uri, name.prefix, name.local].map(str::to_owned)
}

fn take_down(event: &Event<'_>, seen: &mut Vec<Seen>) {
    let event = match event {
        Event::Start(start) => Seen::Start {
            name: owned(start.name()),
            attributes: start.attributes().map(|a| (owned(a.name), a.value.to_owned())).collect(),
        },
        Event::End => Seen::End,
        Event::Comment(comment) => Seen::Comment((*comment).to_owned()),
        Event::ProcessingInstruction { target, data } => {
            Seen::Instruction((*target).to_owned(), (*data).to_owned())
        }
        Event::Text(piece) => {
            assert!(!piece.is_empty(), "no piece of text is empty");
            if let Some(Seen::Text(text)) = seen.last_mut() {
                text.push_str(piece);
                return;
            }
            Seen::Text((*piece).to_owned())
        }
    };
    seen.push(event);
}

/// Reads `document` cut into `chunks`, to its end or first fault.
fn read_chunks<'a>(
    chunks: impl IntoIterator<Item = &'a [u8]>,
    limits: &Limits,
) -> (Vec<Seen>, Result<(), Malformed>) {
    let mut reader = Reader::new(limits);
    let mut chunks = chunks.into_iter();
    let mut seen = Vec::new();
    loop {
        match reader.next() {
            Ok(Step::Event(event)) => take_down(&event, &mut seen),
            Ok(Step::More) => match chunks.next() {
                Some(chunk) => reader.feed(chunk),
                None => reader.end(),
            },
            Ok(Step::Done) => return (seen, Ok(())),
            Err(malformed) => {
                assert_eq!(reader.next().unwrap_err(), malformed, "a refusal is for ever");
                return (seen, Err(malformed));
            }
        }
    }
}

fn read(document: impl AsRef<[u8]>) -> Result<Vec<Seen>, Malformed> {
    let (seen, outcome) = read_chunks([document.as_ref()], &Limits::default());
    outcome.map(|()| seen)
}

fn reason(document: impl AsRef<[u8]>) -> Result<(), Reason> {
    read(document).map(|_| ()).map_err(|malformed| malformed.reason)
}

fn text_of(document: &str) -> String {
    let texts = read(document).unwrap().into_iter().map(|seen| match seen {
        Seen::Text(text) => text,
        _ => String::new(),
    });
    texts.collect()
}

/// The value of the first attribute of the root.
fn first_value(document: &str) -> String {
    match read(document).unwrap().first() {
        Some(Seen::Start { attributes, .. }) => attributes[0].1.clone(),
        other => panic!("{other:?}"),
    }
}
