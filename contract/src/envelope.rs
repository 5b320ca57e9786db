//! Encrypted sections: IBM's hybrid envelope and our own, opened and sealed.
//!
//! IBM's token is `prefix.base64(RSA(password)).base64("Salted__" salt AES(text))`. It has no authenticity of its own and its
//! RSA padding is the one that Bleichenbacher broke, while whoever starts the guest chooses its tokens and watches. So what
//! opening does must not depend on what is wrong:
//!
//! * a password that RSA does not yield is replaced by one derived from the key and the ciphertext, and work goes on;
//! * both forms of the password (cut as `openssl -pass stdin` cuts it, and whole) are always derived and tried;
//! * every failure is one and the same error after the same counted [`Work`].
//!
//! Ours is `bakehouse-hpke.serial.base64(HPKE)`, bound to the name of its section and to the contract's serial: a token that
//! was changed, moved to another section or given another serial does not open. The same rules hold for its failures.
//!
//! `docs/contract-tokens.md` has the grammar of both and says what each of them protects.

mod hpke;
mod kdf;
mod key;
mod open;
mod password;
mod pbes2;
mod pkcs1;
mod printable;
mod random;
mod recipient;
mod seal;
mod token;

#[cfg(test)]
mod tests;

pub use key::{DecryptionKey, KeyError, decrypted_pkcs8};
pub(crate) use open::open_text;
pub use open::{DecryptError, open};
pub(crate) use printable::seal_printable;
pub use random::Seed;
pub use recipient::Recipient;
pub use seal::{SealError, Sealing, seal};
pub use token::{Basic, Hpke, Prefix, SERIALS, Token, TokenError};

/// How many expensive steps an opening took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) rsa: u32,
    pub(crate) mac: u32,
    pub(crate) kdf: u32,
    pub(crate) cipher: u32,
    pub(crate) kem: u32,
    pub(crate) aead: u32,
}
