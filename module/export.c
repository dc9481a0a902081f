// SPDX-License-Identifier: GPL-2.0-only
/*
 * File handles, for open_by_handle_at() and NFS. A handle is the lower's: it
 * stays good when wtfs is mounted again, or looked at without it.
 *
 * The lower decodes it, and connects a directory to its root; the VFS then
 * does the same with ours, by wtfs_get_parent() and lookups.
 */
#include <linux/cred.h>
#include <linux/exportfs.h>
#include <linux/mount.h>
#include <linux/writeback.h>

#include "wtfs.h"

static int wtfs_encode_fh(struct inode *inode, u32 *fh, int *max_len,
			  struct inode *parent)
{
	int type = exportfs_encode_inode_fh(wtfs_lower_inode(inode),
					    (struct fid *)fh, max_len,
					    parent ? wtfs_lower_inode(parent) :
						     NULL, 0);

	return type < 0 ? FILEID_INVALID : type;
}

/* Does the lower tree that is mounted hold @lower, by a name that is known? */
static int wtfs_lower_is_below(void *root, struct dentry *lower)
{
	return lower == root || (!d_unhashed(lower) && is_subdir(lower, root));
}

/*
 * A file may be anywhere: it can be used without a name, and whether its
 * directory is exported is for the caller to find out.
 */
static int wtfs_lower_is_acceptable(void *root, struct dentry *lower)
{
	return !d_is_dir(lower) || wtfs_lower_is_below(root, lower);
}

/*
 * The lower may have to open and read directories to find a name. It does this by
 * the path of a mount that is in no namespace, which AppArmor and Landlock refuse
 * to every confined program: so it is done with our own credentials. The VFS asks
 * for the caller when it does the same on wtfs.
 */
static struct dentry *
wtfs_decode_lower(struct super_block *sb, struct fid *fid, int len, int type,
		  int (*acceptable)(void *root, struct dentry *lower))
{
	const struct cred *old = override_creds(wtfs_sb(sb)->cred);
	struct dentry *lower = exportfs_decode_fh(wtfs_lower_mnt(sb), fid, len,
						  type, acceptable,
						  wtfs_sb(sb)->lower.dentry);

	revert_creds(old);
	return lower ?: ERR_PTR(-ESTALE);
}

static struct dentry *wtfs_fh_to_dentry(struct super_block *sb, struct fid *fid,
					int len, int type)
{
	struct dentry *lower = wtfs_decode_lower(sb, fid, len, type,
						 wtfs_lower_is_acceptable);

	return IS_ERR(lower) ? lower : wtfs_dentry_obtain(sb, lower);
}

/* The lower finds a name for the file, and with it the directory. */
static struct dentry *wtfs_fh_to_parent(struct super_block *sb, struct fid *fid,
					int len, int type)
{
	struct dentry *lower = wtfs_decode_lower(sb, fid, len, type,
						 wtfs_lower_is_below);
	struct dentry *parent;

	if (IS_ERR(lower))
		return lower;
	parent = dget_parent(lower);
	dput(lower);
	return wtfs_dentry_obtain(sb, parent);
}

static struct dentry *wtfs_get_parent(struct dentry *child)
{
	struct dentry *root = wtfs_sb(child->d_sb)->lower.dentry;
	struct dentry *lower = wtfs_lower_dentry(child);

	if (lower == root || !wtfs_lower_is_below(root, lower))
		return ERR_PTR(-ESTALE);
	return wtfs_dentry_obtain(child->d_sb, dget_parent(lower));
}

/**
 * wtfs_commit_metadata - have the last change of an inode on disk
 * @inode: ours; with a directory, the names in it
 *
 * For NFS servers, which have promised it to their clients, and for mounts with
 * -o sync.
 *
 * Context: process; waits for the lower. Return: 0 or the lower's error.
 */
int wtfs_commit_metadata(struct inode *inode)
{
	struct inode *lower = wtfs_lower_inode(inode);
	const struct export_operations *ops = lower->i_sb->s_export_op;

	if (ops && ops->commit_metadata)
		return ops->commit_metadata(lower);
	return sync_inode_metadata(lower, 1);
}

const struct export_operations wtfs_export_ops = {
	.encode_fh		= wtfs_encode_fh,
	.fh_to_dentry		= wtfs_fh_to_dentry,
	.fh_to_parent		= wtfs_fh_to_parent,
	.get_parent		= wtfs_get_parent,
	.commit_metadata	= wtfs_commit_metadata,
};
