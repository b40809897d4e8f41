//! A destination for tests only: it takes images that stream through, and writes down what it has been given.
//!
//! Behind the feature `test-destination`; no gateway that is shipped has it. It calls nobody: its settings name a file.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use clearance::adapter::{
    Acknowledgement, Adapter, Description, Direction, Documents, Means, Outcome, Promise, PurposeDescription,
    Setback,
};
use clearance::fault::Fault;
use clearance::journey::{Cleared, Minimal, Outgoing, Payload};
use clearance::seal::PartFailure;
use serde::Deserialize;

const POLICY: &str = r#"
    @id("shelf.images")
    @reason("images may be put on the shelf")
    @condition_1("the purpose is `images`")
    permit (principal, action == Action::"disclose", resource)
    when { context.purpose == "images" };
"#;

const PROFILE: &str = r#"
    profile = "shelf"
    version = "1"
    format = "dicom"
    on_excess = "strip"
    burned_in_unknown = "allow"

    [subject]
    paths = ["PatientID"]
    systems = { "https://fhir.ee/sid/pid/est/ni" = "" }

    [[keep]]
    path = "PatientID"
    equals = "declared-subject"
    category = "identity"
    ground = "an invented act"

    [[keep]]
    path = "PixelData"
    kind = "pixels"
    category = "image"
    ground = "an invented act"
"#;

/// Its settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShelfSettings {
    /// The file that is written: a line for each document, with its number, length and SHA-256. While its folder is not there,
    /// the destination is away.
    into: PathBuf,
    /// How many bytes of documents it takes.
    bytes_max: u64,
}

/// The destination.
#[derive(Debug)]
pub(crate) struct Shelf {
    into: PathBuf,
    description: Description,
}

impl Shelf {
    pub(crate) fn new(settings: ShelfSettings) -> Self {
        let purpose = PurposeDescription {
            name: "images",
            summary: "images",
            direction: Direction::Sends,
            act_reason: "TREAT",
            bases: Vec::new(),
            documents: Documents::Streamed { max: 3, bytes_max: settings.bytes_max },
            media_types: &["application/dicom"],
            profile: PROFILE,
            needs_recipient: false,
            onward_recipient: None,
        };
        let (summary, purposes) = ("a shelf, for tests", vec![purpose]);
        Self {
            into: settings.into,
            description: Description { summary, policies: POLICY, never: &[], purposes },
        }
    }

    async fn take(&self, cleared: &Cleared) -> Result<Outcome, PartFailure> {
        let mut taken = String::new();
        for part in cleared.parts() {
            let (mut digest, mut length) = (Context::new(&SHA256), 0);
            let mut reader = part.read();
            while let Some(bytes) = reader.next().await? {
                digest.update(&bytes);
                length += bytes.len();
            }
            taken.push_str(&format!("{} {length} {}\n", part.number(), hex::encode(digest.finish())));
        }
        Ok(match self.write(&taken) {
            Ok(()) => Outcome::Delivered(Acknowledgement { reference: None, proof: Bytes::from(taken) }),
            Err(_) => Outcome::Failed(Setback::new("not-reached")),
        })
    }

    fn write(&self, taken: &str) -> io::Result<()> {
        OpenOptions::new().create(true).append(true).open(&self.into)?.write_all(taken.as_bytes())
    }
}

impl Adapter for Shelf {
    fn description(&self) -> &Description {
        &self.description
    }

    fn shape(&self, minimal: Minimal) -> Result<Outgoing, Vec<Fault>> {
        let payload = Payload { operation: "images".into(), media_type: String::new(), bytes: Bytes::new() };
        Ok(minimal.shaped(payload))
    }

    fn deliver<'a>(&'a self, cleared: Cleared, _: &'a Means<'a>) -> Promise<'a, Outcome> {
        Box::pin(async move {
            let failed = |failure: PartFailure| Outcome::Unknown(Setback::new(failure.to_string()));
            self.take(&cleared).await.unwrap_or_else(failed)
        })
    }
}
