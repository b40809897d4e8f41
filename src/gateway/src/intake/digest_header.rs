//! `Content-Digest` (RFC 9530): when a client sends it, it is checked.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

use super::problem::{Kind, Problem};

/// The digests a client has stated; of other algorithms than SHA-256 and SHA-512 nothing is known here.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExpectedDigests {
    sha256: Option<Vec<u8>>,
    sha512: Option<Vec<u8>>,
}

impl ExpectedDigests {
    /// Reads the header, where there is one.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut expected = Self::default();
        for value in headers.get_all("content-digest") {
            let text = value.to_str().map_err(|_| unreadable())?;
            for item in text.split(',') {
                let (algorithm, value) = item.trim().split_once('=').ok_or_else(unreadable)?;
                let value = value.strip_prefix(':').and_then(|value| value.strip_suffix(':'));
                let value = STANDARD.decode(value.ok_or_else(unreadable)?).map_err(|_| unreadable())?;
                match algorithm.trim() {
                    "sha-256" => expected.sha256 = Some(value),
                    "sha-512" => expected.sha512 = Some(value),
                    _ => {}
                }
            }
        }
        Ok(expected)
    }

    pub(crate) const fn wants_sha256(&self) -> bool {
        self.sha256.is_some()
    }

    pub(crate) const fn wants_sha512(&self) -> bool {
        self.sha512.is_some()
    }

    /// Checks a whole body.
    pub(crate) fn check(&self, body: &[u8]) -> Result<(), Problem> {
        self.compare(digest(&SHA256, body).as_ref(), digest(&SHA512, body).as_ref())
    }

    /// Checks digests that were computed on the way; one that is not stated is not compared.
    pub(crate) fn compare(&self, sha256: &[u8], sha512: &[u8]) -> Result<(), Problem> {
        let differs = |stated: &Option<Vec<u8>>, found: &[u8]| stated.as_ref().is_some_and(|of| of != found);
        if differs(&self.sha256, sha256) || differs(&self.sha512, sha512) {
            return Err(Problem::new(
                Kind::DigestMismatch,
                "the body does not have the digest stated in `Content-Digest`",
            ));
        }
        Ok(())
    }
}

fn unreadable() -> Problem {
    Problem::new(
        Kind::RequestMalformed,
        "`Content-Digest` is not a dictionary of byte sequences as RFC 9530 has it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([("content-digest".parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn a_stated_digest_must_be_the_bodys() {
        let good = format!("sha-256=:{}:", STANDARD.encode(digest(&SHA256, b"body")));
        let expected = ExpectedDigests::of(&headers(&good)).unwrap();
        assert!(expected.check(b"body").is_ok());
        assert!(expected.check(b"other").is_err());
        assert!(ExpectedDigests::of(&headers("md5=:AAAA:")).unwrap().check(b"x").is_ok());
        assert!(ExpectedDigests::of(&headers("sha-256=AAAA")).is_err());
    }
}
