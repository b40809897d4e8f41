//! Legal basis: whether a disclosure may be, decided by policies written in Cedar.
//!
//! Deny by default. One function, [`Policy::decide`], is asked three times on the journey: before the document is
//! read, after it has been minimised, and at each attempt. It knows codes only: nothing about a person reaches it.

mod explain;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use cedar_policy::{
    Authorizer, Context, Decision, Effect, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicyId,
    PolicySet, Request, RestrictedExpression, Schema, ValidationMode, Validator,
};

use crate::client::{Client, Vouching};
use crate::declaration::LegalBasis;
use crate::fault::Fault;
use crate::words::{Category, ClientId, DestinationName, PurposeName};

use self::explain::Explainer;

const SCHEMA: &str = include_str!("schema.cedarschema");
const EVERYWHERE: &str = include_str!("everywhere.cedar");

/// What a policy is asked: codes only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Who sends.
    pub client: ClientId,
    /// To where.
    pub destination: DestinationName,
    /// What for.
    pub purpose: PurposeName,
    /// On which basis.
    pub legal_basis: LegalBasis,
    /// The data categories that would leave.
    pub categories: BTreeSet<Category>,
    /// The evidence, as `kind:source`.
    pub evidence: BTreeSet<String>,
    /// How the clinic vouches for the professional.
    pub professional: Vouching,
    /// The subject's consents and restrictions.
    pub standing: Standing,
}

/// A subject's consents and restrictions towards one destination, as the store knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Whether consent was given or withdrawn.
    pub consent: Consent,
    /// Whether a restriction or objection stands.
    pub restricted: bool,
    /// Grows with every change; an attempt starts only if this is the version the policy saw.
    pub version: u64,
}

/// Consent as the store knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Consent {
    /// Nothing is on record.
    #[default]
    None,
    /// Given.
    Given,
    /// Withdrawn.
    Withdrawn,
}

impl Consent {
    /// How policies and clients see it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Given => "given",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A yes, with the rules that gave it.
///
/// INVARIANT: only [`Policy::decide`] makes one, and it holds for the question it was asked and no other.
#[derive(Debug)]
pub struct Permit {
    question: Question,
    rules: Vec<String>,
    policy_version: String,
}

impl Permit {
    /// What was asked.
    pub const fn question(&self) -> &Question {
        &self.question
    }

    /// The rules that permitted it.
    pub fn rules(&self) -> &[String] {
        &self.rules
    }

    /// The version of the policies that were asked: a digest of their text.
    pub fn policy_version(&self) -> &str {
        &self.policy_version
    }
}

/// A no: the rule that decided, and what would change the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The forbid that decided, or the permit that came nearest, or `no-legal-basis`.
    pub rule: String,
    /// Why, in a sentence.
    pub reason: String,
    /// Each condition that failed, with what would change it.
    pub faults: Vec<Fault>,
}

/// A text of policies and where it comes from.
#[derive(Debug, Clone)]
pub struct PolicySource {
    /// Where it comes from, for messages.
    pub origin: String,
    /// For one destination, or for all.
    pub destination: Option<DestinationName>,
    /// The Cedar text.
    pub text: String,
}

/// Why policies were not loaded; those before stay in force.
#[derive(Debug, thiserror::Error)]
#[error("`{origin}`: {what}")]
pub struct PolicyError {
    origin: String,
    what: String,
}

/// The policies in force, prepared for quick answers.
#[derive(Debug)]
pub struct Policy {
    version: String,
    schema: Schema,
    slices: HashMap<DestinationName, Slice>,
    clients: HashMap<ClientId, Entity>,
    destinations: HashMap<DestinationName, Entity>,
    action: EntityUid,
    authorizer: Authorizer,
}

/// The policies that can matter for one destination: cost must not grow with the number of destinations.
#[derive(Debug)]
struct Slice {
    policies: PolicySet,
    notes: BTreeMap<PolicyId, Note>,
    explainer: Explainer,
}

/// What a policy's annotations say.
#[derive(Debug, Clone, Default)]
struct Note {
    rule: String,
    reason: String,
    remedy: String,
}

/// A destination as policies see it.
#[derive(Debug, Clone)]
pub struct DestinationFacts {
    /// Its name.
    pub name: DestinationName,
    /// The categories that never go there.
    pub never: BTreeSet<Category>,
}

impl Policy {
    /// Loads and checks policies: those that hold everywhere, those of `sources`, for these clients and destinations.
    ///
    /// # Errors
    /// When a text does not parse, does not type-check, or has a policy without `@id` and `@reason`.
    pub fn load(
        sources: &[PolicySource],
        clients: &[Client],
        destinations: &[DestinationFacts],
    ) -> Result<Self, PolicyError> {
        let schema = schema()?;
        let everywhere =
            PolicySource { origin: "everywhere.cedar".into(), destination: None, text: EVERYWHERE.into() };
        let mut version = Vec::new();
        for source in std::iter::once(&everywhere).chain(sources) {
            version.extend_from_slice(digest(&SHA256, source.text.as_bytes()).as_ref());
        }
        let version = digest(&SHA256, &version);
        let version = hex::encode(version.as_ref().get(..8).unwrap_or_default());

        let mut slices = HashMap::new();
        for destination in destinations {
            let relevant = std::iter::once(&everywhere)
                .chain(sources)
                .filter(|source| source.destination.as_ref().is_none_or(|of| *of == destination.name));
            slices.insert(destination.name.clone(), Slice::load(relevant, &schema)?);
        }
        let mut client_entities = HashMap::new();
        for client in clients {
            client_entities.insert(client.id.clone(), client_entity(client)?);
        }
        let mut destination_entities = HashMap::new();
        for destination in destinations {
            destination_entities.insert(destination.name.clone(), destination_entity(destination)?);
        }
        Ok(Self {
            version,
            schema,
            slices,
            clients: client_entities,
            destinations: destination_entities,
            action: uid("Action", "disclose")?,
            authorizer: Authorizer::new(),
        })
    }

    /// The version: a digest of all policy texts.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Decides.
    ///
    /// # Errors
    /// The denial, with the rule that decided and what would change the answer.
    pub fn decide(&self, question: Question) -> Result<Permit, Denial> {
        let slice = self.slices.get(&question.destination);
        let client = self.clients.get(&question.client);
        let destination = self.destinations.get(&question.destination);
        let (Some(slice), Some(client), Some(destination)) = (slice, client, destination) else {
            return Err(Denial::unknown_party());
        };
        let (request, entities) =
            self.request(&question, client, destination).map_err(|_| Denial::evaluation_failed())?;
        let response = self.authorizer.is_authorized(&request, &slice.policies, &entities);
        // A policy that fails to evaluate is skipped by Cedar; a skipped forbid would be a hole.
        if response.diagnostics().errors().next().is_some() {
            return Err(Denial::evaluation_failed());
        }
        let mut decided: Vec<&Note> =
            response.diagnostics().reason().filter_map(|id| slice.notes.get(id)).collect();
        // Cedar gives them in no order; the record must say the same of the same question.
        decided.sort_by(|one, other| one.rule.cmp(&other.rule));
        match response.decision() {
            Decision::Allow => Ok(Permit {
                rules: decided.iter().map(|note| note.rule.clone()).collect(),
                policy_version: self.version.clone(),
                question,
            }),
            Decision::Deny if !decided.is_empty() => Err(Denial::forbidden(&decided)),
            Decision::Deny => Err(slice.explainer.nearest(&self.authorizer, &request, &entities)),
        }
    }

    /// Whether it knows this client: about one it does not know, every answer is a no.
    pub fn knows(&self, client: &ClientId) -> bool {
        self.clients.contains_key(client)
    }

    fn request(
        &self,
        question: &Question,
        client: &Entity,
        destination: &Entity,
    ) -> Result<(Request, Entities), PolicyError> {
        let failed =
            |what: &dyn std::fmt::Display| PolicyError { origin: "question".into(), what: what.to_string() };
        let request = Request::new(
            client.uid(),
            self.action.clone(),
            destination.uid(),
            context(question)?,
            Some(&self.schema),
        )
        .map_err(|error| failed(&error))?;
        let entities = Entities::from_entities([client.clone(), destination.clone()], None)
            .map_err(|error| failed(&error))?;
        Ok((request, entities))
    }
}

impl Slice {
    fn load<'a>(
        sources: impl Iterator<Item = &'a PolicySource>,
        schema: &Schema,
    ) -> Result<Self, PolicyError> {
        let mut policies = PolicySet::new();
        let mut notes = BTreeMap::new();
        let mut permits = Vec::new();
        for source in sources {
            let failed = |what: String| PolicyError { origin: source.origin.clone(), what };
            let parsed = PolicySet::from_str(&source.text).map_err(|error| failed(error.to_string()))?;
            let check = Validator::new(schema.clone()).validate(&parsed, ValidationMode::Strict);
            if !check.validation_passed() {
                let faults: Vec<_> = check.validation_errors().map(ToString::to_string).collect();
                return Err(failed(faults.join("; ")));
            }
            for policy in parsed.policies() {
                let note = note(policy).ok_or_else(|| {
                    failed("every policy has an `@id` and a `@reason`, every forbid a `@remedy`".into())
                })?;
                let id = PolicyId::new(&note.rule);
                let policy = policy.new_id(id.clone());
                if policy.effect() == Effect::Permit {
                    permits.push((note.clone(), policy.clone()));
                }
                policies
                    .add(policy)
                    .map_err(|_| failed(format!("the rule `{}` is there twice", note.rule)))?;
                notes.insert(id, note);
            }
        }
        Ok(Self { policies, notes, explainer: Explainer::prepare(permits)? })
    }
}

fn note(policy: &cedar_policy::Policy) -> Option<Note> {
    let text = |key: &str| policy.annotation(key).map(ToOwned::to_owned);
    let remedy = text("remedy");
    if policy.effect() == Effect::Forbid && remedy.is_none() {
        return None;
    }
    Some(Note { rule: text("id")?, reason: text("reason")?, remedy: remedy.unwrap_or_default() })
}

impl Denial {
    fn forbidden(decided: &[&Note]) -> Self {
        let first = decided.first();
        Self {
            rule: first.map(|note| note.rule.clone()).unwrap_or_default(),
            reason: first.map(|note| note.reason.clone()).unwrap_or_default(),
            faults: decided
                .iter()
                .map(|note| Fault::new(note.rule.clone(), "", note.reason.clone(), note.remedy.clone()))
                .collect(),
        }
    }

    fn unknown_party() -> Self {
        Self {
            rule: "no-legal-basis".into(),
            reason: "the client or the destination is not registered any more".into(),
            faults: Vec::new(),
        }
    }

    fn evaluation_failed() -> Self {
        Self {
            rule: "policy-evaluation-failed".into(),
            reason: "a policy could not be evaluated, so nothing is permitted".into(),
            faults: Vec::new(),
        }
    }
}

fn schema() -> Result<Schema, PolicyError> {
    Schema::from_str(SCHEMA)
        .map_err(|error| PolicyError { origin: "schema.cedarschema".into(), what: error.to_string() })
}

fn uid(kind: &str, name: &str) -> Result<EntityUid, PolicyError> {
    let kind = EntityTypeName::from_str(kind)
        .map_err(|error| PolicyError { origin: "schema.cedarschema".into(), what: error.to_string() })?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(name)))
}

fn entity(
    kind: &str,
    name: &str,
    attributes: HashMap<String, RestrictedExpression>,
) -> Result<Entity, PolicyError> {
    Entity::new(uid(kind, name)?, attributes, Default::default())
        .map_err(|error| PolicyError { origin: name.to_owned(), what: error.to_string() })
}

fn client_entity(client: &Client) -> Result<Entity, PolicyError> {
    let attributes = HashMap::from([
        ("name".into(), text(client.id.as_str())),
        ("organisation".into(), text(&client.organisation)),
        ("destinations".into(), set(client.destinations.iter().map(DestinationName::as_str))),
    ]);
    entity("Client", client.id.as_str(), attributes)
}

fn destination_entity(destination: &DestinationFacts) -> Result<Entity, PolicyError> {
    let attributes = HashMap::from([
        ("name".into(), text(destination.name.as_str())),
        ("never".into(), set(destination.never.iter().map(Category::as_str))),
    ]);
    entity("Destination", destination.name.as_str(), attributes)
}

fn context(question: &Question) -> Result<Context, PolicyError> {
    let basis = &question.legal_basis;
    let pairs = [
        ("purpose".into(), text(question.purpose.as_str())),
        ("gdpr6".into(), text(&basis.gdpr6)),
        ("gdpr9".into(), text(&basis.gdpr9)),
        ("act".into(), text(&basis.act)),
        ("section".into(), text(&basis.section)),
        ("categories".into(), set(question.categories.iter().map(Category::as_str))),
        ("evidence".into(), set(question.evidence.iter().map(String::as_str))),
        ("professional".into(), text(question.professional.code())),
        ("consent".into(), text(question.standing.consent.code())),
        ("restricted".into(), RestrictedExpression::new_bool(question.standing.restricted)),
    ];
    Context::from_pairs(pairs)
        .map_err(|error| PolicyError { origin: "question".into(), what: error.to_string() })
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn set<'a>(values: impl Iterator<Item = &'a str>) -> RestrictedExpression {
    RestrictedExpression::new_set(values.map(text))
}

#[cfg(test)]
mod tests;
