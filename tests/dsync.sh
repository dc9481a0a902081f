#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: an O_DSYNC write survives a power cut on a drive with a volatile cache, a plain one asks for no flush
# LOWERS: xfs ext4
# LOG: I/O error|EXT4-fs|XFS|JBD2|Aborting journal|wtfs.*error
# Seen failing: (to be recorded)
. "${0%/*}/lib.sh"

# The device keeps what is written in a cache of its own, until a flush or FUA;
# switched off and on, it has lost the cache.
power_cut() {
	echo 0 >"$NULLB/nullb0/power"
	# what is mounted ends with the device
	[ ! -d "$MNT/." ] || ! is_mounted "$MNT" || umount "$MNT"
	! is_mounted "$LOWER" || umount "$LOWER"
	echo 1 >"$NULLB/nullb0/power"
	[ -b "$DEV" ] || fail "the device came back under another name"
}

# run OPERATION...: in one process; what they gave, on one line
run() {
	io -o "create${FLAGS:+,$FLAGS}" -l "$LOWER/file" -d "$DEV" "$MNT/file" "$@" | paste -sd' '
}

# raw_byte: the first byte of the device's last MiB
raw_byte() {
	dd if="$DEV" bs=4096 skip=$((599 * 256)) count=1 iflag=direct status=none | head -c 1
}

fresh --blk cache_size=64 --no-wtfs
umount "$LOWER"

note "does the device lose what nobody flushed?"
head -c 4096 /dev/zero | tr '\0' a >"$T/a"
head -c 4096 /dev/zero | tr '\0' b >"$T/b"
dd if="$T/a" of="$DEV" bs=4096 seek=$((599 * 256)) oflag=direct conv=fsync status=none
dd if="$T/b" of="$DEV" bs=4096 seek=$((599 * 256)) oflag=direct status=none
assert_eq "$(raw_byte)" b "what was written"
power_cut
assert_eq "$(raw_byte)" a "what was written and not flushed, after a power cut"

make_fs "$DEV"
mount_lower
mount_wtfs
assert_eq "$(run write:0:4194304:A fsync)" "4194304 ok" "writing the file"

note "200 plain writes ask for no flush"
sync
before=$(dev_flushes)
ops=()
for i in {0..199}; do ops+=("write:$((i * 4096)):4096:B"); done
run "${ops[@]}" >/dev/null
# the journal may commit meanwhile, on its own
assert_lt $(($(dev_flushes) - before)) 20 "flushes for 200 plain writes"
assert_eq "$(run dev:0:819200:B)" same "what they wrote"

note "O_DSYNC, RWF_DSYNC, O_SYNC: inside the file, small and large, and beyond its end"
assert_eq "$(FLAGS=dsync run write:1048576:65536:C dev:1048576:65536:C)" "65536 same" "O_DSYNC"
assert_eq "$(run write:2097152:4096:D:dsync dev:2097152:4096:D)" "4096 same" "RWF_DSYNC"
assert_eq "$(run write:2101248:100:E:dsync dev:2101248:100:E)" "100 same" "RWF_DSYNC of 100 bytes"
assert_eq "$(FLAGS=sync run write:3145728:8192:F)" 8192 "O_SYNC"
assert_eq "$(FLAGS=dsync,append run write:4194304:5000:G)" 5000 "an O_DSYNC append"
assert_eq "$(run write:5000000:3000:H:dsync)" 3000 "RWF_DSYNC beyond the end"
power_cut
mount_lower
mount_wtfs
assert_eq "$(run size read:1048576:65536:C read:2097152:4096:D read:2101248:100:E \
	read:3145728:8192:F read:4194304:5000:G read:5000000:3000:H)" \
	"5003000 same same same same same same" "after a power cut"

note "each write of a mount with -o sync"
umount_wtfs
mount_wtfs sync
assert_eq "$(run write:0:100:I write:6000000:70000:J)" "100 70000" "plain writes"
power_cut
mount_lower
mount_wtfs
assert_eq "$(run size read:0:100:I read:6000000:70000:J)" "6070000 same same" "after a power cut"

note "fsync after plain writes and mapped stores"
assert_eq "$(run write:8192:100:K store:20000:100:L fsync)" "100 ok ok" "writes"
power_cut
mount_lower
mount_wtfs
assert_eq "$(run read:8192:100:K read:20000:100:L)" "same same" "after a power cut"
