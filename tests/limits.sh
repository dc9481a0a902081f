#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: at the largest offsets that the lower has, wtfs does what the lower does, and keeps what it is given
# LOWERS: xfs ext4
. "${0%/*}/lib.sh"

# story FILE: around the largest file that there can be, and what each step says
story() {
	local max=$1 file=$2 off

	for off in $((max - 1)) $((max - 2)) $((max - 4096)) $((max - 4097)) $((max - 8192)) $((max - 70000)); do
		echo "$off: $(xfs_io -f -c "pwrite -q -S 0x41 $off 1" -c "pread -v $off 1" "$file" 2>&1 | grep -v sec)"
	done
	xfs_io -c "pwrite -q -S 0x42 $((max - 200000)) 200000" "$file" 2>&1 || true
	xfs_io -c "pwrite -q -S 0x43 $((max - 10)) 20" "$file" 2>&1 || true
	xfs_io -c "pwrite -q -S 0x43 $max 1" "$file" 2>&1 || true
	stat -c %s "$file"
	tail -c 300000 "$file" | od -A d -t x1
	xfs_io -c "truncate $((max - 50000))" "$file"
	stat -c %s "$file"
	tail -c 300000 "$file" | od -A d -t x1
	rm "$file"
}

# maximum: the largest size that a file can have on the lower, bytes
maximum() {
	case $LOWERFS in
	xfs) echo $((0x7fffffffffffffff)) ;;
	ext4) echo $(((1 << 44) - 4096)) ;;
	esac
}

fresh
max=$(maximum)
mkdir "$LOWER/d"
note "the largest file has $max bytes"
story "$max" "$LOWER/d/file" >"$T/want" 2>&1
story "$max" "$MNT/d/file" >"$T/got" 2>&1
sed "s,$MNT,$LOWER," "$T/got" | diff "$T/want" - || fail "wtfs and the lower differ"
grep -q "$max" "$T/want" || fail "the lower does not take files of $max bytes"

note "stores and write-throughs in the last page"
truncate -s "$max" "$MNT/d/file"
# the last page that can be mapped
last=$(((max - 4096) / 4096 * 4096))
xfs_io -c "mmap $last 4095" -c "mwrite -S 0x61 $last 100" -c "pwrite -q -S 0x62 $((last + 50)) 100" \
	-c "mwrite -S 0x63 $((last + 500)) 3000" -c "pwrite -q -S 0x64 $((last + 600)) 1000" -c fsync "$MNT/d/file"
drop_caches
xfs_io -c "pread -qv $last 4095" "$MNT/d/file" >"$T/over"
xfs_io -c "pread -qv $last 4095" "$LOWER/d/file" >"$T/below"
assert_same "$T/over" "$T/below" "the last page"
for byte in 61 62 63 64; do
	grep -q " $byte" "$T/over" || fail "a store or a write of 0x$byte is lost"
done
