//! Lines on stdout that survive a reader that went away.
//!
//! `println!` panics on a closed pipe; a supervisor that was killed must not turn into exit code 126.

use std::io::Write as _;

/// Prints one line and flushes; errors are ignored, for nobody is left to be told.
pub fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    drop(out.write_all(format!("{text}\n").as_bytes()));
    drop(out.flush());
}

/// Prints one line on stderr.
pub fn error(text: &str) {
    drop(
        std::io::stderr()
            .lock()
            .write_all(format!("{text}\n").as_bytes()),
    );
}

/// The first line of every stand-in.
pub fn banner(name: &str) {
    let (major, minor) = super::VERSION;
    line(&format!(
        "{name}: this is a stand-in of Bakehouse's devkit, not Octez (it claims version {major}.{minor}; toy chain)"
    ));
}
