// SPDX-License-Identifier: GPL-2.0-only
/*
 * splice() and sendfile() to a file: the pipe is locked while its data is
 * written.
 *
 * Whoever splices the same pipe to a lower file has the lower's freeze protection
 * when he waits for the pipe. So with the pipe locked nobody may wait for that,
 * nor for what others have while they do. As on overlayfs our inode is locked
 * before the pipe is; wtfs_write_iter() learns it from @splicer. The writeback of
 * our folios, the mutex @cached and the freeze protection itself are not waited
 * for: the write comes back with -EAGAIN before anything is copied, and is begun
 * again after a wait with nothing locked.
 */
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/pipe_fs_i.h>
#include <linux/splice.h>
#include <linux/wait.h>
#include <linux/writeback.h>

#include "wtfs.h"

/**
 * wtfs_splice_again - what a splice must not wait for has to be waited for
 * @inode: ours, spliced to
 *
 * Return: what the write has to return.
 */
int wtfs_splice_again(struct inode *inode)
{
	WTFS_I(inode)->splice_again = true;
	return -EAGAIN;
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

/* Wait for what a splice to @len bytes at @pos could not wait for. */
static void wtfs_splice_wait(struct file *out, loff_t pos, size_t len)
{
	struct inode *inode = file_inode(out);
	struct file *lower = wtfs_lower_file(out);

	filemap_fdatawait_range_keep_errors(inode->i_mapping, pos,
					    min_t(u64, (u64)pos + len, LLONG_MAX));
	mutex_lock(&WTFS_I(inode)->cached);
	mutex_unlock(&WTFS_I(inode)->cached);
	file_start_write(lower);
	file_end_write(lower);
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
 * Return: as ->splice_write, with @again if it is to be called again.
 */
static ssize_t wtfs_splice_once(struct pipe_inode_info *pipe, struct file *out,
				loff_t *ppos, size_t len, unsigned int flags,
				bool *again)
{
	struct inode *inode = file_inode(out);
	struct wtfs_inode_info *wi = WTFS_I(inode);
	ssize_t ret;

	inode_lock(inode);
	/* Now, since that waits for freeze protection of the lower. */
	ret = file_remove_privs(out);
	if (!ret) {
		wi->splice_again = false;
		WRITE_ONCE(wi->splicer, current);
		ret = iter_file_splice_write(pipe, out, ppos, len,
					     flags | SPLICE_F_NONBLOCK);
		WRITE_ONCE(wi->splicer, NULL);
	}
	*again = ret == -EAGAIN && wi->splice_again;
	inode_unlock(inode);
	/* On a write-back mount. With the pipe locked it had to wait. */
	if (ret > 0)
		balance_dirty_pages_ratelimited(inode->i_mapping);
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
	bool again = false;
	ssize_t ret;

	do {
		if (again)
			wtfs_splice_wait(out, *ppos, len);
		if (!nonblock && wait_event_interruptible(pipe->rd_wait,
							  wtfs_pipe_is_ready(pipe)))
			return -ERESTARTSYS;
		if (nonblock && !wtfs_pipe_is_ready(pipe))
			return -EAGAIN;
		ret = wtfs_splice_once(pipe, out, ppos, len, flags, &again);
		/* If not @again, another reader of the pipe was quicker. */
	} while (ret == -EAGAIN && (again || !nonblock));
	return ret;
}
