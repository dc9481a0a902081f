#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: a write that runs out of space returns the short count, the next ENOSPC, and the file agrees
# LOWERS: xfs ext4
. "${0%/*}/lib.sh"

# leave KIB: fill the filesystem until only that much is left
leave() {
	local free n

	for n in 1 2 3 4 5 6; do
		free=$(df --output=avail -k "$LOWER" | tail -n 1)
		[ "$free" -gt $(($1 + 512)) ] || return 0
		fallocate -l $((free - $1))K "$LOWER/filler$n" 2>/dev/null || true
		sync
	done
	fail "can't fill the filesystem: $free KiB are left"
}

# run FILE OPERATION...: what they gave, on one line
run() {
	local file=$1

	shift
	io -o create -l "$LOWER/$file" -d "$DEV" "$MNT/$file" "$@" | paste -sd' '
}

fresh --mkfs "$([ "$LOWERFS" = xfs ] || echo -m 0)" --size 320M
mkdir "$MNT/a"
: >"$MNT/a/growing"
: >"$MNT/a/kept"
: >"$MNT/a/map"
assert_eq "$(run a/kept allocate:0:2097152)" ok "preallocation"
assert_eq "$(run a/spare allocate:0:4194304)" ok "preallocation"
leave 3000

note "a write of 8 MiB where there is room for less"
size=0 calls=0 got=""
until [ "$got" = ENOSPC ]; do
	assert_lt $calls 6 "writes until ENOSPC"
	got=$(run a/growing "write:$size:$((8388608 - size)):A")
	case $got in
	ENOSPC) ;;
	*[!0-9]* | "") fail "a write without space gave '$got'" ;;
	*)
		[ "$got" != $((8388608 - size)) ] || fail "all of it was written: the filesystem was not full"
		size=$((size + got))
		;;
	esac
	calls=$((calls + 1))
done
note "$size bytes in $calls calls"
assert_gt $size 0 "bytes written before the space ran out"
[ $calls -gt 1 ] || fail "the first write gave ENOSPC, not a short count"
# what the failed write could not take, no smaller one may find
for n in 1 2 3 4 5 6 7 8; do
	got=$(run a/growing "write:$size:4096:A")
	[ "$got" != ENOSPC ] || break
	assert_eq "$got" 4096 "a write of a block on a full disk"
	size=$((size + 4096))
done
assert_eq "$got" ENOSPC "a write of a block, after $n were written where a long write had found no space"
assert_eq "$(stat -c %s "$MNT/a/growing") $(stat -c %s "$LOWER/a/growing")" "$size $size" "the sizes"
assert_eq "$(run a/growing "dev:0:$size:A" "lower:0:$size:A" "read:0:$size:A")" "same same same" \
	"what the counts say"
assert_eq "$(run a/growing "write:$((size + 1048576)):4096:X" size size::::lower)" "ENOSPC $size $size" \
	"a write of a block far behind the end, and the sizes"

note "overwriting needs no space, nor does what was preallocated"
assert_eq "$(run a/growing write:100:70000:B dev:100:70000:B)" "70000 same" "overwriting on a full disk"
assert_eq "$(run a/kept write:0:1000000:C dev:0:1000000:C read:0:1000000:C)" "1000000 same same" \
	"writing into preallocated space on a full disk"

note "a mapped store without space is a SIGBUS, and those before it are kept"
truncate -s 16M "$MNT/a/map"
assert_eq "$(run a/map store:0:1:M msync:0:4096)" "SIGBUS ok" "storing to a hole on a full disk"
rm "$MNT/a/spare"
sync
assert_eq "$(run a/map store:0:65536:M store:65536:16711680:M msync:0:16777216 fsync)" "ok SIGBUS ok ok" \
	"storing to 16 MiB of a hole on an almost full disk, msync, fsync"
assert_eq "$(run a/map read:0:65536:M dev:0:65536:M)" "same same" "the first of the stores"
assert_eq "$(run a/kept store:1048576:65536:S msync:1048576:65536 dev:1048576:65536:S)" "ok ok same" \
	"storing to preallocated space on a full disk"
rm "$MNT/a/map"

note "from below, after dropping the caches"
drop_caches
assert_eq "$(run a/growing read:0:100:A read:100:70000:B "read:70100:$((size - 70100)):A" "lower:70100:$((size - 70100)):A")" \
	"same same same same" "the file"
assert_eq "$(run a/growing size size::::lower)" "$size $size" "the sizes"

note "with space again, writing goes on"
rm "$LOWER"/filler*
sync
assert_eq "$(run a/growing "write:$size:8388608:D" "dev:$size:8388608:D" "read:$size:8388608:D")" \
	"8388608 same same" "writing after space was freed"
