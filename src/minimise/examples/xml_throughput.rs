//! How fast XML is read strictly, beside what reading costs at least: MB/s on one core, medians of interleaved runs.
//!
//! `cargo run --release -p minimise --example xml_throughput`
//!
//! (a) is the bare event loop of `quick-xml`, which finds tokens and checks next to nothing; (b) is `quick-xml` made to
//! look at attributes and resolve namespaces; (c) is `minimise::xml::Reader`, which checks everything, fed in chunks of
//! 64 KiB; (d) is (c) with every event written again by `minimise::xml::Writer`; (e) is the whole projection of a summary
//! through `examples/cda_summary.toml`, guards, manifest and the check of the output included. Where `xsltproc` is installed,
//! it is given the same document and a style sheet that copies it, for comparison.
//!
//! `cargo run --release -p minimise --example xml_throughput -- stream` projects 1 GiB as it comes in, and prints the most
//! memory that took.
#![expect(clippy::print_stdout, reason = "its output is a table")]

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::OnceLock;
use std::time::Instant;

use minimise::person::{ESTONIAN_PERSONAL_CODE, Identifier, Private};
use minimise::xml::{Event, Limits, Reader, Step, Writer};
use minimise::{Declared, Profile, Projector, project};
use quick_xml::events::Event as QuickEvent;

const CHUNK_BYTES: usize = 64 << 10;
/// Bytes read per measurement, so that clocks and caches settle.
const MEASURED_BYTES: usize = 24 << 20;
const ROUNDS: usize = 9;

type Contender = (&'static str, fn(&str) -> usize);

const CONTENDERS: [Contender; 5] = [
    ("(a) quick-xml, bare", quick_bare),
    ("(b) quick-xml, attributes and namespaces", quick_namespaces),
    ("(c) strict reader", strict),
    ("(d) strict reader and writer", rewritten),
    ("(e) projection", projected),
];

fn main() {
    if std::env::args().nth(1).as_deref() == Some("stream") {
        return stream();
    }
    let sizes = [50 << 10, 1 << 20, 20 << 20];
    println!("{:42}{:>10}{:>10}{:>10}", "MB/s", "50 KiB", "1 MiB", "20 MiB");
    let medians = sizes.map(|bytes| medians(&document(bytes)));
    for (index, (name, _)) in CONTENDERS.iter().enumerate() {
        let figures = medians.iter().map(|of_size| of_size.get(index).copied().unwrap_or_default());
        let figures: String = figures.map(|figure| format!("{figure:>10.0}")).collect();
        println!("{name:42}{figures}");
    }
    let figures = sizes.map(|bytes| xsltproc(&document(bytes)));
    if figures.iter().all(Option::is_some) {
        let figures: String = figures.iter().flatten().map(|figure| format!("{figure:>10.0}")).collect();
        println!("{:42}{figures}", "xsltproc, copying, start of process included");
    }
    let document = document(1 << 20);
    let kept = projected(&document);
    println!("the projection keeps {} % of the bytes", 100 * kept / document.len());
}

/// MB/s of `xsltproc` with a style sheet that copies every node, if it is installed.
fn xsltproc(document: &str) -> Option<f64> {
    let folder = std::env::temp_dir().join(format!("xml-throughput-{}", std::process::id()));
    std::fs::create_dir_all(&folder).ok()?;
    let (input, sheet) = (folder.join("document.xml"), folder.join("copy.xsl"));
    std::fs::write(&input, document).ok()?;
    std::fs::write(&sheet, COPY).ok()?;
    let mut runs = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let mut command = std::process::Command::new("xsltproc");
        let output = command.arg("--novalid").arg(&sheet).arg(&input).stdout(std::process::Stdio::null());
        if !output.status().ok()?.success() {
            return None;
        }
        runs.push(document.len() as f64 / begun.elapsed().as_secs_f64() / 1e6);
    }
    std::fs::remove_dir_all(&folder).ok()?;
    runs.sort_by(f64::total_cmp);
    runs.get(ROUNDS / 2).copied()
}

const COPY: &str = r#"<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:template match="@*|node()"><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:template>
</xsl:stylesheet>"#;

/// Projects 1 GiB as it comes in.
fn stream() {
    let (head, sections) = (HEAD.to_owned(), document(8 << 20));
    let body = sections.strip_prefix(HEAD).and_then(|rest| rest.strip_suffix(TAIL)).unwrap_or_default();
    let before = peak_kib();
    let begun = Instant::now();
    let (mut read, mut written) = (0, 0);
    let (profile, subject) = (profile(), subject());
    let declared = declared(&subject);
    let mut projector = Projector::new(&profile, &declared);
    let mut out = Vec::new();
    let parts = std::iter::once(head.as_str()).chain(std::iter::repeat_n(body, 128)).chain([TAIL]);
    for chunk in parts.flat_map(|part| part.as_bytes().chunks(CHUNK_BYTES)) {
        if let Err(faults) = projector.feed(chunk, &mut out) {
            println!("{faults:?}");
            return;
        }
        read += chunk.len();
        written += out.len();
        out.clear();
    }
    let ended = projector.end(&mut out);
    println!(
        "{read} bytes read, {written} written, {:.0} MB/s",
        read as f64 / begun.elapsed().as_secs_f64() / 1e6
    );
    println!("it {}", if ended.is_ok() { "may leave" } else { "may not leave" });
    println!("at most {} KiB of memory above the {before} KiB before", peak_kib().saturating_sub(before));
}

/// The most memory that the process has held, where the system tells.
fn peak_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

fn profile() -> Profile {
    let toml = include_str!("cda_summary.toml");
    Profile::parse("cda_summary", toml).unwrap_or_else(|faults| {
        faults.iter().for_each(|fault| println!("{fault}"));
        std::process::exit(1)
    })
}

fn subject() -> Identifier {
    Identifier { system: ESTONIAN_PERSONAL_CODE.to_owned(), value: Private::new("60001017869") }
}

fn declared(subject: &Identifier) -> Declared<'_> {
    let limits =
        minimise::Limits { document_bytes_max: 2 << 30, members_max: 1 << 30, ..minimise::Limits::default() };
    Declared { subject, recipient: None, evidence: BTreeSet::new(), others: vec!["D00000"], limits }
}

fn projected(document: &str) -> usize {
    let (profile, subject) = (PROFILE.get_or_init(profile), subject());
    match project(profile, &declared(&subject), document.as_bytes()) {
        Ok(projection) => black_box(projection.document).len(),
        Err(faults) => {
            println!("{faults:#?}");
            0
        }
    }
}

static PROFILE: OnceLock<Profile> = OnceLock::new();

fn medians(document: &str) -> Vec<f64> {
    let repeats = MEASURED_BYTES.div_ceil(document.len());
    let mut runs = vec![Vec::with_capacity(ROUNDS); CONTENDERS.len()];
    for _ in 0..ROUNDS {
        for ((_, read), runs) in CONTENDERS.iter().zip(&mut runs) {
            let begun = Instant::now();
            for _ in 0..repeats {
                black_box(read(black_box(document)));
            }
            runs.push((document.len() * repeats) as f64 / begun.elapsed().as_secs_f64() / 1e6);
        }
    }
    runs.iter_mut()
        .map(|runs| {
            runs.sort_by(f64::total_cmp);
            runs.get(ROUNDS / 2).copied().unwrap_or_default()
        })
        .collect()
}

fn quick_bare(document: &str) -> usize {
    let mut reader = quick_xml::Reader::from_str(document);
    let mut events = 0;
    loop {
        match reader.read_event() {
            Ok(QuickEvent::Eof) | Err(_) => return events,
            Ok(event) => {
                black_box(&event);
                events += 1;
            }
        }
    }
}

fn quick_namespaces(document: &str) -> usize {
    let mut reader = quick_xml::NsReader::from_str(document);
    let mut seen = 0;
    loop {
        match reader.read_event() {
            Ok(QuickEvent::Eof) | Err(_) => return seen,
            Ok(QuickEvent::Start(start) | QuickEvent::Empty(start)) => {
                black_box(reader.resolver().resolve_element(start.name()));
                for attribute in start.attributes() {
                    let Ok(attribute) = attribute else { return seen };
                    black_box(reader.resolver().resolve_attribute(attribute.key));
                    black_box(&attribute.value);
                    seen += 1;
                }
            }
            Ok(event) => {
                black_box(&event);
                seen += 1;
            }
        }
    }
}

fn strict(document: &str) -> usize {
    let mut reader = Reader::new(&Limits::default());
    let mut chunks = document.as_bytes().chunks(CHUNK_BYTES);
    let mut seen = 0;
    loop {
        match reader.next() {
            Ok(Step::Event(Event::Start(start))) => {
                black_box(start.name());
                for attribute in start.attributes() {
                    black_box(attribute);
                    seen += 1;
                }
            }
            Ok(Step::Event(event)) => {
                black_box(event);
                seen += 1;
            }
            Ok(Step::More) => match chunks.next() {
                Some(chunk) => reader.feed(chunk),
                None => reader.end(),
            },
            Ok(Step::Done) | Err(_) => return seen,
        }
    }
}

fn rewritten(document: &str) -> usize {
    let mut reader = Reader::new(&Limits::default());
    let mut writer = Writer::new();
    let mut chunks = document.as_bytes().chunks(CHUNK_BYTES);
    let mut written = 0;
    loop {
        match reader.next() {
            Ok(Step::Event(Event::Start(start))) => {
                writer.start(start.name());
                for attribute in start.attributes() {
                    writer.attribute(attribute.name, attribute.value);
                }
            }
            Ok(Step::Event(Event::End)) => writer.end(),
            Ok(Step::Event(Event::Text(text))) => writer.text(text),
            Ok(Step::Event(_)) => {}
            Ok(Step::More) => {
                written += black_box(writer.written()).len();
                writer.forget();
                match chunks.next() {
                    Some(chunk) => reader.feed(chunk),
                    None => reader.end(),
                }
            }
            Ok(Step::Done) | Err(_) => return written,
        }
    }
}

/// A made-up document in the shape of a CDA document: sections with narrative and coded entries.
fn document(bytes: usize) -> String {
    let mut document = String::with_capacity(bytes + SECTION.len());
    document.push_str(HEAD);
    let mut number = 0;
    while document.len() < bytes {
        number += 1;
        document.push_str(&SECTION.replace("{n}", &number.to_string()));
    }
    document.push_str(TAIL);
    document
}

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:sdtc="urn:hl7-org:sdtc">
	<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
	<code code="18842-5" codeSystem="2.16.840.1.113883.6.1" codeSystemName="LOINC" displayName="Epikriis"/>
	<title>Väljavõte</title>
	<recordTarget><patientRole><id root="1.3.6.1.4.1.28284.6.2.2.1" extension="60001017869"/></patientRole></recordTarget>
	<component>
		<structuredBody>
"#;

const TAIL: &str = "\t\t</structuredBody>\n\t</component>\n</ClinicalDocument>\n";

const SECTION: &str = r##"			<component>
				<section>
					<templateId root="2.16.840.1.113883.10.20.22.2.5.1" extension="2014-06-09"/>
					<id root="1.3.6.1.4.1.28284.1.{n}" extension="{n}"/>
					<code code="11450-4" codeSystem="2.16.840.1.113883.6.1" codeSystemName="LOINC" displayName="Probleemid"/>
					<title>Diagnoosid ja seisund {n}</title>
					<text>
						<table border="1" width="100%">
							<thead><tr><th>Diagnoos</th><th>Kuupäev</th><th>Märkus</th></tr></thead>
							<tbody>
								<tr>
									<td><content ID="problem{n}">Kõrgvererõhktõbi südame kahjustusega</content></td>
									<td>12.03.2024</td>
									<td>Patsient on jälgimisel; vererõhk on ravi foonil normis &lt; 140/90 mmHg, kaebusi ei ole.
									Soovitatud jätkata sama raviskeemiga ja tulla kontrolli kolme kuu pärast.</td>
								</tr>
							</tbody>
						</table>
						<paragraph>Objektiivne leid on eakohane, kopsud on auskultatsioonil puhtad, südame toonid on regulaarsed.</paragraph>
					</text>
					<entry typeCode="DRIV">
						<act classCode="ACT" moodCode="EVN">
							<!-- seisund -->
							<templateId root="2.16.840.1.113883.10.20.22.4.3"/>
							<id root="ec8a6ff8-ed4b-4f7e-82c3-e98e58b45de7"/>
							<code code="CONC" codeSystem="2.16.840.1.113883.5.6"/>
							<statusCode code="completed"/>
							<effectiveTime><low value="20240312"/><high nullFlavor="UNK"/></effectiveTime>
							<entryRelationship typeCode="SUBJ" inversionInd="false">
								<observation classCode="OBS" moodCode="EVN">
									<templateId root="2.16.840.1.113883.10.20.22.4.4" extension="2015-08-01"/>
									<id root="ab1791b0-5c71-11db-b0de-0800200c9a66" extension="{n}"/>
									<code code="29308-4" codeSystem="2.16.840.1.113883.6.1" displayName="Diagnosis"/>
									<text><reference value="#problem{n}"/></text>
									<statusCode code="completed"/>
									<value xsi:type="CD" code="I11.9" codeSystem="1.3.6.1.4.1.28284.6.2.1.13" displayName="Hüpertooniatõbi südamekahjustusega"/>
									<value xsi:type="PQ" value="138" unit="mm[Hg]"/>
									<author><time value="20240312101500+0200"/><assignedAuthor><id root="1.3.6.1.4.1.28284.6.2.4.9" extension="D00000"/></assignedAuthor></author>
								</observation>
							</entryRelationship>
						</act>
					</entry>
				</section>
			</component>
"##;
