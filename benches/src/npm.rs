//! npm's packages, installed by the lock file of the tests: peers that are not Rust.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const LOCK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/local-upstash/node");

/// Installs the packages and returns the folder that has them, or says loudly what is missing.
pub fn install() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("npm");
    fs::create_dir_all(&folder).expect("the target directory can be written");
    for file in ["package.json", "package-lock.json"] {
        fs::copy(Path::new(LOCK).join(file), folder.join(file)).expect("a file of the tests");
    }
    let mut install = Command::new("npm");
    install.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
    if succeeds(install.current_dir(&folder)) && succeeds(Command::new("node").arg("--version")) {
        return Some(folder);
    }
    eprintln!("\n!! node or npm is missing, or npm cannot install: THE PEERS OF NPM ARE SKIPPED.");
    eprintln!("!! Install them, e.g. by `apt-get install nodejs npm`, and run this again.\n");
    None
}

/// Returns the command that runs a script beside the packages.
pub fn node(folder: &Path, name: &str, script: &str) -> Command {
    fs::write(folder.join(name), script).expect("the folder of the packages can be written");
    let mut command = Command::new("node");
    command.arg(name).current_dir(folder);
    command
}

fn succeeds(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
