// SPDX-License-Identifier: GPL-2.0-only
/*
 * The promise: when write() returns, or an asynchronous write completes, the
 * device has acknowledged every byte, and the page cache holds the same bytes.
 *
 * A write is cut into chunks; chunk.c does what there is to do with the folios
 * of each, lower_io.c writes them to the lower, and here it is decided who
 * waits, and what is told to the caller.
 */
#include <linux/backing-dev.h>
#include <linux/cred.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "stats.h"
#include "wtfs.h"

/**
 * struct wtfs_write_req - an asynchronous write
 * @io:		the request to the lower; first, since it is what is freed
 * @chunk:	all of the write
 * @who:	as whom a work item goes on with it
 */
struct wtfs_write_req {
	struct wtfs_lower_io io;
	struct wtfs_chunk chunk;
	struct wtfs_submitter who;
};

static struct kmem_cache *wtfs_write_req_cachep;

/* Make @iocb one of the lower file, with what the user wants of his write. */
static inline void wtfs_chunk_clone_iocb(const struct wtfs_chunk *c,
					 struct kiocb *iocb)
{
	kiocb_clone(iocb, c->iocb, c->lower);
	iocb->ki_flags &= IOCB_DSYNC | IOCB_SYNC | IOCB_NOWAIT;
	if (iocb_is_dsync(c->iocb))
		iocb->ki_flags |= IOCB_DSYNC;
}

/* Return: bytes of the chunk that reached the device, or an error. */
static ssize_t wtfs_chunk_do_write(struct wtfs_chunk *c)
{
	loff_t first = c->tail > c->pos ? round_down(c->pos, c->block) : c->pos;
	loff_t pos = c->start_io;
	struct kiocb iocb;
	ssize_t res = 0;

	wtfs_chunk_clone_iocb(c, &iocb);
	iocb.ki_flags &= ~IOCB_NOWAIT;
	c->whole = true;
	while (pos < c->end_io) {
		bool direct = pos < c->tail;

		res = wtfs_lower_write(c->inode, &iocb, &c->span, pos,
				       (direct ? c->tail : c->end_io) - pos,
				       direct);
		if (res > 0) {
			pos += res;
			continue;
		}
		c->whole = false;
		/* A store that cannot be written must not fail the write. */
		if (pos >= first)
			break;
		pos = first;
	}
	if (pos <= c->pos)
		return res < 0 ? res : -EIO;
	return min(pos, c->end) - c->pos;
}

/*
 * Does the lower copy into its page cache, or zero there what comes before the
 * chunk? Not if it refuses direct I/O for once: nobody can foresee that.
 */
static bool wtfs_chunk_is_cached_below(const struct wtfs_chunk *c)
{
	return c->tail < c->end_io || wtfs_lower_leaps(c->lower, c->start_io);
}

/* Return: as wtfs_chunk_do_write(). */
static ssize_t wtfs_chunk_write(struct wtfs_chunk *c)
{
	struct mutex *cached = &WTFS_I(c->inode)->cached;
	ssize_t res;

	/* A splice has locked it already. */
	if (!wtfs_chunk_is_cached_below(c) || wtfs_is_spliced_to(c->inode))
		return wtfs_chunk_do_write(c);
	mutex_lock(cached);
	res = wtfs_chunk_do_write(c);
	mutex_unlock(cached);
	return res;
}

/*
 * Get the lower's freeze protection for a change that is not a chunk's data; a
 * splice only tries. Pairs with wtfs_write_leave(). Return: 0 or an error.
 */
static int wtfs_write_enter(struct inode *inode)
{
	int err = wtfs_splice_begin(inode);

	if (!err)
		wtfs_lower_start_write(inode);
	return err;
}

static void wtfs_write_leave(struct inode *inode)
{
	wtfs_lower_end_write(inode);
	wtfs_splice_end(inode);
}

/* Have the lower file end at @size. Return: 0 or an error. */
static int wtfs_cut_lower(struct inode *inode, struct file *lower, loff_t size)
{
	struct iattr attr = { .ia_valid = ATTR_SIZE, .ia_size = size };
	const struct cred *old;
	int err;

	wtfs_lower_start_write(inode);
	old = override_creds(wtfs_sb(inode->i_sb)->cred);
	inode_lock(file_inode(lower));
	err = notify_change(&nop_mnt_idmap, file_dentry(lower), &attr, NULL);
	inode_unlock(file_inode(lower));
	revert_creds(old);
	wtfs_lower_end_write(inode);
	return err;
}

/*
 * An extending write failed after the lower had grown, as a buffered one does
 * before its data is written.
 */
static void wtfs_undo_extend(struct inode *inode, struct file *lower)
{
	loff_t size = i_size_read(inode);
	int err;

	if (i_size_read(file_inode(lower)) <= size)
		return;
	err = wtfs_cut_lower(inode, lower, size);
	if (err)
		pr_warn_ratelimited("%pD2: cannot take back a failed extension: error %d\n",
				    lower, err);
}

/**
 * wtfs_write_failed - forget what did not reach the device
 * @inode: the file; locked, exclusive, if @extends
 * @lower: its lower file
 * @start: first byte
 * @end: byte after the last one
 * @extends: the file was to grow; it ends at i_size
 *
 * Mapped stores that the write had taken over are dirty again by now, unless they
 * were overwritten.
 *
 * Context: process; waits for folios and for the lower. A splice calls it when
 * the pipe is unlocked.
 */
void wtfs_write_failed(struct inode *inode, struct file *lower, loff_t start,
		       loff_t end, bool extends)
{
	wtfs_cache_drop(inode, start, end);
	if (extends)
		wtfs_undo_extend(inode, lower);
}

/* Only @res bytes of the chunk reached the device, or none if that is an error. */
static noinline void wtfs_chunk_fail(struct wtfs_chunk *c, ssize_t res)
{
	loff_t done = c->pos + max_t(ssize_t, res, 0);
	bool extends = c->end > c->size;

	if (wtfs_is_spliced_to(c->inode))
		wtfs_splice_failed(c->inode, done, c->end, extends);
	else
		wtfs_write_failed(c->inode, c->lower, done, c->end, extends);
}

/*
 * The chunk has been written, or not: @res as of wtfs_chunk_write(). Return: the same.
 * If that is less than the chunk, wtfs_chunk_fail() has to follow.
 */
static ssize_t wtfs_chunk_end(struct wtfs_chunk *c, ssize_t res)
{
	loff_t done = c->pos + max_t(ssize_t, res, 0);
	/* It does not grow by the hole before a write that came to nothing. */
	loff_t size = res > 0 ? max(done, c->size) : c->size;

	if (!c->whole && c->taken)
		wtfs_chunk_redirty(c);
	/* An fsync() may be waiting for just this writeback. */
	if ((!c->whole && c->taken) || done < c->replaced_end)
		mapping_set_error(c->inode->i_mapping, res < 0 ? res : -EIO);
	/* First, since write-back zeroes what lies behind i_size. */
	if (size > c->size)
		i_size_write(c->inode, size);
	wtfs_count_through_end(c, res);
	wtfs_chunk_finish(c);
	if (c->asks)
		wtfs_chunk_learn(c);
	return res;
}

/* The chunk is copied into: write it, and wait. */
static __always_inline ssize_t wtfs_chunk_through(struct wtfs_chunk *c)
{
	unsigned int nofs = memalloc_nofs_save();
	ssize_t res;

	wtfs_chunk_start(c);
	res = wtfs_chunk_write(c);
	memalloc_nofs_restore(nofs);
	/* Before waiting for write-back, which may be waiting for @cached. */
	wtfs_splice_end(c->inode);
	wtfs_chunk_end(c, res);
	if (unlikely(res < c->end - c->pos))
		wtfs_chunk_fail(c, res);
	/* An fsync() that comes now finds nothing cached that failed; see splice.c, too. */
	wtfs_phase_end(c->inode, c->phase);
	return res;
}

/* How much of the write the next chunk takes: up to a folio's end. */
static size_t wtfs_chunk_size(loff_t pos, size_t count)
{
	if (count <= WTFS_CHUNK)
		return count;
	return WTFS_CHUNK - offset_in_page(pos);
}

/* Say what the next chunk is; @c holds no folios. */
static void wtfs_chunk_set(struct wtfs_chunk *c, loff_t pos, size_t len)
{
	c->pos = pos;
	c->end = pos + len;
	c->size = i_size_read(c->inode);
	c->head_dirty = false;
	c->last_dirty = false;
	c->replaced_end = 0;
}

/*
 * Lock the folios for up to @len bytes at @pos, and copy. Return: bytes copied,
 * 0 to be called again with nothing done, or an error.
 */
static __always_inline ssize_t
wtfs_chunk_fill(struct wtfs_chunk *c, struct iov_iter *from, loff_t pos,
		size_t len, size_t (*copy)(struct wtfs_chunk *c,
					   struct iov_iter *from))
{
	size_t missing = fault_in_iov_iter_readable(from, len);
	ssize_t copied;
	int err;

	if (missing == len)
		return -EFAULT;
	wtfs_chunk_set(c, pos, len - missing);
	err = wtfs_chunk_lock(c);
	if (err)
		return err;
	if (!c->through)
		return copy(c, from);
	c->phase = wtfs_phase_begin(c->inode);
	copied = copy(c, from);
	if (!copied) {
		wtfs_phase_end(c->inode, c->phase);
		wtfs_splice_end(c->inode);
	}
	return copied;
}

/*
 * Write one chunk. Return: bytes that reached the device and were taken from
 * @from, 0 to be called again with nothing done, or an error.
 */
static ssize_t wtfs_write_chunk(struct wtfs_chunk *c, struct iov_iter *from,
				loff_t pos)
{
	size_t len = wtfs_chunk_size(pos, iov_iter_count(from));
	ssize_t copied, done;

	copied = wtfs_chunk_fill(c, from, pos, len, wtfs_chunk_copy);
	if (copied <= 0)
		return copied;
	done = wtfs_chunk_through(c);
	if (done != copied)
		iov_iter_revert(from, copied - max_t(ssize_t, done, 0));
	return done;
}

/* On a write-back mount: a page at a time, left dirty. */
static ssize_t wtfs_write_page(struct wtfs_chunk *c, struct iov_iter *from,
			       loff_t pos)
{
	size_t len = min_t(size_t, iov_iter_count(from),
			   PAGE_SIZE - offset_in_page(pos));
	ssize_t copied = wtfs_chunk_fill(c, from, pos, len,
					 wtfs_chunk_copy_back);

	if (copied > 0 && !wtfs_is_spliced_to(c->inode))
		balance_dirty_pages_ratelimited(c->inode->i_mapping);
	return copied;
}

/*
 * A copy came to nothing, since the source went away after it was faulted in,
 * or since the folio is not up to date and the source ends in it. Read the
 * folio in, so that any part of it may be copied next time.
 */
static int wtfs_write_unstick(struct kiocb *iocb, loff_t pos)
{
	struct inode *inode = file_inode(iocb->ki_filp);

	if (fatal_signal_pending(current))
		return -EINTR;
	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
	cond_resched();
	if (pos >= i_size_read(inode))
		return 0;
	if (wtfs_is_spliced_to(inode))
		return wtfs_splice_again_at(inode, pos, true);
	return wtfs_cache_fill(iocb->ki_filp, pos,
			       mapping_gfp_mask(inode->i_mapping));
}

/*
 * There is no memory: have the OOM killer called if need be. Return: false if it would
 * have been.
 */
static bool wtfs_chunk_insist(struct wtfs_chunk *c)
{
	if (!(c->gfp & __GFP_RETRY_MAYFAIL))
		return false;
	c->gfp = mapping_gfp_mask(c->inode->i_mapping);
	return true;
}

/* The inode is locked, exclusive if the file is to grow. */
static __always_inline ssize_t
wtfs_write_loop(struct wtfs_chunk *c, struct iov_iter *from,
		ssize_t (*step)(struct wtfs_chunk *c, struct iov_iter *from,
				loff_t pos))
{
	struct kiocb *iocb = c->iocb;
	ssize_t done = 0, res = 0;

	if (iocb->ki_pos > i_size_read(c->inode))
		res = wtfs_cache_zero_eof(c->inode);
	if (unlikely(res))
		return res;
	while (iov_iter_count(from)) {
		res = step(c, from, iocb->ki_pos + done);
		if (unlikely(res == -ENOMEM) && wtfs_chunk_insist(c))
			continue;
		if (!res)
			res = wtfs_write_unstick(iocb, iocb->ki_pos + done);
		if (res < 0)
			break;
		done += res;
		if (fatal_signal_pending(current)) {
			res = -EINTR;
			break;
		}
	}
	iocb->ki_pos += done;
	return done ?: res;
}

static ssize_t wtfs_write_through(struct kiocb *iocb, struct iov_iter *from)
{
	/* Most of it is @bvec: clearing that costs more than setting the rest. */
	struct wtfs_chunk c __uninitialized;
	ssize_t ret;

	ret = wtfs_chunk_init(&c, iocb, iov_iter_count(from), true);
	if (ret)
		return ret;
	ret = wtfs_write_loop(&c, from, wtfs_write_chunk);
	wtfs_chunk_free(&c);
	return ret;
}

/* The lower's times are stamped now: write-back will not. */
static int wtfs_write_back_touch(struct inode *inode, struct file *lower)
{
	int err;

	err = wtfs_write_enter(inode);
	if (err)
		return err;
	err = file_update_time(lower);
	wtfs_write_leave(inode);
	return err;
}

static ssize_t wtfs_write_back(struct kiocb *iocb, struct iov_iter *from)
{
	struct wtfs_chunk c;
	ssize_t ret;

	ret = wtfs_lower_file_expect(iocb->ki_filp);
	if (!ret)
		ret = wtfs_write_back_touch(file_inode(iocb->ki_filp),
					    wtfs_lower_file(iocb->ki_filp));
	if (!ret)
		ret = wtfs_chunk_init(&c, iocb, 1, false);
	if (ret)
		return ret;
	return wtfs_write_loop(&c, from, wtfs_write_page);
}

/* Tell the submitter. The file, and with it the inode, may go away. */
static void wtfs_write_req_complete(struct wtfs_write_req *req, ssize_t res)
{
	struct wtfs_chunk *c = &req->chunk;
	struct kiocb *iocb = c->iocb;

	wtfs_submitter_put(&req->who);
	wtfs_phase_end(c->inode, c->phase);
	wtfs_flight_end(c->inode, c->end - c->pos);
	wtfs_chunk_free(c);
	if (res > 0)
		iocb->ki_pos = c->pos + res;
	iocb->ki_complete(iocb, res);
}

/* All of it is on the device. Context: any. */
static void wtfs_write_req_end(struct wtfs_lower_io *io, long res)
{
	struct wtfs_write_req *req =
		container_of(io, struct wtfs_write_req, io);
	struct wtfs_chunk *c = &req->chunk;

	wtfs_count_through_end(c, c->end - c->pos);
	wtfs_chunk_finish(c);
	wtfs_write_req_complete(req, c->end - c->pos);
}

/* wtfs_write_req_work() has ended the folios, and @res is for the caller. */
static void wtfs_write_req_end_slow(struct wtfs_lower_io *io, long res)
{
	wtfs_write_req_complete(container_of(io, struct wtfs_write_req, io),
				res);
}

/* Drop what failed. Not in the work item that found it: see wtfs_write_req_again() */
static void wtfs_write_req_drop(struct work_struct *work)
{
	struct wtfs_write_req *req =
		container_of(work, struct wtfs_write_req, io.work);

	wtfs_chunk_fail(&req->chunk, req->io.res);
	wtfs_lower_io_finish(&req->io, req->io.res);
}

/*
 * The lower failed: write it again, and wait. If that fails, too, the folios are dropped
 * in another workqueue. A drop waits for what else is in flight of a folio, and that may
 * be waiting for a worker of this one.
 */
static void wtfs_write_req_again(struct wtfs_write_req *req)
{
	struct wtfs_chunk *c = &req->chunk;
	struct wtfs_sb_info *sbi = wtfs_sb(c->inode->i_sb);
	ssize_t res = wtfs_chunk_end(c, wtfs_chunk_write(c));

	req->io.end = wtfs_write_req_end_slow;
	if (likely(res == c->end - c->pos)) {
		wtfs_lower_io_finish(&req->io, res);
		return;
	}
	req->io.res = res;
	INIT_WORK(&req->io.work, wtfs_write_req_drop);
	queue_work(sbi->drop_wq, &req->io.work);
}

/* The lower failed, or would have blocked. */
static void wtfs_write_req_work(struct work_struct *work)
{
	struct wtfs_write_req *req =
		container_of(work, struct wtfs_write_req, io.work);
	unsigned int noio = wtfs_lower_io_work_begin(&req->io);
	struct wtfs_acting acting;

	/* Not as the kernel, which quota, reserved blocks and io.max don't stop. */
	wtfs_submitter_enter(&acting, &req->who);
	if (wtfs_lower_io_blocked(&req->io))
		wtfs_lower_io_resubmit(&req->io);
	else
		wtfs_write_req_again(req);
	wtfs_submitter_leave(&acting);
	wtfs_lower_io_work_end(noio);
}

/* The chunk is under write-through: send it on its way. */
static void wtfs_write_req_submit(struct wtfs_write_req *req)
{
	struct wtfs_lower_io *io = &req->io;
	struct wtfs_chunk *c = &req->chunk;

	wtfs_submitter_get(&req->who);
	wtfs_chunk_clone_iocb(c, &io->iocb);
	wtfs_lower_io_setup(io, c->inode, wtfs_write_req_work);
	io->end = wtfs_write_req_end;
	io->span = c->span;
	io->pos = c->start_io;
	io->len = c->end_io - c->start_io;
	wtfs_lower_io_submit_write(io, !wtfs_chunk_is_cached_below(c));
}

/* Only a part could be copied: write that, and what is left, and wait. */
static ssize_t wtfs_write_req_short(struct wtfs_chunk *c,
				    struct iov_iter *from, size_t copied)
{
	struct kiocb *iocb = c->iocb;
	ssize_t done, more;

	done = wtfs_chunk_through(c);
	if (done != copied)
		iov_iter_revert(from, copied - max_t(ssize_t, done, 0));
	if (done <= 0)
		return done;
	iocb->ki_pos += done;
	more = wtfs_write_through(iocb, from);
	return more > 0 ? done + more : done;
}

/*
 * Return: -EIOCBQUEUED, the result if it could not be asynchronous, or 0 if
 * nothing was done.
 */
static ssize_t wtfs_write_async(struct kiocb *iocb, struct iov_iter *from)
{
	size_t len = iov_iter_count(from);
	struct wtfs_write_req *req;
	bool short_of_memory;
	ssize_t ret;

	ret = wtfs_flight_begin(iocb, len);
	if (ret)
		return ret;
	ret = -ENOMEM;
	req = kmem_cache_alloc(wtfs_write_req_cachep, GFP_KERNEL);
	short_of_memory = !req;
	if (!req)
		goto out_flight;
	ret = wtfs_chunk_init(&req->chunk, iocb, len, true);
	short_of_memory = ret == -ENOMEM;
	if (ret)
		goto out_free;
	/* Rather -ENOMEM than the OOM killer: see wtfs_flight_ebb() */
	req->chunk.gfp |= __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	ret = wtfs_chunk_fill(&req->chunk, from, iocb->ki_pos, len,
			      wtfs_chunk_copy);
	if (ret == len) {
		wtfs_chunk_start(&req->chunk);
		wtfs_write_req_submit(req);
		return -EIOCBQUEUED;
	}
	short_of_memory = ret == -ENOMEM;
	if (ret > 0)
		ret = wtfs_write_req_short(&req->chunk, from, ret);
	wtfs_chunk_free(&req->chunk);
out_free:
	kmem_cache_free(wtfs_write_req_cachep, req);
out_flight:
	wtfs_flight_end(file_inode(iocb->ki_filp), len);
	return short_of_memory ? wtfs_flight_ebb(iocb) : ret;
}

/*
 * May this write return before it is done? Its inode lock is dropped then, and
 * truncate waits for it by wtfs_flight_drain().
 */
static bool wtfs_write_is_async(struct kiocb *iocb, size_t count,
				bool shared)
{
	return shared && !is_sync_kiocb(iocb) && count <= WTFS_CHUNK;
}

/*
 * May this write, inside @i_size, run beside others? Not if it may have to
 * remove privileges, nor if it goes through the lower page cache, whose pages
 * could then be in the way of a direct write. One that may needs no
 * generic_write_checks(): nothing that these look at is in its way.
 */
static bool wtfs_write_is_shared(const struct kiocb *iocb, size_t count,
				 bool through, loff_t i_size)
{
	const struct inode *inode = file_inode(iocb->ki_filp);
	unsigned int block = wtfs_lower_direct(inode);
	u64 end = iocb->ki_pos + count;
	u64 size = min_t(u64, i_size, rlimit(RLIMIT_FSIZE));

	return !(iocb->ki_flags & IOCB_APPEND) && IS_NOSEC(inode) &&
		!IS_SWAPFILE(inode) &&
		(iocb->ki_filp->f_flags & O_LARGEFILE || end <= MAX_NON_LFS) &&
		through && block && end > iocb->ki_pos && end <= size &&
		round_up(end, block) <= size;
}

static bool wtfs_write_lock(const struct kiocb *iocb, bool shared)
{
	struct inode *inode = file_inode(iocb->ki_filp);

	/* What needs the exclusive lock waits for the device while it has it. */
	if (iocb->ki_flags & IOCB_NOWAIT)
		return shared && inode_trylock_shared(inode);
	if (shared)
		inode_lock_shared(inode);
	else
		inode_lock(inode);
	return true;
}

static void wtfs_write_unlock(struct inode *inode, bool shared)
{
	if (shared)
		inode_unlock_shared(inode);
	else
		inode_unlock(inode);
}

/* Lock the inode and check the write. Return: as generic_write_checks(). */
static ssize_t wtfs_write_begin(struct kiocb *iocb, struct iov_iter *from,
				bool through, bool *shared)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	loff_t size;
	ssize_t ret;

	/* More than a request takes is waited for. */
	if ((iocb->ki_flags & IOCB_NOWAIT) && !is_sync_kiocb(iocb) &&
	    iov_iter_count(from) > WTFS_CHUNK)
		return -EAGAIN;
	size = i_size_read(inode);
	*shared = wtfs_write_is_shared(iocb, iov_iter_count(from), through,
				       size);
	if (!wtfs_write_lock(iocb, *shared))
		return -EAGAIN;
	/* Before we had the lock the file may have shrunk, or got a setuid. */
	if (*shared && (i_size_read(inode) < size || !IS_NOSEC(inode))) {
		wtfs_write_unlock(inode, true);
		*shared = false;
		if (!wtfs_write_lock(iocb, false))
			return -EAGAIN;
	}
	if (*shared)
		return iov_iter_count(from);
	ret = generic_write_checks(iocb, from);
	if (ret > 0) {
		int err = file_remove_privs(iocb->ki_filp);

		if (err)
			ret = err;
	}
	if (ret <= 0)
		wtfs_write_unlock(inode, false);
	return ret;
}

/* The inode is locked, and the write has been checked. */
static __always_inline ssize_t
wtfs_write_locked(struct kiocb *iocb, struct iov_iter *from, bool through,
		  bool shared)
{
	size_t len = iov_iter_count(from);
	ssize_t ret = 0;

	if (!through)
		return wtfs_write_back(iocb, from);
	wtfs_charge_attach(file_inode(iocb->ki_filp));
	trace_write_start(file_inode(iocb->ki_filp), iocb->ki_pos, len,
			  iocb->ki_flags);
	if (wtfs_write_is_async(iocb, len, shared))
		ret = wtfs_write_async(iocb, from);
	return ret ?: wtfs_write_through(iocb, from);
}

/**
 * wtfs_write_settle - have a write that left dirty pages keep a newer promise
 * @file: written to; its inode is not locked
 * @pos: first byte
 * @len: bytes that were written
 *
 * A remount to writethrough may have come after the write had asked for the mode.
 *
 * Context: process; sleeps. Return: @len, or the error of the write-back.
 */
ssize_t wtfs_write_settle(struct file *file, loff_t pos, ssize_t len)
{
	struct address_space *mapping = file->f_mapping;
	int err;

	/*
	 * Either the remount's sync_filesystem() finds the dirty pages, or the new
	 * mode is seen here. Pairs with the barrier in wtfs_reconfigure()
	 */
	smp_mb();
	if (!wtfs_mode_is_through(file_inode(file)) ||
	    !mapping_tagged(mapping, PAGECACHE_TAG_DIRTY))
		return len;
	err = filemap_write_and_wait_range(mapping, pos, pos + len - 1);
	return err ?: len;
}

/* From wtfs_splice_write(), which has locked the inode. */
static noinline ssize_t wtfs_write_spliced(struct kiocb *iocb,
					   struct iov_iter *from)
{
	ssize_t ret;

	wtfs_splice_written(file_inode(iocb->ki_filp));
	ret = generic_write_checks(iocb, from);
	if (ret <= 0)
		return ret;
	return wtfs_write_locked(iocb, from, wtfs_write_is_through(iocb), false);
}

/**
 * wtfs_write_iter - write to a regular file
 * @iocb: the write
 * @from: what to write
 *
 * Return: bytes that are on the device, an error if there are none, or
 * -EIOCBQUEUED if @iocb will be completed when they are.
 */
ssize_t wtfs_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	bool through, shared;
	ssize_t ret;

	wtfs_lower_know_block(inode, wtfs_lower_file(iocb->ki_filp));
	if (wtfs_is_spliced_to(inode))
		return wtfs_write_spliced(iocb, from);
	/* Asked once: a remount may change it. */
	through = wtfs_write_is_through(iocb);
	ret = wtfs_write_begin(iocb, from, through, &shared);
	if (ret <= 0)
		return ret;
	ret = wtfs_write_locked(iocb, from, through, shared);
	wtfs_inode_copy_blocks(inode);
	wtfs_write_unlock(inode, shared);
	return through || ret <= 0 ? ret :
		wtfs_write_settle(iocb->ki_filp, iocb->ki_pos - ret, ret);
}

/* What has a constructor is not zeroed for each write by init_on_alloc. */
static void wtfs_write_req_ctor(void *object)
{
	struct wtfs_write_req *req = object;

	req->io.cache = wtfs_write_req_cachep;
	req->io.write = true;
	req->io.blkcg = NULL;
}

int wtfs_write_init(void)
{
	wtfs_write_req_cachep = kmem_cache_create("wtfs_write_req",
						  sizeof(struct wtfs_write_req),
						  0, 0, wtfs_write_req_ctor);
	return wtfs_write_req_cachep ? 0 : -ENOMEM;
}

void wtfs_write_exit(void)
{
	kmem_cache_destroy(wtfs_write_req_cachep);
}
