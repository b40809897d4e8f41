//! Whatever is said in place of a TLS handshake: the connection ends, nothing else does, and nobody is let in.

use std::sync::Arc;
use std::time::Duration;

use end_to_end::TestGateway;
use gateway::playground::Choices;
use identity::example::ExampleClient;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::BINARY;

/// The first message of a client that does everything right.
fn client_hello(gateway: &TestGateway) -> Vec<u8> {
    let mut roots = RootCertStore::empty();
    let authorities = CertificateDer::pem_file_iter(gateway.playground.authorities()).unwrap();
    roots.add_parsable_certificates(authorities.map(Result::unwrap));
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let mut client =
        ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    hello
}

/// What the gateway says to these bytes until it hangs up; nothing where it waits for more.
async fn said_to(gateway: std::net::SocketAddr, bytes: Vec<u8>) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(gateway).await.unwrap();
    // It may have hung up before the last byte.
    let _sent = stream.write_all(&bytes).await;
    let mut heard = Vec::new();
    match timeout(Duration::from_secs(10), stream.read_to_end(&mut heard)).await {
        Ok(_ended) => Some(heard),
        Err(_) => None,
    }
}

#[tokio::test]
async fn what_is_no_handshake_ends_its_connection_and_no_other() {
    let settings = "[limits]\nhandshake_ms = 1000\n".to_owned();
    let gateway = TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await;
    let hello = client_hello(&gateway);
    let record =
        |kind: u8, length: u16, body: &[u8]| [&[kind, 3, 1][..], &length.to_be_bytes(), body].concat();
    let mut all = vec![
        b"GET /v1/destinations HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        // The greeting of SSL 2, an empty record, one longer than any may be, an alert, data before the handshake.
        vec![0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10],
        record(22, 0, &[]),
        record(22, u16::MAX, &[0; 65535]),
        record(21, 2, &[2, 40]),
        record(23, 5, b"hello"),
        // A message that says it is sixteen mebibytes long.
        record(22, 4, &[1, 0xff, 0xff, 0xff]),
        // The greeting twice, and as an answer.
        [hello.clone(), hello.clone()].concat(),
        {
            let mut answer = hello.clone();
            answer[5] = 2;
            answer
        },
        Vec::new(),
        vec![0; 4096],
        vec![0xff; 4096],
    ];
    // Cut off at each place, and with each byte another.
    all.extend((1..hello.len()).step_by(3).map(|end| hello[..end].to_vec()));
    all.extend((0..hello.len()).map(|at| {
        let mut other = hello.clone();
        other[at] ^= 0x55;
        other
    }));
    let count = all.len();
    let (address, mut asked) = (gateway.intake(), JoinSet::new());
    for bytes in all {
        asked.spawn(said_to(address, bytes));
        // As many at once as a scanner does, not as many as a flood.
        if asked.len() >= 32 {
            let heard = asked.join_next().await.unwrap().unwrap();
            assert!(heard.is_some(), "a connection was left open");
        }
    }
    for heard in asked.join_all().await {
        let heard = heard.expect("a connection was left open");
        assert!(!heard.windows(5).any(|window| window == b"HTTP/"), "nobody is spoken to without TLS");
    }
    assert!(count > 250, "{count}");
    assert_eq!(gateway.client(ExampleClient::Ehr).get("/v1/destinations").await.status, 200);
    let (_, metrics) = gateway.ask_admin("/metrics").await;
    let refused = metrics.lines().find(|line| line.contains("refused") && line.contains("handshake"));
    let refused: f64 = refused.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(refused > 200.0, "{refused}");
    gateway.rests().await;
}
