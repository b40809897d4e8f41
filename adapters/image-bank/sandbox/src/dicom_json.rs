//! What the image bank answers with: DICOM in JSON (PS3.18 annex F), written by hand.

use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use stand_in::Answer;

use crate::Instance;
use crate::check::Failed;

const MEDIA_TYPE: &str = "application/dicom+json";

/// The answer to a request to store: what was stored, and what was not.
pub(crate) fn stored(stored: &[Instance], failed: &[Failed]) -> Answer {
    let status = match (stored.is_empty(), failed.is_empty()) {
        (_, true) => StatusCode::OK,
        (false, false) => StatusCode::ACCEPTED,
        (true, false) => StatusCode::CONFLICT,
    };
    let which = |class: &str, uid: &str| json!({ "00081150": ui(class), "00081155": ui(uid) });
    let referenced: Vec<_> = stored.iter().map(|instance| which(&instance.class, &instance.uid)).collect();
    let (mut refused, mut unknown) = (Vec::new(), Vec::new());
    for Failed { which: known, reason } in failed {
        let reason = json!({ "vr": "US", "Value": [reason] });
        match known {
            Some((class, uid)) => {
                let mut item = which(class, uid);
                if let Some(item) = item.as_object_mut() {
                    item.insert("00081197".to_owned(), reason);
                }
                refused.push(item);
            }
            None => unknown.push(json!({ "00081197": reason })),
        }
    }
    let mut body = json!({ "00081190": { "vr": "UR" } });
    let sequences = [("00081198", refused), ("00081199", referenced), ("0008119A", unknown)];
    for (tag, items) in sequences.into_iter().filter(|(_, items)| !items.is_empty()) {
        if let Some(body) = body.as_object_mut() {
            body.insert(tag.to_owned(), json!({ "vr": "SQ", "Value": items }));
        }
    }
    Answer::json(status, MEDIA_TYPE, &body)
}

/// The answer to a search.
pub(crate) fn found(instances: &[Instance]) -> Answer {
    if instances.is_empty() {
        return Answer::empty(StatusCode::NO_CONTENT);
    }
    let found: Vec<_> = instances
        .iter()
        .map(|instance| {
            json!({
                "00080016": ui(&instance.class),
                "00080018": ui(&instance.uid),
                "00100020": { "vr": "LO", "Value": [instance.patient] },
                "0020000D": ui(&instance.study),
                "0020000E": ui(&instance.series),
            })
        })
        .collect();
    Answer::json(StatusCode::OK, MEDIA_TYPE, &Value::Array(found))
}

/// A refusal of the whole request: the standard gives it no form but a status and a text.
pub(crate) fn refused(status: StatusCode, why: &str) -> Answer {
    let mut answer = Answer::empty(status).with(CONTENT_TYPE, "text/plain");
    answer.body = why.as_bytes().to_vec();
    answer
}

/// A failure that the body alone tells.
pub(crate) fn failure(status: StatusCode) -> Answer {
    let body =
        json!({ "0008119A": { "vr": "SQ", "Value": [{ "00081197": { "vr": "US", "Value": [0x0110] } }] } });
    Answer::json(status, MEDIA_TYPE, &body)
}

fn ui(uid: &str) -> Value {
    json!({ "vr": "UI", "Value": [uid] })
}
