#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: a filesystem on a loop device on a wtfs file holds what is written to it, in little memory, and a loop device with direct I/O needs no worker of wtfs
# LOWERS: xfs ext4
# PROCESSORS: 2
# TIMEOUT: 240
. "${0%/*}/lib.sh"

CG=/sys/fs/cgroup/loop
TRACING=/sys/kernel/tracing
ON=$T/on

# in_small COMMAND...: with little memory, page cache included
in_small() {
	bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$CG" "$@"
}

event() {
	awk -v name="$1" '$1 == name { print $2 }' "$CG/memory.events"
}

# let go of the file, or nothing can be unmounted
detach() {
	! is_mounted "$ON" || umount "$ON"
	[ -z "${LOOP:-}" ] || losetup -d "$LOOP"
	LOOP=""
}

# queued: work items that wtfs has queued since they are traced
queued() {
	grep -c 'workqueue=wtfs ' $TRACING/trace || true
}

[ -e /sys/fs/cgroup/cgroup.controllers ] || skip "no cgroup v2 here"
[ -d $TRACING/events ] || mount -t tracefs none $TRACING
# with both of them dirty pages and their write-back are the cgroup's
echo +io +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir "$CG" "$ON"
echo 48M >"$CG/memory.max"
modprobe loop
trap detach EXIT
fresh
# 32 MiB, the same every time, and no two blocks of it alike: lines of 8 bytes
seq 1000000 5194303 >"$T/data"
for direct in on off; do
	note "direct I/O $direct"
	head -c 64M /dev/zero >"$MNT/image"
	LOOP=$(losetup --find --show --direct-io=$direct "$MNT/image")
	[ "$(losetup -nO DIO "$LOOP" | tr -d ' ')" = "$([ $direct = off ] || echo 1)" ] ||
		[ $direct = off ] || fail "the loop device has no direct I/O"
	mkfs.ext4 -q "$LOOP"
	mount "$LOOP" "$ON"
	echo >$TRACING/trace
	echo 1 >$TRACING/events/workqueue/workqueue_queue_work/enable
	in_small dd if="$T/data" of="$ON/file" bs=1M conv=fsync status=none
	echo 0 >$TRACING/events/workqueue/workqueue_queue_work/enable
	[ $direct = off ] || assert_eq "$(queued)" 0 "work items of wtfs"
	drop_caches
	in_small cmp "$T/data" "$ON/file" || fail "what was written is not what is read"
	umount "$ON"
	# the image is on the lower what it is on wtfs
	drop_caches
	e2fsck -fn "$LOOP" >"$T/fsck" 2>&1 || fail "e2fsck: $(tail -n 3 "$T/fsck")"
	assert_same "$MNT/image" "$LOWER/image" "the image"
	detach
done
assert_eq "$(event oom_kill)" 0 "tasks that were killed for want of memory"
assert_gt "$(event max)" 0 "times that the memory was not enough"
rmdir "$CG"
echo -io -memory >/sys/fs/cgroup/cgroup.subtree_control
