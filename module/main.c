// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading and unloading, and the module parameter.
 */
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "wtfs.h"

struct kmem_cache *wtfs_inode_cachep;

static const char *const wtfs_stable_names[] = {
	[WTFS_STABLE_FOLIO]	= "folio",
	[WTFS_STABLE_MAPPING]	= "mapping",
};

static enum wtfs_stable wtfs_stable_param = WTFS_STABLE_FOLIO;

static int wtfs_stable_set(const char *val, const struct kernel_param *kp)
{
	int stable = sysfs_match_string(wtfs_stable_names, val);

	if (stable < 0)
		return stable;
	WRITE_ONCE(wtfs_stable_param, stable);
	return 0;
}

static int wtfs_stable_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n",
			  wtfs_stable_names[wtfs_default_stable()]);
}

static const struct kernel_param_ops wtfs_stable_ops = {
	.set	= wtfs_stable_set,
	.get	= wtfs_stable_get,
};

module_param_cb(stable, &wtfs_stable_ops, NULL, 0644);
MODULE_PARM_DESC(stable,
		 "what may not change while it is written, unless the mount says otherwise: folio (default) or mapping");

/**
 * wtfs_default_stable - the policy of mounts that don't ask for one
 *
 * Context: any.
 */
enum wtfs_stable wtfs_default_stable(void)
{
	return READ_ONCE(wtfs_stable_param);
}

static void wtfs_inode_init_once(void *obj)
{
	struct wtfs_inode_info *wi = obj;

	inode_init_once(&wi->vfs_inode);
}

static int __init wtfs_inode_cache_init(void)
{
	wtfs_inode_cachep = kmem_cache_create("wtfs_inode",
					      sizeof(struct wtfs_inode_info), 0,
					      SLAB_RECLAIM_ACCOUNT |
					      SLAB_ACCOUNT,
					      wtfs_inode_init_once);
	return wtfs_inode_cachep ? 0 : -ENOMEM;
}

static void wtfs_inode_cache_exit(void)
{
	/* Inodes are freed after a grace period: wait for the last ones. */
	rcu_barrier();
	kmem_cache_destroy(wtfs_inode_cachep);
}

static int __init wtfs_init(void)
{
	int err;

	wtfs_flight_init();
	err = wtfs_inode_cache_init();
	if (err)
		return err;
	err = wtfs_stats_init();
	if (err)
		goto out_cache;
	err = wtfs_lower_io_init();
	if (err)
		goto out_stats;
	err = wtfs_write_init();
	if (err)
		goto out_io;
	err = register_filesystem(&wtfs_fs_type);
	if (err)
		goto out_write;
	return 0;

out_write:
	wtfs_write_exit();
out_io:
	wtfs_lower_io_exit();
out_stats:
	wtfs_stats_exit();
out_cache:
	wtfs_inode_cache_exit();
	return err;
}

static void __exit wtfs_exit(void)
{
	unregister_filesystem(&wtfs_fs_type);
	/* The workqueue first: a work item frees its request last. */
	wtfs_lower_io_exit();
	wtfs_write_exit();
	wtfs_stats_exit();
	wtfs_inode_cache_exit();
}

module_init(wtfs_init);
module_exit(wtfs_exit);

MODULE_ALIAS_FS("wtfs");
MODULE_DESCRIPTION("Stacking filesystem whose write() is a write-through");
MODULE_LICENSE("GPL");
/* From dkms.conf, by Kbuild */
MODULE_VERSION(WTFS_VERSION);
