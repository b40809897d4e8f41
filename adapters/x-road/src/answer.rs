//! What an answer of the Security Server is: the service's own, or the network's, and then whose fault.
//!
//! `X-Road-Error` is there only when X-Road itself failed; without it the answer is the service's, whatever its status.
//! Both spellings of error types are read, `Server.ServerProxy.AccessDenied` and `server.serverproxy.access_denied`.

use clearance::adapter::Reply;
use http::header::HeaderName;
use jiff::Timestamp;
use uuid::Uuid;

use crate::request::X_ROAD_ID;
use crate::trouble::{Effect, Trouble, retry_after};

/// Says that X-Road failed, and how.
pub const X_ROAD_ERROR: HeaderName = HeaderName::from_static("x-road-error");

/// Where X-Road failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The request is not one that the Security Server takes.
    Client,
    /// The clinic's Security Server, or the way from it to the provider's.
    ClientProxy,
    /// The provider's Security Server, or the service behind it.
    ServerProxy,
    /// The type is none that the protocol has.
    Unsaid,
}

/// What is known of an error beside the blame: its name without case and underscores, the code it gets, what it means
/// for the call.
struct Known {
    name: &'static str,
    code: &'static str,
    effect: Effect,
}

const fn known(name: &'static str, code: &'static str, effect: Effect) -> Known {
    Known { name, code, effect }
}

/// The errors that say for sure that the service has not seen the call. Any other may have come after it.
///
/// None of them ends a transfer: a right that is missing, a service that is not there and a setting that is wrong are mended
/// by people, and what the destination never saw it has not refused.
const KNOWN: [Known; 14] = [
    known("accessdenied", "-access-denied", Effect::NotArrived),
    known("unknownservice", "-unknown-service", Effect::NotArrived),
    known("unknownmember", "-unknown-member", Effect::NotArrived),
    known("invalidservicetype", "-invalid-service-type", Effect::NotArrived),
    known("invalidclientidentifier", "-invalid-client-identifier", Effect::NotArrived),
    known("servicedisabled", "-service-disabled", Effect::NotArrived),
    known("sslauthenticationfailed", "-ssl-authentication-failed", Effect::NotArrived),
    known("outdatedglobalconf", "-outdated-global-conf", Effect::NotArrived),
    known("cannotcreatesignature", "-cannot-create-signature", Effect::NotArrived),
    known("tokennotactive", "-token-not-active", Effect::NotArrived),
    known("certvalidation", "-cert-validation", Effect::NotArrived),
    known("missingbody", "-missing-body", Effect::NotArrived),
    known("missingheaderfield", "-missing-header-field", Effect::NotArrived),
    known("invalidrequest", "-invalid-request", Effect::NotArrived),
];

impl Blame {
    /// The code used in setbacks and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Client => "x-road-client",
            Self::ClientProxy => "x-road-server-clientproxy",
            Self::ServerProxy => "x-road-server-serverproxy",
            Self::Unsaid => "x-road-error",
        }
    }

    /// What an error means about which nothing else is known.
    const fn effect(self) -> Effect {
        match self {
            Self::Client => Effect::NotArrived,
            Self::ClientProxy | Self::ServerProxy | Self::Unsaid => Effect::PerhapsArrived,
        }
    }
}

/// The service's own answer to `message`.
///
/// # Errors
/// When X-Road failed, or the answer is to another message.
pub fn of_the_service(reply: Reply, message: Uuid, now: Timestamp) -> Result<Reply, Trouble> {
    if let Some(error) = reply.headers.get(X_ROAD_ERROR) {
        let (_, trouble) = network_trouble(&String::from_utf8_lossy(error.as_bytes()));
        return Err(trouble.after(retry_after(&reply.headers, now)));
    }
    let echoed = reply.headers.get(X_ROAD_ID);
    if echoed.is_some_and(|id| id.as_bytes() != message.to_string().as_bytes()) {
        return Err(Trouble::new(Effect::PerhapsArrived, "x-road-answer-to-another-message"));
    }
    Ok(reply)
}

/// What an error type means. The type is compared, never repeated: it comes from outside.
pub fn network_trouble(error_type: &str) -> (Blame, Trouble) {
    let mut names = error_type.split('.').map(plain).collect::<Vec<_>>().into_iter();
    let blame = match (names.next().as_deref(), names.as_slice().first().map(String::as_str)) {
        (Some("client"), _) => Blame::Client,
        (Some("server"), Some("clientproxy")) => Blame::ClientProxy,
        (Some("server"), Some("serverproxy")) => Blame::ServerProxy,
        _ => Blame::Unsaid,
    };
    // `ServiceFailed.AccessDenied` is the service's own word, passed on: only the first name is X-Road's.
    let own = if blame == Blame::Client { names.next() } else { names.nth(1) };
    let own = own.unwrap_or_default();
    let trouble = match KNOWN.iter().find(|known| known.name == own) {
        Some(known) => Trouble::new(known.effect, format!("{}{}", blame.code(), known.code)),
        None => Trouble::new(blame.effect(), blame.code()),
    };
    (blame, trouble)
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, StatusCode};

    const MESSAGE: Uuid = Uuid::from_bytes([7; 16]);

    fn reply(status: u16, headers: &[(HeaderName, &str)]) -> Reply {
        let headers =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
        let body =
            Bytes::from_static(br#"{"type":"Server.ServerProxy.AccessDenied","message":"x","detail":"y"}"#);
        Reply { status: StatusCode::from_u16(status).unwrap(), headers: headers.collect::<HeaderMap>(), body }
    }

    fn read(reply: Reply) -> Result<Reply, Trouble> {
        of_the_service(reply, MESSAGE, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn without_the_error_header_an_error_is_the_service_s_own() {
        assert_eq!(read(reply(500, &[])).unwrap().status, 500);
        assert!(read(reply(500, &[(X_ROAD_ERROR, "Server.ServerProxy.AccessDenied")])).is_err());
    }

    #[test]
    fn an_error_is_blamed_whichever_way_it_is_spelt() {
        use Effect::{NotArrived, PerhapsArrived};
        for (error, blame, effect, code) in [
            ("Client.InvalidRequest", Blame::Client, NotArrived, "x-road-client-invalid-request"),
            ("client.missing_body", Blame::Client, NotArrived, "x-road-client-missing-body"),
            ("Client.SomethingNew", Blame::Client, NotArrived, "x-road-client"),
            (
                "Server.ClientProxy.NetworkError",
                Blame::ClientProxy,
                PerhapsArrived,
                "x-road-server-clientproxy",
            ),
            (
                "Server.ClientProxy.SslAuthenticationFailed",
                Blame::ClientProxy,
                NotArrived,
                "x-road-server-clientproxy-ssl-authentication-failed",
            ),
            (
                "server.serverproxy.access_denied",
                Blame::ServerProxy,
                NotArrived,
                "x-road-server-serverproxy-access-denied",
            ),
            (
                "Server.ServerProxy.ServiceDisabled",
                Blame::ServerProxy,
                NotArrived,
                "x-road-server-serverproxy-service-disabled",
            ),
            (
                "Server.ServerProxy.ServiceFailed.AccessDenied",
                Blame::ServerProxy,
                PerhapsArrived,
                "x-road-server-serverproxy",
            ),
            ("<script>", Blame::Unsaid, PerhapsArrived, "x-road-error"),
            ("", Blame::Unsaid, PerhapsArrived, "x-road-error"),
        ] {
            assert_eq!(network_trouble(error), (blame, Trouble::new(effect, code)), "{error}");
        }
    }

    #[test]
    fn an_answer_to_another_message_is_not_an_answer() {
        let own = MESSAGE.to_string();
        assert!(read(reply(200, &[(X_ROAD_ID, &own)])).is_ok());
        assert!(read(reply(200, &[])).is_ok());
        let trouble = read(reply(200, &[(X_ROAD_ID, "07070707-0707-0707-0707-070707070708")])).unwrap_err();
        assert_eq!(trouble.effect, Effect::PerhapsArrived);
    }

    #[test]
    fn the_network_too_may_ask_for_patience() {
        let headers = [(X_ROAD_ERROR, "Server.ClientProxy.NetworkError"), (http::header::RETRY_AFTER, "7")];
        let wait = read(reply(500, &headers)).unwrap_err().setback.retry_after;
        assert_eq!(wait, Some(std::time::Duration::from_secs(7)));
    }
}
