//! The rules in force: clients, destinations and policies, read together and swapped together.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use clearance::adapter::SubjectIndex;
use clearance::basis::{Policy, PolicyError, PolicySource};
use clearance::client::{Client, Professionals};
use clearance::destination::{Destination, DestinationError};
use clearance::fault::Fault;
use clearance::words::DestinationName;

use crate::adapters;
use crate::config::{self, Config};
use crate::intake::problem::{Kind, Problem};

/// What is in force.
#[derive(Debug)]
pub(crate) struct Rules {
    clients: BTreeMap<String, Arc<Client>>,
    destinations: BTreeMap<DestinationName, Arc<Destination>>,
    pub(crate) policy: Policy,
    pub(crate) index: Option<Arc<dyn SubjectIndex>>,
}

/// Why rules are not put in force; those before stay.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RulesError {
    #[error(transparent)]
    Adapter(#[from] adapters::AdapterError),
    #[error("destination `{name}`: {source}")]
    Destination { name: DestinationName, source: DestinationError },
    #[error("policy {0}")]
    Policy(#[from] PolicyError),
    #[error("the policy folder `{folder}` cannot be read: {source}")]
    Folder { folder: String, source: std::io::Error },
}

impl Rules {
    /// Builds the rules that `config` describes.
    pub(crate) fn build(config: &Config) -> Result<Self, RulesError> {
        let adapters = adapters::build(config)?;
        let mut destinations = BTreeMap::new();
        for (name, adapter) in adapters.by_destination {
            let destination = Destination::new(name.clone(), adapter)
                .map_err(|source| RulesError::Destination { name: name.clone(), source })?;
            destinations.insert(name, Arc::new(destination));
        }
        let clients: Vec<Client> = config.clients.iter().map(client).collect();
        let mut sources: Vec<_> = destinations.values().map(|destination| destination.policies()).collect();
        sources.extend(operators_policies(config)?);
        let facts: Vec<_> = destinations.values().map(|destination| destination.facts()).collect();
        let policy = Policy::load(&sources, &clients, &facts)?;
        let clients = clients.into_iter().map(|client| (client.id.to_string(), Arc::new(client))).collect();
        Ok(Self { clients, destinations, policy, index: adapters.index })
    }

    /// The client of this name.
    pub(crate) fn client(&self, name: &str) -> Option<Arc<Client>> {
        self.clients.get(name).cloned()
    }

    /// The destination of this name.
    pub(crate) fn destination(&self, name: &DestinationName) -> Result<Arc<Destination>, Problem> {
        // Refused by name, so that the answer can say what to do instead (`interfaces.md` E.7).
        const BY_HAND: [&str; 5] = ["court", "police", "prosecutor", "insurer", "insurance"];
        self.destinations.get(name).cloned().ok_or_else(|| {
            if BY_HAND.contains(&name.as_str()) {
                return Problem::new(
                    Kind::NoAutomaticRoute,
                    "a request of this recipient is answered by hand",
                );
            }
            let detail = "the declaration names a destination that is not configured here";
            let fault =
                Fault::new("destination-unknown", "/destination", detail, Kind::DestinationUnknown.remedy());
            Problem { faults: vec![fault], ..Problem::new(Kind::DestinationUnknown, detail) }
        })
    }

    /// All destinations.
    pub(crate) fn destinations(&self) -> impl Iterator<Item = &Arc<Destination>> {
        self.destinations.values()
    }
}

fn client(client: &config::Client) -> Client {
    Client {
        id: client.id.clone(),
        organisation: client.organisation.clone(),
        destinations: client.destinations.clone(),
        professionals: if client.dangerous_any_professional {
            Professionals::DangerousAnyone
        } else {
            Professionals::Listed(client.professionals.clone())
        },
    }
}

/// Policies of the operator's own, from every `*.cedar` file of the configured folders.
fn operators_policies(config: &Config) -> Result<Vec<PolicySource>, RulesError> {
    let mut sources = Vec::new();
    for folder in &config.policy.folders {
        let failed = |source| RulesError::Folder { folder: folder.display().to_string(), source };
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            files.push(entry.map_err(failed)?.path());
        }
        // The version is a digest over all texts in order, so the order must not depend on the file system.
        files.sort();
        for file in files.into_iter().filter(|file| file.extension().is_some_and(|of| of == "cedar")) {
            let text = fs::read_to_string(&file).map_err(failed)?;
            sources.push(PolicySource { origin: file.display().to_string(), destination: None, text });
        }
    }
    Ok(sources)
}
