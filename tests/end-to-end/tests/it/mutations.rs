//! What an adapter has sent, sent again with one thing changed: the stand-in must refuse it, or it would not have noticed that the
//! adapter makes a mistake. As it was, under a fresh number, it is taken. Decisions for employers are signed, so that whatever is
//! changed in their bodies is refused for that; the stand-in's own tests sign what they change.

use std::net::SocketAddr;

use end_to_end::{
    Submission, TestGateway, to_employer, to_health_insurance_fund, to_patient_portal,
    to_prescription_centre, to_transport_administration,
};
use gateway::playground::employer_stand_in::Received;
use gateway::playground::samples::{Image, TO_IMAGE_BANK};
use reqwest::multipart::{Form, Part};
use reqwest::{Certificate, Client, Identity};

use crate::BINARY;

/// Changes: what is there, and what stands in its place.
type Changes<'a> = &'a [(&'a str, &'a str)];

/// How a no begins inside a 200: an acknowledgement of HL7 v3, and DICOM's FailedSOPSequence.
const COMPLAINTS: [&str; 3] =
    ["&lt;typeCode code=&quot;AE&quot;", "&lt;typeCode code=&quot;AR&quot;", "00081198"];

/// One destination: its peer, what is sent to it, and what it has.
struct Partner {
    peer: &'static str,
    address: SocketAddr,
    received: fn(&TestGateway) -> Vec<Received>,
    taken: fn(&TestGateway) -> usize,
}

/// A request as text: a line for each header, an empty one, and the body, each byte of it a character.
#[derive(Clone)]
struct Message {
    path: String,
    text: String,
}

impl Message {
    fn of(received: &Received) -> Self {
        let mut text = String::new();
        for (name, value) in &received.headers {
            if !["host", "content-length"].contains(&name.as_str()) {
                text.push_str(&format!("{name}: {}\n", characters(value.as_bytes())));
            }
        }
        Self { path: received.path.clone(), text: format!("{text}\n{}", characters(&received.body)) }
    }

    /// With every `from` replaced.
    fn with(&self, from: &str, to: &str) -> Self {
        let (from, to) = (characters(from.as_bytes()), characters(to.as_bytes()));
        let changed = Self { path: self.path.replace(&from, &to), text: self.text.replace(&from, &to) };
        assert!(changed.path != self.path || changed.text != self.text, "there is no `{from}`");
        changed
    }

    async fn send(&self, client: &Client, address: SocketAddr) -> (u16, String) {
        let (headers, body) = self.text.split_once("\n\n").unwrap();
        let mut request = client.post(format!("https://{address}{}", self.path));
        for line in headers.lines() {
            let (name, value) = line.split_once(": ").unwrap();
            request = request.header(name, http::HeaderValue::from_bytes(&bytes(value)).unwrap());
        }
        let response = request.body(bytes(body)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

fn characters(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect()
}

/// A client with the certificate that the gateway shows this peer.
fn as_the_gateway(gateway: &TestGateway, peer: &str) -> Client {
    let certs = gateway.folder().join("certs");
    let read = |file: String| std::fs::read(certs.join(file)).unwrap();
    let mut pem = read(format!("destinations/{peer}/client/tls.crt"));
    pem.extend(read(format!("destinations/{peer}/client/tls.key")));
    let roots = Certificate::from_pem_bundle(&read("authority/partners.crt".to_owned())).unwrap();
    let client = Client::builder().tls_certs_only(roots).no_proxy();
    client.identity(Identity::from_pem(&pem).unwrap()).build().unwrap()
}

/// The last message that was posted to the destination.
fn posted(gateway: &TestGateway, partner: &Partner) -> Message {
    let received = (partner.received)(gateway);
    Message::of(received.iter().rfind(|request| request.method == "POST").unwrap())
}

/// Has a message refused with each of the changes, and taken without, where it is `fresh`.
async fn refuses(
    gateway: &TestGateway,
    partner: &Partner,
    message: &Message,
    fresh: Changes<'_>,
    changes: Changes<'_>,
) {
    let message = fresh.iter().fold(message.clone(), |message, (from, to)| message.with(from, to));
    let client = as_the_gateway(gateway, partner.peer);
    let before = (partner.taken)(gateway);
    for (from, to) in changes {
        let (status, said) = message.with(from, to).send(&client, partner.address).await;
        assert_eq!(
            (partner.taken)(gateway),
            before,
            "{}: `{from}` as `{to}` is taken: {status} {said}",
            partner.peer
        );
        let complains = status >= 400 || COMPLAINTS.iter().any(|complaint| said.contains(complaint));
        assert!(complains, "{}: `{from}` as `{to}`: {status} {said}", partner.peer);
    }
    let (status, said) = message.send(&client, partner.address).await;
    assert_eq!(
        (status / 100, (partner.taken)(gateway)),
        (2, before + 1),
        "{}: unchanged: {said}",
        partner.peer
    );
}

async fn delivered(gateway: &TestGateway, submission: Submission) {
    let answer = gateway.ehr().submit(&submission.waiting(10)).await;
    assert_eq!((answer.status, answer.text("/state")), (200, "delivered"), "{}", answer.body);
}

/// What is wrong in a request over X-Road's REST interface, whatever the service.
const REST: Changes<'static> = &[
    ("x-road-client: ee-test/COM/10990009/gateway\n", ""),
    ("ee-test/COM/10990009/gateway", "ee-test/COM/10303948/gateway"),
    ("authorization: ", "x-authorization: "),
    ("Bearer ", "Bearer 0"),
    ("content-type: application/fhir+json", "content-type: text/plain"),
    ("{\"resourceType\"", "{\"resourceType\":\"Patient\",\"resourceType\""),
    ("{\"resourceType\"", "[{\"resourceType\""),
];

/// What is wrong in a message over X-Road's SOAP interface, whatever the service.
const SOAP: Changes<'static> = &[
    ("<x:protocolVersion>4.0", "<x:protocolVersion>3.1"),
    ("<x:protocolVersion>4.0</x:protocolVersion>", ""),
    ("EE47605090025", "47605090025"),
    ("<id:memberCode>10990009", "<id:memberCode>10303948"),
    ("id:objectType=\"SUBSYSTEM\"", "id:objectType=\"MEMBER\""),
    ("<id:serviceVersion>v1", "<id:serviceVersion>v9"),
    ("http://x-road.eu/xsd/xroad.xsd", "http://x-road.example/xsd"),
    ("<s:Body>", "<s:Body><also/>"),
    ("<s:Envelope", "<!DOCTYPE e [<!ENTITY a \"b\">]><s:Envelope"),
    ("</s:Envelope>", ""),
];

#[tokio::test]
async fn no_mutated_certificate_prescription_or_decision_is_taken() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let playground = &gateway.playground;
    delivered(&gateway, to_transport_administration()).await;
    let tis = Partner {
        peer: "security-server",
        address: playground.tis.address(),
        received: |gateway| gateway.playground.tis.received(),
        taken: |gateway| gateway.playground.tis.certificates().len(),
    };
    let message = posted(&gateway, &tis);
    let fresh = [("HCERT-2026-0418", "HCERT-2026-0419"), ("x-road-id: ", "x-road-id: 0")];
    refuses(&gateway, &tis, &message, &fresh, REST).await;
    let fresh = [("HCERT-2026-0418", "HCERT-2026-0420"), ("x-road-id: ", "x-road-id: 1")];
    refuses(
        &gateway,
        &tis,
        &message,
        &fresh,
        &[
            ("\"status\":\"final\",\"type\"", "\"status\":\"valid\",\"type\""),
            ("\"identifier\":[", "\"identifiers\":["),
            ("Patient/700002", "Patient/799999"),
            ("\"subject\":[", "\"subjects\":["),
            ("Practitioner/47605090025", "Practitioner/38507140418"),
            ("\"code\":\"772786005\"", "\"code\":\"0\""),
            ("driver-group-I", "driver-group-X"),
            ("{\"reference\":\"#decision\"}", "{\"reference\":\"#nothing\"}"),
            ("\"code\":\"health-declaration\"", "\"code\":\"declaration\""),
            ("\"date\":\"2026-11-20T09:30:00.000+02:00\",", ""),
            ("\"period\":{\"start\":\"2026-11-20T00:00:00.000+02:00\",\"end\":", "\"period\":{\"end\":"),
        ],
    )
    .await;

    delivered(&gateway, to_prescription_centre()).await;
    let centre = Partner {
        peer: "prescription-centre",
        address: playground.prescriptions.address(),
        received: |gateway| gateway.playground.prescriptions.received(),
        taken: |gateway| gateway.playground.prescriptions.prescriptions().len(),
    };
    let message = posted(&gateway, &centre);
    refuses(&gateway, &centre, &message, &[("x-road-id: ", "x-road-id: 0")], REST).await;
    refuses(
        &gateway,
        &centre,
        &message,
        &[("x-road-id: ", "x-road-id: 1")],
        &[
            ("\"status\":\"active\"", "\"status\":\"on-hold\""),
            ("\"intent\":\"order\"", "\"intent\":\"plan\""),
            ("D01234", "D99999"),
            ("Patient/700001", "Patient/799999"),
            ("\"subject\":", "\"subjects\":"),
            ("\"reference\":\"#medicine\"", "\"reference\":\"#other\""),
            ("\"authoredOn\":\"2026-11-20T10:15:30+02:00\",", ""),
            ("\"code\":\"E11.9\"", "\"code\":\"diabetes\""),
            ("\"substitution\":", "\"substitutions\":"),
            ("\"status\":\"active\"", "\"status\":\"active\",\"encounter\":{\"reference\":\"Encounter/1\"}"),
        ],
    )
    .await;

    delivered(&gateway, to_employer()).await;
    let employer = Partner {
        peer: "employer",
        address: playground.employer.address(),
        received: |gateway| gateway.playground.employer.received(),
        taken: |gateway| gateway.playground.employer.decisions().len(),
    };
    let message = posted(&gateway, &employer);
    refuses(
        &gateway,
        &employer,
        &message,
        &[("idempotency-key: 0", "idempotency-key: f")],
        &[
            ("x-jws-signature: ", "x-signature: "),
            ("..", "..A"),
            ("x-jws-signature: ", "x-jws-signature: e30"),
            ("idempotency-key: f", "x-key: f"),
            ("content-type: application/fhir+json", "content-type: application/json"),
            ("\"code\":\"225891002\"", "\"code\":\"160910001\""),
            ("49003120231", "38507140418"),
            ("\"status\":\"final\",\"type\"", "\"status\":\"final\" ,\"type\""),
        ],
    )
    .await;
    gateway.rests().await;
}

#[tokio::test]
async fn no_mutated_document_or_bill_is_taken() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let playground = &gateway.playground;
    delivered(&gateway, to_patient_portal()).await;
    let portal = Partner {
        peer: "security-server",
        address: playground.portal.address(),
        received: |gateway| gateway.playground.portal.received(),
        taken: |gateway| gateway.playground.portal.documents().len(),
    };
    let message = posted(&gateway, &portal);
    let fresh = [("E-2026-0001", "E-2026-0002"), ("-5", "-4")];
    refuses(&gateway, &portal, &message, &fresh, SOAP).await;
    let fresh = [("E-2026-0001", "E-2026-0003"), ("-5", "-3")];
    refuses(
        &gateway,
        &portal,
        &message,
        &fresh,
        &[
            ("http://digilugu.x-road.ee/producer/", "http://digilugu.example/"),
            ("<request>", "<request xmlns=\"http://digilugu.x-road.ee/producer/\">"),
            ("V3-2007-09", "V3-2099"),
            ("RCMR_IN000030UV01", "RCMR_IN000099UV01"),
            ("processingCode code=&quot;T&quot;", "processingCode code=&quot;X&quot;"),
            ("1.3.6.1.4.1.28284.6.2.2.18.2", "2.999.77"),
            ("2.999.10990009.3", "2.999.77.3"),
            ("&lt;queryAck&gt;", "&lt;queryNack&gt;"),
            ("POCD_HD000040", "POCD_HD000041"),
            ("extension=&quot;49003120231&quot;", "extension=&quot;38507140419&quot;"),
            ("extension=&quot;D01234&quot;", "extension=&quot;D99999&quot;"),
            // The wrapper repeats the document's version.
            (
                "value=&quot;1&quot;/&gt;&lt;recordTarget typeCode=&quot;RCT&quot;&gt;&lt;patient ",
                "value=&quot;7&quot;/&gt;&lt;recordTarget typeCode=&quot;RCT&quot;&gt;&lt;patient ",
            ),
            (
                "ClinicalDocument xmlns=&quot;urn:hl7-org:v3&quot;",
                "ClinicalDocument xmlns=&quot;urn:example&quot;",
            ),
            ("&lt;confidentialityCode code=&quot;R&quot;", "&lt;confidentialityCode code=&quot;Q&quot;"),
        ],
    )
    .await;

    delivered(&gateway, to_health_insurance_fund()).await;
    let fund = Partner {
        peer: "health-insurance-fund",
        address: playground.fund.address(),
        received: |gateway| gateway.playground.fund.received(),
        taken: |gateway| gateway.playground.fund.bills().len(),
    };
    let message = posted(&gateway, &fund);
    refuses(&gateway, &fund, &message, &[("2026-00417", "2026-00418")], SOAP).await;
    refuses(
        &gateway,
        &fund,
        &message,
        &[("2026-00417", "2026-00419")],
        &[
            ("http://kirst.x-road.eu", "http://kirst.example"),
            ("<id:serviceCode>rta_saatmine", "<id:serviceCode>rta_tyhistus"),
            ("<eriala>A33</eriala>", ""),
            ("<arveJrk>1</arveJrk>", "<arveJrk>one</arveJrk>"),
            (
                "<isikukood>49003120231</isikukood>",
                "<isikukood>49003120231</isikukood><aadress>Kivila 3</aadress>",
            ),
            ("D01234", "1234"),
            ("2026-11-02", "2.11.2026"),
            ("<liikDiagnoos>P</liikDiagnoos>", ""),
        ],
    )
    .await;
    gateway.rests().await;
}

#[tokio::test]
async fn no_mutated_image_is_stored() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let declared = Part::text(TO_IMAGE_BANK).mime_str("application/json").unwrap();
    let file = Part::bytes(Image::of_worker(1).file()).mime_str("application/dicom").unwrap();
    let request = gateway.ehr().request(http::Method::POST, "/v1/transfers").header("prefer", "wait=10");
    let form = Form::new().part("declaration", declared).part("document", file);
    let answer = end_to_end::answer(request.header("idempotency-key", "image").multipart(form)).await;
    assert_eq!((answer.status, answer.text("/state")), (200, "delivered"), "{}", answer.body);
    let bank = Partner {
        peer: "image-bank",
        address: gateway.playground.image_bank.address(),
        received: |gateway| gateway.playground.image_bank.received(),
        taken: |gateway| gateway.playground.image_bank.instances().len(),
    };
    let message = posted(&gateway, &bank);
    // The instance is of the same length, so that the file stays what it was otherwise.
    let fresh = [("1.2.826.0.1.3680043.10.999.1.1", "1.2.826.0.1.3680043.10.999.1.9")];
    refuses(
        &gateway,
        &bank,
        &message,
        &fresh,
        &[
            ("type=\"application/dicom\"", "type=\"application/json\""),
            ("boundary=", "boundary=x"),
            ("content-type: multipart/related", "content-type: multipart/mixed"),
            ("DICM", "DICN"),
            ("\u{8}\0\u{18}\0UI", "\u{8}\0\u{19}\0UI"),
            ("\u{20}\0\u{d}\0UI", "\u{20}\0\u{c}\0UI"),
        ],
    )
    .await;
    gateway.rests().await;
}
