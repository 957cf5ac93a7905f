//! This repository's own `cargo xtask`, on the sample schema. A user's has the same one line,
//! in `xtask/src/main.rs`. It is an example so that the published crate does not depend on the sample.

fn main() -> std::process::ExitCode {
    pontoon_xtask::main::<shop::Shop>()
}
