//! Which files are new or changed against a reference of Git.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The files below `folder` that are not in `reference`, or not as they are there; also those that nobody has added
/// yet. Each is its path below `folder`.
///
/// # Errors
/// There is no Git, the folder is in no repository, or nothing has that name there.
pub fn changed(folder: &Path, reference: &str) -> Result<BTreeSet<PathBuf>, String> {
    // a file given instead of a folder stands in one
    let folder = if folder.is_dir() { folder } else { folder.parent().unwrap_or(folder) };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if let Err(error) = git(folder, &["rev-parse", "--is-inside-work-tree"]) {
        return Err(format!("--since {reference}: {} is in no Git repository: {error}", folder.display()));
    }
    let commit = format!("{reference}^{{commit}}");
    // a name that begins with a dash is no option
    let known = git(folder, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]);
    let commit = known.map_err(|_| {
        let branch = reference.strip_prefix("origin/").unwrap_or(reference);
        format!(
            "--since {reference}: Git knows no such commit, branch or tag here; in a shallow clone fetch it first, \
             `git fetch --depth=1 origin {branch}`, and write `--since FETCH_HEAD`"
        )
    })?;
    let commit = String::from_utf8_lossy(&commit).trim().to_owned();
    let differ = git(folder, &["diff", "--name-only", "-z", "--no-renames", "--relative", &commit, "--", "."])
        .map_err(|error| format!("--since {reference}: {error}"))?;
    let strangers =
        git(folder, &["ls-files", "-z", "--others", "--", "."]).map_err(|it| format!("--since {reference}: {it}"))?;
    Ok(paths(&differ).chain(paths(&strangers)).collect())
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output();
    let output = output.map_err(|error| format!("git cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// Names with a zero byte behind each, so that none is quoted.
fn paths(output: &[u8]) -> impl Iterator<Item = PathBuf> {
    output.split(|it| *it == 0).filter(|it| !it.is_empty()).map(|it| {
        #[cfg(unix)]
        let name = <OsString as std::os::unix::ffi::OsStringExt>::from_vec(it.to_vec());
        #[cfg(not(unix))]
        let name = OsString::from(String::from_utf8_lossy(it).into_owned());
        PathBuf::from(name)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn run(folder: &Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"];
        git(folder, &[&identity, arguments].concat()).unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
    }

    #[test]
    fn new_changed_and_unknown_files_are_told_from_those_that_stayed() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("db/migrations");
        fs::create_dir_all(&folder).unwrap();
        run(root.path(), &["init", "--quiet"]);
        for name in ["1_stays.sql", "2_changes.sql"] {
            fs::write(folder.join(name), "SELECT 1;").unwrap();
        }
        fs::write(root.path().join("other.txt"), "1").unwrap();
        run(root.path(), &["add", "."]);
        run(root.path(), &["commit", "--quiet", "-m", "first"]);
        run(root.path(), &["tag", "base"]);
        fs::write(folder.join("2_changes.sql"), "SELECT 2;").unwrap();
        fs::write(folder.join("3_committed ä.sql"), "SELECT 3;").unwrap();
        fs::write(root.path().join("other.txt"), "2").unwrap();
        run(root.path(), &["add", "."]);
        run(root.path(), &["commit", "--quiet", "-m", "second"]);
        fs::write(folder.join("4_untracked.sql"), "SELECT 4;").unwrap();
        let names = ["2_changes.sql", "3_committed ä.sql", "4_untracked.sql"].map(PathBuf::from);
        assert_eq!(changed(&folder, "base").unwrap(), BTreeSet::from(names.clone()));
        assert_eq!(changed(&folder.join("1_stays.sql"), "base").unwrap(), BTreeSet::from(names));
        assert_eq!(changed(&folder, "HEAD").unwrap(), BTreeSet::from(["4_untracked.sql".into()]));

        let error = changed(&folder, "nowhere").unwrap_err();
        assert!(error.starts_with("--since nowhere: Git knows no such commit, branch or tag here"), "{error}");
        let error = changed(&folder, "origin/main").unwrap_err();
        assert!(error.ends_with("`git fetch --depth=1 origin main`, and write `--since FETCH_HEAD`"), "{error}");
        let error = changed(&folder, "--help").unwrap_err();
        assert!(error.contains("Git knows no such commit"), "{error}");
        let outside = tempfile::tempdir().unwrap();
        let error = changed(outside.path(), "base").unwrap_err();
        assert!(error.contains("is in no Git repository"), "{error}");
    }
}
