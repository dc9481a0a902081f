#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: one thread keeps 32 write-throughs in flight at the device, without workers
# LOWERS: xfs ext4
. "${0%/*}/lib.sh"

FILE=$MNT/file
SIZE=$((4 << 20))

# run OPERATION...: in one process; what they gave, on one line
run() {
	io -l "$LOWER/file" -d "$DISK" "$FILE" "$@" | paste -sd' '
}

# submit COUNT LEN STEP CHAR ENGINE [dsync]: begin that many writes
submit() {
	dm_slow "$phys" $SIZE
	async depth "$FILE" "$@" >"$T/out" &
	writer=$!
	wait_until 30 grep -qs submitted "$T/out" || fail "submitting $* does not end"
}

# over: let them end
over() {
	dm_switch
	wait $writer
	assert_eq "$(tail -n 1 "$T/out")" "done" "what the writer says"
}

dm_fresh
assert_eq "$(io -o create "$FILE" write:0:$SIZE:A fsync)" "$SIZE"$'\nok' "writing the file"
# only the file's data is slow: the lower's journal is nobody's business here
phys=$(run phys:0:$SIZE)
[[ $phys =~ ^[0-9]+$ ]] || skip "the file is not in one piece ($phys)"
for engine in uring libaio; do
	for how in "4096 65536 B" "4096 65536 C dsync" "70000 131072 D" "700 65536 E"; do
		note "$engine: $how"
		# shellcheck disable=SC2086 # a list
		set -- $how
		# shellcheck disable=SC2086 # or none
		submit 32 "$1" "$2" "$3" $engine ${4:-}
		wait_until 20 dm_busy 32 || fail "only $(dm_writes) of 32 are in flight"
		assert_eq "$(head -n 1 "$T/out")" "submitted 0" "threads besides the one that submits"
		[ "$(wc -l <"$T/out")" = 1 ] || fail "they ended before the device had them"
		over
		assert_eq "$(run "dev:0:$1:$3" "dev:$((13 * $2)):$1:$3" "dev:$((31 * $2)):$1:$3")" \
			"same same same" "what they wrote"
	done
done

note "a second write to a folio in flight holds up nobody but itself"
submit 2 4096 0 F uring
over
assert_eq "$(run dev:0:4096:F)" same "what they wrote"
