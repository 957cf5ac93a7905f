//! What ends our servers when this process cannot: a child that waits on a pipe.
//!
//! The pipe closes whenever this process ends: at the end of `main`, on a panic, on Ctrl-C
//! and on `kill -9`. The child is in a process group of its own, so that Ctrl-C in a
//! terminal does not reach it first.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

/// A promise that `script` runs once: when this is dropped or when the process dies.
#[derive(Debug)]
pub(super) struct Warden {
    child: Child,
}

impl Warden {
    /// `script` is shell text; `args` are its `$1`, `$2` and so on.
    pub(super) fn new(script: &str, args: &[&str]) -> std::io::Result<Self> {
        let child = Command::new("sh")
            .arg("-c")
            // any line is the message that everything is done already
            .arg(format!("read -r line && exit 0\n{script}"))
            .arg("pontoon-warden")
            .args(args)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { child })
    }

    /// Takes the promise back.
    pub(super) fn dismiss(mut self) {
        if let Some(mut pipe) = self.child.stdin.take() {
            let _ = pipe.write_all(b"done\n");
        }
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(act: impl FnOnce(Warden)) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark with a space");
        act(Warden::new("touch \"$1\"", &[mark.to_str().unwrap()]).unwrap());
        mark.exists()
    }

    #[test]
    fn the_script_runs_when_the_warden_is_dropped_and_not_when_it_is_dismissed() {
        assert!(after(drop));
        assert!(!after(Warden::dismiss));
    }
}
