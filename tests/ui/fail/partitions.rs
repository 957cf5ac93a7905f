use pontoon::Table;

#[derive(Table)]
#[table(name = "plain", detached("plain_1"), unlisted("plain_2"))]
struct Plain {
    id: i64,
}

#[derive(Table)]
#[table(
    name = "events",
    partition_by(list("id")),
    partition(name = "events_1", values("1")),
    detached("events_1", "events_2"),
    unlisted("events_2", events_3)
)]
struct Event {
    id: i64,
}

fn main() {}
