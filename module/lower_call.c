// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations of lower files, without the VFS in between.
 *
 * The VFS has checked the caller on the wtfs file. Its functions would check the
 * lower file as well: with the path of a mount that is in no namespace, which
 * AppArmor and Landlock refuse to every confined program, and with the label of
 * whoever opened the shared lower file first, which SELinux may refuse. They would
 * also tell inotify and fanotify of everything a second time.
 *
 * The lower still sees the caller's credentials, by which it judges quota,
 * reserved blocks, and whether setuid bits are cleared; only a lower file is opened,
 * and free space asked for, with the credentials of wtfs.
 */
#include <linux/cred.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/mount.h>
#include <linux/statfs.h>

#include "wtfs.h"

/**
 * wtfs_lower_opener - the file in whose name lower files are opened
 * @sbi: of a mount, with @lower and @cred
 *
 * Context: process; sleeps. Return: the file, or an ERR_PTR.
 */
struct file *wtfs_lower_opener(const struct wtfs_sb_info *sbi)
{
	const struct cred *old = override_creds(sbi->cred);
	struct file *file = dentry_open(&sbi->lower, O_PATH, sbi->cred);

	revert_creds(old);
	return file;
}

/**
 * wtfs_lower_open - open a lower file or directory
 * @sb: the wtfs
 * @lower: what to open
 * @flags: O_*
 *
 * Open lower files are shared: none may carry the label of the caller, who need
 * not be the one that uses it. So all of it is done with our own credentials,
 * those of the current task included: security modules of some kernels look at
 * these, not at those that the file is opened with.
 *
 * The VFS has told those who watch the wtfs file, and has counted it against the
 * limit of open files; of the lower one nobody hears.
 *
 * Context: process; sleeps. Return: the file, or an ERR_PTR.
 */
struct file *wtfs_lower_open(struct super_block *sb, const struct path *lower,
			     int flags)
{
	const struct wtfs_sb_info *sbi = wtfs_sb(sb);
	const struct cred *old = override_creds(sbi->cred);
	struct file *file = wtfs_open_quietly(sbi->opener, lower, flags,
					      sbi->cred);

	revert_creds(old);
	return file;
}

/**
 * wtfs_lower_statfs - what vfs_statfs() says
 * @sb: the wtfs
 * @lower: where in the lower filesystem
 * @st: result
 *
 * Whether the caller may ask is for security modules to say by the wtfs superblock,
 * if it is the caller that asks. The lower's may have another label.
 *
 * Context: process; sleeps. Return: 0 or an error.
 */
int wtfs_lower_statfs(struct super_block *sb, const struct path *lower,
		      struct kstatfs *st)
{
	const struct cred *old = override_creds(wtfs_sb(sb)->cred);
	int err = vfs_statfs(lower, st);

	revert_creds(old);
	return err;
}

/**
 * wtfs_lower_iterate - read a lower directory, as iterate_dir() does
 * @lower: the open lower directory; its position follows
 * @ctx: of the caller, with the position to begin at
 *
 * Context: process; sleeps. Return: 0 or an error.
 */
int wtfs_lower_iterate(struct file *lower, struct dir_context *ctx)
{
	struct inode *dir = file_inode(lower);
	int err;

	lower->f_pos = ctx->pos;
	if (!lower->f_op->iterate_shared)
		return wtfs_iterate_exclusive(lower, ctx);
	err = down_read_killable(&dir->i_rwsem);
	if (err)
		return err;
	err = -ENOENT;
	if (!IS_DEADDIR(dir)) {
		err = lower->f_op->iterate_shared(lower, ctx);
		lower->f_pos = ctx->pos;
	}
	inode_unlock_shared(dir);
	return err;
}

/*
 * What vfs_fallocate() asks of the inode: our copy of these flags may be older
 * than the lower's.
 */
static int wtfs_lower_may_fallocate(const struct inode *lower, int mode)
{
	if (IS_IMMUTABLE(lower) ||
	    (IS_APPEND(lower) && (mode & ~FALLOC_FL_KEEP_SIZE)))
		return -EPERM;
	if (IS_SWAPFILE(lower))
		return -ETXTBSY;
	return 0;
}

/**
 * wtfs_lower_fallocate - allocate or free blocks, as vfs_fallocate() does
 * @lower: the lower file, open for writing
 * @mode: FALLOC_FL_*, a combination that the VFS has accepted
 * @pos: first byte
 * @len: bytes; the range has been checked for wtfs, whose limits are the lower's
 *
 * Context: process; sleeps. Takes the lower's freeze protection. Return: 0 or an
 * error.
 */
int wtfs_lower_fallocate(struct file *lower, int mode, loff_t pos, loff_t len)
{
	struct inode *inode = file_inode(lower);
	int err;

	if (WARN_ON_ONCE(!(lower->f_mode & FMODE_WRITE)))
		return -EBADF;
	err = wtfs_lower_may_fallocate(inode, mode);
	if (err)
		return err;
	if (!lower->f_op->fallocate)
		return -EOPNOTSUPP;
	sb_start_write(inode->i_sb);
	err = lower->f_op->fallocate(lower, mode, pos, len);
	sb_end_write(inode->i_sb);
	return err;
}

/**
 * wtfs_lower_remap - have the lower share a range of one file with another
 * @in: the lower file to share from
 * @pos_in: first byte in it
 * @out: the lower file to share with; perhaps only open for reading, for dedupe
 * @pos_out: first byte in that
 * @len: bytes
 * @flags: REMAP_FILE_*
 *
 * Context: process; sleeps. Takes the lower's freeze protection. Return: bytes
 * shared, or an error.
 */
loff_t wtfs_lower_remap(struct file *in, loff_t pos_in, struct file *out,
			loff_t pos_out, loff_t len, unsigned int flags)
{
	loff_t res;

	if (!in->f_op->remap_file_range)
		return -EOPNOTSUPP;
	res = mnt_want_write(out->f_path.mnt);
	if (res)
		return res;
	res = in->f_op->remap_file_range(in, pos_in, out, pos_out, len, flags);
	mnt_drop_write(out->f_path.mnt);
	return res;
}
