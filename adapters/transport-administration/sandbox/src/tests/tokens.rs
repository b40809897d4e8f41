use serde_json::{Value, json};

use super::{DOCTOR, EMPLOYER, ISSUE, OFFICIAL, PATIENT, TIS, bench, issues, token_body};

const SEARCH: &str = "/mpi/Patient?identifier=https%3A%2F%2Ffhir.ee%2Fsid%2Fpid%2Fest%2Fni%7C";

#[tokio::test]
async fn a_person_with_the_right_gets_a_token_of_the_announced_kind() {
    let bench = bench();
    let answer = bench.token_request(&token_body(DOCTOR, "doctor")).await.json();
    assert_eq!(answer["expiresIn"], 300);
    assert_eq!(answer["tokenType"], "Bearer");
    let token = answer["accessToken"].as_str().unwrap();
    assert!(token.len() >= 32 && !token.contains(DOCTOR));
    let other = bench.token_request(&token_body(DOCTOR, "doctor")).await.json();
    assert_ne!(other["accessToken"], answer["accessToken"]);
}

#[tokio::test]
async fn whoever_has_no_such_right_gets_none() {
    let bench = bench();
    let with = |pointer: &str, value: Value| {
        let mut body = token_body(DOCTOR, "doctor");
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let mut extra = token_body(DOCTOR, "doctor");
    extra["purpose"] = json!("x");
    let mut represented = token_body(DOCTOR, "doctor");
    represented["representedParty"] = json!("76543217");
    let mut less = token_body(DOCTOR, "doctor");
    less.as_object_mut().unwrap().remove("application");
    for (body, status) in [
        (with("/user/personalCode", json!("45007090929")), 400),
        (with("/role", json!("director")), 400),
        (with("/application", json!("two words")), 400),
        (extra, 400),
        (less, 400),
        (with("/organization", json!("76543217")), 403),
        (with("/role", json!("nurse")), 403),
        (with("/user/personalCode", json!(PATIENT)), 403),
        (represented, 403),
    ] {
        let reply = bench.token_request(&body).await;
        assert_eq!(reply.status, status, "{body}");
    }
    let mut body = token_body(OFFICIAL, "org-legal-representative");
    body["representedParty"] = json!(EMPLOYER);
    assert_eq!(bench.token_request(&body).await.status, 200);
}

#[tokio::test]
async fn a_token_expires_although_it_was_announced_longer() {
    let bench = bench();
    let token = bench.token(DOCTOR, "doctor").await;
    let path = format!("{TIS}{SEARCH}{PATIENT}");
    let headers = [("authorization", token.as_str()), ISSUE];
    bench.pass(59);
    assert_eq!(bench.call("GET", &path, &headers, "").await.unwrap().status, 200);
    bench.pass(1);
    let reply = bench.call("GET", &path, &headers, "").await.unwrap();
    assert_eq!(reply.status, 401);
    assert_eq!(issues(&reply), ["expired "]);
    let headers = [("authorization", "Bearer invented"), ISSUE];
    let reply = bench.call("GET", &path, &headers, "").await.unwrap();
    assert_eq!((reply.status.as_u16(), issues(&reply)), (401, vec!["login ".to_owned()]));
}

#[tokio::test]
async fn the_index_finds_whom_it_knows_and_no_one_else() {
    let bench = bench();
    let token = bench.token(DOCTOR, "doctor").await;
    let headers = [("authorization", token.as_str()), ISSUE];
    let reply = bench.call("GET", &format!("{TIS}{SEARCH}{PATIENT}"), &headers, "").await.unwrap();
    let bundle = reply.json();
    assert_eq!((&bundle["type"], &bundle["total"]), (&json!("searchset"), &json!(1)));
    let patient = &bundle["entry"][0]["resource"];
    assert_eq!(patient["identifier"][0]["value"], PATIENT);
    assert_eq!(patient["birthDate"], "1999-01-01");
    assert_eq!(patient["id"], bench.patient_id(&token).await);

    let reply = bench.call("GET", &format!("{TIS}{SEARCH}60001017869"), &headers, "").await.unwrap();
    assert_eq!(reply.json(), json!({ "resourceType": "Bundle", "type": "searchset", "total": 0 }));

    for (path, status) in [
        (format!("{TIS}{SEARCH}39901012238"), 400),
        (format!("{TIS}/mpi/Patient?identifier=https://fhir.ee/sid/pid/est/ni|{PATIENT}"), 400),
        (format!("{TIS}/mpi/Patient?family=Näidis").replace('ä', "%C3%A4"), 400),
        (format!("{TIS}/mpi/Patient"), 400),
        (format!("{TIS}/mpi/Patient/0"), 404),
        (format!("{TIS}/mpi/Patient?identifier=https://fhir.ee/sid/pid/est%7C{PATIENT}"), 200),
    ] {
        let reply = bench.call("GET", &path, &headers, "").await.unwrap();
        assert_eq!(reply.status, status, "{path}");
    }
}

#[tokio::test]
async fn the_index_wants_a_reason_and_a_role() {
    let bench = bench();
    let path = format!("{TIS}{SEARCH}{PATIENT}");
    let doctor = bench.token(DOCTOR, "doctor").await;
    let reply = bench.call("GET", &path, &[("authorization", &doctor)], "").await.unwrap();
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["issue"][0]["details"]["coding"][0]["code"], "MPI-032");
    let official = bench.token(OFFICIAL, "gov-official").await;
    let reply = bench.call("GET", &path, &[("authorization", &official), ISSUE], "").await.unwrap();
    assert_eq!((reply.status.as_u16(), issues(&reply)), (403, vec!["forbidden ".to_owned()]));
}
