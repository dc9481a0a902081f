#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: with SELinux, which labels wtfs by xattr, domains may do on wtfs what they may do on the lower
# LOWERS: xfs ext4
# TIMEOUT: 240
# NEEDS: a kernel with SELinux in charge: tests/host/security.sh boots one
. "${0%/*}/lib.sh"

FS=/sys/fs/selinux
SOME="namespace.readdir_types namespace.tmpfile_* attr.fallocate_clears_setid data.ficlone*
	data.dedupe data.aio_kinds attr.xattr_kinds_of_files namespace.rename_plain"
[ -z "${LONG:-}" ] || SOME=""

grep -qs selinux /sys/kernel/security/lsm || skip "SELinux is not in charge"
mount -t selinuxfs selinuxfs $FS
secilc -c 33 -o "$T/policy" -f /dev/null "${0%/*}/selinux.cil"
cat "$T/policy" >$FS/load
fresh_twice

# again: wtfs anew, with nothing cached
again() {
	umount_wtfs
	mount_wtfs
	echo 3 >/proc/sys/vm/drop_caches
}

note "a file handle is decoded for an inode whose label is not known yet"
mkdir "$MNT/dir"
: >"$MNT/dir/file"
setfattr -n security.selinux -v user:object_r:secret_t "$MNT/dir/file"
fhandle get "$MNT/dir" "$T/dir"
fhandle get "$MNT/dir/file" "$T/file"
again
fhandle open "$MNT" "$T/dir" | grep ^dir || fail "the directory by its handle"
again
fhandle open "$MNT" "$T/file" | grep ^file || fail "the file by its handle"
assert_eq "$(getfattr --only-values -n security.selinux "$MNT/dir/file" 2>/dev/null | tr -d '\0')" \
	user:object_r:secret_t "its label"
rm -r "$MNT/dir"

echo 1 >$FS/enforce
compare -t $((30 * ${SLOW:-1})) "$PLAIN" "$PLAIN_DEV" "$MNT" "$DEV" 'confined.selinux*'
# shellcheck disable=SC2086 # patterns, that match no file here
(cd "$T" && compare -t $((30 * ${SLOW:-1})) -c selinux:one_t "$PLAIN" "$PLAIN_DEV" "$MNT" "$DEV" $SOME)
echo 0 >$FS/enforce
