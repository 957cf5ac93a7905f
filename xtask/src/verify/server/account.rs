//! Whom a server runs as: us, or somebody without rights when we are root.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use pontoon::Dialect;

/// An account of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// Whom a server runs as that somebody starts who made `our_folder`; `None` for the same.
    /// Servers refuse to run as root.
    pub(super) fn for_server(our_folder: &Path, dialect: Dialect) -> io::Result<Option<Self>> {
        if fs::metadata(our_folder)?.uid() != 0 {
            return Ok(None);
        }
        let names = match dialect {
            Dialect::Postgres => ["postgres", "nobody"],
            Dialect::MySql => ["mysql", "nobody"],
        };
        let users = fs::read_to_string("/etc/passwd")?;
        Ok(names.iter().find_map(|name| named(&users, name)).or(Some(Self { uid: 65534, gid: 65534 })))
    }
}

fn named(users: &str, name: &str) -> Option<Account> {
    let mut fields = users.lines().map(|line| line.split(':')).find(|it| it.clone().next() == Some(name))?.skip(2);
    let mut number = || fields.next()?.parse().ok();
    Some(Account { uid: number()?, gid: number()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_name() {
        let users = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533::/nonexistent:/bin/false\n";
        assert_eq!(named(users, "nobody"), Some(Account { uid: 65534, gid: 65533 }));
        assert_eq!(named(users, "mysql"), None);
    }
}
