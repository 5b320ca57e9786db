//! HPKE (RFC 9180) as our tokens use it: base mode, one message to a context.
//!
//! DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20-Poly1305. The cipher is the one that is quick and free of tables in
//! plain code on every machine: AES-GCM in Rust has no use of the instructions that s390x has for it.

use std::convert::Infallible;

use aws_lc_rs::digest::{SHA256, digest};
use hpke::aead::{AeadCtxR, ChaCha20Poly1305};
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{
    Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _, setup_receiver,
    setup_sender_with_rng,
};
use zeroize::Zeroizing;

use super::random::Random;
use super::{Hpke, SealError, Work};

type PrivateKey = <X25519HkdfSha256 as Kem>::PrivateKey;
type PublicKey = <X25519HkdfSha256 as Kem>::PublicKey;
type Encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey;
type Receiver = AeadCtxR<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>;

/// Bytes of an encapsulated key, a public key and a private key.
const KEY: usize = 32;
/// Bytes of the tag.
const TAG: usize = 16;
/// Bytes of a token's body beside the plaintext.
pub(super) const OVERHEAD: usize = KEY + TAG;
/// HPKE's `info`. What a token is bound to stands in the associated data.
const INFO: &[u8] = b"";
/// What the associated data begins with.
const DOMAIN: &[u8] = b"bakehouse contract token\0";

/// PKCS#8 of an X25519 private key as far as the 32 bytes (RFC 8410): what `openssl genpkey -algorithm X25519` writes.
const PKCS8_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20,
];
/// SPKI of an X25519 public key as far as the 32 bytes.
const SPKI_HEAD: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00,
];
/// The base point: an encapsulated key that every private key takes, in the place of one that none takes.
const STAND_IN: [u8; KEY] = {
    let mut point = [0; KEY];
    point[0] = 9;
    point
};

/// An X25519 private key; the crate wipes it.
pub(super) struct HpkeKey(PrivateKey);

/// An X25519 public key.
pub(super) struct HpkeRecipient(PublicKey);

/// A token's body, taken apart once for all keys.
pub(super) struct Message<'a> {
    encapsulated: [u8; KEY],
    ciphertext: &'a [u8],
    aad: Vec<u8>,
    well_formed: bool,
}

/// Bytes that were drawn beforehand, as the crate wants them.
struct Drawn(Zeroizing<[u8; KEY]>);

// === impl HpkeKey ===

impl HpkeKey {
    /// `None` is for every other kind of key.
    pub(super) fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let key = der.strip_prefix(&PKCS8_HEAD)?;
        PrivateKey::from_bytes(key).ok().map(Self)
    }

    /// One decapsulation and one decryption, whatever happens.
    pub(super) fn open(
        &self,
        message: &Message<'_>,
        work: &mut Work,
    ) -> Option<Zeroizing<Vec<u8>>> {
        work.kem = work.kem.saturating_add(1);
        let mut receiver = self.receiver(&message.encapsulated, INFO)?;
        work.aead = work.aead.saturating_add(1);
        receiver
            .open(message.ciphertext, &message.aad)
            .ok()
            .map(Zeroizing::new)
            .filter(|_| message.well_formed)
    }

    fn receiver(&self, encapsulated: &[u8; KEY], info: &[u8]) -> Option<Receiver> {
        let encapsulated = Encapsulated::from_bytes(encapsulated).ok()?;
        setup_receiver(&OpModeR::Base, &self.0, &encapsulated, info).ok()
    }
}

// === impl HpkeRecipient ===

impl HpkeRecipient {
    /// `None` is for every other kind of key.
    pub(super) fn from_spki(der: &[u8]) -> Option<Self> {
        let key = der.strip_prefix(&SPKI_HEAD)?;
        let key: &[u8; KEY] = key.try_into().ok()?;
        PublicKey::from_bytes(key)
            .ok()
            .filter(|_| is_usable(key))
            .map(Self)
    }

    pub(super) fn seal(
        &self,
        plaintext: &[u8],
        section: &str,
        serial: u64,
        random: &mut Random,
    ) -> Result<Hpke, SealError> {
        let mut drawn = Drawn(Zeroizing::new([0; KEY]));
        random.fill("ephemeral", &mut *drawn.0)?;
        let body = self.sealed(plaintext, INFO, &aad(section, serial), drawn)?;
        Ok(Hpke { serial, body })
    }

    fn sealed(
        &self,
        plaintext: &[u8],
        info: &[u8],
        aad: &[u8],
        mut drawn: Drawn,
    ) -> Result<Vec<u8>, SealError> {
        let (encapsulated, mut sender) = setup_sender_with_rng::<
            ChaCha20Poly1305,
            HkdfSha256,
            X25519HkdfSha256,
        >(&OpModeS::Base, &self.0, info, &mut drawn)
        .map_err(|_| SealError::Failed)?;
        let ciphertext = sender.seal(plaintext, aad).map_err(|_| SealError::Failed)?;
        Ok([encapsulated.to_bytes().as_slice(), &ciphertext].concat())
    }
}

// === impl Drawn ===

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    /// The bytes drawn, and then others made of them: none is given twice.
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(KEY) {
            for (to, from) in chunk.iter_mut().zip(self.0.iter()) {
                *to = *from;
            }
            let next = digest(&SHA256, &*self.0);
            for (to, from) in self.0.iter_mut().zip(next.as_ref()) {
                *to = *from;
            }
        }
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}

// === impl Message ===

impl<'a> Message<'a> {
    /// Takes a token's body apart, or puts stand-ins of the least size in the place of one that is none.
    ///
    /// A point of small order is refused by every key, so whether it is one is no secret; yet it is looked for with a key of
    /// no worth and for every token, so that the keys that count do the same for all of them.
    pub(super) fn new(token: &'a Hpke, section: &str, work: &mut Work) -> Self {
        let parts = token
            .body
            .split_first_chunk::<KEY>()
            .filter(|(_, ciphertext)| ciphertext.len() >= TAG);
        let (bytes, ciphertext) = parts.unwrap_or((&STAND_IN, &[0; TAG]));
        work.kem = work.kem.saturating_add(1);
        let usable = is_usable(bytes);
        Self {
            well_formed: parts.is_some() && usable,
            encapsulated: *if usable { bytes } else { &STAND_IN },
            ciphertext,
            aad: aad(section, token.serial),
        }
    }
}

fn is_usable(encapsulated: &[u8; KEY]) -> bool {
    let (worthless, _) = X25519HkdfSha256::derive_keypair(&STAND_IN);
    HpkeKey(worthless).receiver(encapsulated, INFO).is_some()
}

/// What a section's name and a serial are as associated data.
fn aad(section: &str, serial: u64) -> Vec<u8> {
    [DOMAIN, section.as_bytes(), b"\0", &serial.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9180, A.2.1: the base mode of our suite, its first encryption.
    #[test]
    fn the_suite_is_that_of_rfc_9180_a_2() {
        let hex = |text| hex::decode(text).unwrap();
        let (info, aad) = (
            hex("4f6465206f6e2061204772656369616e2055726e"),
            hex("436f756e742d30"),
        );
        let plaintext = hex("4265617574792069732074727574682c20747275746820626561757479");
        let encapsulated = "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a";
        let ciphertext = "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db\
                          21993c62ce81883d2dd1b51a28";

        let private = hex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
        let key = HpkeKey::from_pkcs8(&[&PKCS8_HEAD, private.as_slice()].concat()).unwrap();
        let encapsulated_bytes: [u8; KEY] = hex(encapsulated).try_into().unwrap();
        let mut receiver = key.receiver(&encapsulated_bytes, &info).unwrap();
        assert_eq!(receiver.open(&hex(ciphertext), &aad), Ok(plaintext.clone()));

        // The other way round: the ephemeral key comes from what is drawn, as DeriveKeyPair takes it.
        let public = hex("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a");
        let recipient =
            HpkeRecipient::from_spki(&[&SPKI_HEAD, public.as_slice()].concat()).unwrap();
        let drawn = hex("909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b");
        let drawn = Drawn(Zeroizing::new(drawn.try_into().unwrap()));
        let sealed = recipient.sealed(&plaintext, &info, &aad, drawn).unwrap();
        assert_eq!(hex::encode(sealed), format!("{encapsulated}{ciphertext}"));
    }

    #[test]
    fn associated_data_is_the_documented_one() {
        let expected = b"bakehouse contract token\0env\0\0\0\0\0\0\0\x01\x02";
        assert_eq!(aad("env", 258), expected);
        assert_eq!(OVERHEAD, 48);
    }

    #[test]
    fn points_of_small_order_are_no_keys() {
        // Orders 1, 4 and 8, and the first two as numbers that are not below the prime.
        let last = |byte| {
            let mut point = [0xff; KEY];
            (point[0], point[KEY - 1]) = (byte, 0x7f);
            point
        };
        let mut one = [0; KEY];
        one[0] = 1;
        let eight = [
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        ]
        .map(|point| hex::decode(point).unwrap().try_into().unwrap());
        let points: [[u8; KEY]; 7] = [
            [0; KEY],
            one,
            eight[0],
            eight[1],
            last(0xec),
            last(0xed),
            last(0xee),
        ];
        for point in points {
            assert!(!is_usable(&point), "{point:?}");
            assert!(HpkeRecipient::from_spki(&[&SPKI_HEAD, point.as_slice()].concat()).is_none());
        }
        assert!(is_usable(&STAND_IN));
    }

    #[test]
    fn only_x25519_keys_of_32_bytes_are_taken() {
        for len in [0, 31, 33] {
            let bytes = vec![9; len];
            assert!(HpkeKey::from_pkcs8(&[&PKCS8_HEAD, bytes.as_slice()].concat()).is_none());
            assert!(HpkeRecipient::from_spki(&[&SPKI_HEAD, bytes.as_slice()].concat()).is_none());
        }
        // Ed25519's keys differ in one byte of the head.
        let mut other = [&PKCS8_HEAD[..], &[9; KEY]].concat();
        assert!(HpkeKey::from_pkcs8(&other).is_some());
        other[11] = 0x70;
        assert!(HpkeKey::from_pkcs8(&other).is_none());
    }

    #[test]
    fn no_byte_is_drawn_twice() {
        let mut drawn = Drawn(Zeroizing::new([7; KEY]));
        let mut out = [0; 3 * KEY];
        drawn.try_fill_bytes(&mut out).unwrap();
        assert_eq!(out[..KEY], [7; KEY]);
        assert_ne!(out[KEY..2 * KEY], out[..KEY]);
        assert_ne!(out[2 * KEY..], out[KEY..2 * KEY]);
        assert_ne!(drawn.try_next_u64(), drawn.try_next_u64());
        assert_ne!(drawn.try_next_u32(), drawn.try_next_u32());
    }
}
