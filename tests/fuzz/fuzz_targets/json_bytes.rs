//! Any bytes: what is taken as strict JSON, serde_json takes too.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if minimise::check_json(bytes).is_ok()
        && let Err(fault) = serde_json::from_slice::<serde_json::Value>(bytes)
    {
        // `1e999` is a number to RFC 8259.
        assert!(fault.to_string().contains("out of range"), "{fault}");
    }
});
