#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: a write with RWF_NOWAIT that would have to wait gives EAGAIN, at once and with nothing copied
# LOWERS: xfs ext4
# KERNELS: 6.1/xfs
. "${0%/*}/lib.sh"

SLOW=$((1 << 20)) # where the slow part of the file begins
LEN=65536
FILE=$MNT/file

# run OPERATION...: in one process; what they gave, on one line
run() {
	io -l "$LOWER/file" -d "$DISK" "$FILE" "$@" | paste -sd' '
}

# nowait OFFSET LENGTH OLD: refused, and the bytes are the old ones everywhere
nowait() {
	assert_eq "$(run "write:$1:$2:N:nowait" "read:$1:$2:$3" size)" "EAGAIN same $size" \
		"RWF_NOWAIT write of $2 at $1, a read there, and the size"
}

dm_fresh
size=4194304
assert_eq "$(io -o create "$FILE" write:0:$size:A fsync)" "$size"$'\nok' "writing the file"
phys=$(run "phys:$SLOW:$LEN")
[[ $phys =~ ^[0-9]+$ ]] || skip "the file has no $LEN bytes in one piece there ($phys)"

note "what need not wait is written"
assert_eq "$(run write:0:4096:B:nowait write:8192:70000:B:nowait write:100000:100:B:nowait)" \
	"4096 70000 100" "RWF_NOWAIT writes to what is cached"
assert_eq "$(run dev:0:4096:B dev:8192:70000:B dev:100000:100:B)" "same same same" "what they wrote"

note "to folios under write-through"
dm_slow "$phys" $LEN
io "$FILE" write:$SLOW:$LEN:S >"$T/slow" &
wait_until 60 dm_busy || fail "the slow write is not in flight"
nowait $SLOW 4096 S
nowait $((SLOW + 20)) 1 S
nowait $((SLOW + LEN - 4096)) 4096 S
assert_eq "$(run write:$((SLOW - 16384)):20480:N:nowait read:$((SLOW - 16384)):16384:A \
	dev:$((SLOW - 16384)):16384:A)" "EAGAIN same same" "one that begins before them"
assert_eq "$(run write:$((SLOW + LEN - 4096)):20480:N:nowait read:$((SLOW + LEN)):16384:A \
	dev:$((SLOW + LEN)):16384:A)" "EAGAIN same same" "one that ends behind them"
assert_eq "$(run write:$((SLOW - 8192)):8192:C:nowait dev:$((SLOW - 8192)):8192:C)" "8192 same" \
	"one beside them"
[ ! -s "$T/slow" ] || fail "the slow write is over: $(<"$T/slow")"

note "behind the end, where the file would have to be locked"
assert_eq "$(run write:$size:4096:N:nowait size size::::lower)" "EAGAIN $size $size" "an append"
assert_eq "$(run write:$((size - 100)):200:N:nowait "read:$((size - 100)):100:A" size)" \
	"EAGAIN same $size" "one over the end"
[ ! -s "$T/slow" ] || fail "the slow write is over: $(<"$T/slow")"
dm_switch
wait
assert_eq "$(<"$T/slow")" $LEN "what the slow write gives"
assert_eq "$(run dev:$SLOW:$LEN:S)" same "what it wrote"

note "to a folio that has to be read first, from a device that takes its time"
run drop >/dev/null
before=$(DEV=$DISK dev_reads)
dm_switch "$phys" $LEN "delay @ 60000"
assert_eq "$(run write:$((SLOW + 100)):100:N:nowait)" EAGAIN "into a folio that is not cached"
dm_switch
assert_eq "$(run read:$SLOW:4096:S)" same "what was not written"
assert_gt "$(DEV=$DISK dev_reads)" "$before" "device reads, once somebody may wait"
