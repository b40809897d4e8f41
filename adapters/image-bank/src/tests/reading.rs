//! Reading images of a study back.

use bytes::Bytes;
use clearance::person::Private;
use serde_json::{Value, json};

use crate::reading::{Found, ReadFailure};
use crate::testing::{CT, SUBJECT, Stage, dicom, image_bank, reply};
use crate::{ImageBank, Uid};

fn uid(text: &str) -> Uid {
    Uid::try_from(text.to_owned()).unwrap()
}

fn matched(instance: &str) -> Value {
    let ui = |uid: &str| json!({ "vr": "UI", "Value": [uid] });
    json!({ "00080005": { "vr": "CS", "Value": ["ISO_IR 192"] }, "00080016": ui(CT), "00080018": ui(instance),
        "00100020": { "vr": "LO", "Value": [SUBJECT] }, "0020000D": ui("1.9"), "0020000E": ui("1.9.1") })
}

async fn search(bank: &ImageBank, status: u16, body: &Value) -> Result<Vec<Found>, ReadFailure> {
    let stage = Stage::answering([reply(status, "application/dicom+json", body.to_string().as_bytes())]);
    bank.search(&uid("1.9"), &Private::new(SUBJECT), &stage.means()).await
}

#[tokio::test]
async fn a_search_gives_the_instances_of_that_study_and_person_only() {
    let bank = image_bank(1);
    assert_eq!(search(&bank, 200, &json!([matched("1.1"), matched("1.2")])).await.unwrap().len(), 2);
    assert_eq!(search(&bank, 200, &json!([])).await.unwrap(), []);
    assert_eq!(search(&bank, 204, &json!(null)).await.unwrap(), []);
    for (tag, vr, other) in [("00100020", "LO", "38507140418"), ("0020000D", "UI", "1.8")] {
        let mut of_another = matched("1.1");
        of_another[tag] = json!({ "vr": vr, "Value": [other] });
        assert_eq!(search(&bank, 200, &json!([of_another])).await, Err(ReadFailure::SomethingElse));
    }
    for (status, body, failure) in [
        (200, json!({ "error": "no" }), ReadFailure::Unreadable),
        (200, json!([{}]), ReadFailure::Unreadable),
        (200, json!(vec![matched("1.1"); 2001]), ReadFailure::TooMany),
        (404, json!([]), ReadFailure::Status(http::StatusCode::NOT_FOUND)),
    ] {
        assert_eq!(search(&bank, status, &body).await, Err(failure));
    }
}

#[tokio::test]
async fn an_instance_is_given_whole_and_is_the_one_asked_for() {
    let (bank, file) = (image_bank(1), dicom(CT, "1.1"));
    let found = search(&bank, 200, &json!([matched("1.1")])).await.unwrap().remove(0);
    let body = |file: &[u8]| {
        Bytes::from([b"--b\r\nContent-Type: application/dicom\r\n\r\n", file, b"\r\n--b--\r\n"].concat())
    };
    let retrieve = async |file: &[u8]| {
        let stage = Stage::answering([reply(
            200,
            "multipart/related; type=\"application/dicom\"; boundary=b",
            &body(file),
        )]);
        let given = bank.retrieve(&found, &stage.means()).await;
        (given, stage.calls().remove(0).0)
    };
    let (given, call) = retrieve(&file).await;
    assert_eq!(given.unwrap(), file);
    assert_eq!(call.url.expose(), "https://bank.example/dicom-web/studies/1.9/series/1.9.1/instances/1.1");
    assert!(!call.url_template.contains("1.9") && !format!("{call:?}").contains("1.9"));
    assert_eq!(retrieve(&dicom(CT, "1.2")).await.0, Err(ReadFailure::SomethingElse));
    assert_eq!(retrieve(b"no file").await.0, Err(ReadFailure::Unreadable));
}

#[tokio::test]
async fn a_person_is_asked_for_in_the_address_and_named_nowhere_else() {
    let stage = Stage::answering([reply(200, "application/dicom+json", b"[]")]);
    image_bank(1).search(&uid("1.9"), &Private::new("a b*&c"), &stage.means()).await.unwrap();
    let (call, _) = stage.calls().remove(0);
    assert!(call.url.expose().contains("?PatientID=a%20b%2A%26c&"));
    assert!(!call.url_template.contains('?') && !format!("{call:?}").contains("a%20b"));
}
