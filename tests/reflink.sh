#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: clones, dedupe and copy_file_range see what is cached, change what is cached, and share extents below
# LOWERS: xfs ext4
. "${0%/*}/lib.sh"

# fill FILE BYTE FROM LENGTH
fill() { xfs_io -f -c "pwrite -q -S $2 $3 $4" "$MNT/$1"; }

# store FILE BYTE FROM LENGTH: through a mapping, and left dirty
store() { xfs_io -c "mmap 0 1m" -c "mwrite -S $2 $3 $4" "$MNT/$1"; }

# clone FROM OFFSET TO OFFSET LENGTH
clone() { xfs_io -c "reflink -q $MNT/$1 $2 $4 $5" "$MNT/$3"; }

# sum FILE...: of their contents, through wtfs
sum() { (cd "$MNT" && cat "$@" | md5sum); }

# same_below FILE...: the lower has what wtfs shows, also when it is read anew
same_below() {
	local file

	sync
	drop_caches
	for file; do
		assert_same "$LOWER/$file" "$MNT/$file" "what wtfs shows of $file, and the lower"
	done
}

# shared FILE: does another file share extents with it?
shared() { filefrag -v "$MNT/$1" | grep -q shared; }

# answer DIR COMMAND FILE: what xfs_io says to it
answer() {
	cd "$1"
	xfs_io -c "$2" "$3" 2>&1 || true
	cd /
}

# same_answer COMMAND FILE: on wtfs as on the lower
same_answer() {
	assert_eq "$(answer "$MNT" "$1" "$2")" "$(answer "$LOWER" "$1" "$2")" "$1"
}

fresh
fill a 0x11 0 1m
fill b 0x22 0 1m

if [ "$LOWERFS" = ext4 ]; then
	note "what the lower can't do is refused as the lower refuses it"
	for cmd in reflink dedupe; do
		same_answer "$cmd a 0 0 64k" b
	done
	(cd "$MNT" && xfs_io -c "copy_range -s 0 -d 64k -l 64k a" b)
	assert_eq "$(xfs_io -c 'pread -qv 64k 1' "$MNT/b" | grep -o '11')" 11 "a byte of what copy_file_range copied"
	same_below a b
	exit 0
fi

note "a clone has what was written, and what was only stored, and not what was cached"
store a 0x44 8k 8k
cat "$MNT/b" >/dev/null
clone a 0 b 0 1m
assert_same "$MNT/a" "$MNT/b" "the clone"
shared b || fail "no extents are shared"
same_below a b

note "a write to one is not seen in the other"
before=$(sum a)
fill b 0x55 4096 100
fill b 0x55 512k 64k
assert_eq "$(sum a)" "$before" "the original after its clone was written to"
assert_ne "$(sum b)" "$before" "the clone"
same_below a b
before=$(sum b)
fill a 0x66 512k 64k
store a 0x67 900k 4k
assert_eq "$(sum b)" "$before" "the clone after the original was written to"
same_below a b

note "into the middle, and past the end, of a file with stores beside it"
fill c 0x77 0 300000
store c 0x78 0 4k
store c 0x79 200k 4k
clone a 0 c 64k 64k
clone a 64k c 512k 128k
assert_eq "$(stat -c %s "$MNT/c") $(stat -c %s "$LOWER/c")" "655360 655360" "the size"
{
	head -c 4096 /dev/zero | tr '\0' x
	head -c 61440 /dev/zero | tr '\0' w
	dd if="$MNT/a" bs=64k count=1 status=none
	head -c 73728 /dev/zero | tr '\0' w
	head -c 4096 /dev/zero | tr '\0' y
	head -c 91104 /dev/zero | tr '\0' w
	head -c 224288 /dev/zero
	dd if="$MNT/a" bs=64k skip=1 count=2 status=none
} >"$T/wanted"
assert_same "$T/wanted" "$MNT/c" "the file"
same_below c

note "within one file"
clone c 0 c 1m 64k
assert_same <(head -c 65536 "$MNT/c") <(tail -c +1048577 "$MNT/c") "the end of the file, and its beginning"
same_below c

note "all of a file with a partial last block, onto a new one"
fill odd 0x31 0 100001
cp --reflink=always "$MNT/odd" "$MNT/odder"
assert_same "$MNT/odd" "$MNT/odder" "the clone"
echo more >>"$MNT/odder"
assert_eq "$(stat -c %s "$MNT/odd" "$MNT/odder" | paste -sd' ')" "100001 100006" "the sizes"
same_below odd odder

note "dedupe: what is the same, and only that"
fill d 0x12 0 256k
fill e 0x12 0 256k
store e 0x13 128k 4k
xfs_io -c "dedupe -q $MNT/d 0 0 128k" "$MNT/e"
shared e || fail "nothing was deduplicated"
got=$(xfs_io -c "dedupe $MNT/d 128k 128k 128k" "$MNT/e" 2>&1) || true
grep -qi "did not match" <<<"$got" || fail "dedupe of what differs only in a cached store: $got"
same_below d e

note "copy_file_range shares too; what can't be shared is copied"
fill g 0x21 0 256k
store g 0x22 4k 4k
: >"$MNT/h"
xfs_io -c "copy_range -s 0 -d 0 -l 256k $MNT/g" "$MNT/h"
assert_same "$MNT/g" "$MNT/h" "the copy"
shared h || fail "copy_file_range shares nothing"
xfs_io -c "copy_range -s 100 -d 300000 -l 5000 $MNT/g" "$MNT/h"
assert_same <(dd if="$MNT/g" bs=100 skip=1 count=50 status=none) <(tail -c +300001 "$MNT/h") "an unaligned copy"
same_below g h

note "refused as below"
for arg in "a 100 0 4k" "a 0 0 4000" "a 2m 0 4k" "nothing 0 0 4k"; do
	same_answer "reflink $arg" b
done
