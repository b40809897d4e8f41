//! File to file through the DICOM reader and writer, and through the projection, next to `dd` on the same file.
//!
//! `cargo run --release -p minimise --example dicom_throughput [FOLDER]`, which should be one in memory. Prints medians of
//! interleaved runs; `dcmodify` is measured too where there is one.
#![expect(clippy::print_stdout, reason = "it is a table for people")]

use std::error::Error;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use minimise::dicom::{Event, FileMeta, Header, Limits, Reader, Source, Step, Tag, TransferSyntax, Writer};
use minimise::person::{ESTONIAN_PERSONAL_CODE, Identifier, Private};
use minimise::{Declared, Profile, Projector};

const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const FRAME_BYTES: usize = 512 * 512 * 2;
const BUFFER_BYTES: usize = 256 << 10;
const PROFILE: &str = include_str!("image-bank.toml");
const SUBJECT: &str = "60001017869";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let folder = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let (from, to) = (folder.join("dicom-throughput-from.dcm"), folder.join("dicom-throughput-to.dcm"));
    let profile = Profile::parse("image-bank", PROFILE).map_err(|_| "the profile has faults")?;
    let heads = ["MiB", "runs", "dd", "keep all", "drop all", "project", "dcmodify"];
    println!("{}", heads.map(|head| format!("{head:>9}")).join(" "));
    // Frames of half a MiB, and frames of which the elements about them are most of the file.
    for (frames, frame_bytes, runs) in [(100, FRAME_BYTES, 15), (1000, FRAME_BYTES, 5), (200_000, 64, 5)] {
        generate(&from, frames, frame_bytes)?;
        let bytes = std::fs::metadata(&from)?.len();
        let mut times = [const { Vec::new() }; 5];
        for _ in 0..runs {
            time(&mut times[0], || dd(&from, &to))?;
            time(&mut times[1], || through(&from, &to, false))?;
            time(&mut times[2], || through(&from, &to, true))?;
            time(&mut times[3], || project(&profile, &from, &to))?;
        }
        if runs_here("dcmodify") {
            time(&mut times[4], || dcmodify(&from, &to))?;
        }
        let speeds = times.map(|times| format!("{:>9}", speed(bytes, times)));
        println!("{:>9} {runs:>9} {}", bytes >> 20, speeds.join(" "));
    }
    println!("MB/s; memory at most {}", memory().unwrap_or_else(|| "unknown".to_owned()));
    std::fs::remove_file(from)?;
    Ok(std::fs::remove_file(to)?)
}

/// A CT of so many frames.
fn generate(file: &Path, frames: usize, frame_bytes: usize) -> Outcome<()> {
    let syntax = TransferSyntax::of(EXPLICIT).ok_or("no explicit little endian")?;
    let mut writer = Writer::file(&meta(syntax));
    let element = |tag: &str| -> Outcome<Header> {
        let tag = Tag::of_keyword(tag).ok_or("an unknown keyword")?;
        let vr = tag.registered().ok_or("an unregistered tag")?.implied_vr();
        let byte_order = syntax.coding.byte_order;
        Ok(Header { tag, vr, written_vr: vr, length: None, byte_order, is_in_chunks: false })
    };
    writer.element(&element("SOPClassUID")?, b"1.2.840.10008.5.1.4.1.1.2.1");
    writer.element(&element("SOPInstanceUID")?, b"2.25.2");
    writer.element(&element("Modality")?, b"CT");
    writer.element(&element("PatientName")?, b"Test^Person");
    writer.element(&element("PatientID")?, SUBJECT.as_bytes());
    writer.element(&element("PatientAddress")?, b"Test street 1");
    let mut file = File::create(file)?;
    let mut taken = Vec::new();
    writer.start_sequence(&element("PerFrameFunctionalGroupsSequence")?);
    for _ in 0..frames {
        writer.take(&mut taken);
        file.write_all(&taken)?;
        taken.clear();
        writer.start_item();
        writer.start_sequence(&element("PlanePositionSequence")?);
        writer.start_item();
        writer.element(&element("ImagePositionPatient")?, b"-158.135803\\-179.035797\\-75.699997");
        writer.end_item();
        writer.end_sequence();
        writer.end_item();
    }
    writer.end_sequence();
    let mut pixels = element("PixelData")?;
    pixels.length = Some(u32::try_from(frames * frame_bytes)?);
    writer.element_in_chunks(&pixels);
    let frame: Vec<u8> = (0..frame_bytes).map(|at| ((at * at) >> 7) as u8).collect();
    for _ in 0..frames {
        writer.chunk(&frame);
        writer.take(&mut taken);
        file.write_all(&taken)?;
        taken.clear();
    }
    Ok(())
}

fn through(from: &Path, to: &Path, drops: bool) -> Outcome<()> {
    let (mut input, mut output) = (File::open(from)?, File::create(to)?);
    let mut reader = Reader::new(Source::File, &Limits::default());
    let mut writer: Option<Writer> = None;
    let mut taken = Vec::new();
    let mut header = None;
    loop {
        let syntax = reader.transfer_syntax();
        match reader.next()? {
            Step::Event(Event::Preamble(_) | Event::Meta(..)) => {}
            Step::Event(event) => {
                let syntax = syntax.ok_or("no transfer syntax")?;
                let writer = writer.get_or_insert_with(|| Writer::file(&meta(syntax)));
                if let (false, Event::Chunk(bytes)) = (drops, event) {
                    writer.take(&mut taken);
                    output.write_all(&taken)?;
                    taken.clear();
                    if writer.pass(bytes) {
                        output.write_all(bytes)?;
                    } else {
                        writer.chunk(bytes);
                    }
                } else if !drops {
                    copy(writer, event, &mut header);
                } else if matches!(event, Event::Element(_) | Event::SequenceStart(_)) {
                    reader.skip();
                }
            }
            Step::More => {
                if let Some(writer) = &mut writer {
                    writer.take(&mut taken);
                    output.write_all(&taken)?;
                    taken.clear();
                }
                match input.read(reader.room(BUFFER_BYTES))? {
                    0 => reader.end(),
                    bytes => reader.filled(bytes),
                }
            }
            Step::Done => break,
        }
    }
    if let Some(writer) = writer {
        writer.finish(&mut taken);
        output.write_all(&taken)?;
    }
    Ok(())
}

fn project(profile: &Profile, from: &Path, to: &Path) -> Outcome<()> {
    let (mut input, mut output) = (File::open(from)?, File::create(to)?);
    let subject = Identifier { system: ESTONIAN_PERSONAL_CODE.to_owned(), value: Private::new(SUBJECT) };
    let declared = Declared {
        subject: &subject,
        recipient: None,
        evidence: Default::default(),
        others: Vec::new(),
        limits: Default::default(),
    };
    let refused = |faults: Vec<_>| format!("refused: {faults:?}");
    let mut projector = Projector::new(profile, &declared);
    let (mut buffer, mut out) = (vec![0; BUFFER_BYTES], Vec::new());
    loop {
        let bytes = input.read(&mut buffer)?;
        let Some(read) = buffer.get(..bytes).filter(|read| !read.is_empty()) else { break };
        projector.feed(read, &mut out).map_err(refused)?;
        output.write_all(&out)?;
        out.clear();
    }
    projector.end(&mut out).map_err(refused)?;
    Ok(output.write_all(&out)?)
}

fn copy(writer: &mut Writer, event: Event<'_>, header: &mut Option<Header>) {
    match event {
        Event::Preamble(_) | Event::Meta(..) => {}
        Event::Element(element) if element.is_in_chunks => writer.element_in_chunks(&element),
        Event::Element(element) => *header = Some(element),
        Event::Value(value) => {
            if let Some(header) = header.take() {
                writer.element(&header, value);
            }
        }
        Event::Chunk(bytes) => writer.chunk(bytes),
        Event::SequenceStart(sequence) => writer.start_sequence(&sequence),
        Event::ItemStart => writer.start_item(),
        Event::ItemEnd => writer.end_item(),
        Event::SequenceEnd => writer.end_sequence(),
        Event::FragmentsStart(fragments) => writer.start_fragments(&fragments),
        Event::Fragment(length) => writer.fragment(length),
        Event::FragmentsEnd => writer.end_fragments(),
    }
}

fn meta(syntax: &'static TransferSyntax) -> FileMeta<'static> {
    FileMeta {
        sop_class_uid: "1.2.840.10008.5.1.4.1.1.2.1",
        sop_instance_uid: "2.25.2",
        transfer_syntax: syntax,
        implementation_class_uid: "2.25.1",
        implementation_version_name: "THROUGHPUT",
    }
}

fn dd(from: &Path, to: &Path) -> Outcome<()> {
    let mut command = Command::new("dd");
    command.arg("bs=256K").arg(argument("if=", from)).arg(argument("of=", to)).stderr(Stdio::null());
    command.status()?.success().then_some(()).ok_or_else(|| "`dd` failed".into())
}

fn dcmodify(from: &Path, to: &Path) -> Outcome<()> {
    std::fs::copy(from, to)?;
    let mut command = Command::new("dcmodify");
    command.args(["--no-backup", "--erase", "(0010,0010)"]).arg(to);
    command.status()?.success().then_some(()).ok_or_else(|| "`dcmodify` failed".into())
}

fn argument(name: &str, file: &Path) -> std::ffi::OsString {
    let mut argument = std::ffi::OsString::from(name);
    argument.push(file);
    argument
}

fn runs_here(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok()
}

fn time(times: &mut Vec<Duration>, run: impl FnOnce() -> Outcome<()>) -> Outcome<()> {
    let began = Instant::now();
    run()?;
    times.push(began.elapsed());
    Ok(())
}

/// The median, in MB/s.
fn speed(bytes: u64, mut times: Vec<Duration>) -> String {
    times.sort();
    let Some(median) = times.get(times.len() / 2) else { return "–".to_owned() };
    format!("{:.0}", bytes as f64 / 1e6 / median.as_secs_f64())
}

/// The most memory that this process ever took.
fn memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().to_owned())
}
