//! Mechanisms (`CKM_*`) and their capability flags.

super::code_table! {
    /// A mechanism.
    Ckm, "CKM_";
    RSA_PKCS_KEY_PAIR_GEN = 0x0,
    RSA_PKCS = 0x1,
    SHA1_RSA_PKCS = 0x6,
    RSA_PKCS_OAEP = 0x9,
    RSA_PKCS_PSS = 0xd,
    DSA_KEY_PAIR_GEN = 0x10,
    DSA = 0x11,
    DSA_SHA1 = 0x12,
    DH_PKCS_KEY_PAIR_GEN = 0x20,
    DH_PKCS_DERIVE = 0x21,
    SHA256_RSA_PKCS = 0x40,
    SHA384_RSA_PKCS = 0x41,
    SHA512_RSA_PKCS = 0x42,
    SHA256_RSA_PKCS_PSS = 0x43,
    SHA384_RSA_PKCS_PSS = 0x44,
    SHA512_RSA_PKCS_PSS = 0x45,
    DES3_KEY_GEN = 0x131,
    DES3_CBC = 0x133,
    DES3_CBC_PAD = 0x136,
    SHA_1 = 0x220,
    SHA256 = 0x250,
    SHA256_HMAC = 0x251,
    SHA384 = 0x260,
    SHA512 = 0x270,
    GENERIC_SECRET_KEY_GEN = 0x350,
    EC_KEY_PAIR_GEN = 0x1040,
    ECDSA = 0x1041,
    ECDSA_SHA1 = 0x1042,
    ECDSA_SHA224 = 0x1043,
    ECDSA_SHA256 = 0x1044,
    ECDSA_SHA384 = 0x1045,
    ECDSA_SHA512 = 0x1046,
    ECDH1_DERIVE = 0x1050,
    AES_KEY_GEN = 0x1080,
    AES_ECB = 0x1081,
    AES_CBC = 0x1082,
    AES_CBC_PAD = 0x1085,
    DSA_PARAMETER_GEN = 0x2000,
    DH_PKCS_PARAMETER_GEN = 0x2001,
    IBM_ECDSA_SHA224 = 0x8001_0008,
    IBM_ECDSA_SHA256 = 0x8001_0009,
    IBM_ECDSA_SHA384 = 0x8001_000a,
    IBM_ECDSA_SHA512 = 0x8001_000b,
    IBM_EC_X25519 = 0x8001_001b,
    IBM_ED25519_SHA512 = 0x8001_001c,
    IBM_ED25519_PH = 0x8001_001d,
    IBM_EC_X448 = 0x8001_001e,
    IBM_ED448_SHA3 = 0x8001_001f,
    IBM_DILITHIUM = 0x8001_0023,
    IBM_KYBER = 0x8001_0024,
    IBM_ECDSA_OTHER = 0x8001_0031,
    IBM_EC_AGGREGATE = 0x8001_0034,
    IBM_ML_DSA_KEY_PAIR_GEN = 0x8001_0035,
    IBM_ML_DSA = 0x8001_0036,
    IBM_CLEARKEY_TRANSPORT = 0x8002_0001,
    IBM_ATTRIBUTEBOUND_WRAP = 0x8002_0004,
    IBM_TRANSPORTKEY = 0x8002_0005,
    IBM_BTC_DERIVE = 0x8007_0001,
    IBM_ETH_DERIVE = 0x8007_0002,
}

/// The bits of `MechanismInfo.Flags` (`CKF_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MechanismFlags(pub u64);

// === impl MechanismFlags ===

impl MechanismFlags {
    /// `CKF_ENCRYPT`
    pub const ENCRYPT: Self = Self(0x100);
    /// `CKF_DECRYPT`
    pub const DECRYPT: Self = Self(0x200);
    /// `CKF_DIGEST`
    pub const DIGEST: Self = Self(0x400);
    /// `CKF_SIGN`
    pub const SIGN: Self = Self(0x800);
    /// `CKF_VERIFY`
    pub const VERIFY: Self = Self(0x2000);
    /// `CKF_GENERATE`
    pub const GENERATE: Self = Self(0x8000);
    /// `CKF_GENERATE_KEY_PAIR`
    pub const GENERATE_KEY_PAIR: Self = Self(0x1_0000);
    /// `CKF_WRAP`
    pub const WRAP: Self = Self(0x2_0000);
    /// `CKF_UNWRAP`
    pub const UNWRAP: Self = Self(0x4_0000);
    /// `CKF_DERIVE`
    pub const DERIVE: Self = Self(0x8_0000);
    /// `CKF_EC_F_P`
    pub const EC_F_P: Self = Self(0x10_0000);
    /// `CKF_EC_NAMEDCURVE`
    pub const EC_NAMEDCURVE: Self = Self(0x80_0000);
    /// `CKF_EC_UNCOMPRESS`
    pub const EC_UNCOMPRESS: Self = Self(0x100_0000);

    /// Both sets of bits.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}
