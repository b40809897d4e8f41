//! The signature over what leaves: a JSON Web Signature with detached content (RFC 7515, appendix F), Ed25519 (RFC 8037).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clearance::adapter::PayloadSigner;
use serde::Serialize;

#[derive(Serialize)]
struct Protected<'a> {
    alg: &'static str,
    kid: &'a str,
}

/// `<protected>..<signature>` over exactly these bytes.
pub(crate) fn detached(body: &[u8], signer: &dyn PayloadSigner) -> Option<String> {
    let protected = serde_json::to_vec(&Protected { alg: "EdDSA", kid: signer.key_id() }).ok()?;
    let protected = URL_SAFE_NO_PAD.encode(protected);
    let signed = format!("{protected}.{}", URL_SAFE_NO_PAD.encode(body));
    let signature = URL_SAFE_NO_PAD.encode(signer.sign(signed.as_bytes()));
    Some(format!("{protected}..{signature}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Pen;
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    #[test]
    fn whoever_has_the_body_and_the_public_key_can_verify_it() {
        let pen = Pen::new();
        let signature = detached(b"{\"a\":1}", &pen).unwrap();
        let [protected, content, signature] = signature.split('.').collect::<Vec<_>>()[..] else {
            panic!("three parts");
        };
        assert_eq!(content, "");
        let header: serde_json::Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(protected).unwrap()).unwrap();
        assert_eq!(header, serde_json::json!({ "alg": "EdDSA", "kid": "payload-1" }));
        let key = UnparsedPublicKey::new(&ED25519, pen.public_key());
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let signed = |body: &[u8]| format!("{protected}.{}", URL_SAFE_NO_PAD.encode(body));
        assert!(key.verify(signed(b"{\"a\":1}").as_bytes(), &signature).is_ok());
        assert!(key.verify(signed(b"{\"a\":2}").as_bytes(), &signature).is_err());
    }
}
