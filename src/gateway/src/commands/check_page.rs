//! The outcome of a check as a page that stands alone: what would leave on one side, what would not and why on the other.
//!
//! It names paths, counts and rules and never a value, so that it may be sent to whoever answers for disclosures.

use std::fmt::Write as _;

use clearance::declaration::Declaration;
use clearance::journey::Outgoing;
use clearance::minimise::Reason;
use clearance::refusal::Refusal;

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;\
background:#fff}main{display:grid;grid-template-columns:repeat(auto-fit,minmax(22rem,1fr));gap:2rem}code{overflow-wrap:anywhere}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.25rem .5rem;border-bottom:1px solid #d5dade}\
td:first-child{text-align:right}.leaves h2{color:#0a6b34}.stays h2{color:#a3220f}@media(prefers-color-scheme:dark){body{color:#e6e9ec;\
background:#14181c}th,td{border-color:#39424b}.leaves h2{color:#6fd49a}.stays h2{color:#ff9d8c}}";

/// The page. `declaration` is what was declared, as its file has it: only its codes are shown.
pub(super) fn page(outcome: &Result<Outgoing, Refusal>, declaration: &[u8]) -> String {
    let body = match outcome {
        Ok(outgoing) => permitted(outgoing),
        Err(refusal) => refused(refusal),
    };
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>What would leave</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head>\
         <body><h1>What would leave</h1>{}{body}</body></html>\n",
        declared(declaration)
    )
}

/// Why something does not leave, in words.
pub(super) const fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::NotNamed => "the profile does not name it",
        Reason::NamedDrop => "the profile says that it may not leave",
        Reason::Value => "it is not as the profile wants it",
        Reason::NeedsEvidence => "it leaves only with evidence that was not declared",
        Reason::Unreferenced => "nothing that leaves refers to it",
        Reason::Dangling => "what it refers to does not leave",
        Reason::EmptyElement => "nothing else of its element leaves",
    }
}

fn declared(bytes: &[u8]) -> String {
    let parsed = Declaration::parse(bytes, clearance::declaration::CheckDigits::Warn);
    parsed.map_or_else(
        |_| String::new(),
        |declaration| {
            format!(
                "<p>To <code>{}</code> for <code>{}</code>.</p>",
                declaration.destination, declaration.purpose
            )
        },
    )
}

fn permitted(outgoing: &Outgoing) -> String {
    let manifest = outgoing.manifest();
    let rules = outgoing.permit().rules().join(", ");
    let mut page = format!(
        "<p>Permitted by <code>{}</code>, by profile <code>{}</code> version <code>{}</code>.</p><main>\
         <section class=\"leaves\"><h2>Leaves</h2><table><tr><th>Values<th>Path<th>Category</tr>",
        escaped(&rules),
        escaped(manifest.profile()),
        escaped(manifest.version())
    );
    for kept in manifest.kept() {
        let (path, category) = (escaped(&kept.path), escaped(&kept.category));
        let _infallible = write!(page, "<tr><td>{}<td><code>{path}</code><td>{category}</tr>", kept.values);
    }
    page.push_str(
        "</table></section><section class=\"stays\"><h2>Stays</h2><table><tr><th>Values<th>Path<th>Why</tr>",
    );
    for dropped in manifest.dropped() {
        let (path, why) = (escaped(&dropped.path), why(dropped.reason));
        let _infallible = write!(page, "<tr><td>{}<td><code>{path}</code><td>{why}</tr>", dropped.values);
    }
    page.push_str("</table></section></main>");
    page
}

fn refused(refusal: &Refusal) -> String {
    let mut page = format!(
        "<p>Refused by <code>{}</code>: {}. Nothing would leave.</p><table><tr><th>Rule<th>Where<th>What<th>Remedy</tr>",
        escaped(&refusal.rule),
        escaped(&refusal.detail)
    );
    for fault in &refusal.faults {
        let _infallible = write!(
            page,
            "<tr><td><code>{}</code><td><code>{}</code><td>{}<td>{}</tr>",
            escaped(&fault.rule),
            escaped(&fault.pointer),
            escaped(&fault.detail),
            escaped(&fault.remedy)
        );
    }
    page.push_str("</table>");
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
