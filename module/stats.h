/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is counted, and traced, on the way of a write. docs/counters.md says
 * what each means to users.
 *
 * All of it is done before the last folio of a write is let go: after that
 * nothing keeps the mount, and with it the counters.
 */
#ifndef _WTFS_STATS_H
#define _WTFS_STATS_H

#include <linux/percpu.h>

#include "trace.h"
#include "wtfs.h"

enum wtfs_counter {
	WTFS_THROUGH_BEGUN,
	WTFS_THROUGH_ENDED,
	WTFS_THROUGH_BYTES,
	WTFS_THROUGH_ERRORS,
	WTFS_WRITEBACK_BEGUN,
	WTFS_WRITEBACK_ENDED,
	WTFS_WRITEBACK_BYTES,
	WTFS_WRITEBACK_ERRORS,
	WTFS_LOWER_DIRECT,
	WTFS_LOWER_BUFFERED,
	WTFS_LOWER_DSYNC,
	WTFS_MKCLEAN_DIRTY,
	WTFS_SHORT_COPIES,
	WTFS_ASYNC_WAITS,
	WTFS_COUNTER_NR,
};

/* Bucket i counts waits of less than 2^i us, the last one all longer ones. */
#define WTFS_WAIT_BUCKETS	24

/**
 * struct wtfs_waits - how often and how long somebody waited
 * @count:	waits
 * @ns:		their sum, nanoseconds
 * @hist:	see WTFS_WAIT_BUCKETS
 */
struct wtfs_waits {
	u64 count;
	u64 ns;
	u64 hist[WTFS_WAIT_BUCKETS];
};

/**
 * struct wtfs_counters - of a mount, one for each processor: the sums count
 * @n:		by enum wtfs_counter
 * @waits:	for folios to become stable, by enum wtfs_waiter
 */
struct wtfs_counters {
	u64 n[WTFS_COUNTER_NR];
	struct wtfs_waits waits[WTFS_WAITER_NR];
};

static inline void wtfs_count_add(const struct inode *inode,
				  enum wtfs_counter what, u64 n)
{
	this_cpu_add(wtfs_sb(inode->i_sb)->counters->n[what], n);
}

static inline void wtfs_count(const struct inode *inode, enum wtfs_counter what)
{
	this_cpu_inc(wtfs_sb(inode->i_sb)->counters->n[what]);
}

/* A chunk is under write-through. */
static inline void wtfs_count_through(const struct wtfs_chunk *c)
{
	wtfs_count(c->inode, WTFS_THROUGH_BEGUN);
}

/* It is over: @res as of wtfs_chunk_write(). Before its folios are let go. */
static inline void wtfs_count_through_end(const struct wtfs_chunk *c,
					  ssize_t res)
{
	wtfs_count(c->inode, WTFS_THROUGH_ENDED);
	if (res > 0)
		wtfs_count_add(c->inode, WTFS_THROUGH_BYTES, res);
	if (unlikely(res != c->end - c->pos))
		wtfs_count(c->inode, WTFS_THROUGH_ERRORS);
	trace_complete(c->inode, c->pos, c->end - c->pos, true, res);
}

/* A request of write-back is full. */
static inline void wtfs_count_writeback(const struct wtfs_lower_io *io)
{
	wtfs_count(io->inode, WTFS_WRITEBACK_BEGUN);
}

/* It is over: @res as of write_iter. Before its folios are ended. */
static inline void wtfs_count_writeback_end(const struct wtfs_lower_io *io,
					    long res)
{
	wtfs_count(io->inode, WTFS_WRITEBACK_ENDED);
	if (res > 0)
		wtfs_count_add(io->inode, WTFS_WRITEBACK_BYTES, res);
	else
		wtfs_count(io->inode, WTFS_WRITEBACK_ERRORS);
	trace_complete(io->inode, io->pos, io->len, false, res);
}

/* The lower is about to be written to; @flags of the kiocb. */
static inline void wtfs_count_submit(const struct inode *inode, loff_t pos,
				     size_t len, int flags)
{
	wtfs_count(inode, flags & IOCB_DIRECT ? WTFS_LOWER_DIRECT :
						WTFS_LOWER_BUFFERED);
	if (flags & IOCB_DSYNC)
		wtfs_count(inode, WTFS_LOWER_DSYNC);
	trace_submit(inode, pos, len, flags);
}

/* A folio that is about to be copied into held mapped stores. */
static inline void wtfs_count_dirty(const struct wtfs_chunk *c,
				    struct folio *folio)
{
	wtfs_count(c->inode, WTFS_MKCLEAN_DIRTY);
	trace_mkclean_dirty(c->inode, folio_pos(folio), folio_size(folio));
}

/* Of a chunk that ended at @end only what lies before @done could be copied. */
static inline void wtfs_count_short(const struct wtfs_chunk *c, loff_t done,
				    loff_t end)
{
	wtfs_count(c->inode, WTFS_SHORT_COPIES);
	trace_short_copy(c->inode, done, end - done);
}

#endif /* _WTFS_STATS_H */
