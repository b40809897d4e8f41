//! From XML to what may leave of it, in one pass.
//!
//! An element is decided on when its tag is read, its attributes with it, and a text when the next tag that leaves is: what
//! stands between two tags that leave is one text, for it is one for the receiver. Where a path asks something of an
//! element that its tag does not tell, the projection looks into it; where no path leads, it skips, checking nothing but
//! that the document is strict XML. Prefixes are the profile's, not the document's.

mod skipped;
mod text;

use super::Step;
use super::event::{Event, Name, Start};
use super::limits::Limits as XmlLimits;
use super::look::Look;
use super::reader::Reader;
use super::subject::{At, Subjects};
use super::trail::{Crumb, Trail};
use super::vocabulary::Vocabulary;
use super::writer::{Mark, Writer};
use crate::fault::Fault;
use crate::guard::{self, Findings, Leaving, SubjectProof};
use crate::limits::Limits;
use crate::manifest::Place;
use crate::names::Symbol;
use crate::profile::Profile;
use crate::value::{Kind, Scalar};
use crate::walk::{Arrival, Bound, End, Fate, Walk};
use skipped::Skipped;

/// The projection of one document.
#[derive(Debug)]
pub(crate) struct XmlProjection<'p> {
    reader: Reader,
    core: Core<'p>,
}

/// All of a projection but the reader, from which events borrow.
#[derive(Debug)]
struct Core<'p> {
    walk: Walk<'p>,
    profile: &'p Profile,
    vocabulary: Vocabulary<'p>,
    writer: Writer,
    look: Look<'p>,
    subjects: Subjects<'p>,
    trail: Trail,
    frames: Vec<Open>,
    skipped: Option<Skipped>,
    /// Elements open, those skipped included.
    depth: usize,
    /// The text since the last tag that leaves, and where it begins.
    text: String,
    text_offset: u64,
    /// The end of the line of text that is being written: what reads as one must not name anyone piece by piece.
    line: String,
}

/// An open element that leaves, perhaps.
#[derive(Debug)]
struct Open {
    mark: Mark,
    /// Its text that was written last, if nothing but text was written in it since.
    run: String,
    /// The line in which it stands.
    line: String,
    is_inline: bool,
    /// Whether a path leads to its text.
    takes_text: bool,
    /// Whether it has elements or text in it in the document.
    has_content: bool,
}

/// How to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    On,
    /// The element that begins is to be looked into first.
    Look,
}

/// How far the window led.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    More,
    Done,
}

/// The limits of the reader for a document within `limits`.
pub(crate) fn limits_of(limits: &Limits) -> XmlLimits {
    XmlLimits {
        document_bytes_max: limits.document_bytes_max,
        elements_max: limits.members_max,
        depth_max: limits.depth_max,
        text_bytes_max: limits.string_bytes_max,
        look_ahead_bytes_max: limits.look_ahead_bytes_max,
        ..XmlLimits::default()
    }
}

impl<'p> XmlProjection<'p> {
    pub(crate) fn new(profile: &'p Profile, bound: Bound<'p>, limits: &Limits) -> Self {
        let mut reader = Reader::new(&limits_of(limits));
        let vocabulary = Vocabulary::new(profile, &mut reader);
        let subjects = Subjects::new(profile, &bound);
        let core = Core {
            walk: Walk::new(profile, bound, limits.faults_max),
            profile,
            vocabulary,
            writer: Writer::new(),
            look: Look::default(),
            subjects,
            trail: Trail::default(),
            frames: Vec::new(),
            skipped: None,
            depth: 0,
            text: String::new(),
            text_offset: 0,
            line: String::new(),
        };
        Self { reader, core }
    }

    /// Takes in the next bytes of the document.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.reader.feed(bytes);
    }

    /// Tells that the document has no more bytes.
    pub(crate) fn close(&mut self) {
        self.reader.end();
    }

    /// Reads on in what was fed.
    ///
    /// # Errors
    /// The fault for which the document is not read on.
    pub(crate) fn run(&mut self) -> Result<Progress, Fault> {
        loop {
            let offset = self.reader.offset() as u64;
            let event = match self.reader.next() {
                Ok(Step::Event(event)) => event,
                Ok(Step::More) => return Ok(Progress::More),
                Ok(Step::Done) => return Ok(Progress::Done),
                Err(malformed) => return Err(malformed.at(self.core.pointer(&[]))),
            };
            if self.core.look.is_open() {
                if self.core.look.see(&event, &mut self.core.vocabulary) {
                    self.reader.rewind();
                }
            } else if self.core.meet(&event, offset)? == Course::Look {
                // The last answer was a start, and nothing was fed since.
                let _is_marked = self.reader.mark();
            }
        }
    }

    /// Takes what is final of the output.
    pub(crate) fn take_final(&mut self, out: &mut Vec<u8>) {
        let core = &mut self.core;
        let count = core.walk.final_mark().unwrap_or(usize::MAX);
        let count = core.writer.take(count, out);
        core.walk.forget(count);
        core.frames.iter_mut().for_each(|open| open.mark.shift(count));
    }

    /// The document has been read: the walk, and how it names its subject.
    pub(crate) fn end(self) -> (Walk<'p>, Option<SubjectProof>) {
        let Core { mut walk, subjects, .. } = self.core;
        let leaving = std::mem::take(&mut walk.index_ids);
        let subject = subjects.prove(&leaving, &mut walk.faults);
        (walk, subject)
    }
}

impl<'p> Core<'p> {
    fn pointer(&self, below: &[Crumb]) -> String {
        self.trail.pointer(&self.profile.names, below)
    }

    #[inline]
    fn meet(&mut self, event: &Event<'_>, offset: u64) -> Result<Course, Fault> {
        match event {
            Event::Start(start) => return self.start(start, offset),
            Event::End => self.end(),
            Event::Text(text) => self.read(text, offset),
            Event::Comment(_) => self.aside(self.vocabulary.known.comment, offset),
            Event::ProcessingInstruction { .. } => self.aside(self.vocabulary.known.instruction, offset),
        }
        Ok(Course::On)
    }

    fn start(&mut self, start: &Start<'_>, offset: u64) -> Result<Course, Fault> {
        if self.skipped.is_some() {
            self.start_skipped(start, offset);
            return Ok(Course::On);
        }
        let name = start.name();
        let symbol = self.vocabulary.element(&name);
        if self.frames.is_empty() {
            return self.root(start, symbol, offset).map(|()| Course::On);
        }
        if !self.look.has_answers() {
            self.ask(symbol, start);
            if self.look.begin() {
                return Ok(Course::Look);
            }
        }
        let mut arrival = self.walk.arrive(symbol, |question| self.look.holds(question));
        let crumb = self.trail.child(symbol);
        if let Some(open) = self.frames.last_mut() {
            open.has_content = true;
        }
        self.depth += 1;
        if self.subjects.follows_at(self.depth - 1) {
            let pointer = || self.trail.pointer(&self.profile.names, &[crumb]);
            let at = At { depth: self.depth, offset, pointer: &pointer };
            let Walk { bound, faults, .. } = &mut self.walk;
            self.subjects.follow(symbol, start, at, &mut self.vocabulary, bound, faults);
        }
        match self.vocabulary.written_element(&name) {
            Some(written) if arrival.is_led_to && arrival.drop.is_none() => {
                if self.write_text(false) {
                    arrival = self.walk.arrive(symbol, |question| self.look.holds(question));
                }
                self.look.forget();
                self.open(start, &written, symbol, arrival, crumb, offset);
            }
            _ => {
                self.look.forget();
                self.skip(start, symbol, arrival, crumb, offset);
            }
        }
        Ok(Course::On)
    }

    /// Asks what paths ask of elements called `symbol`.
    fn ask(&mut self, symbol: Symbol, start: &Start<'_>) {
        for edge in self.walk.edges(symbol) {
            if let Some(question) = edge.question.and_then(|place| self.profile.automaton.question(place)) {
                self.look.ask(question, start, &mut self.vocabulary);
            }
        }
    }

    fn root(&mut self, start: &Start<'_>, symbol: Symbol, offset: u64) -> Result<(), Fault> {
        let wanted = self.profile.resource.trim_start_matches('/');
        let written = self.vocabulary.written_element(&start.name());
        let is_it = symbol != Symbol::UNKNOWN && symbol == self.profile.names.symbol(wanted);
        let Some(written) = written.filter(|_| is_it) else {
            let detail = format!("the document's root element is no `{wanted}`");
            return Err(Fault::new(
                "wrong-resource",
                "",
                detail,
                "send the document that the purpose is for",
            ));
        };
        let crumb = self.trail.child(symbol);
        self.depth += 1;
        let pointer = || self.trail.pointer(&self.profile.names, &[crumb]);
        let at = At { depth: self.depth, offset, pointer: &pointer };
        let Walk { bound, faults, .. } = &mut self.walk;
        self.subjects.root(start, at, &mut self.vocabulary, bound, faults);
        let whole = Arrival { is_led_to: true, is_typed: false, shown: 0, drop: None };
        self.open(start, &written, symbol, whole, crumb, offset);
        Ok(())
    }

    fn open(
        &mut self,
        start: &Start<'_>,
        written: &Name<'_>,
        symbol: Symbol,
        arrival: Arrival,
        crumb: Crumb,
        offset: u64,
    ) {
        let is_inline = self.vocabulary.is_inline(symbol);
        let line = match self.line.is_empty() {
            true => String::new(),
            false if is_inline => self.line.clone(),
            false => std::mem::take(&mut self.line),
        };
        let mark = self.writer.mark();
        self.writer.start(*written);
        self.walk.open(symbol, arrival, mark.place(), false);
        self.walk.name_element();
        self.trail.enter(crumb);
        let takes_text = self.walk.edges(self.vocabulary.known.text).next().is_some();
        self.frames.push(Open { mark, run: String::new(), line, is_inline, takes_text, has_content: false });
        for attribute in start.attributes() {
            let symbol = self.vocabulary.attribute(&attribute.name);
            self.attribute(start, &attribute.name, attribute.value, symbol, offset);
        }
    }

    fn attribute(&mut self, start: &Start<'_>, name: &Name<'_>, value: &str, symbol: Symbol, offset: u64) {
        let shown = self.walk.top().map_or(0, |top| top.shown);
        let arrival = self.walk.arrive(symbol, |_| true);
        let crumb = Crumb { name: symbol, place: 0 };
        let place = if arrival.is_led_to { Place::at(arrival.shown) } else { Place::under(shown, symbol) };
        let (trail, names) = (&self.trail, &self.profile.names);
        let pointer = || trail.pointer(names, &[crumb]);
        if let Some(drop) = arrival.drop {
            return self.walk.named_drop(drop, place, 1, offset, pointer);
        }
        // The value of a type is a name, and is told by what it names.
        let type_name =
            if self.vocabulary.is_type(symbol) { self.vocabulary.type_name(start, value) } else { None };
        let typed = type_name.and_then(|_| {
            let attribute = super::event::Attribute { name: *name, value };
            self.vocabulary.value(start, &attribute, symbol)
        });
        let judged = match (&typed, self.vocabulary.is_type(symbol)) {
            (Some(typed), _) => Some(&**typed),
            (None, true) => None,
            (None, false) => Some(value),
        };
        let written = self.vocabulary.written_attribute(name);
        let (true, Some(judged), Some(written)) = (arrival.is_led_to, judged, written) else {
            return self.walk.not_named(place, 1, offset, pointer);
        };
        if self.judge(judged, "", place, crumb, offset).is_none() {
            return;
        }
        match type_name {
            Some(named) => {
                self.writer.declare(named.prefix, named.uri);
                self.writer.attribute(written, &crate::profile::key(named.prefix, named.local));
            }
            None => self.writer.attribute(written, value),
        }
    }

    /// Judges the value just arrived at, which continues `before`, and takes note of what becomes of it. If it leaves,
    /// whether the guards let it.
    fn judge(&mut self, value: &str, before: &str, place: Place, crumb: Crumb, offset: u64) -> Option<bool> {
        let scalar = Scalar::Untyped(value);
        let (trail, names) = (&self.trail, &self.profile.names);
        let pointer = || trail.pointer(names, &[crumb]);
        if self.walk.contradicts(&scalar) {
            let detail =
                "what tells which of the profile's paths mean an element is there twice, and differs";
            let remedy = "send it once";
            self.walk.faults.add(offset, pointer, "ambiguous-condition", detail, remedy);
        }
        let (fate, differs) = self.walk.decide(&scalar);
        if let Some(equals) = differs {
            self.walk.differs(equals, offset, pointer);
        }
        let path = match fate {
            Fate::Goes(None) => {
                self.walk.not_named(place, 1, offset, pointer);
                return None;
            }
            Fate::Goes(Some(unmet)) => {
                self.walk.unmet(unmet, place, offset, pointer);
                return None;
            }
            Fate::Stays { path } => Some(path),
            Fate::Labels(label) => label.path,
        };
        let kind = path.map_or(Kind::String, |path| self.walk.kind(path));
        let is_spelled = match fate {
            Fate::Labels(label) => label.is_spelled,
            _ => path.is_some_and(|path| self.walk.spells_out(path)),
        };
        let findings = self.look_at(value, before, kind, is_spelled, crumb, offset);
        let is_sound = findings.as_ref().is_none_or(|findings| findings.faults.is_empty());
        match fate {
            Fate::Labels(label) => self.walk.label(label, place, findings),
            _ => self.walk.stay(path.unwrap_or_default(), findings),
        }
        Some(is_sound)
    }

    /// What the guards say of a value that leaves, by itself and as the end of its line.
    fn look_at(
        &self,
        value: &str,
        before: &str,
        kind: Kind,
        is_spelled: bool,
        crumb: Crumb,
        offset: u64,
    ) -> Option<Findings> {
        // A timestamp that is one is no personal code.
        let kind = if kind == Kind::Timestamp { Kind::Date } else { kind };
        let pointer = || self.trail.pointer(&self.profile.names, &[crumb]);
        let look = |text, is_spelled| {
            let leaving = Leaving { text, kind, is_spelled, is_reference: false };
            guard::look(&leaving, &self.walk.bound, offset, pointer)
        };
        let own = look(value, is_spelled);
        if before.is_empty() || own.as_ref().is_some_and(|own| !own.faults.is_empty()) {
            return own;
        }
        let joined = look(&[before, value].concat(), false);
        match joined.filter(|joined| !joined.faults.is_empty()) {
            Some(joined) => Some(Findings { index_id: own.and_then(|own| own.index_id), ..joined }),
            None => own,
        }
    }

    fn end(&mut self) {
        let Walk { bound, faults, .. } = &mut self.walk;
        self.subjects.close(self.depth, bound, faults);
        self.depth -= 1;
        if self.skipped.is_some() {
            self.end_skipped();
            return;
        }
        self.write_text(true);
        let Some(open) = self.frames.pop() else { return };
        if !open.has_content {
            self.walk.keep_empty();
        }
        self.trail.leave();
        if self.walk.close() == End::Gone {
            self.writer.rollback(open.mark);
            self.line.clone_from(&open.line);
            return;
        }
        self.writer.end();
        if !open.is_inline {
            self.line.clear();
        }
        if let Some(around) = self.frames.last_mut() {
            around.run.clear();
        }
    }

    /// A comment or a processing instruction: neither ever leaves.
    fn aside(&mut self, symbol: Symbol, offset: u64) {
        if let Some(skipped) = &mut self.skipped {
            skipped.values += 1;
            return;
        }
        let shown = self.walk.top().map_or(0, |top| top.shown);
        let (trail, names) = (&self.trail, &self.profile.names);
        let pointer = || trail.pointer(names, &[Crumb { name: symbol, place: 0 }]);
        self.walk.not_named(Place::under(shown, symbol), 1, offset, pointer);
    }
}
