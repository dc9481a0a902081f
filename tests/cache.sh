#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: what was written or read is in memory, once, and read again without the device
# LOWERS: xfs ext4
. "${0%/*}/lib.sh"

# in_memory FILE WANTED: its pages on wtfs, and next to none of the lower file
in_memory() {
	assert_ge "$(fincore -n -o PAGES "$MNT/$1" | tr -d ' ')" "$2" "pages of $1 in memory"
	# the last, partial block may have gone through the lower's cache
	assert_le "$(lower_cached_pages "$LOWER/$1")" 1 "pages of the lower $1 in memory"
}

# no_device_read FILE: reading all of it asks the device for nothing
no_device_read() {
	local before

	before=$(dev_reads)
	cat "$MNT/$1" >"$T/$1"
	assert_eq "$(dev_reads)" "$before" "device reads for a cached $1"
}

fresh

# written as a whole, at an odd length
head -c 3000001 /dev/urandom >"$T/source"
cp "$T/source" "$MNT/whole"
in_memory whole 733
no_device_read whole
assert_same "$T/whole" "$T/source" "what was written"

# written in many small pieces, appended
dd if="$T/source" of="$MNT/pieces" bs=3000 count=300 oflag=append conv=notrunc status=none
in_memory pieces 220
no_device_read pieces

# a cold file is read from the device, once
drop_caches
before=$(dev_reads)
cat "$MNT/whole" >/dev/null
assert_gt "$(dev_reads)" "$before" "device reads for a cold file"
in_memory whole 733
no_device_read whole
assert_same "$T/whole" "$T/source" "what was read"

# overwritten in the middle: still all there, still once
dd if="$T/source" of="$MNT/whole" bs=5001 seek=7 count=100 conv=notrunc status=none
in_memory whole 733
no_device_read whole

# opening it again changes nothing
: <"$MNT/whole"
: >>"$MNT/whole"
no_device_read whole
