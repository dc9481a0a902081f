// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes. They are the lower's, and so are the checks on changing them;
 * our copy is what the VFS looks at in between. Only the size of a regular
 * file is ours, since the page cache is.
 */
#include <linux/fiemap.h>
#include <linux/fileattr.h>
#include <linux/fs_stack.h>
#include <linux/mount.h>
#include <linux/pagemap.h>

#include "wtfs.h"

/* What of the lower's i_flags the VFS must see on our inode. */
#define WTFS_COPY_I_FLAGS	(S_SYNC | S_DIRSYNC | S_APPEND | S_IMMUTABLE)

/* A new mode, owner, or time: what was stored before must not undo it. */
#define WTFS_FLUSH_FIRST	(ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_MTIME | \
				 ATTR_MTIME_SET | ATTR_ATIME_SET)

/**
 * wtfs_inode_copy_attr - bring our copy of the lower's attributes up to date
 * @inode: ours
 *
 * Whoever has changed the lower calls this afterwards; i_lock makes the last
 * caller's view of the lower the one that stays.
 *
 * Context: any that may take i_lock.
 */
void wtfs_inode_copy_attr(struct inode *inode)
{
	struct inode *lower = wtfs_lower_inode(inode);
	unsigned int flags = lower->i_flags & WTFS_COPY_I_FLAGS;
	unsigned int mask = WTFS_COPY_I_FLAGS;

	spin_lock(&inode->i_lock);
	inode->i_mode = lower->i_mode;
	inode->i_uid = lower->i_uid;
	inode->i_gid = lower->i_gid;
	if (inode->i_nlink != lower->i_nlink)
		set_nlink(inode, lower->i_nlink);
	fsstack_copy_attr_times(inode, lower);
	/* The next write has to look at it. */
	if (is_sxid(inode->i_mode))
		mask |= S_NOSEC;
	inode_set_flags(inode, flags, mask);
	if (!S_ISREG(inode->i_mode))
		i_size_write(inode, i_size_read(lower));
	spin_unlock(&inode->i_lock);
}

/*
 * Has the lower changed since our copy was made? No attribute that we copy
 * changes without the ctime, but its clock is coarse: look at more.
 */
static bool wtfs_inode_is_stale(const struct inode *inode)
{
	const struct inode *lower = wtfs_lower_inode(inode);
	struct timespec64 ours = inode_get_ctime(inode);
	struct timespec64 theirs = inode_get_ctime(lower);

	return !timespec64_equal(&ours, &theirs) ||
		inode->i_nlink != lower->i_nlink ||
		inode->i_mode != lower->i_mode;
}

/**
 * wtfs_permission - ask the lower, with the caller's credentials
 * @idmap: not used; our mounts are not idmapped
 * @inode: ours
 * @mask: MAY_*
 *
 * Context: as ->permission; perhaps under RCU.
 */
int wtfs_permission(struct mnt_idmap *idmap, struct inode *inode, int mask)
{
	return inode_permission(&nop_mnt_idmap, wtfs_lower_inode(inode), mask);
}

/**
 * wtfs_getattr - the lower's attributes, with our device and our size
 * @idmap: not used
 * @path: what to look at
 * @stat: result
 * @request_mask: STATX_*
 * @flags: AT_STATX_*
 *
 * The size is ours because the lower's lags behind while an append is in
 * flight, or is still only in the page cache.
 *
 * Context: process. Return: 0 or the lower's error.
 */
int wtfs_getattr(struct mnt_idmap *idmap, const struct path *path,
		 struct kstat *stat, u32 request_mask, unsigned int flags)
{
	struct inode *inode = d_inode(path->dentry);
	struct path lower = wtfs_lower_path(path->dentry);
	int err;

	/* We take no atomic writes, whatever the lower could do. */
	err = vfs_getattr_nosec(&lower, stat,
				request_mask & ~STATX_WRITE_ATOMIC,
				flags & AT_STATX_SYNC_TYPE);
	if (err)
		return err;
	if (wtfs_inode_is_stale(inode))
		wtfs_inode_copy_attr(inode);
	stat->dev = inode->i_sb->s_dev;
	if (S_ISREG(inode->i_mode))
		stat->size = i_size_read(inode);
	stat->attributes &= ~STATX_ATTR_DAX;
	return 0;
}

/* Have the lower change @attr. It holds off freezing meanwhile. */
static int wtfs_notify_lower(struct dentry *dentry, struct iattr *attr)
{
	struct vfsmount *mnt = wtfs_lower_mnt(dentry->d_sb);
	struct dentry *lower = wtfs_lower_dentry(dentry);
	int err;

	err = mnt_want_write(mnt);
	if (err)
		return err;
	inode_lock(d_inode(lower));
	err = notify_change(&nop_mnt_idmap, lower, attr, NULL);
	inode_unlock(d_inode(lower));
	mnt_drop_write(mnt);
	return err;
}

/*
 * Change the size, with the page cache flushed behind the new end.
 *
 * When it shrinks, the cache goes first: a racing writepages() looks at i_size
 * under the folio lock, and can't make the lower longer again. What is dropped
 * has been written, so that a lower that refuses has lost nothing.
 *
 * The lower's freeze protection is not held around any of this: writeback,
 * which we wait for, takes it.
 */
static int wtfs_resize_cached(struct dentry *dentry, struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	struct address_space *mapping = inode->i_mapping;
	loff_t old = i_size_read(inode), new = attr->ia_size;
	int err;

	filemap_invalidate_lock(mapping);
	wtfs_cache_flush(inode, round_down(min(old, new), PAGE_SIZE),
			 LLONG_MAX);
	if (new < old)
		truncate_setsize(inode, new);
	err = wtfs_notify_lower(dentry, attr);
	if (err && new < old) {
		/* It zeroed the rest of the folio that the new end was in. */
		wtfs_cache_drop(inode, new, old);
		i_size_write(inode, i_size_read(wtfs_lower_inode(inode)));
	} else if (!err && new > old) {
		wtfs_cache_extend(inode, new);
	}
	filemap_invalidate_unlock(mapping);
	return err;
}

static int wtfs_resize(struct dentry *dentry, struct iattr *attr)
{
	struct inode *lower = wtfs_lower_inode(d_inode(dentry));
	int err;

	err = inode_newsize_ok(d_inode(dentry), attr->ia_size);
	if (err)
		return err;
	/* As the VFS has for our inode: not while somebody executes it. */
	err = get_write_access(lower);
	if (err)
		return err;
	err = wtfs_resize_cached(dentry, attr);
	put_write_access(lower);
	return err;
}

/**
 * wtfs_setattr - change attributes, in the lower
 * @idmap: not used
 * @dentry: whose, with its inode locked
 * @attr: what to change
 *
 * notify_change() of the lower does all the checks, with the caller's
 * credentials.
 *
 * Context: process; sleeps. Return: 0 or an error.
 */
int wtfs_setattr(struct mnt_idmap *idmap, struct dentry *dentry,
		 struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	struct iattr lower_attr = *attr;
	bool known = wtfs_cache_is_known(inode);
	int err;

	/* The lower works out itself what is left of its mode. */
	if (attr->ia_valid & (ATTR_KILL_SUID | ATTR_KILL_SGID))
		lower_attr.ia_valid &= ~ATTR_MODE;
	/* Not its file; and it was not told of an O_TRUNC either. */
	lower_attr.ia_valid &= ~(ATTR_FILE | ATTR_OPEN);

	if (S_ISREG(inode->i_mode) && (lower_attr.ia_valid & ATTR_SIZE)) {
		err = wtfs_resize(dentry, &lower_attr);
	} else {
		if (S_ISREG(inode->i_mode) &&
		    (lower_attr.ia_valid & WTFS_FLUSH_FIRST))
			wtfs_cache_flush(inode, 0, LLONG_MAX);
		err = wtfs_notify_lower(dentry, &lower_attr);
	}
	if (known)
		wtfs_cache_remember(inode);
	wtfs_inode_copy_attr(inode);
	return err;
}

static int wtfs_fiemap(struct inode *inode, struct fiemap_extent_info *fieinfo,
		       u64 start, u64 len)
{
	struct inode *lower = wtfs_lower_inode(inode);

	if (!lower->i_op->fiemap)
		return -EOPNOTSUPP;
	wtfs_cache_flush(inode, 0, LLONG_MAX);
	return lower->i_op->fiemap(lower, fieinfo, start, len);
}

/**
 * wtfs_fileattr_get - the lower's file attributes
 * @dentry: whose
 * @fa: result
 *
 * Context: process. Return: 0 or the lower's error.
 */
int wtfs_fileattr_get(struct dentry *dentry, struct file_kattr *fa)
{
	return vfs_fileattr_get(wtfs_lower_dentry(dentry), fa);
}

/**
 * wtfs_fileattr_set - change the lower's file attributes
 * @idmap: not used
 * @dentry: whose, with its inode locked
 * @fa: what to change
 *
 * Context: process; sleeps. Return: 0 or an error.
 */
int wtfs_fileattr_set(struct mnt_idmap *idmap, struct dentry *dentry,
		      struct file_kattr *fa)
{
	struct vfsmount *mnt = wtfs_lower_mnt(dentry->d_sb);
	struct inode *inode = d_inode(dentry);
	int err;

	/* Some say how data is stored, and are refused when there is any. */
	wtfs_cache_flush(inode, 0, LLONG_MAX);
	err = mnt_want_write(mnt);
	if (err)
		return err;
	err = vfs_fileattr_set(&nop_mnt_idmap, wtfs_lower_dentry(dentry), fa);
	mnt_drop_write(mnt);
	wtfs_inode_copy_attr(inode);
	return err;
}

static const char *wtfs_get_link(struct dentry *dentry, struct inode *inode,
				 struct delayed_call *done)
{
	struct path lower;

	if (!dentry)
		return ERR_PTR(-ECHILD);
	lower = wtfs_lower_path(dentry);
	touch_atime(&lower);
	return vfs_get_link(lower.dentry, done);
}

const struct inode_operations wtfs_file_iops = {
	.permission	= wtfs_permission,
	.getattr	= wtfs_getattr,
	.setattr	= wtfs_setattr,
	.listxattr	= wtfs_listxattr,
	.fiemap		= wtfs_fiemap,
	.fileattr_get	= wtfs_fileattr_get,
	.fileattr_set	= wtfs_fileattr_set,
	WTFS_ACL_IOPS
};

const struct inode_operations wtfs_symlink_iops = {
	.get_link	= wtfs_get_link,
	.permission	= wtfs_permission,
	.getattr	= wtfs_getattr,
	.setattr	= wtfs_setattr,
	.listxattr	= wtfs_listxattr,
};

const struct inode_operations wtfs_special_iops = {
	.permission	= wtfs_permission,
	.getattr	= wtfs_getattr,
	.setattr	= wtfs_setattr,
	.listxattr	= wtfs_listxattr,
	.fileattr_get	= wtfs_fileattr_get,
	.fileattr_set	= wtfs_fileattr_set,
	WTFS_ACL_IOPS
};
