// SPDX-License-Identifier: GPL-2.0-only
/*
 * splice() and sendfile() to a file: the pipe is locked while its data is
 * written.
 *
 * Whoever splices the same pipe to a lower file has the lower's freeze protection
 * when he waits for the pipe. So with the pipe locked nobody may wait for that,
 * nor for a lock whose holder may. As on overlayfs our inode is locked before
 * the pipe is; wtfs_write_iter() learns it from @splicer. The freeze protection
 * itself and the mutex @cached are only tried. Where that fails the write comes
 * back with -EAGAIN, and is begun again after a wait with nothing locked.
 */
#include <linux/fs.h>
#include <linux/pipe_fs_i.h>
#include <linux/splice.h>
#include <linux/wait.h>

#include "wtfs.h"

/**
 * wtfs_lower_start_write - get the freeze protection of the lower
 * @inode: ours, that is written to
 *
 * Context: process; sleeps, unless called for a splice. Return: false if the
 * splice has to wait, with its pipe unlocked. If true, sb_end_write() of the
 * lower has to follow.
 */
bool wtfs_lower_start_write(struct inode *inode)
{
	struct super_block *sb = wtfs_lower_inode(inode)->i_sb;

	if (!wtfs_is_spliced_to(inode)) {
		sb_start_write(sb);
		return true;
	}
	if (sb_start_write_trylock(sb))
		return true;
	WTFS_I(inode)->splice_again = true;
	return false;
}

/**
 * wtfs_lock_cached - lock the mutex @cached
 * @inode: ours
 *
 * Context: process; sleeps. Return: false if a splice has to wait for it, with
 * its pipe unlocked.
 */
bool wtfs_lock_cached(struct inode *inode)
{
	struct wtfs_inode_info *wi = WTFS_I(inode);

	if (!wtfs_is_spliced_to(inode)) {
		mutex_lock(&wi->cached);
		return true;
	}
	if (mutex_trylock(&wi->cached))
		return true;
	wi->splice_again = true;
	return false;
}

/* Wait for what a splice could not wait for. */
static void wtfs_splice_wait(struct inode *inode, struct file *lower)
{
	mutex_lock(&WTFS_I(inode)->cached);
	mutex_unlock(&WTFS_I(inode)->cached);
	file_start_write(lower);
	file_end_write(lower);
}

/* Is there something in it, or will there never be? */
static bool wtfs_pipe_is_ready(const struct pipe_inode_info *pipe)
{
	return READ_ONCE(pipe->head) != READ_ONCE(pipe->tail) ||
		!READ_ONCE(pipe->writers);
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
			wtfs_splice_wait(file_inode(out), wtfs_lower_file(out));
		if (!nonblock && wait_event_interruptible(pipe->rd_wait,
							  wtfs_pipe_is_ready(pipe)))
			return -ERESTARTSYS;
		if (!wtfs_pipe_is_ready(pipe))
			return -EAGAIN;
		ret = wtfs_splice_once(pipe, out, ppos, len, flags, &again);
		/* If not @again, another reader of the pipe was quicker. */
	} while (ret == -EAGAIN && (again || !nonblock));
	return ret;
}
