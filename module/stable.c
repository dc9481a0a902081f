// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy of stable writes: what goes through, and who waits for whom.
 *
 * A folio under write-through is under writeback, and has in folio->private a
 * bit for each of its pages that is on its way to the device; PG_private is not
 * set, so that to the kernel there is nothing in it. This tells a write-through
 * from ordinary writeback, and lets writes of different pages of a large folio
 * go on beside each other: the first one starts its writeback and the last one
 * ends it. Bits are set under the folio lock, and cleared by completions.
 */
#include <linux/atomic.h>
#include <linux/blkdev.h>
#include <linux/ktime.h>
#include <linux/pagemap.h>

#include "wtfs.h"

/**
 * wtfs_lower_needs_stable - must no page change while it is written?
 * @lower: the superblock below
 *
 * Storage with checksums, for one, must see each block once and unchanged. The
 * flag of the superblock dates from when it was mounted; the device may have
 * come to want it since.
 */
bool wtfs_lower_needs_stable(const struct super_block *lower)
{
	return lower->s_iflags & SB_I_STABLE_WRITES ||
		(lower->s_bdev && bdev_stable_writes(lower->s_bdev));
}

/**
 * wtfs_stable_init - does a file need more than its mount?
 * @inode: a regular file that is being made
 *
 * A lower with several devices says it of each file.
 */
void wtfs_stable_init(struct inode *inode)
{
	if (mapping_stable_writes(wtfs_lower_inode(inode)->i_mapping))
		mapping_set_stable_writes(inode->i_mapping);
}

/* Is every folio of @inode stable while under any writeback? */
static bool wtfs_inode_is_stable(const struct inode *inode)
{
	return mapping_stable_writes(inode->i_mapping) ||
		READ_ONCE(wtfs_sb(inode->i_sb)->opts.stable) ==
		WTFS_STABLE_MAPPING;
}

/**
 * wtfs_mode_is_through - does every write of this mount go through?
 * @inode: any of it
 */
bool wtfs_mode_is_through(const struct inode *inode)
{
	return READ_ONCE(wtfs_sb(inode->i_sb)->opts.mode) ==
		WTFS_MODE_WRITETHROUGH;
}

/**
 * wtfs_write_is_through - must this write be on the device when it returns?
 * @iocb: the write
 */
bool wtfs_write_is_through(const struct kiocb *iocb)
{
	return wtfs_mode_is_through(file_inode(iocb->ki_filp)) ||
		iocb_is_dsync(iocb);
}

/* The pages of @folio that are under write-through, a bit for each. */
static atomic_long_t *wtfs_folio_flight(struct folio *folio)
{
	static_assert(sizeof(folio->private) == sizeof(atomic_long_t));

	return (atomic_long_t *)&folio->private;
}

/*
 * Must pages of a folio that is under writeback keep their content? It is
 * locked, so that no write-through of it can start.
 */
static bool wtfs_folio_is_stable(struct folio *folio, unsigned long pages)
{
	return atomic_long_read(wtfs_folio_flight(folio)) & pages ||
		wtfs_inode_is_stable(folio->mapping->host);
}

/* Wait for the writeback of a folio, and count that. */
static void wtfs_folio_wait(struct folio *folio, enum wtfs_waiter waiter)
{
	ktime_t start = ktime_get();

	folio_wait_writeback(folio);
	wtfs_stats_wait(folio->mapping->host, folio, waiter,
			ktime_to_ns(ktime_sub(ktime_get(), start)));
}

/**
 * wtfs_folio_may_store - may a mapped store change a folio now?
 * @folio: locked
 * @pages: a bit for each of its pages that it may change
 *
 * Return: false if that needs a wtfs_folio_wait_store() first.
 */
bool wtfs_folio_may_store(struct folio *folio, unsigned long pages)
{
	return !folio_test_writeback(folio) ||
		!wtfs_folio_is_stable(folio, pages);
}

/**
 * wtfs_folio_wait_store - wait until a mapped store may change a folio
 * @folio: locked
 * @pages: a bit for each of its pages that it may change
 *
 * Context: process; sleeps.
 */
void wtfs_folio_wait_store(struct folio *folio, unsigned long pages)
{
	if (!wtfs_folio_may_store(folio, pages))
		wtfs_folio_wait(folio, WTFS_WAITER_STORE);
}

/*
 * May pages of a folio under writeback be written through? Beside other pages'
 * write-throughs, but not when somebody waits for the writeback, who would wait
 * for ever if it never came to an end; nor when there are mapped stores, which
 * are written along with the whole folio.
 */
static bool wtfs_folio_may_join(struct folio *folio, unsigned long pages)
{
	unsigned long flight = atomic_long_read(wtfs_folio_flight(folio));

	return flight && !(flight & pages) && !folio_test_dirty(folio) &&
		!folio_test_waiters(folio);
}

/**
 * wtfs_folio_may_write - may write() change a folio now?
 * @folio: locked
 * @through: will it be put under write-through?
 * @pages: a bit for each of its pages that then is written
 *
 * Return: false if that needs a wtfs_folio_wait_write() first.
 */
bool wtfs_folio_may_write(struct folio *folio, bool through,
			  unsigned long pages)
{
	if (!folio_test_writeback(folio))
		return true;
	return through ? wtfs_folio_may_join(folio, pages) :
		!wtfs_folio_is_stable(folio, pages);
}

/**
 * wtfs_folio_wait_write - wait until write() may change a folio
 * @folio: locked, so that it may afterwards
 *
 * Context: process; sleeps.
 */
void wtfs_folio_wait_write(struct folio *folio)
{
	wtfs_folio_wait(folio, WTFS_WAITER_WRITE);
}

/* Join those that are going on. Return: false if there are none. */
static bool wtfs_folio_join_through(struct folio *folio, unsigned long pages)
{
	atomic_long_t *flight = wtfs_folio_flight(folio);
	long old = atomic_long_read(flight);

	do {
		if (!old || old & pages)
			return false;
	} while (!atomic_long_try_cmpxchg(flight, &old, old | pages));
	return true;
}

/**
 * wtfs_folio_start_through - put pages of a folio under write-through
 * @folio: locked; wtfs_folio_may_write() allowed it under the same lock
 * @pages: a bit for each page
 *
 * Pairs with wtfs_folio_end_through(). Context: sleeps only if a writeback is
 * just about to end, or if the folio became dirty in spite of its lock, as
 * pages do that are pinned.
 */
void wtfs_folio_start_through(struct folio *folio, unsigned long pages)
{
	while (folio_test_writeback(folio)) {
		if (wtfs_folio_join_through(folio, pages))
			return;
		folio_wait_writeback(folio);
	}
	atomic_long_set(wtfs_folio_flight(folio), pages);
	/*
	 * If it holds stores that stay dirty, an fsync() that has tagged it
	 * must still find it: leave it the tag. And do not look for a tag to
	 * take away where there is none; on a clean folio it does no harm.
	 */
	__folio_start_writeback(folio, folio_test_dirty(folio) ||
				!mapping_tagged(folio->mapping,
						PAGECACHE_TAG_TOWRITE));
}

/**
 * wtfs_folio_end_through - the write-through of pages of a folio is over
 * @folio: after this, its inode may go away
 * @pages: as in wtfs_folio_start_through()
 *
 * Context: any.
 */
void wtfs_folio_end_through(struct folio *folio, unsigned long pages)
{
	if (atomic_long_fetch_andnot(pages, wtfs_folio_flight(folio)) == pages)
		folio_end_writeback(folio);
}
