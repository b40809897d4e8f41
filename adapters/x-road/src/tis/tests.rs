use super::*;
use crate::request::{X_ROAD_ID, X_ROAD_ISSUE};
use crate::testing::{Hands, PROFESSIONAL, Stage, means, reply};
use crate::trouble::Effect;

const SUBJECT: &str = "37207279996";
const OTHER_PROFESSIONAL: &str = "36201182245";

fn tis() -> Tis {
    let settings = serde_json::json!({
        "peer": "security-server", "url": "https://security.example", "instance": "ee-test",
        "client": "COM/10303948/gw", "organisation": "10303948", "application": "clearance",
    });
    Tis::new(serde_json::from_value(settings).unwrap()).unwrap()
}

fn errand(professional: &Private) -> Errand<'_> {
    Errand { professional, role: "doctor", reason: "juhi tervisetõend", message: Uuid::from_bytes([7; 16]) }
}

fn subject() -> Identifier {
    Identifier { system: clearance::person::ESTONIAN_PERSONAL_CODE.into(), value: Private::new(SUBJECT) }
}

fn token(value: &str) -> Result<Reply, clearance::adapter::CallFailure> {
    reply(200, &format!(r#"{{"accessToken":"{value}","expiresIn":300,"tokenType":"Bearer"}}"#))
}

fn patients(ids: &[(&str, &str)]) -> Result<Reply, clearance::adapter::CallFailure> {
    let entries: Vec<_> = ids
        .iter()
        .map(|(id, code)| {
            serde_json::json!({ "resource": { "resourceType": "Patient", "id": id, "active": true,
                "identifier": [ { "system": clearance::person::ESTONIAN_PERSONAL_CODE, "value": code } ] } })
        })
        .collect();
    let bundle = serde_json::json!({ "resourceType": "Bundle", "type": "searchset", "entry": entries });
    reply(200, &bundle.to_string())
}

fn get() -> FhirRequest {
    FhirRequest { method: Method::GET, resource: Resource::root().at("Composition").item("500"), body: None }
}

fn authorizations(stage: &Stage) -> Vec<String> {
    let of = |call: clearance::adapter::Call| {
        call.headers.get("authorization").map_or("-".into(), |value| value.to_str().unwrap().to_owned())
    };
    stage.calls().into_iter().map(of).collect()
}

#[tokio::test]
async fn a_token_is_asked_for_as_tehik_describes_it() {
    let stage = Stage::answering([token("t1"), patients(&[("517685", SUBJECT)])]);
    let clock = Hands::default();
    let professional = Private::new(PROFESSIONAL);
    let id = tis().patient(errand(&professional), &subject(), &means(&stage, &clock)).await.unwrap();
    assert_eq!(id.as_deref(), Some("517685"));
    let calls = stage.calls();
    assert_eq!(calls[0].url.expose(), "https://security.example/r1/ee-test/GOV/70009770/tis/auth/v2/token");
    let demand: serde_json::Value = serde_json::from_slice(&calls[0].body.in_memory().unwrap()).unwrap();
    let expected = serde_json::json!({ "user": { "personalCode": PROFESSIONAL }, "organization": "10303948",
        "role": "doctor", "application": "clearance" });
    assert_eq!(demand, expected);
    assert_eq!(
        calls[1].url.expose(),
        "https://security.example/r1/ee-test/GOV/70009770/tis/mpi/Patient\
         ?identifier=https%3A%2F%2Ffhir.ee%2Fsid%2Fpid%2Fest%2Fni%7C37207279996"
    );
    assert_eq!(calls[1].headers["authorization"], "Bearer t1");
    assert_eq!(calls[1].headers[X_ROAD_ISSUE], "juhi tervisetõend".as_bytes());
    assert_ne!(calls[0].headers[X_ROAD_ID], calls[1].headers[X_ROAD_ID]);
}

#[tokio::test]
async fn a_token_lives_for_its_lifetime_less_a_margin() {
    let stage = Stage::answering([token("t1"), reply(200, ""), reply(200, ""), token("t2"), reply(200, "")]);
    let (tis, clock, professional) = (tis(), Hands::default(), Private::new(PROFESSIONAL));
    for seconds in [0, 269, 1] {
        clock.turn(seconds);
        tis.fhir(errand(&professional), get(), &means(&stage, &clock)).await.unwrap();
    }
    assert_eq!(authorizations(&stage), ["-", "Bearer t1", "Bearer t1", "-", "Bearer t2"]);
}

#[tokio::test]
async fn no_professional_or_role_uses_the_token_of_another() {
    let answers = ["t1", "t2", "t3"].into_iter().flat_map(|value| [token(value), reply(200, "")]);
    let stage = Stage::answering(answers);
    let (tis, clock) = (tis(), Hands::default());
    let (one, other) = (Private::new(PROFESSIONAL), Private::new(OTHER_PROFESSIONAL));
    let nurse = Errand { role: "nurse", ..errand(&one) };
    for errand in [errand(&one), errand(&other), nurse] {
        tis.fhir(errand, get(), &means(&stage, &clock)).await.unwrap();
    }
    assert_eq!(authorizations(&stage), ["-", "Bearer t1", "-", "Bearer t2", "-", "Bearer t3"]);
}

#[tokio::test]
async fn errands_of_one_professional_at_once_fetch_one_token() {
    let stage = Stage::answering([token("t1"), reply(200, ""), reply(200, ""), reply(200, "")]);
    let (tis, clock, professional) = (tis(), Hands::default(), Private::new(PROFESSIONAL));
    let means = means(&stage, &clock);
    let (a, b, c) = tokio::join!(
        tis.fhir(errand(&professional), get(), &means),
        tis.fhir(errand(&professional), get(), &means),
        tis.fhir(errand(&professional), get(), &means),
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(authorizations(&stage), ["-", "Bearer t1", "Bearer t1", "Bearer t1"]);
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_dropped_and_fetched_once_more() {
    let stage = Stage::answering([token("t1"), reply(401, ""), token("t2"), reply(401, "")]);
    let (tis, clock, professional) = (tis(), Hands::default(), Private::new(PROFESSIONAL));
    let reply = tis.fhir(errand(&professional), get(), &means(&stage, &clock)).await.unwrap();
    assert_eq!(reply.status, 401);
    assert_eq!(authorizations(&stage), ["-", "Bearer t1", "-", "Bearer t2"]);
}

#[tokio::test]
async fn whatever_keeps_a_token_away_the_document_has_not_arrived() {
    use clearance::adapter::CallFailure;
    for (answer, effect, code) in [
        (reply(403, ""), Effect::Permanent, "tis-professional-not-entitled"),
        (reply(429, ""), Effect::NotArrived, "tis-token-not-given"),
        (reply(503, ""), Effect::NotArrived, "tis-token-not-given"),
        (reply(200, "<html>"), Effect::NotArrived, "tis-token-unreadable"),
        (
            reply(200, r#"{"accessToken":"a\nb","expiresIn":300,"tokenType":"Bearer"}"#),
            Effect::NotArrived,
            "tis-token-unreadable",
        ),
        (Err(CallFailure::TimedOut), Effect::NotArrived, "timed-out"),
    ] {
        let stage = Stage::answering([answer]);
        let (clock, professional) = (Hands::default(), Private::new(PROFESSIONAL));
        let trouble = tis().fhir(errand(&professional), get(), &means(&stage, &clock)).await.unwrap_err();
        assert_eq!((trouble.effect, &*trouble.setback.code), (effect, code));
    }
}

#[tokio::test]
async fn the_index_proves_one_person_or_nothing() {
    for (answer, expected) in [
        (patients(&[("517685", SUBJECT)]), Ok(Some("517685"))),
        (patients(&[]), Ok(None)),
        (patients(&[("1", SUBJECT), ("2", SUBJECT)]), Err("tis-index-ambiguous")),
        (patients(&[("1", OTHER_PROFESSIONAL)]), Err("tis-index-ambiguous")),
        (patients(&[("../1", SUBJECT)]), Err("tis-index-unreadable")),
        (reply(200, r#"{"resourceType":"Patient","id":"1"}"#), Err("tis-index-unreadable")),
        (reply(200, "garbage"), Err("tis-index-unreadable")),
        (reply(503, ""), Err("tis-index-no-answer")),
        (reply(403, ""), Err("tis-index-refused")),
    ] {
        let stage = Stage::answering([token("t"), answer]);
        let (clock, professional, subject) = (Hands::default(), Private::new(PROFESSIONAL), subject());
        let inquiry = IndexInquiry {
            subject: &subject,
            professional: &professional,
            role: "doctor",
            reason: "x",
            message: Uuid::from_bytes([7; 16]),
        };
        let answer = tis().index_id(inquiry, &means(&stage, &clock)).await;
        assert_eq!(answer.as_ref().map(Option::as_deref).map_err(|setback| &*setback.code), expected);
    }
}

#[tokio::test]
async fn neither_tokens_nor_codes_print() {
    let stage = Stage::answering([token("secret-token"), patients(&[("517685", SUBJECT)])]);
    let (tis, clock, professional) = (tis(), Hands::default(), Private::new(PROFESSIONAL));
    tis.patient(errand(&professional), &subject(), &means(&stage, &clock)).await.unwrap();
    let (errand, inquiry) = (errand(&professional), patient::inquiry(&subject()));
    let printed = format!("{tis:?} {errand:?} {inquiry:?} {:?}", stage.calls().pop().unwrap());
    for text in ["secret-token", PROFESSIONAL, SUBJECT] {
        assert!(!printed.contains(text), "{text}");
    }
}

#[test]
fn settings_that_tis_would_not_take_are_refused() {
    let settings = |name: &str, value: &str| {
        let mut settings = serde_json::json!({
            "peer": "p", "url": "https://security.example", "instance": "ee-test",
            "client": "COM/10303948/gw", "organisation": "10303948", "application": "clearance",
        });
        settings[name] = value.into();
        serde_json::from_value::<TisSettings>(settings)
    };
    assert!(Tis::new(settings("application", "two words").unwrap()).is_err());
    assert!(Tis::new(settings("url", "security.example").unwrap()).is_err());
    assert!(settings("client", "COM").is_err());
    assert!(settings("instance", "ee/test").is_err());
    assert!(settings("colour", "red").is_err());
}
