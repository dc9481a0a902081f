// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy of stable writes: what goes through, and who waits for whom.
 *
 * A folio under a write-through carries PG_checked beside PG_writeback, which
 * tells it from a folio under ordinary writeback. Both are set under the folio
 * lock and cleared, PG_checked first, by the completion.
 */
#include <linux/ktime.h>

#include "wtfs.h"

/* Is every folio of @inode stable while under any writeback? */
static bool wtfs_inode_is_stable(const struct inode *inode)
{
	return READ_ONCE(wtfs_sb(inode->i_sb)->opts.stable) ==
		WTFS_STABLE_MAPPING;
}

/**
 * wtfs_write_is_through - must this write be on the device when it returns?
 * @iocb: the write
 */
bool wtfs_write_is_through(const struct kiocb *iocb)
{
	const struct inode *inode = file_inode(iocb->ki_filp);

	return READ_ONCE(wtfs_sb(inode->i_sb)->opts.mode) ==
		WTFS_MODE_WRITETHROUGH || iocb_is_dsync(iocb);
}

/*
 * Must a folio that is under writeback keep its content? It is locked, so that
 * no write-through of it can start.
 */
static bool wtfs_folio_is_stable(struct folio *folio)
{
	return folio_test_checked(folio) ||
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
 * wtfs_folio_wait_write - wait until write() may change a folio
 * @folio: locked
 * @through: will it be put under write-through? Then it waits for any
 *	     writeback, since it needs PG_writeback for itself.
 *
 * Context: process; sleeps.
 */
void wtfs_folio_wait_write(struct folio *folio, bool through)
{
	if (folio_test_writeback(folio) &&
	    (through || wtfs_folio_is_stable(folio)))
		wtfs_folio_wait(folio, WTFS_WAITER_WRITE);
}

/**
 * wtfs_folio_wait_store - wait until a mapped store may change a folio
 * @folio: locked
 *
 * Context: process; sleeps.
 */
void wtfs_folio_wait_store(struct folio *folio)
{
	if (folio_test_writeback(folio) && wtfs_folio_is_stable(folio))
		wtfs_folio_wait(folio, WTFS_WAITER_STORE);
}

/**
 * wtfs_folio_start_through - put a folio under write-through
 * @folio: locked, not under writeback
 *
 * Pairs with wtfs_folio_end_through().
 */
void wtfs_folio_start_through(struct folio *folio)
{
	folio_set_checked(folio);
	/*
	 * If it holds stores that stay dirty, an fsync() that has tagged it
	 * must still find it: leave it the tag.
	 */
	__folio_start_writeback(folio, folio_test_dirty(folio));
}

/**
 * wtfs_folio_end_through - a folio's write-through is over
 * @folio: after this, its inode may go away
 *
 * Context: any.
 */
void wtfs_folio_end_through(struct folio *folio)
{
	folio_clear_checked(folio);
	folio_end_writeback(folio);
}
