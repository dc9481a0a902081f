#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: an O_DSYNC write survives a power cut on a drive with a volatile cache, a plain one asks for no flush
# LOWERS: xfs ext4
# LOG: I/O error|EXT4-fs|XFS|JBD2|Aborting journal|wtfs.*error
. "${0%/*}/lib.sh"

# The device keeps what is written in a cache of its own, until a flush or FUA;
# switched off and on, it has lost the cache.
power_cut() {
	local dir

	echo 0 >"$NULLB/nullb0/power"
	# a filesystem whose device is gone answers to nobody but umount
	for dir in "$MNT" "$LOWER"; do
		if grep -q "^[^ ]* $dir " /proc/mounts; then umount "$dir"; fi
	done
	echo 1 >"$NULLB/nullb0/power"
	[ -b "$DEV" ] || fail "the device came back under another name"
}

# run OPERATION...: in one process; what they gave, on one line
run() {
	io -o "create${FLAGS:+,$FLAGS}" -l "$LOWER/file" -d "$DEV" "$MNT/file" "$@" | paste -sd' '
}

# trace COMMAND...: what is asked of the device meanwhile, into $T/trace
trace() {
	local trace=/sys/kernel/tracing

	echo >$trace/trace
	echo 1 >$trace/events/block/block_rq_issue/enable
	"$@" >"$T/asked"
	echo 0 >$trace/events/block/block_rq_issue/enable
	cp $trace/trace "$T/trace"
}

# asked COMMAND...: how many flushes and FUA writes the device got meanwhile
asked() {
	trace "$@"
	# an F before the W is a flush, one behind it FUA
	grep -cE 'block_rq_issue: [0-9,]+ [A-Z]*F[A-Z]* ' "$T/trace" || true
}

# asked_apart COMMAND...: the FUA writes, and the flushes
asked_apart() {
	trace "$@"
	awk '/block_rq_issue: [0-9,]+ WF/ { fua++ } /block_rq_issue: [0-9,]+ F/ { flush++ }
		END { print fua + 0, flush + 0 }' "$T/trace"
}

# raw_byte: the first byte of the device's last MiB
raw_byte() {
	dd if="$DEV" bs=4096 skip=$((599 * 256)) count=1 iflag=direct status=none | head -c 1 | tr '\0' -
}

# so that no journal commits on its own meanwhile
commit=commit=300
if [ "$LOWERFS" = xfs ]; then
	commit=""
	modprobe xfs
	interval=/proc/sys/fs/xfs/xfssyncd_centisecs
	centisecs=$(<$interval)
	trap 'echo $centisecs >$interval' EXIT
	echo 720000 >$interval
fi

fresh --blk cache_size=64 --no-wtfs
umount "$LOWER"

# null_blk's cache takes what goes to a block for the first time; what replaces
# something on the device goes there at once.
note "does the device lose what nobody flushed?"
head -c 4096 /dev/zero | tr '\0' a >"$T/a"
dd if="$T/a" of="$DEV" bs=4096 seek=$((599 * 256)) oflag=direct status=none
assert_eq "$(raw_byte)" a "what was written"
power_cut
assert_eq "$(raw_byte)" - "what was written and not flushed, after a power cut"
dd if="$T/a" of="$DEV" bs=4096 seek=$((599 * 256)) oflag=direct conv=fsync status=none
power_cut
assert_eq "$(raw_byte)" a "what was flushed, after a power cut"

make_fs "$DEV"
mount_lower "$commit"
mount_wtfs
assert_eq "$(run write:0:4194304:A fsync)" "4194304 ok" "writing the file"

note "200 plain writes ask for no flush"
sync
ops=()
for i in {0..199}; do ops+=("write:$((i * 4096)):4096:B"); done
assert_eq "$(asked run "${ops[@]}")" 0 "flushes and FUA for 200 plain writes"
assert_eq "$(run dev:0:819200:B)" same "what they wrote"

note "100 O_DSYNC overwrites, one after the other and all at once: FUA for each, and no flush"
ops=()
for i in {0..99}; do ops+=("write:$((i * 8192)):4096:K"); done
assert_eq "$(run fsync)" ok "fsync"
assert_eq "$(FLAGS=dsync asked_apart run "${ops[@]}")" "100 0" "FUA writes and flushes for 100 O_DSYNC writes"
for engine in uring libaio; do
	assert_eq "$(asked_apart async depth "$MNT/file" 100 4096 8192 L $engine dsync)" "100 0" \
		"FUA writes and flushes for 100 RWF_DSYNC writes by $engine"
done
assert_eq "$(run dev:$((99 * 8192)):4096:L)" same "what they wrote"

note "O_DSYNC, RWF_DSYNC, O_SYNC over what is there: each asks"
for op in write:1048576:65536:C write:2097152:4096:D write:2101248:100:E; do
	assert_gt "$(FLAGS=dsync asked run $op)" 0 "flushes and FUA for an O_DSYNC $op"
	assert_gt "$(FLAGS=sync asked run $op)" 0 "flushes and FUA for an O_SYNC $op"
	assert_gt "$(asked run $op:dsync)" 0 "flushes and FUA for an RWF_DSYNC $op"
	assert_eq "$(run "dev:${op#write:}")" same "what it wrote"
done

note "to where nothing was: into preallocated space, behind the end, far beyond"
assert_eq "$(FLAGS=dsync,append run write:4194304:5000:G)" 5000 "an O_DSYNC append"
assert_eq "$(run allocate:4259840:1048576)" ok "fallocate"
assert_eq "$(run write:4259840:8192:F:dsync write:4300000:300:I:dsync)" "8192 300" "RWF_DSYNC there"
assert_eq "$(run write:6000000:3000:H:sync)" 3000 "RWF_SYNC beyond the end"
power_cut
mount_lower
mount_wtfs
assert_eq "$(run size read:1048576:65536:C read:2097152:4096:D read:2101248:100:E \
	read:4259840:8192:F read:4194304:5000:G read:6000000:3000:H read:4300000:300:I)" \
	"6003000 same same same same same same same" "after a power cut"

note "each write of a mount with -o sync"
umount_wtfs
mount_wtfs sync
assert_gt "$(asked run write:0:100:I)" 0 "flushes and FUA for a plain write"
assert_eq "$(run write:7000000:70000:J)" 70000 "a plain write beyond the end"
power_cut
mount_lower
mount_wtfs
assert_eq "$(run size read:0:100:I read:7000000:70000:J)" "7070000 same same" "after a power cut"

note "each change of names with -o sync or dirsync, and of attributes with sync"
names() {
	local cmd

	for cmd in "mkdir $MNT/dir" "ln $MNT/file $MNT/dir/new" "mv $MNT/dir/new $MNT/moved" \
		"ln -s x $MNT/soft" "rm $MNT/soft $MNT/moved" "rmdir $MNT/dir" "mkfifo $MNT/kept-$1"; do
		# shellcheck disable=SC2086 # a list
		assert_gt "$(asked $cmd)" 0 "flushes and FUA for: $cmd, with $1"
	done
}
umount_wtfs
mount_wtfs dirsync
names dirsync
umount_wtfs
mount_wtfs sync
names sync
for cmd in "chmod 600 $MNT/file" "setfattr -n user.x -v 1 $MNT/file" "setfacl -m u:7:r $MNT/file" \
	"chattr +d $MNT/file"; do
	# shellcheck disable=SC2086
	assert_gt "$(asked $cmd)" 0 "flushes and FUA for: $cmd, with sync"
done
assert_gt "$(asked run allocate:9000000:4096)" 0 "flushes and FUA for fallocate, with sync"
power_cut
mount_lower
mount_wtfs
[ -p "$MNT/kept-sync" ] || fail "a name made with sync is gone after a power cut"
[ -p "$MNT/kept-dirsync" ] || fail "a name made with dirsync is gone after a power cut"
assert_eq "$(stat -c %a "$MNT/file")" 640 "the mode after a power cut"

note "fsync after plain writes and mapped stores"
assert_eq "$(run write:8000000:10000:K store:8005000:100:L fsync)" "10000 ok ok" "writes"
power_cut
mount_lower
mount_wtfs
assert_eq "$(run read:8000000:5000:K read:8005000:100:L)" "same same" "after a power cut"
