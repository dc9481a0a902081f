#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: what administrators do: give the source by a descriptor, grow, fail to remount
# LOWERS: xfs ext4
# LOG: wtfs: |Multiple sources|[Ss]hut ?down|I/O [Ee]rror|EXT4-fs
. "${0%/*}/lib.sh"

# source_of MOUNTPOINT
source_of() {
	awk -v m="$1" '$2 == m && $3 == "wtfs" { o = $1 } END { print o }' /proc/mounts
}

# mib DIR: the size of the filesystem
mib() {
	df -m --output=size "$1" | tail -n 1 | tr -d ' '
}

# half_used: LOWERFS on half of the device
half_used() {
	teardown
	DEV=$(null_blk nullb0 600)
	case $LOWERFS in
	xfs) make_fs "$DEV" -d size=304m ;;
	ext4) mkfs.ext4 -q -F -E nodiscard "$DEV" 304M ;;
	esac
	mount_lower
}

half_used
load_wtfs
echo text >"$LOWER/file"
mkdir -p "$LOWER/sub"
echo sub >"$LOWER/sub/file"

note "the source by a descriptor, by a path from one, by a string"
for how in fd path string; do
	ok fsmount $how "$LOWER/sub" "$MNT" io=direct
	assert_eq "$(source_of "$MNT")" "$LOWER/sub" "the source, by $how"
	assert_eq "$(cat "$MNT/file")" sub "a file, by $how"
	umount_wtfs
done
for how in fd path; do
	if fsmount $how "$LOWER/file" "$MNT" >"$T/said"; then fail "mounted a file, by $how"; fi
	grep -q "not a directory" "$T/said" || fail "a file, by $how: $(cat "$T/said")"
done
if fsmount path "$LOWER/nothing" "$MNT" >"$T/said"; then fail "mounted what is not there"; fi
if fsmount both "$LOWER" "$MNT" >"$T/said"; then fail "mounted two sources"; fi
grep -q "Multiple sources" "$T/said" || fail "two sources: $(cat "$T/said")"

note "growing, over itself: what README says works"
ok mount -t wtfs "$LOWER" "$LOWER"
echo before >"$LOWER/new"
assert_lt "$(mib "$LOWER")" 310 "the size before it grows"
mkdir "$T/grow"
mount "$DEV" "$T/grow"
case $LOWERFS in
xfs) ok xfs_growfs "$T/grow" >"$T/said" ;;
ext4) ok resize2fs "$DEV" 2>"$T/said" ;;
esac
umount "$T/grow"
assert_gt "$(mib "$LOWER")" 500 "the size after it has grown"
fallocate -l 400M "$LOWER/large" || fail "what is new cannot be used"
assert_eq "$(cat "$LOWER/new")" before "a file from before"
umount "$LOWER"

note "a remount that fails changes nothing"
mount_wtfs
xfs_io -x -c shutdown "$MNT"
if mount -o remount,writeback,io=buffered "$MNT" 2>/dev/null; then
	[ "$LOWERFS" = ext4 ] || fail "a remount over a lower that is shut down does not fail"
	note "here, ext4 has no error for a sync after it is shut down"
else
	case $(findmnt -n -o OPTIONS "$MNT") in
	*writeback*|*buffered*) fail "the options after a remount that failed: $(findmnt -n -o OPTIONS "$MNT")" ;;
	esac
fi
umount_wtfs
