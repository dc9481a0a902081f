#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: the counters of a mount count what was done, the tracepoints tell it, and both end with the mount
# LOWERS: xfs ext4
# KERNELS: 6.1/xfs
. "${0%/*}/lib.sh"

TRACE=/sys/kernel/tracing

# counters [MOUNTPOINT]: its directory
counters() {
	echo "/sys/fs/wtfs/$(mountpoint -d "${1:-$MNT}")"
}

# rose NAME BY COMMAND...: the counter is larger by BY after it
rose() {
	local name=$1 by=$2 before

	before=$(<"$dir/$name")
	shift 2
	"$@" >"$T/said"
	assert_eq "$(($(<"$dir/$name") - before))" "$by" "how much $name rose with: $*"
}

fresh
dir=$(counters)
io -o create "$MNT/file" write:0:1048576:A >/dev/null

note "write-throughs"
rose through_writes 1 io "$MNT/file" write:0:4096:B
rose through_writes 3 io "$MNT/file" write:0:100:B write:5000:100:B write:4000:5000:B
rose through_bytes 5200 io "$MNT/file" write:0:100:B write:5000:100:B write:4000:5000:B
rose lower_direct 1 io "$MNT/file" write:8192:4096:B
rose lower_buffered 0 io "$MNT/file" write:8192:4096:B
rose lower_dsync 1 io "$MNT/file" write:8192:4096:B:dsync
rose lower_dsync 0 io "$MNT/file" write:8192:4096:B
rose lower_buffered 1 io -o create "$MNT/new" write:0:100:B
rose through_writes 0 io "$MNT/file" read:0:100:B
assert_eq "$(<"$dir/through_in_flight")" 0 "write-throughs in flight"
assert_eq "$(<"$dir/through_errors")" 0 "errors"

note "mapped stores"
io -o create "$MNT/page" write:0:4096:B >"$T/said"
rose mkclean_dirty 1 io "$MNT/page" store:20:1:C write:50:10:D
rose mkclean_dirty 0 io "$MNT/page" write:50:10:D
rose writeback_writes 1 io "$MNT/file" store:40000:1:C fsync
before=$(<"$dir/writeback_bytes")
io "$MNT/file" store:40000:1:C fsync >"$T/said"
# a folio is written whole, however large it is
assert_ge "$(($(<"$dir/writeback_bytes") - before))" 4096 "how much writeback_bytes rose with a store"
assert_eq "$(<"$dir/writeback_in_flight")" 0 "write-back in flight"

note "every file holds one line, and none can be written"
for file in "$dir"/*; do
	assert_eq "$(wc -l <"$file")" 1 "the lines of $file"
	assert_eq "$(stat -c %a "$file")" 444 "the mode of $file"
done
assert_eq "$(wc -w <"$dir/write_wait_hist")" 24 "the buckets of write_wait_hist"

note "tracepoints"
echo >$TRACE/trace
echo 1 >$TRACE/events/wtfs/enable
io "$MNT/file" write:8192:4096:B >/dev/null
echo 0 >$TRACE/events/wtfs/enable
ino=$(stat -c %i "$MNT/file")
for event in write_start submit complete; do
	grep -q "$event: dev $(mountpoint -d "$MNT") ino $ino pos 8192 len 4096" $TRACE/trace ||
		fail "no event $event: $(cat $TRACE/trace)"
done

note "two mounts count for themselves"
umount_wtfs
mkdir "$T/other" "$LOWER/this" "$LOWER/that"
cp "$LOWER/file" "$LOWER/that/file"
mount -t wtfs "$LOWER/this" "$MNT"
mount -t wtfs "$LOWER/that" "$T/other"
dir=$(counters)
other=$(counters "$T/other")
assert_ne "$other" "$dir" "the directory of the second mount"
assert_eq "$(<"$other/through_writes")" 0 "its write-throughs"
rose through_writes 0 io "$T/other/file" write:0:100:E
assert_eq "$(<"$other/through_writes")" 1 "its write-throughs after one"
umount "$T/other"
[ ! -e "$other" ] || fail "the directory outlives its mount"
umount_wtfs
mount_wtfs
dir=$(counters)

note "somebody who reads while it is unmounted"
(while cat "$dir"/* >/dev/null 2>&1; do :; done) &
exec 5<"$dir/through_bytes"
for _ in 1 2 3 4 5; do
	umount_wtfs
	mount_wtfs
done
umount_wtfs
if read -r line <&5 2>/dev/null; then fail "a counter of a mount that is gone says $line"; fi
exec 5<&-
[ ! -e "$dir" ] || fail "the directory outlives its mount"
unload_wtfs
[ ! -e /sys/fs/wtfs ] || fail "/sys/fs/wtfs outlives the module"
