//! What an enum cannot be.

#[derive(pontoon::Enum)]
#[enumeration(nme = "state")]
enum State {
    Open,
    #[value("open")]
    Opened,
    #[value("done ")]
    Done,
    #[value(3)]
    Third,
    Since(i64),
    HTTPError,
    #[value("tls")]
    TLS,
}

#[derive(pontoon::Enum)]
enum Nothing {}

#[derive(pontoon::Enum)]
struct NoEnum {
    id: i64,
}

#[derive(pontoon::Table)]
struct Thing {
    #[column(primary_key)]
    id: i64,
    state: State,
}

fn main() {}
