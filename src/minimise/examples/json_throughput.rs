//! How fast FHIR as JSON is minimised, beside a raw token pass over the same bytes: `cargo run --release -p minimise --example
//! json_throughput [ROUNDS]`. Medians of interleaved rounds on one core, in MB/s of input.

#![expect(clippy::print_stdout, reason = "it prints a table")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement may stop when something is amiss"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use minimise::person::{ESTONIAN_PERSONAL_CODE, Identifier, Private};
use minimise::{Declared, Limits, Profile, Projector, project};

const PROFILE: &str = include_str!("health-certificate.toml");

fn main() {
    let rounds: usize = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(15);
    println!(
        "{:>10} {:>9} {:>9} {:>9} {:>9} {:>7} {:>6}",
        "bytes", "tokens", "serde", "project", "streamed", "of raw", "kept"
    );
    for size in [4 << 10, 50 << 10, 1 << 20, 20 << 20] {
        measure(&document(size), rounds);
    }
}

fn measure(document: &str, rounds: usize) {
    let profile = Profile::parse("bench", PROFILE).expect("the profile is sound");
    let subject =
        Identifier { system: ESTONIAN_PERSONAL_CODE.to_owned(), value: Private::new("60001017869") };
    let limits = Limits { document_bytes_max: 1 << 30, members_max: 1 << 30, ..Limits::default() };
    let declared = Declared {
        subject: &subject,
        recipient: None,
        evidence: BTreeSet::new(),
        others: Vec::new(),
        limits,
    };
    let repeat = (8_usize << 20).div_ceil(document.len()).min(2000);
    let mut kept = 0;
    let mut times: [Vec<f64>; 4] = Default::default();
    let mut out = Vec::new();
    if std::env::args().nth(2).is_some() {
        for _ in 0..rounds * repeat {
            black_box(project(&profile, &declared, document.as_bytes()).expect("it may leave"));
        }
        return;
    }
    for _ in 0..rounds {
        let mut time = |place: usize, act: &mut dyn FnMut()| {
            let from = Instant::now();
            (0..repeat).for_each(|_| act());
            times[place].push(from.elapsed().as_secs_f64() / repeat as f64);
        };
        time(0, &mut || {
            black_box(tokens(document.as_bytes()));
        });
        time(1, &mut || {
            let value: serde_json::Value = serde_json::from_str(document).expect("it is JSON");
            black_box(value.to_string().len());
        });
        time(2, &mut || {
            let projection = project(&profile, &declared, document.as_bytes()).expect("it may leave");
            kept = projection.document.len();
        });
        time(3, &mut || {
            let mut projector = Projector::new(&profile, &declared);
            out.clear();
            for piece in document.as_bytes().chunks(64 << 10) {
                projector.feed(piece, &mut out).expect("it may leave");
            }
            projector.end(&mut out).expect("it may leave");
        });
    }
    let rates = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        document.len() as f64 / 1e6 / times[times.len() / 2]
    });
    let [raw, serde, project, streamed] = rates;
    println!(
        "{:>10} {raw:>9.0} {serde:>9.0} {project:>9.0} {streamed:>9.0} {:>7.2} {:>5} %",
        document.len(),
        project / raw,
        kept * 100 / document.len()
    );
}

/// The least that reading JSON can be: where strings end, and how many tokens there are. It checks nothing.
fn tokens(bytes: &[u8]) -> usize {
    let mut count = 0;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => loop {
                let Some(end) = memchr::memchr2(b'"', b'\\', &bytes[at..]) else { return count };
                at += end + 1;
                if bytes[at - 1] == b'"' {
                    count += 1;
                    break;
                }
                at += 1;
            },
            b'{' | b'}' | b'[' | b']' | b':' | b',' => count += 1,
            _ => {}
        }
    }
    count
}

/// A health certificate with as many sections as it takes, of which about 40 % may leave.
fn document(bytes: usize) -> String {
    let mut text = String::from(concat!(
        r#"{"resourceType":"Composition","identifier":[{"system":"https://fhir.ee/hcert/health-certificate-number","value":"HCERT-1"}],"#,
        r#""status":"final","type":{"coding":[{"system":"http://snomed.info/sct","code":"772786005","display":"Medical certificate"}]},"#,
        r#""subject":[{"identifier":{"system":"https://fhir.ee/sid/pid/est/ni","value":"60001017869"}}],"#,
        r#""date":"2026-11-22T10:00:00+02:00","title":"Tervisetõend","section":["#,
    ));
    let mut count = 0;
    while text.len() + 600 < bytes || count == 0 {
        if count > 0 {
            text.push(',');
        }
        write!(
            text,
            concat!(
                r#"{{"title":"Piirangud {}","code":{{"coding":[{{"system":"https://fhir.ee/CodeSystem/tervisetoendi-sektsioon","code":"medical-restrictions","display":"Meditsiinilised piirangud"}}]}},"#,
                r#""text":{{"status":"additional","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Vaba tekst, mida ei saadeta kunagi, sest profiil seda ei nimeta</div>"}},"#,
                r#""entry":[{{"reference":"Observation/o{}","type":"Observation","display":"Piirang"}}],"#,
                r#""extension":[{{"url":"https://fhir.ee/StructureDefinition/period","valuePeriod":{{"start":"2026-11-22","end":"2028-11-22"}}}}]}}"#
            ),
            count, count
        )
        .expect("writing to a string");
        count += 1;
    }
    text.push_str("]}");
    text
}
