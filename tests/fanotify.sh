#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: of what wtfs does to its lower files no listener hears, none is asked, and they do not count as open files
# LOWERS: xfs ext4
. "${0%/*}/lib.sh"

fresh
mkdir "$MNT/d"
echo text | tee "$MNT/read" "$MNT/write" "$MNT/mapped" "$MNT/append" >/dev/null
xfs_io -f -c "pwrite -q -S 0x41 0 8k" "$MNT/stored"
chattr +a "$MNT/append"
umount_wtfs
mount_wtfs

note "a listener that is asked about both, and reads what it is asked about"
cat >"$T/use" <<-EOF2
	set -e
	read -r x <"$MNT/read"
	echo more >>"$MNT/write"
	echo more >>"$MNT/append"
	echo new >"$MNT/d/new"
	xfs_io -c "mmap 0 4k" -c "mwrite 0 100" "$MNT/mapped"
	ls "$MNT" "$MNT/d" >/dev/null
EOF2
ok permlisten "$MNT" "$LOWER" bash "$T/use" >"$T/events"
cat "$T/events"
read -r _ above _ below <"$T/events"
assert_ge "$above" 10 "events on wtfs"
assert_eq "$below" 0 "events on the lower filesystem"
assert_eq "$(<"$LOWER/append")" $'text\nmore' "what was appended"

note "one that refuses all that is done to the lower"
xfs_io -c "mmap -rw 0 8k" -c "mwrite -S 0x42 0 8k" "$MNT/stored"
ok permlisten -d "$MNT" "$LOWER" sync
umount_wtfs
xfs_io -f -c "pwrite -q -S 0x42 0 8k" "$T/want"
assert_same "$LOWER/stored" "$T/want" "what was stored"
mount_wtfs

note "files that are open"
for ((i = 0; i < 400; i++)); do
	: >"$MNT/d/$i"
done
read -r before _ </proc/sys/fs/file-nr
for ((i = 0; i < 400; i++)); do
	# shellcheck disable=SC2034 # one after the other, all stay open
	exec {fd}<>"$MNT/d/$i"
done
read -r after _ </proc/sys/fs/file-nr
# older kernels count a few dozens wrong
assert_ge $((after - before)) 300 "files that count, of 400 that were opened"
assert_le $((after - before)) 500 "files that count, of 400 that were opened"
