//! Time and randomness as parameters: the core never asks the machine, so that a seeded simulation can drive it.

use std::fmt::Debug;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use jiff::Timestamp;

/// Where time comes from.
pub trait Clock: Send + Sync + Debug {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
        Timestamp::now()
    }
}

/// Where random bytes come from.
pub trait Entropy: Send + Sync + Debug {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// When the source has failed; nothing may then be sealed or named.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFailure>;
}

/// The source of randomness has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source of randomness has failed")]
pub struct EntropyFailure;

/// The random source of the cryptographic library.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFailure> {
        SystemRandom::new().fill(bytes).map_err(|_| EntropyFailure)
    }
}

/// `N` fresh random bytes.
///
/// # Errors
/// When the source has failed.
pub fn random<const N: usize>(entropy: &dyn Entropy) -> Result<[u8; N], EntropyFailure> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}
