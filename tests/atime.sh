#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: each way of mounting wtfs stamps atimes as the same way of mounting the lower
# LOWERS: xfs ext4
# KERNELS: 6.1/ext4 6.12/xfs
# TIME: 35
. "${0%/*}/lib.sh"

OLD='2001-02-03 04:05:06'
OTHER=$T/other

# stamped WHAT NAME COMMAND...: did the command move the atime?
stamped() {
	local what=$1 name=$2 now

	shift 2
	"$@" >/dev/null
	now=$(stat -c %x "$name")
	case $now in
	2001-02-03*) echo "$what: not stamped" ;;
	*) echo "$what: stamped" ;;
	esac
}

# old NAME: an atime long ago; a mtime and a ctime after it, as always
old() { touch -h -a -d "$OLD" "$1"; }

# story: in the current directory
story() {
	echo content >file
	old file
	stamped "a read" file cat file
	old file
	stamped "a read of nothing" file head -c 0 file
	old file
	stamped "sendfile" file xfs_io -f -c "sendfile -i file 0 4" out
	old file
	stamped "a mapping" file xfs_io -r -c "mmap -r 0 4k" -c "mread 0 4" file
	mkdir dir
	: >dir/entry
	old dir
	stamped "a directory" dir ls dir
	# not older than a change: relatime has nothing to do
	sleep 0.01
	cat file >/dev/null
	touch -a -d 'now + 1 hour' file
	before=$(stat -c %x file)
	cat file >/dev/null
	[ "$(stat -c %x file)" = "$before" ] && echo "a second read: not stamped" || echo "a second read: stamped"
	rm -r file dir out
}

fresh --no-wtfs
load_wtfs
mkdir -p "$MNT" "$OTHER" "$LOWER/below" "$LOWER/over"
for opt in relatime noatime strictatime,nodiratime; do
	mount -o "$opt" "$DEV" "$OTHER"
	want=$(cd "$OTHER/below" && story)
	umount "$OTHER"
	mount_wtfs "$opt"
	got=$(cd "$MNT/over" && story)
	umount_wtfs
	note "$opt: $(tr '\n' ',' <<<"$got")"
	assert_eq "$got" "$want" "atimes with -o $opt"
done

note "O_NOATIME"
mount_wtfs strictatime
echo x >"$MNT/file"
old "$MNT/file"
assert_eq "$(stamped "O_NOATIME" "$MNT/file" dd if="$MNT/file" iflag=noatime status=none)" \
	"O_NOATIME: not stamped" "reading with O_NOATIME"
