//! Which instances a transfer holds, and which of them go into the next request.

use std::collections::BTreeMap;

use bytes::Bytes;
use clearance::fault::Fault;
use clearance::journey::{Cleared, ClearedPart, Part, Payload};
use serde::{Deserialize, Serialize};

use crate::Settings;
use crate::instance::Instance;

/// The instances of a transfer, in the order of its documents. It is sealed with them, so that no part has to be opened to learn which
/// instance it is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Listed(Vec<Instance>);

/// One instance to be sent.
#[derive(Debug)]
pub(crate) struct Sending<'c> {
    pub(crate) part: ClearedPart<'c>,
    pub(crate) instance: Instance,
}

/// What one request carries.
#[derive(Debug)]
pub(crate) struct Batch<'c> {
    pub(crate) sending: Vec<Sending<'c>>,
    /// The numbers of the documents that are left after it.
    pub(crate) left: Vec<u32>,
}

impl Listed {
    /// The instances of these documents.
    ///
    /// # Errors
    /// Every document that is no instance, or the same as one before.
    pub(crate) fn of(parts: &[Part]) -> Result<Self, Vec<Fault>> {
        let (mut listed, mut faults, mut first) = (Vec::new(), Vec::new(), BTreeMap::new());
        for part in parts {
            let Some(instance) = Instance::of(part.head()) else {
                faults.push(no_instance(part.number()));
                continue;
            };
            if let Some(first) = first.insert(instance.uid.clone(), part.number()) {
                faults.push(twice(part.number(), first));
            }
            listed.push(instance);
        }
        if faults.is_empty() { Ok(Self(listed)) } else { Err(faults) }
    }

    /// As it is sealed with the documents.
    pub(crate) fn payload(&self) -> Payload {
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        Payload {
            operation: "store".into(),
            media_type: "application/json".into(),
            bytes: Bytes::from(bytes),
        }
    }
}

impl<'c> Batch<'c> {
    /// The next of what the image bank has not confirmed; nothing when the list is not one of ours.
    pub(crate) fn next(cleared: &'c Cleared, settings: &Settings) -> Option<Self> {
        let Listed(listed) = serde_json::from_slice(&cleared.payload().bytes).ok()?;
        if listed.len() != cleared.parts().count() {
            return None;
        }
        let mut left = cleared.parts().zip(listed).filter(|(part, _)| !part.is_done()).peekable();
        let (mut sending, mut bytes) = (Vec::new(), 0_u64);
        while let Some((part, instance)) = left.next_if(|(part, _)| {
            let has_room = sending.len() < settings.batch_instances_max.get() as usize
                && bytes.saturating_add(part.length()) <= settings.batch_bytes_max.get();
            sending.is_empty() || has_room
        }) {
            bytes = bytes.saturating_add(part.length());
            sending.push(Sending { part, instance });
        }
        Some(Self { sending, left: left.map(|(part, _)| part.number()).collect() })
    }
}

fn no_instance(number: u32) -> Fault {
    Fault::new(
        "dicom-instance",
        format!("document[{number}]"),
        "its file meta information does not say which instance it is",
        "send a DICOM file with (0002,0002) and (0002,0003)",
    )
}

fn twice(number: u32, first: u32) -> Fault {
    Fault::new(
        "instance-repeated",
        format!("document[{number}] (0008,0018)"),
        format!("it is the same instance as document[{first}]"),
        "send each instance once",
    )
}
