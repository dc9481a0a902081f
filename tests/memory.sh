#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: in a small memcg, with folios dropped and moved all the time, nothing is lost, hangs or gets killed
# LOWERS: xfs ext4
# KERNELS: 6.1/xfs 6.12/xfs
# PROCESSORS: 2
# TIME: 30
# TIMEOUT: 240
. "${0%/*}/lib.sh"

CG=/sys/fs/cgroup/small
LIMIT_MIB=24

# in_small COMMAND...: with so little memory, page cache included
in_small() {
	bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$CG" "$@"
}

event() {
	awk -v name="$1" '$1 == name { print $2 }' "$CG/memory.events"
}

# disturb: what takes folios away, and what moves them
disturb() {
	while [ -e "$T/disturb" ]; do
		echo 1 >/proc/sys/vm/drop_caches
		echo 1 >/proc/sys/vm/compact_memory
		sleep 3
	done
}

[ -e /sys/fs/cgroup/cgroup.controllers ] || skip "no cgroup v2 here"
fresh
cat >"$T/jobs" <<END
[global]
directory=$MNT
filename_format=\$jobname
size=$(rounds 4m 2m 64m)
verify=crc32c
verify_fatal=1
randseed=$SEED
thread
fallocate=none
invalidate=0

[through]
ioengine=psync
rw=randwrite
bsrange=512-64k
bs_unaligned

[stores]
ioengine=mmap
rw=randwrite
bs=4k

[ring]
ioengine=io_uring
iodepth=16
rw=randwrite
bs=16k

[large]
ioengine=psync
rw=write
bs=1m
END

echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir "$CG"
echo "${LIMIT_MIB}M" >"$CG/memory.max"
touch "$T/disturb"
disturb &
in_small fio --output="$T/out" "$T/jobs" || {
	cat "$T/out"
	fail "fio"
}
rm "$T/disturb"
wait

assert_eq "$(event oom_kill)" 0 "tasks that were killed for want of memory"
assert_gt "$(event max)" 0 "times the memcg was full"
assert_gt "$(awk '$1 == "pgscan" { print $2 }' "$CG/memory.stat")" 1000 "pages that reclaim looked at"

note "asynchronous writes on a slow device, more than the memcg has room for"
dm_fresh
file=$MNT/file
truncate -s 64M "$file"
counter() { cat "/sys/fs/wtfs/$(mountpoint -d "$MNT")/$1"; }
in_flight() { [ "$(counter through_in_flight)" -ge "$1" ]; }
waited() { [ "$(counter async_waits)" -gt "$1" ]; }
limit=$(($(counter async_limit) >> 20))
assert_eq "$limit" 16 "MiB that a file may have in flight"
echo "48M" >"$CG/memory.max"
# the first write looks for privileges to remove
io "$file" write:0:4096:A >/dev/null
for engine in uring libaio; do
	waits=$(counter async_waits)
	dm_slow
	in_small async depth "$file" 64 $((1 << 20)) $((1 << 20)) B $engine >"$T/out" &
	writer=$!
	wait_until 30 in_flight $limit || fail "only $(counter through_in_flight) writes are in flight"
	wait_until 30 waited "$waits" || fail "none waits"
	assert_eq "$(counter through_in_flight)" $limit "$engine writes in flight"
	dm_switch
	wait $writer || fail "the writes of $engine: $(<"$T/out")"
	assert_eq "$(tail -n 1 "$T/out")" "done" "what the writer says"
done
dm_slow
async depth "$file" 64 $((1 << 20)) $((1 << 20)) C libaio nowait >"$T/out" &
writer=$!
wait_until 30 in_flight $limit || fail "only $(counter through_in_flight) writes are in flight"
wait_until 30 grep -q submitted "$T/out" || fail "a write waits that must not"
dm_switch
wait $writer
assert_eq "$(tail -n 1 "$T/out")" "refused $((64 - limit))" "writes with RWF_NOWAIT"
assert_eq "$(event oom_kill)" 0 "tasks that were killed for want of memory"
rmdir "$CG"
