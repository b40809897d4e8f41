//! The image bank's services below `/dicom-web`: store, search, retrieve.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::header::{ALLOW, CONTENT_TYPE};
use http::{Method, StatusCode};
use jiff::Timestamp;
use stand_in::{Answer, Asked, Role, sha256_hex};

use crate::check::{self, Failed};
use crate::dicom_json;
use crate::{Instance, multipart};

const ROOT: &str = "/dicom-web/";
const FILE: &str = "application/dicom";
const DUPLICATE: u16 = 0x0111;
const OUT_OF_RESOURCES: u16 = 0xa700;
/// A stand-in lives in memory.
const BODY_BYTES_MAX: usize = 512 << 20;
const STORED_BYTES_MAX: usize = 2 << 30;

/// The image bank.
#[derive(Default)]
pub(crate) struct ImageBank {
    stored: Mutex<Vec<Instance>>,
}

/// The instance of a request, from 1, that is to fail, and why.
type ToFail = Option<(u32, u16)>;

impl ImageBank {
    pub(crate) fn instances(&self) -> Vec<Instance> {
        self.lock().clone()
    }

    fn serve(&self, asked: &Asked, to_fail: ToFail) -> Result<Answer, Box<Answer>> {
        let path = asked.uri.path().strip_prefix(ROOT).ok_or_else(not_there)?;
        let steps: Vec<_> = path.split('/').collect();
        match (&asked.method, steps.as_slice()) {
            (&Method::POST, ["studies"]) => self.store(asked, None, to_fail),
            (&Method::POST, ["studies", study]) => self.store(asked, Some(study), to_fail),
            (&Method::GET, ["instances"]) => self.search(asked, None),
            (&Method::GET, ["studies", study, "instances"]) => self.search(asked, Some(study)),
            (&Method::GET, ["studies", study, "series", series, "instances", uid]) => {
                self.retrieve(asked, [study, series, uid])
            }
            (_, ["studies" | "instances", ..]) => Err(Box::new(
                dicom_json::refused(StatusCode::METHOD_NOT_ALLOWED, "not this way").with(ALLOW, "GET, POST"),
            )),
            _ => Err(not_there()),
        }
    }

    fn store(&self, asked: &Asked, study: Option<&str>, to_fail: ToFail) -> Result<Answer, Box<Answer>> {
        let parts = parts(asked)?;
        let mut bank = self.lock();
        let (mut stored, mut failed) = (Vec::<Instance>::new(), Vec::new());
        for (number, part) in (1..).zip(&parts) {
            let forced = to_fail.filter(|(which, _)| *which == number).map(|(_, reason)| reason);
            let taken = check::instance(part.content, study).and_then(|instance| {
                let reason = forced.or_else(|| unwelcome(&bank, &stored, &instance));
                match reason {
                    Some(reason) => Err(Failed { which: Some((instance.class, instance.uid)), reason }),
                    None => Ok(instance),
                }
            });
            match taken {
                Ok(instance) => stored.push(instance),
                Err(why) => failed.push(why),
            }
        }
        let answer = dicom_json::stored(&stored, &failed);
        let before = bank.len();
        for instance in stored {
            if !bank.iter().any(|known| known.uid == instance.uid) {
                bank.push(instance);
            }
        }
        let repeated = bank.len() - before < parts.len() - failed.len();
        Ok(if repeated { answer.remarking("an instance was stored again") } else { answer })
    }

    fn search(&self, asked: &Asked, study: Option<&str>) -> Result<Answer, Box<Answer>> {
        accepts(asked, "application/dicom+json")?;
        let query = asked.uri.query().unwrap_or_default();
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let limit = value("limit").map_or(Ok(usize::MAX), str::parse);
        let limit = limit.map_err(|_| refused(StatusCode::BAD_REQUEST, "`limit` is a number"))?;
        let is_wanted = |instance: &&Instance| {
            study.is_none_or(|study| instance.study == study)
                && value("PatientID").is_none_or(|patient| instance.patient == patient)
                && value("SOPInstanceUID").is_none_or(|uids| uids.split(',').any(|uid| uid == instance.uid))
        };
        let found: Vec<_> = self.lock().iter().filter(is_wanted).take(limit).cloned().collect();
        Ok(dicom_json::found(&found))
    }

    fn retrieve(&self, asked: &Asked, [study, series, uid]: [&str; 3]) -> Result<Answer, Box<Answer>> {
        accepts(asked, "multipart/related")?;
        let bank = self.lock();
        let found =
            bank.iter().find(|known| known.study == study && known.series == series && known.uid == uid);
        let found = found.ok_or_else(|| refused(StatusCode::NOT_FOUND, "there is no such instance"))?;
        let boundary = sha256_hex(&found.file);
        let boundary = boundary.get(..32).unwrap_or(&boundary);
        let head = format!("--{boundary}\r\nContent-Type: {FILE}\r\n\r\n");
        let end = format!("\r\n--{boundary}--\r\n");
        let media_type = format!("multipart/related; type=\"{FILE}\"; boundary={boundary}");
        let mut answer = Answer::empty(StatusCode::OK).with(CONTENT_TYPE, &media_type);
        answer.body = [head.as_bytes(), &found.file, end.as_bytes()].concat();
        Ok(answer)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Instance>> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Role for ImageBank {
    fn answer(&self, asked: &Asked, _now: Timestamp) -> Answer {
        self.serve(asked, None).unwrap_or_else(|refusal| *refusal)
    }

    fn answer_but(&self, asked: &Asked, _now: Timestamp, item: u32, code: &str) -> Answer {
        match u16::from_str_radix(code, 16) {
            Ok(reason) => self.serve(asked, Some((item, reason))).unwrap_or_else(|refusal| *refusal),
            Err(_) => dicom_json::refused(
                StatusCode::INTERNAL_SERVER_ERROR,
                "a failure reason has four hexadecimal digits",
            ),
        }
    }

    fn failure(&self, _asked: &Asked, status: StatusCode) -> Answer {
        match status {
            StatusCode::OK => dicom_json::failure(status),
            _ => dicom_json::refused(status, "the stand-in was told to fail"),
        }
    }

    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }
}

impl fmt::Debug for ImageBank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageBank").field("instances", &self.lock().len()).finish()
    }
}

/// The parts of a request to store, if it is one.
fn parts(asked: &Asked) -> Result<Vec<multipart::Part<'_>>, Box<Answer>> {
    let unsupported = |why| refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, why);
    if asked.media_type().as_deref() != Some("multipart/related") {
        return Err(unsupported("only `multipart/related` is taken"));
    }
    let header = asked.header("content-type").unwrap_or_default();
    if multipart::parameter(header, "type").as_deref() != Some(FILE) {
        return Err(unsupported("only parts of `application/dicom` are taken"));
    }
    accepts(asked, "application/dicom+json")?;
    let boundary = multipart::parameter(header, "boundary").unwrap_or_default();
    let parts =
        multipart::parts(&asked.body, &boundary).map_err(|why| refused(StatusCode::BAD_REQUEST, why))?;
    if parts.is_empty() {
        return Err(refused(StatusCode::BAD_REQUEST, "there is no part"));
    }
    if parts.iter().any(|part| part.media_type().as_deref() != Some(FILE)) {
        return Err(unsupported("a part is not `application/dicom`"));
    }
    Ok(parts)
}

fn accepts(asked: &Asked, media_type: &str) -> Result<(), Box<Answer>> {
    let accepted = asked.header("accept").unwrap_or("*/*");
    if accepted.contains(media_type) || accepted.contains("*/*") {
        Ok(())
    } else {
        Err(refused(StatusCode::NOT_ACCEPTABLE, "there is no answer of that kind"))
    }
}

/// Why an instance that is well made is not stored: its UID stands for another one, or there is no room.
fn unwelcome(bank: &[Instance], before: &[Instance], instance: &Instance) -> Option<u16> {
    let is_another = |known: &Instance| known.uid == instance.uid && known.file != instance.file;
    let bytes = |instances: &[Instance]| instances.iter().map(|known| known.file.len()).sum::<usize>();
    if before.iter().any(|known| known.uid == instance.uid) || bank.iter().any(is_another) {
        Some(DUPLICATE)
    } else if bytes(bank) + bytes(before) + instance.file.len() > STORED_BYTES_MAX {
        Some(OUT_OF_RESOURCES)
    } else {
        None
    }
}

fn refused(status: StatusCode, why: &str) -> Box<Answer> {
    Box::new(dicom_json::refused(status, why))
}

fn not_there() -> Box<Answer> {
    refused(StatusCode::NOT_FOUND, "there is only `/dicom-web/studies` and `/dicom-web/instances`")
}
