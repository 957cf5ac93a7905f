//! What this process takes of its machine. Linux alone tells.

use std::fs;

/// Its resident memory, in bytes.
pub(super) fn resident() -> Result<f64, String> {
    let status = read("/proc/self/status")?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:")).ok_or("/proc/self/status has no VmRSS")?;
    let kilobytes = line.trim().trim_end_matches(" kB").parse::<f64>().map_err(|error| format!("VmRSS: {error}"))?;
    Ok(kilobytes * 1_024.0)
}

/// The processor's seconds that all its threads have had, in the kernel too (proc(5): in ticks, a hundred a second).
pub(super) fn processor_seconds() -> Result<f64, String> {
    let stat = read("/proc/self/stat")?;
    // `pid (name) state ...`, and a name may hold anything
    let fields: Vec<_> = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let ticks = |at: usize| fields.get(at).and_then(|it: &&str| it.parse::<f64>().ok());
    match (ticks(11), ticks(12)) {
        (Some(user), Some(system)) => Ok((user + system) / 100.0),
        _ => Err("/proc/self/stat has no times".into()),
    }
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}
