//! Images in the demonstration: a study of several, and one with text in its pixels.

use identity::example::ExampleClient;
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use super::{Failure, Playground, Row, client, row, samples, submit};

/// A study for the image bank, and an image with the patient's name burned into it.
pub(super) async fn play(playground: &Playground, address: &str) -> Result<Vec<Row>, Failure> {
    let study: Vec<_> = (1..=3).map(|number| samples::Image::of_worker(number).file()).collect();
    let burned = samples::Image::of_worker(4).with(0x0028_0301, "CS", b"YES").file();
    Ok(vec![
        send(playground, address, "study of three images to the image bank", "study", study).await?,
        send(playground, address, "too much: an image with text in its pixels", "image", vec![burned])
            .await?,
    ])
}

async fn send(
    playground: &Playground,
    address: &str,
    what: &'static str,
    purpose: &str,
    files: Vec<Vec<u8>>,
) -> Result<Row, Failure> {
    let mut declaration: Value = serde_json::from_str(samples::TO_IMAGE_BANK)?;
    if let Some(declaration) = declaration.as_object_mut() {
        declaration.insert("purpose".to_owned(), Value::from(purpose));
    }
    let declared = Part::text(declaration.to_string()).mime_str("application/json")?;
    let mut form = Form::new().part("declaration", declared);
    for file in files {
        form = form.part("document", Part::bytes(file).mime_str("application/dicom")?);
    }
    let answer = client(playground, ExampleClient::Ehr)?
        .post(format!("{address}/v1/transfers"))
        .header("idempotency-key", submit::fresh_key())
        .header("prefer", "wait=20")
        .multipart(form)
        .send()
        .await?;
    let status = answer.status();
    let body: Value = answer.json().await?;
    Ok(row(what, status, &body))
}
