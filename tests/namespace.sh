#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: names, attributes, xattrs and ACLs are the lower's, through and through
# LOWERS: xfs ext4
# KERNELS: 6.1/xfs
. "${0%/*}/lib.sh"

# attributes DIR: all that stat and readdir say of everything in it
attributes() {
	(cd "$1" && find . -printf '%P|%y|%i|%m|%U|%G|%n|%s|%b|%T@|%C@|%l\n' | sort)
}

# same_tree: wtfs shows what the lower has
same_tree() {
	diff <(attributes "$LOWER") <(attributes "$MNT") || fail "attributes differ: $1"
	diff <(cd "$LOWER" && getfattr -R -h -d -m - . 2>&1 | grep -v '^$') \
		<(cd "$MNT" && getfattr -R -h -d -m - . 2>&1 | grep -v '^$') || fail "xattrs differ: $1"
	diff <(cd "$LOWER" && getfacl -R -p . 2>&1) <(cd "$MNT" && getfacl -R -p . 2>&1) ||
		fail "ACLs differ: $1"
}

fresh
cd "$MNT"

note "names"
mkdir d d/e
echo one >d/one
echo two >d/two
ln d/one d/e/hard
ln -s ../one d/e/soft
ln -s /nowhere dangling
mkfifo fifo
mknod char c 1 3
mknod block b 7 99
long=$(printf 'n%.0s' {1..255})
: >"$long"
mv d/two d/e/deux
mv d/e d/f
: >"with space"
: >$'new\nline'
not_ok mkdir d 2>/dev/null
not_ok rmdir d 2>/dev/null
not_ok rm nothing 2>/dev/null
not_ok touch "x$long" 2>/dev/null
assert_eq "$(cat d/f/hard d/f/soft d/f/deux 2>&1)" $'one\none\ntwo' "the files' contents"
[ -e d/f/soft ] || fail "a symlink does not lead to its file"
rmdir_me=d/gone
mkdir $rmdir_me
rmdir $rmdir_me
[ ! -e $rmdir_me ] || fail "a removed directory is still there"
same_tree "names"

note "modes, owners, times"
chmod 4751 d/one
chmod 1777 d/f
chown 1234:4321 d/f/deux
chown -h 99:98 d/f/soft
touch -d '2001-02-03 04:05:06.789Z' d/one
touch -h -d '1999-01-01 00:00:00.5' dangling
assert_eq "$(TZ=UTC stat -c '%a %y' d/one)" "4751 2001-02-03 04:05:06.789000000 +0000" "the mode and mtime set"
assert_eq "$(stat -c '%a %u:%g' d/f d/f/deux | paste -sd' ')" "1777 0:0 644 1234:4321" "modes and owners set"
same_tree "modes, owners, times"
chmod 6755 d/f/deux
setpriv --reuid 1234 --regid 4321 --clear-groups sh -c 'echo more >>d/f/deux'
assert_eq "$(stat -c %a d/f/deux)" 755 "the mode of a setuid file after somebody's write"
assert_eq "$(stat -c %a "$LOWER/d/f/deux")" 755 "the lower's"

note "writes move the times, and only writes do"
touch -d '2001-01-01' d/one
sync
before=$(stat -c '%Y %Z' d/one)
cat d/one >/dev/null
assert_eq "$(stat -c '%Y %Z' d/one)" "$before" "the times after a read"
echo more >>d/one
assert_gt "$(stat -c %Y d/one)" 1000000000 "mtime after a write"
assert_ne "$(stat -c '%Y' d/one)" "${before% *}" "mtime after a write"
same_tree "times"

note "xattrs and ACLs"
setfattr -n user.colour -v blue d/one
setfattr -n user.gone -v x d/one
setfattr -x user.gone d/one
setfattr -n trusted.t -v "$(head -c 3000 /dev/zero | tr '\0' v)" d
setfattr -n security.wtfs -v s d/one
assert_eq "$(getfattr --only-values -n user.colour d/one)" blue "an xattr"
not_ok getfattr -n user.gone d/one 2>/dev/null
setfacl -m u:1234:rw,g:4321:r d/one
setfacl -d -m u:1234:rwx d/f
mkdir d/f/inherits
: >d/f/inherits/file
getfacl -p d/f/inherits/file | grep -q '^user:1234:rwx' || fail "a default ACL is not inherited"
chmod 600 d/one
getfacl -p d/one | grep -q '^mask::---' || fail "chmod did not change the ACL's mask"
same_tree "xattrs and ACLs"

note "permissions are checked"
echo secret >secret
chmod 600 secret
not_ok setpriv --reuid 1234 --regid 4321 --clear-groups cat secret 2>/dev/null
not_ok setpriv --reuid 1234 --regid 4321 --clear-groups touch mine 2>/dev/null
setfacl -m u:1234:r secret
assert_eq "$(setpriv --reuid 1234 --regid 4321 --clear-groups cat secret)" secret "what an ACL allows"

note "what no command does"
mkdir "$MNT/c"
nstest "$MNT/c"
same_tree "exchanged, linked, unlinked"

note "executables, and statfs"
cp /bin/true run
./run
assert_eq "$(stat -f -c '%s %b %f %c %d %l' "$MNT")" "$(stat -f -c '%s %b %f %c %d %l' "$LOWER")" "statfs"
chattr +i d/one 2>/dev/null && {
	not_ok sh -c 'echo x >>d/one' 2>/dev/null
	assert_eq "$(lsattr d/one | cut -d' ' -f1)" "$(lsattr "$LOWER/d/one" | cut -d' ' -f1)" "lsattr"
	chattr -i d/one
}

note "mounted again, all is there"
cd /
umount_wtfs
mount_wtfs
same_tree "after mounting again"
