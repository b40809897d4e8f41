//! A destination as configured: its name, its adapter, and the profiles of its purposes, checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::adapter::{Adapter, Description, PurposeDescription};
use crate::basis::{DestinationFacts, PolicySource};
use crate::minimise::{Profile, ProfileFault};
use crate::words::{Category, DestinationName, PurposeName};

/// A configured destination.
#[derive(Debug)]
pub struct Destination {
    name: DestinationName,
    adapter: Arc<dyn Adapter>,
    purposes: BTreeMap<PurposeName, Purpose>,
    never: BTreeSet<Category>,
}

/// One of a destination's purposes.
#[derive(Debug)]
pub struct Purpose {
    /// What the adapter says of it.
    pub description: PurposeDescription,
    /// What may leave for it.
    pub profile: Arc<Profile>,
}

/// Why a destination cannot be configured.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// A name in the adapter's description is none.
    #[error("`{0}` is not a name")]
    Name(String),
    /// A profile has faults.
    #[error("the profile of `{purpose}` has {} fault(s), the first: {}", faults.len(), first(faults))]
    Profile {
        /// The purpose.
        purpose: String,
        /// All faults.
        faults: Vec<ProfileFault>,
    },
}

fn first(faults: &[ProfileFault]) -> String {
    faults.first().map(ToString::to_string).unwrap_or_default()
}

impl Destination {
    /// Configures the destination `name` with `adapter`.
    ///
    /// # Errors
    /// When the adapter's description or one of its profiles is not well-formed.
    pub fn new(name: DestinationName, adapter: Arc<dyn Adapter>) -> Result<Self, DestinationError> {
        let description = adapter.description();
        let not_a_name = |text: &str| DestinationError::Name(text.to_owned());
        let mut purposes = BTreeMap::new();
        for purpose in &description.purposes {
            let profile = Profile::parse(purpose.name, purpose.profile)
                .map_err(|faults| DestinationError::Profile { purpose: purpose.name.to_owned(), faults })?;
            let purpose = Purpose { description: purpose.clone(), profile: Arc::new(profile) };
            let name = purpose.description.name;
            purposes.insert(name.parse().map_err(|_| not_a_name(name))?, purpose);
        }
        let never = description
            .never
            .iter()
            .map(|category| category.parse().map_err(|_| not_a_name(category)))
            .collect::<Result<_, _>>()?;
        Ok(Self { name, adapter, purposes, never })
    }

    /// Its name.
    pub const fn name(&self) -> &DestinationName {
        &self.name
    }

    /// Its adapter.
    pub fn adapter(&self) -> &dyn Adapter {
        &*self.adapter
    }

    /// What its adapter carries.
    pub fn description(&self) -> &Description {
        self.adapter.description()
    }

    /// Its purposes.
    pub const fn purposes(&self) -> &BTreeMap<PurposeName, Purpose> {
        &self.purposes
    }

    /// What policies see of it.
    pub fn facts(&self) -> DestinationFacts {
        DestinationFacts { name: self.name.clone(), never: self.never.clone() }
    }

    /// The policies its adapter ships.
    pub fn policies(&self) -> PolicySource {
        PolicySource {
            origin: format!("{}/policy.cedar", self.name),
            destination: Some(self.name.clone()),
            text: self.description().policies.to_owned(),
        }
    }
}
