//! From password and salt to key and initialisation vector, as `openssl enc -pbkdf2` goes.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use zeroize::Zeroizing;

/// `openssl enc`'s default for `-pbkdf2`.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

/// Bytes of an AES-256 key.
pub(super) const KEY: usize = 32;
/// Bytes of an AES block, hence of the initialisation vector.
pub(super) const BLOCK: usize = 16;
/// Bytes of the salt.
pub(super) const SALT: usize = 8;
/// What an OpenSSL blob begins with.
pub(super) const MAGIC: &[u8; 8] = b"Salted__";

/// Key and initialisation vector.
pub(super) struct Derived {
    pub(super) key: Zeroizing<[u8; KEY]>,
    pub(super) iv: [u8; BLOCK],
}

/// PBKDF2-HMAC-SHA256 of 48 bytes: key, then vector.
pub(super) fn derive(password: &[u8], salt: [u8; SALT]) -> Derived {
    let mut out = Zeroizing::new([0; KEY + BLOCK]);
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        iterations(),
        &salt,
        password,
        &mut *out,
    );
    let mut derived = Derived {
        key: Zeroizing::new([0; KEY]),
        iv: [0; BLOCK],
    };
    let (key, iv) = out.split_at(KEY);
    derived.key.copy_from_slice(key);
    derived.iv.copy_from_slice(iv);
    derived
}

#[cfg(not(test))]
fn iterations() -> NonZeroU32 {
    ITERATIONS
}

/// Tests that count thousands of openings, and not what one costs, may have them cheap.
#[cfg(test)]
fn iterations() -> NonZeroU32 {
    if CHEAP.get() {
        NonZeroU32::MIN
    } else {
        ITERATIONS
    }
}

#[cfg(test)]
thread_local! {
    pub(super) static CHEAP: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The chain of values of IBM's samples/decrypt/encrypt.txt: a password with a line feed at index 14.
    #[test]
    fn fixture_1_derives_the_published_key_and_vector() {
        let password =
            hex::decode("9ef7c61fd1db490f8269faa1f8320a9a8976d28c21a86f31c6c4ecab6d22f49a")
                .unwrap();
        let cut = password.iter().position(|b| *b == b'\n').unwrap();
        assert_eq!(cut, 14);
        let salt = hex::decode("fa0014382c0a854a").unwrap().try_into().unwrap();

        let derived = derive(&password[..cut], salt);
        let key = "2986662acc84b96ac20a8457333e0b22e6deaafc810e02484a6e23ed429c309d";
        assert_eq!(hex::encode(*derived.key), key);
        assert_eq!(hex::encode(derived.iv), "dc11b2e84736d94d3b7b92ee13d71d5a");
        assert_ne!(hex::encode(*derive(&password, salt).key), key);
    }

    #[test]
    fn an_empty_password_is_a_password() {
        assert_ne!(*derive(b"", [0; SALT]).key, *derive(b"\0x", [0; SALT]).key);
    }
}
