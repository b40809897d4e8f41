use super::{Bench, CLIENT, ISSUE, TIS, bench, issues};
use crate::{Fault, FaultPlan};

const PATH: &str = "/r1/ee-test/GOV/70009770/tis/mpi/Patient/1";

impl Bench {
    /// X-Road's error type for a call with exactly `headers`.
    async fn refused_by_x_road(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let reply = self.caller.call("GET", path, headers, "").await.unwrap();
        let body = reply.json();
        assert_eq!(body["type"], reply.header("x-road-error"), "{body}");
        assert!(body["message"].is_string() && body["detail"].is_string(), "{body}");
        (reply.status.as_u16(), reply.header("x-road-error").to_owned())
    }
}

#[tokio::test]
async fn a_message_that_is_not_x_roads_is_refused_with_x_roads_error() {
    let bench = bench();
    let client = ("x-road-client", CLIENT);
    let id = ("x-road-id", "1");
    for (path, headers, status, kind) in [
        ("/", vec![client, id], 400, "Client.BadRequest"),
        ("/r2/ee-test/GOV/70009770/tis/mpi", vec![client, id], 400, "Client.BadRequest"),
        ("/r1/ee-test/GOV/70009770/tis", vec![client, id], 400, "Client.BadRequest"),
        ("/r1/EE/GOV/70009770/tis/mpi", vec![client, id], 500, "Server.ClientProxy.UnknownMember"),
        ("/r1/ee-test/GOV/70009771/tis/mpi", vec![client, id], 500, "Server.ClientProxy.UnknownMember"),
        ("/r1/ee-test/GOV/70009770/tis/x", vec![client, id], 500, "Server.ServerProxy.UnknownService"),
        (PATH, vec![id], 500, "Server.ClientProxy.InvalidClientIdentifier"),
        (PATH, vec![client, client, id], 500, "Server.ClientProxy.InvalidClientIdentifier"),
        (PATH, vec![("x-road-client", "ee-test/COM"), id], 400, "Client.BadRequest"),
        (PATH, vec![("x-road-client", "a/b/c/d/e"), id], 400, "Client.BadRequest"),
        (PATH, vec![("x-road-client", "ee-test/COM/1/a"), id], 500, "Server.ClientProxy.UnknownMember"),
        (
            PATH,
            vec![("x-road-client", "ee-test/COM/76543217/other"), id],
            500,
            "Server.ClientProxy.SslAuthenticationFailed",
        ),
        (PATH, vec![client], 400, "Client.MissingHeaderField"),
        (PATH, vec![client, id, ("x-road-represented-party", "a/b/c")], 400, "Client.BadRequest"),
        (PATH, vec![client, id, ("x-road-security-server", "a/b/c")], 400, "Client.BadRequest"),
    ] {
        let refused = bench.refused_by_x_road(path, &headers).await;
        assert_eq!(refused, (status, kind.to_owned()), "{path} {headers:?}");
    }
}

#[tokio::test]
async fn an_answer_carries_x_roads_headers_and_no_x_road_error() {
    let bench = bench();
    let reply = bench.call("GET", PATH, &[("x-road-id", "my-id")], "").await.unwrap();
    assert_eq!(reply.status, 401);
    assert_eq!(reply.header("x-road-id"), "my-id");
    assert_eq!(reply.header("x-road-client"), CLIENT);
    assert_eq!(reply.header("x-road-service"), "ee-test/GOV/70009770/tis/mpi");
    assert_eq!(reply.header("x-road-request-id").len(), 36);
    assert_eq!(reply.header("x-road-request-hash").len(), 88);
    assert!(!reply.headers.contains_key("x-road-error"));
}

#[tokio::test]
async fn path_parts_are_decoded_each_on_its_own() {
    let bench = bench();
    let encoded = "/r1/ee%2Dtest/GOV/70009770/t%69s/mpi/Patient/1";
    let headers = [("x-road-client", "ee%2Dtest/COM/10303948/clearance"), ("x-road-id", "1")];
    let reply = bench.caller.call("GET", encoded, &headers, "").await.unwrap();
    assert_eq!(reply.status, 401);
    let client = [("x-road-client", CLIENT), ("x-road-id", "1")];
    let (status, _) = bench.refused_by_x_road("/r1/ee-test/GOV/70009770%2Ftis/mpi/a", &client).await;
    assert_eq!(status, 500);
}

#[tokio::test]
async fn an_x_road_id_with_another_message_is_noted_and_the_same_message_is_not() {
    let bench = bench();
    let id = ("x-road-id", "same");
    bench.call("GET", PATH, &[id], "").await.unwrap();
    bench.call("GET", PATH, &[id], "").await.unwrap();
    bench.call("GET", &format!("{PATH}2"), &[id], "").await.unwrap();
    let remarks: Vec<usize> = bench.stand_in.received().iter().map(|entry| entry.remarks.len()).collect();
    assert_eq!(remarks, [0, 0, 1]);
}

#[tokio::test]
async fn feigned_answers_come_from_the_provider_and_feigned_x_road_errors_do_not() {
    let bench = bench();
    bench.stand_in.told(
        FaultPlan::none()
            .once(Fault::Status(503, None))
            .once(Fault::ErrorInside200)
            .once(Fault::XRoadError("Server.ServerProxy.IOError".into())),
    );
    let reply = bench.call("GET", PATH, &[ISSUE], "").await.unwrap();
    assert_eq!(reply.status, 503);
    assert_eq!(reply.header("x-road-service"), "ee-test/GOV/70009770/tis/mpi");
    let reply = bench.call("GET", PATH, &[ISSUE], "").await.unwrap();
    assert_eq!((reply.status.as_u16(), issues(&reply)), (200, vec!["processing ".to_owned()]));
    assert_eq!(reply.header("x-road-service"), "ee-test/GOV/70009770/tis/mpi");
    let reply = bench.call("GET", PATH, &[ISSUE], "").await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.header("x-road-error")), (500, "Server.ServerProxy.IOError"));
    assert!(!reply.headers.contains_key("x-road-id"));
}

#[tokio::test]
async fn the_certificate_seen_is_the_one_registered() {
    let bench = bench();
    bench.call("GET", &format!("{TIS}/mpi/Patient/1"), &[], "").await.unwrap();
    assert_eq!(bench.stand_in.received()[0].peer_sha256, bench.identity.sha256());
    let another = bench.pki.caller(bench.stand_in.address(), Some(&bench.pki.client("another")));
    let headers = [("x-road-client", CLIENT), ("x-road-id", "1")];
    let reply = another.call("GET", PATH, &headers, "").await.unwrap();
    assert_eq!(reply.header("x-road-error"), "Server.ClientProxy.SslAuthenticationFailed");
}
