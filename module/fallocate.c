// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks and holes: the lower allocates, frees, zeroes and moves what a file
 * consists of, and the page cache follows.
 *
 * As below, no more is dropped from the cache than what changes: another page
 * may be the buffer of a read from elsewhere, whose data would be lost with it.
 */
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "wtfs.h"

/* What a kind of fallocate does to the bytes of a file. */
enum wtfs_effect {
	WTFS_EFFECT_NONE,	/* nothing, but the file may grow */
	WTFS_EFFECT_ZERO,	/* the range reads as zeros */
	WTFS_EFFECT_MOVE,	/* from the offset on all may be different */
};

/* Of kinds that are newer than this code the worst is supposed. */
static enum wtfs_effect wtfs_fallocate_effect(int mode)
{
	switch (mode & ~FALLOC_FL_KEEP_SIZE) {
	case 0:
	case FALLOC_FL_UNSHARE_RANGE:
		return WTFS_EFFECT_NONE;
	case FALLOC_FL_PUNCH_HOLE:
	case FALLOC_FL_ZERO_RANGE:
	case FALLOC_FL_WRITE_ZEROES:
		return WTFS_EFFECT_ZERO;
	default:
		return WTFS_EFFECT_MOVE;
	}
}

/* Have the lower hold what it reads of a range that it is to change: whole blocks. */
static void wtfs_flush_blocks(struct inode *inode, loff_t offset, u64 end)
{
	u64 unit = max_t(u64, i_blocksize(wtfs_lower_inode(inode)), PAGE_SIZE);

	wtfs_cache_flush(inode, round_down(offset, unit),
			 round_up(end, unit) - 1);
}

/* Errors that a filesystem returns before it has changed anything. */
static bool wtfs_fallocate_is_refusal(int err)
{
	return err == -EOPNOTSUPP || err == -EPERM || err == -ETXTBSY ||
		err == -EINVAL;
}

/*
 * The lower is asked first: what it refuses leaves the cache as it is. Until the
 * range is cut out of the cache, write-back of a page that became dirty by a pin
 * may fill the hole with what was there; then the lower is asked once more. It
 * cannot happen again, since what is left in the cache reads as zeros.
 */
static int wtfs_fallocate_zero(struct file *file, int mode, loff_t offset,
			       loff_t len)
{
	struct inode *inode = file_inode(file);
	struct wtfs_inode_info *wi = WTFS_I(inode);
	struct file *lower = wtfs_lower_file(file);
	bool changed = false;
	int err;

	/* Before the flush, which waits for what is under writeback by now. */
	WRITE_ONCE(wi->written_back, false);
	wtfs_flush_blocks(inode, offset, (u64)offset + len);
	err = wtfs_lower_fallocate(lower, mode, offset, len);
	if (!err) {
		changed = true;
		truncate_pagecache_range(inode, offset, offset + len - 1);
		if (READ_ONCE(wi->written_back))
			err = wtfs_lower_fallocate(lower, mode, offset, len);
	}
	/* Some of it may be done: the range has to be read again. */
	if (err && (changed || !wtfs_fallocate_is_refusal(err)))
		wtfs_cache_drop(inode, offset, offset + len);
	return err;
}

/* All from @offset on has to leave the cache; the file may become shorter. */
static int wtfs_fallocate_move(struct file *file, int mode, loff_t offset,
			       loff_t len)
{
	struct inode *inode = file_inode(file);
	struct inode *lower = wtfs_lower_inode(inode);
	loff_t before;
	int err;

	wtfs_flush_blocks(inode, offset, LLONG_MAX);
	err = wtfs_cache_forget(inode, offset, LLONG_MAX);
	if (err)
		return err;
	/* Less than ours where the end of the file could not be written. */
	before = i_size_read(lower);
	err = wtfs_lower_fallocate(wtfs_lower_file(file), mode, offset, len);
	if (i_size_read(lower) < before)
		truncate_setsize(inode, i_size_read(lower));
	return err;
}

static int wtfs_fallocate_blocks(struct file *file, int mode, loff_t offset,
				 loff_t len)
{
	wtfs_flush_blocks(file_inode(file), offset, (u64)offset + len);
	return wtfs_lower_fallocate(wtfs_lower_file(file), mode, offset, len);
}

static int wtfs_do_fallocate(struct file *file, int mode, loff_t offset,
			     loff_t len)
{
	switch (wtfs_fallocate_effect(mode)) {
	case WTFS_EFFECT_NONE:
		return wtfs_fallocate_blocks(file, mode, offset, len);
	case WTFS_EFFECT_ZERO:
		return wtfs_fallocate_zero(file, mode, offset, len);
	default:
		return wtfs_fallocate_move(file, mode, offset, len);
	}
}

/**
 * wtfs_fallocate - allocate, free, zero or move blocks of a file
 * @file: the file
 * @mode: FALLOC_FL_*
 * @offset: first byte
 * @len: bytes
 *
 * The inode and its invalidate_lock are held meanwhile: no mapped store makes
 * anything dirty, but who has pinned a page of a mapping may.
 *
 * Context: process; sleeps. Return: 0 or the lower's error.
 */
long wtfs_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	struct inode *inode = file_inode(file);
	struct inode *lower = wtfs_lower_inode(inode);
	int err;

	inode_lock(inode);
	wtfs_flight_drain(inode);
	filemap_invalidate_lock(inode->i_mapping);
	err = wtfs_do_fallocate(file, mode, offset, len);
	if (i_size_read(lower) > i_size_read(inode))
		wtfs_cache_extend(inode, i_size_read(lower));
	wtfs_lower_flush(inode);
	filemap_invalidate_unlock(inode->i_mapping);
	/* The lower has removed privileges, unless it refused. */
	wtfs_inode_copy_attr(inode);
	inode_unlock(inode);
	return err ?: wtfs_sync_change(file);
}
