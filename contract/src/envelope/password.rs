//! IBM's token's password, out of RSA.

use aws_lc_rs::hmac;
use aws_lc_rs::rsa::{Pkcs1PrivateDecryptingKey, PrivateDecryptingKey};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::Work;

/// Separates the key of the stand-in passwords from every other use of the private key.
const STAND_IN: &[u8] = b"bakehouse contract stand-in password v1\0";

/// An RSA private key, 2048 to 8192 bits.
pub(super) struct RsaKey {
    rsa: Pkcs1PrivateDecryptingKey,
    /// Makes the password that stands in for one that RSA does not yield: the same each time, and unknown to all.
    stand_in: hmac::Key,
}

/// A password in a buffer of the key's size, so that neither its bytes nor its length decide what is done.
pub(super) struct Password {
    bytes: Zeroizing<Vec<u8>>,
    len: u64,
}

// === impl RsaKey ===

impl RsaKey {
    pub(super) fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let rsa = PrivateDecryptingKey::from_pkcs8(der).ok()?;
        let rsa = Pkcs1PrivateDecryptingKey::new(rsa).ok()?;
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(
            Sha256::new()
                .chain_update(STAND_IN)
                .chain_update(der)
                .finalize()
                .into(),
        );
        Some(Self {
            rsa,
            stand_in: hmac::Key::new(hmac::HMAC_SHA256, &*seed),
        })
    }

    /// The password in `ciphertext`, or the one that stands in for it; both are always computed.
    pub(super) fn password(&self, ciphertext: &[u8], work: &mut Work) -> Password {
        let size = self.rsa.key_size_bytes();
        // A ciphertext of another length would be turned down before the RSA operation; its length is no secret.
        let mut input = ciphertext.to_vec();
        input.resize(size, 0);
        let fits = Choice::from(u8::from(ciphertext.len() == size));

        let mut bytes = Zeroizing::new(vec![0_u8; size]);
        work.rsa = work.rsa.saturating_add(1);
        let (len, yielded) = match self.rsa.decrypt(&input, &mut bytes) {
            Ok(plain) => (plain.len(), Choice::from(1)),
            Err(_) => (0, Choice::from(0)),
        };
        work.mac = work.mac.saturating_add(1);
        let other = hmac::sign(&self.stand_in, ciphertext);

        let sound = yielded & fits;
        let other_len = other.as_ref().len();
        let padded = other.as_ref().iter().chain(std::iter::repeat(&0));
        for (byte, other) in bytes.iter_mut().zip(padded) {
            *byte = u8::conditional_select(other, byte, sound);
        }
        let len = u64::conditional_select(&wide(other_len), &wide(len), sound);
        Password { bytes, len }
    }
}

// === impl Password ===

impl Password {
    /// All of it.
    pub(super) fn whole(&self) -> &[u8] {
        self.up_to(self.len)
    }

    /// As `openssl -pass stdin` reads it: up to the first line feed or NUL.
    pub(super) fn cut(&self) -> &[u8] {
        let mut end = self.len;
        let mut index = wide(self.bytes.len());
        for byte in self.bytes.iter().rev() {
            index = index.saturating_sub(1);
            let stops = byte.ct_eq(&b'\n') | byte.ct_eq(&0);
            end.conditional_assign(&index, stops & Choice::from(u8::from(index < self.len)));
        }
        self.up_to(end)
    }

    fn up_to(&self, end: u64) -> &[u8] {
        usize::try_from(end)
            .ok()
            .and_then(|end| self.bytes.get(..end))
            .unwrap_or_default()
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(bytes: &[u8], size: usize) -> Password {
        let mut buffer = bytes.to_vec();
        buffer.resize(size, 0);
        Password {
            bytes: Zeroizing::new(buffer),
            len: wide(bytes.len()),
        }
    }

    #[test]
    fn a_password_is_cut_where_openssl_cuts_it() {
        for (whole, cut) in [
            (&b"abc"[..], &b"abc"[..]),
            (b"ab\ncd\n", b"ab"),
            (b"ab\0cd\n", b"ab"),
            (b"ab\r\ncd", b"ab\r"),
            (b"\nabc", b""),
            (b"\0", b""),
            (b"", b""),
        ] {
            assert_eq!(password(whole, 64).cut(), cut);
            assert_eq!(password(whole, 64).whole(), whole);
        }
    }
}
