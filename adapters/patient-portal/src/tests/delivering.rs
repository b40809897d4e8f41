//! Delivery against the stand-in, which shares nothing with the adapter: what it takes, what it refuses, and what is read of it.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use clearance::adapter::{CallFailure, Outcome};
use patient_portal_sandbox::Status;

use crate::testing::{EPICRISIS, Network, Stage, deliver, epicrisis_with, piece, reply, second_version};

const EPICRISIS_PURPOSE: &str = "ambulatory-epicrisis";

fn statuses(network: &Network) -> Vec<Status> {
    network.service.documents().iter().map(|filed| filed.status).collect()
}

fn is(outcome: &Outcome, expected: &str) -> bool {
    format!("{outcome:?}").starts_with(expected)
}

#[tokio::test]
async fn a_document_is_filed_replaced_and_nullified() {
    for (documents, expected) in [
        (vec![(EPICRISIS_PURPOSE, EPICRISIS.to_owned())], vec![Status::Current]),
        (
            vec![(EPICRISIS_PURPOSE, EPICRISIS.to_owned()), (EPICRISIS_PURPOSE, second_version())],
            vec![Status::Replaced, Status::Current],
        ),
        (
            vec![(EPICRISIS_PURPOSE, EPICRISIS.to_owned()), ("document-nullification", EPICRISIS.to_owned())],
            vec![Status::Nullified],
        ),
    ] {
        let network = Network::up();
        for (purpose, document) in &documents {
            let outcome = deliver(purpose, document, false, &network.means()).await;
            let Outcome::Delivered(proof) = outcome else { panic!("{purpose}: {outcome:?}") };
            assert!(proof.reference.unwrap().starts_with("2.999.1.1^"));
            // The tests know one transfer, whose message has one id; another transfer's has another.
            network.service.forget_messages();
        }
        assert_eq!(statuses(&network), expected);
    }
}

#[tokio::test]
async fn a_document_whose_acknowledgement_was_lost_is_filed_once() {
    let network = Network::up();
    network.lost.store(1, Ordering::Relaxed);
    let first = deliver(EPICRISIS_PURPOSE, EPICRISIS, false, &network.means()).await;
    assert!(is(&first, "Unknown"), "{first:?}");
    let again = deliver(EPICRISIS_PURPOSE, EPICRISIS, true, &network.means()).await;
    assert!(is(&again, "Delivered"), "{again:?}");
    assert_eq!(statuses(&network), [Status::Current]);
}

#[tokio::test]
async fn what_the_register_does_not_allow_is_a_refusal_by_its_code() {
    for (purpose, document, code) in [
        (EPICRISIS_PURPOSE, second_version(), "KEY204"),
        ("document-nullification", EPICRISIS.to_owned(), "KEY204"),
        (
            EPICRISIS_PURPOSE,
            epicrisis_with("1.3.6.1.4.1.28284.6.2.4.9", "1.3.6.1.4.1.28284.6.2.4.8"),
            "SYN104",
        ),
    ] {
        let network = Network::up();
        let outcome = deliver(purpose, &document, false, &network.means()).await;
        let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
        assert_eq!((refusal.code.as_str(), refusal.faults.len()), (code, 1));
        assert!(network.service.documents().is_empty());
    }
    let network = Network::up();
    for (perhaps, expected) in [(false, "Delivered"), (false, "Refused"), (true, "Unknown")] {
        let outcome = deliver(EPICRISIS_PURPOSE, EPICRISIS, perhaps, &network.means()).await;
        assert!(is(&outcome, expected), "{outcome:?}");
        network.service.forget_messages();
    }
}

#[tokio::test]
async fn a_fault_says_whose_it_was() {
    let fault = |code: &str| {
        let envelope = format!(
            "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><s:Fault><faultcode>{code}\
             </faultcode><faultstring>49003120231</faultstring></s:Fault></s:Body></s:Envelope>"
        );
        reply(500, &envelope)
    };
    for (answer, expected) in [
        (fault("Client"), "Refused"),
        (fault("Server"), "Unknown"),
        (fault("Client.MissingBody"), "Failed"),
        (fault("Server.ClientProxy.SslAuthenticationFailed"), "Failed"),
        (fault("Server.ServerProxy.ServiceFailed"), "Unknown"),
        (reply(200, "<html/>"), "Unknown"),
        (reply(503, ""), "Unknown"),
        (Err(CallFailure::NotReached), "Failed"),
        (Err(CallFailure::TimedOut), "Unknown"),
    ] {
        let said = format!("{answer:?}");
        let stage = Stage::answering([answer]);
        let outcome = deliver(EPICRISIS_PURPOSE, EPICRISIS, false, &stage.means()).await;
        assert!(is(&outcome, expected), "{said}: {outcome:?}");
        assert!(!format!("{outcome:?}").contains("49003120231"));
    }
}

/// Attributes that a register passes on unread, or that the schema fixes anyway.
const FREE: [&str; 8] = [
    "displayName",
    "codeSystemName",
    "version",
    "encoding",
    "classCode",
    "determinerCode",
    "typeCode",
    "moodCode",
];

#[tokio::test]
async fn a_message_that_is_altered_anywhere_in_its_wrapper_or_header_is_refused() {
    let stage = Stage::answering([reply(503, "")]);
    deliver(EPICRISIS_PURPOSE, EPICRISIS, false, &stage.means()).await;
    let mut call = stage.calls().pop().unwrap();
    let sent = String::from_utf8(call.body.in_memory().unwrap().to_vec()).unwrap();
    assert!(accepted(&Network::up(), &call));
    let head = sent.find("componentOf").unwrap();
    let mut altered = 0;
    // Attributes of the message are written with `&quot;`, for the message is a text in the body.
    for (mark, end) in [("=&quot;", "&quot;"), ("=\"", "\"")] {
        for (at, _) in sent.match_indices(mark) {
            let before = piece(&sent, ..at);
            let name = before.rsplit(|c: char| !c.is_alphanumeric() && c != ':').next().unwrap();
            if at > head || FREE.contains(&name) || name.starts_with("xmlns") || is_unchecked(before) {
                continue;
            }
            let from = at + mark.len();
            let to = from + piece(&sent, from..).find(end).unwrap();
            let altered_body = format!("{}x{}", piece(&sent, ..from), piece(&sent, to..)).into_bytes();
            call.body = Bytes::from(altered_body).into();
            assert!(!accepted(&Network::up(), &call), "{name}");
            altered += 1;
        }
    }
    assert!(altered > 40, "{altered}");
}

/// Whether the value after `before` is of an element that a register passes on unread.
fn is_unchecked(before: &str) -> bool {
    let element = before.rsplit("&lt;").next().unwrap_or_default();
    let name = element.split_whitespace().next().unwrap_or_default();
    ["realmCode", "templateId", "languageCode", "administrativeGenderCode"].contains(&name)
        || before
            .rsplit_once("&lt;representedOrganization")
            .is_some_and(|(_, after)| !after.contains("/representedOrganization"))
}

fn accepted(network: &Network, call: &clearance::adapter::Call) -> bool {
    let answer = network.answer(call);
    String::from_utf8_lossy(&answer.body).contains("code=&quot;AA&quot;")
}
