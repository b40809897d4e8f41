//! The adapter and its stand-in over real mutual TLS: what the adapter writes is taken, and nothing that differs from it in what
//! matters.

use std::sync::Arc;
use std::time::Duration;

use clearance::adapter::{Call, CallFailure, Means, PayloadSigner, Promise, Reply, Transport};
use clearance::clock::Clock;
use clearance::journey::Unreleased;
use clearance::person::ESTONIAN_PERSONAL_CODE;
use jiff::Timestamp;
use prescription_centre_sandbox::{Patient, RegisteredClient, Right, StandIn};
use stand_in::testing::{Caller, Pki};

use super::*;
use crate::PRESCRIPTIONS;
use crate::testing::{Journey, PATIENT};

const DOCTOR: &str = "47605090025";
const CLIENT: &str = "ee-test/COM/10990009/gw";

/// The stand-in and the way to it.
struct Bench {
    stand_in: StandIn,
    wire: Wire,
    journey: Journey,
    centre: PrescriptionCentre,
}

/// A transport to the stand-in, whatever host the adapter was told.
#[derive(Debug)]
struct Wire(Caller);

impl Transport for Wire {
    fn call<'a>(&'a self, call: Call) -> Promise<'a, Result<Reply, CallFailure>> {
        Box::pin(async move {
            let path = call.url.expose().strip_prefix("https://security.example").unwrap().to_owned();
            let headers: Vec<_> = call
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), std::str::from_utf8(value.as_bytes()).unwrap()))
                .collect();
            let reply =
                self.0.call(call.method.as_str(), &path, &headers, call.body.in_memory().unwrap()).await;
            let reply = reply.map_err(|_| CallFailure::Broken)?;
            Ok(Reply { status: reply.status, headers: reply.headers, body: reply.body })
        })
    }
}

impl Clock for Wire {
    fn now(&self) -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }
}

impl PayloadSigner for Wire {
    fn key_id(&self) -> &str {
        "none"
    }

    fn sign(&self, _: &[u8]) -> [u8; 64] {
        [0; 64]
    }
}

fn bench() -> Bench {
    let pki = Pki::made_up();
    let identity = pki.client("gateway");
    let person = |value: &str, id: &str| Patient {
        system: ESTONIAN_PERSONAL_CODE.into(),
        value: value.into(),
        id: Some(id.into()),
        given: "Test".into(),
        family: "Test".into(),
        birth_date: "1990-03-12".into(),
    };
    let stand_in = StandIn::start(prescription_centre_sandbox::Settings {
        endpoint: pki.endpoint(Arc::new(|| "2026-11-22T12:00:00Z".parse().unwrap())),
        instance: "ee-test".into(),
        clients: vec![RegisteredClient {
            client: CLIENT.into(),
            certificates_pem: identity.certificate_pem.clone().into_bytes(),
        }],
        rights: vec![Right {
            personal_code: DOCTOR.into(),
            professional_code: Some(PROFESSIONAL.into()),
            organisation: "10990009".into(),
            role: "doctor".into(),
            represented: Vec::new(),
        }],
        patients: vec![person(SUBJECT, PATIENT), person("38507140418", "700002")],
        token_lifetime: Duration::from_secs(300),
    })
    .unwrap();
    let wire = Wire(pki.caller(stand_in.address(), Some(&identity)));
    Bench { stand_in, wire, journey: journey(), centre: centre() }
}

impl Bench {
    fn means(&self) -> Means<'_> {
        Means { clock: &self.wire, deadline: Timestamp::MAX, transport: &self.wire, signer: &self.wire }
    }

    /// Delivers `document` for `purpose`.
    async fn deliver(&self, purpose: &str, document: &Value) -> Outcome {
        let means = self.means();
        let outgoing = self.journey.shape(&declaration(purpose), document).unwrap();
        let index = self.centre.tis();
        let cleared = self.journey.clear(outgoing, false, Some(&**index), &means).await.unwrap();
        self.centre.deliver(cleared, &means).await
    }

    async fn read(&self, query: &Value) -> Result<Vec<Value>, Unreleased> {
        let asking = self.journey.ask(&declaration(PRESCRIPTIONS), query).unwrap();
        let released = self.journey.read(asking, Some(&**self.centre.tis()), &self.means()).await?;
        Ok(released.documents().iter().map(|of| serde_json::from_slice(of.bytes()).unwrap()).collect())
    }
}

#[tokio::test]
async fn prescriptions_are_issued_changed_cancelled_and_read_back() {
    let bench = bench();
    for purpose in [PRESCRIPTION, CHANGE, CANCELLATION] {
        let mut document = document(purpose);
        if purpose == CANCELLATION {
            document["dosageInstruction"] = change()["dosageInstruction"].clone();
        }
        match bench.deliver(purpose, &document).await {
            Outcome::Delivered(acknowledgement) => {
                assert_eq!(acknowledgement.reference.as_deref(), Some(NUMBER))
            }
            other => panic!("{purpose}: {other:?}"),
        }
        let read = bench.read(&json!({})).await.unwrap();
        assert_eq!(read.len(), 1);
        let theirs = &bench.stand_in.prescriptions()[0];
        for same in ["identifier", "status", "reason", "dosageInstruction", "subject"] {
            assert_eq!(read[0][same], theirs[same], "{purpose}: {same}");
        }
    }
    let active = bench.read(&json!({ "status": "active" })).await;
    assert!(matches!(active, Err(Unreleased::NotFound)), "{active:?}");
    assert_eq!(bench.read(&json!({ "status": "cancelled", "from": "2026-11-20" })).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_the_centre_refuses_is_told_place_by_place_and_without_its_words() {
    let bench = bench();
    let mut document = issue();
    document["dispenseRequest"]["validityPeriod"]["end"] = json!("2026-11-19");
    document["category"][1] = document["category"][0].clone();
    let Outcome::Refused(refusal) = bench.deliver(PRESCRIPTION, &document).await else { panic!("taken") };
    let told: Vec<_> = refusal.faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(
        (refusal.code.as_str(), told),
        ("value", vec!["/dispenseRequest/validityPeriod", "/category/1"])
    );
}

#[tokio::test]
async fn more_than_a_page_is_read_whole_and_in_order() {
    let bench = bench();
    for number in 0..101 {
        let mut document = issue();
        document["authoredOn"] = json!(format!("2026-11-20T10:{:02}:{:02}+02:00", number / 60, number % 60));
        assert!(matches!(bench.deliver(PRESCRIPTION, &document).await, Outcome::Delivered(_)), "{number}");
    }
    let read = bench.read(&json!({ "status": "active" })).await.unwrap();
    assert_eq!(read.len(), 101);
    let written: Vec<&str> = read.iter().map(|of| of["authoredOn"].as_str().unwrap()).collect();
    assert!(written.is_sorted_by(|one, next| one > next), "newest first");
}

#[tokio::test]
async fn the_adapter_s_message_with_one_thing_wrong_is_refused() {
    let bench = bench();
    assert!(matches!(bench.deliver(PRESCRIPTION, &issue()).await, Outcome::Delivered(_)));
    let received = bench.stand_in.received();
    let post =
        received.iter().rfind(|of| of.method == "POST" && of.path.ends_with("/MedicationRequest")).unwrap();
    let sent: Value = serde_json::from_slice(&post.body).unwrap();
    let mutations: [(&str, Value); 21] = [
        ("/resourceType", json!("MedicationStatement")),
        ("/meta/profile/0", json!("https://fhir.ee/StructureDefinition/ee-tis-other")),
        ("/status", json!("cancelled")),
        ("/intent", json!("proposal")),
        ("/category/0/coding/0/system", json!("https://fhir.ee/CodeSystem/other")),
        ("/category/1/coding/0/code", json!("4")),
        ("/subject/reference", json!("Patient/1")),
        ("/requester/reference", json!("#medicine")),
        ("/contained/0/practitioner/identifier/value", json!("D09999")),
        ("/contained/0/organization/identifier/value", json!("10303948")),
        ("/contained/1/extension/0/valueCodeableConcept/coding/0/system", json!("http://www.whocc.no/atc")),
        ("/contained/1/doseForm/coding/0/code", json!("a tablet")),
        ("/contained/1/ingredient/0/isActive", json!(false)),
        ("/contained/1/ingredient/0/strengthRatio/numerator/value", json!("500")),
        ("/extension/0/url", json!("https://example.org/x")),
        ("/authoredOn", json!("yesterday")),
        ("/reason/0/concept/coding/0/code", json!("diabetes")),
        ("/reason/0/concept/coding/0/system", json!("http://hl7.org/fhir/sid/icd-10")),
        ("/dosageInstruction", json!([])),
        ("/dosageInstruction/0/doseAndRate/0/doseQuantity/value", json!("one")),
        ("/dispenseRequest/validityPeriod/end", json!("2026-11-19")),
    ];
    let headers: Vec<_> = post
        .headers
        .iter()
        .filter(|(name, _)| *name != "content-length" && *name != "host" && *name != "x-road-id")
        .map(|(name, value)| (name.as_str(), std::str::from_utf8(value.as_bytes()).unwrap()))
        .collect();
    let post_again = async |body: &Value, id: String| {
        let headers = [&headers[..], &[("x-road-id", id.as_str())]].concat();
        bench.wire.0.call("POST", &post.path, &headers, body.to_string()).await.unwrap().status.as_u16()
    };
    for (place, (pointer, value)) in mutations.into_iter().enumerate() {
        let mut mutated = sent.clone();
        *mutated.pointer_mut(pointer).unwrap() = value;
        assert_eq!(post_again(&mutated, format!("mutated-{place}")).await, 422, "{pointer}");
    }
    for name in sent.as_object().unwrap().keys() {
        // A prescription may have no category, course, comment or word on substitution.
        let optional = ["category", "courseOfTherapyType", "note", "substitution"].contains(&name.as_str());
        let mut mutated = sent.clone();
        mutated.as_object_mut().unwrap().remove(name);
        let status = post_again(&mutated, format!("without-{name}")).await;
        assert_eq!(status, if optional { 201 } else { 422 }, "without {name}");
    }
    for (name, value) in [("insurance", json!([{}])), ("priorPrescription", json!({})), ("id", json!("1"))] {
        let mut mutated = sent.clone();
        mutated[name] = value;
        assert_eq!(post_again(&mutated, format!("with-{name}")).await, 422, "with {name}");
    }
}
