#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: what stat, open, truncate and ioctls go by is what the lower's inode says, and it hears of write hints
# LOWERS: xfs ext4
# PROCESSORS: 2
. "${0%/*}/lib.sh"

# known FILE...: wtfs has their inodes, and nobody has them open
known() {
	(cd "$MNT" && cat "$@" >/dev/null)
}

fresh
cd "$MNT"
echo 0123456789 | tee grown cut append owner race >/dev/null
known grown cut append owner

note "sizes that changed below"
echo more >>"$LOWER/grown"
truncate -s 3 "$LOWER/cut"
assert_eq "$(stat -c %s grown cut | paste -sd' ')" "16 3" "sizes"
assert_eq "$(cat cut)" 012 "what was cut"
assert_eq "$(wc -c <grown)" 16 "what can be read"

note "chattr +a below, seen by nobody but an open"
chattr +a "$LOWER/append"
for open in '>append' '1<>append'; do
	if (eval ": $open") 2>/dev/null; then fail "opened without O_APPEND: $open"; fi
done
not_ok truncate -s 3 append 2>/dev/null
echo more >>append
assert_eq "$(<"$LOWER/append")" $'0123456789\nmore' "the file that was appended to"
chattr -a "$LOWER/append"
: >append
assert_eq "$(stat -c %s "$LOWER/append")" 0 "the size when it is an ordinary file again"

note "an owner who changed below"
chown 1234 "$LOWER/owner"
# O_NOATIME is for the owner
ok setpriv --reuid 1234 --clear-groups dd if=owner iflag=noatime of=/dev/null status=none

note "flags, beside somebody who reads"
mount -o remount,strictatime "$MNT"
ok flagrace race "$(rounds 2000 200 50000)"

note "blocks"
head -c 100000 /dev/zero >blocks
assert_eq "$(inodeinfo size blocks)" "$(inodeinfo size "$LOWER/blocks")" "FIOQSIZE after a write"
xfs_io -c "falloc 0 1m" -c fsync blocks
assert_eq "$(inodeinfo size blocks)" "$(inodeinfo size "$LOWER/blocks")" "FIOQSIZE after fallocate"
xfs_io -f -c "truncate 1m" -c "mmap 0 1m" -c "mwrite 0 1m" -c "msync -s" stores
assert_eq "$(inodeinfo size stores)" "$(inodeinfo size "$LOWER/stores")" "FIOQSIZE after msync"

note "write hints"
ok inodeinfo hint blocks 3 "$LOWER/blocks"
ok inodeinfo hint stores 5 "$LOWER/stores"

note "leases on directories"
mkdir dir
assert_eq "$(inodeinfo lease dir)" "$(inodeinfo lease "$LOWER/dir")" "leases and delegations"
