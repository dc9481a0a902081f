// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended attributes: all of them are the lower's.
 *
 * The VFS has checked the caller, and mapped the ids inside the value from the
 * caller's user namespace. Both must happen once: hence the raw functions, and
 * not vfs_getxattr() and vfs_setxattr() on the lower.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/xattr.h>

#include "wtfs.h"

static int wtfs_xattr_get(const struct xattr_handler *handler,
			  struct dentry *dentry, struct inode *inode,
			  const char *name, void *buffer, size_t size)
{
	struct dentry *lower = wtfs_lower_dentry_of(dentry, inode);

	if (WARN_ON_ONCE(!lower))
		return -EOPNOTSUPP;
	return __vfs_getxattr(lower, wtfs_lower_inode(inode), name, buffer,
			      size);
}

/* The lower inode is locked. */
static int wtfs_xattr_set_locked(struct mnt_idmap *idmap, struct dentry *lower,
				 const char *name, const void *value,
				 size_t size, int flags)
{
	if (!value)
		return __vfs_removexattr_locked(idmap, lower, name, NULL);
	return __vfs_setxattr_locked(idmap, lower, name, value, size, flags,
				     NULL);
}

/*
 * Is this what the kernel does in the caller's name, and without a check? The lower
 * checks the caller then, and refuses. There are two such changes:
 *
 * A write takes the file's capabilities away. The caller of removexattr() gains
 * nothing by this, for a write has the same effect.
 *
 * IMA writes down the hash of a file that the caller has written to. The VFS lets
 * setxattr() set it with CAP_SYS_ADMIN only: for a caller that has this capability,
 * which may have called setxattr(), the lower's answer stands.
 */
static bool wtfs_xattr_is_kernels(struct super_block *sb, const char *name,
				  const void *value)
{
	if (!value)
		return !strcmp(name, XATTR_NAME_CAPS);
	return !strcmp(name, XATTR_NAME_IMA) &&
		!ns_capable_noaudit(sb->s_user_ns, CAP_SYS_ADMIN);
}

static int wtfs_xattr_set_lower(struct mnt_idmap *idmap, struct dentry *dentry,
				const char *name, const void *value,
				size_t size, int flags)
{
	const struct cred *old;
	struct vfsmount *mnt = wtfs_lower_mnt(dentry->d_sb);
	struct dentry *lower = wtfs_lower_dentry(dentry);
	int err;

	err = mnt_want_write(mnt);
	if (err)
		return err;
	inode_lock(d_inode(lower));
	err = wtfs_xattr_set_locked(idmap, lower, name, value, size, flags);
	if ((err == -EPERM || err == -EACCES) &&
	    wtfs_xattr_is_kernels(dentry->d_sb, name, value)) {
		old = override_creds(wtfs_sb(dentry->d_sb)->wb_cred);
		err = wtfs_xattr_set_locked(idmap, lower, name, value, size,
					    flags);
		revert_creds(old);
	}
	inode_unlock(d_inode(lower));
	mnt_drop_write(mnt);
	return err;
}

/* Does the lower take @name away when it is written to, even by write-back? */
static bool wtfs_xattr_is_privilege(const struct inode *inode, const char *name)
{
	return S_ISREG(inode->i_mode) && !strcmp(name, XATTR_NAME_CAPS);
}

static int wtfs_xattr_set(const struct xattr_handler *handler,
			  struct mnt_idmap *idmap, struct dentry *dentry,
			  struct inode *inode, const char *name,
			  const void *value, size_t size, int flags)
{
	bool flush = value && wtfs_xattr_is_privilege(inode, name);
	int err;

	/* What was stored before must not undo it when it is written back. */
	if (flush) {
		filemap_invalidate_lock(inode->i_mapping);
		wtfs_cache_flush(inode, 0, LLONG_MAX);
	}
	err = wtfs_xattr_set_lower(idmap, dentry, name, value, size, flags);
	if (flush)
		filemap_invalidate_unlock(inode->i_mapping);
	/* An ACL can be a mode too, where it is set in this way. */
	wtfs_inode_copy_attr(inode);
	return err ?: wtfs_sync_attr(inode);
}

/**
 * wtfs_listxattr - the names of the lower's extended attributes
 * @dentry: whose
 * @list: result, or NULL to ask for its size
 * @size: of @list, bytes
 *
 * Context: process. Return: bytes, or the lower's error.
 */
ssize_t wtfs_listxattr(struct dentry *dentry, char *list, size_t size)
{
	return vfs_listxattr(wtfs_lower_dentry(dentry), list, size);
}

static const struct xattr_handler wtfs_xattr_handler = {
	.prefix	= "",	/* any name */
	.get	= wtfs_xattr_get,
	.set	= wtfs_xattr_set,
};

const struct xattr_handler *const wtfs_xattr_handlers[] = {
	&wtfs_xattr_handler,
	NULL
};
