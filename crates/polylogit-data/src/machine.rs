//! What the machine has to spare for a table and its fit.

/// Bytes that this machine, or the control group that this process is confined to, has to spare; `None` where that is
/// not known.
pub fn spare_memory() -> Option<u64> {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    // Pages of files that the group has read are given back when it asks for memory: only the others count.
    let group = system.cgroup_limits().map(|group| group.total_memory.saturating_sub(group.rss));
    let machine = system.available_memory();
    Some(group.map_or(machine, |group| group.min(machine))).filter(|bytes| *bytes > 0)
}
