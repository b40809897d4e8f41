//! The header of a message: every element of the protocol, and its extensions.

use super::element::Element;
use super::hash::RequestHash;
use super::names::{Client, RepresentedParty, ServerId, Service};
use super::text::{MessageId, Text};

/// What the header of a message says. The protocol version is not among it: it is 4.0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    /// Who calls (`client`).
    pub client: Client,
    /// What is called (`service`).
    pub service: Service,
    /// The id of the message (`id`); the answer bears the same.
    pub id: MessageId,
    /// The person whose action led to the call, such as `EE` and a personal code (`userId`).
    pub user_id: Option<Text>,
    /// The application, case or document that it is about (`issue`). Estonia's Data Tracker shows it to the subject.
    pub issue: Option<Text>,
    /// One Security Server of several (`securityServer`).
    pub security_server: Option<ServerId>,
    /// On whose behalf the client calls (`representedParty`).
    pub represented_party: Option<RepresentedParty>,
    /// A token for the service, which X-Road passes on unread (`securityToken`).
    pub security_token: Option<SecurityToken>,
    /// What ties an answer to its request (`requestHash`). Security Servers fill it in; a request has none.
    pub request_hash: Option<RequestHash>,
    /// Header elements that the protocol does not know, each standing alone. None of them asks to be understood.
    pub others: Vec<Element>,
}

/// A token for the service (extension `securityToken`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityToken {
    /// Its type, such as `urn:ietf:params:oauth:token-type:jwt`.
    pub token_type: Option<Text>,
    /// The token.
    pub token: Text,
}

impl Headers {
    /// The header of a request with what it cannot do without.
    pub fn new(client: Client, service: Service, id: MessageId) -> Self {
        Self {
            client,
            service,
            id,
            user_id: None,
            issue: None,
            security_server: None,
            represented_party: None,
            security_token: None,
            request_hash: None,
            others: Vec::new(),
        }
    }

    /// The header of the answer: the same, as the protocol has it.
    #[must_use]
    pub fn of_answer(&self, request_hash: Option<RequestHash>) -> Self {
        Self { request_hash, ..self.clone() }
    }

    /// Whether this is the header of the answer to a request with the header `request`: the same in what Security Servers
    /// compare too. They do not compare `securityServer`, tokens, or what the protocol does not know.
    pub fn answers(&self, request: &Self) -> bool {
        self.client == request.client
            && self.service == request.service
            && self.id == request.id
            && self.user_id == request.user_id
            && self.issue == request.issue
            && self.represented_party == request.represented_party
    }
}
