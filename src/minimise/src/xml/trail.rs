//! Where the projection is, for faults: an XPath of local names with places, `/ClinicalDocument/component[1]/section[2]`.

use crate::names::{Names, Symbol};

/// An element as a step of a pointer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crumb {
    pub(super) name: Symbol,
    /// Its place among its siblings of that name, or among all when the name may not be shown; 0 for the root.
    pub(super) place: usize,
}

/// The open elements that leave, perhaps.
#[derive(Debug, Default)]
pub(super) struct Trail {
    crumbs: Vec<Crumb>,
    /// How many children each of them has had, and from where on `counts` is about its children.
    children: Vec<(usize, usize)>,
    counts: Vec<(Symbol, usize)>,
}

impl Trail {
    /// A child called `name` of the innermost element.
    pub(super) fn child(&mut self, name: Symbol) -> Crumb {
        let Some((children, from)) = self.children.last_mut() else { return Crumb { name, place: 0 } };
        *children += 1;
        if name == Symbol::UNKNOWN {
            return Crumb { name, place: *children };
        }
        let counts = self.counts.get_mut(*from..).unwrap_or_default();
        if let Some((_, count)) = counts.iter_mut().rev().find(|(counted, _)| *counted == name) {
            *count += 1;
            return Crumb { name, place: *count };
        }
        self.counts.push((name, 1));
        Crumb { name, place: 1 }
    }

    pub(super) fn enter(&mut self, crumb: Crumb) {
        self.crumbs.push(crumb);
        self.children.push((0, self.counts.len()));
    }

    pub(super) fn leave(&mut self) {
        self.crumbs.pop();
        if let Some((_, from)) = self.children.pop() {
            self.counts.truncate(from);
        }
    }

    /// The pointer to the innermost element, and on to `below`.
    pub(super) fn pointer(&self, names: &Names, below: &[Crumb]) -> String {
        let mut pointer = String::new();
        for Crumb { name, place } in self.crumbs.iter().chain(below) {
            let shown = names.shown(*name);
            pointer.push('/');
            // Prefixes tell nothing here, but those of attributes are part of how they are called.
            let local = shown.rsplit_once(':').filter(|_| !shown.starts_with('@'));
            pointer.push_str(local.map_or(shown, |(_, local)| local));
            if *place > 0 {
                pointer.push_str(&format!("[{place}]"));
            }
        }
        pointer
    }
}
