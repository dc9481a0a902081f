#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: an idmapped mount of wtfs does what an idmapped mount of the lower does
# LOWERS: xfs ext4
# KERNELS: 6.1/xfs 6.12/ext4
. "${0%/*}/lib.sh"

MAPPED=$T/mapped

# as COMMAND...: as the user who owns what the mount maps to 0
as() { setpriv --reuid 5000 --regid 5000 --clear-groups "$@"; }

# other COMMAND...: as somebody whom the mount does not know
other() { setpriv --reuid 70000 --regid 70000 --clear-groups "$@"; }

# story: what happens in the current directory, an idmapped mount: on stdout,
# with errors
story() {
	trap - ERR
	set +e
	exec 2>&1
	as cat private/inside
	other cat private/inside
	as sh -c 'echo more >private/new; rm private/inside; ls private nothing private/nothing'
	stat -c '%n %U %G %a' . theirs root-file
	as sh -c 'echo mine >mine; mkdir dir; ln -s mine soft; mkfifo fifo; ln mine dir/hard; echo x >dir/gone'
	as mv dir/hard dir/renamed
	as rm dir/gone
	as mkdir dir/sub
	as rmdir dir/sub
	as sh -c 'cat theirs; echo more >>theirs; chmod 640 theirs; chown 5001:5002 mine'
	as cat root-file
	other sh -c 'echo no >other; cat theirs; rm theirs; ln theirs other; rm mine'
	chown 5003:5004 dir/renamed
	chown 1:1 soft
	as setfacl -m u:5007:rw,g:5008:r dir
	as setfacl -d -m u:5007:rwx dir
	as sh -c 'echo y >dir/inherits'
	as setfattr -n user.x -v 1 dir
	cp /bin/true refused
	as cp /bin/true suid
	as chmod 6755 suid
	as sh -c 'echo z >>suid'
	chmod 1777 dir
	other rm dir/renamed
	as touch -d '2001-01-01' theirs
	other touch -d '2001-01-01' theirs
	getfacl -p dir dir/inherits
	find . -printf '%P|%U|%G|%m|%n|%s\n' | sort
}

# setup DIR: what the story begins with
setup() {
	mkdir -p "$1/private"
	chown 0:0 "$1"
	echo inside >"$1/private/inside"
	chmod 700 "$1/private"
	echo theirs >"$1/theirs"
	echo root >"$1/root-file"
	chown 0:0 "$1/theirs"
	chown 9:9 "$1/root-file"
	chmod 600 "$1/root-file"
}

fresh
setup "$MNT/over"
setup "$MNT/below"
mkdir "$MAPPED"

# ids 0 to 999 on disk are 5000 to 5999 in the mount
mount --bind -o X-mount.idmap=b:0:5000:1000 "$LOWER/below" "$MAPPED" ||
	skip "no idmapped mounts here"
(cd "$MAPPED" && story) >"$T/below"
umount "$MAPPED"
# so that each name is looked up by who asks for it
drop_caches
ok mount --bind -o X-mount.idmap=b:0:5000:1000 "$MNT/over" "$MAPPED"
(cd "$MAPPED" && story) >"$T/over"
umount "$MAPPED"

cat "$T/over"
grep -q '^mine|5003|5004' "$T/over" || fail "the ids are not mapped"
diff "$T/below" "$T/over" || fail "not as an idmapped mount of the lower"
diff <(cd "$LOWER/below" && find . -printf '%P|%U|%G|%m|%n|%s\n' | sort) \
	<(cd "$LOWER/over" && find . -printf '%P|%U|%G|%m|%n|%s\n' | sort) || fail "not the same on disk"
diff <(cd "$LOWER/below" && getfacl -n -R -p .) <(cd "$MNT/over" && getfacl -n -R -p .) ||
	fail "not the same ACLs on disk"

note "a lower that can't be idmapped"
mkdir "$T/ram" "$T/over-ram"
mount -t ramfs ramfs "$T/ram"
mount -t wtfs "$T/ram" "$T/over-ram"
if mount --bind -o X-mount.idmap=b:0:5000:1000 "$T/over-ram" "$MAPPED" 2>"$T/err"; then
	umount "$MAPPED"
	[ "$KERNEL" = 6.1 ] || fail "wtfs over ramfs can be idmapped"
else
	echo "refused: $(<"$T/err")"
fi
umount "$T/over-ram" "$T/ram"
