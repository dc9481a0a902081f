// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whom write-back is charged to: the cgroup whose dirty pages it writes, as on the
 * lower, so that io.max and io.weight hold for mapped stores. Flushers have to
 * submit from a work item, and so has a task that syncs what another cgroup has
 * stored. A work item is nobody's, but a kernel thread can be told whose it is.
 *
 * Only direct I/O is told in that way. What goes through the lower's page cache is
 * charged to the flusher that the lower inode belongs to.
 */
#include <linux/backing-dev.h>
#include <linux/cgroup.h>
#include <linux/kthread.h>
#include <linux/writeback.h>

#include "wtfs.h"

#ifdef CONFIG_CGROUP_WRITEBACK
/**
 * wtfs_charge_attach_slow - the slow part of wtfs_charge_attach()
 * @inode: belongs to no flusher yet
 *
 * The flusher of a cgroup lets go of its inodes when the cgroup is removed; but it
 * finds only those that were dirty once. Without that the inode would keep the cgroup
 * until it is evicted.
 */
void wtfs_charge_attach_slow(struct inode *inode)
{
	struct writeback_control wbc = {};

	/* inode_attach_wb() would do, but 6.13 to 7.2 do not export what it calls. */
	wbc_attach_fdatawrite_inode(&wbc, inode);
	wbc_detach_inode(&wbc);
	/* Not by inode_to_wb(), which asks for a lock: the inode may move on. */
	if (READ_ONCE(inode->i_wb) != &inode->i_sb->s_bdi->wb)
		__mark_inode_dirty(inode, I_DIRTY_PAGES);
}
#endif

/**
 * wtfs_charge_set - say whom a request of write-back is charged to
 * @io: new
 * @wbc: what writepages was called with
 */
void wtfs_charge_set(struct wtfs_lower_io *io,
		     const struct writeback_control *wbc)
{
#ifdef CONFIG_CGROUP_WRITEBACK
	if (!wbc->wb)
		return;
	io->blkcg = wbc->wb->blkcg_css;
	css_get(io->blkcg);
#endif
}

/**
 * wtfs_charge_put - the opposite of wtfs_charge_set(), if that was called
 * @io: over
 *
 * Context: any.
 */
void wtfs_charge_put(const struct wtfs_lower_io *io)
{
#ifdef CONFIG_CGROUP_WRITEBACK
	if (io->blkcg)
		css_put(io->blkcg);
#endif
}

/**
 * wtfs_charge_is_limited - may a cgroup's limits stop a request?
 * @io: the request
 *
 * Context: any.
 */
bool wtfs_charge_is_limited(const struct wtfs_lower_io *io)
{
#ifdef CONFIG_CGROUP_WRITEBACK
	/* There are none on the root. */
	return io->blkcg && io->blkcg->parent;
#else
	return false;
#endif
}

/**
 * wtfs_charge_is_foreign - is a request charged to somebody else than this task?
 * @io: the request
 *
 * Context: process.
 */
bool wtfs_charge_is_foreign(const struct wtfs_lower_io *io)
{
	bool foreign = false;

#ifdef CONFIG_CGROUP_WRITEBACK
	rcu_read_lock();
	foreign = io->blkcg && io->blkcg != task_css(current, io_cgrp_id);
	rcu_read_unlock();
#endif
	return foreign;
}

/**
 * wtfs_charge_begin - from now on this thread's I/O is for a request
 * @io: the request
 *
 * Pairs with wtfs_charge_end(). Context: process, a kernel thread.
 */
void wtfs_charge_begin(const struct wtfs_lower_io *io)
{
#ifdef CONFIG_CGROUP_WRITEBACK
	struct cgroup_subsys_state *css = io->blkcg;

	if (!css)
		return;
	/*
	 * The block layer may take a cgroup that is being removed for the root, which
	 * has no limits. Whoever has a reference on it has one on its parents, too.
	 */
	while (css_is_dying(css) && css->parent)
		css = css->parent;
	kthread_associate_blkcg(css);
#endif
}

/* The request may be over: it is not looked at. */
void wtfs_charge_end(void)
{
	kthread_associate_blkcg(NULL);
}
