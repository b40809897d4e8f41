//! Comparison with `pydicom` on the files that come with it.
//!
//! `CLEARANCE_PYDICOM` names a folder with those files, `CLEARANCE_PYTHON` a Python that has `pydicom`.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::super::{Event, Header, Limits, Reader, Reason, Source, Step, Text};
use super::rewrite;

/// What is said of one element, by us or by `pydicom`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
struct Element {
    digest: Option<String>,
    items: Option<usize>,
    text: Option<String>,
}

type Elements = BTreeMap<String, Element>;

#[test]
fn values_are_those_that_pydicom_reads_before_and_after_writing() {
    let (Some(folder), Some(python)) =
        (std::env::var_os("CLEARANCE_PYDICOM"), std::env::var_os("CLEARANCE_PYTHON"))
    else {
        println!("skipped: CLEARANCE_PYDICOM and CLEARANCE_PYTHON are not both set");
        return;
    };
    let files = files_below(Path::new(&folder));
    let theirs = pydicom(&python, &files);
    let scratch = Scratch::new();
    let mut compared = Vec::new();
    let mut only_theirs = Vec::new();
    for (file, theirs) in files.iter().zip(&theirs) {
        let document = std::fs::read(file).unwrap();
        let began = Instant::now();
        let ours = elements(&document);
        assert!(
            began.elapsed() < Duration::from_millis(200 + document.len() as u64 / 1000),
            "{}",
            file.display()
        );
        match (ours, theirs) {
            (Ok(ours), Some(theirs)) => {
                compare(file, &ours, theirs);
                let written = rewrite(Source::File, &document).unwrap();
                compared.push((scratch.put(compared.len(), &written), ours));
            }
            (Ok(_), None) => panic!("{}: pydicom does not read it", file.display()),
            (Err(refused), Some(_)) => only_theirs.push((name(file), refused.reason)),
            (Err(_), None) => {}
        }
    }
    let written: Vec<_> = compared.iter().map(|(file, _)| file.clone()).collect();
    for ((file, ours), theirs) in compared.iter().zip(pydicom(&python, &written)) {
        compare(file, ours, &theirs.expect("pydicom reads what was written"));
    }
    println!("{} files, {} of them read by both", files.len(), compared.len());
    only_theirs.sort_by_key(|(name, _)| *name);
    assert_eq!(only_theirs, REFUSED);
    assert!(compared.len() > 240, "{} files were compared", compared.len());
}

/// What `pydicom` reads and we do not.
const REFUSED: &[(&str, Reason)] = &[
    // A length that points beyond the sequence around it.
    ("DICOMDIR-nooffset", Reason::LengthBeyond),
    ("MR_truncated.dcm", Reason::EndsEarly),
    // Without representations, though its transfer syntax has them.
    ("SC_rgb_jpeg.dcm", Reason::UnknownVr),
    ("emri_small_jpeg_2k_lossless_too_short.dcm", Reason::EndsEarly),
    ("meta_missing_tsyntax.dcm", Reason::NoTransferSyntax),
    // A group that may not be private.
    ("nested_priv_SQ.dcm", Reason::ForbiddenGroup),
    ("rtplan_truncated.dcm", Reason::EndsEarly),
    // Of two elements with one tag `pydicom` takes the second, `dcmdump` the first.
    ("winter.dcm", Reason::DuplicateTag),
];

fn name(file: &Path) -> &str {
    file.file_name().unwrap().to_str().unwrap()
}

#[test]
fn the_samples_are_read() {
    let Some(samples) = std::env::var_os("CLEARANCE_SAMPLES") else {
        println!("skipped: CLEARANCE_SAMPLES is not set");
        return;
    };
    let files = files_below(&Path::new(&samples).join("dicom"));
    assert!(!files.is_empty());
    for file in files {
        let document = std::fs::read(&file).unwrap();
        let ours = elements(&document).unwrap();
        assert_eq!(elements(&rewrite(Source::File, &document).unwrap()).unwrap(), ours, "{}", file.display());
    }
}

/// Where we see an opaque value, `pydicom` may know better and see a sequence; where we see a sequence, so must it.
fn compare(file: &Path, ours: &Elements, theirs: &Elements) {
    let file = file.display();
    for (path, our) in ours {
        let their = theirs.get(path).unwrap_or_else(|| panic!("{file}: pydicom has no {path}"));
        match our.items {
            Some(items) => assert_eq!(their.items, Some(items), "{file}: items of {path}"),
            // A value that pydicom has decoded already is compared as text.
            None if their.digest.is_none() => {
                assert!(our.text.is_some() && their.text.is_some(), "{file}: {path}")
            }
            None => assert_eq!(their.digest, our.digest, "{file}: value of {path}"),
        }
        if let (Some(our), Some(their)) = (&our.text, &their.text) {
            assert_eq!(bare(our), bare(their), "{file}: text of {path}");
        }
    }
    for path in theirs.keys() {
        let is_told = ours.contains_key(path) || path.ends_with("0000");
        let is_in_opaque = path
            .match_indices('[')
            .any(|(at, _)| ours.get(path.split_at(at).0).is_some_and(|our| our.items.is_none()));
        assert!(is_told || is_in_opaque, "{file}: {path} is missing");
    }
}

/// `pydicom` keeps some padding that we trim, and the other way round; in names it leaves out what is empty at the end.
fn bare(text: &str) -> String {
    text.split('\\')
        .map(|value| value.trim_matches(['\0', ' ']).trim_end_matches('='))
        .collect::<Vec<_>>()
        .join("\\")
}

fn elements(document: &[u8]) -> Result<Elements, super::super::Malformed> {
    let mut told = Elements::new();
    let mut reader = Reader::new(Source::File, &Limits::default());
    let mut chunks = document.chunks(5000);
    let mut path = Around::default();
    let mut bulk: Option<(String, Vec<u8>)> = None;
    let mut pending: Option<(String, Header)> = None;
    loop {
        let sets = *reader.character_sets();
        let event = match reader.next()? {
            Step::Event(event) => event,
            Step::More => {
                match chunks.next() {
                    Some(chunk) => reader.feed(chunk),
                    None => reader.end(),
                }
                continue;
            }
            Step::Done => break,
        };
        if !matches!(event, Event::Chunk(_) | Event::Fragment(_) | Event::FragmentsEnd)
            && let Some((key, bytes)) = bulk.take()
        {
            told.insert(key, Element { digest: Some(digest(&bytes)), ..Element::default() });
        }
        match event {
            Event::Preamble(_) | Event::Meta(..) => {}
            Event::Element(header) if header.is_in_chunks => bulk = Some((path.key(&header), Vec::new())),
            Event::Element(header) => pending = Some((path.key(&header), header)),
            Event::Value(value) => {
                let (key, header) = pending.take().unwrap();
                let text = Text::of(&header, value, &sets)
                    .ok()
                    .map(|text| text.values().collect::<Vec<_>>().join("\\"));
                told.insert(key, Element { digest: Some(digest(value)), items: None, text });
            }
            Event::Chunk(bytes) => bulk.as_mut().unwrap().1.extend_from_slice(bytes),
            Event::FragmentsStart(header) => bulk = Some((path.key(&header), Vec::new())),
            Event::Fragment(length) => {
                let bytes = &mut bulk.as_mut().unwrap().1;
                bytes.extend_from_slice(&[0xFE, 0xFF, 0x00, 0xE0]);
                bytes.extend_from_slice(&length.to_le_bytes());
            }
            Event::FragmentsEnd => {}
            Event::SequenceStart(header) => path.0.push((path.key(&header), 0)),
            Event::ItemStart => {}
            Event::ItemEnd => path.0.last_mut().unwrap().1 += 1,
            Event::SequenceEnd => {
                let (key, items) = path.0.pop().unwrap();
                told.insert(key, Element { items: Some(items), ..Element::default() });
            }
        }
    }
    if let Some((key, bytes)) = bulk.take() {
        told.insert(key, Element { digest: Some(digest(&bytes)), ..Element::default() });
    }
    Ok(told)
}

/// The sequences around, each with the number of its item.
#[derive(Default)]
struct Around(Vec<(String, usize)>);

impl Around {
    fn key(&self, header: &Header) -> String {
        let around = self.0.last().map_or(String::new(), |(key, item)| format!("{key}[{item}]."));
        format!("{around}{:04X}{:04X}", header.tag.group(), header.tag.element())
    }
}

/// As the script tells it.
fn digest(bytes: &[u8]) -> String {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    format!("{} {:08x}", bytes.len(), crc.sum())
}

fn pydicom(python: &std::ffi::OsStr, files: &[PathBuf]) -> Vec<Option<Elements>> {
    let mut child = Command::new(python)
        .args(["-c", include_str!("dump.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("CLEARANCE_PYTHON is a Python");
    let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    child.stdin.take().unwrap().write_all(names.join("\n").as_bytes()).unwrap();
    let mut told = String::new();
    child.stdout.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(child.wait().unwrap().success());
    let told: Vec<_> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), files.len());
    told
}

pub(super) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// A folder that goes when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("minimise-dicom-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn put(&self, number: usize, bytes: &[u8]) -> PathBuf {
        let file = self.0.join(format!("{number}.dcm"));
        std::fs::write(&file, bytes).unwrap();
        file
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
