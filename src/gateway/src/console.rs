//! The console: the page that operators open on the admin listener. This serves its files out of the binary; what they
//! show they ask of the admin API, with the roles of whoever looks. `docs/console.md` says what each part shows.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::extract::Path;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

const HOME: &str = "/console/";
const INDEX: &str = "index.html";

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const TEXTS: &str = "application/json";
const IMAGE: &str = "image/svg+xml";
const MARKDOWN: &str = "text/markdown; charset=utf-8";

/// Name, media type, content.
const FILES: [(&str, &str, &str); 21] = [
    (INDEX, HTML, include_str!("console/index.html")),
    ("console.css", STYLE, include_str!("console/console.css")),
    ("icon.svg", IMAGE, include_str!("console/icon.svg")),
    ("console.js", SCRIPT, include_str!("console/console.js")),
    ("about.js", SCRIPT, include_str!("console/about.js")),
    ("acts.js", SCRIPT, include_str!("console/acts.js")),
    ("certificates.js", SCRIPT, include_str!("console/certificates.js")),
    ("chart.js", SCRIPT, include_str!("console/chart.js")),
    ("dialog.js", SCRIPT, include_str!("console/dialog.js")),
    ("dom.js", SCRIPT, include_str!("console/dom.js")),
    ("gateway.js", SCRIPT, include_str!("console/gateway.js")),
    ("ledger.js", SCRIPT, include_str!("console/ledger.js")),
    ("now.js", SCRIPT, include_str!("console/now.js")),
    ("parts.js", SCRIPT, include_str!("console/parts.js")),
    ("runbook.js", SCRIPT, include_str!("console/runbook.js")),
    ("texts.js", SCRIPT, include_str!("console/texts.js")),
    ("transfer.js", SCRIPT, include_str!("console/transfer.js")),
    ("transfers.js", SCRIPT, include_str!("console/transfers.js")),
    ("en.json", TEXTS, include_str!("console/en.json")),
    ("et.json", TEXTS, include_str!("console/et.json")),
    ("runbook.md", MARKDOWN, include_str!("../../../deploy/runbook.md")),
];

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const HEADERS: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    // Asked for anew each time, and sent only after it has changed: a console is of the release that it shows.
    (header::CACHE_CONTROL, "no-cache"),
];

/// `/`, which leads to the console, and the console's files.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let files: Arc<[File]> = FILES.map(File::from).into();
    let index = Arc::clone(&files);
    Router::new()
        .route("/", get(home))
        .route("/console", get(home))
        .route(HOME, get(async move |asked: HeaderMap| answer(&index, INDEX, &asked)))
        .route(
            "/console/{name}",
            get(async move |Path(name): Path<String>, asked: HeaderMap| answer(&files, &name, &asked)),
        )
        .layer(map_response(guarded))
}

/// A file with the tag of its content.
#[derive(Debug)]
struct File {
    name: &'static str,
    media_type: &'static str,
    text: &'static str,
    tag: String,
}

impl From<(&'static str, &'static str, &'static str)> for File {
    fn from((name, media_type, text): (&'static str, &'static str, &'static str)) -> Self {
        let tag = format!("\"{}\"", hex::encode(digest(&SHA256, text.as_bytes())));
        Self { name, media_type, text, tag }
    }
}

async fn home() -> Redirect {
    Redirect::temporary(HOME)
}

fn answer(files: &[File], name: &str, asked: &HeaderMap) -> Response {
    let Some(file) = files.iter().find(|file| file.name == name) else {
        return (StatusCode::NOT_FOUND, "the console has no such file\n").into_response();
    };
    let tag = [(header::ETAG, file.tag.as_str())];
    if asked.get_all(header::IF_NONE_MATCH).iter().any(|tags| names(tags, &file.tag)) {
        return (StatusCode::NOT_MODIFIED, tag).into_response();
    }
    (tag, [(header::CONTENT_TYPE, file.media_type)], file.text).into_response()
}

/// RFC 9110, section 13.1.2: a list of tags, compared weakly, or any.
fn names(tags: &HeaderValue, tag: &str) -> bool {
    let mut tags = tags.to_str().unwrap_or_default().split(',').map(str::trim);
    tags.any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use http::Request;
    use serde_json::{Map, Value};
    use tower::ServiceExt;

    use super::*;

    async fn asked(path: &str, tag: Option<&str>) -> Response {
        let mut request = Request::get(path);
        if let Some(tag) = tag {
            request = request.header("if-none-match", tag);
        }
        let request = request.body(axum::body::Body::empty()).unwrap();
        router::<()>().oneshot(request).await.unwrap()
    }

    fn scripts() -> impl Iterator<Item = (&'static str, &'static str)> {
        FILES.into_iter().filter(|(_, kind, _)| *kind == SCRIPT).map(|(name, _, text)| (name, text))
    }

    fn texts(name: &str) -> Map<String, Value> {
        let (_, _, text) = FILES.into_iter().find(|(file, ..)| *file == name).unwrap();
        let Value::Object(texts) = serde_json::from_str(text).unwrap() else { panic!("{name} is no object") };
        texts
    }

    #[tokio::test]
    async fn every_file_of_the_folder_is_served_and_guarded() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console");
        let written: BTreeSet<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .chain(["runbook.md".to_owned()])
            .collect();
        assert_eq!(written, FILES.iter().map(|(name, ..)| (*name).to_owned()).collect());
        for (name, media_type, _) in FILES {
            let answer = asked(&format!("/console/{name}"), None).await;
            assert_eq!(
                (answer.status(), &answer.headers()["content-type"]),
                (StatusCode::OK, &media_type.parse().unwrap())
            );
        }
        for (path, status) in [("/", 307), ("/console", 307), ("/console/", 200), ("/console/none.js", 404)] {
            let answer = asked(path, None).await;
            assert_eq!(answer.status(), status, "{path}");
            for (name, value) in HEADERS {
                assert_eq!(answer.headers()[&name], value, "{path}");
            }
        }
    }

    #[tokio::test]
    async fn a_file_that_is_known_already_is_not_sent_again() {
        let first = asked("/console/console.js", None).await;
        let tag = first.headers()["etag"].to_str().unwrap();
        for (known, status) in [
            (tag.to_owned(), 304),
            (format!("\"other\", W/{tag}"), 304),
            ("*".to_owned(), 304),
            ("\"other\"".to_owned(), 200),
        ] {
            assert_eq!(asked("/console/console.js", Some(&known)).await.status(), status, "{known}");
        }
    }

    #[test]
    fn what_the_gateway_says_is_text_and_never_markup() {
        let forbidden =
            ["HTML", "document.write", "eval(", "Function(", ".style", "javascript:", "srcdoc", "http:"];
        for (name, script) in scripts() {
            for word in forbidden {
                // The name of the namespace is not an address.
                let script = script.replace("http://www.w3.org/2000/svg", "");
                assert!(!script.contains(word), "{name}: {word}");
            }
        }
        let (_, _, page) = FILES[0];
        assert!(!page.contains(" on") && !page.contains("style=") && !page.contains("//"), "{page}");
    }

    /// The forms of a text by count, each with the places to be filled.
    fn forms(text: &Value) -> BTreeSet<(String, BTreeSet<String>)> {
        let places = |text: &Value| {
            let parts = text.as_str().unwrap().split('{').skip(1);
            parts.map(|part| part.split('}').next().unwrap().to_owned()).collect()
        };
        match text {
            Value::Object(forms) => forms.iter().map(|(form, text)| (form.clone(), places(text))).collect(),
            text => BTreeSet::from([(String::new(), places(text))]),
        }
    }

    #[test]
    fn both_languages_say_the_same() {
        let (english, mut estonian) = (texts("en.json"), texts("et.json"));
        // In English the gateway itself says what to do.
        estonian.retain(|key, _| !key.starts_with("remedy."));
        let keys = |texts: &Map<String, Value>| texts.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(keys(&english), keys(&estonian));
        for (key, text) in &english {
            assert_eq!(forms(text), forms(&estonian[key]), "{key}");
        }
    }

    /// Texts whose keys are put together from a group and a code of the gateway.
    const GROUPS: [&str; 10] = [
        "action.",
        "certificate.state.",
        "check.state.",
        "code.",
        "destination.state.",
        "kind.",
        "remedy.",
        "skip.",
        "transfer.state.",
        "trouble.",
    ];

    #[test]
    fn every_text_is_used_and_every_text_used_is_there() {
        let quoted: BTreeSet<&str> =
            scripts().flat_map(|(_, script)| script.split('"').skip(1).step_by(2)).collect();
        let english = texts("en.json");
        for key in english.keys().filter(|key| !GROUPS.iter().any(|group| key.starts_with(group))) {
            let theme = key.starts_with("theme.");
            assert!(theme || quoted.contains(key.as_str()), "{key} is not used");
        }
        for (name, script) in scripts() {
            let parts: Vec<_> = script.split("t(\"").collect();
            // What a call begins with, and what stood before it: `effect("` calls something else.
            let calls = parts.windows(2).filter(|pair| !pair[0].ends_with(char::is_alphabetic));
            for key in calls.map(|pair| pair[1].split('"').next().unwrap()) {
                assert!(english.contains_key(key), "{name}: {key} is not there");
            }
        }
    }
}
