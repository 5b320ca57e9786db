//! Certificates and revocation lists, as IBM's images have them, made by openssl.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::openssl::openssl;
use crate::run::{run, said};

/// The exit code, and what was found, as a program reads it.
pub(crate) fn json(dir: &Path, args: &str) -> (Option<i32>, Value) {
    let (code, out, err) = run(dir, &format!("--json {args}"));
    assert_eq!(
        (out.lines().count(), err.as_str()),
        (1, ""),
        "{args}: {out}"
    );
    (code, serde_json::from_str(&out).unwrap())
}

/// Runs lines of shell, each of which must succeed, and gives what they print.
pub(crate) fn shell(dir: &Path, script: &str) -> String {
    let output = Command::new("sh")
        .args(["-euc", script])
        .current_dir(dir)
        .env("OPENSSL_CONF", dir.join("openssl.cnf"))
        .env("SELF", "root")
        .output()
        .unwrap();
    let (code, out, err) = said(&output);
    assert_eq!(code, Some(0), "{script}\n{out}\n{err}");
    out
}

/// A directory with the files of [`make`], which are made once.
pub(crate) fn chain() -> Option<tempfile::TempDir> {
    static MADE: OnceLock<Option<tempfile::TempDir>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        openssl(dir.path(), "version", b"")?;
        make(dir.path());
        Some(dir)
    });
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(made.as_ref()?.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    Some(dir)
}

/// Root, code-signing authority, intermediate that is no authority, and leaf, as IBM's images have them, with a revocation
/// list of each issuer. The leaf's key has the size of IBM's, all others half of it.
fn make(dir: &Path) {
    std::fs::write(dir.join("openssl.cnf"), CONFIG).unwrap();
    shell(
        dir,
        "req() { openssl req -new -newkey rsa:$3 -nodes -keyout $1.key -subj \"$2\" -out $1.csr; }
         new() { openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -set_serial $3 -days 1000 \"$4\" -out $1.pem \
           ${5:+-extfile openssl.cnf -extensions $5}; }
         openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -subj '/O=Test/CN=Root' -days 2000 -sha384 -out root.pem
         req authority '/O=Test/CN=Code Signing' 2048; new authority root 0x10 -sha384 authority
         req intermediate '/O=Maker/CN=Intermediate' 2048; new intermediate authority 0x20 -sha384 signer
         req leaf '/O=Maker/CN=Attestation' 4096; new leaf intermediate 0xC0FFEE01 -sha512
         for it in root authority intermediate; do
           : > $it.index; echo 01 > $it.number
           SELF=$it openssl ca -gencrl -name ca -crldays 30 -md sha512 -out $it.crl
           openssl crl -in $it.crl -outform DER -out $it.crl.der
         done",
    );
}

const CONFIG: &str = "
[req]
distinguished_name = name
x509_extensions = root
[name]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[authority]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
extendedKeyUsage = codeSigning
[signer]
keyUsage = critical,digitalSignature
extendedKeyUsage = codeSigning
[narrow]
basicConstraints = critical,CA:TRUE
nameConstraints = critical,permitted;email:example.org
[ca]
database = $ENV::SELF.index
crlnumber = $ENV::SELF.number
certificate = $ENV::SELF.pem
private_key = $ENV::SELF.key
default_md = sha512
unique_subject = no
";
