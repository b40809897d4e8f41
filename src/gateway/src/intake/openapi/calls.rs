//! The calls and their answers; each call's refusals are in [`super::refusals`].
#![expect(dead_code, reason = "each function carries the description of a call")]

use super::schemas::{Notice, Parts, Question, Search, Submission, TransferEvent, TransferState};
use crate::intake::api::{Accepted, Checked, Settled, Transfer};
use crate::intake::destinations::Destinations;
use crate::intake::disclosures::Disclosures;
use crate::intake::reading::Transfers;
use crate::intake::released::Release;
use crate::intake::standing::Standing;

#[utoipa::path(
    post, path = "/v1/transfers", tag = "transfers",
    summary = "Send a document",
    description = "202 after the disclosure is on record; delivery follows. The body is one JSON object, or \
                   `multipart/form-data` or `multipart/related` with the part `declaration` first and `document` second.",
    params(
        ("Idempotency-Key" = String, Header, description = "One per transfer; the same with each retry of it", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
        ("Prefer" = Option<String>, Header, description = "`wait=n`: hold the answer until delivered, at most n seconds"),
        ("Content-Digest" = Option<String>, Header, description = "RFC 9530; checked when sent", pattern = "^(sha-256|sha-512)=:[A-Za-z0-9+/]+={0,2}:$"),
    ),
    request_body(content((Submission = "application/json"), (Parts = "multipart/form-data"), (Parts = "multipart/related"))),
    responses(
        (
            status = 200, description = "Delivered within the time of `Prefer: wait`", body = Settled,
            headers(
                ("Location" = String, description = "The transfer's address"),
                ("Idempotency-Replayed" = Option<bool>, description = "`true`: the answer to an earlier request with this key"),
            )
        ),
        (
            status = 202, description = "On record. After a wait that was not long enough, as with 200", body = Accepted,
            headers(
                ("Location" = String, description = "The transfer's address"),
                ("Idempotency-Replayed" = Option<bool>, description = "`true`: the answer to an earlier request with this key"),
            )
        ),
    )
)]
pub(super) fn submit() {}

#[utoipa::path(
    get, path = "/v1/transfers", tag = "transfers",
    summary = "This client's transfers",
    description = "The newest first, a page at a time: `next` of a page is `before` of the one after it.",
    params(
        ("state" = Option<TransferState>, Query, description = "Those in this state"),
        ("destination" = Option<String>, Query, description = "Those to this destination", pattern = "^[a-z0-9][a-z0-9.-]{0,63}$"),
        ("before" = Option<u64>, Query, description = "`next` of the page before", minimum = 0, maximum = 9223372036854775807_u64),
        ("limit" = Option<u32>, Query, description = "So many at most; 100 when it is left out", minimum = 1, maximum = 1000),
    ),
    responses((status = 200, description = "A page", body = Transfers))
)]
pub(super) fn list_transfers() {}

#[utoipa::path(
    post, path = "/v1/checks", tag = "transfers",
    summary = "Try a document without sending it",
    description = "The whole pipeline; nothing is stored or sent.",
    params(
        ("document" = Option<bool>, Query, description = "Show the document as it would leave"),
        ("Content-Digest" = Option<String>, Header, description = "RFC 9530; checked when sent", pattern = "^(sha-256|sha-512)=:[A-Za-z0-9+/]+={0,2}:$"),
    ),
    request_body(content((Submission = "application/json"), (Parts = "multipart/form-data"), (Parts = "multipart/related"))),
    responses((status = 200, description = "It would be accepted", body = Checked))
)]
pub(super) fn check() {}

#[utoipa::path(
    get, path = "/v1/transfers/{id}", tag = "transfers",
    summary = "Where a transfer stands",
    params(("id" = String, Path, description = "The transfer's id", format = "uuid")),
    responses((status = 200, description = "Its state", body = Transfer))
)]
pub(super) fn read_transfer() {}

#[utoipa::path(
    delete, path = "/v1/transfers/{id}", tag = "transfers",
    summary = "Withdraw a transfer",
    description = "As long as nothing of it can have left. Its body is erased in the same commit. To withdraw it again is \
                   no fault.",
    params(("id" = String, Path, description = "The transfer's id", format = "uuid")),
    responses((status = 200, description = "It is withdrawn", body = Transfer))
)]
pub(super) fn withdraw_transfer() {}

#[utoipa::path(
    get, path = "/v1/transfers/{id}/events", tag = "transfers",
    summary = "Follow a transfer",
    description = "Server-sent events: `transfer` with the transfer as it stands, at once and whenever something about it \
                   changes. After the final state the stream ends; it also ends now and then before, and whoever connects \
                   again is told the state of that moment. A comment every 15 s keeps the connection open.",
    params(("id" = String, Path, description = "The transfer's id", format = "uuid")),
    responses((status = 200, description = "The events, until the final state", body = TransferEvent, content_type = "text/event-stream"))
)]
pub(super) fn follow_transfer() {}

#[utoipa::path(
    post, path = "/v1/requests", tag = "requests",
    summary = "Read back from a destination",
    description = "The question is on record before it is asked; what may be released of the answer is on record before \
                   the first byte of this one. Nothing changes at the destination, so that no idempotency key is needed. \
                   With `Accept: application/fhir+json`, FHIR resources come as a Bundle of type `collection`.",
    params(("Content-Digest" = Option<String>, Header, description = "RFC 9530; checked when sent", pattern = "^(sha-256|sha-512)=:[A-Za-z0-9+/]+={0,2}:$")),
    request_body(content((Question = "application/json"))),
    responses(
        (
            status = 200, description = "What may be released", body = Release,
            headers(
                ("Clearance-Request" = String, description = "The inquiry, as the ledger names it"),
                ("Clearance-Ledger-Index" = u64, description = "The index of the release in the ledger"),
                ("Clearance-Rules" = String, description = "The rules that permit it"),
            )
        ),
    )
)]
pub(super) fn ask_destination() {}

#[utoipa::path(
    put, path = "/v1/consents/{id}", tag = "standing",
    summary = "A consent was given",
    params(
        ("id" = String, Path, description = "Your own id of the consent; it names nobody", pattern = "^[A-Za-z0-9._-]{1,60}$"),
        ("Content-Digest" = Option<String>, Header, description = "RFC 9530; checked when sent", pattern = "^(sha-256|sha-512)=:[A-Za-z0-9+/]+={0,2}:$"),
    ),
    request_body(content((Notice = "application/json"))),
    responses((status = 200, description = "It is on record", body = Standing))
)]
pub(super) fn give_consent() {}

#[utoipa::path(
    delete, path = "/v1/consents/{id}", tag = "standing",
    summary = "A consent was withdrawn",
    description = "From the answer on, no attempt begins that rests on it; it names those that had begun. A consent that \
                   the gateway was never told of can be withdrawn too. The body says whose it is, since a URL must not.",
    params(
        ("id" = String, Path, description = "Your own id of the consent; it names nobody", pattern = "^[A-Za-z0-9._-]{1,60}$"),
        ("Content-Digest" = Option<String>, Header, description = "RFC 9530; checked when sent", pattern = "^(sha-256|sha-512)=:[A-Za-z0-9+/]+={0,2}:$"),
    ),
    request_body(content((Notice = "application/json"))),
    responses((status = 200, description = "It is on record", body = Standing))
)]
pub(super) fn withdraw_consent() {}

#[utoipa::path(
    put, path = "/v1/restrictions/{id}", tag = "standing",
    summary = "A restriction or objection (GDPR Articles 18 and 21)",
    description = "From the answer on, no attempt begins to send the subject's data to the destination; it names those \
                   that had begun.",
    params(
        ("id" = String, Path, description = "Your own id of the restriction; it names nobody", pattern = "^[A-Za-z0-9._-]{1,60}$"),
        ("Content-Digest" = Option<String>, Header, description = "RFC 9530; checked when sent", pattern = "^(sha-256|sha-512)=:[A-Za-z0-9+/]+={0,2}:$"),
    ),
    request_body(content((Notice = "application/json"))),
    responses((status = 200, description = "It is on record", body = Standing))
)]
pub(super) fn set_restriction() {}

#[utoipa::path(
    delete, path = "/v1/restrictions/{id}", tag = "standing",
    summary = "A restriction is lifted",
    description = "`restricted` in the answer says whether another one still stands.",
    params(
        ("id" = String, Path, description = "Your own id of the restriction; it names nobody", pattern = "^[A-Za-z0-9._-]{1,60}$"),
        ("Content-Digest" = Option<String>, Header, description = "RFC 9530; checked when sent", pattern = "^(sha-256|sha-512)=:[A-Za-z0-9+/]+={0,2}:$"),
    ),
    request_body(content((Notice = "application/json"))),
    responses((status = 200, description = "It is on record", body = Standing))
)]
pub(super) fn lift_restriction() {}

#[utoipa::path(
    post, path = "/v1/disclosures/search", tag = "disclosures",
    summary = "Who was told what about one person",
    description = "The newest first, a page at a time. For clients that the settings let search; each search is on record. \
                   The body says about whom, since a URL must not.",
    params(
        ("before" = Option<u64>, Query, description = "`next` of the page before", minimum = 0, maximum = 9223372036854775807_u64),
        ("limit" = Option<u32>, Query, description = "So many at most; 100 when it is left out", minimum = 1, maximum = 1000),
        ("Content-Digest" = Option<String>, Header, description = "RFC 9530; checked when sent", pattern = "^(sha-256|sha-512)=:[A-Za-z0-9+/]+={0,2}:$"),
    ),
    request_body(content((Search = "application/json"))),
    responses((status = 200, description = "A page", body = Disclosures))
)]
pub(super) fn search_disclosures() {}

#[utoipa::path(
    get, path = "/v1/destinations", tag = "reference",
    summary = "What this client may send where",
    responses((status = 200, description = "Destinations, purposes, legal bases, limits", body = Destinations))
)]
pub(super) fn list_destinations() {}
