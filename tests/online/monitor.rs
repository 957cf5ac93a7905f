//! What a monitor of the application's own hears: metrics by the `metrics` facade, and spans of `tracing`.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use metrics_util::MetricKind;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use pontoon::Dialect;
use pontoon::def::TableDef;
use pontoon::exec::backfill::{BackfillOptions, Wish};
use pontoon::exec::{Event, Observer, Options, Outcome};
use tracing::span::{Attributes, Id};
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use crate::support::{Fresh, between, number, run, things};

fn before() -> Vec<TableDef> {
    vec![things! { #[column(length = 40)] a: String, }]
}

fn after() -> Vec<TableDef> {
    vec![things! { #[column(length = 40, renamed_from = "a")] b: String, }]
}

const ROWS: u64 = 3_000;

async fn seeded(dialect: Dialect) -> (Fresh, Vec<pontoon::migration::history::Recorded>) {
    let (db, migrations) = between(dialect, before(), after()).await;
    let mut conn = db.connect().await;
    for first in (1..=ROWS).step_by(500) {
        let rows: Vec<_> = (first..first + 500).map(|id| format!("({id}, 'value {id}')")).collect();
        run(&mut conn, &format!("INSERT INTO things (id, a) VALUES {}", rows.join(", "))).await;
    }
    (db, migrations)
}

/// The values so far. A snapshot takes them out, so it is asked once.
struct Heard(Vec<Metric>);

struct Metric {
    kind: MetricKind,
    name: String,
    labels: Vec<(String, String)>,
    value: DebugValue,
}

impl Heard {
    fn of(snapshotter: &Snapshotter) -> Self {
        let all = snapshotter.snapshot().into_vec().into_iter().map(|(key, _, _, value)| {
            let (kind, key) = key.into_parts();
            let labels = key.labels().map(|it| (it.key().to_owned(), it.value().to_owned())).collect();
            Metric { kind, name: key.name().to_owned(), labels, value }
        });
        Self(all.collect())
    }

    #[track_caller]
    fn find(&self, kind: MetricKind, name: &str, labels: &[(&str, &str)]) -> &DebugValue {
        let is = |known: &Vec<(String, String)>| {
            labels.iter().all(|(key, value)| known.iter().any(|it| it.0 == *key && it.1 == *value))
        };
        let found = self.0.iter().find(|it| it.kind == kind && it.name == name && is(&it.labels));
        let all = || self.0.iter().map(|it| format!("{} {:?}", it.name, it.labels)).collect::<Vec<_>>();
        &found.unwrap_or_else(|| panic!("no {name} {labels:?} among {:#?}", all())).value
    }

    #[track_caller]
    fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        match self.find(MetricKind::Counter, name, labels) {
            DebugValue::Counter(value) => *value,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[track_caller]
    fn gauge(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        match self.find(MetricKind::Gauge, name, labels) {
            DebugValue::Gauge(value) => value.0,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[track_caller]
    fn seconds(&self, name: &str, labels: &[(&str, &str)]) -> Vec<f64> {
        match self.find(MetricKind::Histogram, name, labels) {
            DebugValue::Histogram(values) => values.iter().map(|it| it.0).collect(),
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// Counts batches, and says when others are waited for and the fill is held.
#[derive(Default)]
struct Ear {
    batches: Mutex<u64>,
    waits: tokio::sync::Notify,
    held: tokio::sync::Notify,
    /// Whether the fill has begun: statements before it are tried again too.
    filling: AtomicBool,
    retried: tokio::sync::Notify,
}

impl Observer for Ear {
    fn event(&self, event: &Event) {
        match event {
            Event::Batch { .. } => *self.batches.lock().unwrap() += 1,
            Event::Waiting { .. } => self.waits.notify_one(),
            Event::Held { .. } => self.held.notify_one(),
            Event::Retry { .. } if self.filling.load(Ordering::Relaxed) => self.retried.notify_one(),
            _ => {}
        }
    }
}

async fn metrics_are_heard(dialect: Dialect) {
    let (db, migrations) = seeded(dialect).await;
    let mut conn = db.connect().await;
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let ear = Arc::new(Ear::default());
    let backfill = BackfillOptions { batch: Some(Duration::from_millis(2)), ..BackfillOptions::default() };
    let runner = db.runner_with(migrations, Options { observer: ear.clone(), backfill, ..Options::default() });
    // somebody is in the way of the first statement
    let mut other = db.connect().await;
    run(&mut other, "BEGIN").await;
    run(&mut other, "UPDATE things SET a = a WHERE id = 1").await;
    let holds = async {
        ear.waits.notified().await;
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        run(&mut other, "COMMIT").await;
    };
    let (outcome, ()) = tokio::join!(runner.expand(), holds);
    outcome.unwrap();
    // a row is locked, then the fill is paused, and goes on
    run(&mut other, "BEGIN").await;
    run(&mut other, "UPDATE things SET a = a WHERE id = 2").await;
    let meanwhile = async {
        ear.retried.notified().await;
        runner.ask(Wish::Pause, "the test").await.unwrap();
        run(&mut other, "COMMIT").await;
        ear.held.notified().await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        runner.ask(Wish::Resume, "the test").await.unwrap();
    };
    ear.filling.store(true, Ordering::Relaxed);
    let begun = Instant::now();
    let (outcome, ()) = tokio::join!(runner.backfill(), meanwhile);
    let whole = begun.elapsed().as_secs_f64();
    assert!(matches!(outcome.unwrap(), Outcome::Did { .. }));
    runner.validate().await.unwrap();
    runner.contract().await.unwrap();
    assert_eq!(number(&mut conn, "SELECT count(*) FROM things WHERE b LIKE 'value %'").await, ROWS as i64);

    let heard = Heard::of(&snapshotter);
    let fill = &[("table", "things"), ("column", "b")];
    let batches = *ear.batches.lock().unwrap();
    // that one writer has filled as it wrote
    assert_eq!(heard.count("pontoon_backfill_rows_total", fill), ROWS - 1);
    assert_eq!(heard.count("pontoon_backfill_batches_total", fill), batches);
    let took = heard.seconds("pontoon_backfill_batch_seconds", fill);
    assert_eq!(took.len() as u64, batches);
    assert!(took.iter().all(|it| *it > 0.0) && took.iter().sum::<f64>() < whole, "seconds of {whole}: {took:?}");
    assert_eq!(heard.gauge("pontoon_backfill_position", fill), 1.0);
    assert_eq!(heard.gauge("pontoon_backfill_held", fill), 0.0);
    assert!(heard.count("pontoon_retries_total", &[("of", "batch")]) >= 1);
    let waited = heard.seconds("pontoon_wait_seconds", &[("reason", "paused")]);
    assert!(waited.len() == 1 && waited[0] > 0.6 && waited[0] < whole, "{whole}: {waited:?}");
    let waited = heard.seconds("pontoon_wait_seconds", &[("reason", "blockers")]);
    assert!(waited.iter().sum::<f64>() > 1.0, "{waited:?}");
    for stage in ["expand", "contract"] {
        let of = &[("migration", "0002_after"), ("stage", stage), ("direction", "do")];
        let took = heard.seconds("pontoon_statement_seconds", of);
        assert!(took.len() >= 3 && took.iter().all(|it| *it > 0.0), "{stage}: {took:?}");
        assert!(heard.seconds("pontoon_blocked_seconds", of).len() >= took.len());
    }
    assert!(heard.count("pontoon_searched_rows_total", &[("table", "things")]) >= ROWS);
    db.end().await;
}

thread_local! {
    /// The spans of this thread's test, each by its name behind those of the spans that it is in.
    static SPANS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// For the whole process: what a callsite is asked about is kept for all threads.
struct Spans;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let ours = metadata.is_span() && metadata.target().starts_with("pontoon");
        if ours { Interest::always() } else { Interest::never() }
    }

    fn on_new_span(&self, _: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let names: Vec<_> = span.scope().from_root().map(|it| it.name()).collect();
        SPANS.with_borrow_mut(|spans| spans.push(names.join("/")));
    }
}

async fn spans_are_heard(dialect: Dialect) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Spans)).unwrap());
    let (db, migrations) = seeded(dialect).await;
    SPANS.take();
    let runner = db.runner_with(migrations, Options::default());
    runner.expand().await.unwrap();
    runner.backfill().await.unwrap();
    let heard = SPANS.take();
    for path in ["command", "command/stage", "command/stage/step", "command/stage/step/backfill/batch"] {
        assert!(heard.iter().any(|it| it == path), "{path}: {heard:?}");
    }
    runner.undo().await.unwrap();
    let heard = SPANS.take();
    assert!(heard.iter().any(|it| it == "command/stage/step"), "{heard:?}");
    db.end().await;
}

// on one thread each, whose recorder and subscriber are the test's own
mod postgres {
    use pontoon::Dialect::Postgres;

    #[tokio::test]
    async fn metrics_are_heard() {
        super::metrics_are_heard(Postgres).await;
    }

    #[tokio::test]
    async fn spans_are_heard() {
        super::spans_are_heard(Postgres).await;
    }
}

mod mysql {
    use pontoon::Dialect::MySql;

    #[tokio::test]
    async fn metrics_are_heard() {
        super::metrics_are_heard(MySql).await;
    }

    #[tokio::test]
    async fn spans_are_heard() {
        super::spans_are_heard(MySql).await;
    }
}
