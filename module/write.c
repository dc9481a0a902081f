// SPDX-License-Identifier: GPL-2.0-only
/*
 * The promise: when write() returns, the device has acknowledged every byte,
 * and the page cache holds the same bytes.
 *
 * A write is cut into chunks. For each: lock its folios in ascending order and
 * wait until they may change; clean them, copy, put them under writeback; only
 * then unlock, and write them to the lower. So what is copied is what goes to
 * the device, and the lower is never entered with a folio locked.
 */
#include <linux/backing-dev.h>
#include <linux/pagemap.h>
#include <linux/rmap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "wtfs.h"

/* Writes of up to this never interleave with each other, bytes. */
#define WTFS_CHUNK		SZ_1M

/*
 * A write that ends in the last, partial block of the file goes through the
 * lower page cache with all its blocks if these are not more, bytes: one lower
 * operation instead of two.
 */
#define WTFS_TAIL_MAX		SZ_64K

/**
 * struct wtfs_chunk - a part of a write(), with its folios locked at once
 * @iocb:	the write
 * @inode:	locked, exclusive where the chunk ends behind @size
 * @lower:	the lower file
 * @pos:	first byte, file offset
 * @end:	byte after the last one; pulled in when the copy is short
 * @size:	i_size, bytes
 * @block:	unit of direct lower writes, bytes; 0 for none
 * @through:	goes to the device at once, rather than being left dirty
 * @start_io:	first byte that is written: @pos or before it
 * @end_io:	byte after the last one that is written: @end or after it
 * @tail:	from here on it is written through the lower page cache
 * @span:	the folios; each referenced, and each whole in its bvec
 * @fill:	where a folio has to be read in before the chunk can go on, or -1
 * @head_dirty:	the first folio held mapped stores besides what was copied
 * @last_dirty:	the same of the last one
 * @bvec:	room for a small @span
 */
struct wtfs_chunk {
	struct kiocb *iocb;
	struct inode *inode;
	struct file *lower;
	loff_t pos;
	loff_t end;
	loff_t size;
	unsigned int block;
	bool through;
	loff_t start_io;
	loff_t end_io;
	loff_t tail;
	struct wtfs_span span;
	loff_t fill;
	bool head_dirty;
	bool last_dirty;
	struct bio_vec bvec[WTFS_INLINE_BVECS];
};

static struct folio *wtfs_chunk_folio(const struct wtfs_chunk *c,
				      unsigned int i)
{
	return page_folio(c->span.bvec[i].bv_page);
}

static loff_t wtfs_folio_end(struct folio *folio)
{
	return folio_pos(folio) + folio_size(folio);
}

/* Unlock and let go of the folios from @from on; nothing was done to them. */
static void wtfs_chunk_trim(struct wtfs_chunk *c, unsigned int from)
{
	while (c->span.nr > from) {
		struct folio *folio = wtfs_chunk_folio(c, --c->span.nr);

		c->span.len -= c->span.bvec[c->span.nr].bv_len;
		folio_unlock(folio);
		folio_put(folio);
	}
}

/*
 * Does the part of the folio that the chunk does not overwrite have to be read
 * first? Behind i_size there is nothing to read.
 */
static bool wtfs_chunk_needs_fill(const struct wtfs_chunk *c,
				  struct folio *folio)
{
	if (folio_test_uptodate(folio) || folio_pos(folio) >= c->size)
		return false;
	return c->pos > folio_pos(folio) ||
		c->end < min(wtfs_folio_end(folio), c->size);
}

/*
 * Lock the folios of the chunk, in ascending order. Waiting for writeback with
 * the folios before it locked is safe, since nobody starts writeback on a folio
 * before all that he is going to lock are locked, but in ascending order.
 */
static int wtfs_chunk_lock(struct wtfs_chunk *c)
{
	struct address_space *mapping = c->inode->i_mapping;
	loff_t pos = c->pos;

	while (pos < c->end) {
		struct folio *folio = wtfs_get_folio(mapping, pos >> PAGE_SHIFT,
						     FGP_LOCK | FGP_CREAT |
						     FGP_WRITE | FGP_NOFS |
						     FGP_ACCESSED);

		if (IS_ERR(folio))
			return PTR_ERR(folio);
		if (!c->span.nr)
			c->span.pos = folio_pos(folio);
		bvec_set_folio(&c->span.bvec[c->span.nr++], folio,
			       folio_size(folio), 0);
		c->span.len += folio_size(folio);
		if (wtfs_chunk_needs_fill(c, folio)) {
			c->fill = max(pos, folio_pos(folio));
			return -EAGAIN;
		}
		if (c->through)
			folio_wait_writeback(folio);
		else
			wtfs_folio_wait_store(folio);
		pos = wtfs_folio_end(folio);
	}
	return 0;
}

/* Lock the folios; those that have to be read in are, with nothing locked. */
static int wtfs_chunk_prepare(struct wtfs_chunk *c)
{
	int err;

	for (;;) {
		err = wtfs_chunk_lock(c);
		if (!err)
			return 0;
		wtfs_chunk_trim(c, 0);
		if (err != -EAGAIN)
			return err;
		err = wtfs_cache_fill(c->iocb->ki_filp, c->fill);
		if (err)
			return err;
		if (fatal_signal_pending(current))
			return -EINTR;
	}
}

/* Behind the end of the file the bytes around the copied ones are zero. */
static void wtfs_chunk_zero(const struct wtfs_chunk *c, struct folio *folio)
{
	loff_t start = max(c->size, folio_pos(folio));

	if (start < c->pos)
		folio_zero_segment(folio, start - folio_pos(folio),
				   min(c->pos, wtfs_folio_end(folio)) -
				   folio_pos(folio));
	start = max(c->size, c->end);
	if (start < wtfs_folio_end(folio))
		folio_zero_segment(folio, start - folio_pos(folio),
				   folio_size(folio));
}

/*
 * Copy into one folio. It is cleaned first: page_mkwrite needs the folio lock,
 * so no mapped store gets in between the clean and the end of the copy.
 *
 * Return: bytes copied. None into a folio that is not up to date and was not
 * overwritten whole.
 */
static size_t wtfs_folio_copy(struct wtfs_chunk *c, struct folio *folio,
			      struct iov_iter *from)
{
	loff_t start = max(c->pos, folio_pos(folio));
	size_t want = min(c->end, wtfs_folio_end(folio)) - start;
	bool dirty = folio_clear_dirty_for_io(folio);
	size_t copied = copy_folio_from_iter_atomic(folio,
						    start - folio_pos(folio),
						    want, from);

	if (copied < want && !folio_test_uptodate(folio)) {
		iov_iter_revert(from, copied);
		copied = 0;
	}
	/* Its stores are ours to write now; if we do not, they stay dirty. */
	if (dirty && !copied)
		folio_mark_dirty(folio);
	if (!copied)
		return 0;
	if (dirty && folio_pos(folio) < c->pos)
		c->head_dirty = true;
	c->last_dirty = dirty && start + copied < wtfs_folio_end(folio);
	return copied;
}

/* Copy into all of them; after a short copy the chunk is what was copied. */
static size_t wtfs_chunk_copy(struct wtfs_chunk *c, struct iov_iter *from)
{
	loff_t pos = c->pos;
	unsigned int i;

	for (i = 0; i < c->span.nr && pos < c->end; i++) {
		struct folio *folio = wtfs_chunk_folio(c, i);
		loff_t stop = min(c->end, wtfs_folio_end(folio));
		size_t copied = wtfs_folio_copy(c, folio, from);

		pos += copied;
		if (pos < stop) {
			i += !!copied;
			break;
		}
	}
	c->end = pos;
	wtfs_chunk_trim(c, i);
	for (i = 0; i < c->span.nr; i++) {
		wtfs_chunk_zero(c, wtfs_chunk_folio(c, i));
		folio_mark_uptodate(wtfs_chunk_folio(c, i));
	}
	return c->end - c->pos;
}

/*
 * What is written, and how: whole blocks directly, and from @tail on through
 * the lower page cache what ends in the middle of the file's last block. A
 * folio that held mapped stores is written whole, if that can be direct.
 */
static void wtfs_chunk_plan(struct wtfs_chunk *c)
{
	struct folio *head = wtfs_chunk_folio(c, 0);
	struct folio *last = wtfs_chunk_folio(c, c->span.nr - 1);
	loff_t size = max(c->size, c->end);

	c->start_io = c->pos;
	c->end_io = c->end;
	c->tail = c->pos;
	if (c->block && round_up(c->end, c->block) <= size) {
		c->end_io = round_up(c->end, c->block);
		c->tail = c->end_io;
		if (c->last_dirty && wtfs_folio_end(last) <= size) {
			c->end_io = wtfs_folio_end(last);
			c->tail = c->end_io;
			c->last_dirty = false;
		}
	} else if (c->block && c->end - c->pos > WTFS_TAIL_MAX) {
		c->tail = round_down(c->end, c->block);
	}
	if (c->tail > c->pos) {
		c->start_io = round_down(c->pos, c->block);
		if (c->head_dirty) {
			c->start_io = folio_pos(head);
			c->head_dirty = head == last && c->last_dirty;
		}
	}
}

/* Put the folios under write-through and unlock them. */
static void wtfs_chunk_start(struct wtfs_chunk *c)
{
	unsigned int i;

	wtfs_chunk_plan(c);
	/* Stores that this write does not take along stay dirty. */
	if (c->head_dirty)
		folio_mark_dirty(wtfs_chunk_folio(c, 0));
	if (c->last_dirty)
		folio_mark_dirty(wtfs_chunk_folio(c, c->span.nr - 1));
	for (i = 0; i < c->span.nr; i++)
		wtfs_folio_start_through(wtfs_chunk_folio(c, i));
	for (i = 0; i < c->span.nr; i++)
		folio_unlock(wtfs_chunk_folio(c, i));
}

static void wtfs_chunk_finish(struct wtfs_chunk *c)
{
	unsigned int i;

	for (i = 0; i < c->span.nr; i++) {
		struct folio *folio = wtfs_chunk_folio(c, i);

		wtfs_folio_end_through(folio);
		folio_put(folio);
	}
	c->span.nr = 0;
	c->span.len = 0;
}

/* Return: where the part that reached the device ends, or an error. */
static ssize_t wtfs_chunk_write(struct wtfs_chunk *c)
{
	int flags = c->iocb->ki_flags & (IOCB_DSYNC | IOCB_SYNC);
	loff_t pos = c->start_io;
	ssize_t res = 0;

	if (iocb_is_dsync(c->iocb))
		flags |= IOCB_DSYNC;
	while (pos < c->end_io) {
		if (pos < c->tail)
			res = wtfs_lower_write(c->inode, c->lower, &c->span,
					       pos, c->tail - pos,
					       flags | IOCB_DIRECT);
		else
			res = wtfs_lower_write(c->inode, c->lower, &c->span,
					       pos, c->end_io - pos, flags);
		if (res <= 0)
			break;
		pos += res;
	}
	if (pos <= c->pos)
		return res < 0 ? res : -EIO;
	/* The lower zeroes in its cache what the file gains before @pos. */
	if (c->pos > c->size) {
		res = wtfs_lower_settle(c->inode, c->lower, c->size,
					c->pos - c->size);
		if (res)
			return res;
	}
	return min(pos, c->end) - c->pos;
}

/*
 * An extending write failed after the lower had grown, as a buffered one does
 * before its data is written.
 */
static void wtfs_chunk_undo_extend(struct wtfs_chunk *c, loff_t size)
{
	const struct cred *old;
	int err;

	if (i_size_read(file_inode(c->lower)) <= size)
		return;
	old = override_creds(wtfs_sb(c->inode->i_sb)->cred);
	err = vfs_truncate(&c->lower->f_path, size);
	revert_creds(old);
	if (err)
		pr_warn_ratelimited("%pD2: cannot take back a failed extension: error %d\n",
				    c->lower, err);
}

/*
 * Bytes that did not reach the device leave the cache, and the file ends where
 * they would have begun. Mapped stores that the write had taken over are dirty
 * again, unless they were overwritten.
 */
static void wtfs_chunk_fail(struct wtfs_chunk *c, loff_t done)
{
	wtfs_cache_drop(c->inode, done, c->end);
	if (c->end > c->size)
		wtfs_chunk_undo_extend(c, max(done, c->size));
}

/* Stores that were to be written along, and now may not have been. */
static void wtfs_chunk_redirty(struct wtfs_chunk *c, bool head, bool last)
{
	if (head)
		folio_mark_dirty(wtfs_chunk_folio(c, 0));
	if (last)
		folio_mark_dirty(wtfs_chunk_folio(c, c->span.nr - 1));
}

/* The folios are locked and filled in: write them, and wait. */
static ssize_t wtfs_chunk_through(struct wtfs_chunk *c)
{
	bool head = c->head_dirty, last = c->last_dirty;
	unsigned int nofs;
	ssize_t done;

	/* Reclaim must not wait for folios that are not submitted yet. */
	nofs = memalloc_nofs_save();
	wtfs_chunk_start(c);
	done = wtfs_chunk_write(c);
	memalloc_nofs_restore(nofs);
	if (c->pos + max_t(ssize_t, done, 0) < c->end)
		wtfs_chunk_redirty(c, head, last);
	wtfs_chunk_finish(c);

	if (done > 0 && c->pos + done > c->size)
		i_size_write(c->inode, c->pos + done);
	if (c->pos + max_t(ssize_t, done, 0) < c->end)
		wtfs_chunk_fail(c, c->pos + max_t(ssize_t, done, 0));
	return done;
}

/* How much of the write the next chunk takes: up to a folio's end. */
static size_t wtfs_chunk_size(loff_t pos, size_t count)
{
	if (count <= WTFS_CHUNK)
		return count;
	return WTFS_CHUNK - offset_in_page(pos);
}

static int wtfs_chunk_init(struct wtfs_chunk *c, struct kiocb *iocb,
			   size_t count, bool through)
{
	unsigned int max = min_t(size_t, count, WTFS_CHUNK) / PAGE_SIZE + 2;

	c->iocb = iocb;
	c->inode = file_inode(iocb->ki_filp);
	c->lower = wtfs_lower_file(iocb->ki_filp);
	c->through = through;
	c->block = wtfs_lower_direct(c->inode) ? WTFS_I(c->inode)->block : 0;
	c->span.nr = 0;
	c->span.len = 0;
	c->span.bvec = c->bvec;
	if (max > ARRAY_SIZE(c->bvec)) {
		c->span.bvec = kmalloc_array(max, sizeof(*c->span.bvec),
					     GFP_KERNEL);
		if (!c->span.bvec)
			return -ENOMEM;
	}
	return 0;
}

static void wtfs_chunk_free(struct wtfs_chunk *c)
{
	if (c->span.bvec != c->bvec)
		kfree(c->span.bvec);
}

/*
 * Write one chunk. Return: bytes that reached the device and were taken from
 * @from, 0 to be called again with nothing done, or an error.
 */
static ssize_t wtfs_write_chunk(struct wtfs_chunk *c, struct iov_iter *from,
				loff_t pos)
{
	size_t len = wtfs_chunk_size(pos, iov_iter_count(from));
	size_t missing, copied;
	ssize_t done;
	int err;

	missing = fault_in_iov_iter_readable(from, len);
	if (missing == len)
		return -EFAULT;
	c->pos = pos;
	c->end = pos + len - missing;
	c->size = i_size_read(c->inode);
	c->head_dirty = false;
	c->last_dirty = false;

	err = wtfs_chunk_prepare(c);
	if (err)
		return err;
	copied = wtfs_chunk_copy(c, from);
	if (!copied)
		return 0;
	done = wtfs_chunk_through(c);
	iov_iter_revert(from, copied - max_t(ssize_t, done, 0));
	return done;
}

/*
 * A copy came to nothing, since the source went away after it was faulted in,
 * or since the folio is not up to date and the source ends in it. Read the
 * folio in, so that any part of it may be copied next time.
 */
static int wtfs_write_unstick(struct kiocb *iocb, loff_t pos)
{
	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();
	if (pos >= i_size_read(file_inode(iocb->ki_filp)))
		return 0;
	return wtfs_cache_fill(iocb->ki_filp, pos);
}

/* The inode is locked, exclusive if the file is to grow. */
static ssize_t wtfs_write_through(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct wtfs_chunk c;
	ssize_t done = 0, res;

	res = wtfs_chunk_init(&c, iocb, iov_iter_count(from), true);
	if (res)
		return res;
	if (iocb->ki_pos > i_size_read(inode))
		wtfs_cache_zero_eof(inode);
	while (iov_iter_count(from)) {
		res = wtfs_write_chunk(&c, from, iocb->ki_pos + done);
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
	wtfs_chunk_free(&c);
	iocb->ki_pos += done;
	return done ?: res;
}

/*
 * On a write-back mount: one folio at a time, left dirty. The chunk is used for
 * its rules of what has to be read in and what is zero.
 */
static ssize_t wtfs_write_back_folio(struct wtfs_chunk *c,
				     struct iov_iter *from, loff_t pos)
{
	size_t len = min_t(size_t, iov_iter_count(from),
			   PAGE_SIZE - offset_in_page(pos));
	struct folio *folio;
	size_t copied;
	int err;

	if (fault_in_iov_iter_readable(from, len) == len)
		return -EFAULT;
	c->pos = pos;
	c->end = pos + len;
	c->size = i_size_read(c->inode);
	err = wtfs_chunk_prepare(c);
	if (err)
		return err;
	folio = wtfs_chunk_folio(c, 0);
	copied = copy_folio_from_iter_atomic(folio, pos - folio_pos(folio),
					     len, from);
	if (copied < len && !folio_test_uptodate(folio)) {
		iov_iter_revert(from, copied);
		copied = 0;
	}
	if (copied) {
		c->end = pos + copied;
		wtfs_chunk_zero(c, folio);
		folio_mark_uptodate(folio);
		folio_mark_dirty(folio);
		if (c->end > c->size)
			i_size_write(c->inode, c->end);
	}
	wtfs_chunk_trim(c, 0);
	return copied;
}

/* The lower's times are stamped now: write-back will not. */
static int wtfs_write_back_touch(struct file *lower)
{
	int err;

	file_start_write(lower);
	err = file_update_time(lower);
	file_end_write(lower);
	return err;
}

/* The inode is locked exclusive. */
static ssize_t wtfs_write_back(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct wtfs_chunk c;
	ssize_t done = 0, res;

	res = wtfs_write_back_touch(wtfs_lower_file(iocb->ki_filp));
	if (!res)
		res = wtfs_chunk_init(&c, iocb, 1, false);
	if (res)
		return res;
	if (iocb->ki_pos > i_size_read(inode))
		wtfs_cache_zero_eof(inode);
	while (iov_iter_count(from)) {
		res = wtfs_write_back_folio(&c, from, iocb->ki_pos + done);
		if (!res)
			res = wtfs_write_unstick(iocb, iocb->ki_pos + done);
		if (res < 0)
			break;
		done += res;
		balance_dirty_pages_ratelimited(inode->i_mapping);
		if (fatal_signal_pending(current)) {
			res = -EINTR;
			break;
		}
	}
	iocb->ki_pos += done;
	return done ?: res;
}

/*
 * May this write, inside i_size, run beside others? Not if it may have to
 * remove privileges, nor if it goes through the lower page cache, whose pages
 * could then be in the way of a direct write.
 */
static bool wtfs_write_is_shared(const struct kiocb *iocb, size_t count)
{
	const struct inode *inode = file_inode(iocb->ki_filp);
	loff_t end = iocb->ki_pos + count;
	loff_t size = i_size_read(inode);

	return !(iocb->ki_flags & IOCB_APPEND) && IS_NOSEC(inode) &&
		wtfs_write_is_through(iocb) && wtfs_lower_direct(inode) &&
		end > iocb->ki_pos && end <= size &&
		round_up(end, WTFS_I(inode)->block) <= size;
}

static void wtfs_write_lock(struct inode *inode, bool shared)
{
	if (shared)
		inode_lock_shared(inode);
	else
		inode_lock(inode);
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
				bool *shared)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t ret;

	*shared = wtfs_write_is_shared(iocb, iov_iter_count(from));
	wtfs_write_lock(inode, *shared);
	/* The file may have shrunk before we had the lock. */
	if (*shared && !wtfs_write_is_shared(iocb, iov_iter_count(from))) {
		wtfs_write_unlock(inode, true);
		*shared = false;
		wtfs_write_lock(inode, false);
	}
	ret = generic_write_checks(iocb, from);
	if (ret > 0 && !*shared) {
		int err = file_remove_privs(iocb->ki_filp);

		if (err)
			ret = err;
	}
	if (ret <= 0)
		wtfs_write_unlock(inode, *shared);
	return ret;
}

/**
 * wtfs_write_iter - write to a regular file
 * @iocb: synchronous as far as we go: never returns -EIOCBQUEUED
 * @from: what to write
 *
 * Return: bytes that are on the device, or an error if there are none.
 */
ssize_t wtfs_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	bool shared;
	ssize_t ret;

	ret = wtfs_write_begin(iocb, from, &shared);
	if (ret <= 0)
		return ret;
	if (wtfs_write_is_through(iocb))
		ret = wtfs_write_through(iocb, from);
	else
		ret = wtfs_write_back(iocb, from);
	wtfs_write_unlock(inode, shared);
	return ret;
}
