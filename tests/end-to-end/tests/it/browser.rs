//! What a browser makes of the pages that problems' types open.

use axum::Router;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use end_to_end::{TestGateway, to_employer};
use http::{StatusCode, Uri};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::BINARY;
use crate::peers::{is_there, run};

#[tokio::test]
async fn the_type_of_a_problem_opens_in_a_browser() {
    if !is_there("chromium", &["--version"]).await {
        return;
    }
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let refused = gateway.ehr().submit(&to_employer().declaring("/purpose", "marketing".into())).await;
    let page = format!("http://{}{}", gateway.admin(), refused.text("/type"));
    let shown = run(chromium(&gateway).args(["--dump-dom", &page])).await;
    let dom = String::from_utf8_lossy(&shown.stdout);
    let heading = dom.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next());
    assert_eq!(heading, Some(refused.text("/title")), "{page}: {shown:?}");
    gateway.rests().await;
}

#[tokio::test]
async fn every_problem_page_renders_without_a_complaint() {
    if !is_there("chromium", &["--version"]).await {
        return;
    }
    let gateway = TestGateway::with_stand_ins(BINARY).await;
    let (_, index) = gateway.ask_admin("/problems").await;
    let mut pages = vec![("/problems", "Problem types"), ("/problems/none", "Not found")];
    pages.extend(index.split("<li><a href=\"").skip(1).map(|item| {
        let (path, rest) = item.split_once('"').unwrap();
        let title = rest.split_once("</a>: ").and_then(|(_, rest)| rest.split_once("</li>"));
        (path, title.unwrap().0)
    }));
    assert!(pages.len() > 15, "{pages:?}");
    let origin = beside(&gateway, SHOWS_ALL.replace("PAGES", &serde_json::to_string(&pages).unwrap())).await;
    let mut command = chromium(&gateway);
    command.args(["--virtual-time-budget=60000", "--enable-logging=stderr", "--dump-dom", &origin]);
    let shown = run(&mut command).await;
    let dom = String::from_utf8_lossy(&shown.stdout);
    let found = dom.split("<pre>").nth(1).and_then(|rest| rest.split("</pre>").next());
    assert_eq!(found, Some(format!("{} pages are right", pages.len()).as_str()), "{shown:?}");
    // What a page complains of goes to the console, and that to standard error.
    let said = String::from_utf8_lossy(&shown.stderr);
    let complaints: Vec<_> = said.lines().filter(|line| line.contains(":CONSOLE")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    gateway.rests().await;
}

/// Opens every page in a frame; compares title, heading and language, and looks at what the style makes of it.
const SHOWS_ALL: &str = r#"<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><body><pre></pre><script>
const pages = PAGES, wrong = [];
const open = (path) => new Promise((done) => {
  const frame = document.createElement("iframe");
  frame.width = 800;
  frame.onload = () => done(frame);
  frame.src = path;
  document.body.append(frame);
});
(async () => {
  for (const [path, title] of pages) {
    const frame = await open(path), shown = frame.contentDocument;
    const right = shown.title === title + " – Clearance" && shown.querySelectorAll("h1").length === 1
      && shown.querySelector("h1").textContent === title && shown.documentElement.lang === "en"
      && shown.compatMode === "CSS1Compat" && shown.querySelector("main").offsetHeight > 50
      && shown.querySelector("main p").textContent.length > 10
      && frame.contentWindow.getComputedStyle(shown.body).maxWidth !== "none"
      && shown.body.scrollWidth <= frame.clientWidth;
    if (!right) wrong.push(path + " is wrong: " + shown.title);
    frame.remove();
  }
  document.querySelector("pre").textContent = wrong.length ? wrong.join(", ") : pages.length + " pages are right";
})();
</script>"#;

/// A page of the test's own and, under the same origin, what the admin listener answers: only so may it look into frames.
async fn beside(gateway: &TestGateway, page: String) -> String {
    let admin = gateway.admin();
    let pages = async move |uri: Uri| {
        let answer = reqwest::get(format!("http://{admin}{}", uri.path())).await.unwrap();
        let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
        let media_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (status, [("content-type", media_type)], answer.text().await.unwrap()).into_response()
    };
    let router = Router::new().route("/", get(async move || Html(page))).fallback(pages);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, router).await });
    format!("http://{address}/")
}

/// A browser that talks to nobody else.
fn chromium(gateway: &TestGateway) -> Command {
    let mut command = Command::new("chromium");
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync", "--no-first-run", "--no-proxy-server"])
        .arg(format!("--user-data-dir={}", gateway.folder().join("chromium").display()));
    command
}
