//! Keys in requests and responses, in both wire generations at once.
//!
//! A v1 server reads a key from a `bytes` field, a v2 server from a `KeyBlob` under another tag.
//! The request builders fill both, so the caller need not know which server answers; [`raw`] reads
//! whichever form a peer sent, the v2 form first. Only the EP11 blob counts: a `KeyBlob` with
//! nothing but `KeyBlobs[0]` is valid.

use crate::attribute::{AttributeMap, Template};
use crate::grep11::{
    DecryptSingleRequest, DeriveKeyRequest, EncryptSingleRequest, GenerateKeyPairRequest,
    GenerateKeyPairResponse, GenerateKeyRequest, KeyBlob, Mechanism, RewrapKeyBlobRequest,
    SignSingleRequest, UnwrapKeyRequest, VerifySingleRequest, WrapKeyRequest,
};

/// A `KeyBlob` that holds only the EP11 blob.
pub fn key_blob(blob: impl Into<Vec<u8>>) -> KeyBlob {
    KeyBlob {
        key_blobs: vec![blob.into()],
        ..KeyBlob::default()
    }
}

/// A `KeyBlob` that holds the EP11 blob and its attributes, as servers answer.
pub fn key_blob_with(blob: impl Into<Vec<u8>>, attributes: AttributeMap) -> KeyBlob {
    KeyBlob {
        key_blobs: vec![blob.into()],
        attributes,
        ..KeyBlob::default()
    }
}

/// The EP11 blob of a message: `KeyBlobs[0]`, else the v1 bytes; `None` if both are empty.
pub fn raw<'a>(key: Option<&'a KeyBlob>, legacy: &'a [u8]) -> Option<&'a [u8]> {
    key.and_then(|key| key.key_blobs.first())
        .map(Vec::as_slice)
        .filter(|blob| !blob.is_empty())
        .or_else(|| (!legacy.is_empty()).then_some(legacy))
}

/// `SignSingle` with the private key in both forms.
pub fn sign_single_request(
    private: &[u8],
    mechanism: Mechanism,
    data: impl Into<Vec<u8>>,
) -> SignSingleRequest {
    SignSingleRequest {
        priv_key_bytes: private.to_vec(),
        mech: Some(mechanism),
        data: data.into(),
        priv_key: Some(key_blob(private)),
    }
}

/// `VerifySingle` with the public key in both forms.
pub fn verify_single_request(
    public: &[u8],
    mechanism: Mechanism,
    data: impl Into<Vec<u8>>,
    signature: impl Into<Vec<u8>>,
) -> VerifySingleRequest {
    VerifySingleRequest {
        pub_key_bytes: public.to_vec(),
        mech: Some(mechanism),
        data: data.into(),
        signature: signature.into(),
        pub_key: Some(key_blob(public)),
    }
}

/// `EncryptSingle` with the key in both forms.
pub fn encrypt_single_request(
    key: &[u8],
    mechanism: Mechanism,
    plain: impl Into<Vec<u8>>,
) -> EncryptSingleRequest {
    EncryptSingleRequest {
        key_bytes: key.to_vec(),
        mech: Some(mechanism),
        plain: plain.into(),
        key: Some(key_blob(key)),
    }
}

/// `DecryptSingle` with the key in both forms.
pub fn decrypt_single_request(
    key: &[u8],
    mechanism: Mechanism,
    ciphered: impl Into<Vec<u8>>,
) -> DecryptSingleRequest {
    DecryptSingleRequest {
        key_bytes: key.to_vec(),
        mech: Some(mechanism),
        ciphered: ciphered.into(),
        key: Some(key_blob(key)),
    }
}

/// `WrapKey` with both keys in both forms and no MAC key.
pub fn wrap_key_request(key: &[u8], kek: &[u8], mechanism: Mechanism) -> WrapKeyRequest {
    WrapKeyRequest {
        key_bytes: key.to_vec(),
        kek_bytes: kek.to_vec(),
        mech: Some(mechanism),
        key: Some(key_blob(key)),
        kek: Some(key_blob(kek)),
        ..WrapKeyRequest::default()
    }
}

/// `UnwrapKey` with the key-encrypting key in both forms and no MAC key.
pub fn unwrap_key_request(
    wrapped: impl Into<Vec<u8>>,
    kek: &[u8],
    mechanism: Mechanism,
    template: Template,
) -> UnwrapKeyRequest {
    UnwrapKeyRequest {
        wrapped: wrapped.into(),
        kek_bytes: kek.to_vec(),
        mech: Some(mechanism),
        template: template.into_map(),
        kek: Some(key_blob(kek)),
        ..UnwrapKeyRequest::default()
    }
}

/// `DeriveKey` with the base key in both forms.
pub fn derive_key_request(
    base: &[u8],
    mechanism: Mechanism,
    template: Template,
) -> DeriveKeyRequest {
    DeriveKeyRequest {
        mech: Some(mechanism),
        base_key_bytes: base.to_vec(),
        template: template.into_map(),
        base_key: Some(key_blob(base)),
        ..DeriveKeyRequest::default()
    }
}

/// `RewrapKeyBlob` with the key in both forms.
pub fn rewrap_key_blob_request(blob: &[u8]) -> RewrapKeyBlobRequest {
    RewrapKeyBlobRequest {
        wrapped_key_bytes: blob.to_vec(),
        wrapped_key: Some(key_blob(blob)),
    }
}

/// `GenerateKey` (the wire is the same in both generations).
pub fn generate_key_request(mechanism: Mechanism, template: Template) -> GenerateKeyRequest {
    GenerateKeyRequest {
        mech: Some(mechanism),
        template: template.into_map(),
        ..GenerateKeyRequest::default()
    }
}

/// `GenerateKeyPair` (the wire is the same in both generations).
pub fn generate_key_pair_request(
    mechanism: Mechanism,
    private: Template,
    public: Template,
) -> GenerateKeyPairRequest {
    GenerateKeyPairRequest {
        mech: Some(mechanism),
        priv_key_template: private.into_map(),
        pub_key_template: public.into_map(),
        ..GenerateKeyPairRequest::default()
    }
}

/// The two blobs of a `GenerateKeyPair` answer, private then public; `None` if one is missing.
pub fn generated_pair(response: &GenerateKeyPairResponse) -> Option<(&[u8], &[u8])> {
    Some((
        raw(response.priv_key.as_ref(), &response.priv_key_bytes)?,
        raw(response.pub_key.as_ref(), &response.pub_key_bytes)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_form_is_preferred_and_the_old_one_suffices() {
        let new = key_blob([1]);
        assert_eq!(raw(Some(&new), &[2]), Some(&[1][..]));
        assert_eq!(raw(None, &[2]), Some(&[2][..]));
        assert_eq!(raw(Some(&KeyBlob::default()), &[2]), Some(&[2][..]));
        assert_eq!(raw(Some(&key_blob([])), &[2]), Some(&[2][..]));
        assert_eq!(raw(Some(&KeyBlob::default()), &[]), None);
    }
}
