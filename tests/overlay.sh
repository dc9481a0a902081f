#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: overlayfs works with its upper and its lower directory on wtfs, and misses nothing there
# LOWERS: xfs ext4
# KERNELS: 6.1/xfs
. "${0%/*}/lib.sh"

OVER=$T/over

mount_overlay() {
	mount -t overlay -o "lowerdir=$MNT/low,upperdir=$MNT/up,workdir=$MNT/work${1:+,$1}" overlay "$OVER"
}

# what is in the overlay, without times
tree() {
	(cd "$OVER" && find . -type f -exec md5sum {} + | sort)
	(cd "$OVER" && find . -printf '%p %M %n %u %g %s %l\n' | sort)
}

modprobe overlay 2>/dev/null || skip "no overlayfs here"
fresh
mkdir -p "$OVER" "$MNT"/{low,up,work} "$MNT/low/dir/sub"
dd if=/dev/urandom of="$MNT/low/big" bs=64k count=10 status=none
cp "$MNT/low/big" "$T/big"
echo low >"$MNT/low/dir/file"
echo low >"$MNT/low/dir/sub/file"
setfattr -n user.x -v y "$MNT/low/dir/file"

mount_overlay "redirect_dir=on,index=on"
if dmesg | grep -iE 'overlayfs: .*(upper fs|falling back|does not support|not supported)'; then
	fail "overlayfs misses something in wtfs"
fi

note "copied up, changed, removed, renamed"
echo more >>"$OVER/big"
echo more >>"$T/big"
assert_same "$OVER/big" "$T/big" "a file that was copied up"
rm "$OVER/dir/sub/file"
mv "$OVER/dir" "$OVER/moved"
echo new >"$OVER/moved/sub/new"
ln "$OVER/moved/file" "$OVER/linked"
mkdir "$OVER/dir"
assert_eq "$(cd "$OVER" && find . | sort | paste -sd' ')" \
	". ./big ./dir ./linked ./moved ./moved/file ./moved/sub ./moved/sub/new" "the tree"
assert_eq "$(getfattr --only-values -n user.x "$OVER/moved/file")" y "an xattr"
xfs_io -c "mmap 0 64k" -c "mwrite -S 0x41 0 10" -c "msync -s" "$OVER/big"
assert_eq "$(head -c 10 "$OVER/big")" AAAAAAAAAA "what was stored"
before=$(tree)

note "mounted again, nothing in the caches"
umount "$OVER"
drop_caches
mount_overlay "redirect_dir=on,index=on"
after=$(tree)
assert_eq "$after" "$before" "the tree, mounted again"
assert_eq "$(cat "$MNT/low/dir/file" "$MNT/low/dir/sub/file")" $'low\nlow' "the lower directory"
umount "$OVER"

note "and wtfs on overlayfs: what is written is on the device"
fresh --no-wtfs
mkdir "$LOWER"/{low,up,work}
mount -t overlay -o "lowerdir=$LOWER/low,upperdir=$LOWER/up,workdir=$LOWER/work" overlay "$OVER"
# shellcheck disable=SC2119
load_wtfs
mount -t wtfs "$OVER" "$MNT"
xfs_io -f -c "pwrite -q -S 0x61 0 9000" -c fsync -c "pwrite -q -S 0x62 8200 100" "$MNT/file"
xfs_io -x -c shutdown "$LOWER"
umount "$MNT"
umount "$OVER"
umount "$LOWER"
mount_lower
assert_eq "$(tr -d a <"$LOWER/up/file" | wc -c)" 100 "bytes that were overwritten"
