//! What may leave, and what is refused.

mod delivering;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use clearance::basis::{Question, Standing};
use clearance::client::Vouching;
use clearance::declaration::LegalBasis;
use clearance::refusal::{Refusal, Stage as At};
use serde_json::json;

use super::*;
use crate::testing::{STUFFED, SUBJECT, bill, bills, cancellation, declaration, journey, settings, shape};

fn left(purpose: &str, document: &str) -> String {
    let outgoing = shape(purpose, document).unwrap_or_else(|refusal| panic!("{refusal:#?}"));
    String::from_utf8(outgoing.payload().bytes.to_vec()).unwrap()
}

fn refused(document: &str) -> Refusal {
    shape(BILL, document).unwrap_err()
}

fn rules(refusal: &Refusal) -> Vec<(String, String)> {
    refusal.faults.iter().map(|fault| (fault.rule.to_string(), fault.pointer.clone())).collect()
}

#[test]
fn a_bill_leaves_as_it_came_less_what_the_service_does_not_know() {
    let left = left(BILL, STUFFED);
    for kept in ["2026-00417", "M54.5", "3002", "7004", "1.05", "SK-2026-11-0417", "49003120231", "D01234"] {
        assert!(left.contains(kept), "{kept}");
    }
    for gone in ["Mari", "Maasikas", "1990", "Kivila", "herniated", "F32.1", "5.00", "divorce", "sugu"] {
        assert!(!left.contains(gone), "{gone}: {left}");
    }
    let whole = bills(&[bill(1, "1"), bill(2, "2")]);
    assert_eq!(self::left(BILL, &whole), whole, "a bill with every kind of element is not altered");
}

#[test]
fn a_patient_without_an_estonian_code_may_be_named() {
    let document = bills(&[bill(1, "1").replace(
        &format!("<isikukood>{SUBJECT}</isikukood>"),
        "<isikukood>131052-308T</isikukood><eesnimi>Anna</eesnimi><synniKp>1952-10-13</synniKp><sugu>N</sugu>",
    )]);
    let mut declared = declaration(FOREIGN_BILL);
    declared["subject"]["system"] = json!("https://fhir.ee/sid/pid/fin/prn");
    declared["subject"]["value"] = json!("131052-308T");
    let outgoing = journey().shape_document(&declared, XML, document.clone()).unwrap();
    assert_eq!(outgoing.payload().bytes, document.as_bytes());
    let refusal = shape(FOREIGN_BILL, &bills(&[bill(1, "1")])).unwrap_err();
    assert_eq!(rules(&refusal)[0].0, "foreign-code");
}

#[test]
fn what_the_fund_does_not_pay_is_refused_by_the_rule_with_place_and_remedy() {
    let private = bill(2, "2").replace(">RA<", ">TA<");
    let refusal = refused(&bills(&[bill(1, "1"), private]));
    assert_eq!((refusal.stage, refusal.rule.as_str()), (At::Basis, "treatment-bill"));
    let place = "/rta_saatmine/request[1]/raviarved[1]/item[2]/rahastamiseAllikas[1]";
    assert_eq!(rules(&refusal)[0], ("publicly-funded".to_owned(), place.to_owned()));
    assert!(refusal.faults[0].remedy.contains("`RA`"));
    assert_eq!(refusal.faults[1].detail, "it does not hold that each bill is paid from public funds");
    assert!(!format!("{refusal:?}").contains("TA\""));
    let insurer = bill(1, "1").replace("74000091", "10303948");
    assert_eq!(rules(&refused(&bills(&[insurer])))[0].0, "publicly-funded");
}

#[test]
fn a_null_bill_goes_only_where_the_settings_allow_it() {
    let null = bills(&[bill(1, "1").replace(">RA<", ">OR<")]);
    assert_eq!(rules(&refused(&null))[0].0, "publicly-funded");
    let fund = HealthInsuranceFund::new(settings("null_bills = true"));
    let journey = clearance::testing::Journey::to("health-insurance-fund", fund);
    assert!(journey.shape_document(&declaration(BILL), XML, null).is_ok());
}

#[test]
fn only_a_billed_case_goes() {
    let without = |from: &str, to: &str| {
        let item = bill(1, "1");
        let (head, rest) = item.split_once(from).unwrap();
        bills(&[format!("{head}{}", rest.split_once(to).unwrap().1)])
    };
    let changed = |from: &str, to: &str| bills(&[bill(1, "1").replace(from, to)]);
    for (document, rule) in [
        (without("<arveTeenused>", "</arveTeenused>"), "service-billed"),
        (changed("<algKp>2026-11-02", "<algKp>2026-11-17"), "period-in-order"),
        (changed("<teenusKp>2026-11-02", "<teenusKp>2026-11-01"), "service-in-period"),
        (without("<loppKp>", "</loppKp>"), "period-in-order"),
    ] {
        let refusal = refused(&document);
        assert_eq!((refusal.stage, rules(&refusal)[0].0.as_str()), (At::Basis, rule), "{document}");
    }
}

#[test]
fn a_message_that_the_schema_would_refuse_is_refused_here_with_every_place() {
    let item = bill(1, "1");
    let swapped =
        item.replace("<arveJrk>1</arveJrk>", "").replace("<eriala>", "<arveJrk>1</arveJrk><eriala>");
    let lacking = bill(2, "1")
        .replace("<eriala>A33</eriala>", "")
        .replace("</patsient>", "</patsient><patsient><isikukood>49003120231</isikukood></patsient>");
    let refusal = refused(&bills(&[swapped, lacking]));
    assert_eq!(refusal.stage, At::Shape);
    let found: BTreeSet<_> = refusal.faults.iter().map(|fault| fault.rule.as_ref()).collect();
    let expected = ["element-missing", "element-out-of-order", "element-repeated", "number-repeated"];
    assert_eq!(found, BTreeSet::from(expected));
}

#[test]
fn a_value_that_an_element_must_not_have_refuses_the_bill() {
    for (from, to) in [
        (">M54.5<", ">back pain<"),
        (">3002<", ">visit to the doctor<"),
        (">P<", ">X<"),
        (">1.5<", ">much<"),
        (">D01234<", ">Jaan Tamm<"),
        (">2026-11-16<", ">2026-11<"),
    ] {
        let refusal = refused(&bills(&[bill(1, "1").replacen(from, to, 1)]));
        assert_eq!(refusal.stage, At::Document, "{to}: {refusal:?}");
    }
    let test = bills(&[bill(1, "1")]).replace("<raviarved>", "<testimine>true</testimine><raviarved>");
    assert_eq!(refused(&test).stage, At::Document);
}

#[test]
fn a_bill_of_another_patient_is_not_sent_along() {
    let other = bill(2, "2").replace(SUBJECT, "38507140418");
    assert_eq!(refused(&bills(&[bill(1, "1"), other])).rule, "wrong-patient");
}

/// Replaces the text of each element, one after the other, by `marker`.
fn marked(document: &str, marker: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (end, _) in document.match_indices("</") {
        let (before, after) = document.split_at(end);
        let (opened, text) = before.rsplit_once('>').unwrap();
        if !text.trim().is_empty() && !text.contains('<') {
            let name = after.trim_start_matches("</").split('>').next().unwrap();
            found.push((name.to_owned(), format!("{opened}>{marker}{after}")));
        }
    }
    found
}

#[test]
fn a_marker_leaves_only_from_where_a_code_or_a_doctor_s_name_belongs() {
    let journey = journey();
    for document in [STUFFED.to_owned(), bills(&[bill(1, "1")])] {
        let all = marked(&document, "marker of a cause");
        assert!(all.len() > 20, "{}", all.len());
        let leaks = |marker: &str| -> BTreeSet<String> {
            let out = |(_, document): &(String, String)| {
                journey
                    .shape_document(&declaration(BILL), XML, document.clone())
                    .is_ok_and(|out| String::from_utf8_lossy(&out.payload().bytes).contains(marker))
            };
            marked(&document, marker).into_iter().filter(out).map(|(name, _)| name).collect()
        };
        let names: BTreeSet<_> = ["arstiNimi"].map(str::to_owned).into();
        assert!(leaks("marker of a cause").is_subset(&names));
        let codes = [
            "arveNumber",
            "eriala",
            "teenusKoht",
            "saatekirjaNr",
            "teenusKood",
            "dokumendiNumber",
            "arstiNimi",
        ];
        assert!(leaks("MARKER").is_subset(&codes.map(str::to_owned).into()), "{:?}", leaks("MARKER"));
    }
}

fn question(change: impl FnOnce(&mut Question)) -> Question {
    let mut question = Question {
        client: "ehr".parse().unwrap(),
        destination: "health-insurance-fund".parse().unwrap(),
        purpose: BILL.parse().unwrap(),
        legal_basis: bases().remove(0),
        categories: ["identity", "diagnosis"].map(|name| name.parse().unwrap()).into(),
        evidence: ["publicly-funded", "service-billed", "period-in-order", "service-in-period"]
            .map(|kind| format!("{kind}:document"))
            .into(),
        professional: Vouching::Listed,
        standing: Standing::default(),
    };
    change(&mut question);
    question
}

#[test]
fn the_policy_by_its_table() {
    let policy = journey().policy;
    let may = |change: &dyn Fn(&mut Question)| policy.decide(question(change)).is_ok();
    let with = |basis: LegalBasis| policy.decide(question(|of| of.legal_basis = basis)).is_ok();
    assert!(bases().into_iter().all(with));
    assert!(may(&|of| (of.purpose, of.evidence) = (CANCELLATION.parse().unwrap(), BTreeSet::new())));
    for kind in ["publicly-funded", "service-billed", "period-in-order", "service-in-period"] {
        assert!(
            !may(&|of| {
                of.evidence.remove(&format!("{kind}:document"));
            }),
            "{kind}"
        );
    }
    // What a client says of its own bill is no evidence.
    assert!(!may(&|of| {
        of.evidence.remove("publicly-funded:document");
        of.evidence.insert("publicly-funded:declared".into());
    }));
    assert!(!may(&|of| of.purpose = FOREIGN_BILL.parse().unwrap()));
    assert!(!may(&|of| of.purpose = "marketing".parse().unwrap()));
    assert!(!may(&|of| of.legal_basis.gdpr6 = "6(1)(f)".into()));
    assert!(!may(&|of| of.legal_basis.gdpr9 = "9(2)(b)".into()));
    assert!(!may(&|of| of.legal_basis.section = "33".into()));
    assert!(!may(&|of| of.categories = BTreeSet::from(["note".parse().unwrap()])));
    assert!(!may(&|of| of.categories = BTreeSet::from(["finding".parse().unwrap()])));
}

fn samples() -> Option<PathBuf> {
    let folder = std::env::var_os("CLEARANCE_SAMPLES").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: CLEARANCE_SAMPLES is not set");
    }
    folder
}

/// The schema inside kirst.wsdl, without imports: what bills use has none.
fn schema(wsdl: &str) -> String {
    let (_, schema) = wsdl.split_once("<xsd:schema").unwrap();
    let (schema, _) = schema.split_once("</xsd:schema>").unwrap();
    let schema = "<xsd:schema xmlns:xsd='http://www.w3.org/2001/XMLSchema' xmlns:ehk='http://kirst.x-road.eu' \
         xmlns:kir='http://kirst.x-road.eu' xmlns='http://kirst.x-road.eu' xmlns:xroad='http://x-road.eu/xsd/xroad.xsd' \
         xmlns:rts='http://rets.x-road.eu' xmlns:wsi='http://ws-i.org/profiles/basic/1.1/xsd'"
        .to_owned()
        + schema;
    let kept = schema.lines().filter(|line| !line.contains("<xsd:import") && !line.contains("wsi:swaRef"));
    kept.collect::<Vec<_>>().join("\n") + "</xsd:schema>"
}

#[test]
fn what_leaves_is_valid_by_the_schema_of_the_fund() {
    let Some(samples) = samples() else { return };
    let wsdl = std::fs::read_to_string(samples.join("tervisekassa/kirst.wsdl")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let xsd = folder.path().join("kirst.xsd");
    std::fs::write(&xsd, schema(&wsdl)).unwrap();
    let validate = |document: &str| {
        let file = folder.path().join("message.xml");
        std::fs::File::create(&file).unwrap().write_all(document.as_bytes()).unwrap();
        let output = Command::new("xmllint").arg("--noout").arg("--schema").arg(&xsd).arg(&file).output();
        output.expect("`xmllint` is installed")
    };
    for document in [
        left(BILL, STUFFED),
        left(BILL, &bills(&[bill(1, "1"), bill(2, "2")])),
        left(CANCELLATION, &cancellation(&["HK1", "HK2"])),
    ] {
        let output = validate(&document);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let invalid = bills(&[bill(1, "1")]).replace("<eriala>A33</eriala>", "");
    assert!(!validate(&invalid).status.success(), "the schema decides");
}
