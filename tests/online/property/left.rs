//! What is left in the catalog that is no part of the schema.

use std::collections::BTreeSet;

use pontoon::Dialect;
use pontoon::diff::settled;
use pontoon::schema::{Column, Table};
use pontoon_xtask::verify::catalog;
use pontoon_xtask::verify::conn::Conn;

use super::hold::{Failure, Known, Way, said, same};

impl Way<'_> {
    /// The catalog as it would be if MySQL enforced the checks that triggers hold.
    pub(super) fn as_if_enforced(&self, catalog: catalog::Catalog) -> Result<catalog::Catalog, Failure> {
        const SUFFIX: &str = " /*!80016 NOT ENFORCED */";
        let settled = settled(&self.case.source, self.target, self.intents);
        let checks = settled.tables.into_values().flat_map(|it| it.checks);
        let guarded: Vec<String> = checks.filter(|(_, it)| it.guarded).map(|(name, _)| name).collect();
        if self.made.dialect == Dialect::Postgres || guarded.is_empty() {
            return Ok(catalog);
        }
        let is_guard = |line: &String| line.starts_with("trigger ") && line.contains("_guard: AFTER ");
        let (guards, lines): (Vec<_>, Vec<_>) = catalog.into_iter().partition(is_guard);
        same("triggers of checks", || format!("{guarded:?}\n{guards:#?}"), &guards.len(), &(guarded.len() * 2))?;
        let named = |line: &str| {
            guarded.iter().any(|it| line.contains(&format!("CONSTRAINT {} CHECK", Dialect::MySql.ident(it))))
        };
        let enforced = |line: String| match line.strip_suffix(SUFFIX) {
            Some(rest) if named(rest) => rest.to_owned(),
            _ => line,
        };
        Ok(lines.into_iter().map(enforced).collect())
    }

    /// Contract renames tables away, which a later migration drops for good, and with them the enums that only they have;
    /// and it makes tables of partitions.
    pub(super) async fn drop_for_good(&self, conn: &mut Conn, known: &Known) -> Result<(), Failure> {
        let (dialect, source) = (conn.dialect(), &self.case.source);
        let purged = |away: &str| {
            source.dropped.iter().any(|(name, it)| it.name == away && self.intents.purged_tables.contains(name))
        };
        let expected: BTreeSet<_> = known.away.iter().filter(|(it, _)| !purged(it)).collect();
        let away = self.away(conn).await?;
        let now = away.iter().filter(|(it, _)| source.dropped.values().any(|gone| gone.name == *it)).collect();
        same("tables that were dropped before", || format!("{expected:?}, and now {now:?}"), &expected, &now)?;
        for (table, _) in &away {
            conn.execute(format!("DROP TABLE {}", dialect.ident(table))).await.map_err(said("dropping for good"))?;
        }
        for (_, part) in self.detached(conn).await? {
            conn.execute(format!("DROP TABLE {}", dialect.ident(&part))).await.map_err(said("dropping for good"))?;
        }
        self.drop_what_stays(conn).await?;
        if dialect == Dialect::Postgres {
            let gone = source.dropped.iter().filter(|(name, _)| !self.intents.purged_tables.contains(*name));
            let columns = gone.map(|(_, it)| &it.table).chain(source.tables.values()).flat_map(|it| &it.columns);
            let enums = |it: &Column| Some(it.ty.enumeration.as_ref()?.name.clone());
            let known: BTreeSet<_> = self.target.tables.values().flat_map(|it| &it.columns).filter_map(enums).collect();
            // those of columns that went by themselves have gone with the migration
            let stay = columns.filter_map(enums).filter(|it| !known.contains(it) && self.enum_stays(it));
            for name in stay.collect::<BTreeSet<_>>() {
                let sql = format!("DROP TYPE {}", dialect.ident(&name));
                conn.execute(sql).await.map_err(said("dropping for good"))?;
            }
        }
        Ok(())
    }

    /// With a table that is renamed away.
    fn enum_stays(&self, name: &str) -> bool {
        let kept =
            |table: &Table| table.columns.iter().any(|it| it.ty.enumeration.as_ref().is_some_and(|it| it.name == name));
        let source = &self.case.source;
        let before = source.dropped.iter().filter(|(name, _)| !self.intents.purged_tables.contains(*name));
        let now = source.tables.values().filter(|it| self.intents.dropped_tables.contains(&it.name));
        before.map(|(_, it)| &it.table).chain(now).any(kept)
    }

    /// The tables that are renamed away, and how many rows they have.
    pub(super) async fn away(&self, conn: &mut Conn) -> Result<BTreeSet<(String, String)>, Failure> {
        let sql = match conn.dialect() {
            Dialect::Postgres => {
                "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') \
                 AND relname LIKE 'pontoon\\_dropped\\_%'"
            }
            Dialect::MySql => {
                "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
                 AND TABLE_NAME LIKE 'pontoon\\_dropped\\_%'"
            }
        };
        let mut tables = BTreeSet::new();
        for name in conn.rows(sql).await.map_err(said("catalog"))?.into_iter().flatten().flatten() {
            let sql = format!("SELECT count(*) FROM {}", conn.dialect().ident(&name));
            let rows = conn.value(sql).await.map_err(said("reading"))?;
            tables.insert((name, rows.unwrap_or_default()));
        }
        Ok(tables)
    }

    /// Until contract, the tables that were dropped before the source have their rows.
    pub(super) async fn dropped_rows_stay(&self, conn: &mut Conn, known: &Known) -> Result<(), Failure> {
        let (expected, now) = (&known.away, self.away(conn).await?);
        same("tables that were dropped before", || format!("{expected:?}, and now {now:?}"), expected, &now)
    }

    /// The partitions that have become tables, with the tables that they have left.
    pub(super) async fn detached(&self, conn: &mut Conn) -> Result<Vec<(String, String)>, Failure> {
        let mut tables = Vec::new();
        if conn.dialect() == Dialect::Postgres {
            for (table, part) in &self.intents.detached {
                let relation = conn.dialect().literal(&conn.dialect().ident(part));
                let sql = format!("SELECT 1 FROM pg_class WHERE oid = to_regclass({relation}) AND NOT relispartition");
                if conn.value(sql).await.map_err(said("catalog"))?.is_some() {
                    tables.push((table.clone(), part.clone()));
                }
            }
        }
        Ok(tables)
    }

    /// Whatever a migration needed for itself is gone with it.
    pub(super) async fn nothing_of_ours(&self, conn: &mut Conn) -> Result<(), Failure> {
        let ours = "('pontoon_ledger', 'pontoon_marker', 'pontoon_backfill', 'pontoon_range', 'pontoon_control', 'pontoon_ledger_id_seq')";
        let sql = match conn.dialect() {
            Dialect::Postgres => format!(
                "SELECT relkind::text || ' ' || relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace \
                 AND relname LIKE 'pontoon\\_%' AND relkind <> 'i' AND relname NOT IN {ours}"
            ),
            Dialect::MySql => format!(
                "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
                 AND TABLE_NAME LIKE 'pontoon\\_%' AND TABLE_NAME NOT IN {ours}"
            ),
        };
        let mut left: Vec<String> = conn
            .rows(sql)
            .await
            .map_err(said("catalog"))?
            .into_iter()
            .map(|it| it.into_iter().flatten().collect())
            .collect();
        left.retain(|it| !self.case.source.dropped.values().any(|gone| it.ends_with(&gone.name)));
        same("what is left of the migration", || format!("{left:?}"), &left.is_empty(), &true)
    }
}
