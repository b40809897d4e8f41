//! Who may do what on the admin listener. It is reached over loopback: whoever gets there has the roles that the settings
//! give (`admin.plain_roles`). A browser is believed only where it shows the console itself: another page's requests come with
//! another origin, and a name that leads here only by a trick of DNS is no name of ours.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::header::{CONTENT_TYPE, HOST, HeaderMap, ORIGIN};
use http::request::Parts;
use serde::{Deserialize, Serialize};

use super::problem::AdminProblem;
use crate::gateway::Gateway;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Look at everything. Every other role may too.
    Read,
    /// Pause and resume destinations, retry and discard transfers, change what is logged.
    Ops,
    /// Have certificates taken up.
    Certs,
    /// Have the ledger verified.
    Dpo,
}

/// Whoever asks.
#[derive(Debug)]
pub(super) struct Caller {
    /// As the ledger has them.
    pub(super) who: &'static str,
    pub(super) roles: BTreeSet<Role>,
}

/// Over loopback nobody shows who they are.
const SOMEBODY_HERE: &str = "loopback";

impl Role {
    const fn code(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Ops => "ops",
            Self::Certs => "certs",
            Self::Dpo => "dpo",
        }
    }
}

impl Caller {
    /// Whether they may act in this role.
    pub(super) fn may(&self, role: Role) -> Result<(), AdminProblem> {
        if self.roles.contains(&role) {
            return Ok(());
        }
        let detail =
            format!("this takes the role `{}`, which `admin.plain_roles` does not give", role.code());
        Err(AdminProblem::forbidden("role-missing", detail))
    }
}

impl FromRequestParts<Arc<Gateway>> for Caller {
    type Rejection = AdminProblem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, AdminProblem> {
        let settings = gateway.config.load();
        let host = text(&parts.headers, HOST.as_str()).unwrap_or_default();
        if !is_ours(host, &settings.admin.listen) {
            return Err(AdminProblem::forbidden(
                "host-unknown",
                "ask by the address of the admin listener, or by `localhost`",
            ));
        }
        let roles: BTreeSet<_> = settings.admin.plain_roles.iter().copied().collect();
        if roles.is_empty() {
            return Err(AdminProblem::forbidden("admin-unknown", "`admin.plain_roles` gives no role"));
        }
        if parts.method != http::Method::GET {
            comes_from_here(&parts.headers, host)?;
        }
        Ok(Self { who: SOMEBODY_HERE, roles })
    }
}

/// A form of another page can send neither this media type nor this origin.
fn comes_from_here(headers: &HeaderMap, host: &str) -> Result<(), AdminProblem> {
    let media_type = text(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    if media_type.split(';').next().is_none_or(|name| name.trim() != "application/json") {
        return Err(AdminProblem::unsupported_media_type());
    }
    let same_origin = text(headers, ORIGIN.as_str())
        .is_none_or(|origin| origin.split_once("://").is_some_and(|(_, origin)| origin == host));
    let same_site =
        text(headers, "sec-fetch-site").is_none_or(|site| ["same-origin", "none"].contains(&site));
    if same_origin && same_site {
        return Ok(());
    }
    Err(AdminProblem::forbidden("origin-foreign", "another page has sent this; act from the console"))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn is_ours(host: &str, listen: &str) -> bool {
    let name = |authority: &str| {
        let name = authority.rsplit_once(':').filter(|(_, port)| !port.contains(']'));
        name.map_or(authority, |(name, _)| name).trim_matches(['[', ']']).to_ascii_lowercase()
    };
    let asked = name(host);
    let is_loopback = asked.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    !asked.is_empty() && (asked == "localhost" || is_loopback || asked == name(listen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_led_here_by_a_trick_is_none_of_ours() {
        let listen = "127.0.0.1:9443";
        for host in
            ["localhost", "localhost:9443", "127.0.0.1:9443", "127.0.0.2", "[::1]:9443", "LOCALHOST:1"]
        {
            assert!(is_ours(host, listen), "{host}");
        }
        for host in ["", "evil.example", "localhost.evil.example", "10.0.0.1:9443", "evil.example:9443"] {
            assert!(!is_ours(host, listen), "{host}");
        }
        assert!(is_ours("10.0.0.1:9443", "10.0.0.1:9443"));
    }

    #[test]
    fn another_page_can_do_nothing() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            pairs.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect()
        };
        let json = ("content-type", "application/json");
        let host = "localhost:9443";
        for fine in
            [vec![json], vec![json, ("origin", "http://localhost:9443"), ("sec-fetch-site", "same-origin")]]
        {
            assert!(comes_from_here(&headers(&fine), host).is_ok(), "{fine:?}");
        }
        for foreign in [
            vec![],
            vec![("content-type", "text/plain")],
            vec![json, ("origin", "http://evil.example")],
            vec![json, ("origin", "null")],
            vec![json, ("sec-fetch-site", "cross-site")],
        ] {
            assert!(comes_from_here(&headers(&foreign), host).is_err(), "{foreign:?}");
        }
    }
}
