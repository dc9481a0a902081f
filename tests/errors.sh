#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: an I/O error is given to the write that met it, once, and a read shows what the disk holds
# LOWERS: xfs ext4
# LOG: I/O error|lost async page write|writeback error|wtfs.*error
. "${0%/*}/lib.sh"

BAD=$((1 << 20))     # where the bad part of the file begins
LEN=65536           # and how long it is
FILE=$MNT/file

# run OPERATION...: in one process; what they gave, on one line
run() {
	io -l "$LOWER/file" -d "$DISK" "$FILE" "$@" | paste -sd' '
}

# not_new OFF LEN: a read there gives EIO, or the old bytes (A)
not_new() {
	local got

	got=$(run read:"$1":"$2":A)
	case $got in
	EIO | same) ;;
	*) fail "a read of $2 at $1 gives neither EIO nor what the disk holds: $got" ;;
	esac
}

dm_fresh
assert_eq "$(io -o create "$FILE" write:0:4194304:A fsync)" $'4194304\nok' "writing the file"
phys=$(run "phys:$BAD:$LEN")
[[ $phys =~ ^[0-9]+$ ]] || skip "the file has no $LEN bytes in one piece there ($phys)"

note "warm: the bytes are in the cache when the disk goes bad"
assert_eq "$(run read:0:4194304:A)" same "the file"
dm_switch "$phys" $LEN error
assert_eq "$(run write:$BAD:4096:B fsync fsync::::other fsync)" "EIO ok ok ok" \
	"a write to the bad part, then fsync"
not_new $BAD 4096
assert_eq "$(run write:$((BAD + 20000)):10:B fsync)" "EIO ok" "a small write to the bad part"
not_new $((BAD + 20000)) 10
assert_eq "$(run write:$((BAD + 32768)):4096:B:dsync fsync)" "EIO ok" "a DSYNC write to it"
not_new $((BAD + 32768)) 4096

note "the neighbours"
before=$((BAD - 8192)) after=$((BAD + LEN))
assert_eq "$(run write:$before:8192:C dev:$before:8192:C fsync)" "8192 same ok" "a write before it"
assert_eq "$(run write:$after:8192:D dev:$after:8192:D fsync)" "8192 same ok" "a write behind it"
assert_eq "$(run write:$((after + 3)):5:E dev:$((after + 3)):5:E)" "5 same" "a small one behind it"

note "one write over good and bad"
start=$((BAD - 8192))
got=$(run write:$start:16384:F fsync fsync::::other)
count=${got%% *}
case $got in
"EIO ok ok") count=0 ;;
*" ok ok")
	assert_le "$count" 8192 "the count of a write that ends in the bad part"
	[ "$count" = 0 ] || assert_eq "$(run "dev:$start:$count:F")" same "the counted bytes"
	;;
*) fail "a write over good and bad, and fsync, gave: $got" ;;
esac
not_new $BAD 8192
# what was not counted may have been written: cache and disk agree all the same
for off in $start $((start + 4096)); do
	for char in C F; do
		if [ "$(run "dev:$off:4096:$char")" = same ]; then
			assert_eq "$(run "read:$off:4096:$char")" same "the good part at $off"
		fi
	done
done

note "cold: the edges of a write can't be read"
run drop >/dev/null
got=$(run write:$((BAD + 4096 + 100)):50:G fsync fsync::::other)
assert_eq "$got" "EIO ok ok" "a small write to what can't be read"
not_new $((BAD + 4096)) 4096

note "good again, without dropping the cache"
dm_switch
assert_eq "$(run read:$BAD:$LEN:A)" same "a read of the part that was bad"
assert_eq "$(run dev:$BAD:$LEN:A)" same "the disk there"
assert_eq "$(run write:$BAD:$LEN:H dev:$BAD:$LEN:H fsync read:$BAD:$LEN:H)" \
	"$LEN same ok same" "a write to the part that was bad"

if [ "$KERNEL" != 6.1 ]; then # whose dm-flakey fails writes, too; nor has it large folios
	note "one block that can't be read: those beside it can, and it can be overwritten"
	start=$((2 << 20)) size=$((256 << 10))
	gone=$((start + 65536)) behind=$((start + 65536 + 4096))
	phys2=$(run "phys:$start:$size")
	[[ $phys2 =~ ^[0-9]+$ ]] || fail "the file is in pieces: $phys2"
	modprobe dm_flakey
	for first in read:$start:$size:A read:$gone:100:A write:$((gone + 100)):50:M write:$behind:4096:A; do
		run drop >/dev/null
		dm_switch $((phys2 + 65536)) 4096 "flakey @ 0 10 1 error_reads"
		got=$(run drop "$first" "$first")
		case $first in
		read:$start:*) want="ok short: 65536 short: 65536" ;;
		write:$behind:*) want="ok 4096 4096" ;;
		*) want="ok EIO EIO" ;;
		esac
		assert_eq "$got" "$want" "$first, twice, with a block in it that can't be read"
		assert_eq "$(run read:$start:65536:A read:$behind:$((start + size - behind)):A)" "same same" \
			"reads of what is beside it, after $first"
		assert_eq "$(run write:$((gone - 100)):10:A store:$behind:10:A write:$((gone - 4096)):8192:A read:$gone:4096:A fsync)" \
			"10 ok 8192 same ok" "writes beside it and over it, after $first"
		assert_eq "$(run dev:$start:$size:A)" same "the disk, after $first"
		dm_switch
	done
fi

note "a mapped store that can't be written back: msync says so"
assert_eq "$(run read:$BAD:$LEN:H)" same "the file"
dm_switch "$phys" $LEN error
assert_eq "$(run store:$BAD:100:I msync:$BAD:100 msync:$BAD:100)" "ok EIO ok" \
	"a mapped store to the bad part"
dm_switch

note "a clone of what can't be written back fails, and fsync says it all the same"
if [ "$LOWERFS" = xfs ]; then
	assert_eq "$(run write:$BAD:$LEN:J)" "$LEN" "a write to the part that is good again"
	dm_switch "$phys" $LEN error
	assert_eq "$(run store:$BAD:100:K)" ok "a mapped store to the bad part"
	if cp --reflink=always "$FILE" "$MNT/clone" 2>"$T/err"; then
		fail "a clone succeeds that lacks what could not be written"
	fi
	grep -q 'Input/output' "$T/err" || fail "the clone: $(<"$T/err")"
	assert_eq "$(run fsync)" EIO "fsync of the file"
	dm_switch
fi
