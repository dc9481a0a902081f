// SPDX-License-Identifier: GPL-2.0-only
/*
 * POSIX ACLs, on kernels where they are not xattrs like others. The lower
 * keeps them, checks them in wtfs_permission(), and caches them.
 */
#include <linux/mount.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#include "wtfs.h"

/**
 * wtfs_get_inode_acl - the ACL of an inode, for a stack on top of us
 * @inode: whose
 * @type: ACL_TYPE_*
 * @rcu: called under RCU
 */
struct posix_acl *wtfs_get_inode_acl(struct inode *inode, int type, bool rcu)
{
	struct inode *lower = wtfs_lower_inode(inode);

	return rcu ? get_cached_acl_rcu(lower, type) :
		     get_inode_acl(lower, type);
}

/**
 * wtfs_get_acl - the ACL of a dentry, whose ids nobody has mapped
 * @idmap: not used
 * @dentry: whose
 * @type: ACL_TYPE_*
 *
 * Context: process. Return: the ACL with a reference, or an ERR_PTR.
 */
struct posix_acl *wtfs_get_acl(struct mnt_idmap *idmap, struct dentry *dentry,
			       int type)
{
	return vfs_get_acl(&nop_mnt_idmap, wtfs_lower_dentry(dentry),
			   posix_acl_xattr_name(type));
}

/**
 * wtfs_set_acl - set or remove an ACL
 * @idmap: of our mount
 * @dentry: whose, with its inode locked
 * @acl: new, or NULL
 * @type: ACL_TYPE_*
 *
 * The VFS has mapped the ids in @acl. This must happen once: hence not
 * vfs_set_acl() on the lower.
 *
 * Context: process; sleeps. Return: 0 or an error.
 */
int wtfs_set_acl(struct mnt_idmap *idmap, struct dentry *dentry,
		 struct posix_acl *acl, int type)
{
	struct vfsmount *mnt = wtfs_lower_mnt(dentry->d_sb);
	struct dentry *lower = wtfs_lower_dentry(dentry);
	int err;

	err = mnt_want_write(mnt);
	if (err)
		return err;
	inode_lock(d_inode(lower));
	err = set_posix_acl(idmap, lower, type, acl);
	inode_unlock(d_inode(lower));
	mnt_drop_write(mnt);
	/* The mode is part of it. */
	wtfs_inode_copy_attr(d_inode(dentry));
	return err ?: wtfs_sync_attr(d_inode(dentry));
}
