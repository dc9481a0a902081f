#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: what is asked of the filesystem as a whole: trimming, labels, remounting the lower, attributes that forbid
# LOWERS: xfs ext4
# KERNELS: 6.1/ext4
. "${0%/*}/lib.sh"

# said COMMAND...: the last words of its complaint
said() {
	{ "$@" 2>&1 || true; } | sed 's/.*: //'
}

fresh --blk discard=1
cd "$MNT"

note "fstrim"
dd if=/dev/zero of=big bs=1M count=20 status=none
rm big
sync
got=$(fstrim -v "$MNT")
note "$got"
grep -q 'trimmed' <<<"$got" || fail "fstrim: $got"

note "the label, and the version of an inode"
: >file
xfs_io -c "label -s wtfs-test" . >/dev/null
assert_eq "$(xfs_io -c label "$MNT")" "$(xfs_io -c label "$LOWER")" "the label"
grep -q wtfs-test < <(xfs_io -c label "$MNT") || fail "the label was not set"
if [ "$LOWERFS" = ext4 ]; then
	assert_eq "$(lsattr -v file | cut -d' ' -f1)" "$(lsattr -v "$LOWER/file" | cut -d' ' -f1)" "the version"
fi

note "no label is set on a wtfs that is read-only, over a lower that is not"
mount -o remount,ro "$MNT"
xfs_io -r -c "label -s other" "$MNT" >/dev/null 2>&1 || true
assert_eq "$(xfs_io -r -c label "$MNT")" 'label = "wtfs-test"' "the label"
mount -o remount,rw "$MNT"

note "no swap file"
dd if=/dev/zero of=swap bs=1M count=2 status=none
chmod 600 swap
mkswap -q swap
assert_eq "$(said swapon swap)" "Operation not supported" "swapon"

note "immutable, and append-only"
echo one >still
chattr +i still
for cmd in 'echo x >>still' 'rm still' 'mv still moved' 'ln still linked' 'chmod 600 still' 'truncate -s 1 still' 'touch still'; do
	assert_eq "$(said sh -c "$cmd")" "Operation not permitted" "$cmd"
done
chattr -i still
echo two >./more
chattr +a more
echo three >>./more
assert_eq "$(said sh -c 'echo x >more')" "Operation not permitted" "truncating what is append-only"
not_ok truncate -s 1 more 2>/dev/null
assert_eq "$(cat more)" $'two\nthree' "the append-only file"
chattr -a more

note "stores to what has become immutable: as on the lower"
for dir in "$LOWER" "$MNT"; do
	dd if=/dev/zero of="$dir/mapped" bs=4k count=1 status=none
	status=0
	(
		xfs_io -c "mmap 0 4k" -c "mread 0 1" -c "chattr +i" -c "mwrite -S 0x41 0 1" -c "msync -s" "$dir/mapped"
	) >/dev/null 2>&1 || status=$?
	echo "exit status $status"
	chattr -i "$dir/mapped"
	rm "$dir/mapped"
done >"$T/stores"
assert_eq "$(head -n 1 "$T/stores")" "$(tail -n 1 "$T/stores")" "a store to an immutable file"

note "the lower becomes read-only when nobody writes, whoever reads"
echo text >reader
cat reader >/dev/null
exec 7<reader
echo more >>reader
ok mount -o remount,ro "$LOWER"
assert_eq "$(cat reader)" $'text\nmore' "reading over a read-only lower"
assert_eq "$(said sh -c 'echo x >>reader')" "Read-only file system" "a write over a read-only lower"
assert_eq "$(said mkdir new)" "Read-only file system" "mkdir over a read-only lower"
mount -o remount,rw "$LOWER"
echo again >>reader
assert_eq "$(tail -n 1 reader)" again "a write after the lower is writable again"
exec 7<&-

note "and not while somebody writes"
exec 8>>reader
not_ok mount -o remount,ro "$LOWER" 2>/dev/null
exec 8>&-

note "shut down"
xfs_io -x -c "shutdown -f" "$MNT"
not_ok sh -c 'echo x >>reader' 2>/dev/null
not_ok sync "$MNT/reader" 2>/dev/null
cd /
umount_wtfs
umount "$LOWER"
mount_lower
mount_wtfs
assert_eq "$(tail -n 1 "$MNT/reader")" again "a file after a shutdown"

[ "$LOWERFS" = ext4 ] || exit 0

# remount [OPTION]: both anew. Data is journaled only where blocks are not allocated
# late, and the journal is not to be committed just in time.
remount() {
	umount_wtfs
	umount "$LOWER"
	mount_lower "${1:-nodelalloc},commit=600"
	mount_wtfs
}

dsync_counter() { echo "/sys/fs/wtfs/$(mountpoint -d "$MNT")/lower_dsync"; }

# first_byte FILE
first_byte() {
	xfs_io -r -c "pread -v 0 1" "$1" | sed -n 's/^0*: *\(..\) .*/0x\1/p'
}

# journaled BYTE DIR: fill the beginning of the file with it after a chattr +j there, and
# have everything stop with nothing more written to the journal. Fd 7 is the file, open.
journaled() {
	local counter before

	counter=$(dsync_counter)
	cat <&7 >/dev/null
	chattr +j "$2/journaled"
	before=$(<"$counter")
	xfs_io -c "pwrite -q -S $1 0 4k" "$MNT/journaled"
	[ "$(<"$counter")" -gt "$before" ] || fail "the lower was not asked to commit it"
	xfs_io -x -c shutdown "$MNT"
	exec 7<&-
	remount
	assert_eq "$(first_byte "$MNT/journaled")" "$1" "what was written before everything stopped"
	chattr -j "$MNT/journaled"
}

note "chattr +j while a file is open to read: what is written after it is in the journal"
dd if=/dev/zero of="$MNT/journaled" bs=4k count=4 status=none
remount
exec 7<"$MNT/journaled"
journaled 0x41 "$LOWER"

note "and while it is open to write"
remount
exec 7<>"$MNT/journaled"
journaled 0x42 "$MNT"

# small COMMAND...: what xfs_io is to do to a file before everything stops
small() {
	xfs_io -x -f "$@" -c shutdown "$MNT/small"
	remount
}

note "a small file in its inode: the first data is in the journal"
fresh --mkfs "-O inline_data"
remount
small -c "truncate 10" -c fsync -c "pwrite -q -S 0x61 0 10"
assert_eq "$(first_byte "$MNT/small")" 0x61 "what was written before everything stopped"
lsattr "$LOWER/small" | grep -q '^[^ ]*N' || fail "it is not in the inode"

note "and so are they in a file with a hole behind, written through the lower's cache"
rm "$MNT/small"
mount -o remount,io=buffered "$MNT"
small -c "truncate 1m" -c fsync -c "pwrite -q -S 0x65 0 10"
assert_eq "$(first_byte "$MNT/small")" 0x65 "what was written before everything stopped"

note "and so is what it is overwritten with"
rm "$MNT/small"
small -c "pwrite -q -S 0x61 0 10" -c fsync -c "pwrite -q -S 0x62 0 10"
assert_eq "$(first_byte "$MNT/small")" 0x62 "what was written before everything stopped"

note "and what is taken out by a write elsewhere is not lost"
remount delalloc
small -c "pwrite -q -S 0x63 8k 10"
assert_eq "$(first_byte "$MNT/small")" 0x62 "what was written before that"

note "and when it has grown it is a file like any other"
rm "$MNT/small"
before=$(<"$(dsync_counter)")
xfs_io -f -c "pwrite -q 0 10" -c "pwrite -q -b 4k 0 64k" -c "pwrite -q -b 4k -S 0x64 0 64k" "$MNT/small"
assert_eq "$(($(<"$(dsync_counter)") - before))" 2 "writes that the lower was asked to commit"
assert_eq "$(first_byte "$LOWER/small")" 0x64 "its first byte"
