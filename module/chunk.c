// SPDX-License-Identifier: GPL-2.0-only
/*
 * The folios of a part of a write: locked in ascending order, all at once;
 * cleaned, copied into, put under write-through; unlocked. So what is copied
 * is what goes to the device, and the lower is never entered with a folio
 * locked.
 */
#include <linux/bits.h>
#include <linux/pagemap.h>
#include <linux/rmap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "stats.h"
#include "wtfs.h"

/*
 * A write that ends in the last, partial block of the file goes through the
 * lower page cache with all its blocks if these are not more, bytes: one lower
 * operation instead of two.
 */
#define WTFS_TAIL_MAX		SZ_64K

/* No filesystem allocates ahead for a file that is smaller, bytes. */
#define WTFS_AHEAD_MIN		SZ_64K

/* What it does is more than this, bytes; blocks of metadata count as well. */
#define WTFS_AHEAD_LEAST	SZ_16K

/* wtfs_chunk_try_lock(): a folio has to be read in first, or is gone. */
#define WTFS_FILL		1
#define WTFS_GONE		2

/*
 * How memory for folios is asked for. A task that writes so that others can write, as
 * a loop device's worker, may go over the limit of a memory cgroup: that may be full
 * of pages which wait for just this write, and is soon less so. It says -ENOMEM only
 * if there is no memory at all; see wtfs_write_loop().
 */
static gfp_t wtfs_chunk_gfp(const struct wtfs_chunk *c)
{
	gfp_t gfp = mapping_gfp_mask(c->inode->i_mapping);

	if (c->through && current->flags & PF_LOCAL_THROTTLE)
		gfp |= __GFP_RETRY_MAYFAIL | __GFP_NOWARN | __GFP_HIGH;
	return gfp;
}

/**
 * wtfs_chunk_init - get ready to write chunk by chunk
 * @c: in the caller's memory
 * @iocb: the write
 * @count: bytes in all of it
 * @through: will it be put under write-through?
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int wtfs_chunk_init(struct wtfs_chunk *c, struct kiocb *iocb, size_t count,
		    bool through)
{
	unsigned int max = min_t(size_t, count, WTFS_CHUNK) / PAGE_SIZE + 2;

	c->iocb = iocb;
	c->inode = file_inode(iocb->ki_filp);
	c->lower = wtfs_lower_file(iocb->ki_filp);
	c->through = through;
	c->nowait = iocb->ki_flags & IOCB_NOWAIT;
	c->gfp = wtfs_chunk_gfp(c);
	c->block = wtfs_lower_direct(c->inode);
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

/**
 * wtfs_chunk_free - the opposite of wtfs_chunk_init()
 * @c: holds no folios
 *
 * Context: any.
 */
void wtfs_chunk_free(struct wtfs_chunk *c)
{
	if (c->span.bvec != c->bvec)
		kfree(c->span.bvec);
}

static struct folio *wtfs_chunk_folio(const struct wtfs_chunk *c,
				      unsigned int i)
{
	return page_folio(c->span.bvec[i].bv_page);
}

/* Of the last folio that a file can have the last byte is out of reach. */
static loff_t wtfs_folio_end(struct folio *folio)
{
	return min_t(u64, (u64)folio_pos(folio) + folio_size(folio), LLONG_MAX);
}

/*
 * The pages of a folio from one byte in it to another, a bit for each. 6.12 can
 * put larger folios into the cache than we ask for, where it is built with
 * CONFIG_READ_ONLY_THP_FOR_FS: such a one is written as if it were one page.
 */
static __always_inline unsigned long
wtfs_folio_pages(struct folio *folio, size_t first, size_t last)
{
	if (unlikely(folio_order(folio) > WTFS_MAX_ORDER))
		return ~0UL;
	return GENMASK(last >> PAGE_SHIFT, first >> PAGE_SHIFT);
}

/* Of a folio of the chunk, those that it overwrites. */
static unsigned long wtfs_chunk_pages(const struct wtfs_chunk *c,
				      struct folio *folio)
{
	loff_t pos = folio_pos(folio);

	return wtfs_folio_pages(folio, max(c->pos, pos) - pos,
				min(c->end, wtfs_folio_end(folio)) - 1 - pos);
}

/* Once the span is what is written: of its folio number @i those that are. */
static __always_inline unsigned long
wtfs_chunk_written(const struct wtfs_chunk *c, struct folio *folio,
		   unsigned int i)
{
	return i ? wtfs_folio_pages(folio, 0, c->span.bvec[i].bv_len - 1) :
		c->first_pages;
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

/* Wait until the chunk may be copied into a folio. It is locked. */
static int wtfs_chunk_wait(const struct wtfs_chunk *c, struct folio *folio)
{
	unsigned long pages = wtfs_chunk_pages(c, folio);

	if (likely(wtfs_folio_may_write(folio, c->through, pages)))
		return 0;
	if (c->nowait)
		return -EAGAIN;
	if (wtfs_is_spliced_to(c->inode))
		return wtfs_splice_again(c->inode);
	return wtfs_folio_wait_write(folio, c->through, pages) ? 0 : WTFS_GONE;
}

/* A new folio for what is left of the chunk, as large as is overwritten. */
static fgf_t wtfs_chunk_order(const struct wtfs_chunk *c, loff_t pos)
{
	return c->through && PAGE_ALIGNED(pos) ? fgf_set_order(c->end - pos) : 0;
}

/*
 * FGP_WRITE keeps folios that are going to be dirty from filling a node, and
 * those that were evicted, and now are overwritten, from counting as missed. Of
 * what is written through behind the end of the file neither is true, and to see
 * to it would cost an append more than its copy does.
 */
static bool wtfs_chunk_is_all_new(const struct wtfs_chunk *c)
{
	return c->through && c->pos >= c->size;
}

/* The folio at @pos could not be locked, or not be made. Return: the error. */
static int wtfs_chunk_no_folio(const struct wtfs_chunk *c, loff_t pos, int err)
{
	if (c->nowait)
		return -EAGAIN;
	if (wtfs_is_spliced_to(c->inode))
		return wtfs_splice_again_at(c->inode, pos, false);
	return err;
}

/*
 * Lock the folios of the chunk, in ascending order. Waiting for write-throughs and
 * writeback of one with the folios before it locked is safe: none starts on a folio
 * before its task has locked all that it is going to lock, but in ascending order.
 */
static int wtfs_chunk_try_lock(struct wtfs_chunk *c)
{
	bool spliced = wtfs_is_spliced_to(c->inode);
	fgf_t flags = FGP_LOCK | FGP_CREAT | FGP_NOFS |
		(wtfs_chunk_is_all_new(c) ? 0 : FGP_WRITE) |
		(c->nowait || spliced ? FGP_NOWAIT : 0) |
		(c->iocb->ki_flags & IOCB_DONTCACHE ? FGP_DONTCACHE : 0);
	struct address_space *mapping = c->inode->i_mapping;
	loff_t pos = c->pos;

	while (pos < c->end) {
		struct folio *folio;
		size_t size;
		int err;

		folio = wtfs_get_folio_gfp(mapping, pos >> PAGE_SHIFT,
					   flags | wtfs_chunk_order(c, pos),
					   c->gfp);
		if (IS_ERR(folio))
			return wtfs_chunk_no_folio(c, pos, PTR_ERR(folio));
		size = folio_size(folio);
		if (!c->span.nr)
			c->span.pos = folio_pos(folio);
		bvec_set_folio(&c->span.bvec[c->span.nr++], folio, size, 0);
		c->span.len += size;
		if (wtfs_chunk_needs_fill(c, folio)) {
			c->fill = max(pos, folio_pos(folio));
			return WTFS_FILL;
		}
		err = wtfs_chunk_wait(c, folio);
		if (err)
			return err;
		pos = min_t(u64, c->span.pos + c->span.len, LLONG_MAX);
	}
	return 0;
}

/**
 * wtfs_chunk_lock - lock the folios of a chunk
 * @c: set by wtfs_chunk_set()
 *
 * Those that are not overwritten whole and have to be read in first are, with
 * nothing locked. If it's a splice to be written through, wtfs_splice_end() has
 * to follow in the end.
 *
 * Context: process; sleeps unless @c->nowait. Return: 0 with all folios locked,
 * or an error with none.
 */
int wtfs_chunk_lock(struct wtfs_chunk *c)
{
	int err;

	for (;;) {
		err = wtfs_chunk_try_lock(c);
		if (!err && c->through)
			err = wtfs_splice_begin(c->inode);
		if (!err)
			return 0;
		wtfs_chunk_trim(c, 0);
		if (err < 0)
			return err;
		if (err == WTFS_GONE)
			continue;
		if (c->nowait)
			return -EAGAIN;
		if (wtfs_is_spliced_to(c->inode))
			return wtfs_splice_again_at(c->inode, c->fill, true);
		err = wtfs_cache_fill(c->iocb->ki_filp, c->fill, c->gfp);
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
 * Clean a folio that is locked, and its mappings. Most have none: a store that
 * took one away has made the folio dirty before.
 *
 * Return: whether it was dirty.
 */
static bool wtfs_folio_clean(struct folio *folio)
{
	if (!folio_mapped(folio)) {
		/* Pairs with the atomic_add_negative() of an unmap */
		smp_rmb();
		if (!folio_test_dirty(folio))
			return false;
	}
	return folio_clear_dirty_for_io(folio);
}

/* Would a short copy leave something in the folio that was never read? */
static bool wtfs_chunk_spoils(const struct wtfs_chunk *c, struct folio *folio)
{
	return !folio_test_uptodate(folio) && folio_pos(folio) < c->size;
}

/*
 * Copy from @start to @stop into one folio. It is cleaned first: page_mkwrite
 * needs the folio lock, so no mapped store gets in between the clean and the end
 * of the copy.
 *
 * Return: bytes copied. None if the copy is short and the rest of the folio
 * would have to be read.
 */
static size_t wtfs_folio_copy(struct wtfs_chunk *c, struct folio *folio,
			      loff_t start, loff_t stop, struct iov_iter *from)
{
	size_t want = stop - start;
	bool dirty = wtfs_folio_clean(folio), head;
	size_t copied = copy_folio_from_iter_atomic(folio,
						    start - folio_pos(folio),
						    want, from);

	if (copied < want && wtfs_chunk_spoils(c, folio)) {
		iov_iter_revert(from, copied);
		copied = 0;
	}
	if (dirty)
		wtfs_count_dirty(c, folio);
	/*
	 * It became dirty after it was locked, as pinned pages do, and other
	 * pages of it are in flight: let its stores wait for write-back.
	 */
	if (dirty && wtfs_folio_in_flight(folio, ~0UL)) {
		folio_mark_dirty(folio);
		dirty = false;
	}
	/* Its stores are ours to write now; if we do not, they stay dirty. */
	if (dirty && !copied)
		folio_mark_dirty(folio);
	if (!copied)
		return 0;
	head = dirty && folio_pos(folio) < c->pos;
	c->head_dirty |= head;
	c->last_dirty = dirty && start + copied < wtfs_folio_end(folio);
	/* What becomes of other stores of its first and last folio, is not known yet. */
	if (dirty && !head && !c->last_dirty) {
		wtfs_folio_start_taken(folio);
		c->replaced_end = start + copied;
	}
	return copied;
}

/**
 * wtfs_chunk_copy - copy into all folios of a chunk
 * @c: locked by wtfs_chunk_lock()
 * @from: what to copy; advanced
 *
 * After a short copy the chunk ends where the copy did, and the folios behind
 * that are unlocked.
 *
 * Return: bytes copied; if 0 no folio is left.
 */
size_t wtfs_chunk_copy(struct wtfs_chunk *c, struct iov_iter *from)
{
	loff_t pos = c->pos;
	unsigned int i;

	for (i = 0; i < c->span.nr && pos < c->end; i++) {
		struct folio *folio = wtfs_chunk_folio(c, i);
		loff_t end = wtfs_folio_end(folio);
		loff_t stop = min(c->end, end);
		size_t copied = wtfs_folio_copy(c, folio, pos, stop, from);

		pos += copied;
		if (pos < stop) {
			wtfs_count_short(c, pos, c->end);
			c->end = pos;
		}
		if (!copied)
			break;
		if (end > c->size)
			wtfs_chunk_zero(c, folio);
		if (!folio_test_uptodate(folio))
			folio_mark_uptodate(folio);
	}
	if (i < c->span.nr)
		wtfs_chunk_trim(c, i);
	return c->end - c->pos;
}

/**
 * wtfs_chunk_copy_back - copy into the folio of a chunk and leave it dirty
 * @c: one folio, locked by wtfs_chunk_lock()
 * @from: what to copy; advanced
 *
 * For write-back; lets go of the folio. Return: bytes copied.
 */
size_t wtfs_chunk_copy_back(struct wtfs_chunk *c, struct iov_iter *from)
{
	struct folio *folio = wtfs_chunk_folio(c, 0);
	size_t len = c->end - c->pos;
	size_t copied = copy_folio_from_iter_atomic(folio, c->pos -
						    folio_pos(folio), len,
						    from);

	if (copied < len && wtfs_chunk_spoils(c, folio)) {
		iov_iter_revert(from, copied);
		copied = 0;
	}
	if (copied) {
		c->end = c->pos + copied;
		wtfs_chunk_zero(c, folio);
		folio_mark_uptodate(folio);
		folio_mark_dirty(folio);
		if (c->end > c->size)
			i_size_write(c->inode, c->end);
	}
	wtfs_chunk_trim(c, 0);
	return copied;
}

/* How far a direct write may go without the file growing, or a signal. */
static loff_t wtfs_chunk_limit(const struct wtfs_chunk *c)
{
	return min_t(u64, max(c->size, c->end), rlimit(RLIMIT_FSIZE));
}

/*
 * Is this a small append, one of many, for which the lower has no blocks yet?
 * Through the lower page cache XFS allocates ahead for such, the more the
 * larger the file is, and takes back what is left when the file is closed;
 * every direct write would allocate anew, which is half of what it costs.
 */
static bool wtfs_chunk_asks(const struct wtfs_chunk *c)
{
	struct wtfs_inode_info *wi = WTFS_I(c->inode);
	bool follows;

	if (!c->block || c->pos != c->size || c->end - c->pos > WTFS_TAIL_MAX)
		return false;
	follows = c->pos == wi->appended;
	wi->appended = c->end;
	if (!follows) {
		wi->allocated = 0;
		wi->ask_at = 0;
	}
	return follows && c->end > wi->allocated &&
		c->size >= max_t(loff_t, wi->ask_at, WTFS_AHEAD_MIN);
}

/**
 * wtfs_chunk_learn - has the lower allocated ahead of an append?
 * @c: with @asks, written; its inode locked, exclusive
 *
 * If not, as on ext4, it is asked again when the file has twice the size.
 *
 * Context: process.
 */
void wtfs_chunk_learn(const struct wtfs_chunk *c)
{
	struct wtfs_inode_info *wi = WTFS_I(c->inode);
	struct kstat stat;

	if (vfs_getattr_nosec(&c->lower->f_path, &stat, STATX_BLOCKS,
			      AT_STATX_DONT_SYNC))
		return;
	wi->allocated = stat.blocks << SECTOR_SHIFT;
	if (wi->allocated < c->end + WTFS_AHEAD_LEAST)
		wi->ask_at = 2 * c->end;
}

/*
 * May all of a folio that holds mapped stores be written, to take these along?
 * Only if the write, and those before it that took none, has as much. So what is
 * written is about doubled at the most, and a large folio that is written to
 * again and again, and that the flusher therefore finds under writeback, gets its
 * stores written.
 */
static bool wtfs_chunk_may_take(const struct wtfs_chunk *c, struct folio *folio)
{
	u64 len = c->end - c->pos;

	return folio_size(folio) <= len + max_t(u64, len, PAGE_SIZE) +
		READ_ONCE(WTFS_I(c->inode)->along);
}

/* No lock: writes beside each other may get a sum wrong, and it is only a hint. */
static void wtfs_chunk_save_along(const struct wtfs_chunk *c, bool left)
{
	struct wtfs_inode_info *wi = WTFS_I(c->inode);

	if (left)
		WRITE_ONCE(wi->along, READ_ONCE(wi->along) + c->end - c->pos);
	else if (c->taken)
		WRITE_ONCE(wi->along, 0);
}

/*
 * What is written, and how: whole blocks directly, and from @tail on through
 * the lower page cache what ends in the middle of the file's last block. A
 * folio that held mapped stores is written whole, if that can be direct, and is
 * not too much.
 *
 * Return: whether all mapped stores are taken along.
 */
static bool wtfs_chunk_plan(struct wtfs_chunk *c)
{
	struct folio *last = wtfs_chunk_folio(c, c->span.nr - 1);
	loff_t limit = wtfs_chunk_limit(c);
	bool head = false, rest = false, all;
	unsigned int block;

	c->asks = wtfs_chunk_asks(c);
	block = c->asks ? 0 : c->block;
	c->start_io = c->pos;
	c->end_io = c->end;
	c->tail = c->pos;
	if (block && round_up((u64)c->end, block) <= limit) {
		c->end_io = round_up(c->end, block);
		rest = c->last_dirty && wtfs_chunk_may_take(c, last) &&
			(u64)folio_pos(last) + folio_size(last) <= limit;
		if (rest)
			c->end_io = wtfs_folio_end(last);
		c->tail = c->end_io;
	} else if (block && c->end - c->pos > WTFS_TAIL_MAX) {
		c->tail = round_down(c->end, block);
	}
	if (c->tail > c->pos) {
		head = c->head_dirty &&
			wtfs_chunk_may_take(c, wtfs_chunk_folio(c, 0));
		c->start_io = head ? c->span.pos : round_down(c->pos, block);
	}
	all = head == c->head_dirty && rest == c->last_dirty;
	c->taken = all && (head || rest);
	wtfs_chunk_save_along(c, !all);
	return all;
}

/**
 * wtfs_chunk_redirty - mapped stores stay dirty which this write does not take
 *			along, or was to take along and could not
 * @c: copied into; its folios locked or under writeback
 */
void wtfs_chunk_redirty(struct wtfs_chunk *c)
{
	if (c->head_dirty)
		folio_mark_dirty(wtfs_chunk_folio(c, 0));
	if (c->last_dirty)
		folio_mark_dirty(wtfs_chunk_folio(c, c->span.nr - 1));
}

/*
 * The mapped stores of the first and the last folio are written along: until they are
 * on the device an fsync() must find the writeback. This comes late: a folio whose
 * stores stay dirty keeps the tag by which an fsync() finds that.
 */
static void wtfs_chunk_start_taken(struct wtfs_chunk *c)
{
	struct folio *first = wtfs_chunk_folio(c, 0);
	struct folio *last = wtfs_chunk_folio(c, c->span.nr - 1);

	if (c->head_dirty)
		wtfs_folio_start_taken(first);
	if (c->last_dirty && (last != first || !c->head_dirty))
		wtfs_folio_start_taken(last);
}

/*
 * Make the span what is written and no more, from the page on in which it
 * begins: where a bvec reaches over the end of its page the block layer looks
 * whether it has to split the bio.
 */
static void wtfs_chunk_narrow(struct wtfs_chunk *c)
{
	struct folio *first = wtfs_chunk_folio(c, 0);
	struct wtfs_span *span = &c->span;
	size_t head = c->start_io - span->pos;
	size_t rest = span->pos + span->len - c->end_io;

	span->bvec[span->nr - 1].bv_len -= rest;
	c->first_pages = wtfs_folio_pages(first, head,
					  span->bvec[0].bv_len - 1);
	bvec_set_page(&span->bvec[0], folio_page(first, head >> PAGE_SHIFT),
		      span->bvec[0].bv_len - head, offset_in_page(head));
	span->pos = c->start_io;
	span->len -= head + rest;
}

/**
 * wtfs_chunk_start - put the folios of a chunk under write-through
 * @c: copied into
 *
 * Unlocks them, and says what is to be written, and how. From the copy until that is
 * submitted nothing is allocated but in memalloc_nofs: some of the folios may be
 * under writeback, and reclaim must not wait for those that are not on their way.
 */
void wtfs_chunk_start(struct wtfs_chunk *c)
{
	unsigned int i;

	wtfs_count_through(c);
	if (wtfs_chunk_plan(c))
		wtfs_chunk_start_taken(c);
	else
		wtfs_chunk_redirty(c);
	wtfs_chunk_narrow(c);
	for (i = 0; i < c->span.nr; i++) {
		struct folio *folio = wtfs_chunk_folio(c, i);

		wtfs_folio_start_through(folio,
					 wtfs_chunk_written(c, folio, i));
		folio_unlock(folio);
	}
}

/**
 * wtfs_chunk_finish - the write of a chunk is over, and its folios are let go
 * @c: from wtfs_chunk_start()
 *
 * Context: any. The inode is held by the file that is written to, until the caller of
 * the write is told.
 */
void wtfs_chunk_finish(struct wtfs_chunk *c)
{
	unsigned int i;

	for (i = 0; i < c->span.nr; i++) {
		struct folio *folio = wtfs_chunk_folio(c, i);

		wtfs_folio_end_through(c->inode, folio,
				       wtfs_chunk_written(c, folio, i));
		folio_put(folio);
	}
	c->span.nr = 0;
	c->span.len = 0;
}
