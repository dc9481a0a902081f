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
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "wtfs.h"

/* Extents that the lower is asked for at once: some pages of user memory. */
#define WTFS_FIEMAP_BATCH	128U

/* What of the lower's i_flags the VFS must see on our inode. */
#define WTFS_COPY_I_FLAGS	(S_SYNC | S_DIRSYNC | S_APPEND | S_IMMUTABLE)

/* A new mode, owner, or time: what was stored before must not undo it. */
#define WTFS_FLUSH_FIRST	(ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_MTIME | \
				 ATTR_MTIME_SET | ATTR_ATIME_SET)

/**
 * wtfs_inode_copy_attr - bring our copy of the lower's attributes up to date
 * @inode: ours
 *
 * Whoever has changed the lower calls this afterwards. All of it is read under
 * i_lock, so that the last caller's view of the lower is the one that stays.
 *
 * Context: any that may take i_lock.
 */
void wtfs_inode_copy_attr(struct inode *inode)
{
	struct inode *lower = wtfs_lower_inode(inode);
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
	inode_set_flags(inode, READ_ONCE(lower->i_flags) & WTFS_COPY_I_FLAGS,
			mask);
	inode->i_blocks = lower->i_blocks;
	inode->i_bytes = lower->i_bytes;
	if (!S_ISREG(inode->i_mode))
		i_size_write(inode, i_size_read(lower));
	spin_unlock(&inode->i_lock);
}

/**
 * wtfs_inode_copy_blocks - bring our copy of the lower's block count up to date
 * @inode: ours, of which something has been written
 *
 * FIOQSIZE shows it; what stat() says is the lower's.
 */
void wtfs_inode_copy_blocks(struct inode *inode)
{
	if (unlikely(inode->i_blocks != wtfs_lower_inode(inode)->i_blocks))
		wtfs_inode_copy_attr(inode);
}

/**
 * wtfs_inode_is_stale - has the lower changed since our copy was made?
 * @inode: ours
 *
 * No attribute that we copy changes without the ctime, but its clock is coarse:
 * look at more.
 */
bool wtfs_inode_is_stale(const struct inode *inode)
{
	const struct inode *lower = wtfs_lower_inode(inode);
	struct timespec64 ours = inode_get_ctime(inode);
	struct timespec64 theirs = inode_get_ctime(lower);

	return !timespec64_equal(&ours, &theirs) ||
		inode->i_nlink != lower->i_nlink ||
		inode->i_mode != lower->i_mode ||
		!uid_eq(inode->i_uid, lower->i_uid) ||
		!gid_eq(inode->i_gid, lower->i_gid) ||
		inode->i_blocks != lower->i_blocks ||
		(inode->i_flags ^ lower->i_flags) & WTFS_COPY_I_FLAGS;
}

/**
 * wtfs_sync_attr - attributes have changed: on a mount with -o sync, commit that
 * @inode: ours
 *
 * The lower knows nothing of our mount's options. What chattr says of the inode
 * is for the lower, which does as it does for its own users.
 *
 * Context: process; the lower is not locked. Return: 0 or the lower's error.
 */
int wtfs_sync_attr(struct inode *inode)
{
	if (likely(!(inode->i_sb->s_flags & SB_SYNCHRONOUS)))
		return 0;
	return wtfs_commit_metadata(inode);
}

/*
 * Where one mount of us is idmapped, a caller's own rights in the lower don't
 * say what he may do; see wtfs_cred_begin().
 */
static void wtfs_note_idmap(struct super_block *sb,
			    const struct mnt_idmap *idmap)
{
	struct wtfs_sb_info *sbi = wtfs_sb(sb);

	if (unlikely(idmap != &nop_mnt_idmap) && !READ_ONCE(sbi->idmapped))
		WRITE_ONCE(sbi->idmapped, true);
}

/**
 * wtfs_permission - ask the lower, with the caller's credentials
 * @idmap: of our mount
 * @inode: ours
 * @mask: MAY_*
 *
 * Context: as ->permission; perhaps under RCU.
 */
int wtfs_permission(struct mnt_idmap *idmap, struct inode *inode, int mask)
{
	wtfs_note_idmap(inode->i_sb, idmap);
	/* The VFS looks at our copy next, at who is the owner and at chattr +a. */
	if (!(mask & MAY_NOT_BLOCK) && wtfs_inode_is_stale(inode))
		wtfs_inode_copy_attr(inode);
	return inode_permission(idmap, wtfs_lower_inode(inode), mask);
}

/* The lower's mount is not idmapped, ours may be. */
static void wtfs_map_owner(struct mnt_idmap *idmap, struct kstat *stat)
{
	stat->uid = vfsuid_into_kuid(make_vfsuid(idmap, &init_user_ns,
						 stat->uid));
	stat->gid = vfsgid_into_kgid(make_vfsgid(idmap, &init_user_ns,
						 stat->gid));
}

/**
 * wtfs_getattr - the lower's attributes, with our device and our size
 * @idmap: of our mount
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
	wtfs_map_owner(idmap, stat);
	stat->dev = inode->i_sb->s_dev;
	/* Unless the next open will take the lower's. */
	if (S_ISREG(inode->i_mode) && !wtfs_cache_is_outdated(inode))
		stat->size = i_size_read(inode);
	stat->attributes &= ~(STATX_ATTR_DAX | STATX_ATTR_WRITE_ATOMIC);
	stat->attributes_mask &= ~(STATX_ATTR_DAX | STATX_ATTR_WRITE_ATOMIC);
	return 0;
}

/* Have the lower change @attr. It holds off freezing meanwhile. */
static int wtfs_notify_lower(struct mnt_idmap *idmap, struct dentry *dentry,
			     struct iattr *attr)
{
	struct vfsmount *mnt = wtfs_lower_mnt(dentry->d_sb);
	struct dentry *lower = wtfs_lower_dentry(dentry);
	int err;

	err = mnt_want_write(mnt);
	if (err)
		return err;
	inode_lock(d_inode(lower));
	err = notify_change(idmap, lower, attr, NULL);
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
static int wtfs_resize_cached(struct mnt_idmap *idmap, struct dentry *dentry,
			      struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	struct address_space *mapping = inode->i_mapping;
	loff_t old = i_size_read(inode), new = attr->ia_size;
	int err;

	wtfs_flight_drain(inode);
	filemap_invalidate_lock(mapping);
	wtfs_cache_flush(inode, round_down(min(old, new), PAGE_SIZE),
			 LLONG_MAX);
	if (new < old)
		truncate_setsize(inode, new);
	err = wtfs_notify_lower(idmap, dentry, attr);
	if (err && new < old) {
		/* It zeroed the rest of the folio that the new end was in. */
		wtfs_cache_drop(inode, new, old);
		i_size_write(inode, i_size_read(wtfs_lower_inode(inode)));
	} else if (!err && new > old) {
		wtfs_cache_extend(inode, new);
	}
	wtfs_lower_flush(inode);
	filemap_invalidate_unlock(mapping);
	return err;
}

static int wtfs_resize(struct mnt_idmap *idmap, struct dentry *dentry,
		       struct iattr *attr)
{
	struct inode *lower = wtfs_lower_inode(d_inode(dentry));
	int err;

	err = inode_newsize_ok(d_inode(dentry), attr->ia_size);
	if (err)
		return err;
	/* The VFS has asked our copy, and notify_change() does not ask. */
	if (IS_APPEND(lower))
		return -EPERM;
	/* As the VFS has for our inode: not while somebody executes it. */
	err = get_write_access(lower);
	if (err)
		return err;
	err = wtfs_resize_cached(idmap, dentry, attr);
	put_write_access(lower);
	return err;
}

/**
 * wtfs_setattr - change attributes, in the lower
 * @idmap: of our mount
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
		err = wtfs_resize(idmap, dentry, &lower_attr);
	} else {
		if (S_ISREG(inode->i_mode) &&
		    (lower_attr.ia_valid & WTFS_FLUSH_FIRST))
			wtfs_cache_flush(inode, 0, LLONG_MAX);
		err = wtfs_notify_lower(idmap, dentry, &lower_attr);
	}
	if (known)
		wtfs_cache_remember(inode);
	wtfs_inode_copy_attr(inode);
	return err ?: wtfs_sync_attr(inode);
}

/*
 * Have the lower fill in all of @fi. It does so with its inode locked, and the
 * memory may be a mapping of the wtfs file, whose faults wait for that lock: so
 * it may not fault there, but before, and again if the memory is gone by then. Some
 * memory can be faulted in and never be stored to, such as a shadow stack: so the
 * number of tries is bounded.
 */
static int wtfs_fiemap_fill(struct inode *lower, struct fiemap_extent_info *fi,
			    u64 start, u64 len)
{
	size_t size = fi->fi_extents_max * sizeof(*fi->fi_extents_start);
	unsigned int flags = fi->fi_flags;
	unsigned int tries = 16;
	size_t left;
	int err;

	do {
		left = fault_in_safe_writeable((char __user *)fi->fi_extents_start,
					       size);
		fi->fi_flags = flags;
		fi->fi_extents_mapped = 0;
		pagefault_disable();
		err = lower->i_op->fiemap(lower, fi, start, len);
		pagefault_enable();
	} while (err == -EFAULT && !left && --tries &&
		 !fatal_signal_pending(current));
	return err;
}

/* Where to go on behind the last extent of @fi, which is full; @end for never */
static int wtfs_fiemap_next(const struct fiemap_extent_info *fi, u64 end,
			    u64 *next)
{
	struct fiemap_extent last;

	if (copy_from_user(&last, fi->fi_extents_start +
			   fi->fi_extents_mapped - 1, sizeof(last)))
		return -EFAULT;
	*next = last.fe_flags & FIEMAP_EXTENT_LAST ? end :
		last.fe_logical + last.fe_length;
	return 0;
}

/* Batch by batch: there may be more memory than can be faulted in at once. */
static int wtfs_fiemap_batches(struct inode *lower,
			       struct fiemap_extent_info *fieinfo,
			       u64 start, u64 end)
{
	struct fiemap_extent_info fi = { };
	unsigned int left;
	int err;

	do {
		left = fieinfo->fi_extents_max - fieinfo->fi_extents_mapped;
		fi.fi_flags = fieinfo->fi_flags;
		fi.fi_extents_start = fieinfo->fi_extents_start +
			fieinfo->fi_extents_mapped;
		fi.fi_extents_max = min(left, WTFS_FIEMAP_BATCH);
		err = wtfs_fiemap_fill(lower, &fi, start, end - start);
		fieinfo->fi_extents_mapped += fi.fi_extents_mapped;
		if (err || fi.fi_extents_mapped < fi.fi_extents_max)
			break;
		err = wtfs_fiemap_next(&fi, end, &start);
	} while (!err && start < end && fi.fi_extents_max < left);
	fieinfo->fi_flags = fi.fi_flags;
	return err;
}

static int wtfs_fiemap(struct inode *inode, struct fiemap_extent_info *fieinfo,
		       u64 start, u64 len)
{
	struct inode *lower = wtfs_lower_inode(inode);
	u64 end = start + len;

	if (!lower->i_op->fiemap)
		return -EOPNOTSUPP;
	wtfs_cache_flush(inode, 0, LLONG_MAX);
	/* They are only counted, or it is refused. */
	if (!fieinfo->fi_extents_max || !len || start >= inode->i_sb->s_maxbytes)
		return lower->i_op->fiemap(lower, fieinfo, start, len);
	if (end < start || end > inode->i_sb->s_maxbytes)
		end = inode->i_sb->s_maxbytes;
	return wtfs_fiemap_batches(lower, fieinfo, start, end);
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
 * @idmap: of our mount
 * @dentry: whose, with its inode locked
 * @fa: what to change
 *
 * Context: process; sleeps. Return: 0 or an error.
 */
int wtfs_fileattr_set(struct mnt_idmap *idmap, struct dentry *dentry,
		      struct file_kattr *fa)
{
	struct address_space *mapping = d_inode(dentry)->i_mapping;
	struct vfsmount *mnt = wtfs_lower_mnt(dentry->d_sb);
	struct inode *inode = d_inode(dentry);
	int err;

	/*
	 * Some say how data is stored, and are refused when there is any. And
	 * to an immutable file nothing can be written any more, so that nothing
	 * may be stored in between.
	 */
	filemap_invalidate_lock(mapping);
	wtfs_cache_flush(inode, 0, LLONG_MAX);
	err = mnt_want_write(mnt);
	if (!err) {
		err = vfs_fileattr_set(idmap, wtfs_lower_dentry(dentry), fa);
		mnt_drop_write(mnt);
	}
	wtfs_lower_block_changed(inode);
	wtfs_inode_copy_attr(inode);
	filemap_invalidate_unlock(mapping);
	return err ?: wtfs_sync_attr(inode);
}

/**
 * wtfs_update_time - somebody has read, and our mount wants to know when
 * @inode: ours
 * @type: FS_UPD_ATIME; the lower stamps the other times by itself
 * @flags: IOCB_NOWAIT, or 0
 *
 * The lower stamps its inode, unless its mount or the inode says noatime.
 *
 * Context: process; sleeps. Has freeze protection of our superblock. Return: 0,
 * or -EAGAIN where it would have to sleep.
 */
int wtfs_update_time(struct inode *inode, enum fs_update_time type,
		     unsigned int flags)
{
	struct path lower = { .mnt = wtfs_lower_mnt(inode->i_sb) };

	if (type != FS_UPD_ATIME)
		return 0;
	if (flags & IOCB_NOWAIT)
		return -EAGAIN;
	lower.dentry = d_find_any_alias(wtfs_lower_inode(inode));
	if (!lower.dentry)
		return 0;
	touch_atime(&lower);
	dput(lower.dentry);
	wtfs_inode_copy_attr(inode);
	return 0;
}

/* So that a symlink can be read where it is not to be followed. */
static int wtfs_readlink(struct dentry *dentry, char __user *buf, int len)
{
	return vfs_readlink(wtfs_lower_dentry(dentry), buf, len);
}

/*
 * For those who follow the link, and for kernel users, of whom nfsd and overlayfs
 * only want to read it. Where the lower's mount is nosymfollow they can't: nothing
 * tells them from the others, and our own mount need not be nosymfollow.
 */
static const char *wtfs_get_link(struct dentry *dentry, struct inode *inode,
				 struct delayed_call *done)
{
	if (wtfs_lower_mnt(inode->i_sb)->mnt_flags & MNT_NOSYMFOLLOW)
		return ERR_PTR(-ELOOP);
	if (!dentry)
		return ERR_PTR(-ECHILD);
	return vfs_get_link(wtfs_lower_dentry(dentry), done);
}

const struct inode_operations wtfs_file_iops = {
	.permission	= wtfs_permission,
	.getattr	= wtfs_getattr,
	.setattr	= wtfs_setattr,
	.listxattr	= wtfs_listxattr,
	.update_time	= WTFS_UPDATE_TIME,
	.fiemap		= wtfs_fiemap,
	.fileattr_get	= wtfs_fileattr_get,
	.fileattr_set	= wtfs_fileattr_set,
	WTFS_ACL_IOPS
};

const struct inode_operations wtfs_symlink_iops = {
	.get_link	= wtfs_get_link,
	.readlink	= wtfs_readlink,
	.permission	= wtfs_permission,
	.getattr	= wtfs_getattr,
	.setattr	= wtfs_setattr,
	.listxattr	= wtfs_listxattr,
	.update_time	= WTFS_UPDATE_TIME,
	.fileattr_get	= wtfs_fileattr_get,
	.fileattr_set	= wtfs_fileattr_set,
};

const struct inode_operations wtfs_special_iops = {
	.permission	= wtfs_permission,
	.getattr	= wtfs_getattr,
	.setattr	= wtfs_setattr,
	.listxattr	= wtfs_listxattr,
	.update_time	= WTFS_UPDATE_TIME,
	.fileattr_get	= wtfs_fileattr_get,
	.fileattr_set	= wtfs_fileattr_set,
	WTFS_ACL_IOPS
};
