#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: the kernel's NFS server exports wtfs: files are found again by handle, and writes are where they should be
# LOWERS: xfs ext4
. "${0%/*}/lib.sh"

NFS=$T/nfs
PROC=/proc/fs/nfsd
DOMAIN=tests
FOREVER=4000000000
# NFSEXP_INSECURE_PORT, NFSEXP_NOSUBTREECHECK, NFSEXP_FSID
FLAGS=$((0x2 | 0x400 | 0x2000))

# tell CACHE WORDS: what mountd would answer
tell() {
	echo "$2" >"/proc/net/rpc/$1/channel"
}

# serve DIR: by NFS 4 to ourselves, without any program of nfs-utils
serve() {
	ip link set lo up
	mount -t nfsd nfsd $PROC
	echo "-3 +4 +4.1 +4.2" >$PROC/versions 2>/dev/null || echo "+4 +4.1 +4.2" >$PROC/versions
	tell auth.unix.ip "nfsd 127.0.0.1 $FOREVER $DOMAIN"
	tell nfsd.export "$DOMAIN $1 $FOREVER $FLAGS -2 -2 0"
	tell nfsd.fh "$DOMAIN 1 \\x00000000 $FOREVER $1"
	# nobody has a lease or a lock from before
	echo 10 >$PROC/nfsv4gracetime
	echo 10 >$PROC/nfsv4leasetime
	echo "tcp 2049" >$PROC/portlist
	echo 4 >$PROC/threads
	echo Y >$PROC/v4_end_grace 2>/dev/null || true
}

stop_serving() {
	echo 0 >$PROC/threads
	date +%s >/proc/net/rpc/nfsd.fh/flush
	date +%s >/proc/net/rpc/nfsd.export/flush
	date +%s >/proc/net/rpc/auth.unix.ip/flush
	umount $PROC
}

mount_nfs() {
	mount -i -t nfs4 -o vers=4.2,addr=127.0.0.1,clientaddr=127.0.0.1,soft,timeo=100 127.0.0.1:/ "$NFS"
}

modprobe -q nfsd && modprobe -q nfsv4 || skip "no NFS here"
fresh
mkdir "$NFS" "$MNT/dir"
echo before >"$MNT/dir/old"
serve "$MNT"
ok mount_nfs

note "what is there, and what is made"
assert_eq "$(cat "$NFS/dir/old")" before "a file, by NFS"
mkdir "$NFS/made"
dd if=/dev/urandom of="$NFS/made/file" bs=100k count=7 status=none conv=fsync
assert_same "$NFS/made/file" "$MNT/made/file" "a file that was written by NFS"
assert_same "$LOWER/made/file" "$MNT/made/file" "and the lower"

note "found again by handle"
exec 5<"$NFS/made/file" 6<"$NFS/dir/old"
drop_caches
umount "$MNT" 2>/dev/null && fail "wtfs was unmounted below the NFS server"
md5sum <&5 >"$T/by-handle"
md5sum <"$LOWER/made/file" >"$T/lower"
assert_same "$T/by-handle" "$T/lower" "the file after drop_caches"
mv "$NFS/made" "$NFS/moved"
drop_caches
echo more >>"$NFS/moved/file"
assert_eq "$(tail -c 5 "$MNT/moved/file")" more "what was appended after a rename"
assert_eq "$(cat <&6)" before "another file that was open"
exec 5<&- 6<&-

# nfs4_acl FILE: its ACL as NFS has it
nfs4_acl() {
	getfattr -e hex -n system.nfs4_acl "$1" 2>/dev/null | sed -n 's/^system.nfs4_acl=//p'
}

note "ACLs"
: >"$MNT/dir/acl"
: >"$MNT/dir/other"
setfacl -m u:1234:r "$MNT/dir/acl"
acl=$(nfs4_acl "$NFS/dir/acl")
# the lower has it, if it has any; then NFS has, too
if getfacl -c "$LOWER/dir/acl" | grep -q '^user:1234:r--'; then
	assert_ne "$acl" "" "the ACL that NFS shows"
	assert_ne "$acl" "$(nfs4_acl "$NFS/dir/other")" "an ACL, by NFS"
	ok setfattr -n system.nfs4_acl -v "$acl" "$NFS/dir/other"
	getfacl -c "$MNT/dir/other" >"$T/acl"
	grep -q '^user:1234:r--' "$T/acl" || fail "an ACL that was set by NFS: $(<"$T/acl")"
else
	note "not tested: $LOWERFS has no ACLs here"
fi

note "removed, and removed while it is open"
rm "$NFS/dir/old"
[ ! -e "$LOWER/dir/old" ] || fail "what was removed by NFS is still there"
echo gone >"$NFS/dir/gone"
exec 7<"$NFS/dir/gone"
rm "$NFS/dir/gone"
drop_caches
assert_eq "$(cat <&7)" gone "a removed file that is open"
exec 7<&-

umount "$NFS"
stop_serving
umount_wtfs
