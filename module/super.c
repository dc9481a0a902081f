// SPDX-License-Identifier: GPL-2.0-only
/*
 * The superblock: its inodes, syncing, freezing, and its end.
 */
#include <linux/backing-dev.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs_context.h>
#include <linux/slab.h>
#include <linux/statfs.h>

#include "wtfs.h"

#define WTFS_SUPER_MAGIC	0x77746673	/* "wtfs" */

/*
 * Of the lower's s_iflags, those that are promises to users, and those by which
 * IMA and EVM know what the files' signatures are worth.
 */
#define WTFS_COPY_SB_IFLAGS						\
	(SB_I_NOEXEC | SB_I_NODEV | SB_I_IMA_UNVERIFIABLE_SIGNATURE |	\
	 SB_I_UNTRUSTED_MOUNTER | SB_I_EVM_HMAC_UNSUPPORTED)

/* How long a freeze, or a sync of what is frozen, waits for the lower's lock. */
#define WTFS_FREEZE_PATIENCE	(10 * HZ)

static struct inode *wtfs_alloc_inode(struct super_block *sb)
{
	struct wtfs_inode_info *wi;

	wi = alloc_inode_sb(sb, wtfs_inode_cachep, GFP_KERNEL);
	if (!wi)
		return NULL;
	/* vfs_inode was initialised with the slab, and is left as it was. */
	memset(wi, 0, offsetof(struct wtfs_inode_info, vfs_inode));
	mutex_init(&wi->lower_lock);
	mutex_init(&wi->cached);
	mutex_init(&wi->phase_lock);
	return &wi->vfs_inode;
}

/* After a grace period: a path walk may still be asking for permission. */
static void wtfs_free_inode(struct inode *inode)
{
	kmem_cache_free(wtfs_inode_cachep, WTFS_I(inode));
}

static void wtfs_evict_inode(struct inode *inode)
{
	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	wtfs_lower_file_evict(inode);
	dput(WTFS_I(inode)->anchor);
	/* A path walk may still look at the pointer: don't clear it. */
	iput(wtfs_lower_inode(inode));
}

/*
 * Keep no inode whose lower one has been removed, by whomever: as long as it
 * is pinned its blocks aren't freed.
 */
static int wtfs_drop_inode(struct inode *inode)
{
	return !inode->i_nlink || inode_unhashed(inode) ||
		!wtfs_lower_inode(inode)->i_nlink;
}

static int wtfs_statfs(struct dentry *dentry, struct kstatfs *buf)
{
	struct super_block *sb = dentry->d_sb;
	struct path lower = wtfs_lower_path(dentry);
	int err;

	err = wtfs_lower_statfs(sb, &lower, buf);
	if (err)
		return err;
	/* Not the lower's identity: its ioctls would not work here. */
	buf->f_type = WTFS_SUPER_MAGIC;
	buf->f_fsid = u64_to_fsid(huge_encode_dev(sb->s_dev));
	return 0;
}

/*
 * While page faults on wtfs wait for a thaw, which needs our s_umount, the wait
 * for the lower's has to end: behind a remount, say, that wants it exclusively may
 * be a quotactl() that has it, and faults on an mmap_lock which one of ours holds.
 */
static int wtfs_lower_lock_umount(struct super_block *sb,
				  struct super_block *lower)
{
	unsigned long end = jiffies + WTFS_FREEZE_PATIENCE;

	/* Stable: the caller has our s_umount. */
	if (sb->s_writers.frozen < SB_FREEZE_PAGEFAULT) {
		down_read(&lower->s_umount);
		return 0;
	}
	while (!down_read_trylock(&lower->s_umount)) {
		if (time_after(jiffies, end))
			return -EBUSY;
		schedule_timeout_killable(1);
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

/**
 * wtfs_sb_each_inode - call a function with inodes of a superblock
 * @sb: any superblock
 * @wants: is it to be called with this one? Under s_inode_list_lock
 * @fn: may sleep; its inode is held meanwhile
 * @data: for @fn
 *
 * Inodes that are made, or go away, meanwhile may be left out. Context: process.
 */
void wtfs_sb_each_inode(struct super_block *sb,
			bool (*wants)(const struct inode *inode),
			void (*fn)(struct inode *inode, void *data), void *data)
{
	struct inode *inode, *last = NULL;

	spin_lock(&sb->s_inode_list_lock);
	list_for_each_entry(inode, &sb->s_inodes, i_sb_list) {
		bool wanted = wants(inode);

		/* One with a reference stays in the list while we are out. */
		if ((!wanted && !need_resched()) || !igrab(inode))
			continue;
		spin_unlock(&sb->s_inode_list_lock);
		if (wanted)
			fn(inode, data);
		iput(last);
		last = inode;
		cond_resched();
		spin_lock(&sb->s_inode_list_lock);
	}
	spin_unlock(&sb->s_inode_list_lock);
	iput(last);
}

static void wtfs_sync_flight(struct inode *inode, void *data)
{
	wtfs_phase_wait(inode);
}

/*
 * What is dirty of our own inodes has been written before this is called; now the
 * lower has to commit what that meant for its metadata.
 */
static int wtfs_sync_fs(struct super_block *sb, int wait)
{
	struct super_block *lower = wtfs_lower_mnt(sb)->mnt_sb;
	int err;

	if (!wait)
		return 0;
	wtfs_sb_each_inode(sb, wtfs_phase_is_busy, wtfs_sync_flight, NULL);
	err = wtfs_lower_lock_umount(sb, lower);
	if (err)
		return err;
	err = sync_filesystem(lower);
	up_read(&lower->s_umount);
	return err;
}

/*
 * freeze_super() has kept writers out and synced: nothing is left to do, but
 * without the operation FIFREEZE is refused.
 */
static int wtfs_freeze_fs(struct super_block *sb)
{
	return 0;
}

static int wtfs_unfreeze_fs(struct super_block *sb)
{
	return 0;
}

static const struct super_operations wtfs_sops = {
	.alloc_inode	= wtfs_alloc_inode,
	.free_inode	= wtfs_free_inode,
	.evict_inode	= wtfs_evict_inode,
	.drop_inode	= wtfs_drop_inode,
	.statfs		= wtfs_statfs,
	.sync_fs	= wtfs_sync_fs,
	.freeze_fs	= wtfs_freeze_fs,
	.unfreeze_fs	= wtfs_unfreeze_fs,
	.show_options	= wtfs_show_options,
};

static int wtfs_setup_bdi(struct super_block *sb,
			  const struct super_block *lower)
{
	int err;

	err = super_setup_bdi(sb);
	if (err)
		return err;
	sb->s_bdi->ra_pages = lower->s_bdi->ra_pages;
	sb->s_bdi->io_pages = lower->s_bdi->io_pages;
	return 0;
}

/* Our operations hand the idmap of our mount to those of the lower. */
static bool wtfs_lower_maps_ids(const struct super_block *lower)
{
	return lower->s_type->fs_flags & FS_ALLOW_IDMAP &&
		!(lower->s_iflags & SB_I_NOIDMAP);
}

/* What must be as on the lower, since its operations do the work. */
static void wtfs_copy_limits(struct super_block *sb,
			     const struct super_block *lower)
{
	sb->s_maxbytes = lower->s_maxbytes;
	sb->s_blocksize = lower->s_blocksize;
	sb->s_blocksize_bits = lower->s_blocksize_bits;
	sb->s_time_gran = lower->s_time_gran;
	sb->s_time_min = lower->s_time_min;
	sb->s_time_max = lower->s_time_max;
	sb->s_max_links = lower->s_max_links;
	/* File handles are the lower's, and this says whose they are. */
	super_set_uuid(sb, lower->s_uuid.b, sizeof(lower->s_uuid));
	sb->s_stack_depth = lower->s_stack_depth + 1;
	sb->s_iflags |= lower->s_iflags & WTFS_COPY_SB_IFLAGS;
	if (!wtfs_lower_maps_ids(lower))
		sb->s_iflags |= SB_I_NOIDMAP;
	/*
	 * With ACLs it is the lower that applies the umask, or a default ACL
	 * instead; without, the VFS does it, and finds nothing left to clear
	 * when it does it again for the lower.
	 */
	sb->s_flags &= ~SB_POSIXACL;
	sb->s_flags |= (lower->s_flags & SB_POSIXACL) | SB_NOSEC;
}

/*
 * What the lower's mount forbids stays forbidden, whoever mounts and whatever
 * options are given. A filesystem does not see the flags of its own mounts when
 * they are made, so the superblock forbids, for all of them. It cannot for
 * nosuid and nosymfollow: see wtfs_may_exec() and wtfs_get_link().
 */
static void wtfs_copy_mount_flags(struct super_block *sb,
				  const struct vfsmount *lower)
{
	if (lower->mnt_flags & MNT_NODEV)
		sb->s_iflags |= SB_I_NODEV;
	if (lower->mnt_flags & MNT_NOEXEC)
		sb->s_iflags |= SB_I_NOEXEC;
}

static int wtfs_make_root(struct super_block *sb)
{
	struct wtfs_sb_info *sbi = wtfs_sb(sb);
	struct inode *inode;

	inode = wtfs_iget(sb, d_inode(sbi->lower.dentry));
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	sb->s_root = d_make_root(inode);
	if (!sb->s_root)
		return -ENOMEM;
	wtfs_dentry_attach(sb->s_root, dget(sbi->lower.dentry));
	return 0;
}

static void wtfs_report_lower(struct fs_context *fc,
			      const struct super_block *sb)
{
	const struct vfsmount *mnt = wtfs_lower_mnt(sb);
	const struct super_block *lower = mnt->mnt_sb;

	if (mnt->mnt_flags & MNT_NOSUID && !(sb->s_iflags & SB_I_NOEXEC))
		pr_notice("%s is on a nosuid mount: over it, programs run only where wtfs is mounted with nosuid, too\n",
			  fc->source);
	if (strcmp(lower->s_type->name, "xfs") &&
	    strcmp(lower->s_type->name, "ext4"))
		pr_notice("not tested on %s\n", lower->s_type->name);
}

/**
 * wtfs_fill_super - make a superblock for a lower directory
 * @sb: new; has got the wtfs_sb_info, and gives it up in wtfs_kill_sb()
 * @fc: what to mount
 *
 * Context: process, under s_umount. Return: 0 or an error.
 */
int wtfs_fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct wtfs_sb_info *sbi = wtfs_sb(sb);
	struct super_block *lower = sbi->lower.dentry->d_sb;
	int err;

	err = wtfs_setup_bdi(sb, lower);
	if (err)
		return err;
	wtfs_copy_limits(sb, lower);
	wtfs_copy_mount_flags(sb, sbi->lower.mnt);
	sb->s_magic = WTFS_SUPER_MAGIC;
	/* Dirty pages are their cgroup's, and so is their write-back: charge.c */
	sb->s_iflags |= SB_I_CGROUPWB;
	sb->s_op = &wtfs_sops;
	/* Handles are the lower's, so what can't make any has none. */
	if (lower->s_export_op)
		sb->s_export_op = &wtfs_export_ops;
	wtfs_set_xattr_handlers(sb, wtfs_xattr_handlers);
	set_default_d_op(sb, &wtfs_dops);
	if (__mnt_is_readonly(sbi->lower.mnt) && !sb_rdonly(sb)) {
		infofc(fc, "read-only, as the lower directory is");
		sb->s_flags |= SB_RDONLY;
	}
	err = wtfs_make_root(sb);
	if (err)
		return err;
	err = wtfs_stats_publish(sb);
	if (!err)
		wtfs_report_lower(fc, sb);
	return err;
}

/**
 * wtfs_cred_begin - have the lower not check again what the VFS has checked
 * @sb: the wtfs
 *
 * The VFS has checked what the caller may do, with the idmap of his mount, and
 * does not tell us that idmap where a name is looked up, linked or removed: the
 * lower would check the caller without.
 *
 * Context: process. Return: for wtfs_cred_end().
 */
const struct cred *wtfs_cred_begin(struct super_block *sb)
{
	if (likely(!READ_ONCE(wtfs_sb(sb)->idmapped)))
		return NULL;
	return override_creds(wtfs_sb(sb)->wb_cred);
}

/**
 * wtfs_cred_end - be the caller again
 * @old: from wtfs_cred_begin()
 */
void wtfs_cred_end(const struct cred *old)
{
	if (old)
		revert_creds(old);
}

/**
 * wtfs_sb_info_free - let go of the lower directory
 * @sbi: of a superblock that is gone or never was; may be NULL
 *
 * Context: process; sleeps.
 */
void wtfs_sb_info_free(struct wtfs_sb_info *sbi)
{
	if (!sbi)
		return;
	wtfs_live_remove(sbi);
	wtfs_pin_stop(sbi);
	/* Of a task that unmounts, it is closed before that returns. */
	if (!IS_ERR_OR_NULL(sbi->opener))
		fput(sbi->opener);
	dput(sbi->lower.dentry);
	/* The clone is a long-term mount, which mntput() alone never frees. */
	if (sbi->lower.mnt)
		kern_unmount(sbi->lower.mnt);
	wtfs_lower_io_stop_sb(sbi);
	wtfs_stats_free(sbi);
	if (sbi->cred)
		put_cred(sbi->cred);
	kfree(sbi);
}

/**
 * wtfs_kill_sb - end a superblock
 * @sb: without users
 *
 * Context: process, under s_umount.
 */
void wtfs_kill_sb(struct super_block *sb)
{
	struct wtfs_sb_info *sbi = wtfs_sb(sb);

	if (sbi)
		wtfs_stats_hide(sbi);
	kill_anon_super(sb);
	/*
	 * The last references to lower files may be with a work item, and their
	 * release with another one. Wait, so that with our umount the lower
	 * filesystem is no longer in use.
	 */
	if (sbi)
		wtfs_lower_io_stop_sb(sbi);
	flush_delayed_fput();
	wtfs_sb_info_free(sbi);
}
