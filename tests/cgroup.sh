#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: what a work item writes is charged to whose it is, so that io.max holds, and holds up nobody else: the submitter of a write, who stored through a mapping
# LOWERS: xfs ext4
# PROCESSORS: 2
# KERNELS: 6.1/xfs
. "${0%/*}/lib.sh"

ROOT=/sys/fs/cgroup
TENANTS=$ROOT/tenants
LEN=65536
COUNT=32
# stores, each so far from the next one that it is a request of its own; more than
# the workers that a workqueue has
STORES=1200
APART=$((512 << 10))
MIB=1048576

grep -qw io $ROOT/cgroup.controllers || skip "the kernel does not account I/O by cgroup"
echo +io +memory >$ROOT/cgroup.subtree_control
fresh
HERE=$ROOT$(sed -n 's/^0:://p' /proc/self/cgroup)
NUMBER=$(cat "/sys/block/$(basename "$DEV")/dev")
COUNTERS=/sys/fs/wtfs/$(mountpoint -d "$MNT")

# written [CGROUP]: bytes that it, or this one, has written to the device, in $REPLY
written() {
	local line bytes=0

	while read -r line; do
		[[ $line != "$NUMBER "*wbytes=* ]] || bytes=${line#*wbytes=}
	done <"${1:-$HERE}/io.stat"
	REPLY=${bytes%% *}
}

# tenant NAME COMMAND...: in a cgroup of its own
tenant() {
	(echo $BASHPID >"$TENANTS/$1/cgroup.procs" && exec "${@:2}")
}

# let_go: who waits for a throttled device can't be killed, nor its filesystem unmounted
let_go() {
	[ -d "$TENANTS" ] || return 0
	echo "$NUMBER wiops=max" >"$TENANTS/slow/io.max"
	echo 1 >"$TENANTS/cgroup.kill"
	wait
	rmdir "$TENANTS"/*/ "$TENANTS" || true
}

note "io_uring writes into holes, which the lower gives up rather than block"
truncate -s 64M "$MNT/sparse"
# the first write looks for privileges to remove, which is nothing to be done at once
xfs_io -c "pwrite -q 40m 4k" "$MNT/sparse"
sync
written
before=$REPLY
async depth "$MNT/sparse" $COUNT $LEN $MIB A uring
written
note "written in our name: $((REPLY - before)) bytes"
assert_ge $((REPLY - before)) $((COUNT * LEN)) "bytes that are accounted to the writer"

# store DIR: into a file there; bytes that are accounted to us when a flusher writes
# it, in $REPLY
store() {
	local before

	io -o create "$1/file" "write:0:4194304:A" fsync >/dev/null
	written
	before=$REPLY
	assert_eq "$(io "$1/file" "store:0:4194304:S")" ok "storing through a mapping in $1"
	sync
	written
	REPLY=$((REPLY - before))
}

note "stores through a mapping"
store "$LOWER"
plain=$REPLY
store "$MNT"
note "written in our name: $plain bytes of the plain lower, $REPLY of wtfs"
assert_ge "$plain" 4194304 "bytes that are accounted to who stored, on the plain lower"
assert_ge "$REPLY" 4194304 "bytes that are accounted to who stored"

mkdir -p "$TENANTS"
echo +io +memory >"$TENANTS/cgroup.subtree_control"
mkdir -p "$TENANTS"/{slow,other,gone}
trap let_go EXIT

note "a file that another cgroup has opened for writing"
exec {opened}<>"$MNT/opened"
written
before=$REPLY
tenant other io "$MNT/opened" truncate:$MIB store:0:$MIB:S >/dev/null
sync -f "$MNT"
written "$TENANTS/other"
assert_ge "$REPLY" $MIB "bytes that are accounted to who stored"
other=$REPLY
written
assert_lt $((REPLY - before)) $MIB "bytes that are accounted to who opened the file"
exec {opened}>&-

note "stores that another cgroup syncs"
tenant other io "$MNT/opened" store:0:$MIB:F >/dev/null
written
before=$REPLY
assert_eq "$(io "$MNT/opened" fsync)" ok "fsync"
written "$TENANTS/other"
assert_ge $((REPLY - other)) $MIB "bytes that are accounted to who stored"
written
assert_lt $((REPLY - before)) $MIB "bytes that are accounted to who syncs"

# are_freed: the removed cgroups below $TENANTS
are_freed() {
	[[ $(<"$TENANTS/cgroup.stat") =~ nr_dying_descendants\ 0($|[[:space:]]) ]]
}

note "a cgroup is removed that has written to a file"
# whatever else a program causes to be read or allocated is there before
io -o create "$LOWER/kept" write:0:4096:A fsync >/dev/null
io "$MNT/sparse" write:0:4096:B >/dev/null
# the inode stays
exec {kept}<"$MNT/kept"
tenant gone io "$MNT/kept" write:0:4096:B >/dev/null
sync
# pages keep it, too
echo 1 >/proc/sys/vm/drop_caches
rmdir "$TENANTS/gone"
wait_until 20 are_freed || fail "the file keeps the removed cgroup: $(<"$TENANTS/cgroup.stat")"
exec {kept}<&-

# are_waiting: nearly all of the stores, for the throttled device
are_waiting() {
	[ "$(<"$COUNTERS/writeback_in_flight")" -ge $((STORES - 100)) ]
}

has_ended() {
	[ ! -d "/proc/$1" ] || [[ $(<"/proc/$1/stat") == *") Z "* ]]
} 2>/dev/null

note "write-back of a throttled cgroup, and asynchronous writes beside it"
stores=()
for ((i = 0; i < STORES; i++)); do
	stores+=(store:$((i * APART)):1:S)
done
truncate -s $((STORES * APART)) "$MNT/scattered"
io -o create "$MNT/holes" truncate:$((64 * MIB)) write:$((40 * MIB)):4096:A >/dev/null
tenant slow io "$MNT/scattered" "${stores[@]}" >/dev/null
# before something else writes them, at full speed
echo "$NUMBER wiops=2" >"$TENANTS/slow/io.max"
sync -f "$MNT" &
flush=$!
wait_until 20 are_waiting || fail "only $(<"$COUNTERS/writeback_in_flight") of the stores are being written"
tenant other async depth "$MNT/holes" 8 $LEN $MIB B uring >/dev/null &
writer=$!
wait_until 20 has_ended $writer || fail "a throttled cgroup holds up the writes of another one"
wait $writer || fail "the asynchronous writes"
are_waiting || fail "the stores have been written: the cgroup was not throttled"
echo "$NUMBER wiops=max" >"$TENANTS/slow/io.max"
wait $flush
written "$TENANTS/slow"
assert_ge "$REPLY" $((STORES * 4096)) "bytes that are accounted to who stored"

rmdir "$TENANTS"/*/ "$TENANTS"
echo -io -memory >$ROOT/cgroup.subtree_control
