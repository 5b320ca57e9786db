//! A value that must not be seen.
//!
//! [`Secret`] prints as `[redacted]` in every build, is wiped when dropped, and can be neither cloned, compared nor
//! serialised. The one way in is [`Secret::expose`], a name that can be searched for.

use std::fmt;

use zeroize::Zeroize;

/// A secret value, wiped when dropped.
pub struct Secret<T: Zeroize>(T);

// === impl Secret ===

impl<T: Zeroize> Secret<T> {
    /// Takes a value into keeping.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Every call of this is a place to look at.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T: Zeroize> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_debug_is_redacted_in_debug_builds() {
        let secret = Secret::new(String::from("canary"));
        assert_eq!(
            format!("{secret:?} {secret} {:#?}", Some(&secret)),
            "[redacted] [redacted] Some(\n    [redacted],\n)"
        );
        assert_eq!(secret.expose(), "canary");
    }
}
