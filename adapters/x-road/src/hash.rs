//! The digest that ties an answer to its request: the `X-Road-Request-Hash` of an answer, computed anew.
//!
//! It helps whoever holds the request as the Security Server received it; the gateway does not, because the transport
//! below it adds headers of its own. Nothing here therefore refuses an answer.

use aws_lc_rs::digest::{SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;

/// Headers that are between neighbours, or that the digest cannot hold; in lower case.
const LEFT_OUT: [&str; 14] = [
    "transfer-encoding",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "upgrade",
    "connection",
    "user-agent",
    "host",
    "content-length",
    "server",
    "expect",
    "x-road-request-hash",
];

/// The hash of a request: `headers` in the order and spelling received, then the `request_id` that the Security Server
/// gave it. `body` is `None` for a request without one.
pub fn request_hash(
    method: &Method,
    path_and_query: &str,
    headers: &[(&str, &str)],
    request_id: &str,
    body: Option<&[u8]>,
) -> String {
    let mut head = format!("{method}\r\n{path_and_query}\r\n");
    let sent = headers.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.to_ascii_lowercase().as_str()));
    for (name, value) in sent.chain([&("x-road-request-id", request_id)]) {
        head.push_str(&format!("{name}:{value}\r\n"));
    }
    let head = digest(&SHA512, head.as_bytes());
    let whole = match body {
        None => head,
        Some(body) => digest(&SHA512, &[head.as_ref(), digest(&SHA512, body).as_ref()].concat()),
    };
    STANDARD.encode(whole.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADERS: [(&str, &str); 2] =
        [("X-Road-Client", "ee-test/COM/10303948/gw"), ("Content-Type", "application/json")];

    // No vector is published; these were computed from the rules with `printf … | openssl dgst -sha512 -binary`.
    #[test]
    fn own_vectors_hold() {
        let get = request_hash(&Method::GET, "/r1/a/b/c/d/e?x=1", &HEADERS, "id-1", None);
        assert_eq!(
            get,
            "1GVB1+s72iC2amirgE8dqpxJ7+Jz3XgXv6yP2SPc/Bn+Pj4Lca63otaocZTiwYdaePMYM3mHsKw9k5vLcw1/+w=="
        );
        let post = request_hash(&Method::POST, "/r1/a/b/c/d/e", &HEADERS, "id-1", Some(b"{}"));
        assert_eq!(
            post,
            "xhDy3YCtvA9qQAsO7b6P3YSoQCytfKnFGqHk3xDtn+tikM96zNCpq+RmZ3dQDKDULPUUzFfbN+Lz1zdnXaVYuw=="
        );
    }

    proptest! {
        #[test]
        fn neighbourly_headers_do_not_count_and_all_others_do(
            place in 0..LEFT_OUT.len(), value in "[ -~]{0,20}", name in "x-[a-z]{1,10}", body in any::<Vec<u8>>(),
        ) {
            let hash = |extra: Option<(&str, &str)>| {
                let headers: Vec<_> = HEADERS.into_iter().chain(extra).collect();
                request_hash(&Method::POST, "/r1/a", &headers, "id", Some(&body))
            };
            let left_out = LEFT_OUT[place].to_ascii_uppercase();
            prop_assert_eq!(hash(None), hash(Some((&left_out, &value))));
            prop_assert_ne!(hash(None), hash(Some((&name, &value))));
        }

        #[test]
        fn an_empty_body_is_not_the_same_as_none(id in "[a-z0-9-]{1,36}") {
            let hash = |body| request_hash(&Method::POST, "/r1/a", &[], &id, body);
            prop_assert_ne!(hash(None), hash(Some(&[][..])));
        }
    }
}
