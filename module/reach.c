// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who else gets at the lower files? Nobody should: what is written to them behind
 * our back is not seen, and whoever reaches both can make programs wait for each
 * other. It is not ours to prevent, but the administrator is told.
 *
 * And where somebody does, with a mapping of a wtfs file as the buffer for I/O on
 * its lower file, this finds out about the deadlock before it is there.
 */
#include <linux/dcache.h>
#include <linux/namei.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "wtfs.h"

static bool wtfs_path_is_covered(const struct path *path)
{
	struct path top = *path;
	bool covered;

	path_get(&top);
	covered = follow_down_one(&top);
	path_put(&top);
	return covered;
}

/*
 * To the directory above, if there is one, out of mounts that end here. A directory
 * that was moved out of its bind mount leads past the root of that, up to the root
 * of the filesystem, which has none above it.
 */
static bool wtfs_path_up(struct path *path)
{
	struct dentry *parent;

	while (path->dentry == path->mnt->mnt_root)
		if (!follow_up(path))
			return false;
	if (IS_ROOT(path->dentry))
		return false;
	parent = dget_parent(path->dentry);
	dput(path->dentry);
	path->dentry = parent;
	return true;
}

/*
 * May others search all directories down to it? By their mode bits, and on this
 * path: there may be more, by bind mounts, or from a directory that is still open.
 */
static bool wtfs_path_is_open_to_all(const struct path *lower)
{
	struct path path = *lower;
	bool open;

	path_get(&path);
	do {
		open = d_inode(path.dentry)->i_mode & 0001 &&
			!wtfs_path_is_covered(&path);
	} while (open && wtfs_path_up(&path));
	path_put(&path);
	return open;
}

/**
 * wtfs_reach_report - tell the log if users can reach the lower directory
 * @sbi: has got its pin
 *
 * Not before somebody had the time to mount over it: a filesystem is not told
 * where it is mounted.
 *
 * Context: process; sleeps.
 */
void wtfs_reach_report(const struct wtfs_sb_info *sbi)
{
	struct path path = { .mnt = sbi->pin, .dentry = sbi->lower.dentry };
	char *buf, *name;

	if (!wtfs_path_is_open_to_all(&path))
		return;
	buf = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!buf)
		return;
	name = d_path(&path, buf, PATH_MAX);
	if (!IS_ERR(name))
		pr_notice("users can reach the lower directory %s: have it in a directory with mode 0700, or mount over it\n",
			  name);
	kfree(buf);
}

static bool wtfs_inode_is_below(struct inode *inode, struct dentry *dir)
{
	struct dentry *alias = d_find_any_alias(inode);
	bool below = alias && is_subdir(alias, dir);

	dput(alias);
	return below;
}

static bool wtfs_inode_is_written(const struct inode *inode)
{
	return S_ISREG(inode->i_mode) && inode_is_open_for_write(inode);
}

/**
 * struct wtfs_writers - the files below a directory that are open for writing
 * @dir:	the directory
 * @count:	how many they are
 */
struct wtfs_writers {
	struct dentry *dir;
	unsigned int count;
};

static void wtfs_count_writer(struct inode *inode, void *data)
{
	struct wtfs_writers *writers = data;

	writers->count += wtfs_inode_is_below(inode, writers->dir);
}

/**
 * wtfs_reach_writers - tell the log if lower files are open for writing
 * @sbi: of a mount that is being made: so that we have opened none yet
 * @source: name of the lower directory
 *
 * As by a daemon that was started too early. Its writes are no write-throughs,
 * and ours may undo them.
 *
 * Context: process; sleeps.
 */
void wtfs_reach_writers(const struct wtfs_sb_info *sbi, const char *source)
{
	struct wtfs_writers writers = { .dir = sbi->lower.dentry };

	wtfs_sb_each_inode(writers.dir->d_sb, wtfs_inode_is_written,
			   wtfs_count_writer, &writers);
	if (writers.count)
		pr_notice("%s: %u lower files are open for writing, past wtfs: mount it before they are opened\n",
			  source, writers.count);
}

/**
 * wtfs_fault_is_deadlock - would a fault wait for what its own task holds?
 * @inode: that has the page
 *
 * The lower's write() has its inode locked while it copies from the user's buffer.
 * If that is a mapping of the wtfs file, filling the page takes the same lock.
 *
 * A semaphore's owner is a hint to others, but not to the owner: where it is the
 * current task and no reader, that has taken it for writing, and nobody else can
 * give it back. As we are never called with the lower inode locked by ourselves,
 * no fault that could be served is refused.
 *
 * Of readers only the last one is known, and perhaps by then it has let go. So
 * this does not find the deadlock of who reads from the lower file, or writes to
 * it directly, while somebody else waits for the lock to write. With PREEMPT_RT
 * the owner is elsewhere, and nothing is found.
 */
bool wtfs_fault_is_deadlock(const struct inode *inode)
{
#ifdef CONFIG_PREEMPT_RT
	return false;
#else
	const struct rw_semaphore *sem = &wtfs_lower_inode(inode)->i_rwsem;

	/* Flags in the lowest bits say that it is a reader. */
	return atomic_long_read(&sem->owner) == (long)current;
#endif
}
