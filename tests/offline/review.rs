//! The sample's SQL under review, as a user has it in one line.

pontoon::migrations! { MIGRATIONS: shop::Shop = "shop/migrations/index.rs" }

#[test]
fn migrations_of_the_sample() {
    insta::with_settings!({ snapshot_path => "../snapshots" }, {
        pontoon::review!(MIGRATIONS);
    });
}
