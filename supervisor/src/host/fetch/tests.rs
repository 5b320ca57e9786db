use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;

use super::*;

const BYTES: &[u8] = b"a snapshot of some chain";

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn spec(folder: &Path, url: String, sha256: String) -> SnapshotSpec {
    let (file, unless_exists) = (folder.join("snapshot"), folder.join("store"));
    SnapshotSpec {
        url,
        sha256,
        file,
        unless_exists,
    }
}

/// Answers one HTTPS request.
async fn serve(listener: TcpListener, head: &str) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let mut stream = acceptor.accept(stream).await.unwrap();
    let mut seen = vec![0; 1024];
    let length = stream.read(&mut seen).await.unwrap();
    assert!(seen[..length].starts_with(b"GET /rolling HTTP/1.1\r\n"));
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(BYTES).await.unwrap();
    drop(stream.shutdown().await);
}

#[tokio::test]
async fn a_snapshot_comes_over_https_and_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "https://localhost:{}/rolling",
        listener.local_addr().unwrap().port()
    );
    let spec = spec(folder.path(), url, sha256(BYTES));
    let from = ["127.0.0.1".parse().unwrap()];
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", BYTES.len());
    let (fetched, ()) = tokio::join!(fetch(&spec, &from), serve(listener, &head));
    assert_eq!(fetched, Ok(()));
    assert_eq!(std::fs::read(&spec.file).unwrap(), BYTES);
}

#[tokio::test]
async fn a_redirection_is_refused_and_nothing_left() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "https://localhost:{}/rolling",
        listener.local_addr().unwrap().port()
    );
    let spec = spec(folder.path(), url, sha256(BYTES));
    let from = ["127.0.0.1".parse().unwrap()];
    let head = "HTTP/1.1 302 Found\r\nlocation: https://elsewhere/\r\ncontent-length: 24\r\n\r\n";
    let (fetched, ()) = tokio::join!(fetch(&spec, &from), serve(listener, head));
    assert_eq!(
        fetched,
        Err(FetchError::Unreachable("status 302".to_owned()))
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn another_file_never_gets_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    std::fs::write(&source, b"another chain").unwrap();
    let mut spec = spec(
        folder.path(),
        format!("file://{}", source.display()),
        sha256(BYTES),
    );
    assert!(matches!(
        fetch(&spec, &[]).await,
        Err(FetchError::Digest(_))
    ));
    assert!(!spec.file.exists() && !part(&spec.file).exists());

    spec.sha256 = sha256(b"another chain").to_uppercase();
    assert_eq!(fetch(&spec, &[]).await, Ok(()));
    assert_eq!(std::fs::read(&spec.file).unwrap(), b"another chain");
}

#[test]
fn addresses_are_taken_apart() {
    let whole = |url| parts(url).map(|(host, port, path)| format!("{host} {port} {path}"));
    assert_eq!(whole("https://a.b/c/d").unwrap(), "a.b 443 /c/d");
    assert_eq!(whole("https://a.b:8443").unwrap(), "a.b 8443 /");
    assert_eq!(whole("https://[::1]/x").unwrap(), "::1 443 /x");
    assert_eq!(whole("https://[::1]:1/x").unwrap(), "::1 1 /x");
    assert_eq!(whole("http://a.b/"), None);
    assert_eq!(whole("https:///x"), None);
}
