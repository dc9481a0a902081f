#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: a hole, a zeroed range, a clone leave the rest of the file in the cache, and what is being read into it
# LOWERS: xfs ext4
# PROCESSORS: 2
. "${0%/*}/lib.sh"

MIB=$((1 << 20)) KIB=1024

# meanwhile DIR ARGUMENT...: of pinned; without what it says of the read, on one line
meanwhile() {
	pinned "$1/pinned" /dev/mapper/source source "${@:2}" | paste -sd' '
}

# done_as_below PIN OPERATION OFFSET LENGTH: on wtfs as on the plain lower
done_as_below() {
	local ours

	ours=$(meanwhile "$MNT" "$@")
	note "$*: $ours"
	assert_eq "$ours" "$(meanwhile "$PLAIN" "$@")" "a page at $1 that is read into, and $*"
	# what is in the file is in the lower one, too
	assert_same "$MNT/pinned" "$LOWER/pinned" "the file and the lower one, after $*"
	GOT=$ours
}

# kept PIN OPERATION OFFSET LENGTH: and what was read is there
kept() {
	done_as_below "$@"
	assert_eq "$(grep -o 'S:4096' <<<"$GOT" | wc -l)" 2 "how often what was read is seen, after $*: $GOT"
}

# cached DIR COMMAND: of 1,024 pages how many are left after it
cached() {
	local file=$1/cached

	rm -f "$file"
	# what is in the way of splitting a folio: to be dirty, or not yet in the list of
	# those in use, which emptying another file's cache sees to
	xfs_io -f -c "pwrite -q -b 1m 0 4m" -c fsync "$file"
	xfs_io -c "fadvise -d 0 0" "$1/pinned"
	xfs_io -c "$2" "$file"
	lower_cached_pages "$file"
}

fresh_twice
modprobe dm_mod
truncate -s 1M "$T/source"
head -c $MIB /dev/zero | tr '\0' S >"$T/source"
dev=$(null_blk source 8)
dd if="$T/source" of="$dev" bs=1M status=none
dmsetup create source --table "0 2048 linear $dev 0"
dmsetup mknodes
trap 'dmsetup resume source' EXIT

note "what is being read into the cache"
for op in punch zero; do
	kept $((512 * KIB)) $op $((256 * KIB)) $((16 * KIB))
	done_as_below $((256 * KIB)) $op $((256 * KIB)) $((256 * KIB))
done
kept $((512 * KIB)) punch $((255 * KIB)) 1000
# of devices without the command for it, which ours are, no filesystem supports it
kept $((256 * KIB)) zeroes $((255 * KIB)) $((16 * KIB + 1000))
assert_eq "${GOT%% read*}" "zeroes EOPNOTSUPP" "what the lower said"
for op in collapse insert; do
	kept 0 $op $((512 * KIB)) $((64 * KIB))
	done_as_below $((512 * KIB)) $op $((256 * KIB)) $((64 * KIB))
done
kept 0 truncate $((512 * KIB)) 0
if [ "$LOWERFS" = xfs ]; then
	kept 0 clone $((512 * KIB)) $((64 * KIB))
	done_as_below $((512 * KIB)) clone $((512 * KIB)) $((64 * KIB))
fi

note "what becomes dirty when the file is closed and has no name in the cache"
done_as_below $((512 * KIB)) close 0 0
assert_eq "$(grep -o 'S:4096' <<<"$GOT" | wc -l)" 1 "what was read, after the last close: $GOT"

note "what is left in the cache"
for cmd in "fpunch 1m 16k" "fzero 1m 16k" "fpunch 1m 1m" "falloc 1m 5m" "fpunch 1025k 5k"; do
	ours=$(cached "$MNT" "$cmd")
	note "$cmd: $ours pages"
	assert_eq "$ours" "$(cached "$PLAIN" "$cmd")" "pages in the cache after $cmd"
done

note "nobody is told that a page is in use"
assert_eq "$(meanwhile "$MNT" $((512 * KIB)) busy "$(rounds 100 40 20000)")" "0 failed: none" "what was done to a file that is read into"
