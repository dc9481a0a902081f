// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmounting the lower is refused while wtfs is mounted over it: a reference on
 * the lower's own mount keeps it in use. All work is done through a private
 * clone of it, see wtfs_clone_lower().
 *
 * It may be unmounted all the same: lazily, with its mount namespace, or when
 * somebody removes its mount point in another namespace. In the last case, what
 * is mounted on it goes only together with it, and if that is wtfs itself, the
 * reference would keep both forever. So, from time to time, we look.
 */
#include <linux/mount.h>
#include <linux/workqueue.h>

#include "wtfs.h"

#define WTFS_PIN_INTERVAL	(5 * HZ)

static bool wtfs_pin_is_unmounted(const struct vfsmount *mnt)
{
	return READ_ONCE(mnt->mnt_flags) & MNT_UMOUNT;
}

static void wtfs_pin_work(struct work_struct *work)
{
	struct wtfs_sb_info *sbi = container_of(work, struct wtfs_sb_info,
						pin_work.work);

	if (!wtfs_pin_is_unmounted(sbi->pin)) {
		/* By now it is mounted somewhere. */
		if (!sbi->looked)
			wtfs_reach_report(sbi);
		sbi->looked = true;
		schedule_delayed_work(&sbi->pin_work, WTFS_PIN_INTERVAL);
		return;
	}
	/* What this unmounts, another work item will: perhaps us. */
	mntput(xchg(&sbi->pin, NULL));
}

/**
 * wtfs_pin_start - keep the lower's mount from being unmounted
 * @sbi: of a mount that is being made
 * @mnt: the lower's own mount
 *
 * Context: process.
 */
void wtfs_pin_start(struct wtfs_sb_info *sbi, struct vfsmount *mnt)
{
	sbi->pin = mntget(mnt);
	/* Not worth waking a processor for. */
	INIT_DEFERRABLE_WORK(&sbi->pin_work, wtfs_pin_work);
	schedule_delayed_work(&sbi->pin_work, WTFS_PIN_INTERVAL);
}

/**
 * wtfs_pin_stop - the opposite of wtfs_pin_start(), if that was called
 * @sbi: of a mount that ends
 *
 * Context: process; waits for wtfs_pin_work().
 */
void wtfs_pin_stop(struct wtfs_sb_info *sbi)
{
	if (!sbi->pin_work.work.func)
		return;
	cancel_delayed_work_sync(&sbi->pin_work);
	mntput(sbi->pin);
}
