#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: mount options: what they do and show, and a sentence for each thing that can't be
# LOWERS: xfs ext4
# KERNELS: 6.1/ext4
# LOG: wtfs: .*(already mounted|bogus|not a directory|does not exist|missing|on wtfs already|read-only|as deep as)
. "${0%/*}/lib.sh"

OTHER=$T/other

fresh
mkdir -p "$OTHER" "$LOWER/sub"
echo hello >"$MNT/hello"

note "options, and what /proc/mounts shows"
assert_eq "$(shown_options)" "" "the options of a plain mount"
assert_eq "$(shown_source)" "$LOWER" "the source"
umount_wtfs
for opt in writeback stable=mapping io=buffered writeback,stable=mapping,io=buffered; do
	mount_wtfs "$opt"
	assert_eq "$(shown_options)" "$opt" "the options shown"
	umount_wtfs
done
mount_wtfs writethrough,stable=folio,io=direct
assert_eq "$(shown_options)" "" "the defaults, given"
umount_wtfs
cd "$LOWER"
mount -t wtfs ./sub "$MNT"
cd /
echo "a relative source is shown as $(shown_source)"
echo x >"$MNT/in-sub"
[ -e "$LOWER/sub/in-sub" ] || fail "mounting ./sub does not show $LOWER/sub"
umount_wtfs

note "remounting"
mount_wtfs
for opt in writeback stable=mapping; do
	mount -o "remount,$opt" "$MNT"
	case ,$(shown_options), in
	*,$opt,*) ;;
	*) fail "after remount,$opt the options are '$(shown_options)'" ;;
	esac
done
mount -o remount,writethrough,stable=folio "$MNT"
assert_eq "$(shown_options)" "" "the options after a remount to the defaults"
mount -o remount,ro "$MNT"
not_ok touch "$MNT/new" 2>/dev/null
mount -o remount,rw "$MNT"
touch "$MNT/new"
if mount -o remount,bogus "$MNT" 2>"$T/err"; then fail "remount,bogus is not refused"; fi
grep -q bogus "$T/err" || fail "remount,bogus: $(cat "$T/err")"
assert_eq "$(cat "$MNT/hello")" hello "a file after a refused remount"
umount_wtfs

note "what is refused"
mount_refused bogus -o bogus "$LOWER" "$MNT"
mount_refused "stable|bogus" -o stable=bogus "$LOWER" "$MNT"
mount_refused "io|bogus" -o io=bogus "$LOWER" "$MNT"
mount_refused "not a directory" "$LOWER/hello" "$MNT"
mount_refused "not exist|no such" "$LOWER/nothing" "$MNT"
mount_refused "lower|source|missing" "" "$MNT"
if is_mounted "$MNT"; then fail "a refused mount is there"; fi

note "on wtfs, and under overlayfs"
mount_wtfs
mount_refused "wtfs already|deep" "$MNT" "$OTHER"
mount_refused "wtfs already|deep" "$MNT/sub" "$OTHER"
if modprobe overlay 2>/dev/null; then
	mkdir "$T/upper" "$T/work"
	mount -t overlay -o "lowerdir=$MNT,upperdir=$T/upper,workdir=$T/work" overlay "$OTHER"
	assert_eq "$(cat "$OTHER/hello")" hello "a file through overlayfs"
	mount_refused "deep|already" "$OTHER" "$T/work"
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
