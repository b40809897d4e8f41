//! The gateway's own keys, from files: 32 bytes in hex, readable by the owner only. `serve` never makes one up.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use clearance::adapter::PayloadSigner;
use clearance::clock::{Entropy, random};
use clearance::keys::Secret;
use zeroize::Zeroizing;

/// All keys. They are separate: what one protects, another cannot open.
#[derive(Debug)]
pub(crate) struct Secrets {
    /// Wraps the daily keys.
    pub(crate) seal: Secret,
    /// Makes pseudonyms.
    pub(crate) pseudonym: Secret,
    /// Signs the ledger's checkpoints.
    pub(crate) ledger: Secret,
    /// Signs payloads.
    pub(crate) payload: Secret,
}

const FILES: [&str; 4] = ["seal.key", "pseudonym.key", "ledger.key", "payload.key"];

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    #[error("`{path}`: {source}; `clearance keys init` makes keys")]
    Io { path: PathBuf, source: io::Error },
    #[error("`{path}` is readable by others (mode {mode:o}): `chmod 600` it, and consider the key known")]
    Exposed { path: PathBuf, mode: u32 },
    #[error("`{path}` does not hold 32 bytes in hex")]
    Form { path: PathBuf },
    #[error("the source of randomness has failed")]
    Entropy,
}

impl Secrets {
    /// Reads the keys that systemd or Kubernetes hands over, or else those in `folder`.
    pub(crate) fn given(folder: &Path) -> Result<Self, SecretError> {
        match credentials() {
            Some(credentials) => Self::read_from(&credentials, HANDED_OVER),
            None => Self::read(folder),
        }
    }

    /// Reads the keys in `folder`.
    pub(crate) fn read(folder: &Path) -> Result<Self, SecretError> {
        Self::read_from(folder, OWN)
    }

    fn read_from(folder: &Path, exposed: u32) -> Result<Self, SecretError> {
        let [seal, pseudonym, ledger, payload] = FILES.map(|file| read(folder.join(file), exposed));
        Ok(Self { seal: seal?, pseudonym: pseudonym?, ledger: ledger?, payload: payload? })
    }

    /// Makes the keys that `folder` does not have yet; the answer is the files made.
    pub(crate) fn init(folder: &Path, entropy: &dyn Entropy) -> Result<Vec<PathBuf>, SecretError> {
        let failed = |path: &Path, source| SecretError::Io { path: path.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
        let mut made = Vec::new();
        for path in FILES.map(|file| folder.join(file)) {
            let key = Zeroizing::new(random::<32>(entropy).map_err(|_| SecretError::Entropy)?);
            let text = Zeroizing::new(format!("{}\n", hex::encode(key.as_slice())));
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            match file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all())) {
                Ok(()) => made.push(path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(failed(&path, source)),
            }
        }
        Ok(made)
    }
}

/// The bits of a mode that let others at a key that lies in a folder of the gateway's.
const OWN: u32 = 0o077;

/// Those of one that is handed over: systemd lets a user read by an access list, Kubernetes by `fsGroup`, and both show as
/// the group's right to read.
const HANDED_OVER: u32 = 0o037;

/// Where keys are handed over (`LoadCredential=` of systemd), if they are.
pub(crate) fn credentials() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY")?);
    // A unit may have credentials for something else.
    FILES.iter().any(|file| folder.join(file).exists()).then_some(folder)
}

fn read(path: PathBuf, exposed: u32) -> Result<Secret, SecretError> {
    let text = std::fs::metadata(&path).and_then(|meta| Ok((meta.mode(), std::fs::read_to_string(&path)?)));
    let (mode, text) = match text {
        Ok((mode, text)) => (mode & 0o777, Zeroizing::new(text)),
        Err(source) => return Err(SecretError::Io { path, source }),
    };
    if mode & exposed != 0 {
        return Err(SecretError::Exposed { path, mode });
    }
    let mut key = Zeroizing::new([0; 32]);
    match hex::decode_to_slice(text.trim(), key.as_mut_slice()) {
        Ok(()) => Ok(Secret::new(*key)),
        Err(_) => Err(SecretError::Form { path }),
    }
}

/// Signs what leaves, with Ed25519.
#[derive(Debug)]
pub(crate) struct Signer {
    pair: Ed25519KeyPair,
    id: String,
}

impl Signer {
    /// The signer with this key.
    pub(crate) fn new(key: &Secret) -> Result<Self, SecretError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(key.expose()).map_err(|_| SecretError::Entropy)?;
        let public = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, pair.public_key().as_ref());
        let id = hex::encode(public.as_ref().get(..8).unwrap_or_default());
        Ok(Self { pair, id })
    }

    /// The 32 bytes that peers check signatures with.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }
}

impl PayloadSigner for Signer {
    fn key_id(&self) -> &str {
        &self.id
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(message).as_ref());
        signature
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use clearance::clock::SystemEntropy;

    use super::*;

    #[test]
    fn keys_are_made_once_and_read_only_when_nobody_else_can() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Secrets::init(folder.path(), &SystemEntropy).unwrap().len(), 4);
        let first = Secrets::read(folder.path()).unwrap();
        assert!(Secrets::init(folder.path(), &SystemEntropy).unwrap().is_empty());
        assert_eq!(Secrets::read(folder.path()).unwrap().seal.expose(), first.seal.expose());
        let path = folder.path().join("ledger.key");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        assert!(matches!(Secrets::read(folder.path()), Err(SecretError::Exposed { .. })));
        assert!(Secrets::read_from(folder.path(), HANDED_OVER).is_ok());
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let handed_over = Secrets::read_from(folder.path(), HANDED_OVER);
        assert!(matches!(handed_over, Err(SecretError::Exposed { .. })));
    }
}
