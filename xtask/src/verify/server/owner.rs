//! Whose a container or a folder is, and removing what dead processes of ours left behind
//! (when their wardens were killed too, or the machine lost its power).

use std::path::Path;
use std::process::Command;

use tokio::sync::OnceCell;

/// Folders of servers begin so, in the folder for temporary files.
pub(super) const FOLDER_PREFIX: &str = "pontoon-server-";
/// The file in such a folder that names its owner.
pub(super) const OWNER_FILE: &str = "owner";
/// The file in such a folder that names the server's process.
pub(super) const PID_FILE: &str = "pid";

/// This process, told apart from those of other machines, other boots and other containers.
pub(super) fn me() -> String {
    format!("{} {}", place(), std::process::id())
}

/// Whether `owner` was a process in this very place and is no more.
pub(super) fn is_dead(owner: &str) -> bool {
    let Some((place_of, pid)) = owner.trim().rsplit_once(' ') else { return false };
    place_of == place() && pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists()
}

/// The machine's boot and the process namespace; empty where there is no such thing.
fn place() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{} {}", boot.trim(), namespace.display())
}

/// Removes what dead processes left, once a process. Never fails: the next run tries again.
pub(super) async fn sweep_once() {
    static SWEPT: OnceCell<()> = OnceCell::const_new();
    SWEPT
        .get_or_init(|| async {
            if Path::new("/proc/self/ns/pid").exists() {
                let _ = tokio::task::spawn_blocking(sweep_folders).await;
                super::container::sweep().await;
            }
        })
        .await;
}

fn sweep_folders() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(FOLDER_PREFIX) {
            sweep_folder(&entry.path());
        }
    }
}

fn sweep_folder(folder: &Path) {
    let owner = std::fs::read_to_string(folder.join(OWNER_FILE)).unwrap_or_default();
    if !is_dead(&owner) {
        return;
    }
    if let Ok(pid) = std::fs::read_to_string(folder.join(PID_FILE))
        && serves_from(pid.trim(), folder)
        && !Command::new("sh").args(["-c", "kill -9 \"$1\"", "sh", pid.trim()]).status().is_ok_and(|s| s.success())
        && serves_from(pid.trim(), folder)
    {
        // Its folder is all that tells the next run of it.
        return;
    }
    let _ = std::fs::remove_dir_all(folder);
}

/// Whether a process works in a folder. Its number alone proves nothing: numbers are used again.
fn serves_from(pid: &str, folder: &Path) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline"))
        .is_ok_and(|line| String::from_utf8_lossy(&line).contains(&*folder.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_process_left_is_removed_with_its_server() {
        // Not named as a server's folder: another process that sweeps must not come in between.
        let folder = tempfile::tempdir().unwrap().keep();
        let mut server = Command::new("sh").args(["-c", "sleep 60; :"]).arg(&folder).spawn().unwrap();
        let pid = server.id().to_string();
        // A child is running before the kernel has its arguments to show.
        while !serves_from(&pid, &folder) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        std::fs::write(folder.join(PID_FILE), pid).unwrap();
        std::fs::write(folder.join(OWNER_FILE), me()).unwrap();
        sweep_folder(&folder);
        assert!(folder.exists() && server.try_wait().unwrap().is_none(), "its owner lives");

        std::fs::write(folder.join(OWNER_FILE), format!("{} 999999999", place())).unwrap();
        sweep_folder(&folder);
        assert!(!folder.exists());
        assert!(!server.wait().unwrap().success());
    }

    #[test]
    fn only_a_dead_process_of_this_place_is_dead() {
        assert!(!is_dead(&me()));
        assert!(is_dead(&format!("{} 999999999", place())));
        assert!(!is_dead("another-boot pid:[1] 999999999"));
        assert!(!is_dead(""));
    }
}
