// SPDX-License-Identifier: GPL-2.0-only
/*
 * Directories: creating, removing and renaming in them, and reading them.
 *
 * The VFS holds our directory's lock. Each operation then takes the lower's
 * freeze protection and its directory's lock, checks that the lower dentry is
 * still what it was when it was looked up, and has the lower do the work with
 * the caller's credentials: owner, mode, default ACLs and quota are its.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs_stack.h>
#include <linux/mount.h>
#include <linux/namei.h>

#include "wtfs.h"

/* What to create. */
struct wtfs_new {
	struct mnt_idmap *idmap;	/* of our mount */
	umode_t mode;		/* type and permissions */
	dev_t rdev;		/* of a device node */
	const char *target;	/* of a symbolic link */
	struct dentry *link;	/* lower dentry to make another name for */
};

/*
 * The lower name is not what it was looked up as: somebody works in the lower
 * tree. Forget it, so that the next lookup asks the lower; where the VFS can,
 * it does that for -ESTALE on its own.
 */
static int wtfs_start_error(struct dentry *dentry, int err)
{
	d_drop(dentry);
	return err == -EINVAL ? -ESTALE : err;
}

/* Names in @dir have changed: commit that where our mount wants it. */
static int wtfs_sync_names(struct inode *dir)
{
	if (likely(!(dir->i_sb->s_flags & (SB_SYNCHRONOUS | SB_DIRSYNC))))
		return 0;
	return wtfs_commit_metadata(dir);
}

static struct dentry *wtfs_start_creating(struct dentry *dentry)
{
	struct dentry *lower;

	lower = start_creating_dentry(wtfs_lower_dentry(dentry->d_parent),
				      wtfs_lower_dentry(dentry));
	if (IS_ERR(lower))
		return ERR_PTR(wtfs_start_error(dentry, PTR_ERR(lower)));
	wtfs_dentry_busy(dentry);
	return lower;
}

static struct dentry *wtfs_start_removing(struct dentry *dentry)
{
	struct dentry *lower;

	lower = start_removing_dentry(wtfs_lower_dentry(dentry->d_parent),
				      wtfs_lower_dentry(dentry));
	if (IS_ERR(lower))
		return ERR_PTR(wtfs_start_error(dentry, PTR_ERR(lower)));
	/* Renamed below since the VFS looked: another name would be removed. */
	if (!wtfs_dentry_same_name(dentry, lower)) {
		end_removing(lower);
		return ERR_PTR(wtfs_start_error(dentry, -ESTALE));
	}
	wtfs_dentry_busy(dentry);
	return lower;
}

/*
 * Create @lower. Return: what end_creating() needs, or an ERR_PTR when it has
 * been called.
 */
static struct dentry *wtfs_create_lower(struct dentry *lower,
					const struct wtfs_new *new)
{
	struct inode *dir = d_inode(lower->d_parent);
	struct mnt_idmap *idmap = new->idmap;
	umode_t mode = new->mode;
	int err;

	if (new->link)
		err = vfs_link(new->link, idmap, dir, lower, NULL);
	else if (S_ISDIR(mode))
		return vfs_mkdir(idmap, dir, lower, mode, NULL);
	else if (S_ISREG(mode))
		err = vfs_create(idmap, lower, mode, NULL);
	else if (S_ISLNK(mode))
		err = vfs_symlink(idmap, dir, lower, new->target, NULL);
	else
		err = vfs_mknod(idmap, dir, lower, mode, new->rdev, NULL);
	if (!err)
		return lower;
	end_creating(lower);
	return ERR_PTR(err);
}

static int wtfs_create_any(struct inode *dir, struct dentry *dentry,
			   const struct wtfs_new *new)
{
	struct vfsmount *mnt = wtfs_lower_mnt(dir->i_sb);
	struct dentry *lower;
	int err;

	err = mnt_want_write(mnt);
	if (err)
		return err;
	lower = wtfs_start_creating(dentry);
	if (!IS_ERR(lower))
		lower = wtfs_create_lower(lower, new);
	if (IS_ERR(lower)) {
		err = PTR_ERR(lower);
		wtfs_dentry_idle(dentry);
	} else {
		err = wtfs_interpose(dentry, lower);
		wtfs_inode_copy_attr(dir);
		end_creating(lower);
	}
	mnt_drop_write(mnt);
	return err ?: wtfs_sync_names(dir);
}

/**
 * wtfs_create - create a regular file
 * @idmap: of our mount
 * @dir: locked
 * @dentry: negative
 * @mode: permissions
 */
int wtfs_create(struct mnt_idmap *idmap, struct inode *dir,
		struct dentry *dentry, umode_t mode)
{
	struct wtfs_new new = {
		.idmap = idmap,
		.mode = (mode & S_IALLUGO) | S_IFREG,
	};

	return wtfs_create_any(dir, dentry, &new);
}

/**
 * wtfs_mkdir - create a directory
 * @idmap: of our mount
 * @dir: locked
 * @dentry: negative
 * @mode: permissions
 */
struct dentry *wtfs_mkdir(struct mnt_idmap *idmap, struct inode *dir,
			  struct dentry *dentry, umode_t mode)
{
	struct wtfs_new new = {
		.idmap = idmap,
		.mode = (mode & S_IALLUGO) | S_IFDIR,
	};

	return ERR_PTR(wtfs_create_any(dir, dentry, &new));
}

static int wtfs_mknod(struct mnt_idmap *idmap, struct inode *dir,
		      struct dentry *dentry, umode_t mode, dev_t rdev)
{
	struct wtfs_new new = { .idmap = idmap, .mode = mode, .rdev = rdev };

	return wtfs_create_any(dir, dentry, &new);
}

static int wtfs_symlink(struct mnt_idmap *idmap, struct inode *dir,
			struct dentry *dentry, const char *target)
{
	struct wtfs_new new = {
		.idmap = idmap,
		.mode = S_IFLNK,
		.target = target,
	};

	return wtfs_create_any(dir, dentry, &new);
}

static int wtfs_link(struct dentry *old_dentry, struct inode *dir,
		     struct dentry *dentry)
{
	struct wtfs_new new = {
		.idmap = &nop_mnt_idmap,
		.link = wtfs_lower_dentry(old_dentry),
	};
	const struct cred *old = wtfs_cred_begin(dir->i_sb);
	int err = wtfs_create_any(dir, dentry, &new);

	wtfs_cred_end(old);
	return err;
}

/*
 * The lower dentry of a removed file is unhashed, for we hold it. Have the lower
 * remember that the name is free, as it does for its own users: or to find that
 * out it would search the whole directory when the name is used again. Not where
 * a dentry is more than a name, as on overlayfs and network filesystems.
 */
static void wtfs_lower_forget_name(struct dentry *lower)
{
	struct dentry *free;

	if (!d_unhashed(lower) || lower->d_fsdata ||
	    lower->d_flags & (DCACHE_OP_REVALIDATE | DCACHE_OP_REAL))
		return;
	free = d_alloc(lower->d_parent, &lower->d_name);
	if (!free)
		return;
	/*
	 * A filesystem that can encrypt wants to be asked about each new name
	 * until it has looked at the directory. It has, for the old one.
	 */
	spin_lock(&free->d_lock);
	free->d_flags &= ~DCACHE_OP_REVALIDATE;
	spin_unlock(&free->d_lock);
	/* Nobody looks up a name while the directory is locked. */
	d_add(free, NULL);
	dput(free);
}

static int wtfs_remove(struct inode *dir, struct dentry *dentry, bool is_dir)
{
	struct vfsmount *mnt = wtfs_lower_mnt(dir->i_sb);
	struct inode *lower_dir = wtfs_lower_inode(dir);
	const struct cred *old;
	struct dentry *lower;
	int err;

	err = mnt_want_write(mnt);
	if (err)
		return err;
	lower = wtfs_start_removing(dentry);
	if (IS_ERR(lower)) {
		err = PTR_ERR(lower);
		goto out_drop_write;
	}
	old = wtfs_cred_begin(dir->i_sb);
	if (is_dir)
		err = vfs_rmdir(&nop_mnt_idmap, lower_dir, lower, NULL);
	else
		err = vfs_unlink(&nop_mnt_idmap, lower_dir, lower, NULL);
	wtfs_cred_end(old);
	/* The lower one is unhashed now, and never will be negative. */
	if (!err)
		d_drop(dentry);
	else
		wtfs_dentry_idle(dentry);
	if (!err && !is_dir)
		wtfs_lower_forget_name(lower);
	wtfs_inode_copy_attr(d_inode(dentry));
	wtfs_inode_copy_attr(dir);
	end_removing(lower);
out_drop_write:
	mnt_drop_write(mnt);
	return err ?: wtfs_sync_names(dir);
}

static int wtfs_unlink(struct inode *dir, struct dentry *dentry)
{
	return wtfs_remove(dir, dentry, false);
}

static int wtfs_rmdir(struct inode *dir, struct dentry *dentry)
{
	return wtfs_remove(dir, dentry, true);
}

static void wtfs_rename_copy_attr(struct inode *old_dir, struct dentry *old,
				  struct inode *new_dir, struct dentry *new)
{
	wtfs_inode_copy_attr(old_dir);
	wtfs_inode_copy_attr(new_dir);
	wtfs_inode_copy_attr(d_inode(old));
	if (d_really_is_positive(new))
		wtfs_inode_copy_attr(d_inode(new));
}

/* Have those that are to be renamed still the names that the VFS knows? */
static bool wtfs_rename_agrees(const struct renamedata *rd,
			       const struct dentry *old,
			       const struct dentry *new)
{
	return wtfs_dentry_same_name(old, rd->old_dentry) &&
		wtfs_dentry_same_name(new, rd->new_dentry);
}

static int wtfs_rename(struct mnt_idmap *idmap, struct inode *old_dir,
		       struct dentry *old, struct inode *new_dir,
		       struct dentry *new, unsigned int flags)
{
	struct vfsmount *mnt = wtfs_lower_mnt(old_dir->i_sb);
	struct renamedata rd = {
		.mnt_idmap = idmap,
		.old_parent = wtfs_lower_dentry(old->d_parent),
		.new_parent = wtfs_lower_dentry(new->d_parent),
		.flags = flags,
	};
	int err;

	err = mnt_want_write(mnt);
	if (err)
		return err;
	err = start_renaming_two_dentries(&rd, wtfs_lower_dentry(old),
					  wtfs_lower_dentry(new));
	if (err) {
		/* As in wtfs_start_error(); which of the two is not known. */
		if (err == -EINVAL)
			err = -ESTALE;
		goto out_drop_write;
	}
	if (!wtfs_rename_agrees(&rd, old, new)) {
		err = -ESTALE;
		goto out_end;
	}
	wtfs_dentry_busy(old);
	wtfs_dentry_busy(new);
	err = vfs_rename(&rd);
	if (err) {
		wtfs_dentry_idle(old);
		wtfs_dentry_idle(new);
	}
	wtfs_rename_copy_attr(old_dir, old, new_dir, new);
out_end:
	end_renaming(&rd);
out_drop_write:
	mnt_drop_write(mnt);
	return err ?: wtfs_sync_names(old_dir) ?: wtfs_sync_names(new_dir);
}

/* Give @file, made by do_tmpfile(), the lower's new inode. */
static int wtfs_tmpfile_interpose(struct file *file, struct file *lower_file)
{
	struct dentry *dentry = file->f_path.dentry;
	struct inode *inode;

	inode = wtfs_iget(dentry->d_sb, file_inode(lower_file));
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	wtfs_dentry_attach(dentry, dget(lower_file->f_path.dentry));
	d_mark_tmpfile(file, inode);
	d_instantiate(dentry, inode);
	return 0;
}

/*
 * The lower file is needed only to keep the new inode until our dentry pins
 * it: opening ours opens the lower again, by its dentry.
 */
static int wtfs_tmpfile(struct mnt_idmap *idmap, struct inode *dir,
			struct file *file, umode_t mode)
{
	struct vfsmount *mnt = wtfs_lower_mnt(dir->i_sb);
	struct path lower_dir = wtfs_lower_path(file->f_path.dentry->d_parent);
	int flags = O_RDWR | O_LARGEFILE | (file->f_flags & O_EXCL);
	struct file *lower_file;
	int err;

	err = mnt_want_write(mnt);
	if (err)
		return err;
	/* As the caller, but for the open file, which is never used as such. */
	lower_file = kernel_tmpfile_open(idmap, &lower_dir, mode, flags,
					 wtfs_sb(dir->i_sb)->cred);
	if (IS_ERR(lower_file)) {
		err = PTR_ERR(lower_file);
	} else {
		err = wtfs_tmpfile_interpose(file, lower_file);
		fput(lower_file);
	}
	mnt_drop_write(mnt);
	return finish_open_simple(file, err);
}

static int wtfs_dir_open(struct inode *inode, struct file *file)
{
	struct path path = wtfs_lower_path(file_dentry(file));
	/* It is the VFS that stamps our atime, and with it the lower's. */
	int flags = O_RDONLY | O_DIRECTORY | O_LARGEFILE | O_NOATIME;
	struct file *lower;

	lower = wtfs_lower_open(inode->i_sb, &path, flags);
	if (IS_ERR(lower))
		return PTR_ERR(lower);
	file->private_data = lower;
	return 0;
}

static int wtfs_dir_release(struct inode *inode, struct file *file)
{
	fput(wtfs_lower_file(file));
	return 0;
}

/* The position is ours, and the lower's follows: f_pos_lock is held. */
static int wtfs_readdir(struct file *file, struct dir_context *ctx)
{
	return wtfs_lower_iterate(wtfs_lower_file(file), ctx);
}

static loff_t wtfs_dir_llseek(struct file *file, loff_t offset, int whence)
{
	struct file *lower = wtfs_lower_file(file);
	loff_t pos;

	lower->f_pos = file->f_pos;
	pos = vfs_llseek(lower, offset, whence);
	file->f_pos = lower->f_pos;
	return pos;
}

static int wtfs_dir_fsync(struct file *file, loff_t start, loff_t end,
			  int datasync)
{
	return vfs_fsync_range(wtfs_lower_file(file), start, end, datasync);
}

#define WTFS_DIR_FOPS						\
	.open		= wtfs_dir_open,			\
	.release	= wtfs_dir_release,			\
	.read		= generic_read_dir,			\
	.iterate_shared	= wtfs_readdir,				\
	.llseek		= wtfs_dir_llseek,			\
	.fsync		= wtfs_dir_fsync,			\
	.unlocked_ioctl	= wtfs_ioctl,				\
	.compat_ioctl	= wtfs_compat_ioctl

const struct file_operations wtfs_dir_fops = {
	WTFS_DIR_FOPS
};

/* Where the lower's directories can be delegated. It is the VFS that does it. */
const struct file_operations wtfs_dir_lease_fops = {
	.setlease	= generic_setlease,
	WTFS_DIR_FOPS
};

const struct inode_operations wtfs_dir_iops = {
	.lookup		= wtfs_lookup,
	.create		= WTFS_CREATE,
	.mkdir		= WTFS_MKDIR,
	.mknod		= wtfs_mknod,
	.symlink	= wtfs_symlink,
	.link		= wtfs_link,
	.unlink		= wtfs_unlink,
	.rmdir		= wtfs_rmdir,
	.rename		= wtfs_rename,
	.tmpfile	= wtfs_tmpfile,
	.permission	= wtfs_permission,
	.getattr	= wtfs_getattr,
	.setattr	= wtfs_setattr,
	.listxattr	= wtfs_listxattr,
	.update_time	= WTFS_UPDATE_TIME,
	.fileattr_get	= wtfs_fileattr_get,
	.fileattr_set	= wtfs_fileattr_set,
	WTFS_ACL_IOPS
};
