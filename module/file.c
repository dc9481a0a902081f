// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regular files: open and close, reads, fsync, seeking, mapping. Writes are in
 * write.c, holes in fallocate.c.
 */
#include <linux/file.h>
#include <linux/splice.h>

#include "wtfs.h"

/*
 * Over a nosuid lower no program may get the rights of its file. Whether that is
 * so is up to the flags of our mount, which the VFS looks at, and which may be
 * others on each of our mounts and at any time. So nothing is executed through
 * one that is not nosuid: not only what is setuid now, since the owner may change
 * that after the open, and an LSM gives rights by labels, too.
 */
static bool wtfs_may_exec(const struct file *file)
{
	const struct super_block *sb = file_inode(file)->i_sb;

	return !(wtfs_lower_mnt(sb)->mnt_flags & MNT_NOSUID) ||
		file->f_path.mnt->mnt_flags & MNT_NOSUID;
}

static int wtfs_open(struct inode *inode, struct file *file)
{
	struct path lower = wtfs_lower_path(file_dentry(file));
	enum wtfs_lower_use use = WTFS_LOWER_READ;

	if (file->f_flags & __FMODE_EXEC && !wtfs_may_exec(file))
		return -EACCES;
	if (file->f_mode & FMODE_WRITE)
		use = WTFS_LOWER_WRITE;
	file->private_data = wtfs_lower_file_open(inode, &lower, use);
	if (IS_ERR(file->private_data))
		return PTR_ERR(file->private_data);
	/* O_DIRECT is accepted; see wtfs_read_iter(). */
	file->f_mode |= FMODE_CAN_ODIRECT | WTFS_FMODE_ASYNC;
	wtfs_cache_revalidate(inode);
	return 0;
}

static int wtfs_release(struct inode *inode, struct file *file)
{
	wtfs_lower_file_close(inode, wtfs_lower_file(file));
	return 0;
}

/*
 * Before file_accessed(), which those who read call: our times are what relatime
 * looks at, and the lower stamps those of writes.
 */
static void wtfs_file_refresh(struct file *file)
{
	struct inode *inode = file_inode(file);

	if (wtfs_inode_is_stale(inode))
		wtfs_inode_copy_attr(inode);
}

/*
 * O_DIRECT reads come from the cache too: it holds what the device holds, and
 * the user's buffer may map this very file, which direct I/O in the lower
 * would fault on while holding the lower inode's lock.
 */
static ssize_t wtfs_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	if (!iov_iter_count(to))
		return 0;
	wtfs_file_refresh(iocb->ki_filp);
	return filemap_read(iocb, to, 0);
}

static ssize_t wtfs_splice_read(struct file *file, loff_t *pos,
				struct pipe_inode_info *pipe, size_t len,
				unsigned int flags)
{
	wtfs_file_refresh(file);
	return filemap_splice_read(file, pos, pipe, len, flags);
}

static int wtfs_mmap(struct file *file, struct vm_area_struct *vma)
{
	bool stores = (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) ==
		(VM_SHARED | VM_MAYWRITE);
	int err = stores ? wtfs_lower_file_expect(file) : 0;

	if (err)
		return err;
	wtfs_file_refresh(file);
	file_accessed(file);
	vma->vm_ops = &wtfs_vm_ops;
	return 0;
}

/*
 * Of write-throughs in flight, too, what has been copied can be read, and has to be on
 * the device after this.
 */
static int wtfs_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	int err = file_write_and_wait_range(file, start, end);

	if (err)
		return err;
	wtfs_phase_wait(file_inode(file));
	err = vfs_fsync_range(wtfs_lower_file(file), start, end, datasync);
	wtfs_inode_copy_blocks(file_inode(file));
	if (err) {
		/* The lower tells once, and others share the lower file. */
		mapping_set_error(file->f_mapping, err);
		err = file_check_and_advance_wb_err(file) ?: err;
	}
	return err;
}

/* The lower knows where the holes are, once it has everything. */
static loff_t wtfs_seek_data(struct file *file, loff_t offset, int whence)
{
	struct inode *inode = file_inode(file);
	loff_t ret;

	inode_lock_shared(inode);
	wtfs_cache_flush(inode, 0, LLONG_MAX);
	ret = vfs_llseek(wtfs_lower_file(file), offset, whence);
	if (ret >= 0)
		ret = vfs_setpos(file, ret, inode->i_sb->s_maxbytes);
	inode_unlock_shared(inode);
	return ret;
}

static loff_t wtfs_llseek(struct file *file, loff_t offset, int whence)
{
	struct inode *inode = file_inode(file);

	if (whence == SEEK_HOLE || whence == SEEK_DATA)
		return wtfs_seek_data(file, offset, whence);
	return generic_file_llseek_size(file, offset, whence,
					inode->i_sb->s_maxbytes,
					i_size_read(inode));
}

/**
 * wtfs_sync_change - commit a change of a file that was no write
 * @file: by which it was changed
 *
 * Open lower files are shared, and know nothing of O_DSYNC.
 *
 * Context: process; the lower is not locked. Return: 0 or the lower's error.
 */
int wtfs_sync_change(struct file *file)
{
	if (file->f_flags & O_DSYNC)
		return wtfs_commit_metadata(file_inode(file));
	return wtfs_sync_attr(file_inode(file));
}

#define WTFS_FILE_FOPS						\
	.open		= wtfs_open,				\
	.release	= wtfs_release,				\
	.llseek		= wtfs_llseek,				\
	.read_iter	= wtfs_read_iter,			\
	.write_iter	= wtfs_write_iter,			\
	.splice_read	= wtfs_splice_read,			\
	.splice_write	= wtfs_splice_write,			\
	.mmap		= wtfs_mmap,				\
	.fsync		= wtfs_fsync,				\
	.fallocate	= wtfs_fallocate,			\
	.unlocked_ioctl	= wtfs_ioctl,				\
	.compat_ioctl	= wtfs_compat_ioctl,			\
	.setlease	= generic_setlease,			\
	WTFS_FOP_ASYNC

const struct file_operations wtfs_file_fops = {
	WTFS_FILE_FOPS
};

/* Where the lower can share extents; elsewhere the VFS says that it can't. */
const struct file_operations wtfs_file_remap_fops = {
	.remap_file_range = wtfs_remap_file_range,
	WTFS_FILE_FOPS
};
