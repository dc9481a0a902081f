#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: wtfsstat shows what was done on a mount, and tells what a write there will do
# LOWERS: xfs ext4
# TIME: 15
. "${0%/*}/lib.sh"

# says STATUS TEXT COMMAND...: it ends with that status, and prints that text
says() {
	local wanted=$1 text=$2 status=0

	shift 2
	"$@" >"$T/said" 2>&1 || status=$?
	[ "$status" = "$wanted" ] || fail "status $status, not $wanted, of $*: $(<"$T/said")"
	grep -qF -- "$text" "$T/said" || fail "'$*' does not say '$text': $(<"$T/said")"
}

fresh
io -o create "$MNT/file" write:0:1048576:A >/dev/null

note "totals, JSON and Prometheus agree with the counters"
dir=/sys/fs/wtfs/$(mountpoint -d "$MNT")
io "$MNT/file" write:0:4096:B write:8192:4096:B:dsync >/dev/null
wtfsstat >"$T/totals"
grep -qE "^ +$(<"$dir/through_writes")  Write-throughs that are over" "$T/totals" ||
	fail "totals: $(<"$T/totals")"
wtfsstat -j >"$T/json"
assert_eq "$(jq -r .mount "$T/json")" "$MNT" "the mount"
assert_eq "$(jq -r .lower "$T/json")" "$LOWER" "the lower directory"
assert_eq "$(jq .through_bytes "$T/json")" "$(<"$dir/through_bytes")" "through_bytes"
assert_eq "$(jq '.write_wait_hist | length' "$T/json")" 24 "buckets"
for file in "$dir"/*; do
	jq -e --arg name "${file##*/}" 'has($name)' "$T/json" >/dev/null ||
		fail "${file##*/} is not in the JSON"
done
wtfsstat -p >"$T/metrics"
grep -qxF "wtfs_lower_dsync_writes_total{mountpoint=\"$MNT\",device=\"${dir##*/}\"} $(<"$dir/lower_dsync")" \
	"$T/metrics" || fail "metrics: $(<"$T/metrics")"
assert_eq "$(grep -c '^wtfs_write_wait_seconds_bucket' "$T/metrics")" 24 "buckets of a metric"
assert_eq "$(grep -c '^# TYPE' "$T/metrics")" "$(grep -c '^# HELP' "$T/metrics")" "metrics with a type"

note "an interval has what happened in it"
(while :; do io "$MNT/file" write:0:4096:B >/dev/null; done) &
writer=$!
wtfsstat -j "$MNT" 1 2 >"$T/json"
kill $writer
wait $writer 2>/dev/null || true
assert_eq "$(wc -l <"$T/json")" 2 "reports"
assert_gt "$(jq -s '.[1].through_writes' "$T/json")" 0 "writes in the second interval"
assert_lt "$(jq -s '.[1].through_writes' "$T/json")" "$(<"$dir/through_writes")" "of all that there were"
says 0 "$MNT" wtfsstat 0.1 1
says 0 "How long a write()" wtfsstat -w
says 3 "no wtfs is mounted on /nowhere" wtfsstat /nowhere
ln -s "$MNT" "$T/link"
says 0 "$MNT" wtfsstat "$T/link/"
says 3 "standard output" sh -c 'wtfsstat -p >/dev/full'

note "what a write will do"
says 0 "is on the device when it returns, written by direct I/O" wtfsstat -c "$MNT/file"
says 0 "has no volatile cache" wtfsstat -c "$MNT"
says 2 "This is no wtfs" wtfsstat -c "$LOWER/file"
says 3 "/nowhere" wtfsstat -c /nowhere
mount -o remount,io=buffered "$MNT"
says 1 "io=buffered" wtfsstat -c "$MNT/file"
mount -o remount,io=direct,writeback "$MNT"
says 2 "only O_DSYNC and O_SYNC writes go through" wtfsstat -c "$MNT/file"
mount -o remount,writeback,sync "$MNT"
says 0 "each write is made durable" wtfsstat -c "$MNT/file"
mount -o remount,writeback,ro "$MNT"
says 3 "mounted read-only" wtfsstat -c "$MNT/file"
mount -o remount,rw,writethrough,sync "$MNT"
says 0 "each write is made durable" wtfsstat -c "$MNT/file"

if [ "$LOWERFS" = ext4 ]; then
	note "files whose data is journalled, and a mount where all of it is"
	umount_wtfs
	umount "$LOWER"
	mount_lower nodelalloc
	mount_wtfs
	: >"$MNT/journalled"
	chattr +j "$MNT/journalled"
	says 1 "its data is journalled" wtfsstat -c "$MNT/journalled"
	says 0 "direct I/O" wtfsstat -c "$MNT/file"
	mkdir "$MNT/directory"
	chattr +j "$MNT/directory"
	says 1 "new files there is journalled" wtfsstat -c "$MNT/directory"
	umount_wtfs
	umount "$LOWER"
	mount_lower data=journal
	mount_wtfs
	says 1 "The lower filesystem journals data" wtfsstat -c "$MNT/file"
fi
umount_wtfs
says 3 "no wtfs is mounted" wtfsstat
