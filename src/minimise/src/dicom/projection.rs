//! From a DICOM file to what may leave of it, in one pass.
//!
//! The reader tells what comes, the walk decides, the writer writes; pixels and other bulk go through in chunks. Where a
//! path asks something of an item, the reader looks into it and goes back. What no path leads to is jumped over. What is
//! decided about one element is in `element`, about sequences and their items in `items`.

mod element;
mod guards;
mod items;

use super::event::{Event, Header, Step};
use super::glimpse::{Glimpse, Look};
use super::instance::Instance;
use super::limits::Limits;
use super::reader::{Reader, Source};
use super::subject::{Subject, UNIVERSAL_ID};
use super::syntax::TransferSyntax;
use super::tag::Tag;
use super::vr::Vr;
use super::writer::{FileMeta, Mark, Writer};
use crate::fault::Fault;
use crate::guard::SubjectProof;
use crate::manifest::Place;
use crate::names::Symbol;
use crate::profile::Profile;
use crate::walk::{Arrival, Bound, Walk};
use element::Here;

/// Who wrote the file, as it says of itself.
const IMPLEMENTATION_CLASS_UID: &str = "2.25.232481845949768702417187020464042945100";
const IMPLEMENTATION_VERSION_NAME: &str = "CLEARANCE";

/// The projection of one document.
#[derive(Debug)]
pub(crate) struct DicomProjection<'p> {
    reader: Reader,
    core: Core<'p>,
    glimpse: Glimpse,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Reading,
    /// The glimpse is on its way.
    Looking,
    /// What was looked into is told again, and the glimpse has its answers.
    Looked,
    Done,
}

/// All but the reader: what it tells borrows from it.
#[derive(Debug)]
struct Core<'p> {
    profile: &'p Profile,
    walk: Walk<'p>,
    instance: Instance,
    subject: Subject<'p>,
    /// Once it is known what the document is.
    writer: Option<Writer>,
    /// Where the frames of the walk begin in the output.
    marks: Vec<Mark>,
    /// The sequences that are open.
    path: Vec<Tag>,
    /// The element whose value comes next.
    here: Option<Here>,
    is_consistent: bool,
    /// Elements and representations that were looked up and found as registered, each at its place.
    registered: [Option<(Tag, Vr)>; LOOKED_UP],
}

/// A power of two, of which a few dozen elements that stand about each frame hardly share places.
const LOOKED_UP: usize = 128;

/// What is to be done with what begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Read,
    Skip,
}

impl<'p> DicomProjection<'p> {
    pub(crate) fn new(profile: &'p Profile, bound: Bound<'p>, limits: &Limits, faults_max: usize) -> Self {
        let core = Core {
            profile,
            subject: Subject::new(profile, &bound),
            walk: Walk::new(profile, bound, faults_max),
            instance: Instance::default(),
            writer: None,
            marks: Vec::new(),
            path: Vec::new(),
            here: None,
            is_consistent: true,
            registered: [None; LOOKED_UP],
        };
        Self {
            reader: Reader::new(Source::File, limits),
            core,
            glimpse: Glimpse::default(),
            stage: Stage::Reading,
        }
    }

    /// Takes the next bytes of the document, and appends to `out` what is final of the output.
    ///
    /// # Errors
    /// The fault for which the document is not read on.
    pub(crate) fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        self.reader.feed(bytes);
        self.run(out)
    }

    /// The document has ended; the last of the output is appended to `out`.
    ///
    /// # Errors
    /// The fault for which it was not read to its end.
    pub(crate) fn end(mut self, out: &mut Vec<u8>) -> Result<(Walk<'p>, Option<SubjectProof>), Fault> {
        self.reader.end();
        self.run(out)?;
        Ok(self.core.end(out))
    }

    fn run(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        while self.stage != Stage::Done {
            if self.stage == Stage::Looking && !self.look()? {
                break;
            }
            let step = match self.reader.next() {
                Ok(step) => step,
                Err(fault) => return Err(fault.at(self.reader.pointer())),
            };
            match step {
                Step::More => break,
                Step::Event(Event::Preamble(_)) => {}
                Step::Event(Event::Meta(header, value)) => self.core.instance.meta(header.tag, value),
                Step::Event(Event::Value(value)) => self.core.value(value),
                Step::Event(Event::Chunk(bytes)) => self.core.chunk(bytes, out),
                Step::Event(Event::Element(header)) => {
                    self.begin()?;
                    let (offset, sets) = (self.reader.offset(), *self.reader.character_sets());
                    let next = self.core.element(header, offset, sets);
                    self.go_on(next);
                }
                Step::Event(Event::SequenceStart(header)) => self.sequence(header)?,
                Step::Event(Event::ItemStart) => self.item(),
                Step::Event(Event::ItemEnd) => self.core.close(Writer::end_item),
                Step::Event(Event::SequenceEnd) => {
                    self.core.path.pop();
                    self.core.close(Writer::end_sequence);
                }
                Step::Event(Event::FragmentsStart(header)) => {
                    self.begin()?;
                    let next = self.core.fragments(header, self.reader.offset());
                    self.go_on(next);
                }
                Step::Event(Event::Fragment(length)) => self.core.write(|writer| writer.fragment(length)),
                Step::Event(Event::FragmentsEnd) => self.core.write(Writer::end_fragments),
                Step::Done => {
                    self.begin()?;
                    self.stage = Stage::Done;
                }
            }
        }
        self.core.take_final(out);
        Ok(())
    }

    fn go_on(&mut self, next: Next) {
        if next == Next::Skip {
            self.reader.skip();
        }
    }

    /// The data set begins, if it has not.
    fn begin(&mut self) -> Result<(), Fault> {
        match self.reader.transfer_syntax() {
            Some(syntax) if self.core.writer.is_none() => self.core.begin(syntax),
            _ => Ok(()),
        }
    }

    fn sequence(&mut self, header: Header) -> Result<(), Fault> {
        self.begin()?;
        let is_asked = self.core.path.is_empty() && self.core.subject.asks_items(header.tag);
        if self.stage == Stage::Looked {
            self.stage = Stage::Reading;
            self.core.subject.see_items(&self.glimpse);
        } else if is_asked && self.reader.mark() {
            self.glimpse = Glimpse::sequence(UNIVERSAL_ID);
            self.stage = Stage::Looking;
            return Ok(());
        }
        let next = self.core.sequence(&header, self.reader.offset());
        self.go_on(next);
        Ok(())
    }

    fn item(&mut self) {
        if self.stage == Stage::Looked {
            self.stage = Stage::Reading;
        } else if self.core.asks_item() && self.reader.mark() {
            self.glimpse = self.core.glimpse();
            self.stage = Stage::Looking;
            return;
        }
        let next = self.core.item(&self.glimpse, self.reader.offset());
        self.go_on(next);
    }

    /// Looks on into an item or a sequence; `false` when more must be fed.
    fn look(&mut self) -> Result<bool, Fault> {
        loop {
            let step = match self.reader.next() {
                Ok(step) => step,
                Err(fault) => return Err(fault.at(self.reader.pointer())),
            };
            let look = match step {
                Step::More => return Ok(false),
                Step::Event(Event::Element(header)) => {
                    self.glimpse.element(&header, *self.reader.character_sets())
                }
                Step::Event(Event::SequenceStart(header)) => self.glimpse.sequence_start(header.tag),
                Step::Event(Event::FragmentsStart(_)) => Look::Past,
                Step::Event(Event::Value(value)) => {
                    self.glimpse.value(value);
                    Look::Into
                }
                Step::Event(Event::SequenceEnd) if self.glimpse.sequence_end() => Look::Enough,
                Step::Event(Event::ItemEnd) if self.glimpse.item_end() => Look::Enough,
                Step::Event(_) => Look::Into,
                Step::Done => Look::Enough,
            };
            match look {
                Look::Into => {}
                Look::Past => self.reader.skip(),
                Look::Enough => break,
            }
        }
        self.reader.rewind();
        self.stage = Stage::Looked;
        Ok(true)
    }
}

impl<'p> Core<'p> {
    fn begin(&mut self, syntax: &'static TransferSyntax) -> Result<(), Fault> {
        let (class, instance) = self.instance.check(&self.profile.instances)?;
        let writer = Writer::file(&FileMeta {
            sop_class_uid: class,
            sop_instance_uid: instance,
            transfer_syntax: syntax,
            implementation_class_uid: IMPLEMENTATION_CLASS_UID,
            implementation_version_name: IMPLEMENTATION_VERSION_NAME,
        });
        let mark = self.mark(writer.mark());
        self.writer = Some(writer);
        let whole = Arrival { is_led_to: true, is_typed: false, shown: 0, drop: None };
        self.walk.open(Symbol::UNKNOWN, whole, mark, false);
        Ok(())
    }

    /// Something may have to be taken back to here. The walk knows the place by its bytes.
    fn mark(&mut self, mark: Mark) -> usize {
        self.marks.push(mark);
        usize::try_from(mark.offset()).unwrap_or(usize::MAX)
    }

    fn write(&mut self, write: impl FnOnce(&mut Writer)) {
        if let Some(writer) = &mut self.writer {
            write(writer);
        }
    }

    /// A piece of what stays.
    fn chunk(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let Some(writer) = &mut self.writer else { return };
        // All around it stays with it, so that what was written before is final.
        writer.take(out);
        if writer.pass(bytes) {
            out.extend_from_slice(bytes);
        } else {
            writer.chunk(bytes);
        }
    }

    /// Takes what is final of the output.
    fn take_final(&mut self, out: &mut Vec<u8>) {
        let Some(writer) = &mut self.writer else { return };
        match self.walk.final_mark() {
            None => writer.take(out),
            Some(mark) => writer.take_to(mark as u64, out),
        }
    }

    fn end(mut self, out: &mut Vec<u8>) -> (Walk<'p>, Option<SubjectProof>) {
        // The data set itself ends without a mark.
        self.close(|_| {});
        if let Some(writer) = self.writer.take() {
            writer.finish(out);
        }
        let faults = &mut self.walk.faults;
        if !self.is_consistent {
            let detail = "what would leave holds an element that is empty";
            faults.add(
                0,
                String::new,
                "output-not-minimal",
                detail,
                "report this: it is a defect of the gateway",
            );
        }
        self.instance.end(&self.profile.instances, faults);
        let subject = self.subject.prove(faults);
        (self.walk, subject)
    }

    /// How manifests name what stands in the innermost element, where no path leads.
    fn place_under(&self, tag: Tag) -> Place {
        let name = if tag.registered().is_some() { Symbol::of_tag(tag) } else { Symbol::UNKNOWN };
        Place::under(self.walk.top().map_or(0, |top| top.shown), name)
    }

    /// Whether the element has a representation that the standard gives it; otherwise that is a fault.
    fn expect_registered(&mut self, header: &Header, offset: u64) -> bool {
        let Header { tag, vr, .. } = *header;
        // Groups are even, and elements in one are mostly near each other.
        let place = usize::from(tag.element() ^ (tag.group() << 2)) % LOOKED_UP;
        let known = self.registered.get_mut(place);
        if known.as_deref() == Some(&Some((tag, vr))) {
            return true;
        }
        if header.is_as_registered() != Some(false) {
            if let Some(known) = known {
                *known = Some((tag, vr));
            }
            return true;
        }
        let detail = "the value representation is not one that the standard gives the element";
        let remedy = "write it as DICOM PS3.6 registers it";
        self.walk.faults.add(offset, || pointer(&self.path, tag), "dicom-vr", detail, remedy);
        false
    }
}

/// The element `tag` in the open sequences, by keywords.
fn pointer(path: &[Tag], tag: Tag) -> String {
    if path.is_empty() { word(tag).to_owned() } else { format!("{}.{}", words(path), word(tag)) }
}

fn words(path: &[Tag]) -> String {
    path.iter().map(|tag| word(*tag)).collect::<Vec<_>>().join(".")
}

fn word(tag: Tag) -> &'static str {
    tag.keyword().unwrap_or("*")
}
