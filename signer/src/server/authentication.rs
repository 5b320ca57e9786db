//! Requests that only the holder of an authorized key can make.
//!
//! A client signs `04 ‖ 01 ‖ tagged address ‖ payload` with its own key, as Octez defines it. That binds the request to one key of ours and to
//! its bytes, and to nothing else: there is no time and no nonce in it, so who has seen such a request may send it again,
//! and the watermark is what makes that harmless.

use crate::config::ConfigError;
use crate::tezos::{PublicKey, PublicKeyHash, Signature, blake2b_256};

/// The first byte of what is signed: no request of any other kind begins with it, and none that does is ever signed here.
const MAGIC: u8 = 0x04;
/// The second byte: a request to sign (2 and 3 are for nonces).
const SIGN: u8 = 0x01;
/// The field of the configuration.
const FIELD: &str = "protocol.authorized_keys";

/// The keys that may authorize requests; none if nobody has to.
#[derive(Debug, Clone, Default)]
pub struct AuthorizedKeys(Option<Vec<PublicKey>>);

/// A signature as a client presents it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Presented<'a> {
    /// Base58check, from a query.
    Text(&'a str),
    /// From a frame.
    Bytes(&'a [u8]),
}

/// Why a request is not authorized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum AuthenticationError {
    /// A signature that nobody here could check: ignoring it would look like checking.
    #[error(
        "this signer has no authorized keys, so it cannot check the authentication of a request"
    )]
    NotConfigured,
    /// There is no signature.
    #[error("the request must be signed with an authorized key")]
    Missing,
    /// What was presented is no signature.
    #[error("the authentication is not a signature of an Ed25519, secp256k1 or P-256 key")]
    Malformed,
    /// No authorized key has signed this request.
    #[error("no authorized key has signed this request")]
    Wrong,
}

// === impl AuthorizedKeys ===

impl AuthorizedKeys {
    /// The keys of a configuration.
    pub fn parse(keys: Option<&[String]>) -> Result<Self, ConfigError> {
        let refuse = |problem| ConfigError::Value {
            field: FIELD,
            problem,
        };
        let Some(texts) = keys else {
            return Ok(Self(None));
        };
        let mut keys: Vec<PublicKey> = Vec::with_capacity(texts.len());
        for text in texts {
            let key = text
                .parse()
                .map_err(|_| refuse("has an entry that is no edpk, sppk or p2pk public key"))?;
            if keys.contains(&key) {
                return Err(refuse("has a key twice"));
            }
            keys.push(key);
        }
        Ok(Self(Some(keys)))
    }

    /// Their addresses, if requests must be authorized.
    pub(super) fn hashes(&self) -> Option<Vec<PublicKeyHash>> {
        let keys = self.0.as_ref()?;
        Some(keys.iter().map(PublicKey::hash).collect())
    }

    /// Who authorized this request; nobody where nobody has to.
    pub(super) fn check(
        &self,
        key: PublicKeyHash,
        payload: &[u8],
        presented: Option<Presented<'_>>,
    ) -> Result<Option<PublicKeyHash>, AuthenticationError> {
        let (keys, presented) = match (&self.0, presented) {
            (None, None) => return Ok(None),
            (None, Some(_)) => return Err(AuthenticationError::NotConfigured),
            (Some(_), None) => return Err(AuthenticationError::Missing),
            (Some(keys), Some(presented)) => (keys, presented),
        };
        let signature = presented.bytes().ok_or(AuthenticationError::Malformed)?;
        let digest = blake2b_256(&to_authenticate(key, payload));
        let signer = keys
            .iter()
            .find(|key| key.verify(&digest, &signature).is_ok());
        signer
            .map(|key| Some(key.hash()))
            .ok_or(AuthenticationError::Wrong)
    }
}

// === impl Presented ===

impl Presented<'_> {
    fn bytes(self) -> Option<[u8; 64]> {
        match self {
            Self::Text(text) => Signature::bytes_of_text(text).ok(),
            Self::Bytes(bytes) => bytes.try_into().ok(),
        }
    }
}

// === impl AuthenticationError ===

impl AuthenticationError {
    /// The stable code of this error.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::NotConfigured => "authentication_not_configured",
            Self::Missing => "authentication_missing",
            Self::Malformed => "authentication_malformed",
            Self::Wrong => "authentication_wrong",
        }
    }
}

/// The bytes that a client signs to authorize the signing of `payload` with `key`.
fn to_authenticate(key: PublicKeyHash, payload: &[u8]) -> Vec<u8> {
    [&[MAGIC, SIGN][..], &key.to_tagged(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx";
    const OWNER: &str = "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav";
    const OTHER: &str = "p2pk688cprNqHHt5iodkEVD1NaCNRMKxk3VTDRrkB1KmmFLnnGw9Gpk";
    /// By the owner, over the payload 03aabbcc for the key: computed by an independent library.
    const SIGNATURE: &str = "edsigtuthC4YByAPTPZWa36C41r332Cz3ua7aWE5SUJ5Wbsu1Tp2C7seZMFZtXWVdsqx8xn3BJ8BfK2qMdb9YbmKMC9FeBaW8ym";
    const PAYLOAD: [u8; 4] = [0x03, 0xaa, 0xbb, 0xcc];

    fn keys(texts: &[&str]) -> AuthorizedKeys {
        let texts: Vec<_> = texts.iter().map(ToString::to_string).collect();
        AuthorizedKeys::parse(Some(&texts)).unwrap()
    }

    fn key() -> PublicKeyHash {
        KEY.parse().unwrap()
    }

    #[test]
    fn the_bytes_are_those_that_octez_signs() {
        let bytes = to_authenticate(key(), &PAYLOAD);
        assert_eq!(
            hex::encode(bytes),
            "04010002298c03ed7d454a101eb7022bc95f7e5f41ac7803aabbcc"
        );
    }

    #[test]
    fn a_signature_of_any_authorized_key_in_any_form_will_do() {
        let keys = keys(&[OTHER, OWNER]);
        let raw = Signature::bytes_of_text(SIGNATURE).unwrap();
        let generic = SIGNATURE.parse::<Signature>().unwrap().to_generic();
        for presented in [
            Presented::Text(SIGNATURE),
            Presented::Text(&generic),
            Presented::Bytes(&raw),
        ] {
            assert_eq!(
                keys.check(key(), &PAYLOAD, Some(presented)),
                Ok(Some(key()))
            );
        }
        assert_eq!(keys.hashes().unwrap().len(), 2);
    }

    #[test]
    fn it_holds_for_one_key_one_payload_and_one_signer_only() {
        let presented = Some(Presented::Text(SIGNATURE));
        let other: PublicKeyHash = "tz3LUdmLdpj2ZpVY7uTQfYuxarVykqYXxvPA".parse().unwrap();
        let owner = keys(&[OWNER]);
        let wrong = Err(AuthenticationError::Wrong);
        assert_eq!(owner.check(other, &PAYLOAD, presented), wrong);
        assert_eq!(owner.check(key(), &[3, 0xaa, 0xbb], presented), wrong);
        assert_eq!(owner.check(key(), &[2, 0xaa, 0xbb, 0xcc], presented), wrong);
        assert_eq!(keys(&[OTHER]).check(key(), &PAYLOAD, presented), wrong);
    }

    #[test]
    fn what_is_missing_malformed_or_not_asked_for_is_told_apart() {
        let owner = keys(&[OWNER]);
        let check = |keys: &AuthorizedKeys, presented| keys.check(key(), &PAYLOAD, presented);
        assert_eq!(check(&owner, None), Err(AuthenticationError::Missing));
        for presented in [
            Presented::Text("edsig"),
            Presented::Text(""),
            Presented::Bytes(&[1; 63]),
        ] {
            let refused = check(&owner, Some(presented));
            assert_eq!(refused, Err(AuthenticationError::Malformed));
        }
        let nobody = AuthorizedKeys::parse(None).unwrap();
        assert_eq!(check(&nobody, None), Ok(None));
        assert_eq!(
            check(&nobody, Some(Presented::Text(SIGNATURE))),
            Err(AuthenticationError::NotConfigured)
        );
        assert!(nobody.hashes().is_none());
    }

    #[test]
    fn a_key_that_does_not_parse_or_is_there_twice_is_refused() {
        for texts in [vec![KEY.to_owned()], vec![OWNER.to_owned(); 2]] {
            let error = AuthorizedKeys::parse(Some(&texts)).unwrap_err();
            assert!(!error.to_string().contains(&texts[0]), "{error}");
        }
    }
}
