//! Blots known secrets out of lines.
//!
//! The last line of defence, not the first: no unit should print a secret. Every long run of base64 or hex in a secret file
//! (lines of a PEM body, EP11 blobs) is a word to look for; what is public is taken out of the list again.

use zeroize::Zeroizing;

/// Shorter words are not looked for: they could be anything.
const WORD: usize = 32;

/// Words that no line may hold.
#[derive(Default)]
pub struct Redactor {
    words: Vec<Zeroizing<String>>,
}

// === impl Redactor ===

impl Redactor {
    /// Learns the long words of a secret text, except those that `public` holds.
    pub fn learn(&mut self, secret: &[u8], public: &[&str]) {
        let words = secret.split(|byte| !(byte.is_ascii_alphanumeric() || b"+/=".contains(byte)));
        for word in words.filter(|word| word.len() >= WORD) {
            let Ok(word) = std::str::from_utf8(word) else {
                continue;
            };
            let known = self.words.iter().any(|other| other.as_str() == word);
            if !known && !public.iter().any(|text| text.contains(word)) {
                self.words.push(Zeroizing::new(word.to_owned()));
            }
        }
    }

    /// The line without any such word.
    pub fn blot(&self, line: &str) -> String {
        let mut text = line.to_owned();
        for word in self.words.iter().filter(|word| word.len() <= line.len()) {
            if text.contains(word.as_str()) {
                text = text.replace(word.as_str(), "[redacted]");
            }
        }
        text
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} words)", self.words.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END";

    #[test]
    fn a_line_of_a_key_is_blotted_out() {
        let mut redactor = Redactor::default();
        redactor.learn(KEY.as_bytes(), &[]);
        let line = "oops: MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg!";
        assert_eq!(redactor.blot(line), "oops: [redacted]!");
        assert!(!format!("{redactor:?}").contains("MIGH"));
    }

    #[test]
    fn what_is_public_stays_readable() {
        let mut redactor = Redactor::default();
        let public = "p2pk66iTZwLmRPshQgUr2HE3RUzSFwAN5MNaBQ5rfduT1dGKXd25pNN";
        redactor.learn(format!("\"public_key\":\"{public}\"").as_bytes(), &[public]);
        assert_eq!(redactor.blot(public), public);
    }
}
