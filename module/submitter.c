// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whoever submits an asynchronous write: what a work item needs to go on with it
 * in that name. Quota and reserved blocks look at the credentials, io.max at the
 * cgroup that the I/O is for, and memory is charged to one, too.
 *
 * They are taken when the write is submitted. Later there is only the file, and
 * with it whoever opened that: root, perhaps, before it became somebody else.
 *
 * For which blkcg a kernel thread acts, as that of a loop device does, is not to be
 * found out by a module: the thread's own is taken.
 */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/kthread.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>

#include "wtfs.h"

#ifdef CONFIG_MEMCG
/* A kernel thread may act for another memcg, as that of a loop device does. */
static struct cgroup_subsys_state *wtfs_memcg_get(void)
{
	struct cgroup_subsys_state *css;

	if (!current->active_memcg)
		return task_get_css(current, memory_cgrp_id);
	css = &current->active_memcg->css;
	css_get(css);
	return css;
}
#endif

/**
 * wtfs_submitter_get - remember the current task
 * @who: result, for wtfs_submitter_put()
 */
void wtfs_submitter_get(struct wtfs_submitter *who)
{
	who->cred = get_current_cred();
#ifdef CONFIG_BLK_CGROUP
	who->blkcg = task_get_css(current, io_cgrp_id);
#endif
#ifdef CONFIG_MEMCG
	who->memcg = wtfs_memcg_get();
#endif
}

/**
 * wtfs_submitter_put - forget it
 * @who: from wtfs_submitter_get()
 *
 * Context: any.
 */
void wtfs_submitter_put(const struct wtfs_submitter *who)
{
	put_cred(who->cred);
#ifdef CONFIG_BLK_CGROUP
	css_put(who->blkcg);
#endif
#ifdef CONFIG_MEMCG
	css_put(who->memcg);
#endif
}

/**
 * wtfs_submitter_enter - a work item begins to act for a submitter
 * @acting: what wtfs_submitter_leave() needs
 * @who: the submitter; may be put before that
 *
 * Context: process, a kernel thread.
 */
void wtfs_submitter_enter(struct wtfs_acting *acting,
			  const struct wtfs_submitter *who)
{
	acting->who = *who;
	get_cred(who->cred);
	acting->old_cred = override_creds(who->cred);
#ifdef CONFIG_BLK_CGROUP
	css_get(who->blkcg);
	kthread_associate_blkcg(who->blkcg);
#endif
#ifdef CONFIG_MEMCG
	css_get(who->memcg);
	acting->old_memcg = set_active_memcg(mem_cgroup_from_css(who->memcg));
#endif
}

/**
 * wtfs_submitter_leave - the work item is itself again
 * @acting: from wtfs_submitter_enter()
 */
void wtfs_submitter_leave(const struct wtfs_acting *acting)
{
#ifdef CONFIG_MEMCG
	set_active_memcg(acting->old_memcg);
#endif
#ifdef CONFIG_BLK_CGROUP
	kthread_associate_blkcg(NULL);
#endif
	revert_creds(acting->old_cred);
	wtfs_submitter_put(&acting->who);
}
