#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: what a write-through in flight must hold up, although its folio is under no writeback
# LOWERS: xfs ext4
# KERNELS: 6.1/ext4
# PROCESSORS: 2
# LOG: I/O error
. "${0%/*}/lib.sh"

FILE=$MNT/file
LEN=65536

# the flushes of an fsync() are quick there, writes are not
SLOW_PART="delay @ 0 @ 60000 @ 0"

# run OPERATION...: in one process; what they gave, on one line
run() {
	io -l "$LOWER/file" -d "$DISK" "$FILE" "$@" | paste -sd' '
}

waits() { grep -q '^State:.D' "/proc/$1/status"; }

# held_or_over PID FILE: it waits, or has said something
held_or_over() {
	waits "$1" || [ -s "$2" ]
}

# sync_held: a sync waits
sync_held() {
	local pid

	for pid in $(pidof sync || true); do
		if waits "$pid"; then return 0; fi
	done
	[ -s "$T/held" ]
}

# held OPERATION...: it waits; its output is in $T/held
held() {
	io "$FILE" "$@" >"$T/held" &
	holder=$!
	wait_until 20 held_or_over $holder "$T/held" || trouble="$* does not wait"
	[ ! -s "$T/held" ] || trouble="$* did not wait: $(<"$T/held")"
}

# over: the device is quick again
over() {
	dm_switch
	wait
	[ -z "${trouble:-}" ] || fail "$trouble"
}

# anew SIZE: the file, in one piece, at $phys
anew() {
	rm -f "$FILE"
	assert_eq "$(io -o create "$FILE" "write:0:$1:A" fsync | paste -sd' ')" "$1 ok" "writing the file"
	phys=$(run "phys:0:$1")
	[[ $phys =~ ^[0-9]+$ ]] || fail "the file is not in one piece: $phys"
}

dm_fresh
anew $LEN

note "an fsync(), by a write over a mapped store"
assert_eq "$(run store:0:4096:S)" ok "a store"
dm_switch "$phys" $LEN "$SLOW_PART"
async depth "$FILE" 1 4096 0 W uring >"$T/out" &
wait_until 20 dm_busy || fail "the write is not in flight"
held fsync
over
assert_eq "$(<"$T/held") $(run dev:0:4096:W)" "ok same" "the fsync(), and what is on the device"

for engine in uring sync; do
	for how in fsync "sync -f"; do
		note "$how, by a write that has not returned ($engine)"
		dm_switch "$phys" $LEN "$SLOW_PART"
		if [ $engine = sync ]; then
			io "$FILE" write:0:4096:X >"$T/out" &
		else
			async depth "$FILE" 1 4096 0 X uring >"$T/out" &
		fi
		wait_until 20 dm_busy || fail "the write is not in flight"
		if [ "$how" = fsync ]; then
			held fsync
		else
			{ sync -f "$MNT" && echo ok; } >"$T/held" &
			wait_until 20 sync_held || trouble="it does not wait"
			[ ! -s "$T/held" ] || trouble="it did not wait"
		fi
		over
		assert_eq "$(<"$T/held") $(run dev:0:4096:X)" "ok same" "$how, and what is on the device"
	done
done

note "an fsync() is not held up by writes that begin after it"
anew 1048576
async flood "$FILE" uring &
flood=$!
for _ in 1 2 3 4 5; do
	assert_eq "$(timeout $((20 * SLOW)) io "$FILE" fsync)" ok "an fsync() beside a stream of writes"
done
kill -KILL $flood
wait $flood || true

note "a store beside writes that leave it dirty is on the device after an msync()"
anew 1048576
msyncrace "$FILE" "$LOWER/file" "$(rounds 10 5)" || fail "an msync() has told a lie"

for what in truncate:4096 allocate:4096:8192; do
	note "${what%%:*}, by an asynchronous write elsewhere"
	anew $LEN
	dm_switch "$phys" 4096 "$SLOW_PART"
	async depth "$FILE" 1 4096 0 Y uring >"$T/out" &
	wait_until 20 dm_busy || fail "the write is not in flight"
	held $what
	over
	assert_eq "$(<"$T/held") $(run read:0:4096:Y dev:0:4096:Y)" "ok same same" "$what, and the write"
done

note "what leaves the cache since a write failed, by a write of the same folio"
anew $LEN
dm_switch "$phys" 4096 "$SLOW_PART" $((phys + 8192)) 4096 error
async depth "$FILE" 1 4096 0 N uring >"$T/out" &
wait_until 20 dm_busy || fail "the write is not in flight"
io "$FILE" write:8192:4096:F >"$T/failed" &
wait_until 20 held_or_over $! "$T/failed" || trouble="the write neither fails nor waits"
got=$(run read:0:4096:N)
over
assert_eq "$got $(<"$T/failed")" "same EIO" "a read meanwhile, and the write that fails"
assert_eq "$(run dev:0:4096:N read:0:4096:N read:8192:4096:A)" "same same same" "what is there after it"

note "what leaves the cache since its memory is broken"
anew 4096
if run poison:0:4096 | grep -q EINVAL; then
	echo "this kernel breaks no memory"
else
	run read:0:4096:A >/dev/null
	dm_switch "$phys" 4096 "$SLOW_PART"
	async depth "$FILE" 1 4096 0 B uring >"$T/out" &
	wait_until 20 dm_busy || fail "the write is not in flight"
	held poison:0:4096
	over
	assert_eq "$(run read:0:4096:B dev:0:4096:B)" "same same" "the page, and the device"
fi

# The last page of the file is in a large folio with pages before it, where the kernel
# has such: readahead has made them.
note "write-back, by an append"
END=1044676
anew 1048576
assert_eq "$(run truncate:$END fsync drop read:0:$END:A)" "ok ok ok same" "a file whose last page is not full"
dm_switch $((phys + 1044480)) 4096 "$SLOW_PART"
io "$FILE" write:$END:3900:P >"$T/append" &
wait_until 20 dm_busy || fail "the append is not in flight"
io "$FILE" store:1040384:100:S:loaded msync:1040384:4096 >"$T/stored" &
wait_until 20 held_or_over $! "$T/stored" || trouble="the msync() does not wait"
over
assert_eq "$(<"$T/append") $(paste -sd' ' "$T/stored")" "3900 ok ok" "an append, a store and an msync()"
assert_eq "$(run dev:$END:3900:P dev:1040384:100:S read:$END:3900:P)" "same same same" "what is there after it"
