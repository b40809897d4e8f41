//! How fast XML is read strictly, beside what reading costs at least: MB/s on one core, medians of interleaved runs.
//!
//! `cargo run --release -p minimise --example xml_throughput`
//!
//! (a) is the bare event loop of `quick-xml`, which finds tokens and checks next to nothing; (b) is `quick-xml` made to
//! look at attributes and resolve namespaces; (c) is `minimise::xml::Reader`, which checks everything, fed in chunks of
//! 64 KiB; (d) is (c) with every event written again by `minimise::xml::Writer`.
#![expect(clippy::print_stdout, reason = "its output is a table")]

use std::hint::black_box;
use std::time::Instant;

use minimise::xml::{Event, Limits, Reader, Step, Writer};
use quick_xml::events::Event as QuickEvent;

const CHUNK_BYTES: usize = 64 << 10;
/// Bytes read per measurement, so that clocks and caches settle.
const MEASURED_BYTES: usize = 24 << 20;
const ROUNDS: usize = 9;

type Contender = (&'static str, fn(&str) -> usize);

const CONTENDERS: [Contender; 4] = [
    ("(a) quick-xml, bare", quick_bare),
    ("(b) quick-xml, attributes and namespaces", quick_namespaces),
    ("(c) strict reader", strict),
    ("(d) strict reader and writer", rewritten),
];

fn main() {
    let sizes = [50 << 10, 1 << 20, 20 << 20];
    println!("{:42}{:>10}{:>10}{:>10}", "MB/s", "50 KiB", "1 MiB", "20 MiB");
    let medians = sizes.map(|bytes| medians(&document(bytes)));
    for (index, (name, _)) in CONTENDERS.iter().enumerate() {
        let figures = medians.iter().map(|of_size| of_size.get(index).copied().unwrap_or_default());
        let figures: String = figures.map(|figure| format!("{figure:>10.0}")).collect();
        println!("{name:42}{figures}");
    }
}

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
    document.push_str("\t\t</structuredBody>\n\t</component>\n</ClinicalDocument>\n");
    document
}

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:sdtc="urn:hl7-org:sdtc">
	<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
	<code code="18842-5" codeSystem="2.16.840.1.113883.6.1" codeSystemName="LOINC" displayName="Epikriis"/>
	<title>Väljavõte</title>
	<component>
		<structuredBody>
"#;

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
