//! The Health Insurance Fund: treatment bills and their cancellation, over X-Road SOAP (`kirst`).
//!
//! The client posts the body of the service as XML; what leaves is that body less what its profile does not name, in an
//! envelope. The partner's rules and their sources are in this folder's `README.md`, what to post in `docs/transfers.md`.
//!
//! | to read about | see |
//! |---|---|
//! | what a bill tells the policy | `facts` |
//! | the order and number of its elements | `structure` |
//! | one call to the fund | `register` |
//! | sending and cancelling | `sending`, `cancelling` |
//! | what the fund's answers mean | `verdict` |

mod cancelling;
mod facts;
mod register;
mod sending;
mod structure;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verdict;

use bytes::Bytes;
use clearance::adapter::{
    Adapter, Description, Direction, DocumentFacts, Documents, Means, Outcome, Promise, PurposeDescription,
    Setback,
};
use clearance::declaration::LegalBasis;
use clearance::fault::Fault;
use clearance::journey::{Cleared, Minimal, Outgoing, Payload};
use serde::Deserialize;
use x_road::address::{LocalClient, Part};
use x_road::soap::{Element, Limits, Node};

use self::facts::BillFacts;
use self::register::Register;

/// The purpose under which bills are sent.
pub const BILL: &str = "treatment-bill";
/// The same for patients without an Estonian personal code.
pub const FOREIGN_BILL: &str = "treatment-bill-foreign-patient";
/// The purpose under which bills are cancelled.
pub const CANCELLATION: &str = "treatment-bill-cancellation";

const XML: &str = "application/xml";

/// How the destination is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The peer whose certificates and address rules apply.
    pub peer: String,
    /// The clinic's Security Server.
    pub url: String,
    /// The X-Road instance.
    pub instance: Part,
    /// Who calls: class, member and subsystem.
    pub client: LocalClient,
    /// The fund's subsystem: class, member and subsystem.
    pub subsystem: LocalClient,
    /// The version of its services.
    pub version: Part,
    /// Whether null bills (`OR`), of which the fund pays nothing, go to it too.
    #[serde(default)]
    pub null_bills: bool,
}

/// The Health Insurance Fund.
#[derive(Debug)]
pub struct HealthInsuranceFund {
    description: Description,
    of_bills: BillFacts,
    of_foreign_bills: BillFacts,
    register: Register,
}

impl HealthInsuranceFund {
    /// The destination, reached as `settings` say.
    pub fn new(settings: Settings) -> Self {
        let description = Description {
            summary: "the Health Insurance Fund: treatment bills that it pays",
            policies: include_str!("../policy.cedar"),
            never: &["clinical", "finding", "image", "note", "private-payment"],
            purposes: vec![sent(), sent_for_foreigners(), cancelled()],
        };
        Self {
            description,
            of_bills: BillFacts::new(settings.null_bills, false),
            of_foreign_bills: BillFacts::new(settings.null_bills, true),
            register: Register::new(settings),
        }
    }
}

impl Adapter for HealthInsuranceFund {
    fn description(&self) -> &Description {
        &self.description
    }

    fn facts(&self, purpose: &str) -> Option<&dyn DocumentFacts> {
        match purpose {
            BILL => Some(&self.of_bills),
            FOREIGN_BILL => Some(&self.of_foreign_bills),
            _ => None,
        }
    }

    fn shape(&self, minimal: Minimal) -> Result<Outgoing, Vec<Fault>> {
        let document = read(minimal.document()).ok_or_else(|| vec![unreadable()])?;
        let faults = structure::check(&document);
        if !faults.is_empty() {
            return Err(faults);
        }
        let payload = Payload {
            operation: document.name().to_owned(),
            media_type: XML.to_owned(),
            bytes: Bytes::copy_from_slice(minimal.document()),
        };
        Ok(minimal.shaped(payload))
    }

    fn deliver<'a>(&'a self, cleared: Cleared, means: &'a Means<'a>) -> Promise<'a, Outcome> {
        Box::pin(async move {
            let payload = &cleared.payload().bytes;
            let parsed = Element::parse(payload, &Limits::default()).ok();
            // What was recorded has passed `shape`: only a transfer of another version of this adapter is none of these.
            let Some((body, document)) = parsed.and_then(|body| {
                let document = body.taken_apart(&Limits::default()).ok()?;
                Some((body, document))
            }) else {
                return Outcome::Failed(Setback::new("payload-unreadable"));
            };
            match document.name() {
                sending::SERVICE => sending::send(&self.register, body, &document, &cleared, means).await,
                cancelling::SERVICE => {
                    cancelling::cancel(&self.register, body, &document, &cleared, means).await
                }
                _ => Outcome::Failed(Setback::new("payload-unreadable")),
            }
        })
    }
}

/// A document taken apart. A minimised one is well-formed and within these limits.
fn read(document: &[u8]) -> Option<Node> {
    let limits = Limits::default();
    Element::parse(document, &limits).ok()?.taken_apart(&limits).ok()
}

fn unreadable() -> Fault {
    let detail = "what is left of the document cannot be read as one element";
    Fault::new("document-unreadable", "", detail, "report this: it is a defect of the gateway")
}

fn sent() -> PurposeDescription {
    PurposeDescription {
        name: BILL,
        summary: "send the bills of one patient that the fund pays (`rta_saatmine`)",
        profile: include_str!("../profiles/treatment-bill.toml"),
        ..purpose()
    }
}

fn sent_for_foreigners() -> PurposeDescription {
    PurposeDescription {
        name: FOREIGN_BILL,
        summary: "the same for a patient without an Estonian personal code, with names, day of birth and sex",
        profile: include_str!("../profiles/treatment-bill-foreign-patient.toml"),
        ..purpose()
    }
}

fn cancelled() -> PurposeDescription {
    PurposeDescription {
        name: CANCELLATION,
        summary: "cancel bills of one patient by the fund's numbers (`rta_tyhistus`)",
        profile: include_str!("../profiles/treatment-bill-cancellation.toml"),
        ..purpose()
    }
}

/// What all purposes have in common.
fn purpose() -> PurposeDescription {
    PurposeDescription {
        name: "",
        summary: "",
        direction: Direction::Sends,
        act_reason: "HPAYMT",
        bases: bases(),
        documents: Documents::One,
        media_types: &[XML],
        profile: "",
        needs_recipient: false,
        onward_recipient: None,
    }
}

/// The legal bases of `policy.cedar`.
fn bases() -> Vec<LegalBasis> {
    let grounds = [("RaKS", "32"), ("TerKS", "46⁵"), ("TerKS", "46⁵(1)")];
    let pairs = ["6(1)(c)", "6(1)(e)"].into_iter().flat_map(|gdpr6| grounds.map(|ground| (gdpr6, ground)));
    pairs
        .map(|(gdpr6, (act, section))| LegalBasis {
            gdpr6: gdpr6.into(),
            gdpr9: "9(2)(h)".into(),
            act: act.into(),
            section: section.into(),
        })
        .collect()
}
