//! From FHIR as JSON to what may leave of it, in one pass.
//!
//! It is fed windows of a document and can stop between any two tokens. Where a path asks something of an element, it looks
//! ahead; where no path leads, it skips, checking nothing but that the document is strict JSON.

mod decide;
mod steps;
mod values;

use super::contained::{Contained, Verdict};
use super::glimpse::{Fhir, Glimpse, Look, Needs, Sight};
use super::lexer::{Lexer, Tail, Text, Token};
use super::subject::{Around, Following, Subjects};
use super::text;
use crate::excess::{Excess, Reason, Refused};
use crate::fault::Fault;
use crate::guard::SubjectProof;
use crate::limits::Limits;
use crate::manifest::Place;
use crate::names::{Hasher, Symbol};
use crate::profile::{OnExcess, Profile};
use crate::value::is_id;
use crate::walk::{Arrival, Bound, End, Walk};
use steps::Steps;

/// The projection of one document.
#[derive(Debug)]
pub(crate) struct JsonProjection<'p> {
    pub(crate) walk: Walk<'p>,
    profile: &'p Profile,
    limits: Limits,
    lexer: Lexer,
    hasher: Hasher,
    fhir: Fhir,
    glimpse: Glimpse,
    needs: Needs,
    subjects: Subjects,
    contained: Contained,
    stage: Stage,
    steps: Steps<'p>,
    /// The name of the member that was decided on last.
    name: Symbol,
    /// What is being skipped.
    gone: Gone,
    has_type: bool,
    /// The last byte that was handed on.
    last: u8,
    scratch: String,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// The next token is to be read.
    Lex,
    /// This value has begun, and what becomes of it is to be decided.
    Decide(Token, usize),
    /// What ends at this depth goes.
    Skip(usize),
    Done,
}

/// What goes, and why.
#[derive(Debug, Clone, Copy)]
struct Gone {
    place: Place,
    drop: Option<usize>,
    offset: u64,
}

/// How far a window led.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    More,
    Done,
}

/// What ended well.
#[derive(Debug)]
pub(crate) struct Ended<'p> {
    pub(crate) walk: Walk<'p>,
    pub(crate) subject: Option<SubjectProof>,
    /// What must be known to read the document again, for something of it may not stay after all.
    pub(crate) again: Option<Verdict>,
}

impl<'p> JsonProjection<'p> {
    pub(crate) fn new(profile: &'p Profile, bound: Bound<'p>, limits: &Limits) -> Self {
        Self {
            walk: Walk::new(profile, bound, limits.faults_max),
            profile,
            limits: *limits,
            lexer: Lexer::new(limits),
            hasher: Hasher::new(),
            fhir: Fhir::new(&profile.names),
            glimpse: Glimpse::default(),
            needs: Needs::default(),
            subjects: Subjects::new(&profile.subject),
            contained: Contained::default(),
            stage: Stage::Lex,
            steps: Steps::new(),
            name: Symbol::UNKNOWN,
            gone: Gone { place: Place::at(0), drop: None, offset: 0 },
            has_type: false,
            last: b'{',
            scratch: String::new(),
        }
    }

    /// For a document that was read before.
    pub(crate) fn knowing(mut self, verdict: Verdict) -> Self {
        self.contained = Contained::knowing(verdict);
        self
    }

    /// Reads on in the window.
    ///
    /// # Errors
    /// The fault for which the document is not read on.
    pub(crate) fn run(&mut self, window: &str, tail: Tail) -> Result<Progress, Fault> {
        loop {
            match self.stage {
                Stage::Done => return Ok(Progress::Done),
                Stage::Lex => {
                    let token = self.lexer.next(window, tail);
                    let token =
                        token.map_err(|fault| fault.at(self.lexer.fault_pointer(&self.profile.names)))?;
                    match token {
                        Token::More => return Ok(Progress::More),
                        Token::End => self.stage = Stage::Done,
                        Token::ObjectEnd | Token::ArrayEnd => self.close(token),
                        value => {
                            let from = self.start_of(value);
                            if self.decide(window, tail, value, from)? == Sight::More {
                                self.stage = Stage::Decide(value, from);
                                return self.waits(window);
                            }
                        }
                    }
                }
                Stage::Decide(token, from) => {
                    self.stage = Stage::Lex;
                    if self.decide(window, tail, token, from)? == Sight::More {
                        self.stage = Stage::Decide(token, from);
                        return self.waits(window);
                    }
                }
                Stage::Skip(depth) => {
                    let is_over = self.lexer.skip(window, tail, depth);
                    if !is_over.map_err(|fault| fault.at(self.lexer.fault_pointer(&self.profile.names)))? {
                        return Ok(Progress::More);
                    }
                    self.stage = Stage::Lex;
                    let values = self.lexer.take_skipped();
                    self.goes(self.gone, values);
                }
            }
        }
    }

    /// A look ahead has come to the window's end.
    fn waits(&self, window: &str) -> Result<Progress, Fault> {
        if window.len() - self.keep_from() > self.limits.look_ahead_bytes_max {
            return Err(self.too_far_ahead());
        }
        Ok(Progress::More)
    }

    /// The place in the window from which on it is still needed.
    pub(crate) fn keep_from(&self) -> usize {
        match self.stage {
            Stage::Decide(_, from) if self.is_member() => self.lexer.name().from.saturating_sub(1).min(from),
            Stage::Decide(_, from) => from,
            Stage::Lex => self.lexer.needs_from(),
            Stage::Skip(..) | Stage::Done => self.lexer.at(),
        }
    }

    /// The window was cut: these first characters are gone.
    pub(crate) fn forget(&mut self, gone: &str) {
        self.lexer.forget(gone);
        if let Stage::Decide(_, from) = &mut self.stage {
            *from = from.saturating_sub(gone.len());
        }
    }

    /// Takes what is final of the output.
    pub(crate) fn take_final(&mut self, out: &mut Vec<u8>) {
        let count = self.walk.final_to();
        if let Some(bytes) = self.walk.out.get(..count) {
            self.last = bytes.last().copied().unwrap_or(self.last);
            out.extend_from_slice(bytes);
        }
        self.walk.forget(count);
    }

    /// The document has been read.
    ///
    /// # Errors
    /// When it does not say which resource it is.
    pub(crate) fn end(mut self) -> Result<Ended<'p>, Fault> {
        if !self.has_type {
            return Err(self.wrong_resource());
        }
        let again = self.contained.verdict();
        let leaving = std::mem::take(&mut self.walk.index_ids);
        let subject = self.subjects.prove(&self.profile.subject, &leaving, &mut self.walk.faults);
        Ok(Ended { walk: self.walk, subject, again })
    }

    fn pointer(&self) -> String {
        self.lexer.pointer(&self.profile.names)
    }

    fn too_far_ahead(&self) -> Fault {
        let detail = format!(
            "what tells which of the profile's paths mean this element is further than {} bytes into it",
            self.limits.look_ahead_bytes_max
        );
        Fault::new("look-ahead-exceeded", self.pointer(), detail, "send its code, type and id first")
    }

    fn start_of(&self, value: Token) -> usize {
        match value {
            Token::ObjectStart | Token::ArrayStart => self.lexer.at().saturating_sub(1),
            Token::String => self.lexer.text().from.saturating_sub(1),
            _ => self.lexer.text().from,
        }
    }

    /// Whether what comes is a member's value, and no item.
    fn is_member(&self) -> bool {
        self.walk.top().is_some_and(|top| !top.is_list)
    }

    /// The document begins.
    fn begin(&mut self, token: Token) -> Result<(), Fault> {
        if token != Token::ObjectStart {
            return Err(self.wrong_resource());
        }
        let whole = Arrival { is_led_to: true, is_typed: true, shown: 0, drop: None };
        self.walk.open(Symbol::UNKNOWN, whole, 0, false);
        self.walk.out.push(b'{');
        Ok(())
    }

    fn check_type(&mut self, window: &str, text: Text) -> Result<(), Fault> {
        self.scratch.clear();
        text::unescape(window, text, &mut self.scratch);
        self.has_type = self.scratch == self.profile.resource;
        if self.has_type { Ok(()) } else { Err(self.wrong_resource()) }
    }

    fn wrong_resource(&self) -> Fault {
        let detail = format!("the document is no FHIR `{}`", self.profile.resource);
        Fault::new("wrong-resource", "", detail, "send the resource that the purpose is for")
    }

    fn type_seen<'s>(&'s self, window: &'s str) -> Option<&'s str> {
        self.glimpse.text_of(window, 0, self.fhir.resource_type)
    }

    /// The type that was seen, if FHIR has it.
    fn shown_type(&self, window: &str) -> Symbol {
        if !self.needs.names.contains(&self.fhir.resource_type) {
            return Symbol::UNKNOWN;
        }
        self.type_seen(window).map_or(Symbol::UNKNOWN, |of_type| self.profile.names.symbol(of_type))
    }

    fn id_seen(&self, window: &str) -> Option<u64> {
        let id = self.glimpse.text_of(window, 0, self.fhir.id).filter(|id| is_id(id));
        id.map(|id| self.hasher.hash(id.as_bytes()))
    }

    /// Whether the innermost element is the contained resource.
    fn is_contained_itself(&self) -> bool {
        self.walk.top().is_some_and(|top| top.name == self.fhir.contained && !top.is_list)
    }

    /// Looks ahead at what begins at `from`, as far as `needs` must.
    fn see(&mut self, window: &str, tail: Tail, from: usize, needs: &Needs) -> Sight {
        let look = Look {
            window,
            tail,
            names: &self.profile.names,
            hasher: &self.hasher,
            fhir: &self.fhir,
            depth_max: self.limits.depth_max,
        };
        self.glimpse.look(&look, from, needs)
    }

    /// Follows the paths to the subject into what begins at `from`.
    fn follow(&mut self, window: &str, tail: Tail, name: Symbol, from: usize, is_end: bool) -> Sight {
        let depth = self.walk.depth();
        let here: Vec<Following> =
            self.subjects.following.iter().copied().filter(|following| following.depth == depth).collect();
        let mut further = Vec::new();
        for following in here {
            let Some(path) = self.profile.subject.get(following.path) else { continue };
            let Some((step, question)) = path.steps.get(following.done) else { continue };
            if *step != name {
                continue;
            }
            let is_list = window.as_bytes().get(from) == Some(&b'[');
            let is_last = following.done + 1 == path.steps.len();
            let needs = if is_last || is_end {
                Needs::all()
            } else {
                let mut needs = Needs::default();
                question.iter().for_each(|question| needs.ask(question));
                needs
            };
            if (needs.is_all || !is_list) && self.see(window, tail, from, &needs) == Sight::More {
                return Sight::More;
            }
            if needs.is_all {
                let pointer = self.lexer.pointer(&self.profile.names);
                let around = Around {
                    window,
                    fhir: &self.fhir,
                    bound: &self.walk.bound,
                    offset: self.lexer.offset(from),
                    pointer: &pointer,
                };
                self.subjects.read(&self.glimpse, &around, path, following.done, &mut self.walk.faults);
                continue;
            }
            let holds = |question| self.glimpse.holds(window, &self.fhir, 0, question);
            if is_list {
                further.push(Following { depth: depth + 1, ..following });
            } else if question.as_ref().is_none_or(holds) {
                further.push(Following { depth: depth + 1, done: following.done + 1, ..following });
            }
        }
        self.subjects.following.extend(further);
        Sight::Enough
    }

    fn see_patient(&mut self, window: &str, tail: Tail, from: usize) -> Sight {
        let mut needs = Needs::default();
        [self.fhir.resource_type, self.fhir.id, self.fhir.identifier]
            .into_iter()
            .for_each(|name| needs.add(name));
        if self.see(window, tail, from, &needs) == Sight::More {
            return Sight::More;
        }
        let around = Around { window, fhir: &self.fhir, bound: &self.walk.bound, offset: 0, pointer: "" };
        self.subjects.patient(&self.glimpse, &around);
        Sight::Enough
    }

    fn open(&mut self, window: &str, name: Symbol, arrival: Arrival, is_contained: bool) {
        let depth = self.walk.depth() + 1;
        let is_lost = is_contained && self.contained.open(depth);
        let mark = self.prefix(window);
        self.walk.out.push(b'{');
        self.walk.open(name, arrival, mark, is_lost);
        self.walk.name_element();
    }

    fn close(&mut self, token: Token) {
        let Some(top) = self.walk.top() else { return };
        let (is_lost, shown) = (top.is_lost, top.shown);
        let depth = self.walk.depth();
        self.subjects.close(depth);
        if self.walk.close() == End::Stays {
            self.walk.out.push(if token == Token::ObjectEnd { b'}' } else { b']' });
        }
        if self.contained.close(depth) && is_lost {
            self.lost_resource(shown);
        }
    }

    fn lost_resource(&mut self, shown: usize) {
        let refused = (self.profile.on_excess == OnExcess::Refuse).then(|| Refused {
            rule: "unreferenced-contained",
            detail: "nothing that leaves refers to this contained resource".to_owned(),
            remedy: "leave it out, or refer to it".to_owned(),
        });
        let values = self.walk.take_lost();
        let offset = self.lexer.offset(self.lexer.at());
        let excess =
            Excess { place: Place::at(shown), reason: Reason::Unreferenced, values, offset, refused };
        self.walk.excess(excess, || self.lexer.pointer(&self.profile.names));
    }

    fn goes(&mut self, gone: Gone, values: usize) {
        let Gone { place, drop, offset } = gone;
        let pointer = || self.lexer.pointer(&self.profile.names);
        match drop {
            Some(drop) => self.walk.named_drop(drop, place, values, offset, pointer),
            None => self.walk.not_named(place, values, offset, pointer),
        }
    }
}
