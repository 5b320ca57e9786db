//! Encrypted sections: IBM's hybrid envelope, opened and sealed.
//!
//! A token is `prefix.base64(RSA(password)).base64("Salted__" salt AES(text))`. It has no authenticity of its own and its RSA
//! padding is the one that Bleichenbacher broke, while whoever starts the guest chooses its tokens and watches. So what opening
//! does must not depend on what is wrong:
//!
//! * a password that RSA does not yield is replaced by one derived from the key and the ciphertext, and work goes on;
//! * both forms of the password (cut as `openssl -pass stdin` cuts it, and whole) are always derived and tried;
//! * every failure is one and the same error after the same counted [`Work`].

mod kdf;
mod key;
mod open;
mod pbes2;
mod printable;
mod seal;
mod token;

#[cfg(test)]
mod tests;

pub(crate) use key::pkcs8_of;
pub use key::{DecryptionKey, KeyError, decrypted_pkcs8};
pub(crate) use open::open_text;
pub use open::{DecryptError, open};
pub(crate) use printable::seal_printable;
pub use seal::{Recipient, SealError, seal};
pub use token::{Prefix, Token, TokenError};

/// How many expensive steps an opening took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) rsa: u32,
    pub(crate) mac: u32,
    pub(crate) kdf: u32,
    pub(crate) cipher: u32,
}
