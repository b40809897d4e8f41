//! Images and studies through the binary to the image bank's stand-in: delivered, failed in part, dropped, refused at intake; nothing
//! that must stay is anywhere. [`orthanc`] has the same against a real archive.

mod orthanc;

use std::sync::atomic::{AtomicU64, Ordering};

use end_to_end::{Answer, EhrClient, TestGateway, answer};
use gateway::playground::samples::{Image, TO_IMAGE_BANK};
use gateway::playground::{Choices, WORKER, image_bank_stand_in};
use http::Method;
use image_bank_stand_in::{Fault, FaultPlan};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::BINARY;
use crate::markers::is_silent;

/// The declaration for a purpose of the image bank.
fn declaration(purpose: &str) -> Value {
    let mut declaration: Value = serde_json::from_str(TO_IMAGE_BANK).unwrap();
    declaration["purpose"] = json!(purpose);
    declaration
}

/// The same, by somebody who has looked at the pixels.
fn released(purpose: &str) -> Value {
    let mut declaration = declaration(purpose);
    declaration["evidence"] = json!([{ "kind": "release", "ref": "2026-17" }]);
    declaration
}

/// Posts a transfer and waits a while for its end.
async fn send(ehr: &EhrClient, declaration: &Value, files: &[Vec<u8>]) -> Answer {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let declared = Part::text(declaration.to_string()).mime_str("application/json").unwrap();
    let form = files.iter().fold(Form::new().part("declaration", declared), |form, file| {
        form.part("document", Part::bytes(file.clone()).mime_str("application/dicom").unwrap())
    });
    let request = ehr
        .request(Method::POST, "/v1/transfers")
        .header("idempotency-key", format!("image-{}", NEXT.fetch_add(1, Ordering::Relaxed)))
        .header("prefer", "wait=10");
    answer(request.multipart(form)).await
}

fn study(numbers: std::ops::RangeInclusive<u32>) -> Vec<Vec<u8>> {
    numbers.map(|number| Image::of_worker(number).file()).collect()
}

/// The value of the pixels of an explicit little-endian file, where they come last.
fn pixels(file: &[u8]) -> &[u8] {
    let tag = [0xe0, 0x7f, 0x10, 0x00, b'O', b'W', 0, 0];
    let at = file.windows(tag.len()).position(|window| window == tag).unwrap() + tag.len();
    let length = u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    &file[at + 4..][..length]
}

/// How many instances each request to store carried.
fn carried(gateway: &TestGateway) -> Vec<usize> {
    let instances = |body: &[u8]| body.windows(4).filter(|window| window == b"DICM").count();
    gateway.playground.image_bank.received().iter().map(|request| instances(&request.body)).collect()
}

#[tokio::test]
async fn an_image_and_a_study_are_delivered_in_batches_with_their_pixels_as_they_were() {
    let choices = Choices { image_bank_batch: Some(2), ..Choices::default() };
    let gateway = TestGateway::with(BINARY, choices).await;
    let ehr = gateway.ehr();
    let (one, many) = (study(1..=1), study(2..=6));
    for (purpose, files) in [("image", &one), ("study", &many)] {
        let delivered = send(&ehr, &declaration(purpose), files).await;
        let state = ehr.ended(delivered.transfer()).await;
        assert_eq!(state["state"], "delivered", "{state}");
    }
    assert_eq!(carried(&gateway), [1, 2, 2, 1]);
    let stored = gateway.playground.image_bank.instances();
    assert_eq!(stored.len(), 6);
    for (stored, sent) in stored.iter().zip(one.iter().chain(&many)) {
        assert_eq!(stored.patient, WORKER.code);
        assert_eq!(pixels(&stored.file), pixels(sent));
    }
    gateway.rests().await;
}

#[tokio::test]
async fn of_a_study_only_the_instance_that_failed_is_sent_again() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.playground.image_bank.told(FaultPlan::none().once(Fault::Item(2, "a700".into())));
    let accepted = send(&gateway.ehr(), &declaration("study"), &study(1..=3)).await;
    assert_eq!(gateway.ehr().ended(accepted.transfer()).await["state"], "delivered", "{}", accepted.body);
    assert_eq!(carried(&gateway), [3, 1]);
    assert_eq!(gateway.playground.image_bank.instances().len(), 3);
    gateway.rests().await;
}

#[tokio::test]
async fn an_instance_that_fails_for_good_is_refused_by_its_part_and_code_and_the_others_are_stored() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let refuse = |item| Fault::Item(item, "0122".into());
    gateway.playground.image_bank.told(FaultPlan::none().once(refuse(2)).once(refuse(1)));
    let accepted = send(&gateway.ehr(), &declaration("study"), &study(1..=3)).await;
    let ended = gateway.ehr().ended(accepted.transfer()).await;
    assert_eq!(
        (&ended["state"], &ended["code"]),
        (&json!("refused-by-destination"), &json!("partly-delivered"))
    );
    let errors = ended["errors"].as_array().unwrap();
    assert_eq!((errors.len(), &errors[0]["pointer"]), (1, &json!("document[2]")), "{ended}");
    assert!(errors[0]["detail"].as_str().unwrap().ends_with("(reason 0122)"), "{ended}");
    assert_eq!(carried(&gateway), [3, 1], "once with the others, once alone");
    assert_eq!(gateway.playground.image_bank.instances().len(), 2);
    gateway.rests().await;
}

#[tokio::test]
async fn a_study_whose_answer_was_lost_is_there_once() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.playground.image_bank.told(FaultPlan::none().once(Fault::DropAfter));
    let accepted = send(&gateway.ehr(), &declaration("study"), &study(1..=2)).await;
    assert_eq!(gateway.ehr().ended(accepted.transfer()).await["state"], "delivered");
    assert_eq!(carried(&gateway), [2, 2], "sent again under the same UIDs");
    assert_eq!(gateway.playground.image_bank.instances().len(), 2);
    gateway.rests().await;
}

#[tokio::test]
async fn a_bank_that_fails_in_every_other_way_gets_it_in_the_end() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let plan = FaultPlan::none()
        .once(Fault::DropBefore)
        .once(Fault::Garbage)
        .once(Fault::ErrorInside200)
        .once(Fault::RateLimit)
        .once(Fault::Status(503, None));
    gateway.playground.image_bank.told(plan);
    let accepted = send(&gateway.ehr(), &declaration("image"), &study(1..=1)).await;
    assert_eq!(gateway.ehr().ended(accepted.transfer()).await["state"], "delivered");
    assert_eq!(gateway.playground.image_bank.instances().len(), 1);
    gateway.rests().await;
}

#[tokio::test]
async fn another_persons_image_is_refused_and_text_in_pixels_too_unless_somebody_has_looked() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    let other = Image::of_worker(2).with(0x0010_0020, "LO", b"38507140418").file();
    let refused = send(&ehr, &declaration("study"), &[Image::of_worker(1).file(), other]).await;
    assert_eq!((refused.status, refused.text("/rule")), (422, "wrong-patient"), "{}", refused.body);
    assert!(refused.text("/errors/0/pointer").starts_with("document[2]"));
    assert!(!refused.body.to_string().contains("38507140418"));

    let burned = [Image::of_worker(3).with(0x0028_0301, "CS", b"YES").file()];
    let refused = send(&ehr, &declaration("image"), &burned).await;
    assert_eq!((refused.status, refused.text("/rule")), (422, "burned-in-text"), "{}", refused.body);
    assert!(gateway.playground.image_bank.received().is_empty());
    let delivered = send(&ehr, &released("image"), &burned).await;
    assert_eq!((delivered.status, delivered.text("/state")), (200, "delivered"), "{}", delivered.body);
    gateway.rests().await;
}

/// Texts of every kind: whether each may leave, by its tag.
const TEXTS: [(u32, &str, bool); 22] = [
    (0x0008_0050, "SH", true),
    (0x0008_0080, "LO", true),
    (0x0008_0081, "ST", false),
    (0x0008_0090, "PN", true),
    (0x0008_0092, "ST", false),
    (0x0008_1030, "LO", true),
    (0x0008_1070, "PN", false),
    (0x0008_4000, "LT", false),
    (0x0010_0010, "PN", true),
    (0x0010_1001, "PN", false),
    (0x0010_1040, "LO", false),
    (0x0010_1050, "LO", false),
    (0x0010_2154, "SH", false),
    (0x0010_2180, "SH", false),
    (0x0010_21b0, "LT", false),
    (0x0010_21f0, "LO", false),
    (0x0010_4000, "LT", false),
    (0x0011_0010, "LO", false),
    (0x0020_4000, "LT", false),
    (0x0032_4000, "LT", false),
    (0x0038_4000, "LT", false),
    (0x0040_1400, "LT", false),
];

#[tokio::test]
async fn of_a_stuffed_image_only_what_the_profile_names_arrives_and_nothing_else_is_anywhere() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let marker = |tag: u32| format!("MaRkEr{tag:08X}");
    let image = TEXTS
        .iter()
        .fold(Image::of_worker(1), |image, (tag, vr, _)| image.with(*tag, vr, marker(*tag).as_bytes()));
    let delivered = send(&gateway.ehr(), &declaration("image"), &[image.file()]).await;
    assert_eq!(delivered.text("/state"), "delivered", "{}", delivered.body);

    let file = gateway.playground.image_bank.instances().remove(0).file;
    for (tag, _, may_leave) in TEXTS {
        let text = marker(tag);
        let is_there = file.windows(text.len()).any(|window| window == text.as_bytes());
        assert_eq!(is_there, may_leave, "{tag:08X}");
    }
    let markers: Vec<_> = TEXTS.iter().map(|(tag, ..)| (marker(*tag), format!("{tag:08X}"))).collect();
    let said = format!("{}{}{}", delivered.body, gateway.log(), gateway.ask_admin("/metrics").await.1);
    is_silent("said", said.as_bytes(), &markers);
    let mut kept = Vec::new();
    crate::markers::files(&gateway.data(), &mut kept);
    is_silent("kept", &kept, &markers);
    gateway.rests().await;
}

/// A published file about the worker; nothing when there are none. It is explicit and little-endian.
fn published(name: &str) -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("CLEARANCE_SAMPLES") else {
        eprintln!("skipped: CLEARANCE_SAMPLES is not set");
        return None;
    };
    let file = std::fs::read(std::path::Path::new(&folder).join("dicom").join(name)).unwrap();
    let at = file.windows(6).position(|window| window == b"\x10\0\x20\0LO").unwrap();
    let end = at + 8 + usize::from(u16::from_le_bytes([file[at + 6], file[at + 7]]));
    let own = [&file[at..at + 6], &[12, 0], WORKER.code.as_bytes(), b" "].concat();
    Some([&file[..at], &own, &file[end..]].concat())
}

/// The published files, each with the purpose it is for and whether it has pixels.
const PUBLISHED: [(&str, &str, bool); 3] =
    [("CT_small.dcm", "image", true), ("MR_small.dcm", "image", true), ("reportsi.dcm", "report", false)];

#[tokio::test]
async fn published_files_go_through_with_their_pixels_as_they_were() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    for (name, purpose, has_pixels) in PUBLISHED {
        let Some(file) = published(name) else { return };
        let delivered = send(&gateway.ehr(), &released(purpose), std::slice::from_ref(&file)).await;
        assert_eq!(delivered.text("/state"), "delivered", "{name}: {}", delivered.body);
        if has_pixels {
            let stored = gateway.playground.image_bank.instances().pop().unwrap();
            assert_eq!(pixels(&stored.file), pixels(&file), "{name}");
        }
    }
    gateway.rests().await;
}
