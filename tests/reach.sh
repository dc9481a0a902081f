#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: whoever reaches the lower files does not hang, and the administrator is told
# LOWERS: xfs ext4
. "${0%/*}/lib.sh"

# logged PATTERN
logged() {
	dmesg | grep -qE "wtfs: .*$1"
}

fresh --no-wtfs
load_wtfs
head -c 4M /dev/urandom >"$LOWER/file"
mkdir "$LOWER/over" "$LOWER/beside" "$T/hidden"
chmod 0700 "$T/hidden"
mkdir "$T/hidden/lower"

note "open for writing, below and beside what is mounted"
exec 5>"$LOWER/over/open" 6>"$LOWER/over/second" 7<"$LOWER/file"
dmesg -C
mount -t wtfs "$LOWER/over" "$LOWER/over"
logged "over: 2 lower files are open for writing" || fail "nothing about files that are open for writing"
exec 5>&- 6>&- 7<&-
umount "$LOWER/over"
exec 5>"$LOWER/beside/open"
dmesg -C
mount -t wtfs "$LOWER/over" "$LOWER/over"
exec 5>&-
if logged "open for writing"; then fail "a file beside what is mounted is reported"; fi

note "over itself, hidden, and open to all"
mount --bind "$LOWER/beside" "$T/hidden/lower"
mkdir "$T/beside"
mount -t wtfs "$T/hidden/lower" "$T/beside"
mkdir "$LOWER/reachable"
mount -t wtfs "$LOWER/reachable" "$MNT"
wait_until 20 logged "users can reach the lower directory $LOWER/reachable" ||
	fail "the log does not say that users can reach the lower"
if logged "lower directory [^ ]*(over|hidden)"; then fail "a lower that users can't reach is reported"; fi
umount "$MNT" "$LOWER/over" "$T/beside" "$T/hidden/lower"

note "a mapping of a wtfs file as the buffer for its lower file"
mount_wtfs
also="read"
[ ! -e /proc/lockdep ] || also=""
# shellcheck disable=SC2086 # or none
timeout -s KILL 60 selflock "$MNT/file" "$LOWER/file" 4 $also
assert_eq "$(head -c 4096 "$MNT/file" | wc -c)" 4096 "what can be read afterwards"
