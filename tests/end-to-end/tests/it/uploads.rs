//! Documents that stream through: large ones in constant memory, several as one, and nothing left of what did not come to
//! an end.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use clearance::clock::{Clock, SystemClock};
use end_to_end::{Answer, EhrClient, TestGateway, answer, eventually};
use http::Method;
use identity::example::{ExampleClient, ExamplePki};
use serde_json::{Value, json};

use crate::BINARY;
use crate::limits::Trickle;

const SUBJECT: &str = "49003120231";
const MIB: u64 = 1 << 20;

/// A gateway with a shelf for images, which is away until its folder is made.
struct WithShelf {
    gateway: TestGateway,
    shelf: PathBuf,
}

impl WithShelf {
    async fn new(more: &str) -> Self {
        let mut gateway = TestGateway::with_stand_ins(BINARY).await;
        let shelf = gateway.folder().join("shelf");
        let settings = gateway.playground.settings();
        let text = std::fs::read_to_string(&settings).unwrap();
        let text = text.replace(r#"["employer", "#, r#"["employer", "shelf", "#);
        let into = shelf.join("taken").display().to_string();
        let destination = format!(
            "\n[destinations.shelf]\nadapter = \"shelf\"\ninto = \"{into}\"\nbytes_max = 4294967296\n\
             [process]\nsandbox = \"off\"  # no destination but this one writes files\n"
        );
        std::fs::write(&settings, format!("{text}{destination}{more}")).unwrap();
        gateway.restart();
        Self { gateway, shelf }
    }

    fn opens(&self) {
        std::fs::create_dir(&self.shelf).unwrap();
    }

    /// What the shelf has taken: number, length and digest of each document.
    fn taken(&self) -> Vec<(u32, u64, String)> {
        let text = std::fs::read_to_string(self.shelf.join("taken")).unwrap_or_default();
        let lines = text.lines().map(|line| {
            let mut words = line.split(' ');
            let mut next = || words.next().unwrap();
            (next().parse().unwrap(), next().parse().unwrap(), next().to_owned())
        });
        lines.collect()
    }

    fn spool(&self) -> PathBuf {
        self.gateway.data().join("spool")
    }

    fn spooled(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.spool()).unwrap().map(|file| file.unwrap().path()).collect()
    }

    /// The memory that the gateway has had at most, in MiB.
    fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.gateway.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }
}

fn declaration() -> Value {
    json!({
        "destination": "shelf", "purpose": "images",
        "legal_basis": { "gdpr6": "6(1)(c)", "gdpr9": "9(2)(h)", "act": "TTKS", "section": "59²" },
        "subject": { "system": "https://fhir.ee/sid/pid/est/ni", "value": SUBJECT, "given": "Mari", "family": "Maasikas" },
        "professional": { "code": "D01234", "personal_code": "47605090025", "role": "doctor" },
        "reason": "pildid riiulile"
    })
}

/// An element whose length has 16 bits, in explicit little endian.
fn short(tag: [u8; 4], vr: &[u8; 2], value: &str) -> Vec<u8> {
    let pad = if vr == b"UI" { "\0" } else { " " };
    let value = if value.len().is_multiple_of(2) { value.to_owned() } else { format!("{value}{pad}") };
    [&tag, vr.as_slice(), &(value.len() as u16).to_le_bytes(), value.as_bytes()].concat()
}

/// An image of `subject` up to its pixels, of which `pixel_bytes` follow.
fn image(subject: &str, pixel_bytes: u32) -> Vec<u8> {
    let (class, instance) = ("1.2.840.10008.5.1.4.1.1.2", "2.25.4711");
    let meta = [
        [&[2, 0, 1, 0][..], b"OB", &[0, 0, 2, 0, 0, 0, 0, 1]].concat(),
        short([2, 0, 2, 0], b"UI", class),
        short([2, 0, 3, 0], b"UI", instance),
        short([2, 0, 0x10, 0], b"UI", "1.2.840.10008.1.2.1"),
        short([2, 0, 0x12, 0], b"UI", "2.25.1"),
    ]
    .concat();
    let length = (meta.len() as u32).to_le_bytes();
    let body = [
        short([8, 0, 0x16, 0], b"UI", class),
        short([8, 0, 0x18, 0], b"UI", instance),
        short([0x10, 0, 0x20, 0], b"LO", subject),
        short([0x10, 0, 0x40, 0x10], b"LO", "CANARY STREET 1"),
        [&[0xE0, 0x7F, 0x10, 0][..], b"OW", &[0, 0], &pixel_bytes.to_le_bytes()].concat(),
    ]
    .concat();
    [&[0; 128][..], b"DICM", &[2, 0, 0, 0], b"UL", &[4, 0], &length, &meta, &body].concat()
}

/// A multipart body with these images, each as its head and how many bytes of pixels follow.
fn body(images: &[(&str, u32)]) -> impl Iterator<Item = Bytes> + Send + 'static {
    let images: Vec<_> = images.iter().map(|(subject, pixels)| ((*subject).to_owned(), *pixels)).collect();
    let declaration = format!("--x\r\nContent-Type: application/json\r\n\r\n{}\r\n", declaration());
    let parts = images.into_iter().flat_map(|(subject, pixels)| {
        let head = b"--x\r\nContent-Type: application/dicom\r\n\r\n".to_vec();
        let head = [head, image(&subject, pixels)].concat();
        let whole = pixels / CHUNK;
        let chunks = (0..whole).map(|number| chunk(number as u8, CHUNK));
        let rest = chunk(7, pixels % CHUNK);
        std::iter::once(Bytes::from(head)).chain(chunks).chain([rest, Bytes::from_static(b"\r\n")])
    });
    std::iter::once(Bytes::from(declaration)).chain(parts).chain([Bytes::from_static(b"--x--\r\n")])
}

const CHUNK: u32 = 64 << 10;

fn chunk(seed: u8, length: u32) -> Bytes {
    (0..length).map(|at| (at as u8).wrapping_mul(31).wrapping_add(seed)).collect()
}

fn upload(ehr: &EhrClient, key: &str, body: reqwest::Body) -> reqwest::RequestBuilder {
    ehr.request(Method::POST, "/v1/transfers")
        .header("content-type", "multipart/related; boundary=x")
        .header("idempotency-key", key)
        .body(body)
}

async fn send(ehr: &EhrClient, key: &str, images: &[(&str, u32)]) -> Answer {
    let stream = futures_util::stream::iter(body(images).map(Ok::<_, Infallible>));
    answer(upload(ehr, key, reqwest::Body::wrap_stream(stream))).await
}

#[tokio::test]
async fn a_large_image_passes_in_constant_memory_and_is_erased() {
    let mut with = WithShelf::new("").await;
    with.opens();
    let ehr = with.gateway.ehr();
    let mebibytes: u32 =
        std::env::var("CLEARANCE_UPLOAD_MIB").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let before = with.peak_memory();
    let started = std::time::Instant::now();
    let accepted = send(&ehr, "large", &[(SUBJECT, mebibytes << 20)]).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    let uploaded = started.elapsed();
    let delivered = eventually(|| async { (with.taken().len() == 1).then_some(()) }).await;
    assert!(delivered.is_some(), "{}", ehr.state(accepted.transfer()).await);
    assert_eq!(ehr.ended(accepted.transfer()).await["state"], "delivered");
    let after = with.peak_memory();
    eprintln!("{mebibytes} MiB in {uploaded:?}; peak memory {before} MiB before, {after} MiB after");
    assert!(after < before + 64, "{before} MiB before, {after} MiB after");
    let (_, length, _) = with.taken().remove(0);
    assert!(length > u64::from(mebibytes) * MIB);
    with.gateway.stop().await;
    assert!(with.spooled().is_empty(), "what is delivered is erased");
    assert_eq!(with.gateway.verify_ledger().await.0, Some(0));
}

#[tokio::test]
async fn what_arrives_is_what_a_check_has_shown_and_a_repeat_is_the_same_transfer() {
    let with = WithShelf::new("").await;
    with.opens();
    let ehr = with.gateway.ehr();
    let images = [(SUBJECT, 10), (SUBJECT, 3 << 20), (SUBJECT, 0)];
    let whole: Vec<u8> = body(&images).flatten().collect();
    let check = ehr.request(Method::POST, "/v1/checks?document=true");
    let check = check.header("content-type", "multipart/related; boundary=x").body(whole.clone());
    let checked = answer(check).await;
    assert_eq!(checked.status, 200, "{}", checked.body);
    let shown: Vec<_> = checked.body["outgoing"]["parts"].as_array().unwrap().clone();
    assert!(with.spooled().is_empty(), "a check keeps nothing");

    let accepted = send(&ehr, "key", &images).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    assert_eq!(ehr.ended(accepted.transfer()).await["state"], "delivered");
    let taken = with.taken();
    let taken: Vec<_> =
        taken.iter().map(|(_, bytes, sha256)| json!({ "media_type": "application/dicom", "bytes": bytes, "sha256": sha256 })).collect();
    assert_eq!(taken, shown);
    let again = send(&ehr, "key", &images).await;
    assert_eq!((again.status, again.transfer()), (202, accepted.transfer()), "{}", again.body);
    let other = send(&ehr, "key", &images[..2]).await;
    assert_eq!(other.text("/type"), "/problems/idempotency-key-reused");
    with.gateway.rests().await;
}

#[tokio::test]
async fn of_two_images_the_second_of_another_person_leaves_neither() {
    let with = WithShelf::new("").await;
    with.opens();
    let refused = send(&with.gateway.ehr(), "key", &[(SUBJECT, 2 << 20), ("39901012239", 2 << 20)]).await;
    assert_eq!(
        (refused.status, refused.text("/type")),
        (422, "/problems/document-refused"),
        "{}",
        refused.body
    );
    let errors = refused.body["errors"].as_array().unwrap();
    assert!(
        errors.iter().all(|error| error["pointer"].as_str().unwrap().starts_with("document[2]")),
        "{errors:?}"
    );
    assert!(!refused.body.to_string().contains("39901012239"));
    assert!(with.spooled().is_empty());
    with.gateway.rests().await;
}

#[tokio::test]
async fn killed_during_an_upload_it_has_accepted_nothing_and_keeps_nothing() {
    let mut with = WithShelf::new("").await;
    with.opens();
    let ehr = with.gateway.ehr();
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let sent = tokio::spawn(upload(&ehr, "cut-off", reqwest::Body::wrap_stream(Trickle(receiver))).send());
    for bytes in body(&[(SUBJECT, 8 << 20)]).take(100) {
        sender.send(Ok(bytes)).await.unwrap();
    }
    let begun = eventually(|| async {
        let files = with.spooled();
        let length = files.first().and_then(|file| std::fs::metadata(file).ok()).map_or(0, |file| file.len());
        (length > 4 * MIB).then_some(())
    });
    assert!(begun.await.is_some(), "it is spooled as it comes");
    let spooled = std::fs::read(&with.spooled()[0]).unwrap();
    for clear in [b"CANARY".as_slice(), &chunk(1, 64)] {
        assert!(!spooled.windows(clear.len()).any(|window| window == clear), "nothing is in the clear");
    }
    with.gateway.kill();
    drop(sender);
    assert!(sent.await.unwrap().is_err());
    assert_eq!(with.spooled().len(), 1, "a crash leaves it");
    with.gateway.restart();
    assert!(with.spooled().is_empty(), "a start sweeps it");
    let accepted = send(&with.gateway.ehr(), "cut-off", &[(SUBJECT, 8 << 20)]).await;
    assert_eq!(accepted.status, 202, "the key was not used up: {}", accepted.body);
    with.gateway.rests().await;
}

#[tokio::test]
async fn killed_after_the_answer_it_delivers() {
    let mut with = WithShelf::new("").await;
    let accepted = send(&with.gateway.ehr(), "key", &[(SUBJECT, 4 << 20), (SUBJECT, 100)]).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    with.gateway.kill();
    with.opens();
    with.gateway.restart();
    assert_eq!(with.gateway.ehr().ended(accepted.transfer()).await["state"], "delivered");
    assert_eq!(with.taken().iter().map(|(number, ..)| *number).collect::<Vec<_>>(), [1, 2]);
    with.gateway.rests().await;
}

#[tokio::test]
async fn a_flipped_byte_is_never_delivered_and_a_lost_body_is_reported() {
    let mut with = WithShelf::new("").await;
    let accepted = send(&with.gateway.ehr(), "key", &[(SUBJECT, 4 << 20)]).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    with.gateway.kill();
    let file = with.spooled().remove(0);
    let mut sealed = std::fs::read(&file).unwrap();
    sealed[3_000_000] ^= 1;
    std::fs::write(&file, sealed).unwrap();
    with.opens();
    with.gateway.restart();
    let ehr = with.gateway.ehr();
    let parked = eventually(|| async {
        let state = ehr.state(accepted.transfer()).await;
        (state["code"] == "does-not-open").then_some(state)
    });
    let parked = parked.await.unwrap();
    assert_eq!(parked["final"], false, "{parked}");
    assert!(with.taken().is_empty());
    assert!(with.gateway.log().contains(r#""event.action":"does-not-open""#));
    assert_eq!(with.gateway.verify_ledger().await.0, Some(0));
    std::fs::remove_file(&file).unwrap();
    let (code, said) = with.gateway.verify_ledger().await;
    assert_ne!(code, Some(0));
    assert!(said.to_string().contains(accepted.transfer()), "{said}");
}

#[tokio::test]
async fn without_space_an_upload_is_refused_leaves_nothing_and_readiness_comes_back() {
    let with = WithShelf::new("[limits]\nspool_bytes_max = 4194304\n").await;
    with.opens();
    let ehr = with.gateway.ehr();
    let refused = send(&ehr, "key", &[(SUBJECT, 6 << 20)]).await;
    assert_eq!((refused.status, refused.text("/type")), (503, "/problems/not-accepting"), "{}", refused.body);
    assert!(refused.headers.contains_key("retry-after"));
    assert!(with.spooled().is_empty());
    // Housekeeping finds that there is space again.
    let accepted = eventually(|| async {
        let answer = send(&ehr, "key", &[(SUBJECT, 3 << 20)]).await;
        (answer.status == 202).then_some(answer)
    });
    let accepted = accepted.await.unwrap();
    let (ready, said) = with.gateway.ask_admin("/readyz?verbose").await;
    assert!(ready == 200 && said.contains(r#""check":"spool","ok":true"#), "{said}");
    assert_eq!(ehr.ended(accepted.transfer()).await["state"], "delivered");
    with.gateway.rests().await;
}

#[tokio::test]
async fn an_upload_that_is_too_slow_is_given_up() {
    let with = WithShelf::new("[limits]\nbody_ms = 500\nupload_bytes_per_second_min = 1000000\n").await;
    let ehr = with.gateway.ehr();
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let sent = tokio::spawn(answer(upload(&ehr, "slow", reqwest::Body::wrap_stream(Trickle(receiver)))));
    for bytes in body(&[(SUBJECT, 8 << 20)]).take(30) {
        sender.send(Ok(bytes)).await.unwrap();
    }
    // What has come gives the rest a second or two more.
    let slow = tokio::time::timeout(Duration::from_secs(8), sent).await.unwrap().unwrap();
    assert_eq!(slow.text("/type"), "/problems/timed-out", "{}", slow.body);
    drop(sender);
    assert!(with.spooled().is_empty());
}

#[tokio::test]
async fn who_is_revoked_during_an_upload_has_sent_nothing_and_who_was_answered_before_has() {
    let with = WithShelf::new("").await;
    with.opens();
    let ehr = with.gateway.ehr();
    let accepted = send(&ehr, "before", &[(SUBJECT, 1 << 20)]).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let sent = tokio::spawn(answer(upload(&ehr, "during", reqwest::Body::wrap_stream(Trickle(receiver)))));
    let mut rest = body(&[(SUBJECT, 4 << 20)]);
    for bytes in rest.by_ref().take(30) {
        sender.send(Ok(bytes)).await.unwrap();
    }
    let pki = ExamplePki::at(&with.gateway.folder().join("certs"));
    pki.revoke(&[pki.client(ExampleClient::Ehr).chain], 30, SystemClock.now()).unwrap();
    let taken_up = eventually(|| async { with.gateway.log().contains("revocation lists").then_some(()) });
    assert!(taken_up.await.is_some());
    for bytes in rest {
        // A gateway that has said no does not hear the rest.
        if sender.send(Ok(bytes)).await.is_err() {
            break;
        }
    }
    drop(sender);
    let refused = sent.await.unwrap();
    assert_eq!(
        (refused.status, refused.text("/type")),
        (403, "/problems/certificate-revoked"),
        "{}",
        refused.body
    );
    assert!(!with.gateway.ehr().connects().await);
    // What was accepted while it was believed is delivered; nothing else was.
    let delivered =
        eventually(|| async { (with.taken().len() == 1 && with.spooled().is_empty()).then_some(()) });
    assert!(delivered.await.is_some());
    with.gateway.rests().await;
}
