//! The official SDKs, in a folder of their own.

use std::{
    io,
    path::Path,
    process::{Output, Stdio},
};

use tempfile::TempDir;
use tokio::process::Command;

use crate::server::LocalUpstash;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/node");

/// npm's `@upstash/redis` and `@upstash/ratelimit`, installed for a test and gone with it.
#[derive(Debug)]
pub struct NodeSdks {
    folder: TempDir,
}

impl NodeSdks {
    /// Installs them by `npm ci`. Returns `None`, and says so, where there is no Node.
    ///
    /// # Errors
    ///
    /// When npm fails; in CI, which sets the variable `CI`, also when there is no Node.
    pub async fn install() -> io::Result<Option<Self>> {
        if !has("node").await || !has("npm").await {
            let missing = "node and npm are missing: apt-get install nodejs npm";
            if std::env::var_os("CI").is_some() {
                return Err(io::Error::other(missing));
            }
            eprintln!("=== SKIPPED: {missing}");
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(Path::new(FOLDER).join(file), folder.path().join(file))?;
        }
        let mut install = Command::new("npm");
        install.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
        let Output {
            status,
            stdout,
            stderr,
        } = install.current_dir(&folder).output().await?;
        if !status.success() {
            let said = [stdout, stderr].concat();
            let said = String::from_utf8_lossy(&said);
            return Err(io::Error::other(format!("npm ci: {status}\n{said}")));
        }
        Ok(Some(Self { folder }))
    }

    /// Returns the command that runs a script of `tests/local-upstash/node` with a server's URL and token; killed when
    /// dropped.
    ///
    /// # Errors
    ///
    /// When there is no such script.
    pub fn script(&self, name: &str, server: &LocalUpstash) -> io::Result<Command> {
        let script = self.folder.path().join(name);
        std::fs::copy(Path::new(FOLDER).join(name), &script)?;
        let mut command = Command::new("node");
        command
            .arg(script)
            .current_dir(&self.folder)
            .env("UPSTASH_REDIS_REST_URL", server.url())
            .env("UPSTASH_REDIS_REST_TOKEN", server.token())
            .kill_on_drop(true);
        Ok(command)
    }
}

async fn has(program: &str) -> bool {
    let version = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .await;
    version.is_ok_and(|status| status.success())
}
