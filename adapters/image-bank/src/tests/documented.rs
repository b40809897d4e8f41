//! The page for integrators says what is so.

use clearance::adapter::Outcome;
use serde_json::Value;

use crate::reason::Reason;
use crate::stored::Stored;
use crate::testing::{CT, Stage, answer, attempt, declaration, dicom, journey, shape};

const PAGE: &str = include_str!("../../docs/transfers.md");

/// The blocks of this language.
fn blocks(language: &str) -> Vec<&'static str> {
    PAGE.split("\n```").filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).collect()
}

#[tokio::test]
async fn the_example_of_the_page_is_accepted_and_goes_out_as_it_shows() {
    let [declared, stored, _] = blocks("json")[..] else { panic!("the examples in JSON are not three") };
    let declared: Value = serde_json::from_str(declared).unwrap();
    assert_eq!(declared, declaration("study"));
    let files = ["1.1", "1.2"].map(|uid| dicom(CT, uid));
    let journey = journey(100);
    let outgoing = shape(&journey, &declared, &files).unwrap();
    let stage = Stage::answering([answer(200, &["1.1", "1.2"], &[])]);
    let cleared = journey.clear(outgoing, false, None, &stage.means()).await.unwrap();
    assert!(matches!(journey.adapter().deliver(cleared, &stage.means()).await, Outcome::Delivered(_)));

    let (call, body) = stage.calls().remove(0);
    let boundary = String::from_utf8(body[2..34].to_vec()).unwrap();
    let mut sent = format!("{} /dicom-web/studies HTTP/1.1\n", call.method);
    for name in ["accept", "content-type"] {
        sent += &format!("{name}: {}\n", call.headers[name].to_str().unwrap());
    }
    let begin = format!("--{boundary}\r\nContent-Type: application/dicom\r\n\r\n");
    let count = body.windows(begin.len()).filter(|bytes| *bytes == begin.as_bytes()).count();
    let parts = format!("{begin}INSTANCE\r\n").repeat(count).replace("\r\n", "\n");
    sent += &format!("\n{parts}--{boundary}--");
    assert_eq!(sent, blocks("http")[0].replace("BOUNDARY", &boundary));
    assert!(Stored::read(stored.as_bytes()).unwrap().says_something());
}

#[tokio::test]
async fn the_refusal_of_the_page_is_what_comes_back() {
    let shown: Value = serde_json::from_str(blocks("json")[2]).unwrap();
    let refusal = answer(409, &[], &[("1.1", 0x0122)]);
    let (outcome, _) = attempt(&journey(1), &[dicom(CT, "1.1")], false, refusal).await;
    let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
    assert_eq!(shown["code"], refusal.code);
    let fault = &refusal.faults[0];
    let said = [&*fault.rule, &fault.pointer, &fault.detail, &fault.remedy];
    let error = &shown["errors"][0];
    assert_eq!(["rule", "pointer", "detail", "remedy"].map(|name| error[name].as_str().unwrap()), said);
}

#[test]
fn every_reason_of_the_page_is_told_apart_as_it_says() {
    let rows: Vec<_> =
        PAGE.lines().filter(|line| line.contains("| yes |") || line.contains("| no |")).collect();
    assert_eq!(rows.len(), 9);
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let codes = cells[1].split(", ").filter_map(|code| {
            u16::from_str_radix(code.trim_matches('`').get(..4)?.replace('x', "0").as_str(), 16).ok()
        });
        for code in codes {
            let reason = Reason::of(code);
            assert_eq!((reason.is_transient, reason.detail), (cells[3] == "yes", cells[2]), "{code:04x}");
        }
    }
}
