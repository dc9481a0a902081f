// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only place that moves data to or from the lower file.
 *
 * Two ways in. wtfs_lower_write() is for those who wait: write() and the
 * error paths. A struct wtfs_lower_io is for those who do not: readahead and
 * write-back, whose waiters wait for the folios.
 */
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/errseq.h>
#include <linux/file.h>
#include <linux/percpu.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/workqueue.h>

#include "stats.h"
#include "wtfs.h"

/* i_size_read() is called in interrupt context, where it must not spin. */
static_assert(BITS_PER_LONG == 64);

static struct kmem_cache *wtfs_lower_io_cachep;

/* Requests, by the processor that began or ended them: the sum counts. */
static DEFINE_PER_CPU(long, wtfs_lower_ios);

/* Did the lower refuse the direct I/O itself, rather than fail to do it? */
static bool wtfs_direct_refused(long res)
{
	return res == -EINVAL || res == -ENOTBLK || res == -EOPNOTSUPP;
}

static void wtfs_span_iter(struct iov_iter *iter, int direction,
			   const struct wtfs_span *span, loff_t pos, size_t len)
{
	iov_iter_bvec(iter, direction, span->bvec, span->nr, span->len);
	if (pos != span->pos)
		iov_iter_advance(iter, pos - span->pos);
	/* A block may end one byte behind what a file offset can be. */
	iov_iter_truncate(iter, min_t(u64, len, LLONG_MAX - pos));
}

/*
 * To the lower file's own operations, not through vfs_iocb_iter_read() and its
 * like: whether this task may do it, and who is to be told, has been settled
 * with the wtfs file, and the lower one was opened by wtfs.
 */
static ssize_t wtfs_iocb_read(struct kiocb *iocb, struct iov_iter *iter)
{
	return iocb->ki_filp->f_op->read_iter(iocb, iter);
}

/* On -EIOCBQUEUED the completion has to call kiocb_end_write(). */
static inline ssize_t wtfs_iocb_write(struct kiocb *iocb, struct iov_iter *iter)
{
	ssize_t ret;

	kiocb_start_write(iocb);
	ret = iocb->ki_filp->f_op->write_iter(iocb, iter);
	if (ret != -EIOCBQUEUED)
		kiocb_end_write(iocb);
	return ret;
}

static bool wtfs_lower_is_cached(struct file *lower)
{
	return READ_ONCE(lower->f_mapping->nrpages);
}

static bool wtfs_lower_caches(struct file *lower, loff_t pos, size_t len)
{
	return wtfs_lower_is_cached(lower) &&
		filemap_range_has_page(lower->f_mapping, pos, pos + len - 1);
}

/**
 * wtfs_lower_mark - note which errors the lower page cache has had
 * @lower: the lower file, before it is written to
 *
 * For wtfs_lower_settle(). Not the flags that filemap_check_errors() clears:
 * any direct read of the lower file may be quicker at that.
 */
errseq_t wtfs_lower_mark(struct file *lower)
{
	errseq_t mark = 0;

	/*
	 * Unlike errseq_sample(), makes the next error move the counter. If
	 * there never was one, that will.
	 */
	if (READ_ONCE(lower->f_mapping->wb_err))
		errseq_check_and_advance(&lower->f_mapping->wb_err, &mark);
	return mark;
}

/**
 * wtfs_lower_drop_tail - forget the lower page that was left for an append
 * @inode: the wtfs inode
 * @lower: the lower file
 *
 * Something else comes now, and a cached page would only slow it.
 */
void wtfs_lower_drop_tail(struct inode *inode, struct file *lower)
{
	struct wtfs_inode_info *wi = WTFS_I(inode);
	pgoff_t tail = READ_ONCE(wi->tail);

	if (!tail)
		return;
	WRITE_ONCE(wi->tail, 0);
	invalidate_inode_pages2_range(lower->f_mapping, tail - 1, tail - 1);
}

/*
 * A write that ends within the last page of an open file: the next one may go
 * on there, and the lower would have to read the page again.
 */
static bool wtfs_lower_keeps_tail(const struct inode *inode, struct file *lower,
				  loff_t end)
{
	return !PAGE_ALIGNED(end) && end == i_size_read(file_inode(lower)) &&
		READ_ONCE(WTFS_I(inode)->opens);
}

/* Drop a clean range of the lower's cache, but for the page of the next append. */
static void wtfs_lower_uncache(struct inode *inode, struct file *lower,
			       loff_t pos, loff_t end, bool keep)
{
	pgoff_t first = pos >> PAGE_SHIFT, last = (end - 1) >> PAGE_SHIFT;

	if (keep) {
		if (READ_ONCE(WTFS_I(inode)->tail) != last + 1)
			wtfs_lower_drop_tail(inode, lower);
		WRITE_ONCE(WTFS_I(inode)->tail, last + 1);
		if (first == last)
			return;
		last--;
	}
	invalidate_inode_pages2_range(lower->f_mapping, first, last);
}

/**
 * wtfs_lower_settle - bring what the lower cached of a range to the device, and
 *		       out of memory
 * @inode: the wtfs inode
 * @lower: the lower file
 * @pos: first byte
 * @len: bytes, not 0
 * @mark: from wtfs_lower_mark(), before the range was written to
 *
 * Data is cached once, and a cached lower page would slow every later direct
 * write of the file; but the last page, if it is not full, is left for the next
 * append until something else is written directly, or the file is closed.
 *
 * Context: process; sleeps, with no wtfs folio locked. Return: 0 or the error,
 * which no fsync() will report again; perhaps that of another write that was
 * going on.
 */
int wtfs_lower_settle(struct inode *inode, struct file *lower, loff_t pos,
		      loff_t len, errseq_t mark)
{
	struct address_space *mapping = lower->f_mapping;
	int err = 0;

	if (wtfs_lower_is_cached(lower)) {
		err = filemap_fdatawrite_range(mapping, pos, pos + len - 1);
		filemap_fdatawait_range_keep_errors(mapping, pos,
						    pos + len - 1);
	}
	err = errseq_check(&mapping->wb_err, mark) ?: err;
	if (err)
		wtfs_lower_file_take_error(inode);
	if (wtfs_lower_is_cached(lower))
		wtfs_lower_uncache(inode, lower, pos, pos + len, !err &&
				   wtfs_lower_keeps_tail(inode, lower,
							 pos + len));
	return err;
}

/**
 * wtfs_lower_flush - bring what the lower has in its page cache to the device
 * @inode: the wtfs inode, locked: nothing is being written through there
 *
 * After what makes the lower zero a part of a page, such as a truncate. An
 * fsync() would have it written at any time else, while an append, say, goes on
 * copying into it. Its errors are left for that.
 *
 * Context: process; sleeps, with no wtfs folio locked.
 */
void wtfs_lower_flush(struct inode *inode)
{
	struct address_space *mapping = wtfs_lower_inode(inode)->i_mapping;

	if (!READ_ONCE(mapping->nrpages))
		return;
	filemap_fdatawrite(mapping);
	filemap_fdatawait_keep_errors(mapping);
	WRITE_ONCE(WTFS_I(inode)->tail, 0);
	invalidate_inode_pages2(mapping);
}

/* F_SET_RW_HINT is for an inode, and the VFS knows only of ours. */
static void wtfs_lower_hint(const struct inode *inode)
{
	struct inode *lower = wtfs_lower_inode(inode);

	if (unlikely(lower->i_write_hint != inode->i_write_hint))
		WRITE_ONCE(lower->i_write_hint, inode->i_write_hint);
}

static __always_inline ssize_t
wtfs_lower_write_once(struct inode *inode, struct kiocb *iocb,
		      const struct wtfs_span *span, loff_t pos, size_t len,
		      int more_flags)
{
	int flags = iocb->ki_flags;
	struct iov_iter iter;
	ssize_t ret;

	iocb->ki_flags = flags | IOCB_WRITE | more_flags;
	iocb->ki_pos = pos;
	wtfs_span_iter(&iter, ITER_SOURCE, span, pos, len);
	wtfs_lower_hint(inode);
	wtfs_count_submit(inode, pos, len, iocb->ki_flags);
	wtfs_lower_start_write(inode);
	ret = iocb->ki_filp->f_op->write_iter(iocb, &iter);
	wtfs_lower_end_write(inode);
	/* The lower may have changed them: ext4, when it falls back. */
	iocb->ki_flags = flags;
	return ret;
}

/* Direct; halved where it fails, so that what can be written is. */
static ssize_t wtfs_lower_write_direct(struct inode *inode, struct kiocb *iocb,
				       const struct wtfs_span *span,
				       loff_t pos, size_t len)
{
	struct file *lower = iocb->ki_filp;
	unsigned int block = READ_ONCE(WTFS_I(inode)->block) ?: PAGE_SIZE;
	size_t try = len, done = 0;
	ssize_t res = 0;
	int err = 0;

	wtfs_lower_drop_tail(inode, lower);
	while (done < len) {
		errseq_t mark = wtfs_lower_mark(lower);

		try = min(try, len - done);
		res = wtfs_lower_write_once(inode, iocb, span, pos + done, try,
					    IOCB_DIRECT);
		if (res <= 0 && (try <= block || wtfs_direct_refused(res)))
			break;
		if (res <= 0) {
			try = round_up(try / 2, block);
			continue;
		}
		/* It may have gone through the lower page cache after all. */
		if (wtfs_lower_caches(lower, pos + done, res))
			err = wtfs_lower_settle(inode, lower, pos + done, res,
						mark);
		if (err) {
			res = err;
			break;
		}
		done += res;
		/* A short write that is no whole block: go on buffered. */
		if (!IS_ALIGNED(done, block) && done < len) {
			res = -EINVAL;
			break;
		}
	}
	return done ?: res;
}

/*
 * Where there is no direct I/O, data is in the journal or in the inode, and writing
 * pages out is not enough. Nor is a range, or a datasync: with the first page
 * behind the inode ext4 takes out what is in there, and to change that is, to it,
 * a change of metadata.
 */
static int wtfs_lower_commit(struct inode *inode, struct file *lower)
{
	int err;

	wtfs_count(inode, WTFS_LOWER_DSYNC);
	err = vfs_fsync(lower, 0);
	/* What has been taken out can be direct. */
	wtfs_lower_block_changed(inode);
	return err;
}

/* Of a new file ext4 doesn't say that data is in its inode before there is some. */
static int wtfs_lower_commit_inline(struct inode *inode, struct file *lower,
				    loff_t end)
{
	if (end > max_t(loff_t, i_blocksize(file_inode(lower)), PAGE_SIZE))
		return 0;
	wtfs_lower_block_changed(inode);
	if (READ_ONCE(WTFS_I(inode)->block))
		return 0;
	return wtfs_lower_commit(inode, lower);
}

/* Through the lower page cache, on to the device, and out of the cache. */
static ssize_t wtfs_lower_write_buffered(struct inode *inode,
					 struct kiocb *iocb,
					 const struct wtfs_span *span,
					 loff_t pos, size_t len)
{
	unsigned int pflags = current->flags & PF_LOCAL_THROTTLE;
	bool direct = READ_ONCE(WTFS_I(inode)->block);
	struct file *lower = iocb->ki_filp;
	errseq_t mark = wtfs_lower_mark(lower);
	int flags = iocb->ki_flags, err = 0;
	size_t done = 0;
	ssize_t res = 0;

	/* It would be of this range, see wtfs_lower_commit(). */
	if (!direct)
		iocb->ki_flags &= ~(IOCB_DSYNC | IOCB_SYNC);
	/* Nobody but us can clean what we dirty: never throttle us for it. */
	current->flags |= PF_LOCAL_THROTTLE;
	while (done < len) {
		res = wtfs_lower_write_once(inode, iocb, span, pos + done,
					    len - done, 0);
		if (res <= 0)
			break;
		done += res;
	}
	if (!pflags)
		current->flags &= ~PF_LOCAL_THROTTLE;
	iocb->ki_flags = flags;

	if (done)
		err = direct ? wtfs_lower_commit_inline(inode, lower,
							pos + done) :
			wtfs_lower_commit(inode, lower);
	/* An error of what syncs may come after the pages were dirtied. */
	err = wtfs_lower_settle(inode, lower, pos, len, mark) ?: err;
	if (res < 0)
		wtfs_lower_file_take_error(inode);
	return err ?: done ?: res;
}

/* Bring to the device what the lower zeroed when a write leapt to @pos. */
static int wtfs_lower_settle_leap(struct inode *inode, struct file *lower,
				  loff_t size, loff_t pos, errseq_t mark)
{
	return pos > size ? wtfs_lower_settle(inode, lower, size, pos - size,
					      mark) : 0;
}

/**
 * wtfs_lower_write - write to the lower file and wait until it is on the device
 * @inode: the wtfs inode
 * @iocb: to use for it, of the lower file, open for writing; with no flags but
 *	  IOCB_DSYNC and IOCB_SYNC, which it keeps
 * @span: folios that hold the data; stable, and none of them locked
 * @pos: first byte to write, within @span
 * @len: bytes to write
 * @direct: direct I/O is to be tried; @pos and @len are multiples of the block
 *	    size
 *
 * Context: process; sleeps. Enters the lower filesystem, so no wtfs folio may
 * be locked. Return: bytes that reached the device, or an error if none did.
 */
ssize_t wtfs_lower_write(struct inode *inode, struct kiocb *iocb,
			 const struct wtfs_span *span, loff_t pos, size_t len,
			 bool direct)
{
	struct file *lower = iocb->ki_filp;
	loff_t size = i_size_read(file_inode(lower));
	errseq_t mark = pos > size ? wtfs_lower_mark(lower) : 0;
	unsigned int nofs = memalloc_nofs_save();
	ssize_t res = -EINVAL, done = 0;
	int err;

	if (direct) {
		res = wtfs_lower_write_direct(inode, iocb, span, pos, len);
		done = max_t(ssize_t, res, 0);
	}
	/*
	 * The lower may refuse direct I/O for a file or a range at any time,
	 * or leave off in the middle of a block.
	 */
	if (wtfs_direct_refused(res) ||
	    (done && done < len &&
	     !IS_ALIGNED(done, READ_ONCE(WTFS_I(inode)->block)))) {
		res = wtfs_lower_write_buffered(inode, iocb, span, pos + done,
						len - done);
		done += max_t(ssize_t, res, 0);
	}
	err = wtfs_lower_settle_leap(inode, lower, size, pos, mark);
	memalloc_nofs_restore(nofs);
	return err ?: done ?: res;
}

static void wtfs_lower_io_work(struct work_struct *work);

/**
 * wtfs_lower_io_setup - begin a request in the caller's memory
 * @io: first member of an object of @io->cache, which is freed in the end
 * @inode: the wtfs inode
 * @work: does all of the I/O once more, and calls wtfs_lower_io_finish()
 *
 * The caller sets @end, @span, @pos, @len and @write, and makes @iocb one of the
 * lower file, which is open until the request is over.
 */
void wtfs_lower_io_setup(struct wtfs_lower_io *io, struct inode *inode,
			 work_func_t work)
{
	refcount_set(&io->ref, 2);
	io->res = 0;
	io->noio = current->flags & PF_MEMALLOC_NOIO;
	io->inode = inode;
	this_cpu_inc(wtfs_lower_ios);
	INIT_WORK(&io->work, work);
}

/**
 * wtfs_lower_io_work_begin - a work item may not reclaim more than its submitter
 * @io: in its @work
 *
 * Whoever writes to a file for a block device has PF_MEMALLOC_NOIO: memory for that
 * must not be got by writing to the same device. Return: for
 * wtfs_lower_io_work_end().
 */
unsigned int wtfs_lower_io_work_begin(const struct wtfs_lower_io *io)
{
	unsigned int old = current->flags & PF_MEMALLOC_NOIO;

	if (io->noio)
		current->flags |= PF_MEMALLOC_NOIO;
	return old;
}

void wtfs_lower_io_work_end(unsigned int old)
{
	current_restore_flags(old, PF_MEMALLOC_NOIO);
}

/**
 * wtfs_lower_io_alloc - begin a request
 * @inode: the wtfs inode
 * @lower: the lower file; the request takes a reference
 * @pos: file offset of its first byte, bytes
 * @max: folios that the caller would like to put into it
 *
 * Context: process; sleeps, never enters a filesystem. Return: a request for
 * @max folios, or for fewer when memory is short; cannot fail.
 */
struct wtfs_lower_io *wtfs_lower_io_alloc(struct inode *inode,
					  struct file *lower, loff_t pos,
					  unsigned int max)
{
	struct wtfs_lower_io *io;

	io = kmem_cache_alloc(wtfs_lower_io_cachep, GFP_NOFS | __GFP_NOFAIL);
	init_sync_kiocb(&io->iocb, get_file(lower));
	wtfs_lower_io_setup(io, inode, wtfs_lower_io_work);
	io->write = false;
	io->blkcg = NULL;
	io->pos = pos;
	io->len = 0;
	io->max = ARRAY_SIZE(io->bvec);
	io->span = (struct wtfs_span) { .pos = pos, .bvec = io->bvec };
	if (max > io->max) {
		io->span.bvec = kmalloc_array(max, sizeof(*io->span.bvec),
					      GFP_NOFS | __GFP_NOWARN |
					      __GFP_NORETRY);
		if (io->span.bvec)
			io->max = max;
		else
			io->span.bvec = io->bvec;
	}
	return io;
}

/**
 * wtfs_lower_io_add - add a folio to a request
 * @io: from wtfs_lower_io_alloc()
 * @folio: the one that follows
 * @len: bytes of it, from its beginning
 *
 * Return: false if @folio does not follow what is there, or there is no room.
 */
bool wtfs_lower_io_add(struct wtfs_lower_io *io, struct folio *folio,
		       size_t len)
{
	struct wtfs_span *span = &io->span;

	if (span->nr == io->max || span->pos + span->len != folio_pos(folio))
		return false;
	bvec_set_folio(&span->bvec[span->nr++], folio, len, 0);
	span->len += len;
	io->len += len;
	return true;
}

/* Is it from wtfs_lower_io_alloc(), rather than a part of something else? */
static bool wtfs_lower_io_is_alone(const struct wtfs_lower_io *io)
{
	return io->cache == wtfs_lower_io_cachep;
}

static void wtfs_lower_io_put(struct wtfs_lower_io *io)
{
	if (!refcount_dec_and_test(&io->ref))
		return;
	if (wtfs_lower_io_is_alone(io)) {
		if (io->span.bvec != io->bvec)
			kfree(io->span.bvec);
		wtfs_charge_put(io);
	}
	kmem_cache_free(io->cache, io);
	this_cpu_dec(wtfs_lower_ios);
}

/**
 * wtfs_lower_io_finish - the I/O of a request is over
 * @io: not to be touched any more
 * @res: its result
 *
 * The file goes first: once the last folio has been ended the inode may be
 * evicted and the lower unmounted, so the last reference must not be ours.
 *
 * Context: any. For what is done by @work; otherwise it is called here.
 */
void wtfs_lower_io_finish(struct wtfs_lower_io *io, long res)
{
	if (wtfs_lower_io_is_alone(io))
		fput(io->iocb.ki_filp);
	io->end(io, res);
	wtfs_lower_io_put(io);
}

/* Has a read stopped before the end of the lower file? Then it has failed. */
static bool wtfs_read_is_short(const struct file *lower, loff_t pos, size_t len,
			       long res)
{
	return res >= 0 && res < len &&
		pos + res < i_size_read(file_inode(lower));
}

/* Must the result be looked into by a thread that can sleep? */
static bool wtfs_lower_io_wants_retry(struct wtfs_lower_io *io, long res)
{
	io->res = res;
	if (io->write)
		return res != io->len;
	return wtfs_direct_refused(res) ||
		wtfs_read_is_short(io->iocb.ki_filp, io->pos, io->len, res);
}

/*
 * Have @work called. Its folios are not ended: the inode is there. What a cgroup's
 * limits may stop is on a queue where it stops nobody else's requests.
 */
static void wtfs_lower_io_queue(struct wtfs_lower_io *io)
{
	struct wtfs_sb_info *sbi = wtfs_sb(io->inode->i_sb);

	queue_work(wtfs_charge_is_limited(io) ? sbi->cgroup_wq : sbi->wq,
		   &io->work);
}

/* Context: any; interrupt context when the lower completed a direct I/O. */
static void wtfs_lower_io_complete(struct kiocb *iocb, long res)
{
	struct wtfs_lower_io *io =
		container_of(iocb, struct wtfs_lower_io, iocb);

	/* Pairs with the freeze protection of wtfs_iocb_write() */
	if (io->write)
		kiocb_end_write(iocb);
	if (wtfs_lower_io_wants_retry(io, res))
		wtfs_lower_io_queue(io);
	else
		wtfs_lower_io_finish(io, res);
}

/* Start it as direct I/O; it completes by wtfs_lower_io_complete(). */
static __always_inline void wtfs_lower_io_start(struct wtfs_lower_io *io,
						bool write)
{
	struct kiocb *iocb = &io->iocb;
	struct file *lower = iocb->ki_filp;
	unsigned int nofs = memalloc_nofs_save();
	errseq_t mark = write ? wtfs_lower_mark(lower) : 0;
	struct iov_iter iter;
	ssize_t res;

	iocb->ki_pos = io->pos;
	iocb->ki_flags |= IOCB_DIRECT;
	iocb->ki_complete = wtfs_lower_io_complete;
	wtfs_span_iter(&iter, write ? ITER_SOURCE : ITER_DEST, &io->span,
		       io->pos, io->len);
	if (write) {
		iocb->ki_flags |= IOCB_WRITE;
		wtfs_lower_drop_tail(io->inode, lower);
		wtfs_lower_hint(io->inode);
		wtfs_count_submit(io->inode, io->pos, io->len, iocb->ki_flags);
		res = wtfs_iocb_write(iocb, &iter);
	} else {
		res = wtfs_iocb_read(iocb, &iter);
	}
	memalloc_nofs_restore(nofs);

	if (res == -EIOCBQUEUED)
		return;
	/* Done at once, with the freeze protection already dropped. */
	if (wtfs_lower_io_wants_retry(io, res) ||
	    (write && (wtfs_lower_caches(lower, io->pos, io->len) ||
		       errseq_check(&lower->f_mapping->wb_err, mark))))
		wtfs_lower_io_queue(io);
	else
		wtfs_lower_io_finish(io, res);
}

/* The lower's cache holds a second copy now; drop it where it is clean. */
static ssize_t wtfs_lower_read_buffered(struct file *lower,
					const struct wtfs_span *span)
{
	size_t done = 0;
	ssize_t res = 0;

	while (done < span->len) {
		struct iov_iter iter;
		struct kiocb iocb;

		init_sync_kiocb(&iocb, lower);
		iocb.ki_pos = span->pos + done;
		wtfs_span_iter(&iter, ITER_DEST, span, iocb.ki_pos,
			       span->len - done);
		res = wtfs_iocb_read(&iocb, &iter);
		if (res <= 0)
			break;
		done += res;
	}
	if (done)
		invalidate_mapping_pages(lower->f_mapping,
					 span->pos >> PAGE_SHIFT,
					 (span->pos + done - 1) >> PAGE_SHIFT);
	/* What is up to date after an error is not known: none of it is. */
	if (wtfs_read_is_short(lower, span->pos, span->len, done))
		return res ?: -EIO;
	return done;
}

/*
 * Write what can be written of a request that write-back has to get rid of;
 * a block that cannot be does not take its neighbours along. After one that cannot be,
 * the next try is one block, and then twice as much each time: where all blocks are
 * bad each of them is tried only once, since a device may take a minute to say so.
 */
static ssize_t wtfs_lower_do_write_all(struct wtfs_lower_io *io)
{
	unsigned int block = READ_ONCE(WTFS_I(io->inode)->block) ?: PAGE_SIZE;
	struct wtfs_span *span = &io->span;
	size_t off = 0, try = span->len;
	struct kiocb iocb;
	ssize_t res;
	int err = 0;

	init_sync_kiocb(&iocb, io->iocb.ki_filp);
	while (off < span->len) {
		size_t len = min(try, span->len - off);
		bool direct = wtfs_lower_direct(io->inode) &&
			IS_ALIGNED(len, block);

		res = wtfs_lower_write(io->inode, &iocb, span, span->pos + off,
				       len, direct);
		if (res > 0) {
			off += res;
			try = min(2 * try, span->len);
		} else {
			err = res ?: -EIO;
			off += min_t(size_t, block, len);
			try = block;
		}
	}
	return err ?: span->len;
}

/* Can it be direct, all of it, with nothing for the lower's cache? */
static bool wtfs_lower_io_direct(const struct wtfs_lower_io *io)
{
	unsigned int block = wtfs_lower_direct(io->inode);

	return block && IS_ALIGNED(io->len, block) &&
		!(io->write && wtfs_lower_leaps(io->iocb.ki_filp, io->pos));
}

/* Return: as wtfs_lower_do_write_all(). */
static ssize_t wtfs_lower_write_all(struct wtfs_lower_io *io)
{
	struct mutex *cached = &WTFS_I(io->inode)->cached;
	ssize_t res;

	if (wtfs_lower_io_direct(io))
		return wtfs_lower_do_write_all(io);
	mutex_lock(cached);
	res = wtfs_lower_do_write_all(io);
	mutex_unlock(cached);
	return res;
}

/*
 * A direct write of write-back is only started here: the device may be slow, and a
 * throttled cgroup's bios are queued by the block layer, which lets go of the worker.
 * One that was started before has failed, and is waited for.
 *
 * Return: as wtfs_lower_do_write_all() or wtfs_lower_read_buffered(); -EIOCBQUEUED
 * if the request belongs to its completion.
 */
static ssize_t wtfs_lower_io_do(struct wtfs_lower_io *io)
{
	if (!io->write)
		return wtfs_lower_read_buffered(io->iocb.ki_filp, &io->span);
	if (io->iocb.ki_complete || !wtfs_lower_io_direct(io))
		return wtfs_lower_write_all(io);
	wtfs_lower_io_resubmit(io);
	return -EIOCBQUEUED;
}

static void wtfs_lower_io_work(struct work_struct *work)
{
	struct wtfs_lower_io *io =
		container_of(work, struct wtfs_lower_io, work);
	unsigned int noio = wtfs_lower_io_work_begin(io);
	const struct cred *old;
	ssize_t res;

	/* The mount lives until its work items have returned. */
	old = override_creds(wtfs_sb(io->inode->i_sb)->wb_cred);
	wtfs_charge_begin(io);
	res = wtfs_lower_io_do(io);
	/* If it was started, @io may be freed. */
	wtfs_charge_end();
	revert_creds(old);
	if (res != -EIOCBQUEUED)
		wtfs_lower_io_finish(io, res);
	wtfs_lower_io_work_end(noio);
}

/*
 * The flusher, and others who clean memory, must not enter the lower with a write:
 * it might turn a direct one into a buffered one, and wait.
 */
static bool wtfs_task_may_submit(void)
{
	return !(current->flags & (PF_WQ_WORKER | PF_MEMALLOC));
}

/* Is it to be done by @work, since it cannot be direct or must not be? */
static bool wtfs_lower_io_defer(const struct wtfs_lower_io *io)
{
	if (!wtfs_lower_io_direct(io))
		return true;
	/* Somebody else's stores are not subject to the limits of this task. */
	return io->write && (!wtfs_task_may_submit() ||
			     wtfs_charge_is_foreign(io) ||
			     io->pos + io->len > rlimit(RLIMIT_FSIZE));
}

/**
 * wtfs_lower_io_submit - send a request on its way
 * @io: filled; belongs to the completion from here on
 *
 * Context: process; may sleep, and enters the lower filesystem. Calls @io->end
 * in any context, perhaps before it returns.
 */
void wtfs_lower_io_submit(struct wtfs_lower_io *io)
{
	if (wtfs_lower_io_defer(io))
		wtfs_lower_io_queue(io);
	else
		wtfs_lower_io_start(io, io->write);
	wtfs_lower_io_put(io);
}

/**
 * wtfs_lower_io_submit_write - send a write() on its way
 * @io: as for wtfs_lower_io_submit(); what the task itself writes
 * @direct: it is whole blocks, of a file that can do direct I/O; otherwise its
 *	    @work is to write it
 *
 * Unlike write-back it is submitted by a workqueue's worker, too, such as that of a
 * loop device: the same task would enter the lower if that had the file. Only who
 * reclaims memory is kept out of the lower, as from write-back.
 *
 * Context: process; as wtfs_lower_io_submit().
 */
void wtfs_lower_io_submit_write(struct wtfs_lower_io *io, bool direct)
{
	if (likely(direct && !(current->flags & PF_MEMALLOC)))
		wtfs_lower_io_start(io, true);
	else
		wtfs_lower_io_queue(io);
	wtfs_lower_io_put(io);
}

/**
 * wtfs_lower_io_blocked - did the lower rather give up than sleep?
 * @io: in its @work
 */
bool wtfs_lower_io_blocked(const struct wtfs_lower_io *io)
{
	return io->res == -EAGAIN && io->iocb.ki_flags & IOCB_NOWAIT;
}

/**
 * wtfs_lower_io_resubmit - send a request on its way from where it may sleep
 * @io: in its @work; not started yet, or wtfs_lower_io_blocked()
 *
 * The lower goes on using its file until its write_iter returns. Meanwhile the
 * completion may have told the submitter, who has the last reference on the wtfs
 * file. So the work item needs a reference of its own; wtfs_kill_sb() waits for
 * that too. Everybody else who submits has one already.
 *
 * Context: process; as wtfs_lower_io_submit(). @io->work may be run again.
 */
void wtfs_lower_io_resubmit(struct wtfs_lower_io *io)
{
	struct file *lower = get_file(io->iocb.ki_filp);

	io->iocb.ki_flags &= ~IOCB_NOWAIT;
	/* The submitter's; the completion still has its own. */
	refcount_inc(&io->ref);
	wtfs_lower_io_start(io, true);
	wtfs_lower_io_put(io);
	fput(lower);
}

/*
 * Write-back runs for all users of a file: as none of them, so that nobody gets
 * past his quota or into the reserved blocks by storing through a mapping.
 */
static const struct cred *wtfs_writeback_cred(void)
{
	struct cred *cred = prepare_kernel_cred(&init_task);

	if (!cred)
		return NULL;
	cap_lower(cred->cap_effective, CAP_SYS_RESOURCE);
	cred->fsuid = make_kuid(&init_user_ns, overflowuid);
	cred->fsgid = make_kgid(&init_user_ns, overflowgid);
	return cred;
}

/**
 * wtfs_lower_io_start_sb - get ready for the lower I/O of a mount
 * @sbi: of the mount
 *
 * Each mount has its own workqueues, since a frozen lower blocks their workers. One is
 * for what the limits of a cgroup may stop, and one for what waits for folios. They are
 * not WQ_MEM_RECLAIM: a buffered write to XFS may wait for a workqueue that is not, and
 * the workqueue code warns of that.
 *
 * Context: process. Return: 0 or -ENOMEM; in both cases what there is has
 * to be undone with wtfs_lower_io_stop_sb().
 */
int wtfs_lower_io_start_sb(struct wtfs_sb_info *sbi)
{
	sbi->wb_cred = wtfs_writeback_cred();
	if (!sbi->wb_cred)
		return -ENOMEM;
	sbi->wq = alloc_workqueue("wtfs", WQ_UNBOUND, 0);
	sbi->cgroup_wq = alloc_workqueue("wtfs-cgroup", WQ_UNBOUND, 0);
	sbi->drop_wq = alloc_workqueue("wtfs-drop", WQ_UNBOUND, 0);
	return sbi->wq && sbi->cgroup_wq && sbi->drop_wq ? 0 : -ENOMEM;
}

/**
 * wtfs_lower_io_stop_sb - the opposite of wtfs_lower_io_start_sb()
 * @sbi: of a mount whose inodes are gone
 *
 * Context: process. Waits for work items.
 */
void wtfs_lower_io_stop_sb(struct wtfs_sb_info *sbi)
{
	if (sbi->wq)
		destroy_workqueue(sbi->wq);
	sbi->wq = NULL;
	if (sbi->cgroup_wq)
		destroy_workqueue(sbi->cgroup_wq);
	sbi->cgroup_wq = NULL;
	/* Those before queue work items here. */
	if (sbi->drop_wq)
		destroy_workqueue(sbi->drop_wq);
	sbi->drop_wq = NULL;
	if (sbi->wb_cred)
		put_cred(sbi->wb_cred);
	sbi->wb_cred = NULL;
}

/* What has a constructor is not zeroed for each request by init_on_alloc. */
static void wtfs_lower_io_ctor(void *object)
{
	struct wtfs_lower_io *io = object;

	io->cache = wtfs_lower_io_cachep;
}

int wtfs_lower_io_init(void)
{
	wtfs_lower_io_cachep = kmem_cache_create("wtfs_lower_io",
						 sizeof(struct wtfs_lower_io),
						 0, 0, wtfs_lower_io_ctor);
	return wtfs_lower_io_cachep ? 0 : -ENOMEM;
}

/*
 * A request outlives its last folio by a few instructions, on a thread of the
 * lower's. Wait for these before they go away.
 */
static void wtfs_lower_io_wait(void)
{
	long sum;
	int cpu;

	do {
		sum = 0;
		for_each_possible_cpu(cpu)
			sum += READ_ONCE(per_cpu(wtfs_lower_ios, cpu));
		if (sum)
			msleep(20);
	} while (sum);
	/* Preempted threads too, which synchronize_rcu() would not wait for. */
	synchronize_rcu_tasks();
}

void wtfs_lower_io_exit(void)
{
	wtfs_lower_io_wait();
	kmem_cache_destroy(wtfs_lower_io_cachep);
}
