//! The accounts that `runtime/PRODUCTION.md` says are enough are enough; and their passwords are nowhere.

use std::process::{Command, Output};

use pontoon::Dialect;
use pontoon_xtask::verify::conn::Conn;

use crate::support::{Fresh, on_both_servers, run};

on_both_servers!(documented_accounts_are_enough, a_password_is_in_no_output);

/// An account of the documentation, under a name and with a password of its own.
struct Account {
    name: String,
    password: String,
    url: String,
}

impl Account {
    /// Makes the account by the statements that the documentation has under this heading.
    async fn make(db: &Fresh, admin: &mut Conn, who: &str) -> Self {
        let name = format!("{who}_{:08x}", fastrand::u32(..));
        let password = format!("pw{:016x}", fastrand::u64(..));
        let database = db.url.rsplit('/').next().unwrap();
        for sql in documented(db.dialect, who) {
            let sql = sql.replace(who, &name).replace("'secret'", &format!("'{password}'"));
            run(admin, &sql.replace("shop.", &format!("{database}."))).await;
        }
        let host = db.url.split_once('@').unwrap().1;
        let scheme = db.url.split_once(':').unwrap().0;
        Self { url: format!("{scheme}://{name}:{password}@{host}"), name, password }
    }

    /// The sample's own binary, as a person would run it.
    fn shop(&self, arguments: &[&str]) -> Output {
        shop(&self.url, arguments)
    }

    fn must(&self, arguments: &[&str]) {
        let output = self.shop(arguments);
        assert!(output.status.success(), "{} {arguments:?}: {}", self.name, text(&output));
    }
}

fn shop(url: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shop")).args(arguments).env("DATABASE_URL", url).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The statements of a block of the documentation that begins with a comment of these words.
fn documented(dialect: Dialect, who: &str) -> Vec<String> {
    let page = include_str!("../../runtime/PRODUCTION.md");
    let begin = format!("```sql\n-- {dialect} {who}");
    let block = page.split_once(&begin).unwrap_or_else(|| panic!("no `{begin}`")).1.split_once('\n').unwrap().1;
    let block = block.split_once("```").unwrap().0;
    block.split(";\n").map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

async fn admin(db: &Fresh) -> Conn {
    let mut admin = db.connect().await;
    if db.dialect == Dialect::MySql {
        // as the documentation says
        run(&mut admin, "SET GLOBAL log_bin_trust_function_creators = 1").await;
    }
    admin
}

async fn drop_account(db: &Fresh, admin: &mut Conn, account: &Account) {
    let name = &account.name;
    match db.dialect {
        Dialect::Postgres => run(admin, &format!("DROP OWNED BY {name} CASCADE; DROP ROLE {name}")).await,
        Dialect::MySql => run(admin, &format!("DROP USER {name}")).await,
    }
}

async fn documented_accounts_are_enough(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let mut admin = admin(&db).await;
    let migrator = Account::make(&db, &mut admin, "migrator").await;
    // the first migration alone, by the stages of the second one's predecessor
    for stage in ["expand", "backfill", "validate", "contract", "expand"] {
        migrator.must(&[stage]);
    }
    let insert = "INSERT INTO users (email, newsletter) VALUES ('a@b', true)";
    run(&mut admin, insert).await;
    migrator.must(&["undo"]);
    migrator.must(&["expand"]);
    let filler = Account::make(&db, &mut admin, "filler").await;
    filler.must(&["backfill"]);
    // and no more than that
    let output = filler.shop(&["validate"]);
    let validated = output.status.success();
    assert!(dialect == Dialect::MySql || !validated, "an account without the table's definition proved NOT NULL");
    if !validated {
        assert!(text(&output).contains("error: "), "{}", text(&output));
    }
    // all that is left, of every kind, and again from the start of the last one
    migrator.must(&["up"]);
    migrator.must(&["status"]);
    for account in [&filler, &migrator] {
        drop_account(&db, &mut admin, account).await;
    }
    db.end().await;
}

async fn a_password_is_in_no_output(dialect: Dialect) {
    let db = Fresh::new(dialect).await;
    let mut admin = admin(&db).await;
    let migrator = Account::make(&db, &mut admin, "migrator").await;
    let mut said = String::new();
    let commands: &[&[&str]] = &[
        &["status"],
        &["contract"],
        &["expand"],
        &["backfill"],
        &["validate"],
        &["undo"],
        &["baseline", "--to", "0001_initial"],
        &["up"],
        &["undo"],
        &["--help"],
        &["no-such-command"],
    ];
    let wrong_port = migrator.url.rsplit_once(':').unwrap().0.to_owned() + ":1/x";
    let wrong_name = migrator.url.replacen(&migrator.name, "nobody", 1);
    let wrong_database = format!("{}_gone", migrator.url);
    let broken = format!("{}@[/x", migrator.url.split_once('@').unwrap().0);
    for url in [&migrator.url, &wrong_port, &wrong_name, &wrong_database, &broken] {
        for command in commands {
            said += &text(&shop(url, command));
            if url != &migrator.url {
                break;
            }
        }
    }
    // a session that is in the way, and says a password itself
    let mut other = db.connect().await;
    run(&mut other, "BEGIN").await;
    run(&mut other, &format!("SELECT count(*) FROM users WHERE email = '{}'", migrator.password)).await;
    said += &text(&migrator.shop(&["undo", "--budget", "1"]));
    let rest = db.pick(
        "SELECT coalesce(string_agg(l::text, ' '), '') FROM pontoon_ledger l",
        "SELECT GROUP_CONCAT(COALESCE(detail, ''), runner SEPARATOR ' ') FROM pontoon_ledger",
    );
    said += &admin.value(rest).await.unwrap().unwrap_or_default();
    // it has spoken of all this
    for word in ["Next: ", "0001_initial", "cannot connect to the database", "is not understood", "DATABASE_URL"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let at = said.find(&migrator.password);
    assert!(at.is_none(), "...{}...", &said[at.unwrap_or_default().saturating_sub(300)..at.unwrap_or_default()]);
    run(&mut other, "COMMIT").await;
    drop_account(&db, &mut admin, &migrator).await;
    db.end().await;
}
