//! Treatment bills in the demonstration: they are XML, and so posted as multipart.

use identity::example::ExampleClient;
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use super::{Failure, Playground, Row, client, row, samples, submit};

/// A bill for the fund, and one that the patient pays.
pub(super) async fn play(playground: &Playground, address: &str) -> Result<Vec<Row>, Failure> {
    let private = samples::TREATMENT_BILL.replace(">RA<", ">TASULINE<");
    Ok(vec![
        send(playground, address, "treatment bill to the Health Insurance Fund", samples::TREATMENT_BILL)
            .await?,
        send(playground, address, "too much: a bill that the patient pays", &private).await?,
    ])
}

async fn send(
    playground: &Playground,
    address: &str,
    what: &'static str,
    bill: &str,
) -> Result<Row, Failure> {
    let part = |text: &str, media_type| Part::text(text.to_owned()).mime_str(media_type);
    let form = Form::new()
        .part("declaration", part(samples::TO_HEALTH_INSURANCE_FUND, "application/json")?)
        .part("document", part(bill, "application/xml")?);
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
