//! Faults (SOAP 1.1, section 4.4): what went wrong, and whose fault it was.

use std::fmt;

use super::headers::Headers;

/// A fault, in place of an answer.
///
/// Its texts come from elsewhere and may repeat the request. None of them prints; what may be logged is [`Fault::blame`],
/// and whether the code [is](FaultCode::is) one that the reader knows.
#[derive(Clone, PartialEq, Eq)]
pub struct Fault {
    /// The code (`faultcode`).
    pub code: FaultCode,
    /// The explanation (`faultstring`).
    pub string: Box<str>,
    /// Who raised it (`faultactor`).
    pub actor: Option<Box<str>>,
    /// What X-Road adds (`faultDetail` within `detail`), such as the number of a log entry of the Security Server.
    pub detail: Option<Box<str>>,
    /// The header, when the fault has a complete one.
    pub headers: Option<Box<Headers>>,
}

/// The code of a fault.
#[derive(Clone, PartialEq, Eq)]
pub struct FaultCode(Box<str>);

/// Whose fault it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// `Client`: the request is not as it should be.
    Client,
    /// `Server`: the service failed, and X-Road did not.
    Service,
    /// `Server.ClientProxy`: the client's Security Server, or the way from it to the provider's.
    ClientProxy,
    /// `Server.ServerProxy`: the provider's Security Server, or the way from it to the service.
    ServerProxy,
    /// The code begins with none of these.
    Unsaid,
}

impl Fault {
    /// A fault with `code` and `string`.
    pub fn new(code: FaultCode, string: &str) -> Self {
        Self { code, string: string.into(), actor: None, detail: None, headers: None }
    }

    /// Whose fault it was.
    pub fn blame(&self) -> Blame {
        self.code.blame()
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault").field("blame", &self.blame()).finish_non_exhaustive()
    }
}

impl FaultCode {
    /// The code that `text` is, less the prefix of a qualified name: `SOAP-ENV:Server` is `Server`.
    pub fn new(text: &str) -> Self {
        let text = text.trim();
        Self(text.rsplit_once(':').map_or(text, |(_, local)| local).into())
    }

    /// The code as it came, less a prefix. It comes from elsewhere: compare it, do not log it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is `code` in either of the spellings that Security Servers use: `Server.ServerProxy.AccessDenied` is
    /// `server.serverproxy.access_denied`.
    pub fn is(&self, code: &str) -> bool {
        self.0.split('.').map(plain).eq(code.split('.').map(plain))
    }

    /// Whose fault it says it was.
    pub fn blame(&self) -> Blame {
        let mut names = self.0.split('.').map(plain);
        match (names.next().as_deref(), names.next().as_deref()) {
            (Some("client"), _) => Blame::Client,
            (Some("server"), Some("clientproxy")) => Blame::ClientProxy,
            (Some("server"), Some("serverproxy")) => Blame::ServerProxy,
            (Some("server"), _) => Blame::Service,
            _ => Blame::Unsaid,
        }
    }
}

impl fmt::Debug for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultCode({:?})", self.blame())
    }
}

/// A name without what the two spellings differ in.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|character| *character != '_')
        .map(|character| character.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blame_is_told_apart_however_the_code_is_spelt() {
        for (code, blame) in [
            ("Client", Blame::Client),
            ("soap:Client", Blame::Client),
            ("client.missing_body", Blame::Client),
            ("Server", Blame::Service),
            ("SOAP-ENV:Server.CODE", Blame::Service),
            ("Server.ClientProxy.ServiceFailed.MissingBody", Blame::ClientProxy),
            ("server.client_proxy.network_error", Blame::ClientProxy),
            (" Server.ServerProxy.AccessDenied\n", Blame::ServerProxy),
            ("SERVER.SERVERPROXY", Blame::ServerProxy),
            ("Clientele", Blame::Unsaid),
            ("CODE", Blame::Unsaid),
            ("", Blame::Unsaid),
        ] {
            assert_eq!(FaultCode::new(code).blame(), blame, "{code}");
        }
    }

    #[test]
    fn both_spellings_are_one_code() {
        let old = FaultCode::new("Server.ServerProxy.AccessDenied");
        assert!(old.is("server.serverproxy.access_denied"));
        assert!(!old.is("server.serverproxy"));
        assert!(!old.is("server.clientproxy.access_denied"));
    }

    #[test]
    fn nothing_of_a_fault_prints_but_its_blame() {
        let fault = Fault::new(FaultCode::new("Server.39901012239"), "39901012239");
        assert_eq!(format!("{fault:?}"), "Fault { blame: Service, .. }");
        assert_eq!(format!("{:?}", fault.code), "FaultCode(Service)");
    }
}
