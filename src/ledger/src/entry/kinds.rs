//! The kinds of entries, member by member, as `docs/format.md` section 1 lists them.

use serde_json::{Map, Value};

use super::{Unreadable, take};
use crate::canonical::Object;
use crate::hash::Hash;
use crate::values::{Code, Count, Evidence, Moment, Pseudonym, Set, Text};
use crate::vocabulary::{Change, Hindrance, Matter, State};

kinds! {
    /// A release, recorded before anything is sent.
    Disclosure = "disclosure" {
        /// When it was recorded.
        at: Moment,
        /// The transfer.
        transfer: Code,
        /// The system of the clinic that asked.
        client: Code,
        /// The SHA-256 of its certificate.
        certificate: Hash,
        /// Where it goes.
        destination: Code,
        /// To whom the destination hands it on.
        onward: Option<Code>,
        /// Why it goes.
        purpose: Code,
        /// The national act.
        act: Text,
        /// The section of that act.
        section: Text,
        /// The ground of GDPR Article 6, such as `6(1)(c)`.
        gdpr6: Code,
        /// The ground of GDPR Article 9, such as `9(2)(h)`.
        gdpr9: Code,
        /// The rules that decided.
        rules: Set<Code>,
        /// The version of the policy they belong to.
        policy: Code,
        /// The allow-list the document was minimised by.
        profile: Profile,
        /// The person the data is about.
        subject: Pseudonym,
        /// The person on whose behalf it is sent.
        professional: Pseudonym,
        /// The registry code of the receiving organisation.
        recipient: Option<Code>,
        /// What the decision rests on.
        evidence: Set<Evidence>,
        /// The categories of data that leave.
        categories: Set<Code>,
        /// The version of the subject's consents and restrictions that the policy saw.
        standing: Count,
        /// The bytes of the document that leaves.
        size: Count,
        /// What binds the entry to what left.
        commitments: Commitments,
    }

    /// A no to an identified client.
    Refusal = "refusal" {
        /// When it was said.
        at: Moment,
        /// Who asked.
        client: Code,
        /// Where it was to go, when the gateway knows the name.
        destination: Option<Code>,
        /// Why it was to go, when the gateway knows the name.
        purpose: Option<Code>,
        /// The rule that decided.
        rule: Code,
        /// The stage that refused.
        stage: Code,
        /// How many faults were reported.
        faults: Count,
        /// The id of the request.
        request: Code,
    }

    /// A try to deliver, recorded before its first byte is sent.
    Attempt = "attempt" {
        /// When it began.
        at: Moment,
        /// Which transfer.
        transfer: Code,
        /// Which try, counted from 1.
        number: Count,
    }

    /// The state a transfer has reached.
    Outcome = "outcome" {
        /// When it was reached.
        at: Moment,
        /// Which transfer.
        transfer: Code,
        /// The state.
        state: State,
        /// How many tries there were.
        attempts: Count,
        /// The commitment to the destination's proof.
        acknowledgement: Option<Hash>,
        /// The rule that withheld it.
        rule: Option<Code>,
    }

    /// A question to a destination about a person, recorded before it is asked.
    Inquiry = "inquiry" {
        /// When it was recorded.
        at: Moment,
        /// The inquiry.
        inquiry: Code,
        /// The system of the clinic that asked for it.
        client: Code,
        /// The SHA-256 of its certificate.
        certificate: Hash,
        /// Whom it is put to.
        destination: Code,
        /// Why it is asked.
        purpose: Code,
        /// The national act.
        act: Text,
        /// The section of that act.
        section: Text,
        /// The ground of GDPR Article 6.
        gdpr6: Code,
        /// The ground of GDPR Article 9.
        gdpr9: Code,
        /// The rules that permitted it.
        rules: Set<Code>,
        /// The version of the policy they belong to.
        policy: Code,
        /// The allow-list that the answer is minimised by.
        profile: Profile,
        /// The person it is about.
        subject: Pseudonym,
        /// The person on whose behalf it is asked.
        professional: Pseudonym,
        /// The registry code of the organisation asked, where the destination stands for many.
        recipient: Option<Code>,
        /// What the decision rests on.
        evidence: Set<Evidence>,
        /// The categories of data that an answer could bring.
        categories: Set<Code>,
        /// The version of the subject's consents and restrictions that the policy saw.
        standing: Count,
        /// What binds the entry to what was asked.
        commitments: InquiryCommitments,
    }

    /// What of an inquiry's answer went to the client, recorded before its first byte.
    Release = "release" {
        /// When it was recorded.
        at: Moment,
        /// Which inquiry.
        inquiry: Code,
        /// The rules that permitted it.
        rules: Set<Code>,
        /// The version of the policy they belong to.
        policy: Code,
        /// The categories of data released.
        categories: Set<Code>,
        /// The version of the subject's consents and restrictions that the policy saw.
        standing: Count,
        /// How many documents were released.
        documents: Count,
        /// The bytes of all of them.
        size: Count,
        /// What binds the entry to what was released.
        commitments: ReleaseCommitments,
    }

    /// An inquiry that has ended, and nothing was released.
    NoRelease = "no-release" {
        /// When it ended.
        at: Moment,
        /// Which inquiry.
        inquiry: Code,
        /// What stood in the way.
        hindrance: Hindrance,
        /// The rule that withheld it, or the code of what happened.
        code: Option<Code>,
    }

    /// A consent or restriction of a subject, given or withdrawn.
    Standing = "standing" {
        /// When the gateway was told.
        at: Moment,
        /// Consent or restriction.
        matter: Matter,
        /// Given or withdrawn.
        change: Change,
        /// Which one. It names the consent, never the person.
        id: Code,
        /// Whose.
        subject: Pseudonym,
        /// The version of the subject's standing from here on, greater than before.
        version: Count,
    }

    /// An act of an operator.
    Administration = "administration" {
        /// When.
        at: Moment,
        /// The operator.
        who: Code,
        /// What they did.
        action: Code,
        /// To what.
        object: Text,
    }
}

objects! {
    /// An allow-list and its version.
    Profile {
        /// Its name.
        name: Code,
        /// Its version.
        version: Code,
    }

    /// Commitments (`docs/format.md` section 2) to what may not stand in the ledger.
    Commitments {
        /// To the document that leaves.
        document: Hash,
        /// To its manifest.
        manifest: Hash,
        /// To the reason, or to the empty string.
        reason: Hash,
    }

    /// Commitments to what was asked.
    InquiryCommitments {
        /// To the parameters of the question.
        query: Hash,
        /// To the reason.
        reason: Hash,
    }

    /// Commitments to what was released.
    ReleaseCommitments {
        /// To the SHA-256 of each document, one after the other.
        documents: Hash,
        /// To the SHA-256 of each document's manifest, one after the other.
        manifests: Hash,
    }
}
