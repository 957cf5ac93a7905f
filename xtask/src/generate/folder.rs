//! The migrations' folder on disk.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use pontoon::Dialect;
use pontoon::def::TableDef;
use pontoon::migration::file::{self, sha256};
use pontoon::migration::history::{Entry as HistoryEntry, HistoryError, Recorded, load};
use pontoon::schema::Schema;
use pontoon::snapshot;

use super::Failure;
use super::index::{self, Entry};

/// All migrations that are there, proven to be what the index says.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// In their order.
    pub migrations: Vec<StoredMigration>,
    empty: Schema,
}

/// One migration: its files' texts.
#[derive(Debug)]
pub struct StoredMigration {
    /// `NNNN_name`
    pub id: String,
    /// The schema after it.
    pub snapshot: Schema,
    /// The text for PostgreSQL.
    pub postgres: String,
    /// The text for MySQL.
    pub mysql: String,
    entry: Entry,
}

impl StoredMigration {
    fn sql(&self, dialect: Dialect) -> (&str, &str) {
        match dialect {
            Dialect::Postgres => (&self.postgres, &self.entry.postgres),
            Dialect::MySql => (&self.mysql, &self.entry.mysql),
        }
    }

    fn hashed(id: String, snapshot: Schema, postgres: String, mysql: String) -> Self {
        let entry = Entry { id: id.clone(), postgres: sha256(&postgres), mysql: sha256(&mysql), edited: false };
        Self { id, snapshot, postgres, mysql, entry }
    }
}

impl Folder {
    /// Reads the folder; one that is not there yet is empty.
    ///
    /// # Errors
    /// A file that is missing, was edited, or is not understood.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let folder = Self::read_lenient(path)?;
        for dialect in Dialect::ALL {
            folder.recorded(dialect).map_err(|error| Failure::Refused(error.to_string()))?;
        }
        folder.no_strangers()?;
        Ok(folder)
    }

    /// Reads the folder and takes what the files hold now as what is recorded. Also names the
    /// files whose hash is new.
    pub(super) fn read_and_record(path: &Path) -> Result<(Self, Vec<String>), Failure> {
        let mut folder = Self::read_lenient(path)?;
        let mut changed = Vec::new();
        for migration in &mut folder.migrations {
            let fresh = Entry {
                id: migration.id.clone(),
                postgres: sha256(&migration.postgres),
                mysql: sha256(&migration.mysql),
                edited: migration.entry.edited,
            };
            for (server, before, after) in [
                ("postgres", &migration.entry.postgres, &fresh.postgres),
                ("mysql", &migration.entry.mysql, &fresh.mysql),
            ] {
                if before != after {
                    changed.push(format!("{}/{server}.sql", migration.id));
                }
            }
            let differs = fresh != migration.entry;
            migration.entry = Entry { edited: fresh.edited || differs, ..fresh };
        }
        for dialect in Dialect::ALL {
            folder.recorded(dialect).map_err(|error| Failure::Refused(error.to_string()))?;
        }
        Ok((folder, changed))
    }

    /// Reads the folder without looking at hashes and order, as after a merge.
    pub(super) fn read_lenient(path: &Path) -> Result<Self, Failure> {
        let index_path = path.join("index.rs");
        let mut entries = match fs::read_to_string(&index_path) {
            Ok(text) => index::parse(&index_path.display().to_string(), &text).map_err(Failure::Refused)?,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(io(&index_path, "cannot be read", &error)),
        };
        entries.sort_by(|a, b| a.id.cmp(&b.id));
        entries.dedup();
        let migrations = entries.into_iter().map(|entry| stored(path, entry)).collect::<Result<_, _>>()?;
        Ok(Self { path: path.to_owned(), migrations, empty: Schema::default() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder, as messages name it.
    pub fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// The migrations of one server.
    ///
    /// # Errors
    /// The first that is not what was recorded.
    pub fn recorded(&self, dialect: Dialect) -> Result<Vec<Recorded>, HistoryError> {
        let files: Vec<String> = self.migrations.iter().map(|it| self.file(&it.id, dialect)).collect();
        let entries: Vec<_> = self
            .migrations
            .iter()
            .zip(&files)
            .map(|(it, file)| {
                let (sql, sha256) = it.sql(dialect);
                HistoryEntry { id: &it.id, file, sha256, sql }
            })
            .collect();
        load(dialect, &entries)
    }

    /// The texts of one server's files, by their names in messages.
    pub fn texts(&self, dialect: Dialect) -> impl Iterator<Item = (String, &str)> {
        self.migrations.iter().map(move |it| (self.file(&it.id, dialect), it.sql(dialect).0))
    }

    /// The path of a migration's file, as messages name it.
    pub fn file(&self, id: &str, dialect: Dialect) -> String {
        self.path.join(id).join(format!("{dialect}.sql")).display().to_string()
    }

    pub(super) fn last_snapshot(&self) -> &Schema {
        self.migrations.last().map_or(&self.empty, |it| &it.snapshot)
    }

    pub(super) fn next_number(&self) -> u32 {
        let number = |id: &str| id.split('_').next().and_then(|it| it.parse::<u32>().ok());
        self.migrations.iter().filter_map(|it| number(&it.id)).max().unwrap_or(0) + 1
    }

    pub(super) fn index_is_current(&self, tables: &[&TableDef]) -> bool {
        fs::read_to_string(self.path.join("index.rs"))
            .is_ok_and(|text| text.replace("\r\n", "\n") == self.index(tables))
    }

    pub(super) fn write_index(&self, tables: &[&TableDef]) -> Result<(), Failure> {
        if self.index_is_current(tables) {
            return Ok(());
        }
        fs::create_dir_all(&self.path).map_err(|error| io(&self.path, "cannot be made", &error))?;
        write(&self.path.join("index.rs"), &self.index(tables))
    }

    /// Writes the list of migrations, and leaves the numbers of the schema as they are: for structs whose
    /// changes no migration makes yet, so that the application goes on telling of them.
    pub(super) fn write_list(&self) -> Result<(), Failure> {
        let path = self.path.join("index.rs");
        let before = fs::read_to_string(&path).map_err(|error| io(&path, "cannot be read", &error))?;
        let after = index::render_with_old_numbers(&self.entries(), &before.replace("\r\n", "\n"));
        write(
            &path,
            &after.ok_or_else(|| Failure::Refused(format!("{} is not what `generate` writes", path.display())))?,
        )
    }

    fn entries(&self) -> Vec<Entry> {
        self.migrations.iter().map(|it| it.entry.clone()).collect()
    }

    fn index(&self, tables: &[&TableDef]) -> String {
        index::render(&self.entries(), tables)
    }

    /// Writes a new migration's files: all of them or, if one fails, none.
    pub(super) fn add(&mut self, id: &str, postgres: String, mysql: String, target: &Schema) -> Result<(), Failure> {
        let making = self.path.join(format!(".{id}.tmp"));
        fs::create_dir_all(&making).map_err(|error| io(&making, "cannot be made", &error))?;
        write(&making.join("postgres.sql"), &postgres)?;
        write(&making.join("mysql.sql"), &mysql)?;
        write(&making.join("snapshot.json"), &snapshot::write(target))?;
        let place = self.path.join(id);
        fs::rename(&making, &place).map_err(|error| io(&place, "cannot be made", &error))?;
        self.migrations.push(StoredMigration::hashed(id.to_owned(), target.clone(), postgres, mysql));
        Ok(())
    }

    /// Forgets a migration that is to be made anew; the files stay until it is.
    pub(super) fn take_out(&mut self, id: &str) -> Result<StoredMigration, Failure> {
        let at = self.migrations.iter().position(|it| it.id == id).ok_or_else(|| {
            let known: Vec<_> = self.migrations.iter().map(|it| it.id.as_str()).collect();
            Failure::Refused(format!("there is no migration `{id}`\n  help: there are {}", known.join(", ")))
        })?;
        let migration = self.migrations.remove(at);
        for dialect in Dialect::ALL {
            let (sql, recorded) = migration.sql(dialect);
            let derived = file::renamed(sql, id, dialect).is_none();
            if sha256(sql) != recorded || (migration.entry.edited && derived) {
                return Err(Failure::Refused(format!(
                    "{} was edited by hand, and would be made anew without the edit\n  help: keep a copy, put the file back \
                     with `git checkout`, rebase, and make the edit again",
                    self.file(id, dialect)
                )));
            }
        }
        Ok(migration)
    }

    pub(super) fn remove_files(&self, id: &str) -> Result<(), Failure> {
        let path = self.path.join(id);
        fs::remove_dir_all(&path).map_err(|error| io(&path, "cannot be removed", &error))
    }

    /// A folder that the index does not name would never run, and nobody would notice.
    fn no_strangers(&self) -> Result<(), Failure> {
        let listing = match fs::read_dir(&self.path) {
            Ok(listing) => listing,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(io(&self.path, "cannot be read", &error)),
        };
        for item in listing {
            let item = item.map_err(|error| io(&self.path, "cannot be read", &error))?;
            let name = item.file_name().to_string_lossy().into_owned();
            let known = self.migrations.iter().any(|it| it.id == name);
            if item.path().is_dir() && !name.starts_with('.') && !known {
                return Err(Failure::Refused(format!(
                    "{} is not in the index, so it would never run\n  help: remove it, or put index.rs back with `git checkout`",
                    item.path().display()
                )));
            }
        }
        Ok(())
    }
}

fn stored(path: &Path, entry: Entry) -> Result<StoredMigration, Failure> {
    let read = |name: &str| {
        let file = path.join(&entry.id).join(name);
        fs::read_to_string(&file).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Failure::Refused(format!(
                "{} is in the index and not on disk\n  help: put it back with `git checkout`",
                file.display()
            )),
            _ => io(&file, "cannot be read", &error),
        })
    };
    let (postgres, mysql, json) = (read("postgres.sql")?, read("mysql.sql")?, read("snapshot.json")?);
    let file = path.join(&entry.id).join("snapshot.json").display().to_string();
    let snapshot = snapshot::read(&file, &json).map_err(Failure::Refused)?;
    Ok(StoredMigration { id: entry.id.clone(), snapshot, postgres, mysql, entry })
}

/// All or nothing: a file beside it, then a rename.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let making = path.with_extension("tmp");
    fs::write(&making, text).map_err(|error| io(&making, "cannot be written", &error))?;
    fs::rename(&making, path).map_err(|error| io(path, "cannot be written", &error))
}

fn io(path: &Path, what: &str, error: &std::io::Error) -> Failure {
    Failure::Io(format!("{} {what}: {error}", path.display()))
}
