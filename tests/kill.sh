#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: kill -9 in the middle of asynchronous I/O leaves cache and device the same, and nothing behind
# LOWERS: xfs ext4
# PROCESSORS: 2
. "${0%/*}/lib.sh"

# killed ENGINE: somebody writes, and is killed with writes in flight
killed() {
	local writer

	dm_switch 0 $((DISK_SECTORS * 512)) "delay @ 0 @ 50"
	async flood "$MNT/file" "$1" $((SEED + n)) &
	writer=$!
	wait_until 60 dm_busy 16 || fail "nothing is in flight"
	sleep "0.$((RANDOM % 10))"
	kill -9 $writer
	wait $writer || [ $? = 137 ] || fail "the writer ended before it was killed"
}

modprobe dm_delay
dm_fresh
assert_eq "$(io -o create "$MNT/file" write:0:8388608:A fsync)" $'8388608\nok' "writing the file"
times=$(rounds 2 1 20)
for ((n = 1; n <= times; n++)); do
	for engine in uring libaio; do
		killed $engine
		if [ $((n % 2)) = 0 ]; then
			note "$engine: unmounted at once"
			# a ring is taken down by a worker, which has the file open
			wait_until 30 umount "$MNT" 2>/dev/null || fail "can't unmount"
			rmmod wtfs
			dm_switch
			load_wtfs
			mount_wtfs
		else
			note "$engine: read at once"
			cat "$MNT/file" >"$T/cached"
			dm_switch
			dd if="$LOWER/file" of="$T/below" bs=1M iflag=direct status=none
			assert_same "$T/cached" "$T/below" "what is cached, and what is on the device"
			wait_until 30 umount "$MNT" 2>/dev/null || fail "can't unmount"
			mount_wtfs
		fi
		dd if="$LOWER/file" of="$T/below" bs=1M iflag=direct status=none
		assert_same "$MNT/file" "$T/below" "a cold read, and what is on the device"
	done
done
