#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: with a device that takes 50 ms, who waits for a folio in flight, who doesn't, and that it is counted
# LOWERS: xfs ext4
# PROCESSORS: 2
# TIMEOUT: 200
. "${0%/*}/lib.sh"

# wait_of CASE [ROUNDS]: how long it waits, us
wait_of() {
	stablewait "$MNT/file" "$1" "${2:-10}"
}

# waits_not CASE [ROUNDS], waits CASE: the median
waits_not() {
	local us

	us=$(wait_of "$1" "${2:-10}")
	note "$mode: $1: $us us"
	assert_lt "$us" 5000 "$mode: how long $1 waits, us"
}

waits() {
	local us

	us=$(wait_of "$1")
	note "$mode: $1: $us us"
	assert_gt "$us" 20000 "$mode: how long $1 waits, us"
}

# counted NAME BY COMMAND...: the counter has risen by about BY after it
counted() {
	local file before rise name=$1 by=$2

	file=/sys/fs/wtfs/$(mountpoint -d "$MNT")/$1
	before=$(<"$file")
	shift 2
	"$@"
	rise=$(($(<"$file") - before))
	if [ "$by" = 0 ]; then
		assert_eq "$rise" 0 "$mode: how much $name rose with: $*"
	else
		assert_ge "$rise" "$by" "$mode: how much $name rose with: $*"
	fi
}

# what is so in both modes
in_both() {
	counted store_waits 8 counted store_wait_ns 200000000 waits store-through
	counted store_waits 0 waits_not store-apart
	waits store-unmapped
	waits_not load-busy
	us=$(wait_of writes)
	note "$mode: writes: $us us"
	assert_lt "$us" 100000 "$mode: the time of eight writes at once, us"
}

fresh --check delay_us=0
dd if=/dev/zero of="$MNT/file" bs=1M count=1 status=none
sync
blkcheck_set delay_us 50000

mode=stable=folio
counted store_waits 0 waits_not store-busy 50
counted store_waits 0 waits_not store-beside
in_both
mount -o remount,writeback "$MNT"
counted write_waits 0 waits_not write-busy 50

mode=stable=mapping
mount -o remount,writethrough,stable=mapping "$MNT"
counted store_waits 8 waits store-busy
in_both
mount -o remount,writeback "$MNT"
counted write_waits 8 waits write-busy
blkcheck_set delay_us 0
