#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: a file handle is the lower's, and leads to the file after caches were dropped, renames and new mounts
# LOWERS: xfs ext4
# KERNELS: 6.1/ext4
. "${0%/*}/lib.sh"

# handle PATH: its handle, in a file; twice for one path is the same file
handle() {
	echo "$T/handle_$(tr / _ <<<"$1")"
}

# by_handle COMMAND PATH...: with the handle that PATH had
by_handle() {
	fhandle "$1" "$MNT" "$(handle "$2")" "${@:3}"
}

# forget: no wtfs inode is left in memory
forget() {
	cd /
	umount_wtfs
	mount_wtfs
	drop_caches
}

# ino PATH
ino() { stat -c %i "$MNT/$1"; }

fresh
mkdir -p "$MNT/a/b/c" "$MNT/gone/sub"
echo hello >"$MNT/a/b/c/file"
echo top >"$MNT/top"
ln "$MNT/top" "$MNT/a/linked"
ln -s target "$MNT/a/soft"
echo doomed >"$MNT/doomed"
for path in . a a/b/c a/b/c/file top a/soft doomed gone gone/sub; do
	assert_eq "$(fhandle get "$MNT/$path" "$(handle $path)")" "" "the handle of $path"
	fhandle get "$LOWER/$path" "$T/lower"
	assert_same "$(handle $path)" "$T/lower" "the handle of $path, and of it below"
done

note "nothing cached but the handle"
for round in "caches dropped" "mounted again"; do
	[ "$round" = "mounted again" ] && forget || drop_caches
	assert_eq "$(by_handle cat a/b/c/file)" hello "a file in a directory, $round"
	assert_eq "$(by_handle in a/b/c file)" hello "a file of a directory, $round"
	assert_eq "$(by_handle open a | cut -d' ' -f1,5)" "dir $MNT/a" "a directory, $round"
	assert_eq "$(by_handle open . | cut -d' ' -f1,5)" "dir $MNT" "the root, $round"
	assert_eq "$(by_handle open a/soft | cut -d' ' -f1)" link "a symbolic link, $round"
	assert_eq "$(by_handle open top | cut -d' ' -f1-4)" "file $(ino top) 2 4" "a file with two links, $round"
done

note "a directory that was found by its handle is the one that lookups find"
forget
assert_eq "$(by_handle in a/b/c file)" hello "by handle"
assert_eq "$(cat "$MNT/a/b/c/file")" hello "by name after by handle"
echo new >"$MNT/a/b/c/new"
assert_eq "$(by_handle in a/b/c new)" new "what was made by name, by handle"
rm "$MNT/a/b/c/new"

note "renamed"
mv "$MNT/a/b" "$MNT/moved"
drop_caches
assert_eq "$(by_handle cat a/b/c/file)" hello "after its directory was renamed"
assert_eq "$(by_handle open a/b/c | cut -d' ' -f5)" "$MNT/moved/c" "the path of the directory"

note "written by handle, read by name"
echo more >>"$MNT/moved/c/file"
assert_eq "$(by_handle cat a/b/c/file)" $'hello\nmore' "what was appended by name"

note "gone, but open"
exec 5<"$MNT/doomed"
rm "$MNT/doomed"
got=$(by_handle cat doomed)
assert_eq "$got" "$(fhandle cat "$LOWER" "$(handle doomed)")" "an unlinked file that is open, and below"
exec 5<&-

note "gone"
rm -r "$MNT/gone"
drop_caches
assert_eq "$(by_handle open doomed)" ESTALE "a removed file"
assert_eq "$(by_handle open gone)" ESTALE "a removed directory"
assert_eq "$(by_handle open gone/sub)" ESTALE "a removed directory in one"
head -c 8 "$(handle top)" >"$T/short"
printf '\377%.0s' {1..8} >>"$T/short"
assert_eq "$(fhandle open "$MNT" "$T/short")" "$(fhandle open "$LOWER" "$T/short")" "a handle of nothing, and below"

note "a part of the lower: nothing beside it"
forget
umount_wtfs
mount -t wtfs "$LOWER/moved" "$MNT"
assert_eq "$(by_handle open a/b/c | cut -d' ' -f1,5)" "dir $MNT/c" "a directory in it"
assert_eq "$(by_handle open a)" ESTALE "a directory beside it"
assert_eq "$(by_handle open .)" ESTALE "the one above it"
umount_wtfs
