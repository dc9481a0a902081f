// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy of stable writes: what goes through, and who waits for whom.
 *
 * To the kernel a write-through is direct I/O whose buffer happens to be page
 * cache: its folios are not under writeback. folio->private has a bit for each page
 * that is on its way to the device. PG_private is not set, so the kernel finds
 * nothing in it. Bits are set under the folio lock, and cleared by completions. The
 * reference that the write holds keeps reclaim, migration and splitting away.
 *
 * A folio must not leave the cache while it has such bits: a reader would then cache
 * what the device held before. Whatever removes folios without looking at their
 * references waits for the bits first. Truncate, fallocate and clone do that for
 * the whole file, by wtfs_flight_drain() under the inode lock. wtfs_cache_drop() and
 * wtfs_error_remove() do it for each folio, under the folio lock.
 *
 * Two kinds of folios are under writeback besides, until their write-through ends:
 * those of which the write has taken over mapped stores, since fsync() has to wait
 * for these and to tell of their errors; and those that leave the cache when they
 * are written (RWF_DONTCACHE), since the end of the writeback is what drops them, if it
 * comes in a task.
 * Such a folio has the bits of one write-through only.
 */
#include <linux/atomic.h>
#include <linux/blkdev.h>
#include <linux/ktime.h>
#include <linux/pagemap.h>
#include <linux/wait_bit.h>

#include "wtfs.h"

/*
 * How often others may go first who write to other pages of a folio. A write that
 * needs many pages at once would never find all of them free.
 */
#define WTFS_YIELDS		8

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

/**
 * wtfs_folio_in_flight - are pages of a folio under write-through?
 * @folio: locked, so that no other write-through of it starts
 * @pages: a bit for each page that is asked about
 *
 * Context: any. Pairs with the barrier in wtfs_folio_end_through(): if not, the
 * device has read them.
 */
bool wtfs_folio_in_flight(struct folio *folio, unsigned long pages)
{
	return atomic_long_read_acquire(wtfs_folio_flight(folio)) & pages;
}

/* What is waited for, of the wait queues that all variables share: one page. */
static void *wtfs_page_key(struct folio *folio, unsigned int page)
{
	return (char *)&folio->private + page;
}

/*
 * Sleep until one of the write-throughs of @pages ends, if there are any. The
 * caller holds a reference.
 */
static void wtfs_folio_sleep(struct inode *inode, struct folio *folio,
			     unsigned long pages)
{
	unsigned long flight = atomic_long_read(wtfs_folio_flight(folio));
	struct wtfs_inode_info *wi = WTFS_I(inode);
	struct wait_bit_queue_entry entry;
	struct wait_queue_head *head;
	void *key;

	if (!(flight & pages))
		return;
	pages = BIT(__ffs(flight & pages));
	key = wtfs_page_key(folio, __ffs(pages));
	head = __var_waitqueue(key);
	init_wait_var_entry(&entry, key, 0);
	atomic_inc(&wi->page_waiters);
	/* A full barrier in this: pairs with that in wtfs_folio_end_through() */
	prepare_to_wait_event(head, &entry.wq_entry, TASK_UNINTERRUPTIBLE);
	if (wtfs_folio_in_flight(folio, pages))
		io_schedule();
	finish_wait(head, &entry.wq_entry);
	atomic_dec(&wi->page_waiters);
}

static void wtfs_folio_wake(struct folio *folio, unsigned long pages)
{
	unsigned int page;

	for_each_set_bit(page, &pages, BITS_PER_LONG)
		wake_up_var(wtfs_page_key(folio, page));
}

/**
 * wtfs_folio_wait_flight - wait until pages of a folio are not under write-through
 * @folio: locked, which a completion does not need
 * @pages: a bit for each page
 *
 * Context: process; sleeps.
 */
void wtfs_folio_wait_flight(struct folio *folio, unsigned long pages)
{
	while (wtfs_folio_in_flight(folio, pages))
		wtfs_folio_sleep(folio->mapping->host, folio, pages);
}

/* Count a wait for a folio of @inode that began at @start. */
static void wtfs_count_wait(const struct inode *inode, struct folio *folio,
			    enum wtfs_waiter waiter, ktime_t start)
{
	wtfs_stats_wait(inode, folio, waiter,
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
	if (!wtfs_inode_is_stable(folio->mapping->host))
		return !wtfs_folio_in_flight(folio, pages);
	return !wtfs_folio_in_flight(folio, ~0UL) &&
		!folio_test_writeback(folio);
}

/* Wait until pages of a locked folio may be changed without being written through. */
static void wtfs_folio_wait_stable(struct folio *folio, unsigned long pages)
{
	if (wtfs_inode_is_stable(folio->mapping->host)) {
		wtfs_folio_wait_flight(folio, ~0UL);
		folio_wait_writeback(folio);
	} else {
		wtfs_folio_wait_flight(folio, pages);
	}
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
	ktime_t start;

	if (wtfs_folio_may_store(folio, pages))
		return;
	start = ktime_get();
	wtfs_folio_wait_stable(folio, pages);
	wtfs_count_wait(folio->mapping->host, folio, WTFS_WAITER_STORE, start);
}

/*
 * Of a folio that is to be written to, which write-throughs are in the way? If it
 * holds mapped stores the write may take these over, and puts all of it under
 * writeback: then any.
 */
static unsigned long wtfs_folio_in_way(struct folio *folio, unsigned long pages)
{
	return folio_test_dirty(folio) ? ~0UL : pages;
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
	if (!through)
		return wtfs_folio_may_store(folio, pages);
	return !folio_test_writeback(folio) &&
		!wtfs_folio_in_flight(folio, wtfs_folio_in_way(folio, pages));
}

/* One step of wtfs_folio_wait_write(); the others may go first @yields times. */
static void wtfs_folio_wait_through(struct folio *folio, unsigned long pages,
				    unsigned int yields)
{
	struct inode *inode = folio->mapping->host;

	pages = wtfs_folio_in_way(folio, pages);
	if (folio_test_writeback(folio)) {
		/* Nothing can be written to it before that has ended. */
		folio_wait_writeback(folio);
	} else if (yields) {
		folio_unlock(folio);
		wtfs_folio_sleep(inode, folio, pages);
		folio_lock(folio);
	} else {
		wtfs_folio_wait_flight(folio, pages);
	}
}

/**
 * wtfs_folio_wait_write - wait until write() may change a folio
 * @folio: locked, and in the end locked again: writes of its other pages go on
 *	   meanwhile
 * @through: will it be put under write-through?
 * @pages: a bit for each of its pages that then is written
 *
 * Context: process; sleeps. Return: false if the folio has left the file, as it
 * does where another write failed.
 */
bool wtfs_folio_wait_write(struct folio *folio, bool through,
			   unsigned long pages)
{
	struct address_space *mapping = folio->mapping;
	unsigned int yields = WTFS_YIELDS;
	ktime_t start = ktime_get();

	if (!through)
		wtfs_folio_wait_stable(folio, pages);
	while (folio->mapping == mapping &&
	       !wtfs_folio_may_write(folio, through, pages)) {
		wtfs_folio_wait_through(folio, pages, yields);
		yields -= !!yields;
	}
	wtfs_count_wait(mapping->host, folio, WTFS_WAITER_WRITE, start);
	return folio->mapping == mapping;
}

/**
 * wtfs_folio_start_taken - put a folio under writeback for mapped stores that a
 *			    write-through takes over
 * @folio: locked, and nothing of it in flight
 *
 * Ended by wtfs_folio_end_through(), after wtfs_folio_start_through(). Context: as
 * for reclaim, nothing may be allocated that waits for writeback until the folio is
 * on its way.
 */
void wtfs_folio_start_taken(struct folio *folio)
{
	/*
	 * A folio that is pinned may become dirty in spite of its lock, and an fsync()
	 * that has tagged it must still find it: leave it the tag, which does no harm
	 * on a clean folio.
	 */
	__folio_start_writeback(folio, true);
}

/**
 * wtfs_folio_start_through - put pages of a folio under write-through
 * @folio: locked; wtfs_folio_may_write() allowed it under the same lock
 * @pages: a bit for each page
 *
 * Pairs with wtfs_folio_end_through(). Context: does not sleep.
 */
void wtfs_folio_start_through(struct folio *folio, unsigned long pages)
{
	if (wtfs_folio_is_dropbehind(folio) && !folio_test_writeback(folio))
		__folio_start_writeback(folio, true);
	atomic_long_or(pages, wtfs_folio_flight(folio));
}

/**
 * wtfs_folio_end_through - the write-through of pages of a folio is over
 * @inode: held by the file that is written to
 * @folio: of @inode
 * @pages: as in wtfs_folio_start_through()
 *
 * Context: any.
 */
void wtfs_folio_end_through(struct inode *inode, struct folio *folio,
			    unsigned long pages)
{
	/* As long as there are bits nobody else starts one. */
	bool writeback = folio_test_writeback(folio);

	/*
	 * A full barrier. Pairs with the acquire in wtfs_folio_in_flight(), and with
	 * the barrier in wtfs_folio_sleep(): either the waiter sees that the bit is
	 * gone, or it is seen here.
	 */
	atomic_long_fetch_andnot(pages, wtfs_folio_flight(folio));
	if (unlikely(writeback))
		folio_end_writeback(folio);
	if (unlikely(atomic_read(&WTFS_I(inode)->page_waiters)))
		wtfs_folio_wake(folio, pages);
}
