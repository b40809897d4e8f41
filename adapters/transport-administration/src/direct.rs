//! The direct route: the slim record posted to a service of the agency's own over X-Road.
//!
//! The agency publishes no such service today; its form here is the slim record's. A repeat has the same message id and
//! certificate number, so that it is the agency's to recognise.

use clearance::adapter::{Acknowledgement, Means, Outcome, Reply, Setback};
use clearance::journey::Cleared;
use http::{HeaderMap, Method};
use serde::Deserialize;
use x_road::address::{LocalClient, LocalService, Part, ServiceId};
use x_road::answer::of_the_service;
use x_road::request::{Message, Request, Resource, SecurityServer};
use x_road::tis::outcome::{no_success, still_unknown};
use x_road::trouble::Trouble;

const ANSWER_BYTES_MAX: usize = 1 << 16;

/// How to reach the agency.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectSettings {
    /// The Security Server's name in the configuration of peers.
    pub peer: String,
    /// The Security Server's address.
    pub url: String,
    /// The X-Road instance.
    pub instance: Part,
    /// The clinic's own subsystem, such as `COM/10303948/gw`.
    pub client: LocalClient,
    /// The agency's service: `class/member/subsystem/driver-fitness`.
    pub service: LocalService,
}

/// The agency.
#[derive(Debug)]
pub(crate) struct Direct {
    server: SecurityServer,
    service: ServiceId,
}

/// What the agency answers. Its own words for the record are not read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    certificate_id: String,
}

impl Direct {
    pub(crate) fn new(settings: DirectSettings) -> Self {
        let client = settings.client.within(&settings.instance);
        Self {
            service: settings.service.within(&settings.instance),
            server: SecurityServer { peer: settings.peer, url: settings.url, client },
        }
    }

    /// Hands a record over.
    pub(crate) async fn deliver(&self, cleared: &Cleared, means: &Means<'_>) -> Outcome {
        let (_, professional, _) = cleared.professional();
        let message =
            Message { id: cleared.transfer().message("post"), professional, reason: cleared.reason() };
        let request = Request {
            method: Method::POST,
            service: &self.service,
            resource: Resource::root(),
            message,
            media_type: "application/json",
            headers: HeaderMap::new(),
            body: Some(cleared.payload().bytes.clone()),
            answer_bytes_max: ANSWER_BYTES_MAX,
        };
        let reply = means.transport.call(self.server.call(request, means.deadline)).await;
        let reply = reply
            .map_err(Trouble::from)
            .and_then(|reply| of_the_service(reply, message.id, means.clock.now()));
        let outcome = match reply {
            Ok(reply) if reply.status.is_success() => confirmed(reply, &cleared.payload().bytes),
            Ok(reply) => no_success(&reply, means.clock.now()),
            Err(trouble) => trouble.with_the_document(),
        };
        if cleared.perhaps_delivered() { still_unknown(outcome) } else { outcome }
    }
}

/// The agency has taken the record when it answers with the number of the certificate.
fn confirmed(reply: Reply, sent: &[u8]) -> Outcome {
    let number =
        |json: &[u8]| serde_json::from_slice::<Receipt>(json).ok().map(|receipt| receipt.certificate_id);
    match (number(sent), number(&reply.body)) {
        (Some(ours), Some(theirs)) if ours == theirs => {
            Outcome::Delivered(Acknowledgement { reference: None, proof: reply.body })
        }
        _ => Outcome::Unknown(Setback::new("answer-unreadable")),
    }
}
