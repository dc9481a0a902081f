#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: the promise holds, and operations do what they do below, where the lower filesystem's blocks are larger than a page
# LOWERS: xfs ext4
# TIMEOUT: 300
. "${0%/*}/lib.sh"

# can the kernel mount such a filesystem?
can_mount() {
	local dev

	dev=$(null_blk trial 400)
	make_fs "$dev" -b "$1" >"$T/out" 2>&1
	mkdir -p "$T/trial"
	mount -t "$LOWERFS" "$dev" "$T/trial" 2>"$T/out" || return 1
	umount "$T/trial"
	null_blk_remove trial
}

option() {
	if [ "$LOWERFS" = xfs ]; then echo "size=$1"; else echo "$1"; fi
}

can_mount "$(option 16384)" || skip "this kernel's $LOWERFS has no blocks larger than a page: $(paste -sd' ' "$T/out")"

for size in 16384 65536; do
	note "blocks of $size bytes"
	fresh_twice 600M "-b $(option $size)"
	assert_eq "$(stat -f -c %S "$LOWER")" $size "the lower's block size"
	# one of them with each size, where time matters
	if [ $size = 65536 ] || [ -n "${LONG:-}" ]; then
		promise -m "$MNT" -l "$LOWER" -d "$DEV" -s "$SEED" -n "$(rounds 100 30 5000)"
	fi
	if [ $size = 16384 ] || [ -n "${LONG:-}" ]; then
		mkdir "$PLAIN/f" "$MNT/f"
		fuzz -b "$LOWER/f" -s "$SEED" -n "$(rounds 500 100 20000)" "$PLAIN/f" "$MNT/f"
	fi
	umount "$PLAIN"
	null_blk_remove plain
	rmdir "$PLAIN"
done
