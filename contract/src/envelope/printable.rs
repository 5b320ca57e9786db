//! Making a token whose password is text.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::kdf::SALT;
use super::recipient::Kind;
use super::seal::blob;
use super::{Basic, Prefix, Recipient, SealError, Token};

/// Bytes drawn for a password; base64 makes 32 characters of them.
const DRAWN: usize = 24;

/// Encrypts a text for a recipient who may pass the password through a shell variable, as IBM's published script for
/// attestation records does: it is of letters, digits, `+` and `/` alone, 192 bits of chance.
pub(crate) fn seal_printable(
    plaintext: &[u8],
    recipient: &Recipient,
    prefix: Prefix,
) -> Result<Token, SealError> {
    let Kind::Rsa(rsa) = &recipient.kind else {
        return Err(SealError::Unsound);
    };
    let password = draw_password()?;
    let mut salt = [0; SALT];
    rand::fill(&mut salt).map_err(|_| SealError::Failed)?;
    Ok(Token::Basic(Basic {
        prefix,
        password: rsa.encrypt(password.as_bytes())?,
        blob: blob(plaintext, password.as_bytes(), salt)?,
    }))
}

fn draw_password() -> Result<Zeroizing<String>, SealError> {
    let mut drawn = Zeroizing::new([0; DRAWN]);
    rand::fill(&mut *drawn).map_err(|_| SealError::Failed)?;
    Ok(Zeroizing::new(STANDARD.encode(*drawn)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_thirty_two_characters_that_no_shell_touches() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..crate::testing::cases(1000) {
            let password = draw_password().unwrap();
            assert_eq!(password.len(), 32);
            let sound = |b: u8| b.is_ascii_alphanumeric() || b"+/".contains(&b);
            assert!(password.bytes().all(sound), "{password:?}");
            assert!(seen.insert(password.to_string()));
        }
    }
}
