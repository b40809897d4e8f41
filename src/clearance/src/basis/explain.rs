//! What would have changed a no: each permit is taken apart into its conditions, and each is asked alone.
//!
//! A policy names its conditions in annotations, `@condition_1` for the first `when` and so on; the nearest permit is
//! the one with the fewest failed conditions.

use cedar_policy::{Authorizer, Decision, Entities, Policy, PolicyId, PolicySet, Request};

use super::{Denial, Note, PolicyError};
use crate::fault::Fault;

/// The permits of one destination, taken apart.
#[derive(Debug)]
pub(super) struct Explainer {
    permits: Vec<Parts>,
}

#[derive(Debug)]
struct Parts {
    note: Note,
    conditions: Vec<Condition>,
}

#[derive(Debug)]
struct Condition {
    /// What must hold, in words.
    demand: String,
    /// A permit with this condition only.
    alone: PolicySet,
}

impl Explainer {
    pub(super) fn prepare(permits: Vec<(Note, Policy)>) -> Result<Self, PolicyError> {
        let permits =
            permits.into_iter().map(|(note, policy)| Parts::take(note, &policy)).collect::<Result<_, _>>()?;
        Ok(Self { permits })
    }

    /// The denial that names the nearest permit and its failed conditions.
    pub(super) fn nearest(&self, authorizer: &Authorizer, request: &Request, entities: &Entities) -> Denial {
        self.permits
            .iter()
            .map(|parts| (parts, parts.failed(authorizer, request, entities)))
            .min_by_key(|(_, failed)| failed.len())
            .map_or_else(no_permit, |(parts, failed)| Denial {
                rule: parts.note.rule.clone(),
                reason: format!(
                    "no rule permits this; `{}` comes nearest, and {} of its conditions {} not hold",
                    parts.note.rule,
                    failed.len(),
                    if failed.len() == 1 { "does" } else { "do" },
                ),
                faults: failed
                    .into_iter()
                    .map(|demand| {
                        Fault::new(
                            parts.note.rule.clone(),
                            "",
                            format!("it does not hold that {demand}"),
                            format!("it is permitted when {demand}"),
                        )
                    })
                    .collect(),
            })
    }
}

impl Parts {
    fn take(note: Note, policy: &Policy) -> Result<Self, PolicyError> {
        let failed = |what: String| PolicyError { origin: note.rule.clone(), what };
        let json = policy.to_json().map_err(|error| failed(error.to_string()))?;
        let clauses = json.get("conditions").and_then(|all| all.as_array()).cloned().unwrap_or_default();
        let mut conditions = Vec::new();
        for (place, clause) in clauses.into_iter().enumerate() {
            let key = format!("condition_{}", place + 1);
            let demand = policy.annotation(&key).ok_or_else(|| {
                failed(format!("clause {} has no `@{key}` that says it in words", place + 1))
            })?;
            let mut alone = json.clone();
            if let Some(object) = alone.as_object_mut() {
                object.insert("conditions".into(), serde_json::Value::Array(vec![clause]));
            }
            let alone = Policy::from_json(Some(PolicyId::new("alone")), alone)
                .map_err(|error| failed(error.to_string()))
                .and_then(|policy| {
                    PolicySet::from_policies([policy]).map_err(|error| failed(error.to_string()))
                })?;
            conditions.push(Condition { demand: demand.to_owned(), alone });
        }
        Ok(Self { note, conditions })
    }

    fn failed(&self, authorizer: &Authorizer, request: &Request, entities: &Entities) -> Vec<&str> {
        self.conditions
            .iter()
            .filter(|condition| {
                authorizer.is_authorized(request, &condition.alone, entities).decision() == Decision::Deny
            })
            .map(|condition| condition.demand.as_str())
            .collect()
    }
}

fn no_permit() -> Denial {
    Denial {
        rule: "no-legal-basis".into(),
        reason: "no rule permits any disclosure to this destination".into(),
        faults: Vec::new(),
    }
}
