#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: what the lower's mount forbids, wtfs forbids: nosuid, nodev, noexec, nosymfollow
# LOWERS: xfs
# LOG: wtfs: .*(nosuid|noexec)
. "${0%/*}/lib.sh"

USER=1234

# as_user COMMAND...
as_user() {
	setpriv --reuid $USER --regid $USER --clear-groups "$@"
}

# lower_is OPTION...: the lower's mount gets them, and wtfs is mounted anew
lower_is() {
	local options

	options=$(IFS=, && echo "$*")
	if is_mounted "$MNT"; then umount_wtfs; fi
	mount -o "remount,bind,suid,dev,exec,symfollow,$options" "$LOWER"
	note "the lower is $options"
}

# euid DIR: that of a user's setuid program there
euid() {
	as_user "$1/id" -u
}

# reads_device DIR: can the device there be opened?
reads_device() {
	head -c 1 "$1/zero" 2>"$T/err" | cmp -s -n 1 - /dev/zero
}

fresh --no-wtfs
cp "$(command -v id)" "$LOWER/id"
cp "$(command -v id)" "$LOWER/plain"
chmod 4755 "$LOWER/id"
mknod -m 666 "$LOWER/zero" c 1 5
printf '#!/bin/sh\necho script\n' >"$LOWER/script"
chmod 755 "$LOWER/script"
echo text >"$LOWER/file"
ln -s file "$LOWER/link"
load_wtfs

lower_is defaults
mount_wtfs
assert_eq "$(euid "$MNT")" 0 "the user id that a setuid program has"
ok reads_device "$MNT"
assert_eq "$("$MNT/script")" script "a script"
assert_eq "$(cat "$MNT/link")" text "through a symlink"

lower_is nodev
mount_wtfs
not_ok reads_device "$MNT"
assert_eq "$(euid "$MNT")" 0 "the user id that a setuid program has"

lower_is noexec
mount_wtfs
not_ok "$MNT/plain" -u 2>/dev/null
not_ok "$MNT/script" 2>/dev/null
not_ok /lib64/ld-linux-x86-64.so.2 "$MNT/plain" -u 2>/dev/null
ok reads_device "$MNT"

lower_is nosuid
dmesg -C
mount_wtfs
dmesg | grep -q 'wtfs: .*nosuid' || fail "the log does not say what nosuid of the lower means"
# were it executed, it would not have to be as root
not_ok euid "$MNT" 2>/dev/null
not_ok "$MNT/plain" -u 2>/dev/null
not_ok as_user "$MNT/script" 2>/dev/null
umount_wtfs
mount_wtfs nosuid
assert_eq "$(euid "$MNT")" $USER "the user id that a setuid program has"
assert_eq "$("$MNT/script")" script "a script"
mkdir "$T/bind"
mount --bind "$MNT" "$T/bind"
assert_eq "$(euid "$T/bind")" $USER "the user id by a bind mount"
mount -o remount,bind,suid "$T/bind"
not_ok euid "$T/bind" 2>/dev/null
assert_eq "$(euid "$MNT")" $USER "the user id by the mount beside it"
umount "$T/bind"
if modprobe overlay 2>/dev/null; then
	mkdir "$T/over" "$T/upper" "$T/work"
	# overlayfs does not take over nosuid from what it is made of: without it in both
	# mounts only wtfs is in the way
	for opt in nosuid suid; do
		mount -o "remount,bind,$opt" "$MNT"
		mount -t overlay -o "$opt,lowerdir=$MNT,upperdir=$T/upper,workdir=$T/work" overlay "$T/over"
		if [ $opt = suid ]; then
			not_ok euid "$T/over" 2>/dev/null
		else
			assert_eq "$(euid "$T/over")" $USER "the user id by overlayfs, all mounted nosuid"
		fi
		umount "$T/over"
	done
fi

lower_is nosymfollow
mount_wtfs
not_ok cat "$MNT/link" 2>/dev/null
assert_eq "$(readlink "$MNT/link")" file "what readlink says"

lower_is nosuid,nodev,noexec
mount_wtfs nosuid,nodev,noexec
not_ok euid "$MNT" 2>/dev/null
not_ok reads_device "$MNT"
mount -o remount,bind,suid,dev,exec "$MNT"
not_ok euid "$MNT" 2>/dev/null
not_ok reads_device "$MNT"
echo more >>"$MNT/file"
assert_eq "$(cat "$MNT/link")" $'text\nmore' "a file of a hardened mount"

note "what the lower's mount gets later has no effect"
mount -o remount,bind,suid,dev,exec "$LOWER"
not_ok reads_device "$MNT"
