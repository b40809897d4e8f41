//! Black-box tests: a clinic calls over mutual TLS and sees what an archive would show it. What the adapter writes is tried, whole and
//! altered, in the adapter's tests; here is what it never writes.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use stand_in::testing::{Caller, Pki, Reply};

use crate::{Fault, FaultPlan, Settings, StandIn};

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const PATIENT: &str = "49003120231";

struct World {
    bank: StandIn,
    caller: Caller,
    stranger: Caller,
}

impl World {
    fn new() -> Self {
        let pki = Pki::made_up();
        let endpoint = pki.endpoint(Arc::new(|| Timestamp::UNIX_EPOCH));
        let bank = StandIn::start(Settings { endpoint }).unwrap();
        let caller = pki.caller(bank.address(), Some(&pki.client("gateway")));
        let stranger = pki.caller(bank.address(), None);
        Self { bank, caller, stranger }
    }

    async fn store(&self, study: &str, files: &[Vec<u8>]) -> Reply {
        let parts = files.iter().flat_map(|file| {
            [b"--b\r\nContent-Type: application/dicom\r\n\r\n", file.as_slice(), b"\r\n"].concat()
        });
        let body: Vec<u8> = parts.chain(*b"--b--\r\n").collect();
        let headers = [("content-type", "multipart/related; type=\"application/dicom\"; boundary=\"b\"")];
        self.caller.call("POST", &format!("/dicom-web/studies{study}"), &headers, body).await.unwrap()
    }

    async fn get(&self, path: &str, accept: &str) -> Reply {
        self.caller
            .call("GET", &format!("/dicom-web/{path}"), &[("accept", accept)], Vec::new())
            .await
            .unwrap()
    }
}

/// An element in explicit little-endian.
fn element(tag: u32, vr: &str, value: &str) -> Vec<u8> {
    let pad = if vr == "UI" { "\0" } else { " " };
    let value = if value.len().is_multiple_of(2) { value.to_owned() } else { format!("{value}{pad}") };
    let tag = [(tag >> 16) as u16, tag as u16].map(u16::to_le_bytes).concat();
    [&tag, vr.as_bytes(), &(value.len() as u16).to_le_bytes(), value.as_bytes()].concat()
}

fn file(syntax: &str, uid: &str, more: &[Vec<u8>]) -> Vec<u8> {
    let usual = [
        element(0x0008_0016, "UI", CT),
        element(0x0008_0018, "UI", uid),
        element(0x0010_0010, "PN", "Maasikas^Mari"),
        element(0x0010_0020, "LO", PATIENT),
        element(0x0020_000d, "UI", "1.9"),
        element(0x0020_000e, "UI", "1.9.1"),
    ];
    let meta =
        [element(0x0002_0002, "UI", CT), element(0x0002_0003, "UI", uid), element(0x0002_0010, "UI", syntax)]
            .concat();
    [[0; 128].as_slice(), b"DICM", &meta, &usual.concat(), &more.concat()].concat()
}

fn reasons(reply: &Reply, sequence: &str) -> Vec<u64> {
    let answer = reply.json();
    let items = answer[sequence]["Value"].as_array().cloned().unwrap_or_default();
    items.iter().map(|item: &Value| item["00081197"]["Value"][0].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn nobody_stores_without_a_certificate() {
    let world = World::new();
    assert!(world.stranger.call("GET", "/dicom-web/instances", &[], Vec::new()).await.is_err());
}

#[tokio::test]
async fn the_status_says_whether_all_some_or_none_are_stored() {
    let world = World::new();
    let good = |uid: &str| file(EXPLICIT, uid, &[]);
    assert_eq!(world.store("", &[good("1.1"), good("1.2")]).await.status, 200);
    let some = world.store("", &[good("1.3"), file("1.2.3", "1.4", &[])]).await;
    assert_eq!((some.status.as_u16(), reasons(&some, "00081198")), (202, vec![0xc122]));
    let none = world.store("", &[b"no file".to_vec()]).await;
    assert_eq!((none.status.as_u16(), reasons(&none, "0008119A")), (409, vec![0xc000]));
    assert_eq!(world.bank.instances().len(), 3);
}

#[tokio::test]
async fn what_it_must_not_be_told_is_not_stored() {
    let world = World::new();
    for (place, (tag, vr)) in [
        (0x0020_4000, "LT"),
        (0x0021_0010, "LO"),
        (0x0032_4000, "LT"),
        (0x0040_1400, "LT"),
        (0x6000_1500, "LO"),
    ]
    .into_iter()
    .enumerate()
    {
        let reply = world.store("", &[file(EXPLICIT, &format!("1.{place}"), &[element(tag, vr, "x")])]).await;
        assert_eq!(reasons(&reply, "00081198"), [0xa9ff], "{tag:08X}");
    }
    assert!(world.bank.instances().is_empty());
}

#[tokio::test]
async fn an_instance_twice_in_a_request_or_of_another_study_is_not_stored() {
    let world = World::new();
    let one = file(EXPLICIT, "1.1", &[]);
    let twice = world.store("", &[one.clone(), one.clone()]).await;
    assert_eq!((twice.status.as_u16(), reasons(&twice, "00081198")), (202, vec![0x0111]));
    let elsewhere = world.store("/1.8", std::slice::from_ref(&one)).await;
    assert_eq!(reasons(&elsewhere, "00081198"), [0xa900]);
    assert_eq!(world.store("/1.9", &[one]).await.status, 200, "as often as one likes");
    assert_eq!(world.bank.instances().len(), 1);
}

#[tokio::test]
async fn it_searches_and_gives_back() {
    let world = World::new();
    let json = "application/dicom+json";
    assert_eq!(world.get("instances", json).await.status, 204);
    let one = file(EXPLICIT, "1.1", &[]);
    world.store("", &[one.clone(), file(EXPLICIT, "1.2", &[])]).await;
    let count = async |query: &str| match world.get(query, json).await {
        reply if reply.status == 200 => reply.json().as_array().unwrap().len(),
        _ => 0,
    };
    assert_eq!(count("studies/1.9/instances").await, 2);
    assert_eq!(count("studies/1.9/instances?limit=1").await, 1);
    assert_eq!(count("studies/1.8/instances").await, 0);
    assert_eq!(count(&format!("instances?PatientID={PATIENT}&SOPInstanceUID=1.2")).await, 1);
    assert_eq!(count("instances?PatientID=38507140418").await, 0);
    let given = world.get("studies/1.9/series/1.9.1/instances/1.1", "multipart/related").await;
    assert!(given.body.windows(one.len()).any(|window| window == one));
    assert_eq!(world.get("studies/1.9/series/1.9.1/instances/1.3", "multipart/related").await.status, 404);
    assert_eq!(world.get("studies/1.9/instances", "text/html").await.status, 406);
    assert_eq!(world.get("elsewhere", json).await.status, 404);
}

#[tokio::test]
async fn it_fails_as_it_is_told() {
    let world = World::new();
    let files = ["1.1", "1.2"].map(|uid| file(EXPLICIT, uid, &[]));
    world.bank.told(FaultPlan::none().once(Fault::Item(2, "a700".into())).once(Fault::ErrorInside200));
    let in_part = world.store("", &files).await;
    assert_eq!((in_part.status.as_u16(), reasons(&in_part, "00081198")), (202, vec![0xa700]));
    let inside = world.store("", &files).await;
    assert_eq!((inside.status.as_u16(), reasons(&inside, "0008119A")), (200, vec![0x0110]));
    assert_eq!(world.bank.instances().len(), 1);
    assert_eq!(world.store("", &files).await.status, 200);
}
