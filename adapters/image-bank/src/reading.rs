//! Reading images of a study back: QIDO-RS says which there are (PS3.18 §10.6), WADO-RS gives each (§10.4).
//!
//! What is given here has passed no stage of the journey: whoever calls projects it by [`ANSWER_PROFILE`], with the subject as declared,
//! and records it, before a byte goes to a client. Both calls are bounded; nothing of an answer is in an error.

use bytes::Bytes;
use clearance::adapter::{Call, CallBody, CallFailure, Means, Reply};
use clearance::person::Private;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde::Deserialize;

use crate::dicom_json::{Attribute, Unreadable};
use crate::instance::{Instance, Uid};
use crate::{DICOM_JSON, ImageBank, Settings, multipart};

/// What may be kept of an instance that the image bank gives: a profile for `minimise`, which compares the patient too.
pub const ANSWER_PROFILE: &str = include_str!("../profiles/answer.toml");

/// What an answer says of one instance is well below this.
const ANSWER_BYTES_PER_INSTANCE: u32 = 4 << 10;

/// An instance of a study that the image bank has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    study: Uid,
    series: Uid,
    instance: Instance,
}

/// Why nothing was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadFailure {
    /// There was no answer.
    #[error("the image bank did not answer")]
    Call(#[from] CallFailure),
    /// The answer has another status than it should.
    #[error("the image bank answered with the status {}", .0.as_u16())]
    Status(StatusCode),
    /// The answer cannot be read.
    #[error("the image bank's answer cannot be read")]
    Unreadable,
    /// There are more instances than are read at once.
    #[error("the study has more instances than a transfer may have")]
    TooMany,
    /// The answer is about another person, study or instance than was asked for.
    #[error("the image bank's answer is about something else than was asked for")]
    SomethingElse,
}

impl From<Unreadable> for ReadFailure {
    fn from(Unreadable: Unreadable) -> Self {
        Self::Unreadable
    }
}

#[derive(Deserialize)]
struct Match {
    #[serde(rename = "00080016")]
    class: Attribute<Uid>,
    #[serde(rename = "00080018")]
    uid: Attribute<Uid>,
    #[serde(rename = "00100020")]
    patient: Attribute<String>,
    #[serde(rename = "0020000D")]
    study: Attribute<Uid>,
    #[serde(rename = "0020000E")]
    series: Attribute<Uid>,
}

impl ImageBank {
    /// The instances of `study` that the image bank has of `patient`; none when it has none.
    ///
    /// # Errors
    /// When they cannot be had, or one of them is another person's.
    pub async fn search(
        &self,
        study: &Uid,
        patient: &Private,
        means: &Means<'_>,
    ) -> Result<Vec<Found>, ReadFailure> {
        let most = self.settings.study_instances_max.get();
        let query = format!(
            "PatientID={}&includefield=00100020&limit={}",
            encoded(patient.expose()),
            most.saturating_add(1)
        );
        let path = format!("studies/{}/instances?{query}", study.as_str());
        let bytes_max = ANSWER_BYTES_PER_INSTANCE.saturating_mul(most.saturating_add(1));
        let call = get(&self.settings, &path, "studies/{study}/instances", DICOM_JSON, bytes_max, means);
        let reply = means.transport.call(call).await?;
        if reply.status == StatusCode::NO_CONTENT {
            return Ok(Vec::new());
        }
        let matches: Vec<Match> =
            serde_json::from_slice(&expect(reply)?.body).map_err(|_| ReadFailure::Unreadable)?;
        if matches.len() > most as usize {
            return Err(ReadFailure::TooMany);
        }
        matches.into_iter().map(|found| found.checked(study, patient)).collect()
    }

    /// The instance, as a DICOM file in whichever transfer syntax the image bank has it.
    ///
    /// # Errors
    /// When it cannot be had, or another one is given.
    pub async fn retrieve(&self, found: &Found, means: &Means<'_>) -> Result<Bytes, ReadFailure> {
        const ANY: &str = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";
        let Found { study, series, instance } = found;
        let (study, series, uid) = (study.as_str(), series.as_str(), instance.uid.as_str());
        let path = format!("studies/{study}/series/{series}/instances/{uid}");
        let template = "studies/{study}/series/{series}/instances/{instance}";
        let call = get(&self.settings, &path, template, ANY, self.settings.read_bytes_max.get(), means);
        let reply = expect(means.transport.call(call).await?)?;
        let content_type = reply.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let file = multipart::only_part(content_type.ok_or(ReadFailure::Unreadable)?, &reply.body)
            .ok_or(ReadFailure::Unreadable)?;
        match Instance::of(&file).ok_or(ReadFailure::Unreadable)? {
            given if given == *instance => Ok(file),
            _ => Err(ReadFailure::SomethingElse),
        }
    }
}

impl Match {
    fn checked(self, study: &Uid, patient: &Private) -> Result<Found, ReadFailure> {
        let found = Found {
            study: self.study.one("UI")?,
            series: self.series.one("UI")?,
            instance: Instance { class: self.class.one("UI")?, uid: self.uid.one("UI")? },
        };
        let is_asked_for = found.study == *study && self.patient.one("LO")?.trim() == patient.expose();
        if is_asked_for { Ok(found) } else { Err(ReadFailure::SomethingElse) }
    }
}

fn get(
    settings: &Settings,
    path: &str,
    template: &str,
    accept: &'static str,
    answer_bytes_max: u32,
    means: &Means<'_>,
) -> Call {
    Call {
        peer: settings.peer.clone(),
        method: Method::GET,
        url: Private::new(format!("{}/{path}", settings.url)),
        url_template: format!("{}/{template}", settings.url),
        headers: HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]),
        body: CallBody::default(),
        deadline: means.deadline,
        answer_bytes_max: usize::try_from(answer_bytes_max).unwrap_or(usize::MAX),
    }
}

fn expect(reply: Reply) -> Result<Reply, ReadFailure> {
    if reply.status == StatusCode::OK { Ok(reply) } else { Err(ReadFailure::Status(reply.status)) }
}

/// Percent-encoded but for what stands for itself (RFC 3986 §2.3); an identifier may hold a wildcard of QIDO-RS, which is encoded too
/// and refused by [`Match::checked`], since it equals no identifier.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
