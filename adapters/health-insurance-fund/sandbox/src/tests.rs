use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use jiff::Timestamp;
use stand_in::testing::{Identity, Pki, Reply};

use super::*;

const PATIENT: &str = "49003120231";

struct World {
    pki: Pki,
    identity: Identity,
    fund: StandIn,
}

impl World {
    fn new() -> Self {
        let pki = Pki::made_up();
        let identity = pki.client("gateway");
        let fund = StandIn::start(Settings {
            endpoint: pki.endpoint(Arc::new(|| "2026-11-22T12:00:00Z".parse::<Timestamp>().unwrap())),
            client: "ee-test/COM/10303948/gw".into(),
            client_certificates_pem: identity.certificate_pem.clone().into_bytes(),
            provider: "ee-test/GOV/74000091/kirst".into(),
            version: "v1".into(),
            insured: vec![PATIENT.into()],
            services: vec!["3002".into()],
        })
        .unwrap();
        Self { pki, identity, fund }
    }

    async fn ask(&self, envelope: &str) -> Result<Reply, String> {
        let caller = self.pki.caller(self.fund.address(), Some(&self.identity));
        let headers = [("content-type", "text/xml; charset=UTF-8"), ("soapaction", "\"\"")];
        caller.call("POST", "/", &headers, envelope.to_owned()).await
    }

    /// The text of the answer to a body for `service`.
    async fn told(&self, service: &str, body: &str) -> String {
        text(&self.ask(&envelope(service, body)).await.unwrap())
    }
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

fn envelope(service: &str, body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:x=\"http://x-road.eu/xsd/xroad.xsd\" \
         xmlns:id=\"http://x-road.eu/xsd/identifiers\"><s:Header><x:client id:objectType=\"SUBSYSTEM\">\
         <id:xRoadInstance>ee-test</id:xRoadInstance><id:memberClass>COM</id:memberClass><id:memberCode>10303948</id:memberCode>\
         <id:subsystemCode>gw</id:subsystemCode></x:client><x:service id:objectType=\"SERVICE\">\
         <id:xRoadInstance>ee-test</id:xRoadInstance><id:memberClass>GOV</id:memberClass><id:memberCode>74000091</id:memberCode>\
         <id:subsystemCode>kirst</id:subsystemCode><id:serviceCode>{service}</id:serviceCode>\
         <id:serviceVersion>v1</id:serviceVersion></x:service><x:id>m-1</x:id><x:userId>EE47605090025</x:userId>\
         <x:issue>raviarve</x:issue><x:protocolVersion>4.0</x:protocolVersion></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}

fn body(service: &str, request: &str) -> String {
    format!("<k:{service} xmlns:k=\"http://kirst.x-road.eu\"><request>{request}</request></k:{service}>")
}

fn bill(number: &str) -> String {
    body(
        "rta_saatmine",
        &format!(
            "<raviarved><item><arveJrk>1</arveJrk><arveNumber>{number}</arveNumber><rahastamiseAllikas>RA</rahastamiseAllikas>\
             <arveTeenusTyyp>1</arveTeenusTyyp><eriala>A33</eriala><teenusKoht>0784</teenusKoht><algKp>2026-11-02</algKp>\
             <loppKp>2026-11-16</loppKp><saabumiseLiik>3</saabumiseLiik><lopetamisePohjus>1</lopetamisePohjus><arst>\
             <arstiKood>D01234</arstiKood><arstiEriala>E290</arstiEriala></arst><patsient><isikukood>{PATIENT}</isikukood>\
             </patsient><arveDiagnoosid><item><liikDiagnoos>P</liikDiagnoos><diagnoos>M54.5</diagnoos></item></arveDiagnoosid>\
             <arveTeenused><item><teenusKood>3002</teenusKood><teenusKp>2026-11-02</teenusKp><teenusKogus>1</teenusKogus>\
             <teenusKoefVaartus>1</teenusKoefVaartus></item></arveTeenused></item></raviarved>"
        ),
    )
}

fn cancellation(id: &str) -> String {
    let item = format!("<item><arveHkId>{id}</arveHkId><tyhistatudPohjus>TP007</tyhistatudPohjus></item>");
    body("rta_tyhistus", &format!("<raviarveTyhistused>{item}</raviarveTyhistused>"))
}

#[tokio::test]
async fn a_bill_is_taken_once_told_and_cancelled_once() {
    let world = World::new();
    let first = world.told("rta_saatmine", &bill("1")).await;
    assert!(first.contains("<arveHkId>HK000001</arveHkId><arveStaatus>00</arveStaatus>"), "{first}");
    assert!(first.contains("<tyyp>W</tyyp><kood>RTA-201</kood>"), "a referral without a number is a warning");
    assert!(world.told("rta_saatmine", &bill("1")).await.contains("RTA-101"));
    let detail = world.told("rta_detail", &body("rta_detail", "<arveNumber>1</arveNumber>")).await;
    assert!(detail.contains(PATIENT) && detail.contains("<arveStaatus>00</arveStaatus>"), "{detail}");
    let none = world.told("rta_detail", &body("rta_detail", "<arveNumber>2</arveNumber>")).await;
    assert!(!none.contains("<raviarve>") && none.contains("RTA-401"), "{none}");
    let cancel = cancellation("HK000001");
    assert!(world.told("rta_tyhistus", &cancel).await.contains("<arveStaatus>99</arveStaatus>"));
    assert!(world.told("rta_tyhistus", &cancel).await.contains("RTA-302"));
    assert!(world.fund.bills()[0].is_cancelled);
}

#[tokio::test]
async fn what_breaks_a_rule_of_the_fund_is_an_error_inside_200() {
    for (from, to, code) in [
        ("3002<", "3003<", "RTA-104"),
        (PATIENT, "38507140418", "RTA-103"),
        ("<teenusKp>2026-11-02", "<teenusKp>2026-11-20", "RTA-105"),
        ("<loppKp>2026-11-16", "<loppKp>2026-10-16", "RTA-102"),
    ] {
        let world = World::new();
        let reply = world.ask(&envelope("rta_saatmine", &bill("1").replace(from, to))).await.unwrap();
        assert_eq!(reply.status, 200);
        assert!(text(&reply).contains(code), "{code}");
        assert!(world.fund.bills().is_empty());
    }
}

#[tokio::test]
async fn no_mutated_message_is_taken() {
    let world = World::new();
    let whole = envelope("rta_saatmine", &bill("1"));
    for (from, to) in [
        ("<x:protocolVersion>4.0", "<x:protocolVersion>4.1"),
        ("<x:id>m-1</x:id>", ""),
        ("<x:id>m-1</x:id>", "<x:id>m-1</x:id><x:id>m-1</x:id>"),
        ("EE47605090025", "47605090025"),
        ("<x:issue>raviarve</x:issue>", ""),
        ("objectType=\"SUBSYSTEM\"", "objectType=\"MEMBER\""),
        ("<id:serviceVersion>v1", "<id:serviceVersion>v2"),
        ("<id:memberCode>10303948", "<id:memberCode>10990009"),
        ("<id:serviceCode>rta_saatmine", "<id:serviceCode>rta_tyhistus"),
        ("http://kirst.x-road.eu", "http://kirst.example"),
        ("<request>", "<request xmlns=\"http://kirst.x-road.eu\">"),
        ("<s:Body>", "<s:Body><a/>"),
        ("<eriala>A33</eriala>", ""),
        ("<eriala>A33</eriala>", "<eriala>A33</eriala><eriala>A33</eriala>"),
        (
            "<eriala>A33</eriala><teenusKoht>0784</teenusKoht>",
            "<teenusKoht>0784</teenusKoht><eriala>A33</eriala>",
        ),
        ("<arveNumber>1<", "<arveNumber>12345678901<"),
        (">RA<", ">TA<"),
        ("D01234", "1234"),
        ("2026-11-02", "2.11.2026"),
        ("<teenusKogus>1<", "<teenusKogus>one<"),
        ("<teenusKoefVaartus>1<", "<teenusKoefVaartus>1.00001<"),
        (PATIENT, "1"),
        ("</patsient>", "<aadress>Kivila 3</aadress></patsient>"),
        ("<diagnoos>M54.5", "<diagnoos kirjeldus=\"valu\">M54.5"),
        ("</item></raviarved>", "text</item></raviarved>"),
        ("<s:Envelope", "<!DOCTYPE x [<!ENTITY a \"b\">]><s:Envelope"),
    ] {
        let mutated = whole.replacen(from, to, 1);
        assert_ne!(mutated, whole, "{from}");
        let reply = world.ask(&mutated).await.unwrap();
        assert!(
            reply.status == 500 && text(&reply).contains("<s:Fault>"),
            "{from} as {to}: {}",
            text(&reply)
        );
    }
    assert!(world.fund.bills().is_empty());
    assert_eq!(world.ask(&whole).await.unwrap().status, 200);
}

#[tokio::test]
async fn another_certificate_is_not_the_client_s() {
    let world = World::new();
    let other = world.pki.client("other");
    let caller = world.pki.caller(world.fund.address(), Some(&other));
    let headers = [("content-type", "text/xml"), ("soapaction", "")];
    let reply = caller.call("POST", "/", &headers, envelope("rta_saatmine", &bill("1"))).await.unwrap();
    assert!(text(&reply).contains("Server.ClientProxy.SslAuthenticationFailed"));
}

#[tokio::test]
async fn it_fails_in_every_way() {
    let world = World::new();
    let message = envelope("rta_saatmine", &bill("1"));
    let refuses = |reply: &Reply| text(reply).contains("<tyyp>E</tyyp>");
    world.fund.told(FaultPlan::none().once(Fault::ErrorInside200));
    let reply = world.ask(&message).await.unwrap();
    assert!(reply.status == 200 && refuses(&reply));
    for (fault, status, holds) in [
        (Fault::Status(503, None), 503, "<s:Fault>"),
        (Fault::XRoadError("Server.ServerProxy.AccessDenied".into()), 500, "Server.ServerProxy.AccessDenied"),
        (Fault::RateLimit, 429, ""),
        (Fault::Garbage, 200, ""),
    ] {
        world.fund.told(FaultPlan::none().once(fault));
        let reply = world.ask(&message).await.unwrap();
        assert!(reply.status == status && text(&reply).contains(holds), "{status}: {}", text(&reply));
    }
    world.fund.told(FaultPlan::none().once(Fault::DropBefore));
    assert!(world.ask(&message).await.is_err() && world.fund.bills().is_empty());
    world.fund.told(FaultPlan::none().once(Fault::DropAfter));
    assert!(world.ask(&message).await.is_err());
    assert_eq!(world.fund.bills().len(), 1);
    world.fund.shutdown().await;
}

/// The schema inside kirst.wsdl, without imports: what bills use has none.
fn schema(wsdl: &str) -> String {
    let (_, schema) = wsdl.split_once("<xsd:schema").unwrap();
    let (schema, _) = schema.split_once("</xsd:schema>").unwrap();
    let declared = "<xsd:schema xmlns:xsd='http://www.w3.org/2001/XMLSchema' xmlns:ehk='http://kirst.x-road.eu' \
                    xmlns:kir='http://kirst.x-road.eu' xmlns='http://kirst.x-road.eu' \
                    xmlns:xroad='http://x-road.eu/xsd/xroad.xsd' xmlns:rts='http://rets.x-road.eu'";
    let kept = schema.lines().filter(|line| !line.contains("<xsd:import") && !line.contains("wsi:swaRef"));
    declared.to_owned() + &kept.collect::<Vec<_>>().join("\n") + "</xsd:schema>"
}

#[tokio::test]
async fn what_it_answers_is_valid_by_the_schema_of_the_fund() {
    let Some(samples) = std::env::var_os("CLEARANCE_SAMPLES").map(PathBuf::from) else {
        eprintln!("skipped: CLEARANCE_SAMPLES is not set");
        return;
    };
    let wsdl = std::fs::read_to_string(samples.join("tervisekassa/kirst.wsdl")).unwrap();
    let folder = std::env::temp_dir().join(format!("clearance-fund-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (xsd, file) = (folder.join("kirst.xsd"), folder.join("answer.xml"));
    std::fs::write(&xsd, schema(&wsdl)).unwrap();
    let world = World::new();
    let detail = |by: &str| body("rta_detail", by);
    for (service, asked) in [
        ("rta_saatmine", bill("1")),
        ("rta_saatmine", bill("1")),
        ("rta_detail", detail("<arveNumber>1</arveNumber>")),
        ("rta_detail", detail("<arveNumber>9</arveNumber>")),
        ("rta_tyhistus", cancellation("HK000001")),
        ("rta_tyhistus", cancellation("HK000009")),
    ] {
        let answer = world.told(service, &asked).await;
        let (_, answer) = answer.split_once("<s:Body>").unwrap();
        std::fs::write(&file, answer.split_once("</s:Body>").unwrap().0).unwrap();
        let output = Command::new("xmllint").arg("--noout").arg("--schema").arg(&xsd).arg(&file).output();
        let output = output.expect("`xmllint` is installed");
        assert!(output.status.success(), "{service}: {}", String::from_utf8_lossy(&output.stderr));
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
