//! Who calls what, on whose behalf, through which server: the identifiers of `http://x-road.eu/xsd/identifiers`.
//!
//! Central services are not among them: protocol version 4.0.23 took them out.

use crate::address::{ClientPath, Part, ServiceId};

/// A member or one of its subsystems: who calls, or who provides.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Client {
    /// The X-Road instance, such as `ee-test`.
    pub instance: Part,
    /// The class of the member, such as `GOV`.
    pub class: Part,
    /// The member's code.
    pub member: Part,
    /// The subsystem; without one it is the member itself.
    pub subsystem: Option<Part>,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Service {
    /// Who provides it.
    pub provider: Client,
    /// Its code, which the one child of the body is named after.
    pub code: Part,
    /// Its version, such as `v1`.
    pub version: Option<Part>,
}

/// A Security Server: pins one of several that provide the same service (extension `securityServer`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerId {
    /// The X-Road instance.
    pub instance: Part,
    /// The class of its owner.
    pub class: Part,
    /// The code of its owner.
    pub member: Part,
    /// Its own code.
    pub code: Part,
}

/// On whose behalf a client calls (extension `representedParty`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RepresentedParty {
    /// The class of the party.
    pub class: Option<Part>,
    /// The code of the party.
    pub code: Part,
}

impl Client {
    /// The service `code` of this provider.
    pub fn service(&self, code: Part, version: Option<Part>) -> Service {
        Service { provider: self.clone(), code, version }
    }
}

impl Service {
    /// The service that REST calls `id`, in `version`.
    pub fn new(id: &ServiceId, version: Option<Part>) -> Self {
        let [instance, class, member, subsystem, code] = id.parts().clone();
        let provider = Client { instance, class, member, subsystem: Some(subsystem) };
        Self { provider, code, version }
    }
}

impl From<&ClientPath> for Client {
    fn from(path: &ClientPath) -> Self {
        let ([instance, class, member], subsystem) = path.parts();
        Self {
            instance: instance.clone(),
            class: class.clone(),
            member: member.clone(),
            subsystem: subsystem.cloned(),
        }
    }
}
