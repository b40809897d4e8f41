//! The same against Orthanc with its DICOMweb plug-in. Its own HTTPS does not work in every package (that of Debian 12 dies at the first
//! connection), so that nginx does mutual TLS before it, as its handbook advises. Skipped where one of the programs is missing.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use clearance::adapter::{Call, CallFailure, Means, PayloadSigner, Promise, Reply, Transport};
use clearance::clock::SystemClock;
use clearance::person::Private;
use end_to_end::{TestGateway, eventually};
use gateway::playground::samples::Image;
use gateway::playground::{Choices, WORKER};
use image_bank::{ImageBank, Settings, Uid};
use serde_json::json;

use super::{PUBLISHED, declaration, pixels, published, released, send, study};
use crate::BINARY;

const PLUG_IN: &str = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so";
const PROGRAMS: [&str; 3] = ["/usr/sbin/Orthanc", "/usr/sbin/nginx", PLUG_IN];

/// A gateway whose image bank is an Orthanc.
struct WithOrthanc {
    gateway: TestGateway,
    client: reqwest::Client,
    origin: String,
    processes: [Child; 2],
}

impl Drop for WithOrthanc {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl WithOrthanc {
    /// With requests of this many instances; nothing where a program is missing.
    async fn new(batch: u32) -> Option<Self> {
        if let Some(missing) = PROGRAMS.into_iter().find(|program| !Path::new(program).exists()) {
            eprintln!("skipped: `{missing}` is not there; install orthanc, orthanc-dicomweb and nginx");
            return None;
        }
        let [archive, front] = free_ports();
        let origin = format!("https://localhost:{front}");
        let choices =
            Choices { image_bank: Some(origin.clone()), image_bank_batch: Some(batch), ..Choices::default() };
        let gateway = TestGateway::with(BINARY, choices).await;
        let folder = gateway.folder().join("orthanc");
        let processes = start(&folder, archive, front);
        let client = client(gateway.folder());
        let with = Self { gateway, client, origin, processes };
        let is_up = eventually(|| async {
            let answer = with.client.get(format!("{}/system", with.origin)).send().await.ok()?;
            answer.error_for_status().ok()
        });
        assert!(is_up.await.is_some(), "Orthanc does not answer");
        Some(with)
    }

    async fn get(&self, path: &str) -> Vec<u8> {
        let answer = self.client.get(format!("{}{path}", self.origin)).send().await.unwrap();
        answer.error_for_status().unwrap().bytes().await.unwrap().to_vec()
    }

    /// The files that it has, in no order.
    async fn files(&self) -> Vec<Vec<u8>> {
        let ids: Vec<String> = serde_json::from_slice(&self.get("/instances").await).unwrap();
        let mut files = Vec::new();
        for id in ids {
            files.push(self.get(&format!("/instances/{id}/file")).await);
        }
        files
    }
}

fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn start(folder: &Path, archive: u16, front: u16) -> [Child; 2] {
    std::fs::create_dir(folder).unwrap();
    let settings = json!({
        "StorageDirectory": folder, "IndexDirectory": folder, "HttpPort": archive, "DicomServerEnabled": false,
        "RemoteAccessAllowed": false, "Plugins": [PLUG_IN], "DicomWeb": { "Enable": true, "Root": "/dicom-web/" },
    });
    std::fs::write(folder.join("orthanc.json"), settings.to_string()).unwrap();
    let certs = folder.parent().unwrap().join("certs");
    let nginx = include_str!("nginx.conf")
        .replace("CERTS", certs.to_str().unwrap())
        .replace("ARCHIVE", &archive.to_string())
        .replace("FRONT", &front.to_string());
    std::fs::write(folder.join("nginx.conf"), nginx).unwrap();
    let run = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    [
        run(Command::new(PROGRAMS[0]).arg(folder.join("orthanc.json"))),
        run(Command::new(PROGRAMS[1]).arg("-p").arg(folder).args(["-c", "nginx.conf"])),
    ]
}

/// A client with the gateway's certificate for the image bank.
fn client(folder: &Path) -> reqwest::Client {
    let read = |name: &str| std::fs::read(folder.join("certs").join(name)).unwrap();
    let identity =
        [read("destinations/image-bank/client/tls.crt"), read("destinations/image-bank/client/tls.key")];
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only(reqwest::Certificate::from_pem_bundle(&read("authority/partners.crt")).unwrap())
        .identity(reqwest::Identity::from_pem(&identity.concat()).unwrap())
        .build()
        .unwrap()
}

#[tokio::test]
async fn orthanc_stores_a_study_in_batches_and_once() {
    let Some(with) = WithOrthanc::new(2).await else { return };
    let ehr = with.gateway.ehr();
    let files = study(1..=5);
    // The second time it has them already, as after an attempt whose answer was lost.
    for _ in 0..2 {
        let accepted = send(&ehr, &declaration("study"), &files).await;
        let ended = ehr.ended(accepted.transfer()).await;
        assert_eq!(ended["state"], "delivered", "{ended}");
        assert_eq!(ended["acknowledgement"], "studies/1.2.826.0.1.3680043.10.999", "{ended}");
    }
    let mut stored: Vec<_> = with.files().await.iter().map(|file| pixels(file).to_vec()).collect();
    let mut sent: Vec<_> = files.iter().map(|file| pixels(file).to_vec()).collect();
    stored.sort();
    sent.sort();
    assert!(stored == sent, "{} are stored", stored.len());
}

#[tokio::test]
async fn published_files_come_back_from_orthanc_with_their_pixels_as_they_were() {
    let Some(with) = WithOrthanc::new(100).await else { return };
    for (name, purpose, has_pixels) in PUBLISHED {
        let Some(file) = published(name) else { return };
        let delivered = send(&with.gateway.ehr(), &released(purpose), std::slice::from_ref(&file)).await;
        let ended = with.gateway.ehr().ended(delivered.transfer()).await;
        assert_eq!(ended["state"], "delivered", "{name}: {ended}");
        let is_there = |stored: &Vec<u8>| {
            let tag = [0xe0, 0x7f, 0x10, 0];
            stored.windows(4).any(|window| window == tag) && pixels(stored) == pixels(&file)
        };
        assert!(!has_pixels || with.files().await.iter().any(is_there), "{name}");
    }
    assert_eq!(with.files().await.len(), PUBLISHED.len());
}

#[tokio::test]
async fn what_orthanc_stores_is_found_and_read_back_by_the_adapter() {
    let Some(with) = WithOrthanc::new(100).await else { return };
    let delivered = send(&with.gateway.ehr(), &declaration("study"), &study(1..=2)).await;
    assert_eq!(with.gateway.ehr().ended(delivered.transfer()).await["state"], "delivered");
    let settings = json!({ "peer": "image-bank", "url": format!("{}/dicom-web", with.origin) });
    let bank = ImageBank::new(serde_json::from_value::<Settings>(settings).unwrap());
    let transport = Reading(with.client.clone());
    let means =
        Means { clock: &SystemClock, deadline: jiff::Timestamp::MAX, transport: &transport, signer: &Nobody };
    let study = Uid::try_from("1.2.826.0.1.3680043.10.999".to_owned()).unwrap();
    let found = bank.search(&study, &Private::new(WORKER.code), &means).await.unwrap();
    assert_eq!(found.len(), 2);
    let sent = [1, 2].map(|number| Image::of_worker(number).file());
    for found in &found {
        let file = bank.retrieve(found, &means).await.unwrap();
        assert!(sent.iter().any(|sent| pixels(sent) == pixels(&file)));
    }
    assert_eq!(bank.search(&study, &Private::new("38507140418"), &means).await.unwrap(), []);
}

/// Carries calls without a body.
#[derive(Debug)]
struct Reading(reqwest::Client);

impl Transport for Reading {
    fn call<'a>(&'a self, call: Call) -> Promise<'a, Result<Reply, CallFailure>> {
        Box::pin(async move {
            let request = self.0.request(call.method, call.url.expose()).headers(call.headers);
            let answer = request.send().await.map_err(|_| CallFailure::Broken)?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = answer.bytes().await.map_err(|_| CallFailure::Broken)?;
            Ok(Reply { status, headers, body })
        })
    }
}

#[derive(Debug)]
struct Nobody;

impl PayloadSigner for Nobody {
    fn key_id(&self) -> &str {
        "none"
    }

    fn sign(&self, _: &[u8]) -> [u8; 64] {
        [0; 64]
    }
}
