//! Where the random bytes of a token come from: the system, or a seed where the same inputs are to give the same token.
//!
//! Bytes of a seed are HMAC-SHA256 in counter mode under a key that covers all that the token depends on: kind, section,
//! serial, recipient and the plaintext's hash. So two tokens that differ in anything share nothing, and whoever has the seed
//! and not the plaintext can make none of the bytes.

use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

use super::SealError;

/// Separates the key made of a seed from every other use of the same file.
const DOMAIN: &[u8] = b"bakehouse contract deterministic v1\0";
/// Bytes that a seed has at least.
const LEAST: usize = 32;

/// What makes the same inputs give the same token.
pub struct Seed(hmac::Key);

/// A source of random bytes, for one token.
pub(super) struct Random(Option<Stream>);

struct Stream {
    key: hmac::Key,
    counter: u64,
}

// === impl Seed ===

impl Seed {
    /// Takes a secret of at least 32 bytes, whatever bytes they are.
    pub fn new(bytes: &[u8]) -> Result<Self, SealError> {
        if bytes.len() < LEAST {
            return Err(SealError::Seed);
        }
        Ok(Self(derived(
            &hmac::Key::new(hmac::HMAC_SHA256, DOMAIN),
            &[bytes],
        )))
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed([redacted])")
    }
}

// === impl Random ===

impl Random {
    /// The system's.
    pub(super) fn system() -> Self {
        Self(None)
    }

    /// A seed's, for a token that depends on these and on nothing else.
    pub(super) fn seeded(seed: &Seed, inputs: &[&[u8]]) -> Self {
        Self(Some(Stream {
            key: derived(&seed.0, inputs),
            counter: 0,
        }))
    }

    /// Fills a buffer; the label says what for.
    pub(super) fn fill(&mut self, label: &str, out: &mut [u8]) -> Result<(), SealError> {
        match &mut self.0 {
            None => rand::fill(out).map_err(|_| SealError::Failed),
            Some(stream) => {
                stream.fill(label, out);
                Ok(())
            }
        }
    }

    /// Fills a buffer with bytes of which none is among those shut out.
    pub(super) fn fill_without(
        &mut self,
        label: &str,
        shut_out: &[u8],
        out: &mut [u8],
    ) -> Result<(), SealError> {
        let mut slots = out.iter_mut();
        let mut drawn = Zeroizing::new([0; LEAST]);
        while slots.len() > 0 {
            self.fill(label, &mut *drawn)?;
            let taken = drawn.iter().filter(|byte| !shut_out.contains(byte));
            for (byte, slot) in taken.zip(&mut slots) {
                *slot = *byte;
            }
        }
        Ok(())
    }
}

// === impl Stream ===

impl Stream {
    fn fill(&mut self, label: &str, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let mut context = hmac::Context::with_key(&self.key);
            context.update(label.as_bytes());
            context.update(b"\0");
            context.update(&self.counter.to_be_bytes());
            let block = context.sign();
            for (to, from) in chunk.iter_mut().zip(block.as_ref()) {
                *to = *from;
            }
            self.counter = self.counter.saturating_add(1);
        }
    }
}

/// Another key, for these inputs; each is led by its length, so that no byte can move from one to the next.
fn derived(key: &hmac::Key, inputs: &[&[u8]]) -> hmac::Key {
    let mut context = hmac::Context::with_key(key);
    for input in inputs {
        context.update(&u64::try_from(input.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(input);
    }
    hmac::Key::new(hmac::HMAC_SHA256, context.sign().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(seed: &[u8], inputs: &[&[u8]], label: &str) -> [u8; 40] {
        let mut out = [0; 40];
        let seed = Seed::new(seed).unwrap();
        let mut random = Random::seeded(&seed, inputs);
        random.fill(label, &mut out).unwrap();
        out
    }

    #[test]
    fn a_seed_repeats_itself_and_nothing_else() {
        let seed = [7; 32];
        let first = bytes(&seed, &[b"ab", b"c"], "salt");
        assert_eq!(first, bytes(&seed, &[b"ab", b"c"], "salt"));
        assert_ne!(first[..8], first[32..]);
        for other in [
            bytes(&[8; 32], &[b"ab", b"c"], "salt"),
            bytes(&[7; 33], &[b"ab", b"c"], "salt"),
            bytes(&seed, &[b"a", b"bc"], "salt"),
            bytes(&seed, &[b"abc"], "salt"),
            bytes(&seed, &[b"ab", b"c"], "password"),
        ] {
            assert_ne!(first, other);
        }
        assert_eq!(Seed::new(&[7; 31]).unwrap_err(), SealError::Seed);
        assert_eq!(
            format!("{:?}", Seed::new(&seed).unwrap()),
            "Seed([redacted])"
        );
    }

    /// Values of docs/contract-tokens.md's description, computed by another program.
    #[test]
    fn the_stream_is_the_documented_one() {
        let mut random = Random::seeded(&Seed::new(&[7; 32]).unwrap(), &[b"ab", b"c"]);
        let mut out = [0; 40];
        random.fill("salt", &mut out).unwrap();
        let expected = "b8116e3e8ffff00ddbba53141e0663937ff2518d65749547aa028339f588c812\
                        e6aa3278f3ce11b0";
        assert_eq!(hex::encode(out), expected);
        let mut out = [0; 4];
        random
            .fill_without("padding", &[103, 209], &mut out)
            .unwrap();
        assert_eq!(out, [204, 125, 239, 159]);
    }

    #[test]
    fn a_stream_goes_on_and_does_not_start_anew() {
        for mut random in [
            Random::system(),
            Random::seeded(&Seed::new(&[7; 32]).unwrap(), &[]),
        ] {
            let mut drawn = [[0; 32]; 2];
            for out in &mut drawn {
                random.fill("salt", out).unwrap();
            }
            assert_ne!(drawn[0], drawn[1]);
        }
    }

    #[test]
    fn bytes_that_are_shut_out_do_not_come() {
        let mut seeded = Random::seeded(&Seed::new(&[7; 32]).unwrap(), &[]);
        for random in [&mut Random::system(), &mut seeded] {
            let mut out = vec![0; 20_000];
            random
                .fill_without("padding", &[0, b'\n'], &mut out)
                .unwrap();
            let present: std::collections::BTreeSet<u8> = out.into_iter().collect();
            assert_eq!(present.len(), 254);
            assert!(!present.contains(&0) && !present.contains(&b'\n'));
        }
    }
}
