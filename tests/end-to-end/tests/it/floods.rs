//! HTTP/2 used against its receiver: the gateway keeps to its memory and goes on serving others.

use std::time::{Duration, Instant};

use end_to_end::TestGateway;
use gateway::playground::Choices;
use identity::example::ExampleClient;
use serde_json::Value;
use tokio::process::Command;

use crate::BINARY;
use crate::peers::{is_there, run};

const FLOOD: &str = include_str!("floods.py");
const KINDS: [&str; 10] = [
    "rapid_reset",
    "reset_by_the_gateway",
    "continuation",
    "empty_continuation",
    "empty_data",
    "pings",
    "settings",
    "priorities",
    "tiny_windows",
    "many_headers",
];
/// What all floods together may add to the memory of a gateway: far more than one connection's buffers, far less than any
/// of them sends.
const MORE_MIB: u64 = 32;

/// The most memory that the process has had, in MiB.
fn peak_mib(gateway: &TestGateway) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::test]
async fn a_flood_of_frames_is_borne_in_little_memory_and_others_are_served() {
    if !is_there("python3", &["-c", "import hyperframe, hpack"]).await {
        return;
    }
    let settings = "[limits]\nclient_burst = 1000000\nclient_per_second = 100000\n".to_owned();
    let gateway = TestGateway::with(BINARY, Choices { settings, ..Choices::default() }).await;
    let (ehr, files) = (gateway.ehr(), gateway.playground.client(ExampleClient::Pacs));
    assert_eq!(ehr.get("/v1/destinations").await.status, 200);
    let before = peak_mib(&gateway);
    for kind in KINDS {
        let mut command = Command::new("python3");
        command.args(["-c", FLOOD, &gateway.intake().port().to_string()]).args([&files.chain, &files.key]);
        command.arg(gateway.playground.authorities()).arg(kind);
        let flood = tokio::spawn(async move { run(&mut command).await });
        let mut longest = Duration::ZERO;
        while !flood.is_finished() {
            let since = Instant::now();
            assert_eq!(ehr.get("/v1/destinations").await.status, 200, "beside {kind}");
            longest = longest.max(since.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let said = flood.await.unwrap();
        let said: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
        let peak = peak_mib(&gateway);
        eprintln!("{said}; others waited {longest:?} at most; {} MiB more", peak - before);
        // To read and ignore what HTTP/2 has given up costs little; whatever costs more is stopped.
        assert!(kind == "priorities" || said["ended"] != "endured", "{said}");
        assert!(longest < Duration::from_secs(5), "others waited {longest:?} beside {kind}");
        assert!(peak < before + MORE_MIB, "{} MiB more after {kind}", peak - before);
    }
    gateway.rests().await;
}
