#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: of what the lower encrypts nothing stays in wtfs: a key that is removed is gone, and with it what it decrypted
# LOWERS: ext4
. "${0%/*}/lib.sh"

fresh --mkfs "-O encrypt"
mkdir "$LOWER/secret"
ok fskey add "$LOWER" "$LOWER/secret"

note "files, names that are not there, and directories"
mkdir "$MNT/secret/dir"
xfs_io -f -c "pwrite -q -S 0x41 0 100000" "$MNT/secret/written"
xfs_io -f -c "pwrite -q -S 0x41 0 8k" -c "mmap 0 8k" -c "mwrite -S 0x42 0 8k" "$MNT/secret/dir/stored"
cat "$MNT/secret/written" >/dev/null
not_ok cat "$MNT/secret/dir/none" 2>/dev/null
ln "$MNT/secret/written" "$MNT/secret/dir/linked"
ln -s written "$MNT/secret/soft"
cat "$MNT/secret/soft" >/dev/null
ls -lR "$MNT/secret" >/dev/null
mv "$MNT/secret/dir/linked" "$MNT/secret/other"
sync

note "the key is removed"
assert_eq "$(fskey remove "$LOWER")" 0 "what is still in use"
for name in written soft other dir/stored; do
	not_ok cat "$MNT/secret/$name" 2>/dev/null
done
assert_eq "$(find "$MNT/secret" -name 'written' | wc -l)" 0 "names that are still there to be read"
assert_ne "$(find "$MNT/secret" -mindepth 1 | wc -l)" 0 "names without the key"

note "and is back"
mkdir "$LOWER/again"
ok fskey add "$LOWER" "$LOWER/again"
xfs_io -f -c "pwrite -q -S 0x41 0 100000" "$T/want"
assert_same "$MNT/secret/written" "$T/want" "what was written"
xfs_io -f -c "pwrite -q -S 0x42 0 8k" "$T/want8"
assert_same "$MNT/secret/dir/stored" "$T/want8" "what was stored"
