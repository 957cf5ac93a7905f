//! What the compiler says to a mistake: each on its token, all at once, and nothing that follows
//! from them. The cases are in `tests/ui`; after a change, `TRYBUILD=overwrite cargo test -p
//! pontoon-macros` and a look at every difference.
//!
//! They are run from this crate because a case is built with the dependencies of the crate that
//! runs it, and these are few.

#[test]
fn compile_errors() {
    let cases = trybuild::TestCases::new();
    cases.pass("../tests/ui/pass/*.rs");
    cases.compile_fail("../tests/ui/fail/*.rs");
}
