//! A client that posts transfers, as an EHR would.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use identity::MaterialFiles;
use reqwest::multipart::{Form, Part};
use reqwest::{Certificate, Client, Identity, RequestBuilder};
use serde_json::Value;

use crate::fail;

/// A client of the gateway.
#[derive(Debug, Clone)]
pub struct EhrClient {
    client: Client,
    base: String,
}

/// What a client posts.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The declaration.
    pub declaration: Value,
    /// The document: JSON; or XML, as a text.
    pub document: Value,
    /// The idempotency key; fresh unless set.
    pub key: String,
    /// Seconds to wait for the delivery.
    pub wait: Option<u32>,
}

/// What the gateway answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The body.
    pub body: Value,
}

impl EhrClient {
    /// A client of the gateway at `intake` that believes `authorities`, with this certificate or none.
    ///
    /// # Panics
    /// When a file cannot be used.
    pub fn new(intake: SocketAddr, files: Option<&MaterialFiles>, authorities: &Path) -> Self {
        let read = |path: &Path| std::fs::read(path).unwrap_or_else(|error| fail(&error));
        let roots = Certificate::from_pem_bundle(&read(authorities)).unwrap_or_else(|error| fail(&error));
        let mut builder = Client::builder().tls_certs_only(roots).no_proxy();
        if let Some(files) = files {
            let mut pem = read(&files.chain);
            pem.extend(read(&files.key));
            builder = builder.identity(Identity::from_pem(&pem).unwrap_or_else(|error| fail(&error)));
        }
        let client = builder.build().unwrap_or_else(|error| fail(&error));
        Self { client, base: format!("https://localhost:{}", intake.port()) }
    }

    /// A request to `path`.
    pub fn request(&self, method: http::Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// Posts a transfer.
    pub async fn submit(&self, submission: &Submission) -> Answer {
        let request = self.request(http::Method::POST, "/v1/transfers");
        answer(submission.put_into(request).header("idempotency-key", &submission.key)).await
    }

    /// Posts a check; `query` is such as `?document=true`.
    pub async fn check(&self, submission: &Submission, query: &str) -> Answer {
        let request = self.request(http::Method::POST, &format!("/v1/checks{query}"));
        answer(submission.put_into(request)).await
    }

    /// Asks a destination: a declaration, and the parameters of the question.
    pub async fn ask(&self, declaration: &Value, query: &Value) -> Answer {
        let body = serde_json::json!({ "declaration": declaration, "query": query });
        let request = self.request(http::Method::POST, "/v1/requests");
        answer(request.header("content-type", "application/json").body(body.to_string())).await
    }

    /// Gets `path`.
    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(http::Method::GET, path)).await
    }

    /// The state of a transfer; asks again later when told that it asked too often.
    pub async fn state(&self, transfer: &str) -> Value {
        loop {
            let answer = self.get(&format!("/v1/transfers/{transfer}")).await;
            // As a client should that has asked too often.
            match answer.headers.get("retry-after").filter(|_| answer.status == 429) {
                Some(seconds) => {
                    let seconds = seconds.to_str().unwrap_or_default().parse().unwrap_or(1);
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                }
                None => return answer.body,
            }
        }
    }

    /// Waits until a transfer has ended.
    ///
    /// # Panics
    /// When it has not for long ([`eventually`](crate::eventually)).
    pub async fn ended(&self, transfer: &str) -> Value {
        let ended = crate::eventually(|| async {
            let state = self.state(transfer).await;
            (state.get("final") == Some(&Value::Bool(true))).then_some(state)
        });
        ended.await.unwrap_or_else(|| fail(&"the transfer has not ended"))
    }

    /// Whether a connection comes about and a request is answered at all.
    pub async fn connects(&self) -> bool {
        self.request(http::Method::GET, "/v1/destinations").send().await.is_ok()
    }
}

/// Sends `request` and reads the answer.
///
/// # Panics
/// When there is no answer.
pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap_or_else(|error| fail(&format!("{error:?}")));
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap_or_else(|error| fail(&error));
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, headers, body }
}

impl Submission {
    /// This declaration and this document, under a fresh key.
    pub fn of(declaration: &str, document: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let parse = |text: &str| serde_json::from_str(text).unwrap_or_else(|error| fail(&error));
        let key = format!("key-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self { declaration: parse(declaration), document: parse(document), key, wait: None }
    }

    /// This declaration and this document in XML, under a fresh key.
    pub fn of_xml(declaration: &str, document: &str) -> Self {
        Self::of(declaration, "null").with_xml(document)
    }

    /// With this document in XML.
    #[must_use]
    pub fn with_xml(mut self, document: &str) -> Self {
        self.document = Value::from(document);
        self
    }

    /// With another text in place of `from` in a document in XML.
    ///
    /// # Panics
    /// When `from` is not there.
    #[must_use]
    pub fn rewording(mut self, from: &str, to: &str) -> Self {
        let document = self.document.as_str().unwrap_or_default();
        if !document.contains(from) {
            fail(&format!("there is no `{from}`"));
        }
        self.document = Value::from(document.replace(from, to));
        self
    }

    /// With another value at `pointer` of the declaration.
    #[must_use]
    pub fn declaring(mut self, pointer: &str, value: Value) -> Self {
        put(&mut self.declaration, pointer, value);
        self
    }

    /// With another value at `pointer` of the document.
    #[must_use]
    pub fn documenting(mut self, pointer: &str, value: Value) -> Self {
        put(&mut self.document, pointer, value);
        self
    }

    /// Waiting for the delivery.
    #[must_use]
    pub fn waiting(mut self, seconds: u32) -> Self {
        self.wait = Some(seconds);
        self
    }

    /// The JSON body, declaration first.
    pub fn body(&self) -> String {
        format!(r#"{{"declaration":{},"document":{}}}"#, self.declaration, self.document)
    }

    /// The multipart body, declaration first.
    fn parts(&self, xml: &str) -> Form {
        let document = Part::text(xml.to_owned()).mime_str("application/xml");
        let document = document.unwrap_or_else(|error| fail(&error));
        Form::new().text("declaration", self.declaration.to_string()).part("document", document)
    }

    fn put_into(&self, request: RequestBuilder) -> RequestBuilder {
        let request = match self.document.as_str() {
            Some(xml) => request.multipart(self.parts(xml)),
            None => request.header("content-type", "application/json").body(self.body()),
        };
        match self.wait {
            Some(seconds) => request.header("prefer", format!("wait={seconds}")),
            None => request,
        }
    }
}

fn put(value: &mut Value, pointer: &str, new: Value) {
    if let Some(place) = value.pointer_mut(pointer) {
        *place = new;
        return;
    }
    // A member that is not there yet is added to its parent.
    let (parent, name) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    match value.pointer_mut(parent).and_then(Value::as_object_mut) {
        Some(parent) => {
            parent.insert(name.to_owned(), new);
        }
        None => fail(&format!("there is no `{parent}`")),
    }
}

impl Answer {
    /// The text at `pointer` of the body.
    pub fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The transfer's id.
    pub fn transfer(&self) -> &str {
        self.text("/transfer")
    }
}
