use serde_json::{Value, json};

use super::{Bench, ISSUE, bench, issues};

const PATH: &str = "/r1/ee-test/GOV/70001490/register/driver-fitness";

fn record() -> Value {
    json!({
        "certificateId": "HCERT-1",
        "status": "final",
        "statusUpdateTime": "2026-11-20T10:00:00Z",
        "personId": "39901012239",
        "personIdOID": "1.3.6.1.4.1.28284.6.2.2.1",
        "personCountry": "EE",
        "personNameGiven": "Jaan",
        "personNameFamily": "Näidis",
        "personBirthDate": "1999-01-01",
        "certificateDecisions": [{
            "id": "1",
            "type": "driver-group-I",
            "code": "171353001",
            "validFrom": "2026-11-20",
            "validUntil": "2036-11-20",
            "restrictions": [{ "code": "00.98" }],
        }],
        "issuerOrganisation": "10303948",
        "issuerDoctor": "D12345",
    })
}

impl Bench {
    async fn register(&self, record: &Value) -> stand_in::testing::Reply {
        let headers = [("content-type", "application/json"), ISSUE];
        self.call("POST", PATH, &headers, &record.to_string()).await.unwrap()
    }
}

#[tokio::test]
async fn the_slim_record_is_taken_once() {
    let bench = bench();
    let first = bench.register(&record()).await;
    assert_eq!(first.status, 200, "{:?}", first.body);
    assert_eq!(first.json()["certificateId"], "HCERT-1");
    assert_eq!(bench.register(&record()).await.body, first.body);
    assert_eq!(bench.stand_in.driver_records(), [record()]);
}

#[tokio::test]
async fn a_newer_record_replaces_and_an_older_one_does_not() {
    let bench = bench();
    bench.register(&record()).await;
    let mut newer = record();
    newer["status"] = json!("cancelled");
    newer["statusUpdateTime"] = json!("2026-11-21T10:00:00Z");
    assert_eq!(bench.register(&newer).await.status, 200);
    assert_eq!(bench.register(&record()).await.status, 409);
    assert_eq!(bench.stand_in.driver_records(), [newer]);
}

/// One way to spoil the record, and how the refusal calls it.
type Spoil = (fn(&mut Value), &'static str);

#[tokio::test]
async fn one_field_more_or_a_field_with_other_content_is_refused() {
    let bench = bench();
    let spoils: &[Spoil] = &[
        (|r| r["diagnosis"] = json!("H53.5"), "structure *"),
        (|r| r["certificateDecisions"][0]["note"] = json!("x"), "structure certificateDecisions[0].*"),
        (
            |r| r["certificateDecisions"][0]["restrictions"][0]["text"] = json!("x"),
            "structure certificateDecisions[0].restrictions[0].*",
        ),
        (
            |r| r["certificateDecisions"][0]["restrictions"][0]["code"] = json!("prillid"),
            "value certificateDecisions[0].restrictions[0].code",
        ),
        (|r| r["certificateDecisions"][0]["code"] = json!("terve"), "value certificateDecisions[0].code"),
        (|r| r["certificateDecisions"] = json!([{}, {}, {}]), "value certificateDecisions"),
        (
            |r| drop(r["certificateDecisions"][0].as_object_mut().unwrap().remove("validUntil")),
            "required certificateDecisions[0].validUntil",
        ),
        (|r| r["personId"] = json!("39901012238"), "value personId"),
        (|r| r["personNameGiven"] = json!("Jaan 1"), "value personNameGiven"),
        (|r| r["issuerOrganisation"] = json!("10303949"), "value issuerOrganisation"),
        (|r| drop(r.as_object_mut().unwrap().remove("issuerDoctor")), "value issuerDoctor"),
        (|r| r["personBirthDate"] = json!("1999"), "value personBirthDate"),
    ];
    for (spoil, expected) in spoils {
        let mut record = record();
        spoil(&mut record);
        let reply = bench.register(&record).await;
        assert_eq!(reply.status, 400, "{expected}");
        let issues = issues(&reply);
        assert!(issues.iter().any(|issue| issue == expected), "{expected}: {issues:?}");
    }
    assert!(bench.stand_in.driver_records().is_empty());
}

#[tokio::test]
async fn the_register_wants_a_reason_and_knows_one_call() {
    let bench = bench();
    let json = ("content-type", "application/json");
    let body = record().to_string();
    assert_eq!(bench.call("POST", PATH, &[json], &body).await.unwrap().status, 400);
    assert_eq!(bench.call("POST", PATH, &[ISSUE], &body).await.unwrap().status, 415);
    assert_eq!(bench.call("GET", PATH, &[ISSUE, json], "").await.unwrap().status, 404);
}
