//! What goes over the wire to store instances.

use crate::testing::{CT, Stage, answer, declaration, dicom, journey, shape};

#[tokio::test]
async fn a_request_is_multipart_related_with_one_part_for_each_instance() {
    let journey = journey(100);
    let files = ["1.1", "1.2"].map(|uid| dicom(CT, uid));
    let outgoing = shape(&journey, &declaration("study"), &files).unwrap();
    let digests: Vec<_> = outgoing.parts().iter().map(|part| (part.length(), *part.sha256())).collect();
    let stage = Stage::answering([answer(200, &["1.1", "1.2"], &[])]);
    let cleared = journey.clear(outgoing, false, None, &stage.means()).await.unwrap();
    journey.adapter().deliver(cleared, &stage.means()).await;

    let (call, body) = stage.calls().pop().unwrap();
    assert_eq!((call.method.as_str(), call.url.expose()), ("POST", "https://bank.example/dicom-web/studies"));
    assert_eq!(call.headers["accept"], "application/dicom+json");
    let content_type = call.headers["content-type"].to_str().unwrap();
    let boundary =
        content_type.strip_prefix("multipart/related; type=\"application/dicom\"; boundary=").unwrap();
    let head = format!("--{boundary}\r\nContent-Type: application/dicom\r\n\r\n");
    let mut rest = body.as_slice();
    for (length, sha256) in digests {
        rest = rest.strip_prefix(head.as_bytes()).unwrap();
        let (instance, after) = rest.split_at(usize::try_from(length).unwrap());
        let mut context = clearance_digest();
        context.update(instance);
        assert_eq!(context.finish().as_ref(), sha256);
        rest = after.strip_prefix(b"\r\n").unwrap();
    }
    assert_eq!(rest, format!("--{boundary}--\r\n").as_bytes());
}

fn clearance_digest() -> aws_lc_rs::digest::Context {
    aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256)
}
