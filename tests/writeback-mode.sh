#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: with -o writeback, plain writes wait for fsync, and O_DSYNC writes don't
# LOWERS: xfs ext4
# KERNELS: 6.1/xfs
. "${0%/*}/lib.sh"

# run OPERATION...: in one process; what they gave, on one line
run() {
	io -o create${FLAGS:+,$FLAGS} -l "$LOWER/file" -d "$DEV" "$MNT/file" "$@" | paste -sd' '
}

# so that nobody else writes dirty pages back meanwhile
centisecs=$(cat /proc/sys/vm/dirty_writeback_centisecs)
trap 'echo $centisecs >/proc/sys/vm/dirty_writeback_centisecs' EXIT
# an hour; with 0 the flusher starts at once and finds us over our share
echo 360000 >/proc/sys/vm/dirty_writeback_centisecs

fresh --wtfs writeback
: >"$MNT/file"
assert_eq "$(run write:0:100000:A fsync dev:0:100000:A)" "100000 ok same" "write and fsync"

note "a plain write is not on the device until fsync"
assert_eq "$(run write:5000:8192:B read:5000:8192:B dev:5000:8192:A fsync dev:5000:8192:B)" \
	"8192 same same ok same" "an overwriting write"
assert_eq "$(run write:200000:8192:C size read:200000:8192:C fsync dev:200000:8192:C)" \
	"8192 208192 same ok same" "a write beyond the end"

note "an O_DSYNC write is"
assert_eq "$(run write:40000:5000:D:dsync dev:40000:5000:D)" "5000 same" "an RWF_DSYNC write"
assert_eq "$(FLAGS=dsync run write:50000:100:E dev:50000:100:E)" "100 same" "an O_DSYNC write"
assert_eq "$(FLAGS=sync run write:300000:100:F dev:300000:100:F)" "100 same" "an O_SYNC write"

note "what was dirty beside it is not lost"
assert_eq "$(run write:60000:10:G write:60020:10:H:dsync dev:60020:10:H read:60000:10:G fsync dev:60000:10:G)" \
	"10 10 same same ok same" "two writes to one folio"

note "sync, and caches dropped"
assert_eq "$(run write:70000:20000:I)" 20000 "a plain write"
drop_caches
assert_eq "$(run read:70000:20000:I dev:70000:20000:I)" "same same" "the file"

note "to writethrough, with dirty pages, and back"
assert_eq "$(run write:0:3000:J)" 3000 "a plain write"
mount -o remount,writethrough "$MNT"
assert_eq "$(run write:4096:3000:K dev:4096:3000:K read:0:3000:J fsync dev:0:3000:J)" \
	"3000 same same ok same" "a write after the remount"
mount -o remount,writeback "$MNT"
assert_eq "$(run write:4096:3000:L dev:4096:3000:K fsync dev:4096:3000:L)" \
	"3000 same ok same" "a write after the second remount"

note "unmounting writes what is dirty"
assert_eq "$(run write:4096:3000:M)" 3000 "a plain write"
umount_wtfs
mount_wtfs
assert_eq "$(run dev:4096:3000:M read:4096:3000:M)" "same same" "the file after mounting again"

note "a write that leaps over the end of the lower file leaves nothing in the lower's cache"
# the file's end is on the device, and then it is 40,000 bytes longer, dirty
assert_eq "$(FLAGS=trunc run write:0:10000:N fsync write:30000:20000:O write:40960:4096:P:dsync dev:40960:4096:P)" \
	"10000 ok 20000 4096 same" "an O_DSYNC write behind the lower's end"
assert_eq "$(lower_cached_pages "$LOWER/file")" 0 "pages in the lower's cache after it"
assert_eq "$(FLAGS=trunc run write:0:10000:N fsync write:30000:20000:O)" "10000 ok 20000" "a longer file"
xfs_io -c "sync_range -w 40960 4096" -c "sync_range -a 40960 4096" "$MNT/file"
assert_eq "$(run dev:40960:4096:O)" same "a page that was written back behind the lower's end"
assert_eq "$(lower_cached_pages "$LOWER/file")" 0 "pages in the lower's cache after write-back"
assert_eq "$(run fsync read:0:10000:N dev:30000:20000:O)" "ok same same" "all of the file"
async depth "$MNT/file" 1 4096 0 Q uring dsync >"$T/out"
