#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: what a work item writes for an asynchronous write is the submitter's, so that io.max holds for it
# LOWERS: xfs ext4
# PROCESSORS: 2
. "${0%/*}/lib.sh"

ROOT=/sys/fs/cgroup
LEN=65536
COUNT=32

grep -qw io $ROOT/cgroup.controllers || skip "the kernel does not account I/O by cgroup"
echo +io >$ROOT/cgroup.subtree_control
fresh
HERE=$ROOT$(sed -n 's/^0:://p' /proc/self/cgroup)
NUMBER=$(cat "/sys/block/$(basename "$DEV")/dev")

# written: bytes that this cgroup has written to the device
written() {
	sed -n "s/^$NUMBER .*wbytes=\([0-9]*\).*/\1/p" "$HERE/io.stat" | grep . || echo 0
}

note "io_uring writes into holes, which the lower gives up rather than block"
truncate -s 64M "$MNT/sparse"
# the first write looks for privileges to remove, which is nothing to be done at once
xfs_io -c "pwrite -q 40m 4k" "$MNT/sparse"
sync
before=$(written)
async depth "$MNT/sparse" $COUNT $LEN 1048576 A uring
after=$(written)
note "written in our name: $((after - before)) bytes"
assert_ge $((after - before)) $((COUNT * LEN)) "bytes that are accounted to the writer"
echo -io >$ROOT/cgroup.subtree_control
