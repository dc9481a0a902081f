// SPDX-License-Identifier: GPL-2.0-only
/*
 * Of the lower's ioctls, those that are about the filesystem as a whole, or
 * don't touch what wtfs caches. Any other is unknown here: one that moves data,
 * as most do, must not go past the page cache. The VFS has its own way for
 * flags, project ids, fiemap and cloning.
 */
#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/uaccess.h>

#include "wtfs.h"

/* Stop the filesystem, as for a test; XFS and ext4 have agreed on these. */
#define WTFS_IOC_SHUTDOWN	_IOR('X', 125, u32)
#define WTFS_SHUTDOWN_SYNC	0	/* write everything out before */

static bool wtfs_ioctl_is_known(unsigned int cmd)
{
	switch (cmd) {
	case FITRIM:
	case FS_IOC_GETVERSION:
	case FS_IOC32_GETVERSION:
	case FS_IOC_GETFSLABEL:
	case FS_IOC_SETFSLABEL:
	case WTFS_IOC_SHUTDOWN:
		return true;
	default:
		return false;
	}
}

/* The lower writes out what it has; that has to be everything. */
static int wtfs_shutdown_prepare(struct super_block *sb, u32 __user *arg)
{
	u32 flags;
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (get_user(flags, arg))
		return -EFAULT;
	if (flags != WTFS_SHUTDOWN_SYNC)
		return 0;
	down_read(&sb->s_umount);
	err = sync_filesystem(sb);
	up_read(&sb->s_umount);
	return err;
}

static int wtfs_ioctl_prepare(struct file *file, unsigned int cmd,
			      void __user *arg)
{
	if (!wtfs_ioctl_is_known(cmd))
		return -ENOTTY;
	if (cmd == WTFS_IOC_SHUTDOWN)
		return wtfs_shutdown_prepare(file_inode(file)->i_sb, arg);
	return 0;
}

/*
 * The lower asks its own mount whether it may be changed, which can be writable
 * where ours is not. Return: 0, or an error; wtfs_ioctl_end() gives it back.
 */
static int wtfs_ioctl_begin(struct file *file, unsigned int cmd)
{
	return cmd == FS_IOC_SETFSLABEL ? mnt_want_write_file(file) : 0;
}

/* Pairs with wtfs_ioctl_begin() */
static void wtfs_ioctl_end(struct file *file, unsigned int cmd)
{
	if (cmd == FS_IOC_SETFSLABEL)
		mnt_drop_write_file(file);
}

/**
 * wtfs_ioctl - an ioctl that the VFS does not know
 * @file: a regular file or a directory
 * @cmd: which
 * @arg: of the user
 *
 * Context: process; sleeps. Return: as the lower's, or -ENOTTY.
 */
long wtfs_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct file *lower = wtfs_lower_file(file);
	long ret = wtfs_ioctl_prepare(file, cmd, (void __user *)arg);

	if (ret)
		return ret;
	if (!lower->f_op->unlocked_ioctl)
		return -ENOTTY;
	ret = wtfs_ioctl_begin(file, cmd);
	if (ret)
		return ret;
	ret = lower->f_op->unlocked_ioctl(lower, cmd, arg);
	wtfs_ioctl_end(file, cmd);
	return ret;
}

#ifdef CONFIG_COMPAT
/**
 * wtfs_compat_ioctl - the same for a 32-bit process
 * @file: a regular file or a directory
 * @cmd: which
 * @arg: of the user
 */
long wtfs_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct file *lower = wtfs_lower_file(file);
	long ret = wtfs_ioctl_prepare(file, cmd, compat_ptr(arg));

	if (ret)
		return ret == -ENOTTY ? -ENOIOCTLCMD : ret;
	if (!lower->f_op->compat_ioctl)
		return -ENOIOCTLCMD;
	ret = wtfs_ioctl_begin(file, cmd);
	if (ret)
		return ret;
	ret = lower->f_op->compat_ioctl(lower, cmd, arg);
	wtfs_ioctl_end(file, cmd);
	return ret;
}
#endif
