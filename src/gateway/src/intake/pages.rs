//! The pages of the problem types: what a problem's `type` opens in a browser. They name nobody and need no certificate.

use axum::Router;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;

use super::problem::Kind;

const STYLE: &str = "body{font:1rem/1.6 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;\
color:#1b1f24;background:#fff}h1{line-height:1.2}code{background:#eef1f4;padding:.1em .3em;border-radius:.2em}\
a{color:#0b57a4}dt{font-weight:600}@media(prefers-color-scheme:dark){body{color:#e6e9ec;background:#14181c}\
code{background:#262c33}a{color:#7db8f5}}";

/// `/problems` and `/problems/{slug}`.
pub(crate) fn problem_pages<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/problems", get(index)).route("/problems/{slug}", get(page))
}

async fn index() -> Html<String> {
    let items: String = Kind::ALL
        .iter()
        .map(|kind| {
            format!("<li><a href=\"/problems/{0}\"><code>{0}</code></a>: {1}</li>", kind.slug(), kind.title())
        })
        .collect();
    document("Problem types", &format!("<p>Every no of the gateway is one of these.</p><ul>{items}</ul>"))
}

async fn page(Path(slug): Path<String>) -> Response {
    match Kind::ALL.iter().find(|kind| kind.slug() == slug) {
        Some(kind) => document(kind.title(), &body(*kind)).into_response(),
        None => {
            let text =
                "<p>There is no such problem type.</p><p><a href=\"/problems\">All problem types</a></p>";
            (StatusCode::NOT_FOUND, document("Not found", text)).into_response()
        }
    }
}

fn body(kind: Kind) -> String {
    let again = if kind.retryable() { "yes, with the same idempotency key" } else { "no: change it first" };
    format!(
        "<p>{}</p><dl><dt>Type</dt><dd><code>{}</code></dd><dt>Status</dt><dd>{}</dd>\
         <dt>May the same request succeed later?</dt><dd>{again}</dd></dl>\
         <p><a href=\"/problems\">All problem types</a></p>",
        inline_code(kind.page()),
        kind.slug(),
        kind.status(),
    )
}

/// The pages' texts are ours; only backticks mean something in them.
fn inline_code(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    let parts = escaped.split('`').enumerate();
    parts
        .map(|(place, part)| if place % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() })
        .collect()
}

fn document(title: &str, body: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title} – Clearance</title><style>{STYLE}</style>\
         <main><h1>{title}</h1>{body}</main></html>"
    ))
}
