// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks for what is stored through mappings. The lower allocates them when the
 * store is written back, and on a full disk that is too late to tell the program
 * more than an error at its next msync(). So when space gets short, they are
 * allocated before the store, and it is a SIGBUS when there are none.
 *
 * The faulting task holds its mmap_lock, and must not enter the lower's write
 * path: whoever is in there may wait for that lock. A work item does it. And
 * should that be what it waits for, the fault does not wait for it forever, and
 * the store goes on as if space were not short.
 */
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/file.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/statfs.h>
#include <linux/vmstat.h>
#include <linux/workqueue.h>

#include "wtfs.h"

/* Space is short below this, and twice what is dirty anywhere, bytes. */
#define WTFS_RESERVE_BELOW	(128ULL * SZ_1M)
/* How often to look; no disk fills up in between, jiffies. */
#define WTFS_RESERVE_INTERVAL	(HZ / 50)
/* How long a fault waits for the work item at the most, jiffies. */
#define WTFS_RESERVE_TIMEOUT	(10 * HZ)

/**
 * struct wtfs_reserve - blocks that a store needs
 * @work:	allocates them
 * @done:	completed when @err is valid
 * @ref:	one for the fault, one for the work item
 * @lower:	the lower file, with a reference
 * @cred:	as whom to allocate
 * @pos:	first byte, file offset, on a block boundary of the lower
 * @len:	bytes
 * @abandoned:	the fault waits no longer: the file may have shrunk, or a hole
 *		have been punched
 * @err:	result
 */
struct wtfs_reserve {
	struct work_struct work;
	struct completion done;
	refcount_t ref;
	struct file *lower;
	const struct cred *cred;
	loff_t pos;
	loff_t len;
	bool abandoned;
	int err;
};

static void wtfs_reserve_put(struct wtfs_reserve *r)
{
	if (refcount_dec_and_test(&r->ref))
		kfree(r);
}

/* Is there a block at @pos already? A lower that can't tell: suppose so. */
static bool wtfs_lower_has_block(struct file *lower, loff_t pos, loff_t len)
{
	/* No room for extents: they are only counted. */
	struct fiemap_extent_info fi = { };
	struct inode *inode = file_inode(lower);

	if (!inode->i_op->fiemap || inode->i_op->fiemap(inode, &fi, pos, len))
		return true;
	return fi.fi_extents_mapped;
}

/*
 * Allocating what is allocated may fail on a full disk too: ask first. Return:
 * 0, or the error if there is no space.
 */
static int wtfs_reserve_blocks(const struct wtfs_reserve *r)
{
	loff_t block = i_blocksize(file_inode(r->lower));
	loff_t pos, end = r->pos + r->len;
	int err = 0;

	for (pos = r->pos; pos < end && !err; pos += block) {
		/* Whom we have waited for may have taken blocks away. */
		if (READ_ONCE(r->abandoned))
			break;
		if (!wtfs_lower_has_block(r->lower, pos, block))
			err = wtfs_lower_fallocate(r->lower,
						   FALLOC_FL_KEEP_SIZE, pos,
						   block);
	}
	return err == -ENOSPC || err == -EDQUOT ? err : 0;
}

static void wtfs_reserve_work(struct work_struct *work)
{
	struct wtfs_reserve *r = container_of(work, struct wtfs_reserve, work);
	const struct cred *old = override_creds(r->cred);

	r->err = wtfs_reserve_blocks(r);
	revert_creds(old);
	/* The fault, or its file, is what the mount waits for: let go first. */
	fput(r->lower);
	complete(&r->done);
	wtfs_reserve_put(r);
}

/* An estimate is enough, and cheaper than asking the lower for each fault. */
static bool wtfs_space_is_short(struct super_block *sb)
{
	struct wtfs_sb_info *sbi = wtfs_sb(sb);
	unsigned long checked = READ_ONCE(sbi->space_checked);
	struct kstatfs st;
	u64 dirty;

	if (checked && time_before(jiffies, checked + WTFS_RESERVE_INTERVAL))
		return READ_ONCE(sbi->space_short);
	if (wtfs_lower_statfs(sb, &sbi->lower, &st))
		return false;
	dirty = (u64)global_node_page_state(NR_FILE_DIRTY) << PAGE_SHIFT;
	WRITE_ONCE(sbi->space_short, st.f_bavail * st.f_bsize <
		   WTFS_RESERVE_BELOW + 2 * dirty);
	WRITE_ONCE(sbi->space_checked, jiffies ?: 1);
	return READ_ONCE(sbi->space_short);
}

/**
 * wtfs_reserve - have blocks for a store through a mapping, if space is short
 * @file: the wtfs file that is mapped
 * @pos: first byte that will be written back, file offset
 * @len: bytes
 *
 * Context: a page fault, before anything is locked; sleeps. Return: 0, or
 * -ENOSPC or -EDQUOT. With 0 there need be no blocks: then it is write-back
 * that fails.
 */
int wtfs_reserve(struct file *file, loff_t pos, loff_t len)
{
	struct inode *inode = file_inode(file);
	struct wtfs_sb_info *sbi = wtfs_sb(inode->i_sb);
	struct wtfs_reserve *r;
	int err = 0;

	if (!wtfs_space_is_short(inode->i_sb))
		return 0;
	r = kmalloc(sizeof(*r), GFP_NOFS);
	if (!r)
		return 0;
	INIT_WORK(&r->work, wtfs_reserve_work);
	init_completion(&r->done);
	refcount_set(&r->ref, 2);
	r->lower = get_file(wtfs_lower_file(file));
	r->cred = sbi->wb_cred;
	r->pos = round_down(pos, i_blocksize(inode));
	r->len = pos + len - r->pos;
	r->abandoned = false;
	queue_work(sbi->wq, &r->work);
	if (wait_for_completion_timeout(&r->done, WTFS_RESERVE_TIMEOUT))
		err = r->err;
	else
		WRITE_ONCE(r->abandoned, true);
	wtfs_reserve_put(r);
	return err;
}
