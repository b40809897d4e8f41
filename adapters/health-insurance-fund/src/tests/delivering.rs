//! What is sent, and what becomes of it.

use std::collections::BTreeSet;

use clearance::adapter::{CallFailure, Outcome};

use super::*;
use crate::testing::{PROFESSIONAL, Plays, SUBJECT, Stage, bill, bills, cancellation, declaration, shape};

fn taken(order: usize, number: &str, id: &str) -> String {
    format!(
        "<item><arveJrk>{order}</arveJrk><arveNumber>{number}</arveNumber><arveHkId>{id}</arveHkId>\
         <arveStaatus>00</arveStaatus><vead/></item>"
    )
}

fn not_taken(order: usize, number: &str) -> String {
    format!(
        "<item><arveJrk>{order}</arveJrk><arveNumber>{number}</arveNumber><vead><item><tyyp>E</tyyp><kood>RTA-1</kood>\
         <element>teenusKood</element><teade>{SUBJECT}</teade></item></vead></item>"
    )
}

fn answer(items: &[String]) -> Plays {
    Plays::Response(format!("<raviarved>{}</raviarved>", items.concat()))
}

fn filed(id: &str, patient: &str, state: &str) -> Plays {
    Plays::Response(format!(
        "<raviarve><arveHkId>{id}</arveHkId><arveStaatus>{state}</arveStaatus><algKp>2026-11-02</algKp>\
         <loppKp>2026-11-16</loppKp><patsient><isikukood>{patient}</isikukood></patsient></raviarve><vead/>"
    ))
}

fn no_bill() -> Plays {
    Plays::Response("<vead><item><tyyp>E</tyyp><kood>RTA-4</kood><teade>?</teade></item></vead>".into())
}

#[tokio::test]
async fn a_bill_goes_out_as_a_message_for_the_professional_with_the_reason_and_under_an_id_that_repeats() {
    let mut ids = BTreeSet::new();
    for _ in 0..2 {
        let stage = Stage::of([answer(&[taken(1, "1", "HK1"), taken(2, "2", "HK2")])]);
        let outcome = stage.deliver(BILL, &bills(&[bill(1, "1"), bill(2, "2")]), false).await;
        let Outcome::Delivered(acknowledgement) = outcome else { panic!("{outcome:?}") };
        assert_eq!(acknowledgement.reference.as_deref(), Some("HK1 HK2"));
        let calls = stage.calls();
        let headers = calls[0].headers();
        assert_eq!(headers.user_id.as_ref().unwrap().as_str(), format!("EE{PROFESSIONAL}"));
        assert_eq!(headers.issue.as_ref().unwrap().as_str(), "raviarve esitamine");
        assert_eq!(headers.service.code.as_str(), "rta_saatmine");
        ids.insert(headers.id.as_str().to_owned());
    }
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn an_error_inside_200_refuses_item_by_item_and_tells_what_was_taken() {
    let stage = Stage::of([answer(&[taken(1, "1", "HK1"), not_taken(2, "2")])]);
    let outcome = stage.deliver(BILL, &bills(&[bill(1, "1"), bill(2, "2")]), false).await;
    let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
    assert_eq!(refusal.code, "RTA-1");
    let places: Vec<_> =
        refusal.faults.iter().map(|fault| (fault.rule.as_ref(), fault.pointer.as_str())).collect();
    let item = "/rta_saatmine/request[1]/raviarved[1]/item";
    assert_eq!(
        places,
        [
            ("destination-refused", &*format!("{item}[2]/arveTeenused[1]/item[1]/teenusKood[1]")),
            ("destination-took", &*format!("{item}[1]")),
        ]
    );
    assert!(!format!("{refusal:?}").contains(SUBJECT));
}

#[tokio::test]
async fn each_failure_says_whose_it_was_and_whether_the_bill_may_have_arrived() {
    for (play, expected) in [
        (Plays::Fault("Client"), "Refused(DestinationRefusal { code: \"soap-client\""),
        (Plays::Fault("Server"), "Unknown(Setback { code: \"soap-fault-of-the-fund\""),
        (
            Plays::Fault("Server.ServerProxy.AccessDenied"),
            "Failed(Setback { code: \"x-road-server-serverproxy-access-denied\"",
        ),
        (Plays::Fault("Server.ServerProxy.ServiceFailed"), "Unknown("),
        (Plays::Nothing(CallFailure::NotReached), "Failed("),
        (Plays::Nothing(CallFailure::Broken), "Unknown("),
        (answer(&[]), "Unknown(Setback { code: \"item-without-answer\""),
        (answer(&[taken(1, "other", "HK1")]), "Unknown("),
    ] {
        let stage = Stage::of([play]);
        let outcome = format!("{:?}", stage.deliver(BILL, &bills(&[bill(1, "1")]), false).await);
        assert!(outcome.starts_with(expected), "{outcome} is not {expected}");
    }
}

#[tokio::test]
async fn after_a_lost_answer_the_fund_is_asked_and_only_what_it_lacks_is_sent_again() {
    let document = bills(&[bill(1, "1")]);
    let stage = Stage::of([filed("HK1", SUBJECT, "00")]);
    let outcome = stage.deliver(BILL, &document, true).await;
    assert!(matches!(outcome, Outcome::Delivered(_)), "{outcome:?}");
    assert_eq!(stage.calls().len(), 1, "asked, and not sent");

    // A cancelled bill, or one of another patient with the same number, is not this one.
    for before in [no_bill(), filed("HK1", SUBJECT, "99"), filed("HK1", "38507140418", "00")] {
        let stage = Stage::of([before, answer(&[taken(1, "1", "HK2")])]);
        let outcome = stage.deliver(BILL, &document, true).await;
        assert!(matches!(outcome, Outcome::Delivered(_)), "{outcome:?}");
        assert_eq!(stage.calls()[1].headers().service.code.as_str(), "rta_saatmine");
    }

    // Of two, the one that is there is taken, whatever is said of its repetition.
    let stage = Stage::of([
        filed("HK1", SUBJECT, "00"),
        no_bill(),
        answer(&[not_taken(1, "1"), taken(2, "2", "HK2")]),
    ]);
    let outcome = stage.deliver(BILL, &bills(&[bill(1, "1"), bill(2, "2")]), true).await;
    let Outcome::Delivered(acknowledgement) = outcome else { panic!("{outcome:?}") };
    assert_eq!(acknowledgement.reference.as_deref(), Some("HK1 HK2"));

    // When it cannot be asked, nothing is sent.
    let stage = Stage::of([Plays::Nothing(CallFailure::TimedOut)]);
    assert!(matches!(stage.deliver(BILL, &document, true).await, Outcome::Failed(_)));
}

#[tokio::test]
async fn a_cancellation_goes_only_for_bills_of_the_declared_subject() {
    let document = cancellation(&["HK1"]);
    let done = || {
        Plays::Response(
            "<raviarveTyhistused><item><arveHkId>HK1</arveHkId><arveStaatus>99</arveStaatus><vead/></item>\
         </raviarveTyhistused>"
                .into(),
        )
    };
    let stage = Stage::of([filed("HK1", &format!("EE{SUBJECT}"), "00"), done()]);
    assert!(matches!(stage.deliver(CANCELLATION, &document, false).await, Outcome::Delivered(_)));
    let stage = Stage::of([filed("HK1", "38507140418", "00")]);
    assert_eq!(stage.deliver(CANCELLATION, &document, false).await, Outcome::AnotherSubject);
    let stage = Stage::of([no_bill()]);
    let outcome = stage.deliver(CANCELLATION, &document, false).await;
    let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
    assert_eq!(refusal.faults[0].pointer, "/rta_tyhistus/request[1]/raviarveTyhistused[1]/item[1]");
    // Cancelled already, by an attempt whose answer was lost.
    let stage = Stage::of([filed("HK1", SUBJECT, "99")]);
    assert!(matches!(stage.deliver(CANCELLATION, &document, true).await, Outcome::Delivered(_)));
}

/// The fenced examples in `language` on the page for integrators.
fn examples(language: &str) -> Vec<&'static str> {
    let page = include_str!("../../docs/transfers.md");
    let fences = page.split("\n```").collect::<Vec<_>>();
    fences.into_iter().filter_map(|block| block.strip_prefix(language)).collect()
}

/// Without the white space between elements.
fn on_one_line(xml: &str) -> String {
    xml.lines().map(str::trim).collect()
}

#[tokio::test]
async fn the_page_for_integrators_shows_what_is_accepted_and_what_goes_out() {
    let (xml, json) = (examples("xml"), examples("json"));
    let declared: serde_json::Value = serde_json::from_str(json[0]).unwrap();
    assert_eq!(declared, declaration(BILL));
    let stage = Stage::of([answer(&[taken(1, "2026-00417", "HK000001")])]);
    assert!(matches!(stage.deliver(BILL, xml[0].trim(), false).await, Outcome::Delivered(_)));
    let sent = stage.calls().remove(0);
    let shown = on_one_line(xml[2]).replace(">ID<", &format!(">{}<", sent.headers().id.as_str()));
    let envelope = String::from_utf8(stage.envelopes().remove(0).to_vec()).unwrap();
    assert_eq!(envelope.split_once("?>").unwrap().1, shown);
    assert!(shape(CANCELLATION, xml[1].trim()).is_ok());
}
