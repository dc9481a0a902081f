// SPDX-License-Identifier: GPL-2.0-only
/*
 * The locks and checks of 7.3's directory operations, in terms of what older
 * kernels export.
 */
#include <linux/cred.h>
#include <linux/sched/task.h>
#include <linux/security.h>

#include "wtfs.h"

#ifndef WTFS_HAVE_KERNEL_TMPFILE_OPEN
/* Give @new what the filesystem looks at, of the current task. */
static void wtfs_cred_copy_caller(struct cred *new)
{
	const struct cred *old = current_cred();

	new->uid = old->uid;
	new->gid = old->gid;
	new->suid = old->suid;
	new->sgid = old->sgid;
	new->euid = old->euid;
	new->egid = old->egid;
	new->fsuid = old->fsuid;
	new->fsgid = old->fsgid;
	new->securebits = old->securebits;
	new->cap_permitted = old->cap_permitted;
	new->cap_effective = old->cap_effective;
	set_groups(new, old->group_info);
	put_user_ns(new->user_ns);
	new->user_ns = get_user_ns(old->user_ns);
}

/* The label that a new file in @parent gets from the current task. */
static int wtfs_cred_copy_label(struct cred *new, struct dentry *parent,
				umode_t mode)
{
	struct qstr slash = QSTR_INIT("/", 1);
	struct dentry *child = d_alloc(parent, &slash);
	int err;

	if (!child)
		return -ENOMEM;
	err = security_dentry_create_files_as(child, S_IFREG | mode, &slash,
					      current_cred(), new);
	dput(child);
	return err;
}

/*
 * Of this kernel's Landlock, the credentials of the current task decide whether a
 * file may be opened, and not those that it is opened with. So a copy of the
 * kernel's is put on, in which these are the caller's:
 *
 * - the ids, groups, securebits and user namespace;
 * - the permitted and effective capabilities, as sets;
 * - the label that SELinux or Smack would give a file that the caller creates.
 *
 * The label of the task itself is the kernel's, and so is the rest. It is that label
 * which a module sees that is asked by the lower: for the directory, where the VFS
 * has asked for the caller by ours, and when a capability is used. So a capability
 * that the caller has, and that SELinux or AppArmor does not let it use, is used
 * here, as CAP_SYS_RESOURCE for reserved blocks and quota.
 */
struct file *kernel_tmpfile_open(struct mnt_idmap *idmap,
				 const struct path *parent, umode_t mode,
				 int flags, const struct cred *cred)
{
	struct cred *new = prepare_kernel_cred(&init_task);
	const struct cred *old;
	struct file *file;
	int err;

	if (!new)
		return ERR_PTR(-ENOMEM);
	wtfs_cred_copy_caller(new);
	err = wtfs_cred_copy_label(new, parent->dentry, mode);
	if (err) {
		put_cred(new);
		return ERR_PTR(err);
	}
	old = override_creds(new);
	file = vfs_tmpfile_open(idmap, parent, mode, flags, cred);
	revert_creds(old);
	put_cred(new);
	return file;
}
#endif

#ifdef WTFS_HAVE_OP_ITERATE
/**
 * wtfs_iterate_exclusive - read a directory whose filesystem wants it locked
 *			    exclusively
 * @file: the open directory; its position is where to begin, and follows
 * @ctx: of the caller
 *
 * Context: process; sleeps. Return: 0 or an error.
 */
int wtfs_iterate_exclusive(struct file *file, struct dir_context *ctx)
{
	struct inode *dir = file_inode(file);
	int err;

	if (!file->f_op->iterate)
		return -ENOTDIR;
	err = down_write_killable(&dir->i_rwsem);
	if (err)
		return err;
	err = -ENOENT;
	if (!IS_DEADDIR(dir)) {
		err = file->f_op->iterate(file, ctx);
		file->f_pos = ctx->pos;
	}
	inode_unlock(dir);
	return err;
}
#endif

#ifndef WTFS_HAVE_MARK_TMPFILE
/* The name is "/" until now: short, and nobody can look it up. */
void d_mark_tmpfile(struct file *file, struct inode *inode)
{
	struct dentry *dentry = file->f_path.dentry;

	spin_lock(&dentry->d_parent->d_lock);
	spin_lock_nested(&dentry->d_lock, DENTRY_D_LOCK_NESTED);
	dentry->d_name.len = scnprintf(dentry->d_iname, sizeof(dentry->d_iname),
				       "#%llu", (unsigned long long)inode->i_ino);
	spin_unlock(&dentry->d_lock);
	spin_unlock(&dentry->d_parent->d_lock);
}
#endif

#ifndef WTFS_HAVE_START_DENTRY
/* Lock @parent and get @child, if it is still in there. */
static int wtfs_start_dirop(struct dentry *parent, struct dentry *child)
{
	inode_lock_nested(d_inode(parent), I_MUTEX_PARENT);
	if (!IS_DEADDIR(d_inode(parent)) && child->d_parent == parent &&
	    !d_unhashed(child)) {
		dget(child);
		return 0;
	}
	inode_unlock(d_inode(parent));
	return -EINVAL;
}

void end_dirop(struct dentry *child)
{
	if (IS_ERR(child))
		return;
	inode_unlock(d_inode(child->d_parent));
	dput(child);
}

struct dentry *start_creating_dentry(struct dentry *parent,
				     struct dentry *child)
{
	int err = wtfs_start_dirop(parent, child);

	if (!err && d_is_positive(child)) {
		end_dirop(child);
		err = -EEXIST;
	}
	return err ? ERR_PTR(err) : child;
}

struct dentry *start_removing_dentry(struct dentry *parent,
				     struct dentry *child)
{
	int err = wtfs_start_dirop(parent, child);

	if (!err && d_is_negative(child)) {
		end_dirop(child);
		err = -ENOENT;
	}
	return err ? ERR_PTR(err) : child;
}
#endif

#ifndef WTFS_HAVE_START_RENAMING
/* With all locks held: is this rename still what it looked like? */
static int wtfs_check_renaming(const struct wtfs_renamedata *rd,
			       struct dentry *old_dentry,
			       struct dentry *new_dentry, struct dentry *trap)
{
	if (d_unhashed(old_dentry) || old_dentry->d_parent != rd->old_parent)
		return -EINVAL;
	if (d_unhashed(new_dentry) || new_dentry->d_parent != rd->new_parent)
		return -EINVAL;
	if (old_dentry == trap)
		return -EINVAL;
	if (new_dentry == trap)
		return rd->flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	if (d_is_positive(new_dentry) && (rd->flags & RENAME_NOREPLACE))
		return -EEXIST;
	return 0;
}

/* As in 7.3, but @rd->old_parent must be given. */
int start_renaming_two_dentries(struct wtfs_renamedata *rd,
				struct dentry *old_dentry,
				struct dentry *new_dentry)
{
	struct dentry *trap = lock_rename(rd->old_parent, rd->new_parent);
	int err;

	if (IS_ERR(trap))
		return PTR_ERR(trap);
	err = wtfs_check_renaming(rd, old_dentry, new_dentry, trap);
	if (err) {
		unlock_rename(rd->old_parent, rd->new_parent);
		return err;
	}
	rd->old_dentry = dget(old_dentry);
	rd->new_dentry = dget(new_dentry);
	dget(rd->old_parent);
	return 0;
}

void end_renaming(struct wtfs_renamedata *rd)
{
	unlock_rename(rd->old_parent, rd->new_parent);
	dput(rd->old_dentry);
	dput(rd->new_dentry);
	dput(rd->old_parent);
}
#endif

#ifndef WTFS_HAVE_RENAME_PARENTS
/* Here, and only here, the kernel's own are meant. */
#undef renamedata
#undef vfs_rename

int wtfs_vfs_rename(struct wtfs_renamedata *rd)
{
	struct renamedata data = {
		.old_dir = d_inode(rd->old_parent),
		.old_dentry = rd->old_dentry,
		.new_dir = d_inode(rd->new_parent),
		.new_dentry = rd->new_dentry,
		.flags = rd->flags,
#ifdef WTFS_HAVE_MNT_IDMAP
		.old_mnt_idmap = rd->mnt_idmap,
		.new_mnt_idmap = rd->mnt_idmap,
#else
		.old_mnt_userns = rd->mnt_idmap,
		.new_mnt_userns = rd->mnt_idmap,
#endif
	};

	return vfs_rename(&data);
}
#endif

#ifndef WTFS_HAVE_D_REVALIDATE_NAME
int wtfs_compat_d_revalidate(struct dentry *dentry, unsigned int flags)
{
	return wtfs_d_revalidate(NULL, NULL, dentry, flags);
}
#endif

#ifdef WTFS_HAVE_OP_CREATE_EXCL
int wtfs_compat_create(struct mnt_idmap *idmap, struct inode *dir,
		       struct dentry *dentry, umode_t mode, bool excl)
{
	return wtfs_create(idmap, dir, dentry, mode);
}
#endif

#ifndef WTFS_HAVE_OP_MKDIR_DENTRY
/* Ours never returns another dentry than the given one. */
int wtfs_compat_mkdir(struct mnt_idmap *idmap, struct inode *dir,
		      struct dentry *dentry, umode_t mode)
{
	return PTR_ERR_OR_ZERO(wtfs_mkdir(idmap, dir, dentry, mode));
}
#endif

#ifndef WTFS_HAVE_FS_UPDATE_TIME
#ifdef WTFS_HAVE_UPDATE_TIME_FLAGS
int wtfs_compat_update_time(struct inode *inode, int flags)
#else
int wtfs_compat_update_time(struct inode *inode, struct timespec64 *time,
			    int flags)
#endif
{
	return wtfs_update_time(inode, flags & S_ATIME ? FS_UPD_ATIME :
				FS_UPD_CMTIME, 0);
}
#endif
