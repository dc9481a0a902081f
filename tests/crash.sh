#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: what O_DSYNC, fsync and -o sync said is durable is there after a power cut at that moment
# LOWERS: xfs ext4
# TIME: 30
. "${0%/*}/lib.sh"

FILE=$MNT/file
declare -A promised # what must be read, by point
points=()

# run OPERATION...: in one process; what they gave, on one line
run() {
	io -o "create${FLAGS:+,$FLAGS}" "$FILE" "$@" | paste -sd' '
}

# point NAME READ...: should the power fail now, this must be there afterwards,
# and all that an earlier point has
point() {
	points+=("$1")
	promised[$1]="${*:2}"
	dmsetup message wtfs 0 mark "$1"
}

# cut POINT: a drive that lost then what was in its cache, with the lower on it.
# Mounting changes that, so there is a snapshot in between.
cut() {
	local name wanted=() got cow

	note "up to '$1': $(replaylog "$LOG" "$BASE" "$1" ${before:+"$before"}) writes and flushes"
	before=$1
	cow=$(null_blk cow 64)
	dmsetup create cut --table "0 $DISK_SECTORS snapshot $BASE $cow N 8"
	dmsetup mknodes
	# XFS minds that another one with its UUID is mounted
	mount -t "$LOWERFS" -o "$([ "$LOWERFS" = xfs ] && echo nouuid || echo rw)" \
		/dev/mapper/cut "$T/cut"
	for name in "${points[@]}"; do
		read -ra wanted <<<"${promised[$name]}"
		got=$(io -o ro "$T/cut/file" "${wanted[@]}" | sort -u) || true
		assert_eq "$got" same "what '$name' had written, after a power cut after '$1'"
		[ "$name" != "$1" ] || break
	done
	umount "$T/cut"
	dmsetup remove cut
	null_blk_remove cow
}

modprobe -a dm_log_writes dm_snapshot
teardown
DISK=$(null_blk nullb0 320)
BASE=$(null_blk base 320)
LOG=$(null_blk log 300)
DISK_SECTORS=$(blockdev --getsz "$DISK")
make_fs "$DISK"
dd if="$DISK" of="$BASE" bs=1M conv=sparse status=none
dmsetup create wtfs --table "0 $DISK_SECTORS log-writes $DISK $LOG"
dmsetup mknodes
DEV=/dev/mapper/wtfs
mount_lower
# shellcheck disable=SC2119
load_wtfs
mount_wtfs

assert_eq "$(run write:0:1048576:A fsync)" "1048576 ok" "writing the file"
point fsync read:200000:90000:A read:1000000:48576:A
assert_eq "$(run write:100000:65536:B:dsync write:300001:100:C:dsync write:300001:1:D:sync)" \
	"65536 100 1" "overwriting"
point dsync read:100000:65536:B read:300002:99:C read:300001:1:D
assert_eq "$(FLAGS=append,dsync run write:0:5000:E write:0:300:E)" "5000 300" "appending"
point append read:1048576:5300:E
assert_eq "$(run truncate:4194304 write:3000000:10000:F:dsync)" "ok 10000" "writing into a hole"
point hole read:3000000:10000:F
assert_eq "$(run allocate:2097152:100000 write:2100000:5000:G:dsync)" "ok 5000" "preallocated"
point allocated read:2100000:5000:G
assert_eq "$(run store:500001:5000:H msync:500001:5000)" "ok ok" "storing"
point msync read:500001:5000:H
for engine in uring libaio; do
	async depth "$FILE" 10 4096 8192 I $engine dsync >/dev/null
	point $engine read:0:4096:I read:73728:4096:I
done
mount -o remount,sync "$MNT"
assert_eq "$(run write:600000:70000:J write:4194300:100:J)" "70000 100" "writing with -o sync"
point mount-sync read:600000:70000:J read:4194300:100:J

mkdir "$T/cut"
before=""
for name in "${points[@]}"; do
	cut "$name"
done
