// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a file has in flight: how much its asynchronous writes may have, and who waits
 * until it has landed.
 *
 * Nobody else can say: the folios are not under writeback. Truncate and its like wait
 * until there is no asynchronous write any more; they keep new ones away by the inode
 * lock. An fsync() waits for those write-throughs only that began before it, whoever
 * waits for them: what has been read of a file has to be on the device after it. Each
 * is counted in one of two phases, and the fsync() begins the next phase and waits for
 * the older one to end, so that a stream of writes cannot keep it for ever.
 */
#include <linux/mm.h>
#include <linux/wait_bit.h>

#include "stats.h"
#include "wtfs.h"

/* What a file's asynchronous writes may have in flight: this, bytes, */
#define WTFS_FLIGHT_MAX		SZ_16M
/* and this part of the memory. */
#define WTFS_FLIGHT_PART	64

/* The smaller one of the two: with that much in flight no write begins. */
static long wtfs_flight_max __ro_after_init;

/**
 * wtfs_flight_limit - what one file's asynchronous writes may have in flight
 *
 * The last write that begins may go over that by WTFS_CHUNK.
 *
 * Return: bytes. Context: any.
 */
unsigned long wtfs_flight_limit(void)
{
	return wtfs_flight_max;
}

/*
 * Count an asynchronous write of @len bytes, unless there are too many. Its own
 * length does not matter for that: a large write would wait as long as small ones
 * take the room that it waits for.
 */
static bool wtfs_flight_try(struct inode *inode, size_t len)
{
	atomic_long_t *flight = &WTFS_I(inode)->flight;
	long old = atomic_long_read(flight);

	do {
		if (unlikely(old >= wtfs_flight_max))
			return false;
	} while (!atomic_long_try_cmpxchg(flight, &old, old + PAGE_ALIGN(len)));
	return true;
}

/**
 * wtfs_flight_end - an asynchronous write is over, or came to nothing
 * @inode: held by the file of its iocb, which is not completed yet
 * @len: as in wtfs_flight_begin()
 *
 * The write has let go of its folios before, since the next one needs their memory.
 *
 * Context: any.
 */
void wtfs_flight_end(struct inode *inode, size_t len)
{
	struct wtfs_inode_info *wi = WTFS_I(inode);

	/* A full barrier: pairs with those in wtfs_flight_wait() and _drain() */
	atomic_long_sub_return(PAGE_ALIGN(len), &wi->flight);
	if (unlikely(atomic_read(&wi->flight_waiters)))
		wake_up_var(&wi->flight);
}

static noinline int wtfs_flight_wait(struct inode *inode, size_t len)
{
	struct wtfs_inode_info *wi = WTFS_I(inode);
	int err;

	atomic_inc(&wi->flight_waiters);
	/*
	 * Either the write that ends sees the waiter, or the waiter sees that the
	 * write has ended.
	 */
	smp_mb__after_atomic();
	err = wait_var_event_killable(&wi->flight, wtfs_flight_try(inode, len));
	atomic_dec(&wi->flight_waiters);
	return err ? -EINTR : 0;
}

/**
 * wtfs_flight_begin - an asynchronous write wants to begin
 * @iocb: the write; its inode is locked, shared, as while a write waits for the
 *	  device; completions do not need that lock. No folio is locked yet
 * @len: bytes
 *
 * While it is under way its folios cannot be reclaimed, and nothing else bounds how
 * many folios that are. Pairs with wtfs_flight_end().
 *
 * Context: process. Return: 0; -EAGAIN if @iocb must not wait; -EINTR if the task is
 * killed.
 */
int wtfs_flight_begin(struct kiocb *iocb, size_t len)
{
	struct inode *inode = file_inode(iocb->ki_filp);

	if (wtfs_flight_try(inode, len))
		return 0;
	wtfs_count(inode, WTFS_ASYNC_WAITS);
	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
	return wtfs_flight_wait(inode, len);
}

/**
 * wtfs_flight_ebb - there is no memory for an asynchronous write
 * @iocb: the write, which has ended its flight
 *
 * What others have in flight cannot be reclaimed, but soon can: so the OOM killer has
 * not been called yet. It may be by the write that waits for the device, which comes
 * next, and takes no more memory than one chunk: let half of what is in flight end
 * before. Other writes may begin meanwhile, so not for ever.
 *
 * Context: process. Return: 0, or -EAGAIN if @iocb must not wait.
 */
int wtfs_flight_ebb(struct kiocb *iocb)
{
	struct wtfs_inode_info *wi = WTFS_I(file_inode(iocb->ki_filp));
	long half = atomic_long_read(&wi->flight) / 2;

	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
	atomic_inc(&wi->flight_waiters);
	/* As in wtfs_flight_wait() */
	smp_mb__after_atomic();
	wait_var_event_timeout(&wi->flight,
			       atomic_long_read(&wi->flight) <= half, HZ);
	atomic_dec(&wi->flight_waiters);
	return 0;
}

/**
 * wtfs_flight_drain - wait until no asynchronous write of a file is under way
 * @inode: locked, exclusive, so that no write begins
 *
 * For whatever is about to take folios out of the cache, or blocks away from under
 * them. Writes that wait for the device hold the inode lock, shared.
 *
 * Context: process; sleeps. Nothing may be held that the lower needs to write, such
 * as its freeze protection or @cached.
 */
void wtfs_flight_drain(struct inode *inode)
{
	struct wtfs_inode_info *wi = WTFS_I(inode);

	/* Pairs with the barrier in wtfs_flight_end() */
	if (!atomic_long_read_acquire(&wi->flight))
		return;
	atomic_inc(&wi->flight_waiters);
	/* As in wtfs_flight_wait() */
	smp_mb__after_atomic();
	wait_var_event(&wi->flight, !atomic_long_read_acquire(&wi->flight));
	atomic_dec(&wi->flight_waiters);
}

/* Wait for the end of a phase in which nothing begins any more. Under @phase_lock. */
static void wtfs_phase_wait_end(struct wtfs_inode_info *wi, unsigned int phase)
{
	atomic_t *under_way = &wi->under_way[phase];

	WRITE_ONCE(wi->phase_waiter, true);
	/*
	 * Either the last write-through of the phase sees the waiter, or the waiter
	 * sees that it has ended. Pairs with the barrier of wtfs_phase_end()
	 */
	smp_mb();
	wait_var_event(under_way, !atomic_read_acquire(under_way));
	WRITE_ONCE(wi->phase_waiter, false);
}

/**
 * wtfs_phase_wait - wait for the write-throughs of a file that are under way
 * @inode: the file
 *
 * Those that begin later are not waited for. The older phase has ended, but for
 * write-throughs that looked at @phase before it was changed and were counted after
 * that; then this one is made the older one. A task that has waited for others to do
 * so need not do it once more, if one of them has begun after it came.
 *
 * Context: process; sleeps. Nothing may be held that a write-through needs to end.
 */
void wtfs_phase_wait(struct inode *inode)
{
	struct wtfs_inode_info *wi = WTFS_I(inode);
	unsigned int phase, turns;

	/* What the caller has read was counted before. Pairs with wtfs_phase_begin() */
	smp_mb();
	if (!wtfs_phase_is_busy(inode))
		return;
	turns = READ_ONCE(wi->turns);
	mutex_lock(&wi->phase_lock);
	if (wi->turns == turns) {
		WRITE_ONCE(wi->turns, turns + 1);
		/* Whoever sees this comes too late. */
		smp_mb();
		phase = wi->phase;
		wtfs_phase_wait_end(wi, !phase);
		WRITE_ONCE(wi->phase, !phase);
		wtfs_phase_wait_end(wi, phase);
	}
	mutex_unlock(&wi->phase_lock);
}

void __init wtfs_flight_init(void)
{
	wtfs_flight_max = min_t(long, WTFS_FLIGHT_MAX, PAGE_SIZE *
				(totalram_pages() / WTFS_FLIGHT_PART));
}
