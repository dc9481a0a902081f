#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: mounting: what the options do and show, and a sentence for each thing that can't be
# LOWERS: xfs ext4
# KERNELS: 6.1/ext4
# TIME: 40
# DEBUG: ext4
# LOG: wtfs: .*(already mounted|bogus|not a directory|does not exist|missing|on wtfs already|read-only|as deep as)
. "${0%/*}/lib.sh"

OTHER=$T/other

# options: of wtfs on MNT in /proc/mounts, those of every filesystem left out
options() {
	awk -v m="$MNT" '$2 == m && $3 == "wtfs" { o = $4 } END { print o }' /proc/mounts |
		tr , '\n' | sed -E '/^(rw|ro|relatime)$/d' | paste -sd,
}

# source_of [MOUNTPOINT]
source_of() {
	awk -v m="${1:-$MNT}" '$2 == m && $3 == "wtfs" { o = $1 } END { print o }' /proc/mounts
}

# refused WORDS mount-argument...: it fails, and the message matches WORDS
refused() {
	local words=$1 text status=0

	shift
	text=$(mount -t wtfs "$@" 2>&1) || status=$?
	[ $status != 0 ] || fail "not refused: mount -t wtfs $*"
	note "mount -t wtfs $*: $text"
	grep -qiE "$words" <<<"$text" || fail "mount -t wtfs $*: nothing about '$words' in: $text"
}

# unused: no wtfs is mounted anywhere
unused() { [ "$(cat /sys/module/wtfs/refcnt)" = 0 ]; }

fresh
mkdir -p "$OTHER" "$T/again" "$LOWER/sub"
echo hello >"$MNT/hello"

note "options, and what /proc/mounts shows"
assert_eq "$(options)" "" "the options of a plain mount"
assert_eq "$(source_of)" "$LOWER" "the source"
umount_wtfs
for opt in writeback stable=mapping io=buffered writeback,stable=mapping,io=buffered; do
	mount_wtfs "$opt"
	assert_eq "$(options)" "$opt" "the options shown"
	umount_wtfs
done
mount_wtfs writethrough,stable=folio,io=direct
assert_eq "$(options)" "" "the defaults, given"
umount_wtfs
cd "$LOWER"
mount -t wtfs ./sub "$MNT"
cd /
echo "a relative source is shown as $(source_of)"
echo x >"$MNT/in-sub"
[ -e "$LOWER/sub/in-sub" ] || fail "mounting ./sub does not show $LOWER/sub"
umount_wtfs

note "remounting"
mount_wtfs
for opt in writeback stable=mapping; do
	mount -o "remount,$opt" "$MNT"
	case ,$(options), in
	*,$opt,*) ;;
	*) fail "after remount,$opt the options are '$(options)'" ;;
	esac
done
mount -o remount,writethrough,stable=folio "$MNT"
assert_eq "$(options)" "" "the options after a remount to the defaults"
mount -o remount,ro "$MNT"
not_ok touch "$MNT/new" 2>/dev/null
mount -o remount,rw "$MNT"
touch "$MNT/new"
if mount -o remount,bogus "$MNT" 2>"$T/err"; then fail "remount,bogus is not refused"; fi
grep -q bogus "$T/err" || fail "remount,bogus: $(cat "$T/err")"
assert_eq "$(cat "$MNT/hello")" hello "a file after a refused remount"
umount_wtfs

note "what is refused"
refused bogus -o bogus "$LOWER" "$MNT"
refused "stable|bogus" -o stable=bogus "$LOWER" "$MNT"
refused "io|bogus" -o io=bogus "$LOWER" "$MNT"
refused "not a directory" "$LOWER/hello" "$MNT"
refused "not exist|no such" "$LOWER/nothing" "$MNT"
refused "lower|source|missing" "" "$MNT"
if is_mounted "$MNT"; then fail "a refused mount is there"; fi

note "on wtfs, and under overlayfs"
mount_wtfs
refused "wtfs already|deep" "$MNT" "$OTHER"
refused "wtfs already|deep" "$MNT/sub" "$OTHER"
if modprobe overlay 2>/dev/null; then
	mkdir "$T/upper" "$T/work"
	mount -t overlay -o "lowerdir=$MNT,upperdir=$T/upper,workdir=$T/work" overlay "$OTHER"
	assert_eq "$(cat "$OTHER/hello")" hello "a file through overlayfs"
	refused "deep|already" "$OTHER" "$T/work"
	umount "$OTHER"
else
	note "no overlayfs here"
fi

note "who may not"
if unshare -Urm mount -t wtfs "$LOWER" "$OTHER" 2>"$T/err"; then
	fail "a user namespace may mount wtfs"
fi
grep -qi 'permi' "$T/err" || fail "in a user namespace: $(cat "$T/err")"
if setpriv --reuid 1234 --clear-groups mount -t wtfs "$LOWER" "$OTHER" 2>"$T/err"; then
	fail "a user may mount wtfs"
fi
[ -s "$T/err" ] || fail "no message for a user who may not mount"

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
refused "already mounted" "$LOWER" "$OTHER"
refused "already mounted" "$LOWER/sub/below" "$OTHER"
mount --bind "$MNT/sub" "$OTHER"
assert_eq "$(ls "$OTHER")" $'below\nin-sub' "a bind mount of a directory"
umount "$OTHER"
umount_wtfs
mount -t wtfs "$LOWER/sub" "$MNT"
refused "already mounted" "$LOWER" "$OTHER"
mount --bind "$LOWER" "$T/again"
refused "already mounted" "$T/again/sub" "$OTHER"
umount "$T/again"
ok mount -t wtfs "$LOWER/beside" "$OTHER"
umount "$OTHER"
umount_wtfs

note "over itself"
mount -t wtfs "$LOWER" "$LOWER"
assert_eq "$(findmnt -n -o FSTYPE --mountpoint "$LOWER" | tail -n 1)" wtfs "what is mounted there"
assert_eq "$(source_of "$LOWER")" "$LOWER" "the source"
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
case ,$(options), in
*,writeback,*) ;;
*) fail "mounted from fstab, the options are '$(options)'" ;;
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
assert_eq "$(options)" stable=mapping "the options with the parameter"
umount_wtfs
mount_wtfs stable=folio
assert_eq "$(options)" "" "the options that override the parameter"
umount_wtfs
rmmod wtfs
