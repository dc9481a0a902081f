// SPDX-License-Identifier: GPL-2.0-only
/*
 * splice() and sendfile() to a file: the pipe is locked while its data is
 * written.
 *
 * Whoever splices the same pipe to a lower file has the lower's freeze protection
 * when he waits for the pipe. So with the pipe locked nobody may wait for that,
 * nor for what others have while they do. As on overlayfs our inode is locked
 * before the pipe is; wtfs_write_iter() learns it from @splicer. The lock and the
 * writeback of our folios, memory for new ones, what has to be read first, the mutex
 * @cached and the freeze protection itself are not waited for: the write comes back
 * with -EAGAIN before anything is copied, and is begun again after a wait with only
 * the inode locked. What a failed write leaves in the cache is dropped, with a wait for
 * folios, when the pipe is unlocked.
 */
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/pipe_fs_i.h>
#include <linux/splice.h>
#include <linux/wait.h>
#include <linux/writeback.h>

#include "wtfs.h"

/**
 * struct wtfs_splice - what a splice leaves for when the pipe is unlocked
 * @empty:	the pipe was asked for data, and no write of such has begun: an -EAGAIN is
 *		that of an empty pipe, and not the lower's answer
 * @again:	it has to be begun again, after a wait
 * @at:		the folio here has to be unlocked, made or read in first, file
 *		offset; -1 for none
 * @fill:	it has to be read in
 * @failed:	first byte of what did not reach the device, file offset
 * @failed_end:	byte after the last one; 0 if nothing failed
 * @extends:	the file was to grow by that
 * @phase:	from wtfs_phase_begin(), if something failed: for an fsync() it is
 *		under way until it is dropped
 */
struct wtfs_splice {
	bool empty;
	bool again;
	loff_t at;
	bool fill;
	loff_t failed;
	loff_t failed_end;
	bool extends;
	unsigned int phase;
};

/**
 * wtfs_splice_written - a splice has found data in the pipe, and writes it
 * @inode: ours, spliced to
 */
void wtfs_splice_written(struct inode *inode)
{
	WTFS_I(inode)->splice->empty = false;
}

/**
 * wtfs_splice_again - what a splice must not wait for has to be waited for
 * @inode: ours, spliced to
 *
 * Return: what the write has to return.
 */
int wtfs_splice_again(struct inode *inode)
{
	WTFS_I(inode)->splice->again = true;
	return -EAGAIN;
}

/**
 * wtfs_splice_again_at - a splice cannot have a folio without waiting
 * @inode: ours, spliced to
 * @pos: in the folio, file offset
 * @fill: it has to be read in
 *
 * Return: what the write has to return.
 */
int wtfs_splice_again_at(struct inode *inode, loff_t pos, bool fill)
{
	struct wtfs_splice *splice = WTFS_I(inode)->splice;

	splice->at = pos;
	splice->fill = fill;
	return wtfs_splice_again(inode);
}

/**
 * wtfs_splice_failed - leave a wtfs_write_failed() for when the pipe is unlocked
 * @inode: ours, spliced to
 * @start: first byte
 * @end: byte after the last one
 * @extends: the file was to grow
 *
 * What is written again by the same splice and then succeeds is dropped as well,
 * and read in again from the device.
 */
void wtfs_splice_failed(struct inode *inode, loff_t start, loff_t end,
			bool extends)
{
	struct wtfs_splice *splice = WTFS_I(inode)->splice;

	if (!splice->failed_end) {
		splice->failed = start;
		splice->phase = wtfs_phase_begin(inode);
	}
	splice->failed = min(splice->failed, start);
	splice->failed_end = max(splice->failed_end, end);
	splice->extends |= extends;
}

/**
 * wtfs_splice_begin - get what a write under a splice needs of the lower
 * @inode: ours; all folios that are written to are locked, and none of them is
 *	   under a writeback that would have to be waited for
 *
 * wtfs_splice_end() is the opposite. Both do nothing if there is no splice.
 *
 * Context: process. Return: 0 with the lower's freeze protection and with @cached
 * locked, or what the write has to return.
 */
int wtfs_splice_begin(struct inode *inode)
{
	if (!wtfs_is_spliced_to(inode))
		return 0;
	if (!sb_start_write_trylock(wtfs_lower_inode(inode)->i_sb))
		return wtfs_splice_again(inode);
	if (mutex_trylock(&WTFS_I(inode)->cached))
		return 0;
	sb_end_write(wtfs_lower_inode(inode)->i_sb);
	return wtfs_splice_again(inode);
}

void wtfs_splice_end(struct inode *inode)
{
	if (!wtfs_is_spliced_to(inode))
		return;
	mutex_unlock(&WTFS_I(inode)->cached);
	sb_end_write(wtfs_lower_inode(inode)->i_sb);
}

/* Have a folio at @pos, which was unlocked a moment ago. Return: 0 or -ENOMEM. */
static int wtfs_splice_wait_folio(struct inode *inode, loff_t pos)
{
	struct folio *folio = wtfs_get_folio(inode->i_mapping,
					     pos >> PAGE_SHIFT,
					     FGP_LOCK | FGP_CREAT | FGP_NOFS);

	if (IS_ERR(folio))
		return PTR_ERR(folio);
	/* A page behind the end of the file may be stored to by now. */
	wtfs_folio_wait_store(folio, ~0UL);
	folio_unlock(folio);
	folio_put(folio);
	return 0;
}

/*
 * Wait for what a splice to @len bytes at @pos could not wait for. The inode is
 * locked and the pipe is not. What has to be read in is read under the inode lock,
 * which keeps truncate and fallocate away: what is read while the lower changes would
 * be cached for good. The folio may hold the end of the file, or, if the file has
 * become shorter, lie behind it, where zeroes are read. Return: 0, or the error of
 * what would come of waiting longer.
 */
static int wtfs_splice_wait(struct file *out, loff_t pos, size_t len,
			    const struct wtfs_splice *splice)
{
	struct inode *inode = file_inode(out);
	struct file *lower = wtfs_lower_file(out);
	int err = 0;

	if (splice->at >= 0)
		err = splice->fill ? wtfs_cache_fill(out, splice->at,
					      mapping_gfp_mask(inode->i_mapping)) :
			wtfs_splice_wait_folio(inode, splice->at);
	if (err)
		return err;
	wtfs_flight_drain(inode);
	/* The write locks the folios of one chunk at a time. */
	len = min_t(size_t, len, WTFS_CHUNK);
	filemap_fdatawait_range_keep_errors(inode->i_mapping, pos,
					    min_t(u64, (u64)pos + len, LLONG_MAX));
	mutex_lock(&WTFS_I(inode)->cached);
	mutex_unlock(&WTFS_I(inode)->cached);
	file_start_write(lower);
	file_end_write(lower);
	return fatal_signal_pending(current) ? -EINTR : 0;
}

static bool wtfs_pipe_is_empty(const struct pipe_inode_info *pipe)
{
	unsigned int tail = READ_ONCE(pipe->tail);

	/* Or another reader's step could hide what came after it. */
	smp_rmb();
	return READ_ONCE(pipe->head) == tail;
}

static bool wtfs_pipe_is_ready(const struct pipe_inode_info *pipe)
{
	return !wtfs_pipe_is_empty(pipe) || !READ_ONCE(pipe->writers);
}

/*
 * Write what is in the pipe. For more nobody waits here, with the inode locked.
 * Return: as ->splice_write; -EAGAIN with @splice->again if it is to be called again,
 * with @splice->empty if there was nothing in the pipe, and otherwise if the lower says so.
 */
static ssize_t wtfs_splice_once(struct pipe_inode_info *pipe, struct file *out,
				loff_t *ppos, size_t len, unsigned int flags,
				struct wtfs_splice *splice)
{
	struct inode *inode = file_inode(out);
	struct wtfs_inode_info *wi = WTFS_I(inode);
	bool through = wtfs_mode_is_through(inode);
	ssize_t ret;

	inode_lock(inode);
	/* Under the lock: or other writes could for ever begin before this one. */
	ret = splice->again ? wtfs_splice_wait(out, *ppos, len, splice) : 0;
	*splice = (struct wtfs_splice) { .at = -1 };
	/* Now, since that waits for freeze protection of the lower. */
	if (!ret)
		ret = file_remove_privs(out);
	if (!ret) {
		splice->empty = true;
		wi->splice = splice;
		WRITE_ONCE(wi->splicer, current);
		ret = iter_file_splice_write(pipe, out, ppos, len,
					     flags | SPLICE_F_NONBLOCK);
		WRITE_ONCE(wi->splicer, NULL);
	}
	if (splice->failed_end) {
		wtfs_write_failed(inode, wtfs_lower_file(out), splice->failed,
				  splice->failed_end, splice->extends);
		wtfs_phase_end(inode, splice->phase);
	}
	inode_unlock(inode);
	/* On a write-back mount. With the pipe locked it had to wait. */
	if (ret > 0 && !through) {
		balance_dirty_pages_ratelimited(inode->i_mapping);
		ret = wtfs_write_settle(out, *ppos - ret, ret);
	}
	return ret;
}

/**
 * wtfs_splice_write - write from a pipe
 * @pipe: not locked
 * @out: where to
 * @ppos: file offset, moved on
 * @len: bytes at most
 * @flags: SPLICE_F_*
 *
 * Context: process; sleeps. Return: bytes that were taken from the pipe and are
 * on the device, 0 if there will be no more, or an error.
 */
ssize_t wtfs_splice_write(struct pipe_inode_info *pipe, struct file *out,
			  loff_t *ppos, size_t len, unsigned int flags)
{
	bool nonblock = flags & SPLICE_F_NONBLOCK;
	struct wtfs_splice splice = { };
	ssize_t ret;

	do {
		if (!nonblock && wait_event_interruptible(pipe->rd_wait,
							  wtfs_pipe_is_ready(pipe)))
			return -ERESTARTSYS;
		if (nonblock && !wtfs_pipe_is_ready(pipe))
			return -EAGAIN;
		ret = wtfs_splice_once(pipe, out, ppos, len, flags, &splice);
		/* If the pipe is empty, another reader of it was quicker. */
	} while (ret == -EAGAIN &&
		 (splice.again || (splice.empty && !nonblock)));
	return ret;
}
