//! The detached signature: a compact JWS without its payload (RFC 7515 appendix F), Ed25519, over the exact bytes of the body.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stand_in::json;

use crate::Signer;

/// The header parameters that are understood; any other could change what the signature means.
const UNDERSTOOD: [&str; 5] = ["alg", "kid", "typ", "cty", "iat"];

/// Whether `signature` is one of the `signers`' over `body`; else why not.
pub(crate) fn verify(signers: &[Signer], signature: &str, body: &[u8]) -> Result<(), &'static str> {
    let parts: Vec<&str> = signature.split('.').collect();
    let [protected, "", signed] = parts.as_slice() else {
        return Err("the signature is not of the form `header..signature`");
    };
    let signer = signer(signers, protected)?;
    let signed =
        URL_SAFE_NO_PAD.decode(signed).map_err(|_| "the signature is not base64url without padding")?;
    let input = format!("{protected}.{}", URL_SAFE_NO_PAD.encode(body));
    UnparsedPublicKey::new(&ED25519, &signer.public_key)
        .verify(input.as_bytes(), &signed)
        .map_err(|_| "the signature does not fit the body")
}

fn signer<'s>(signers: &'s [Signer], protected: &str) -> Result<&'s Signer, &'static str> {
    let header = URL_SAFE_NO_PAD
        .decode(protected)
        .ok()
        .and_then(|bytes| json::read(&bytes).ok())
        .ok_or("the signature's header is not base64url of JSON")?;
    let members = header.as_object().ok_or("the signature's header is not an object")?;
    if !members.keys().all(|name| UNDERSTOOD.contains(&name.as_str())) {
        return Err("the signature's header has a parameter that is not understood");
    }
    if json::text(&header, &["alg"]) != Some("EdDSA") {
        return Err("the signature's `alg` is not `EdDSA`");
    }
    let kid = json::text(&header, &["kid"]).ok_or("the signature's header has no `kid`")?;
    signers.iter().find(|signer| signer.kid == kid).ok_or("the signature's `kid` is not known")
}
