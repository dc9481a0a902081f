#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: a writer that waits for the device holds up nobody else who writes the file
# LOWERS: xfs ext4
# PROCESSORS: 2
. "${0%/*}/lib.sh"

SLOW=$((1 << 19)) # where the slow part of the file begins
LEN=65536
FILE=$MNT/file

# run OPERATION...: in one process; what they gave, on one line
run() {
	io -l "$LOWER/file" -d "$DISK" "$FILE" "$@" | paste -sd' '
}

# meanwhile COMMAND...: writes to all of the slow part; runs until it is quick again
meanwhile() {
	dm_slow "$phys" $LEN
	"$@" >"$T/slow" &
	slow=$!
	wait_until 60 dm_busy || fail "nothing is in flight: $*"
}

# still_waits: the slow one, which must not be over
still_waits() {
	! grep -qE '^([0-9]+|done)$' "$T/slow" || fail "the slow write is over: $(<"$T/slow")"
	dm_busy || fail "nothing is in flight any more"
}

# over WANTED: let the slow one go
over() {
	dm_switch
	wait $slow
	assert_eq "$(tail -n 1 "$T/slow")" "$1" "what the slow writer says"
}

dm_fresh
assert_eq "$(io -o create "$FILE" write:0:4194304:A fsync)" $'4194304\nok' "writing the file"
phys=$(run "phys:$SLOW:$LEN")
[[ $phys =~ ^[0-9]+$ ]] || skip "the file has no $LEN bytes in one piece there ($phys)"

note "beside a plain write"
meanwhile io "$FILE" write:$SLOW:$LEN:B
assert_eq "$(run write:0:4096:C write:2097152:1048576:D write:$((SLOW - 100)):100:E \
	write:$((SLOW + LEN)):4096:F:dsync)" "4096 1048576 100 4096" "writes elsewhere"
still_waits
assert_eq "$(run dev:0:4096:C dev:2097152:1048576:D dev:$((SLOW - 100)):100:E read:$SLOW:$LEN:B size)" \
	"same same same same 4194304" "what they wrote, and a read of the slow part"
still_waits
over $LEN
assert_eq "$(run dev:$SLOW:$LEN:B)" same "what the slow writer wrote"

note "beside an asynchronous one"
for engine in uring libaio; do
	meanwhile async depth "$FILE" 1 $((SLOW + LEN)) 0 H $engine
	assert_eq "$(run write:2097152:1000:I)" 1000 "a write elsewhere"
	still_waits
	over "done"
	assert_eq "$(run dev:0:$((SLOW + LEN)):H dev:2097152:1000:I)" "same same" "what was written"
done

[ "$LOWERFS" != ext4 ] || exit 0 # whose buffered writes wait for all direct I/O of the file
note "an append, too, does not wait for what is asynchronous"
meanwhile async depth "$FILE" 1 $((SLOW + LEN)) 0 J libaio
size=$(stat -c %s "$FILE")
# not by run: closing the lower file, XFS may wait for direct I/O too
assert_eq "$(io "$FILE" "write:$size:5000:K")" 5000 "an append"
still_waits
over "done"
assert_eq "$(run dev:0:$((SLOW + LEN)):J "dev:$size:5000:K")" "same same" "what was written"
