//! npm's `@upstash/redis` and `@upstash/ratelimit`.

use std::{fs, path::Path, process::Stdio};

use tokio::process::Command;

use crate::support::Site;

#[tokio::test]
async fn the_official_sdks_see_upstash() {
    if !has("node").await || !has("npm").await {
        let missing = "node and npm are missing: apt-get install nodejs npm";
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        eprintln!("=== SKIPPED: {missing}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
    for file in ["package.json", "package-lock.json", "sdk.mjs"] {
        fs::copy(source.join(file), folder.path().join(file)).unwrap();
    }
    let mut install = Command::new("npm");
    install.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
    succeeds(install.current_dir(&folder)).await;
    let site = Site::start().await;
    let mut script = Command::new("node");
    script
        .arg("sdk.mjs")
        .env("UPSTASH_REDIS_REST_URL", site.server.url())
        .env("UPSTASH_REDIS_REST_TOKEN", site.server.token());
    succeeds(script.current_dir(&folder)).await;
}

async fn has(program: &str) -> bool {
    let version = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .await;
    version.is_ok_and(|status| status.success())
}

async fn succeeds(command: &mut Command) {
    let output = command.kill_on_drop(true).output().await.unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{command:?}\n{out}\n{err}");
}
