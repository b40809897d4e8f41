//! Any text as a profile: a profile, or faults with places in it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|toml: &str| {
    if let Err(faults) = minimise::Profile::parse("fuzz", toml) {
        assert!(!faults.is_empty());
        for fault in faults {
            assert!(fault.line <= toml.lines().count() + 1);
        }
    }
});
