//! From a document as received to what may leave of it.
//!
//! All faults of the document are found in one go, except that a document that cannot be read or is of another kind is
//! not looked into.

use std::collections::BTreeSet;

use super::contained;
use super::excess::{Excess, Faults, Reason};
use super::guard::{self, SubjectProof};
use super::json;
use super::limits::Limits;
use super::manifest::Manifest;
use super::profile::Profile;
use super::select::{Alive, Bound, Fate, Selection};
use super::tape::{Id, Tape, Value};
use crate::fault::Fault;
use crate::person::Identifier;

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
    /// The bytes to send: input order, numbers as they were written, no white space between tokens.
    pub document: Vec<u8>,
    /// What was kept and dropped.
    pub manifest: Manifest,
    /// How the document names its subject.
    pub subject: SubjectProof,
}

/// Keeps of `document` what `profile` names.
///
/// # Errors
/// Every reason for which the document may not leave.
pub fn project(
    profile: &Profile,
    declared: &Declared<'_>,
    document: &[u8],
) -> Result<Projection, Vec<Fault>> {
    let tape =
        Tape::read(document, &declared.limits, |name| profile.knows(name)).map_err(|fault| vec![fault])?;
    if !is_resource(&tape, &profile.resource) {
        let detail = format!("the document is no FHIR `{}`", profile.resource);
        return Err(vec![Fault::new(
            "wrong-resource",
            "",
            detail,
            "send the resource that the purpose is for",
        )]);
    }
    let mut faults = Faults::new(&tape, profile, declared.limits.faults_max);
    let (selection, alive) = select(&tape, profile, declared, &mut faults);
    refusals(&selection, &mut faults);
    let subject = guard::prove(&tape, profile, declared, &alive, &mut faults);
    guard::values(&tape, profile, declared, &selection, &alive, &mut faults);
    required(profile, declared, &selection, &alive, &mut faults);
    let subject = match (subject, faults.into_list()) {
        (Some(subject), faults) if faults.is_empty() => subject,
        (_, faults) => return Err(faults),
    };

    let document = write(&tape, &alive);
    check_output(profile, declared, &document).map_err(|fault| vec![fault])?;
    Ok(Projection {
        document,
        manifest: Manifest::new(&tape, profile, &selection, &alive, &declared.limits),
        subject,
    })
}

/// Whether `bytes` are strict JSON within the default limits. Names in the fault's pointer are shown only if FHIR has them.
///
/// # Errors
/// The first fault.
pub fn check_json(bytes: &[u8]) -> Result<(), Fault> {
    Tape::read(bytes, &Limits::default(), |_| false).map(drop)
}

fn is_resource(tape: &Tape<'_>, resource: &str) -> bool {
    let own = tape.member(0, "resourceType");
    own.and_then(|own| tape.text(own)) == Some(resource)
}

fn select<'p>(
    tape: &Tape<'_>,
    profile: &'p Profile,
    declared: &Declared<'_>,
    faults: &mut Faults<'_>,
) -> (Selection<'p>, Alive) {
    let bound = Bound {
        subject: declared.subject.value.expose(),
        recipient: declared.recipient.map(|recipient| recipient.value.expose()),
        professional: &declared.others,
        evidence: &declared.evidence,
    };
    let mut selection = Selection::new(profile, &bound, tape);
    contained::settle(tape, profile, &mut selection, faults);
    let alive = selection.alive(tape);
    let is_bare = |node: &Id| matches!(selection.fate(*node), Fate::Labels { .. }) && !alive.has(*node);
    let bare: Vec<Id> = (1..tape.len()).filter(is_bare).collect();
    selection.excess.extend(bare.into_iter().map(|node| Excess {
        node,
        reason: Reason::EmptyElement,
        values: 1,
        refused: None,
    }));
    (selection, alive)
}

fn refusals(selection: &Selection<'_>, faults: &mut Faults<'_>) {
    for excess in &selection.excess {
        if let Some(refused) = &excess.refused {
            faults.add(excess.node, refused.rule, refused.detail.as_str(), refused.remedy.as_str());
        }
    }
    for (node, equals) in &selection.differing {
        let (rule, detail) = equals.rule();
        faults.add(
            *node,
            rule,
            detail,
            "declare what the document says, or send the document that was declared",
        );
    }
}

fn required(
    profile: &Profile,
    declared: &Declared<'_>,
    selection: &Selection<'_>,
    alive: &Alive,
    faults: &mut Faults<'_>,
) {
    for text in missing(profile, declared, selection, alive) {
        let detail = format!("`{text}` is required, and nothing of it would leave");
        faults.add(0, "required-missing", detail, "send it, with a value that the profile allows");
    }
    if !alive.has(0) {
        faults.add(0, "nothing-left", "nothing of the document would leave", "send what the profile names");
    }
}

/// The required paths of which nothing leaves.
fn missing<'p>(
    profile: &'p Profile,
    declared: &Declared<'_>,
    selection: &Selection<'_>,
    alive: &Alive,
) -> Vec<&'p str> {
    let met = selection.met.iter().filter(|(_, node)| alive.has(*node));
    let met: BTreeSet<usize> = met.map(|(path, _)| *path).collect();
    let paths = profile.paths.iter().enumerate().filter(|(place, _)| {
        let entry = profile.entry_of(*place);
        entry.is_some_and(|entry| entry.required && entry.is_active(&declared.evidence))
            && !met.contains(place)
    });
    paths.map(|(_, path)| path.text.as_str()).collect()
}

/// Reads what was written as a receiver would, and finds that the profile keeps all of it.
fn check_output(profile: &Profile, declared: &Declared<'_>, document: &[u8]) -> Result<(), Fault> {
    let tape = Tape::read(document, &declared.limits, |name| profile.knows(name))?;
    let mut faults = Faults::new(&tape, profile, 1);
    let (selection, alive) = select(&tape, profile, declared, &mut faults);
    let is_whole = selection.excess.is_empty()
        && faults.into_list().is_empty()
        && missing(profile, declared, &selection, &alive).is_empty();
    is_whole.then_some(()).ok_or_else(|| {
        let detail = "what would leave does not pass the profile once more";
        Fault::new(
            "output-not-minimal",
            "",
            detail,
            "report this: the profile contradicts itself on this document",
        )
    })
}

/// The document without what does not leave.
fn write(tape: &Tape<'_>, alive: &Alive) -> Vec<u8> {
    let mut out = Vec::new();
    let mut open: Vec<(Id, u8)> = Vec::new();
    let mut at = 0;
    let mut is_first = true;
    while at < tape.len() {
        close(&mut open, at, &mut out, &mut is_first);
        let node = tape.node(at);
        if !alive.has(at) {
            at = node.after;
            continue;
        }
        if !is_first {
            out.push(b',');
        }
        if let Some(name) = &node.name {
            json::write_string(name, &mut out);
            out.push(b':');
        }
        is_first = false;
        match &node.value {
            Value::Object | Value::Array => {
                let (begin, end) = if node.value == Value::Object { (b'{', b'}') } else { (b'[', b']') };
                out.push(begin);
                open.push((node.after, end));
                is_first = true;
            }
            Value::String(text) => json::write_string(text, &mut out),
            Value::Number(text) => out.extend_from_slice(text.as_bytes()),
            Value::Boolean(true) => out.extend_from_slice(b"true"),
            Value::Boolean(false) => out.extend_from_slice(b"false"),
            Value::Null => out.extend_from_slice(b"null"),
        }
        at += 1;
    }
    close(&mut open, tape.len(), &mut out, &mut is_first);
    out
}

/// Ends what ends before `at`.
fn close(open: &mut Vec<(Id, u8)>, at: Id, out: &mut Vec<u8>, is_first: &mut bool) {
    while let Some((_, end)) = open.pop_if(|(after, _)| *after <= at) {
        out.push(end);
        *is_first = false;
    }
}
