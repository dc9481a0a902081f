#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: what is mounted: twice, over itself, in use, gone with its lower, its namespace or its mount point
# LOWERS: xfs ext4
# KERNELS: 6.1/ext4
# TIME: 30
# DEBUG: ext4
# LOG: wtfs: .*(already mounted|bogus|not a directory|does not exist|missing|on wtfs already|read-only|as deep as)
. "${0%/*}/lib.sh"

OTHER=$T/other

# unused: no wtfs is mounted anywhere
unused() { [ "$(cat /sys/module/wtfs/refcnt)" = 0 ]; }

fresh
mkdir -p "$OTHER" "$T/again" "$LOWER/sub"
echo hello >"$MNT/hello"

note "in use"
if rmmod wtfs 2>"$T/err"; then fail "rmmod while mounted is not refused"; fi
grep -q 'in use' "$T/err" || fail "rmmod while mounted: $(cat "$T/err")"
if umount "$LOWER" 2>"$T/err"; then fail "the lower is unmounted from below wtfs"; fi
grep -qi busy "$T/err" || fail "umount of the lower: $(cat "$T/err")"
umount -l "$LOWER"
note "the lower was unmounted lazily; wtfs goes on"
echo more >>"$MNT/hello"
assert_eq "$(cat "$MNT/hello")" $'hello\nmore' "a file after the lower was unmounted"
umount_wtfs
mount_lower
assert_eq "$(cat "$LOWER/hello")" $'hello\nmore' "the lower file"
mount_wtfs
exec 5<"$MNT/hello"
not_ok umount "$MNT" 2>/dev/null
exec 5<&-
umount_wtfs
umount "$LOWER"
mount_lower

note "twice over the same lower, or parts of it; and a bind mount"
mkdir -p "$LOWER/sub/below" "$LOWER/beside"
mount_wtfs
mount_refused "already mounted" "$LOWER" "$OTHER"
mount_refused "already mounted" "$LOWER/sub/below" "$OTHER"
mount --bind "$MNT/sub" "$OTHER"
assert_eq "$(ls "$OTHER")" below "a bind mount of a directory"
umount "$OTHER"
umount_wtfs
mount -t wtfs "$LOWER/sub" "$MNT"
mount_refused "already mounted" "$LOWER" "$OTHER"
mount --bind "$LOWER" "$T/again"
mount_refused "already mounted" "$T/again/sub" "$OTHER"
umount "$T/again"
ok mount -t wtfs "$LOWER/beside" "$OTHER"
umount "$OTHER"
umount_wtfs

note "over itself"
mount -t wtfs "$LOWER" "$LOWER"
assert_eq "$(findmnt -n -o FSTYPE --mountpoint "$LOWER" | tail -n 1)" wtfs "what is mounted there"
assert_eq "$(shown_source "$LOWER")" "$LOWER" "the source"
echo over >"$LOWER/over"
umount "$LOWER"
assert_eq "$(cat "$LOWER/over")" over "the lower after it"

note "over itself, and gone with its namespace"
unshare -m --propagation private sh -c "mount -t wtfs $LOWER $LOWER && echo x >$LOWER/x"
wait_until 10 unused || fail "wtfs is still in use after its namespace has gone"

note "over itself, and gone with its mount point"
mkdir "$T/point"
unshare -m --propagation private sh -c "
	mount --bind $LOWER $T/point && mount -t wtfs $T/point $T/point && echo y >$T/point/y && sleep 60" &
sleeper=$!
wait_until 10 [ -e "$LOWER/y" ]
rmdir "$T/point"
wait_until 30 unused || fail "wtfs is still in use after its mount point was removed"
kill $sleeper

note "from fstab"
echo "$LOWER $MNT wtfs writeback,noatime 0 0" >"$T/fstab"
mount --fstab "$T/fstab" "$MNT"
case ,$(shown_options), in
*,writeback,*) ;;
*) fail "mounted from fstab, the options are '$(shown_options)'" ;;
esac
grep -qE "^$LOWER $MNT wtfs [^ ]*noatime" /proc/mounts || fail "noatime is not shown"
umount_wtfs

note "a lower that is read-only"
mount -o remount,ro "$LOWER"
mount_wtfs
findmnt -n -o OPTIONS "$MNT" | grep -qE '(^|,)ro(,|$)' || fail "wtfs over a read-only lower is not read-only"
if touch "$MNT/new" 2>"$T/err"; then fail "a write to a read-only lower succeeded"; fi
if sh -c "echo x >>$MNT/hello" 2>"$T/err"; then fail "a write to a read-only lower succeeded"; fi
grep -qi 'read-only' "$T/err" || fail "a write to a read-only lower: $(cat "$T/err")"
assert_eq "$(head -n 1 "$MNT/hello")" hello "reading there"
if mount -o remount,rw "$MNT" 2>"$T/err"; then
	not_ok touch "$MNT/new" 2>/dev/null
fi
umount_wtfs
mount -o remount,rw "$LOWER"

note "the module's parameter"
rmmod wtfs
if insmod /payload/wtfs.ko stable=bogus 2>"$T/err"; then fail "stable=bogus is not refused"; fi
[ -s "$T/err" ] || fail "no message for stable=bogus"
insmod /payload/wtfs.ko stable=mapping
assert_eq "$(cat /sys/module/wtfs/parameters/stable)" mapping "the parameter"
mount_wtfs
assert_eq "$(shown_options)" stable=mapping "the options with the parameter"
umount_wtfs
mount_wtfs stable=folio
assert_eq "$(shown_options)" "" "the options that override the parameter"
umount_wtfs
rmmod wtfs
