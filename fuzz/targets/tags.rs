#![no_main]

use tower_upstash::response_cache::fuzzing;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::tags(data));
