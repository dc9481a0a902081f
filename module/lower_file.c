// SPDX-License-Identifier: GPL-2.0-only
/*
 * The open lower files of an inode: opened with the first wtfs file, closed
 * with the last one when nothing is left to write, at eviction otherwise.
 */
#include <linux/file.h>
#include <linux/sched/mm.h>
#include <linux/stat.h>

#include "wtfs.h"

static int wtfs_lower_flags(enum wtfs_lower_use use)
{
	/* The atime is stamped by whoever reads the wtfs file. */
	return O_LARGEFILE | O_NOATIME |
		(use == WTFS_LOWER_READ ? O_RDONLY : O_RDWR);
}

/*
 * The unit of direct lower I/O, bytes; 0 if there can be none. The lower's
 * block rather than its sector: a write of less than a block is exclusive and
 * synchronous on ext4 and XFS, and we have the rest of the block in the cache.
 */
static unsigned int wtfs_lower_block(const struct file *lower)
{
	unsigned int block = i_blocksize(file_inode(lower)), nofs;
	struct kstat stat;
	int err;

	if (!(lower->f_mode & FMODE_CAN_ODIRECT))
		return 0;
	/* Overlayfs: where the data is cached cannot be seen, nor written out. */
	if (!lower->f_mapping->a_ops->read_folio)
		return 0;
	/* Perhaps under lower_lock. It is not the caller who asks. */
	nofs = memalloc_nofs_save();
	err = vfs_getattr_nosec(&lower->f_path, &stat, STATX_DIOALIGN,
				AT_STATX_DONT_SYNC);
	memalloc_nofs_restore(nofs);
	if (err)
		return 0;
	if (stat.result_mask & STATX_DIOALIGN) {
		if (!stat.dio_mem_align || !stat.dio_offset_align)
			return 0;
		if (block > PAGE_SIZE)
			block = stat.dio_offset_align;
		block = max3(block, stat.dio_offset_align, stat.dio_mem_align);
	}
	return block <= PAGE_SIZE ? block : 0;
}

/**
 * wtfs_lower_ask_block - find out what direct I/O the lower file can do
 * @inode: a regular file, WTFS_BLOCK_UNKNOWN
 * @lower: its lower file
 *
 * Context: process. If it has changed meanwhile, this answer may be older than
 * the one that is there by then, and is not used.
 */
void wtfs_lower_ask_block(struct inode *inode, const struct file *lower)
{
	cmpxchg(&WTFS_I(inode)->block, WTFS_BLOCK_UNKNOWN,
		wtfs_lower_block(lower));
}

/* What is no real filesystem may have read() and write() only. */
static bool wtfs_lower_has_iter(const struct file *file,
				enum wtfs_lower_use use)
{
	const struct file_operations *fop = file->f_op;

	if (!S_ISREG(file_inode(file)->i_mode))
		return true;
	return fop->read_iter && (use == WTFS_LOWER_READ || fop->write_iter);
}

/* An open lower file, or NULL: nobody does I/O then. Called under lower_lock. */
static struct file *wtfs_lower_file_any(const struct wtfs_inode_info *wi)
{
	unsigned int i;

	for (i = 0; i < WTFS_LOWER_NR; i++)
		if (wi->lower_file[i])
			return wi->lower_file[i];
	return NULL;
}

/* Fill the slot of @use. Called under lower_lock. */
static struct file *wtfs_lower_file_fill(struct inode *inode,
					 const struct path *lower,
					 enum wtfs_lower_use use)
{
	struct wtfs_inode_info *wi = WTFS_I(inode);
	struct file *file = wi->lower_file[use];
	unsigned int nofs;

	if (file)
		return file;
	/* Write-back waits for lower_lock: reclaim must not wait for it. */
	nofs = memalloc_nofs_save();
	file = wtfs_lower_open(inode->i_sb, lower, wtfs_lower_flags(use));
	memalloc_nofs_restore(nofs);
	if (IS_ERR(file))
		return file;
	if (!wtfs_lower_has_iter(file, use)) {
		fput(file);
		return ERR_PTR(-EINVAL);
	}
	/*
	 * Write-back happens long after the store that it is for, which has
	 * stamped the time; utimensat() may have come in between.
	 */
	if (use == WTFS_LOWER_WRITEBACK)
		file->f_mode |= FMODE_NOCMTIME;
	/* For who does I/O already it may have changed behind our back. */
	WRITE_ONCE(wi->block, wtfs_lower_file_any(wi) ?
		   wtfs_lower_block(file) : WTFS_BLOCK_UNKNOWN);
	WRITE_ONCE(wi->lower_file[use], file);
	return file;
}

/**
 * wtfs_lower_file_open - the lower file for a wtfs file that is being opened
 * @inode: of the wtfs file
 * @lower: what to open if it is not open yet
 * @use: what it is for
 *
 * Context: process. Return: the file, to be given back with
 * wtfs_lower_file_close(), or an ERR_PTR.
 */
struct file *wtfs_lower_file_open(struct inode *inode, const struct path *lower,
				  enum wtfs_lower_use use)
{
	struct wtfs_inode_info *wi = WTFS_I(inode);
	struct file *file;

	mutex_lock(&wi->lower_lock);
	file = wtfs_lower_file_fill(inode, lower, use);
	if (!IS_ERR(file)) {
		get_file(file);
		wi->opens++;
		wi->writers += use == WTFS_LOWER_WRITE;
	}
	mutex_unlock(&wi->lower_lock);
	return file;
}

/*
 * Where to open the lower file without a wtfs file: as it was opened before, or
 * by the anchor, which a file that is stored to has. A page that is pinned may
 * become dirty after the last close, and after the last name has left the dcache.
 */
static bool wtfs_lower_file_path(struct inode *inode, struct path *lower)
{
	struct file *file = wtfs_lower_file_any(WTFS_I(inode));

	lower->mnt = wtfs_lower_mnt(inode->i_sb);
	lower->dentry = file ? file->f_path.dentry :
		READ_ONCE(WTFS_I(inode)->anchor);
	if (!lower->dentry)
		return false;
	path_get(lower);
	return true;
}

/**
 * wtfs_lower_file_get - an open lower file for I/O without a wtfs file
 * @inode: has something to do for which nobody has it open
 * @use: what it is for
 *
 * Context: process. Return: the file, to be given back with fput(), or an
 * ERR_PTR.
 */
struct file *wtfs_lower_file_get(struct inode *inode, enum wtfs_lower_use use)
{
	struct wtfs_inode_info *wi = WTFS_I(inode);
	struct file *file;
	struct path lower;

	mutex_lock(&wi->lower_lock);
	file = wi->lower_file[use];
	if (!file && !wtfs_lower_file_path(inode, &lower)) {
		file = ERR_PTR(-EBADF);
	} else if (!file) {
		file = wtfs_lower_file_fill(inode, &lower, use);
		path_put(&lower);
	}
	if (!IS_ERR(file))
		get_file(file);
	mutex_unlock(&wi->lower_lock);
	return file;
}

/**
 * wtfs_lower_file_expect - pages of a file may become dirty: get ready for it
 * @file: a wtfs file that is open for writing
 *
 * Write-back has nobody to tell that the lower file cannot be opened, so that is
 * done here. The slot stays filled as long as somebody can store.
 *
 * Context: process, perhaps under mmap_lock. Return: 0 or the error of the open.
 */
int wtfs_lower_file_expect(struct file *file)
{
	struct inode *inode = file_inode(file);
	struct wtfs_inode_info *wi = WTFS_I(inode);
	struct file *lower;

	/* @file is a writer: what is there stays. */
	if (READ_ONCE(wi->lower_file[WTFS_LOWER_WRITEBACK]))
		return 0;
	wtfs_inode_anchor(inode, dget(wtfs_lower_file(file)->f_path.dentry));
	lower = wtfs_lower_file_get(inode, WTFS_LOWER_WRITEBACK);
	if (IS_ERR(lower))
		return PTR_ERR(lower);
	fput(lower);
	return 0;
}

/*
 * May a slot be emptied? Not while somebody has the file open that way, there
 * is something to write, or I/O holds it.
 */
static bool wtfs_lower_file_idle(const struct inode *inode, unsigned int use)
{
	struct wtfs_inode_info *wi = WTFS_I(inode);

	if (mapping_tagged(inode->i_mapping, PAGECACHE_TAG_DIRTY) ||
	    mapping_tagged(inode->i_mapping, PAGECACHE_TAG_WRITEBACK))
		return false;
	if (use == WTFS_LOWER_READ ? wi->opens : wi->writers)
		return false;
	return wi->lower_file[use] && file_count(wi->lower_file[use]) == 1;
}

/**
 * wtfs_lower_file_close - give back the lower file of a wtfs file
 * @inode: of the wtfs file
 * @lower: from wtfs_lower_file_open()
 *
 * With the last writer the lower files open for writing are closed too, so that
 * they keep nobody from remounting the lower, and with the last wtfs file all of
 * them; but not while pages that were stored to through a mapping are still to
 * be written.
 */
void wtfs_lower_file_close(struct inode *inode, struct file *lower)
{
	struct wtfs_inode_info *wi = WTFS_I(inode);
	struct file *idle[WTFS_LOWER_NR] = { };
	unsigned int i;

	mutex_lock(&wi->lower_lock);
	if (lower == wi->lower_file[WTFS_LOWER_WRITE])
		wi->writers--;
	if (!--wi->opens) {
		wtfs_cache_remember(inode);
		wtfs_lower_drop_tail(inode, lower);
	}
	fput(lower);
	for (i = 0; i < WTFS_LOWER_NR; i++) {
		if (!wtfs_lower_file_idle(inode, i))
			continue;
		idle[i] = wi->lower_file[i];
		wi->lower_file[i] = NULL;
	}
	mutex_unlock(&wi->lower_lock);

	for (i = 0; i < WTFS_LOWER_NR; i++)
		if (idle[i])
			fput(idle[i]);
}

/**
 * wtfs_lower_file_evict - close what is still open of an inode that goes away
 * @inode: no wtfs file is open, and its page cache is empty
 */
void wtfs_lower_file_evict(struct inode *inode)
{
	struct wtfs_inode_info *wi = WTFS_I(inode);
	unsigned int i;

	for (i = 0; i < WTFS_LOWER_NR; i++) {
		if (wi->lower_file[i])
			fput(wi->lower_file[i]);
		wi->lower_file[i] = NULL;
	}
}

/**
 * wtfs_lower_block_changed - the lower may do other I/O than before
 * @inode: of a file or directory
 *
 * chattr +j has ext4 put the data into its journal, a first write into the inode.
 *
 * Context: process; sleeps.
 */
void wtfs_lower_block_changed(struct inode *inode)
{
	struct wtfs_inode_info *wi = WTFS_I(inode);
	struct file *file;

	mutex_lock(&wi->lower_lock);
	file = wtfs_lower_file_any(wi);
	if (file)
		WRITE_ONCE(wi->block, wtfs_lower_block(file));
	mutex_unlock(&wi->lower_lock);
}

/**
 * wtfs_lower_file_take_error - take an error of the lower page cache, to give
 *				it to the write that caused it
 * @inode: of the wtfs file
 *
 * Without this the next fsync() would report it a second time. Return: the
 * error, 0 for none.
 */
int wtfs_lower_file_take_error(struct inode *inode)
{
	struct wtfs_inode_info *wi = WTFS_I(inode);
	unsigned int i;
	int err = 0;

	mutex_lock(&wi->lower_lock);
	for (i = 0; i < WTFS_LOWER_NR; i++)
		if (wi->lower_file[i])
			err = file_check_and_advance_wb_err(wi->lower_file[i])
				?: err;
	mutex_unlock(&wi->lower_lock);
	return err;
}

/**
 * wtfs_lower_file_touch - stamp the lower times for a store that reaches the
 *			   lower later
 * @lower: open for WTFS_LOWER_WRITE
 *
 * Return: 0 or the lower's error.
 */
int wtfs_lower_file_touch(struct file *lower)
{
	struct super_block *sb = file_inode(lower)->i_sb;
	int err;

	/* Under mmap_lock, as the lower's own page_mkwrite would be. */
	sb_start_pagefault(sb);
	err = file_update_time(lower);
	sb_end_pagefault(sb);
	return err;
}
