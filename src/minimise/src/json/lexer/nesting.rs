//! The objects and arrays that are open, and the names in them: which stand twice, and where in the document that is.

use std::collections::HashSet;
use std::fmt::Write as _;

use foldhash::fast::RandomState;

use crate::names::Names;

/// What a value stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Document,
    Object,
    Array,
}

/// Everything open. The innermost stands apart, for it is asked about at every token.
#[derive(Debug)]
pub(super) struct Nesting {
    top: Frame,
    /// What stands around it, outermost first; that is the document.
    around: Vec<Frame>,
    /// The hashes of the names of all open objects, outermost first; each frame knows where its own begin.
    hashes: Vec<u64>,
    /// For each open object with many names, outermost first, the hashes again.
    many: Vec<HashSet<u64, RandomState>>,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    kind: Kind,
    /// Whether the last of `many` is its own.
    has_many: bool,
    names_from: usize,
    /// One bit for each name: when it is not set, the name is new. Most objects have few.
    seen: u64,
    items: usize,
}

/// Up to here a linear search beats hashing.
const FEW_NAMES: usize = 32;

impl Nesting {
    pub(super) const fn new() -> Self {
        let document = Frame { kind: Kind::Document, has_many: false, names_from: 0, seen: 0, items: 0 };
        Self { top: document, around: Vec::new(), hashes: Vec::new(), many: Vec::new() }
    }

    /// What the next value stands in.
    #[inline]
    pub(super) const fn kind(&self) -> Kind {
        self.top.kind
    }

    /// How many objects and arrays are open.
    #[inline]
    pub(super) const fn depth(&self) -> usize {
        self.around.len()
    }

    #[inline]
    pub(super) fn open(&mut self, kind: Kind) {
        self.around.push(self.top);
        self.top = Frame { kind, has_many: false, names_from: self.hashes.len(), seen: 0, items: 0 };
    }

    #[inline]
    pub(super) fn close(&mut self) {
        if self.top.has_many {
            self.many.pop();
        }
        self.hashes.truncate(self.top.names_from);
        if let Some(around) = self.around.pop() {
            self.top = around;
        }
    }

    /// The next item of an array.
    #[inline]
    pub(super) const fn item(&mut self) {
        self.top.items += 1;
    }

    /// The next member of an object; whether it is the first of its name.
    #[inline]
    pub(super) fn name(&mut self, hash: u64) -> bool {
        let bit = 1 << (hash >> 58);
        let has_few = self.hashes.len() - self.top.names_from < FEW_NAMES;
        let is_new = (has_few && self.top.seen & bit == 0) || self.is_new(hash, has_few);
        self.top.seen |= bit;
        self.hashes.push(hash);
        is_new
    }

    fn is_new(&mut self, hash: u64, has_few: bool) -> bool {
        let own = self.hashes.get(self.top.names_from..).unwrap_or_default();
        if has_few {
            return !own.contains(&hash);
        }
        if !self.top.has_many {
            self.top.has_many = true;
            self.many.push(own.iter().copied().collect());
        }
        self.many.last_mut().is_some_and(|many| many.insert(hash))
    }

    /// Where the value read last is, as a JSON Pointer; names that are not known show as `*`, for a name can be a value.
    pub(super) fn pointer(&self, names: &Names) -> String {
        self.pointer_to(names, self.depth())
    }

    /// Where the item is that comes next in the innermost array.
    pub(super) fn pointer_to_next(&self, names: &Names) -> String {
        format!("{}/{}", self.pointer_to(names, self.depth().saturating_sub(1)), self.top.items)
    }

    fn pointer_to(&self, names: &Names, depth: usize) -> String {
        let mut pointer = String::new();
        let open = || self.around.iter().skip(1).chain([&self.top]);
        let ends = open().skip(1).map(|frame| frame.names_from).chain([self.hashes.len()]);
        for (frame, names_to) in open().zip(ends).take(depth) {
            let own = self.hashes.get(frame.names_from..names_to).unwrap_or_default();
            match (frame.kind, own.last(), frame.items.checked_sub(1)) {
                (Kind::Object, Some(hash), _) => {
                    pointer.push('/');
                    pointer.push_str(names.shown_by_hash(*hash));
                }
                (Kind::Array, _, Some(index)) => {
                    // Writing to a string cannot fail.
                    let _ = write!(pointer, "/{index}");
                }
                _ => {}
            }
        }
        pointer
    }
}
