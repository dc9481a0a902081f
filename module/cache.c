// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page cache of wtfs inodes: filling it from the lower, writing back what
 * was stored through mappings or on a write-back mount, and keeping it true
 * when the file grows, fails or changes below.
 */
#include <linux/backing-dev.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/migrate.h>
#include <linux/pagemap.h>
#include <linux/rmap.h>
#include <linux/sched/mm.h>
#include <linux/writeback.h>

#include "stats.h"
#include "wtfs.h"

/* Folios in one write-back request at the most. */
#define WTFS_WRITEBACK_FOLIOS	256

/* How often wtfs_cache_forget() tries. */
#define WTFS_FORGET_TRIES	8

/* Anything past the result lies beyond the lower's end, and reads as zero. */
static void wtfs_read_end(struct wtfs_lower_io *io, long res)
{
	size_t left = max(res, 0L);
	unsigned int i;

	for (i = 0; i < io->span.nr; i++) {
		struct bio_vec *bv = &io->span.bvec[i];
		struct folio *folio = page_folio(bv->bv_page);
		size_t got = min_t(size_t, left, bv->bv_len);

		if (res >= 0 && got < bv->bv_len)
			folio_zero_segment(folio, got, bv->bv_len);
		left -= got;
		folio_end_read(folio, res >= 0);
	}
}

/* The lower file to read with; @file is NULL when the kernel reads by itself */
static struct file *wtfs_read_file(struct inode *inode, struct file *file)
{
	struct file *lower = file ? get_file(wtfs_lower_file(file)) :
		wtfs_lower_file_get(inode, WTFS_LOWER_READ);

	if (!IS_ERR(lower))
		wtfs_lower_know_block(inode, lower);
	return lower;
}

/*
 * A large folio could not be read. Let small ones take its place: what can be
 * read of it is, each page by itself, and what cannot may be overwritten. They
 * keep readahead from putting a large one there again. The caller holds the
 * inode lock or the invalidate_lock, so that the file does not shrink meanwhile.
 *
 * Return: AOP_TRUNCATED_PAGE, for the caller to look again, or an error.
 */
static int wtfs_read_apart(struct inode *inode, struct folio *folio)
{
	struct address_space *mapping = inode->i_mapping;
	pgoff_t next = folio->index, end = next + folio_nr_pages(folio);

	folio_lock(folio);
	if (!folio_test_uptodate(folio))
		wtfs_remove_folio(mapping, folio);
	folio_unlock(folio);
	for (; next < end; next++) {
		struct folio *small = wtfs_get_folio(mapping, next, FGP_LOCK |
						     FGP_CREAT);

		if (IS_ERR(small))
			return PTR_ERR(small);
		folio_unlock(small);
		folio_put(small);
	}
	return AOP_TRUNCATED_PAGE;
}

static int wtfs_read_folio(struct file *file, struct folio *folio)
{
	struct inode *inode = folio->mapping->host;
	struct file *lower = wtfs_read_file(inode, file);
	struct wtfs_lower_io *io;

	if (IS_ERR(lower)) {
		folio_unlock(folio);
		return PTR_ERR(lower);
	}
	io = wtfs_lower_io_alloc(inode, lower, folio_pos(folio), 1);
	io->end = wtfs_read_end;
	wtfs_lower_io_add(io, folio, folio_size(folio));
	wtfs_lower_io_submit(io);
	fput(lower);
	if (likely(!folio_test_large(folio)))
		return 0;
	if (folio_wait_locked_killable(folio))
		return -EINTR;
	return folio_test_uptodate(folio) ? 0 : wtfs_read_apart(inode, folio);
}

static void wtfs_readahead(struct readahead_control *rac)
{
	struct inode *inode = rac->mapping->host;
	struct file *lower = wtfs_read_file(inode, rac->file);
	struct wtfs_lower_io *io = NULL;
	unsigned int left = readahead_count(rac);
	struct folio *folio;

	/* What readahead leaves alone is read by read_folio, with its error. */
	if (IS_ERR(lower))
		return;
	while ((folio = readahead_folio(rac))) {
		size_t size = folio_size(folio);

		if (!io || !wtfs_lower_io_add(io, folio, size)) {
			if (io)
				wtfs_lower_io_submit(io);
			io = wtfs_lower_io_alloc(inode, lower,
						 folio_pos(folio), left);
			io->end = wtfs_read_end;
			wtfs_lower_io_add(io, folio, size);
		}
		left -= size >> PAGE_SHIFT;
	}
	if (io)
		wtfs_lower_io_submit(io);
	fput(lower);
}

/**
 * struct wtfs_writeback - one call of writepages
 * @inode: whose folios are written
 * @lower: open for WTFS_LOWER_WRITEBACK
 * @wbc: what to write, and for whom
 * @io: request that is being filled, or NULL
 */
struct wtfs_writeback {
	struct inode *inode;
	struct file *lower;
	const struct writeback_control *wbc;
	struct wtfs_lower_io *io;
};

static void wtfs_writeback_end(struct wtfs_lower_io *io, long res)
{
	unsigned int i;

	/* For the next msync() or fsync(): nobody else waits for this. */
	if (res < 0)
		mapping_set_error(io->inode->i_mapping, res);
	wtfs_count_writeback_end(io, res);
	for (i = 0; i < io->span.nr; i++)
		folio_end_writeback(page_folio(io->span.bvec[i].bv_page));
}

static void wtfs_writeback_submit(struct wtfs_writeback *wb)
{
	if (wb->io) {
		wtfs_count_writeback(wb->io);
		wtfs_lower_io_submit(wb->io);
	}
	wb->io = NULL;
}

static void wtfs_writeback_add(struct wtfs_writeback *wb, struct folio *folio,
			       size_t len)
{
	/* What is no whole block goes by itself: it cannot be direct. */
	if (!IS_ALIGNED(len, PAGE_SIZE))
		wtfs_writeback_submit(wb);
	if (wb->io && wtfs_lower_io_add(wb->io, folio, len))
		return;
	wtfs_writeback_submit(wb);
	wb->io = wtfs_lower_io_alloc(wb->inode, wb->lower, folio_pos(folio),
				     WTFS_WRITEBACK_FOLIOS);
	wb->io->write = true;
	wb->io->end = wtfs_writeback_end;
	wtfs_charge_set(wb->io, wb->wbc);
	wtfs_lower_io_add(wb->io, folio, len);
}

/*
 * Have a folio that is to be written back be under no write-through. An append that
 * is in flight lies behind i_size, where zeros are put. Whoever does not wait for
 * the write-back does not wait for that either.
 *
 * Return: false if the folio stays dirty.
 */
static bool wtfs_writepage_begin(struct folio *folio,
				 struct writeback_control *wbc,
				 struct wtfs_writeback *wb)
{
	if (!wtfs_folio_in_flight(folio, ~0UL))
		return true;
	if (wbc->sync_mode == WB_SYNC_NONE) {
		folio_redirty_for_writepage(wbc, folio);
		return false;
	}
	/* Others may wait for these, with what we wait for in their hands. */
	wtfs_writeback_submit(wb);
	wtfs_folio_wait_flight(folio, ~0UL);
	return true;
}

/*
 * i_size is read under the folio lock: a truncate sets it, and only then takes
 * the locks to remove folios, and only then truncates the lower. So nothing is
 * written behind the new end, which would make the lower grow again.
 */
static int wtfs_writepage(struct folio *folio, struct writeback_control *wbc,
			  void *data)
{
	struct wtfs_writeback *wb = data;
	loff_t left;
	size_t len;

	if (!wtfs_writepage_begin(folio, wbc, wb)) {
		folio_unlock(folio);
		return 0;
	}
	left = i_size_read(wb->inode) - folio_pos(folio);
	if (left <= 0) {
		folio_unlock(folio);
		return 0;
	}
	len = min_t(loff_t, left, folio_size(folio));
	if (len < folio_size(folio))
		folio_zero_segment(folio, len, folio_size(folio));
	wtfs_account_cgroup_owner(wbc, folio, len);
	folio_start_writeback(folio);
	WRITE_ONCE(WTFS_I(wb->inode)->written_back, true);
	folio_unlock(folio);
	wtfs_writeback_add(wb, folio, len);
	return 0;
}

static int wtfs_writepages(struct address_space *mapping,
			   struct writeback_control *wbc)
{
	struct wtfs_writeback wb = { .inode = mapping->host, .wbc = wbc };
	const struct cred *old;
	unsigned int nofs;
	int err;

	/*
	 * An inode may be on the flusher's list although its pages have been
	 * written and its last name is out of the dcache: no way to open it.
	 */
	if (!mapping_tagged(mapping, PAGECACHE_TAG_DIRTY))
		return 0;
	wb.lower = wtfs_lower_file_get(wb.inode, WTFS_LOWER_WRITEBACK);
	if (IS_ERR(wb.lower)) {
		mapping_set_error(mapping, PTR_ERR(wb.lower));
		return PTR_ERR(wb.lower);
	}
	/*
	 * Reclaim with __GFP_FS may wait for folios under writeback, and some
	 * of ours are not submitted yet.
	 */
	nofs = memalloc_nofs_save();
	wtfs_lower_know_block(wb.inode, wb.lower);
	/* Whoever syncs has not written: setuid stays, as with any store. */
	old = override_creds(wtfs_sb(wb.inode->i_sb)->wb_cred);
	err = wtfs_for_each_dirty(mapping, wbc, wtfs_writepage, &wb);
	wtfs_writeback_submit(&wb);
	revert_creds(old);
	memalloc_nofs_restore(nofs);
	fput(wb.lower);
	return err;
}

/**
 * wtfs_cache_flush - write what is dirty in a range, and wait for all of it, and for
 *		      the write-throughs that are under way
 * @inode: a regular file
 * @start: first byte
 * @end: last byte
 *
 * For what must find the lower up to date. An error of write-back is left for
 * the next msync() or fsync() to report: it is theirs. A truncate, say, has to
 * succeed on a full disk all the same.
 *
 * Context: process; waits for the lower, so no wtfs folio may be locked.
 */
void wtfs_cache_flush(struct inode *inode, loff_t start, loff_t end)
{
	struct address_space *mapping = inode->i_mapping;

	if (mapping_tagged(mapping, PAGECACHE_TAG_DIRTY))
		filemap_fdatawrite_range(mapping, start, end);
	if (mapping_tagged(mapping, PAGECACHE_TAG_WRITEBACK))
		filemap_fdatawait_range_keep_errors(mapping, start, end);
	wtfs_phase_wait(inode);
}

/**
 * wtfs_cache_fill - have the folio at a position up to date in the cache
 * @file: the wtfs file to read by; its inode is locked
 * @pos: bytes
 * @gfp: for a new folio
 *
 * Context: process; waits for the lower. Return: 0 or the error of the read.
 * The folio may be reclaimed again before the caller looks, or small ones may
 * have taken its place.
 */
int wtfs_cache_fill(struct file *file, loff_t pos, gfp_t gfp)
{
	struct folio *folio = wtfs_get_folio_gfp(file->f_mapping,
						 pos >> PAGE_SHIFT,
						 FGP_LOCK | FGP_CREAT |
						 FGP_ACCESSED, gfp);
	int err = 0;

	if (IS_ERR(folio))
		return PTR_ERR(folio);
	if (folio_test_uptodate(folio)) {
		folio_unlock(folio);
	} else {
		err = wtfs_read_folio(file, folio) ?:
			folio_wait_locked_killable(folio);
		if (!err && !folio_test_uptodate(folio))
			err = -EIO;
	}
	folio_put(folio);
	return err == AOP_TRUNCATED_PAGE ? 0 : err;
}

/*
 * Take a folio out of the cache, unless it holds stores. Once its write-throughs
 * have ended: what is read again must not be older than what they write. It is
 * locked, so no other can start.
 */
static void wtfs_folio_drop(struct address_space *mapping, struct folio *folio)
{
	wtfs_folio_wait_flight(folio, ~0UL);
	folio_wait_writeback(folio);
	if (!folio_test_dirty(folio))
		wtfs_remove_folio(mapping, folio);
}

/**
 * wtfs_cache_drop - forget cached bytes that did not reach the device
 * @inode: the file
 * @start: first byte
 * @end: byte after the last one
 *
 * A folio that was stored to through a mapping since stays: the store is newer
 * than the disk, and write-back will write the folio, or tell.
 *
 * Context: process; waits for folios, so none may be locked or under write-through
 * for the caller.
 */
void wtfs_cache_drop(struct inode *inode, loff_t start, loff_t end)
{
	pgoff_t next = start >> PAGE_SHIFT, last = (end - 1) >> PAGE_SHIFT;
	struct address_space *mapping = inode->i_mapping;
	struct folio_batch batch;
	unsigned int i;

	folio_batch_init(&batch);
	while (filemap_get_folios(mapping, &next, last, &batch)) {
		for (i = 0; i < folio_batch_count(&batch); i++) {
			struct folio *folio = batch.folios[i];

			folio_lock(folio);
			if (folio->mapping == mapping)
				wtfs_folio_drop(mapping, folio);
			folio_unlock(folio);
		}
		folio_batch_release(&batch);
		cond_resched();
	}
}

/*
 * Lock the folio at @pos if there is one, and have it accept stores. A splice
 * waits for neither. Return: the folio, NULL if there is none, or an ERR_PTR.
 */
static struct folio *wtfs_cache_lock_stable(struct inode *inode, loff_t pos)
{
	bool again = false;
	struct folio *folio;

	if (!wtfs_is_spliced_to(inode)) {
		folio = wtfs_get_folio(inode->i_mapping, pos >> PAGE_SHIFT,
				       FGP_LOCK);
		if (IS_ERR(folio))
			return NULL;
		wtfs_folio_wait_store(folio, ~0UL);
		return folio;
	}
	/* Not with FGP_NOWAIT: on 6.1 no answer tells a locked one from none. */
	folio = wtfs_get_folio(inode->i_mapping, pos >> PAGE_SHIFT, 0);
	if (IS_ERR(folio))
		return NULL;
	if (folio_trylock(folio)) {
		/* Taken out of the cache meanwhile, or in flight */
		again = folio->mapping != inode->i_mapping ||
			!wtfs_folio_may_store(folio, ~0UL);
		if (!again)
			return folio;
		folio_unlock(folio);
	}
	folio_put(folio);
	return ERR_PTR(wtfs_splice_again_at(inode, pos, false));
}

/**
 * wtfs_cache_forget - drop a range that the lower is about to replace
 * @inode: the file, locked, with its invalidate_lock held, and the range flushed
 * @start: first byte
 * @end: last byte
 *
 * What somebody who has pinned a page of a mapping has made dirty since is
 * flushed once more.
 *
 * Context: process; waits for the lower. Return: 0, or -EBUSY if something is
 * dirty again and again, or cannot be written.
 */
int wtfs_cache_forget(struct inode *inode, loff_t start, loff_t end)
{
	unsigned int tries = WTFS_FORGET_TRIES;
	int err;

	for (;;) {
		err = invalidate_inode_pages2_range(inode->i_mapping,
						    start >> PAGE_SHIFT,
						    end >> PAGE_SHIFT);
		if (err != -EBUSY || !--tries)
			return err;
		wtfs_cache_flush(inode, start, end);
	}
}

/**
 * wtfs_cache_zero_eof - zero what the cache holds behind the end of the file
 * @inode: locked; about to grow
 *
 * A mapping lets programs store there, and the bytes must not come to light.
 *
 * Return: 0, or under a splice what the write has to return.
 */
int wtfs_cache_zero_eof(struct inode *inode)
{
	loff_t size = i_size_read(inode);
	struct folio *folio = wtfs_cache_lock_stable(inode, size);

	if (IS_ERR_OR_NULL(folio))
		return PTR_ERR_OR_ZERO(folio);
	if (folio_mkclean(folio))
		folio_mark_dirty(folio);
	folio_zero_segment(folio, size - folio_pos(folio), folio_size(folio));
	folio_unlock(folio);
	folio_put(folio);
	return 0;
}

/**
 * wtfs_cache_extend - the file has grown without being written to
 * @inode: locked
 * @size: new size, bytes; the lower has it already
 */
void wtfs_cache_extend(struct inode *inode, loff_t size)
{
	loff_t old = i_size_read(inode);

	wtfs_cache_zero_eof(inode);
	i_size_write(inode, size);
	pagecache_isize_extended(inode, old, size);
}

/**
 * wtfs_cache_remember - note what the lower looks like as we leave it
 * @inode: a regular file that nobody has open
 */
void wtfs_cache_remember(struct inode *inode)
{
	struct wtfs_inode_info *wi = WTFS_I(inode);

	wi->seen_size = i_size_read(wi->lower);
	wi->seen_mtime = inode_get_mtime(wi->lower);
	/* Pairs with the acquire in wtfs_cache_revalidate() */
	smp_store_release(&wi->seen, true);
}

static bool wtfs_cache_is_stale(const struct inode *inode)
{
	struct wtfs_inode_info *wi = WTFS_I(inode);
	struct timespec64 mtime = inode_get_mtime(wi->lower);

	return wi->seen_size != i_size_read(wi->lower) ||
		!timespec64_equal(&wi->seen_mtime, &mtime);
}

/**
 * wtfs_cache_is_outdated - has the lower changed since nobody has the file open?
 * @inode: a regular file
 *
 * A cache with something still to write stays, and so does our size.
 */
bool wtfs_cache_is_outdated(const struct inode *inode)
{
	struct address_space *mapping = inode->i_mapping;

	return READ_ONCE(WTFS_I(inode)->seen) && wtfs_cache_is_stale(inode) &&
		!mapping_tagged(mapping, PAGECACHE_TAG_DIRTY) &&
		!mapping_tagged(mapping, PAGECACHE_TAG_WRITEBACK);
}

/**
 * wtfs_cache_is_known - is nobody using the file, and the lower as we left it?
 * @inode: locked
 *
 * If so, and we ourselves change the lower now, wtfs_cache_remember() keeps the
 * next open from taking it for a stranger's change.
 */
bool wtfs_cache_is_known(const struct inode *inode)
{
	return S_ISREG(inode->i_mode) && READ_ONCE(WTFS_I(inode)->seen) &&
		!wtfs_cache_is_stale(inode);
}

/**
 * wtfs_cache_revalidate - drop the cache if the lower changed behind our back
 * @inode: a regular file that is being opened; not locked
 *
 * Only what changed while nobody had the file open is noticed. A cache with
 * something still to write is left alone.
 */
void wtfs_cache_revalidate(struct inode *inode)
{
	struct address_space *mapping = inode->i_mapping;
	struct wtfs_inode_info *wi = WTFS_I(inode);

	/* Pairs with the release in wtfs_cache_remember() */
	if (!smp_load_acquire(&wi->seen))
		return;
	inode_lock(inode);
	if (wtfs_cache_is_outdated(inode)) {
		filemap_invalidate_lock(mapping);
		invalidate_inode_pages2(mapping);
		i_size_write(inode, i_size_read(wi->lower));
		filemap_invalidate_unlock(mapping);
	}
	WRITE_ONCE(wi->seen, false);
	inode_unlock(inode);
}

/**
 * wtfs_cache_init - set up the page cache of a new inode
 * @inode: a regular file with its attributes copied from the lower
 */
void wtfs_cache_init(struct inode *inode)
{
	inode->i_mapping->a_ops = &wtfs_aops;
	mapping_set_folio_order_range(inode->i_mapping, 0, WTFS_MAX_ORDER);
	wtfs_stable_init(inode);
	/*
	 * Faults take the invalidate_lock inside mmap_lock, and inside it the
	 * lower inode's lock is taken, under which a lower filesystem may fault
	 * on user memory. That is a circle only for who uses a mapping of a
	 * wtfs file as the buffer for I/O on its lower file, which we never do
	 * and the docs forbid; but lockdep, which knows classes of inodes and
	 * not who is below whom, would report it and stop looking.
	 */
	lockdep_set_novalidate_class(&inode->i_mapping->invalidate_lock);
	wtfs_cache_remember(inode);
}

/* Swapping would go to the device past everything here. */
static int wtfs_swap_activate(struct swap_info_struct *sis, struct file *file,
			      sector_t *span)
{
	return -EOPNOTSUPP;
}

/*
 * The memory of a folio is broken, and it leaves the cache, locked. What a reader
 * then reads must be what its write-throughs have left on the device.
 */
static int wtfs_error_remove(struct address_space *mapping,
			     wtfs_poisoned_t *poisoned)
{
	wtfs_folio_wait_flight(wtfs_poisoned_folio(poisoned), ~0UL);
	return generic_error_remove_folio(mapping, poisoned);
}

const struct address_space_operations wtfs_aops = {
	.swap_activate		= wtfs_swap_activate,
	.read_folio		= wtfs_read_folio,
	.readahead		= wtfs_readahead,
	.writepages		= wtfs_writepages,
	.dirty_folio		= filemap_dirty_folio,
#ifdef CONFIG_MIGRATION
	/* Not filemap_migrate_folio(), which would move the bits of folio->private. */
	.migrate_folio		= migrate_folio,
#endif
	.error_remove_folio	= wtfs_error_remove,
};
