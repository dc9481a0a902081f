#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: wtfs and the lower can be frozen and thawed in any order, under load, and nothing gets through meanwhile
# LOWERS: xfs ext4
# PROCESSORS: 2/xfs
# TIME: 75
. "${0%/*}/lib.sh"

STOP=$T/stop

# load: writes, stores and names, until told to stop; counts its rounds
load() {
	local n=0

	while [ ! -e "$STOP" ]; do
		dd if=/dev/zero of="$MNT/written" bs=64k count=2 conv=notrunc status=none
		xfs_io -c "mmap 0 64k" -c "mwrite 0 8k" "$MNT/stored"
		mkdir "$MNT/dir" && rmdir "$MNT/dir"
		n=$((n + 1))
		echo $n >"$T/rounds"
	done
}

rounds_done() { cat "$T/rounds" 2>/dev/null || echo 0; }

# moves: does the load get on?
moves() {
	local from

	from=$(rounds_done)
	wait_until 20 more_than "$from"
}

more_than() { [ "$(rounds_done)" -gt $(($1 + 1)) ]; }

# still: nothing reaches the device, for a while
still() {
	local from

	sleep 0.2
	from=$(dev_writes)
	sleep 0.5
	assert_eq "$(dev_writes)" "$from" "requests to the device, $1"
}

fresh
dd if=/dev/zero of="$MNT/written" bs=64k count=2 status=none
dd if=/dev/zero of="$MNT/stored" bs=64k count=1 status=none
load &
loader=$!
for first in "$MNT" "$LOWER"; do
	[ "$first" = "$MNT" ] && second=$LOWER || second=$MNT
	for thaw in "first first" "last first"; do
		note "$first, then $second; $thaw"
		moves || fail "the load does not get on"
		fsfreeze -f "$first"
		[ "$first" = "$LOWER" ] || still "with wtfs frozen"
		# the lower keeps wtfs from syncing what it has, if it is frozen first
		fsfreeze -f "$second" &
		freezer=$!
		if [ "$first" = "$MNT" ]; then
			wait $freezer
			still "with both frozen"
		else
			sleep 0.3
			still "with the lower frozen"
		fi
		if [ "$first" = "$MNT" ] && [ "$thaw" = "first first" ]; then
			fsfreeze -u "$first"
			still "with the lower still frozen"
			fsfreeze -u "$second"
		elif [ "$first" = "$MNT" ]; then
			fsfreeze -u "$second"
			still "with wtfs still frozen"
			fsfreeze -u "$first"
		else
			fsfreeze -u "$LOWER"
			wait $freezer
			fsfreeze -u "$MNT"
		fi
	done
done
moves || fail "the load does not get on after the last thaw"
: >"$STOP"
wait $loader
sync
assert_same "$MNT/stored" "$LOWER/stored" "what was stored"

note "a splice waits until the lower is thawed, without the pipe's lock"
waits() { grep -q '^State:.D' "/proc/$1/status"; }
gone() { [ ! -e "/proc/$1/stat" ]; }
mkfifo "$T/pipe"
exec 8<>"$T/pipe"
head -c 4096 /dev/zero | tr '\0' p >&8
head -c 4096 /dev/zero | tr '\0' q >"$T/q"
# a store that the splice takes along
xfs_io -c "mmap 8k 4k" -c "mwrite -S 0x73 8k 100" "$MNT/written"
fsfreeze -f "$LOWER"
io "$MNT/written" splice:0:8292 <&8 >"$T/spliced" &
splicer=$!
wait_until 20 waits $splicer || trouble="the splice does not wait"
cat "$T/q" >&8 &
wait_until 20 gone $! || trouble="the pipe is locked"
printf '%100s' "" | tr ' ' r >&8
assert_eq "$(cat "$T/spliced")" "" "what a splice says with the lower frozen"
fsfreeze -u "$LOWER"
[ -z "${trouble:-}" ] || fail "$trouble"
wait $splicer
assert_eq "$(cat "$T/spliced")" 8292 "what the splice says in the end"
assert_eq "$(io -l "$LOWER/written" "$MNT/written" lower:0:4096:p lower:4096:4096:q)" \
	$'same\nsame' "what was spliced, on the device"
assert_eq "$(io "$MNT/written" read:8192:100:r fsync)" $'same\nok' "the end of it, and an fsync"

syncs() { grep -q sync_filesystem "/proc/$1/stack"; }
waits_for_lower() { waits "$1" && grep -q wtfs_sync_fs "/proc/$1/stack"; }

# lock_lower: its freeze has its superblock locked until what is dirty is on the device
lock_lower() {
	head -c 65536 /dev/zero >"$LOWER/dirty"
	dm_slow
	fsfreeze -f "$LOWER" &
	freezer=$!
	wait_until 20 syncs $freezer || trouble="the freeze of the lower does not wait for the device"
}

unlock_lower() {
	dm_switch
	wait $freezer
	fsfreeze -u "$LOWER"
	[ -z "${trouble:-}" ] || fail "$trouble"
}

note "a sync waits for who has locked the lower superblock"
dm_fresh
lock_lower
sync -f "$MNT" &
syncer=$!
wait_until 20 waits_for_lower $syncer || trouble="the sync does not wait"
# longer than a freeze would
sleep $((11 + ${SLOW:-1}))
gone $syncer && trouble="the sync gave up"
unlock_lower
ok wait $syncer

note "a freeze does not, or not for long"
lock_lower
fsfreeze -f "$MNT" 2>"$T/said" &
second=$!
wait_until 30 gone $second || trouble="it waits"
unlock_lower
wait $second && fail "frozen, with the lower superblock locked"
assert_eq "$(sed 's/.*: //' "$T/said")" "Device or resource busy" "what fsfreeze says"
ok timeout $((20 * ${SLOW:-1})) xfs_io -f -c "pwrite -q 0 64k" -c "mmap 0 64k" -c "mwrite 0 8k" "$MNT/stored"
ok fsfreeze -f "$MNT"
ok fsfreeze -u "$MNT"
