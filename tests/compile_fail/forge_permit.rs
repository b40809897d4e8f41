//! A permit comes from the policy only.
use clearance::basis::{Permit, Question};

fn forge(question: Question) -> Permit {
    Permit { question, rules: Vec::new(), policy_version: String::new() }
}

fn main() {}
