//! From a document as received to what may leave of it.
//!
//! All faults of the document are found in one go, except that a document that cannot be read or is of another kind is
//! not looked into.

use std::collections::BTreeSet;

use super::dicom::DicomProjection;
use super::fault::Fault;
use super::guard::SubjectProof;
use super::json::{self, Ended, JsonProjection, Lexer, Malformed, Tail, Token};
use super::limits::Limits;
use super::manifest::Manifest;
use super::person::Identifier;
use super::profile::{Format, Profile};
use super::walk::{Bound, Walk};
use super::xml::{self, XmlProjection};

/// What the declaration says that binds the document.
#[derive(Debug, Clone)]
pub struct Declared<'d> {
    /// Whom the document is about.
    pub subject: &'d Identifier,
    /// Who is to get it, if the purpose wants that declared.
    pub recipient: Option<&'d Identifier>,
    /// The kinds of evidence it carries.
    pub evidence: BTreeSet<&'d str>,
    /// Identifiers of others who may be named: the professional's.
    pub others: Vec<&'d str>,
    /// What the document may cost.
    pub limits: Limits,
}

/// What may leave of a document.
#[derive(Debug)]
pub struct Projection {
    /// The bytes to send: input order, one form of escaping, no white space that says nothing.
    pub document: Vec<u8>,
    /// What was kept and dropped.
    pub manifest: Manifest,
    /// How the document names its subject.
    pub subject: SubjectProof,
}

impl Declared<'_> {
    fn bound(&self) -> Bound<'_> {
        let subject = self.subject.value.expose();
        Bound {
            subject_system: &self.subject.system,
            subject,
            recipient: self.recipient.map(|recipient| recipient.value.expose()),
            others: self.others.clone(),
            known: self.others.iter().copied().chain([subject]).collect(),
            evidence: self.evidence.clone(),
        }
    }
}

/// Keeps of `document`, which is in memory, what `profile` names.
///
/// # Errors
/// Every reason for which the document may not leave.
pub fn project(
    profile: &Profile,
    declared: &Declared<'_>,
    document: &[u8],
) -> Result<Projection, Vec<Fault>> {
    match profile.format {
        Format::FhirJson => project_json(profile, declared, document),
        Format::Xml | Format::Dicom => {
            let mut projector = Projector::new(profile, declared);
            let mut out = Vec::new();
            projector.feed(document, &mut out)?;
            let Projected { manifest, subject } = projector.end(&mut out)?;
            Ok(Projection { document: out, manifest, subject })
        }
    }
}

fn project_json(
    profile: &Profile,
    declared: &Declared<'_>,
    document: &[u8],
) -> Result<Projection, Vec<Fault>> {
    let one = |fault| vec![fault];
    json::check_beginning(document, &declared.limits).map_err(|fault| one(fault.at(String::new())))?;
    let text = json::text_of(document);
    let new = || JsonProjection::new(profile, declared.bound(), &declared.limits);
    let mut ended = read(new(), text).map_err(one)?;
    // Something that was kept refers to what does not leave, or nothing refers to something that was kept.
    if let Some(verdict) = ended.again.take() {
        ended = read(new().knowing(verdict), text).map_err(one)?;
    }
    let document = std::mem::take(&mut ended.walk.out);
    let (manifest, subject) = finish(profile, declared, ended.walk, ended.subject)?;
    json::check_json_within(&document, &declared.limits).map_err(|_| one(contradiction(profile)))?;
    Ok(Projection { document, manifest, subject })
}

fn read<'p>(mut projection: JsonProjection<'p>, (text, tail): (&str, Tail)) -> Result<Ended<'p>, Fault> {
    projection.run(text, tail)?;
    projection.end()
}

/// Keeps of a document what a profile names, while the document comes in. Its memory does not grow with the document.
#[derive(Debug)]
pub struct Projector<'p> {
    profile: &'p Profile,
    declared: &'p Declared<'p>,
    reading: Reading<'p>,
}

/// A document on its way, by its format.
#[derive(Debug)]
enum Reading<'p> {
    Json(Box<JsonReading<'p>>),
    Xml(Box<XmlReading<'p>>),
    Dicom(Box<DicomProjection<'p>>),
}

#[derive(Debug)]
struct JsonReading<'p> {
    projection: JsonProjection<'p>,
    window: Window,
    output: Output,
}

#[derive(Debug)]
struct XmlReading<'p> {
    projection: XmlProjection<'p>,
    output: XmlOutput,
}

/// What there is to say of a document that was projected as it came in.
#[derive(Debug)]
pub struct Projected {
    /// What was kept and dropped.
    pub manifest: Manifest,
    /// How the document names its subject.
    pub subject: SubjectProof,
}

impl<'p> Projector<'p> {
    /// For one document.
    pub fn new(profile: &'p Profile, declared: &'p Declared<'p>) -> Self {
        let limits = &declared.limits;
        let reading = match profile.format {
            Format::FhirJson => Reading::Json(Box::new(JsonReading {
                projection: JsonProjection::new(profile, declared.bound(), limits),
                window: Window::default(),
                output: Output::new(limits),
            })),
            Format::Xml => Reading::Xml(Box::new(XmlReading {
                projection: XmlProjection::new(profile, declared.bound(), limits),
                output: XmlOutput::new(limits),
            })),
            Format::Dicom => {
                let projection =
                    DicomProjection::new(profile, declared.bound(), &limits.dicom, limits.faults_max);
                Reading::Dicom(Box::new(projection))
            }
        };
        Self { profile, declared, reading }
    }

    /// Takes the next bytes of the document, and appends to `out` what is final of the output. That must not leave before
    /// [`Projector::end`] has said that it may.
    ///
    /// # Errors
    /// The fault for which the document is not read on.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Vec<Fault>> {
        // In pieces, so that the window stays small whatever is handed in.
        for piece in bytes.chunks(PIECE_BYTES) {
            let fed = match &mut self.reading {
                Reading::Json(reading) => reading.feed(piece, &self.declared.limits, out),
                Reading::Xml(reading) => {
                    reading.projection.feed(piece);
                    reading.run(out)
                }
                Reading::Dicom(projection) => projection.feed(piece, out),
            };
            fed.map_err(|fault| vec![fault])?;
        }
        Ok(())
    }

    /// The document has ended; the last of the output is appended to `out`.
    ///
    /// # Errors
    /// Every reason for which the document may not leave. What was put out before must then be destroyed.
    pub fn end(self, out: &mut Vec<u8>) -> Result<Projected, Vec<Fault>> {
        let Self { profile, declared, reading } = self;
        let ((manifest, subject), is_sound) = match reading {
            Reading::Json(mut reading) => {
                reading.window.end();
                reading.run(out).map_err(|fault| vec![fault])?;
                let ended = reading.projection.end().map_err(|fault| vec![fault])?;
                let (last, walk) = last_of(ended);
                let finished = finish(profile, declared, walk.0, walk.1)?;
                reading.output.hand_on(&last, out);
                (finished, reading.output.end().is_ok())
            }
            Reading::Xml(mut reading) => {
                reading.projection.close();
                reading.run(out).map_err(|fault| vec![fault])?;
                let (walk, subject) = reading.projection.end();
                (finish(profile, declared, walk, subject)?, reading.output.end())
            }
            Reading::Dicom(projection) => {
                // It is not read again: pixels would be copied once more for nothing.
                let (walk, subject) = projection.end(out).map_err(|fault| vec![fault])?;
                (finish(profile, declared, walk, subject)?, true)
            }
        };
        if is_sound { Ok(Projected { manifest, subject }) } else { Err(vec![contradiction(profile)]) }
    }
}

/// The last of the output, and what is left to be judged.
fn last_of(mut ended: Ended<'_>) -> (Vec<u8>, (Walk<'_>, Option<SubjectProof>)) {
    if ended.again.is_some() {
        let detail = "a contained resource and what refers to it do not both leave, and the document is too large to \
                      be read again";
        let remedy =
            "leave out contained resources that nothing refers to, and references to what is not sent";
        ended.walk.faults.add(0, String::new, "contained-unsettled", detail, remedy);
    }
    (std::mem::take(&mut ended.walk.out), (ended.walk, ended.subject))
}

impl JsonReading<'_> {
    fn feed(&mut self, piece: &[u8], limits: &Limits, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.window.push(piece, limits).map_err(|fault| fault.at(String::new()))?;
        if self.window.is_due() { self.run(out) } else { Ok(()) }
    }

    fn run(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.projection.run(&self.window.text, self.window.tail)?;
        let keep_from = self.projection.keep_from();
        self.projection.forget(self.window.text.get(..keep_from).unwrap_or_default());
        self.window.forget(keep_from);
        let mut ready = Vec::new();
        self.projection.take_final(&mut ready);
        self.output.hand_on(&ready, out);
        Ok(())
    }
}

impl XmlReading<'_> {
    fn run(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.projection.run()?;
        let from = out.len();
        self.projection.take_final(out);
        self.output.read(out.get(from..).unwrap_or_default());
        Ok(())
    }
}

/// The output on its way, read again as the recipient will.
#[derive(Debug)]
struct XmlOutput {
    reader: xml::Reader,
    is_sound: bool,
}

impl XmlOutput {
    fn new(limits: &Limits) -> Self {
        // Escaped and with its declarations, what leaves can be longer than what came; that was within the limits.
        let limits = xml::Limits {
            document_bytes_max: usize::MAX,
            tag_bytes_max: usize::MAX,
            attribute_bytes_max: usize::MAX,
            text_bytes_max: usize::MAX,
            ..xml::limits_of(limits)
        };
        Self { reader: xml::Reader::new(&limits), is_sound: true }
    }

    fn read(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE_BYTES) {
            self.reader.feed(piece);
            self.run();
        }
    }

    fn run(&mut self) -> bool {
        while self.is_sound {
            match self.reader.next() {
                Ok(xml::Step::Event(_)) => {}
                Ok(step) => return matches!(step, xml::Step::Done),
                Err(_) => self.is_sound = false,
            }
        }
        false
    }

    fn end(mut self) -> bool {
        self.reader.end();
        self.run()
    }
}

/// How much is taken in at a time.
const PIECE_BYTES: usize = 64 << 10;
/// A window waits for so much more, so that tiny pieces cost no more than large ones. Tests want to see tiny ones.
const DUE_BYTES_MIN: usize = if cfg!(test) { 1 } else { 4 << 10 };

/// The part of a document that is being read.
#[derive(Debug)]
struct Window {
    text: String,
    /// The beginning of a character whose end is still to come.
    unfinished: Vec<u8>,
    tail: Tail,
    /// How long it must be before reading on can come to anything.
    due: usize,
    bytes: usize,
}

impl Default for Window {
    fn default() -> Self {
        Self { text: String::new(), unfinished: Vec::new(), tail: Tail::More, due: DUE_BYTES_MIN, bytes: 0 }
    }
}

impl Window {
    fn push(&mut self, piece: &[u8], limits: &Limits) -> Result<(), Malformed> {
        if self.bytes == 0 {
            json::check_beginning(piece, limits)?;
        }
        self.bytes += piece.len();
        if self.bytes > limits.document_bytes_max {
            return Err(json::too_large());
        }
        if self.tail == Tail::Broken {
            return Ok(());
        }
        let mut rest = piece;
        while !self.unfinished.is_empty() {
            let Some((byte, after)) = rest.split_first() else { return Ok(()) };
            self.unfinished.push(*byte);
            rest = after;
            match std::str::from_utf8(&self.unfinished) {
                Ok(character) => {
                    self.text.push_str(character);
                    self.unfinished.clear();
                }
                Err(fault) if fault.error_len().is_some() => {
                    self.tail = Tail::Broken;
                    return Ok(());
                }
                Err(_) => {}
            }
        }
        match simdutf8::compat::from_utf8(rest) {
            Ok(text) => self.text.push_str(text),
            Err(fault) => {
                let (sound, broken) = rest.split_at_checked(fault.valid_up_to()).unwrap_or_default();
                self.text.push_str(std::str::from_utf8(sound).unwrap_or_default());
                if fault.error_len().is_some() {
                    self.tail = Tail::Broken;
                } else {
                    self.unfinished.extend_from_slice(broken);
                }
            }
        }
        Ok(())
    }

    fn is_due(&self) -> bool {
        self.text.len() >= self.due || self.tail == Tail::Broken
    }

    fn end(&mut self) {
        let is_sound = self.tail == Tail::More && self.unfinished.is_empty();
        self.tail = if is_sound { Tail::End } else { Tail::Broken };
    }

    /// Forgets the first `count` bytes. What is left could not be read on: twice as much perhaps can.
    fn forget(&mut self, count: usize) {
        self.text.drain(..count.min(self.text.len()));
        self.due = (self.text.len() * 2).max(self.text.len() + DUE_BYTES_MIN);
    }
}

/// The output on its way, read again as the recipient will.
#[derive(Debug)]
struct Output {
    lexer: Lexer,
    window: Window,
    limits: Limits,
    is_sound: bool,
}

impl Output {
    fn new(limits: &Limits) -> Self {
        Self { lexer: Lexer::new(limits), window: Window::default(), limits: *limits, is_sound: true }
    }

    fn hand_on(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(bytes);
        for piece in bytes.chunks(PIECE_BYTES) {
            self.is_sound &= self.window.push(piece, &self.limits).is_ok();
            if self.window.is_due() {
                self.read();
            }
        }
    }

    fn read(&mut self) {
        while self.is_sound {
            match self.lexer.next(&self.window.text, self.window.tail) {
                Ok(Token::More | Token::End) => break,
                Ok(_) => {}
                Err(_) => self.is_sound = false,
            }
        }
        let read = self.lexer.at();
        self.lexer.forget(self.window.text.get(..read).unwrap_or_default());
        self.window.forget(read);
    }

    fn end(mut self) -> Result<(), ()> {
        self.window.end();
        self.read();
        if self.is_sound { Ok(()) } else { Err(()) }
    }
}

fn contradiction(profile: &Profile) -> Fault {
    let detail = match profile.format {
        Format::FhirJson => "what would leave is not strict JSON",
        Format::Xml => "what would leave is not strict XML",
        Format::Dicom => "what would leave is not strict DICOM",
    };
    Fault::new("output-not-minimal", "", detail, "report this: it is a defect of the gateway")
}

/// What must hold of the whole: something leaves, all that is required does, and there is no fault.
fn finish(
    profile: &Profile,
    declared: &Declared<'_>,
    mut walk: Walk<'_>,
    subject: Option<SubjectProof>,
) -> Result<(Manifest, SubjectProof), Vec<Fault>> {
    let missing: Vec<&str> = walk.missing().collect();
    for text in missing {
        let detail = format!("`{text}` is required, and nothing of it would leave");
        let remedy = "send it, with a value that the profile allows";
        walk.faults.add(0, String::new, "required-missing", detail, remedy);
    }
    if walk.has_nothing() {
        let detail = "nothing of the document would leave";
        walk.faults.add(0, String::new, "nothing-left", detail, "send what the profile names");
    }
    let Walk { faults, tally, .. } = walk;
    match (subject, faults.into_list()) {
        (Some(subject), faults) if faults.is_empty() => {
            Ok((Manifest::new(profile, &tally, &declared.limits), subject))
        }
        (_, faults) => Err(faults),
    }
}
