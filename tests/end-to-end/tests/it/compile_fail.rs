//! What must not compile: forging, copying, skipping or reordering a stage of the journey.

#[test]
fn no_stage_can_be_forged_copied_skipped_or_reordered() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("compile_fail/*.rs");
}
