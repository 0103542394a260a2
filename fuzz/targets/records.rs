#![no_main]

use tower_upstash::session::fuzzing;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::records(data));
