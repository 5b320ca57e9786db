//! Signing what was encrypted, in one go, as IBM's tool does.

use bakehouse_contract::ContractDocument;
use bakehouse_contract::signature::{Signer, SigningKey, belongs};

use super::super::error::CliError;
use super::super::files::{self, PEM_BYTES};
use super::Args;

/// The key to sign with and what is to go into the contract for it.
pub(super) fn keys(args: &Args) -> Result<Option<(Signer, SigningKey)>, CliError> {
    let Some(path) = &args.signing_key else {
        return Ok(None);
    };
    let signer = files::read_signer(path, args.signing_passphrase.as_deref())?;
    let public = match &args.signing_certificate {
        None => signer
            .public()
            .map_err(|source| files::unusable(path, source))?,
        Some(path) => {
            let text = files::read_text(path, PEM_BYTES)?;
            SigningKey::from_pem(text.expose()).map_err(|source| CliError::SigningKey {
                path: files::name(path),
                source,
            })?
        }
    };
    belongs(&public, &signer)?;
    Ok(Some((signer, public)))
}

/// The document, signed if there is a key.
pub(super) fn signed(
    args: &Args,
    document: ContractDocument,
    keys: Option<(Signer, SigningKey)>,
) -> Result<ContractDocument, CliError> {
    match (keys, &args.signing_key) {
        (Some((signer, _)), Some(path)) => signer
            .sign(document)
            .map_err(|source| files::unusable(path, source)),
        _ => Ok(document),
    }
}
