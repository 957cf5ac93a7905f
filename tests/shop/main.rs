//! The shop's application: it embeds the migrations, so a drift stops its build, and it has
//! the commands of `cargo xtask migrate`.
#![allow(missing_docs)]

pontoon::migrations! { pub MIGRATIONS: shop::Shop = "shop/migrations/index.rs" }

#[tokio::main]
async fn main() -> std::process::ExitCode {
    pontoon::cli::main(|dialect| MIGRATIONS.load(dialect)).await
}
