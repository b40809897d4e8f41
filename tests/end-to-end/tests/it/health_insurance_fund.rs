//! Treatment bills through the binary to the fund's stand-in: taken, refused item by item, dropped and delivered once,
//! refused at intake; nothing that must stay is anywhere.

use end_to_end::{TestGateway, to_health_insurance_fund};
use gateway::playground::fund_stand_in;
use serde_json::json;

use crate::BINARY;
use fund_stand_in::{Fault, FaultPlan};

#[tokio::test]
async fn a_bill_is_delivered_and_cancelled_and_no_word_of_the_rest_is_anywhere() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    let delivered = ehr.submit(&to_health_insurance_fund().waiting(5)).await;
    assert_eq!((delivered.status, delivered.text("/state")), (200, "delivered"), "{}", delivered.body);
    assert_eq!(delivered.text("/acknowledgement"), "HK000001");
    let bills = gateway.playground.fund.bills();
    assert_eq!((bills.len(), bills[0].number.as_str()), (1, "2026-00417"));
    assert!(bills[0].document.contains("M54.5"));
    let sent: Vec<u8> = gateway.playground.fund.received().into_iter().flat_map(|of| of.body).collect();
    let sent = String::from_utf8(sent).unwrap();

    let cancellation = "<k:rta_tyhistus xmlns:k=\"http://kirst.x-road.eu\"><request><raviarveTyhistused><item>\
                        <arveHkId>HK000001</arveHkId><tyhistatudPohjus>TP007</tyhistatudPohjus></item></raviarveTyhistused>\
                        </request></k:rta_tyhistus>";
    let cancelled = to_health_insurance_fund()
        .declaring("/purpose", json!("treatment-bill-cancellation"))
        .with_xml(cancellation)
        .waiting(5);
    let cancelled = ehr.submit(&cancelled).await;
    assert_eq!(cancelled.text("/state"), "delivered", "{}", cancelled.body);
    assert!(gateway.playground.fund.bills()[0].is_cancelled);

    let (log, metrics) = (gateway.log(), gateway.ask_admin("/metrics").await.1);
    for word in ["Mari", "Maasikas", "Kivila", "herniated", "F32.1", "divorce", "omaosalus"] {
        for (place, text) in
            [("sent", &sent), ("said", &delivered.body.to_string()), ("log", &log), ("metrics", &metrics)]
        {
            assert!(!text.contains(word), "{word} is in what was {place}");
        }
    }
    for word in ["49003120231", "M54.5", "2026-00417"] {
        assert!(!log.contains(word) && !metrics.contains(word), "{word}");
        let mut kept = Vec::new();
        for file in std::fs::read_dir(gateway.data()).unwrap().map(|entry| entry.unwrap().path()) {
            kept.extend(std::fs::read(file).unwrap_or_default());
        }
        assert!(!kept.windows(word.len()).any(|window| window == word.as_bytes()), "{word} is on disk");
    }
    gateway.rests().await;
}

#[tokio::test]
async fn an_error_of_the_fund_ends_the_transfer_and_shows_its_items() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let refused =
        gateway.ehr().submit(&to_health_insurance_fund().rewording(">7004<", ">7005<").waiting(5)).await;
    let view = gateway.ehr().state(refused.transfer()).await;
    assert_eq!((&view["state"], &view["code"]), (&json!("refused-by-destination"), &json!("RTA-104")));
    let errors = view["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "a warning is no refusal: {view}");
    assert_eq!(errors[0]["pointer"], "/rta_saatmine/request[1]/raviarved[1]/item[1]");
    assert_eq!(errors[0]["rule"], "destination-refused");
    assert!(errors[0]["detail"].as_str().unwrap().ends_with("`RTA-104` for `teenusKood`"), "{view}");
    assert!(!view.to_string().contains("7005"), "the fund's text quotes the bill");
    gateway.rests().await;
}

#[tokio::test]
async fn a_bill_that_the_patient_pays_is_refused_at_intake_with_rule_place_and_remedy() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let refused = gateway.ehr().submit(&to_health_insurance_fund().rewording(">RA<", ">TASULINE<")).await;
    assert_eq!((refused.status, refused.text("/rule")), (403, "treatment-bill"), "{}", refused.body);
    assert_eq!(refused.text("/errors/0/rule"), "publicly-funded");
    let place = "/rta_saatmine/request[1]/raviarved[1]/item[1]/rahastamiseAllikas[1]";
    assert_eq!(refused.text("/errors/0/pointer"), place);
    assert!(refused.text("/errors/0/remedy").contains("what the patient"));
    assert!(!refused.body.to_string().contains("TASULINE"));
    assert!(gateway.playground.fund.received().is_empty());
    gateway.rests().await;
}

#[tokio::test]
async fn a_bill_whose_answer_was_lost_is_asked_for_and_delivered_once() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    gateway.playground.fund.told(FaultPlan::none().once(Fault::DropAfter));
    let accepted = gateway.ehr().submit(&to_health_insurance_fund()).await;
    let ended = gateway.ehr().ended(accepted.transfer()).await;
    assert_eq!((&ended["state"], &ended["acknowledgement"]), (&json!("delivered"), &json!("HK000001")));
    let asked = gateway.playground.fund.received();
    let sent = asked.iter().filter(|of| String::from_utf8_lossy(&of.body).contains("<raviarved>")).count();
    assert_eq!((sent, asked.len()), (1, 2), "sent once, then asked for");
    assert_eq!(gateway.playground.fund.bills().len(), 1);
    gateway.rests().await;
}

#[tokio::test]
async fn a_message_is_answered_by_nobody_and_tried_again_until_it_is() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let plan = FaultPlan::none()
        .once(Fault::DropBefore)
        .once(Fault::Garbage)
        .once(Fault::XRoadError("Server.ServerProxy.AccessDenied".into()))
        .once(Fault::Status(503, None));
    gateway.playground.fund.told(plan);
    let accepted = gateway.ehr().submit(&to_health_insurance_fund()).await;
    assert_eq!(gateway.ehr().ended(accepted.transfer()).await["state"], "delivered");
    assert_eq!(gateway.playground.fund.bills().len(), 1);
    gateway.rests().await;
}
