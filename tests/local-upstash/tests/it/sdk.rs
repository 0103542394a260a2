//! npm's `@upstash/redis` and `@upstash/ratelimit`.

use local_upstash::NodeSdks;

use crate::support::Site;

#[tokio::test]
async fn the_official_sdks_see_upstash() {
    let Some(sdks) = NodeSdks::install().await.unwrap() else {
        return;
    };
    let site = Site::start().await;
    let mut script = sdks.script("sdk.mjs", &site.server).unwrap();
    let output = script.output().await.unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{script:?}\n{out}\n{err}");
}
