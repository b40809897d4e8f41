//! `clearance certs` as an administrator uses it, beside a gateway that runs.

use end_to_end::{TestGateway, eventually, to_employer};
use serde_json::{Value, json};

use crate::BINARY;
use crate::commands::run;

/// What `certs show` says of everything that the settings name.
async fn shown(gateway: &TestGateway) -> String {
    let (code, said, why) = run(gateway.folder(), &["certs", "show", "--config", "clearance.toml"]).await;
    assert_eq!(code, Some(0), "{why}");
    said
}

#[tokio::test]
async fn a_certificate_is_issued_proved_put_in_place_and_taken_up() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let before = shown(&gateway).await;
    let folder = gateway.folder();
    // From the example's authority, as from the clinic's own.
    std::fs::create_dir(folder.join("from-the-authority")).unwrap();
    for what in ["server", "destinations/employer/client"] {
        let aside = folder.join("certs").join(what);
        let in_use = ["tls.crt", "tls.key"].map(|file| std::fs::read(aside.join(file)).unwrap());
        let (code, said, why) = run(folder, &["certs", "issue", what, "--days", "30"]).await;
        assert_eq!(code, Some(0), "{why}");
        assert!(said.contains("spki_sha256"), "{said}");
        for (file, old) in ["tls.crt", "tls.key"].into_iter().zip(in_use) {
            let name = format!("from-the-authority/{}-{file}", what.replace('/', "-"));
            std::fs::copy(aside.join(file), folder.join(name)).unwrap();
            std::fs::write(aside.join(file), old).unwrap();
        }
    }
    let rotate = async |of: &str, name: &str, key: &str| {
        let (chain, key) =
            (format!("from-the-authority/{name}-tls.crt"), format!("from-the-authority/{key}-tls.key"));
        run(folder, &["certs", "rotate", "--config", "clearance.toml", of, &chain, &key]).await
    };
    let (client, server) = ("destinations-employer-client", "server");
    // What would not do is not put there.
    for (of, name, key, why) in [
        ("server", server, client, "the private key does not belong"),
        ("server", client, client, "does not allow `serverAuth`"),
        ("nobody", server, server, "the settings have `server`, `employer`, "),
    ] {
        let (code, _, said) = rotate(of, name, key).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(shown(&gateway).await, before);
    for (of, name) in [("server", server), ("employer", client)] {
        let (code, said, why) = rotate(of, name, name).await;
        assert_eq!(code, Some(0), "{why}");
        assert!(said.contains("spki_sha256"), "{said}");
    }
    assert_ne!(shown(&gateway).await, before);
    let kept = std::fs::read(folder.join("certs/server/tls.crt.previous")).unwrap();
    assert_ne!(kept, std::fs::read(folder.join("certs/server/tls.crt")).unwrap());
    let taken = eventually(|| async { gateway.log().contains("server certificate").then_some(()) });
    assert!(taken.await.is_some(), "it was not taken up: {}", gateway.log());
    let delivered = gateway.ehr().submit(&to_employer().waiting(10)).await;
    assert_eq!(delivered.text("/state"), "delivered", "{}", delivered.body);
    gateway.rests().await;
}

#[tokio::test]
async fn a_client_that_is_revoked_is_let_in_no_more() {
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let ehr = gateway.ehr();
    assert_eq!(ehr.get("/v1/destinations").await.status, 200);
    let (code, said, why) = run(gateway.folder(), &["certs", "revoke", "certs/clients/ehr/tls.crt"]).await;
    assert_eq!(code, Some(0), "{why}");
    assert!(said.ends_with("is renewed\n"), "{said}");
    let out = eventually(|| async {
        let newcomer = gateway.ehr();
        (!newcomer.connects().await && !ehr.connects().await).then_some(())
    });
    assert!(out.await.is_some(), "neither a new connection nor the old one");
    assert!(gateway.client(identity::example::ExampleClient::Pacs).connects().await);
    gateway.rests().await;
}

#[tokio::test]
async fn who_still_uses_which_certificate_is_known_across_restarts() {
    let mut gateway = TestGateway::with_stand_ins(BINARY).await;
    let who = async |gateway: &TestGateway| -> Vec<Value> {
        let (code, said, why) =
            run(gateway.folder(), &["--json", "certs", "who", "--config", "clearance.toml"]).await;
        assert_eq!(code, Some(0), "{why}");
        serde_json::from_str(&said).unwrap()
    };
    assert!(gateway.ehr().connects().await);
    let gauge = |metrics: String, name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
        line.and_then(|value| value.trim().parse::<f64>().ok())
    };
    let shown = eventually(|| async {
        let metrics = gateway.ask_admin("/metrics").await.1;
        gauge(metrics, r#"clearance_client_last_seen_seconds{client="ehr"}"#)
    });
    assert!(shown.await.is_some_and(|at| at > 1.7e9));
    // On record within a minute, and at the end.
    gateway.stop().await;
    let seen = who(&gateway).await;
    let standings: Vec<_> = seen.iter().map(|line| (&line["client"], &line["standing"])).collect();
    assert_eq!(standings, [(&json!("ehr"), &json!("in use")), (&json!("pacs"), &Value::Null)]);
    gateway.restart();
    let after = eventually(|| async {
        let metrics = gateway.ask_admin("/metrics").await.1;
        gauge(metrics, r#"clearance_certificate_not_after_seconds{name="client `ehr`"}"#)
    });
    assert!(after.await.is_some(), "it is known from before");

    // A new key, registered in place of the old one.
    let (code, said, why) = run(gateway.folder(), &["--json", "certs", "issue", "clients/ehr"]).await;
    assert_eq!(code, Some(0), "{why}");
    let issued: Value = serde_json::from_str(&said).unwrap();
    let (old, new) = (seen[0]["spki_sha256"].as_str().unwrap(), issued["spki_sha256"].as_str().unwrap());
    let settings = gateway.playground.settings();
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, text.replace(old, new)).unwrap();
    gateway.restart();
    assert!(gateway.ehr().connects().await);
    gateway.stop().await;
    let seen = who(&gateway).await;
    let standings: Vec<_> =
        seen.iter().take(2).map(|line| (&line["spki_sha256"], &line["standing"])).collect();
    assert_eq!(standings, [(&json!(new), &json!("in use")), (&json!(old), &json!("no longer let in"))]);
    gateway.restart();
    gateway.rests().await;
}
