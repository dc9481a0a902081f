#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: a splice that has to wait for a folio does so without the pipe's lock, and then writes what is in the pipe
# LOWERS: xfs ext4
# PROCESSORS: 2
# LOG: I/O error
. "${0%/*}/lib.sh"

FILE=$MNT/file

waits() { grep -q '^State:.D' "/proc/$1/status"; }
gone() { [ ! -e "/proc/$1/stat" ]; }

# spliced OFFSET WHAT: a splice of a page to there waits, and the pipe can be written
# to meanwhile; then the device is quick again
spliced() {
	head -c 4096 /dev/zero | tr '\0' p >&8
	io "$FILE" "splice:$1:8192" <&8 >"$T/spliced" &
	splicer=$!
	wait_until 20 waits $splicer || trouble="it does not wait"
	cat "$T/q" >&8 &
	wait_until 10 gone $! || trouble="the pipe is locked"
	[ ! -s "$T/spliced" ] || trouble="it did not wait: $(<"$T/spliced")"
	dm_switch
	[ -z "${trouble:-}" ] || fail "a splice $2: $trouble"
	wait
	assert_eq "$(<"$T/spliced")" 8192 "a splice $2"
	assert_eq "$(io -l "$LOWER/file" "$FILE" "lower:$1:4096:p" "lower:$(($1 + 4096)):4096:q")" \
		$'same\nsame' "what was spliced $2, on the device"
}

# in_flight OPERATION...: begun, and now it waits for the device
in_flight() {
	io "$FILE" "$@" >"$T/in-flight" &
	wait_until 20 dm_busy || fail "$* is not in flight"
}

dm_fresh
mount -o remount,stable=mapping "$MNT"
mkfifo "$T/pipe"
exec 8<>"$T/pipe"
head -c 4096 /dev/zero | tr '\0' q >"$T/q"
io -o create "$FILE" write:0:30000:A fsync >/dev/null

note "behind the end of a file whose last page is under writeback"
dm_slow
in_flight store:29000:100:S msync:28672:4096
spliced 65536 "behind the end"
assert_eq "$(io "$FILE" read:29100:900:A read:30000:35536)" $'same\nsame' "what was before it"

note "to a folio that a store has locked while it waits"
dm_slow
in_flight store:0:100:S msync:0:4096
io "$FILE" store:200:100:S >"$T/stored" &
wait_until 20 waits $! || fail "the store does not wait"
spliced 0 "to a locked folio"

note "to a folio that has to be read first"
io "$FILE" drop >/dev/null
head -c 100 /dev/zero | tr '\0' r >&8
dm_switch 0 $((DISK_SECTORS * 512)) "delay @ 60000"
io "$FILE" splice:8200:4196 <&8 >"$T/spliced" &
splicer=$!
wait_until 20 waits $splicer || trouble="it does not wait"
cat "$T/q" >&8 &
wait_until 10 gone $! || trouble="the pipe is locked"
dm_switch
[ -z "${trouble:-}" ] || fail "a splice into what is not cached: $trouble"
wait
assert_eq "$(<"$T/spliced") $(io "$FILE" read:8192:8:A read:8200:100:r read:8300:4096:q read:12396:100:A | paste -sd' ')" \
	"4196 same same same same" "a splice into what is not cached"

note "what cannot be written does not stay in the cache"
io "$FILE" write:0:16384:B fsync >/dev/null
phys=$(io -l "$LOWER/file" "$FILE" phys:4096:4096)
[[ $phys =~ ^[0-9]+$ ]] || fail "where is the file on the device: $phys"
head -c 4096 /dev/zero | tr '\0' p >&8
dm_switch "$phys" 4096 error
assert_eq "$(io "$FILE" splice:4096:4096 <&8)" EIO "a splice to blocks that cannot be written"
dm_switch
assert_eq "$(io "$FILE" read:0:16384:B splice:4096:4096 read:4096:4096:p <&8 | paste -sd' ')" "same 4096 same" \
	"what is read then, and what becomes of what is in the pipe"

note "where the device answers with EAGAIN"
trap - EXIT
fresh --check delay_us=0
io -o create "$FILE" write:0:16384:B fsync >/dev/null
blkcheck_set again 1
head -c 4096 /dev/zero | tr '\0' p >&8
assert_eq "$(io "$FILE" splice:4096:4096 <&8)" EAGAIN "a splice that could wait, but not for that"
blkcheck_set again 0
assert_eq "$(io "$FILE" read:0:16384:B splice:4096:4096 read:4096:4096:p <&8 | paste -sd' ')" "same 4096 same" \
	"what is read then, and what becomes of what is in the pipe"
