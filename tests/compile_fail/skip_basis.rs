//! A document is not minimised before its declaration is lawful.
use clearance::basis::Policy;
use clearance::journey::{Document, Submission};

fn skip(submission: Submission, document: &Document, policy: &Policy) {
    let _ = submission.minimise(document, policy);
}

fn main() {}
