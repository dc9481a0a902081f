// SPDX-License-Identifier: GPL-2.0-only
/*
 * POSIX ACLs of inodes, where system calls take them for xattrs like others: only
 * overlayfs and the NFS server call these.
 */
#include <linux/mount.h>
#include <linux/posix_acl.h>

#include "wtfs.h"

/**
 * wtfs_compat_get_acl - the ACL of an inode
 * @inode: whose
 * @type: ACL_TYPE_*
 * @rcu: called under RCU
 */
struct posix_acl *wtfs_compat_get_acl(struct inode *inode, int type, bool rcu)
{
	struct inode *lower = wtfs_lower_inode(inode);

	return rcu ? get_cached_acl_rcu(lower, type) : get_acl(lower, type);
}

/**
 * wtfs_compat_set_acl - set or remove an ACL
 * @idmap: of our mount
 * @inode: whose, locked
 * @acl: new, or NULL
 * @type: ACL_TYPE_*
 *
 * Context: process; sleeps. Return: 0 or an error.
 */
int wtfs_compat_set_acl(struct mnt_idmap *idmap, struct inode *inode,
			struct posix_acl *acl, int type)
{
	struct vfsmount *mnt = wtfs_lower_mnt(inode->i_sb);
	struct inode *lower = wtfs_lower_inode(inode);
	int err;

	err = mnt_want_write(mnt);
	if (err)
		return err;
	inode_lock(lower);
	err = set_posix_acl(idmap, lower, type, acl);
	inode_unlock(lower);
	mnt_drop_write(mnt);
	/* The mode is part of it. */
	wtfs_inode_copy_attr(inode);
	return err ?: wtfs_sync_attr(inode);
}
