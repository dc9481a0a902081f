/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lookup, directory operations and their locks as in 7.3, for older kernels.
 */
#ifndef _WTFS_COMPAT_NAMEI_H
#define _WTFS_COMPAT_NAMEI_H

#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/namei.h>

/* Before 6.5 */
#ifndef WTFS_HAVE_KERNEL_TMPFILE_OPEN
struct file *kernel_tmpfile_open(struct mnt_idmap *idmap,
				 const struct path *parent, umode_t mode,
				 int flags, const struct cred *cred);
#endif

/* A directory that has to be locked exclusively in order to read it. */
#ifdef WTFS_HAVE_OP_ITERATE
int wtfs_iterate_exclusive(struct file *file, struct dir_context *ctx);
#else
static inline int wtfs_iterate_exclusive(struct file *file,
					 struct dir_context *ctx)
{
	return -ENOTDIR;
}
#endif

/* Before 6.8 */
#ifndef WTFS_HAVE_MARK_TMPFILE
void d_mark_tmpfile(struct file *file, struct inode *inode);
#endif

/*
 * Before 6.16. Checks MAY_EXEC once more, on the lower directory: only slower,
 * as long as nobody is idmapped (wtfs_cred_begin()).
 */
#ifndef WTFS_HAVE_LOOKUP_NOPERM
static inline struct dentry *lookup_noperm_unlocked(struct qstr *name,
						    struct dentry *base)
{
	return lookup_one_len_unlocked(name->name, base, name->len);
}
#endif

/* Before 6.19 */
#ifndef WTFS_HAVE_START_DENTRY
struct dentry *start_creating_dentry(struct dentry *parent,
				     struct dentry *child);
struct dentry *start_removing_dentry(struct dentry *parent,
				     struct dentry *child);
void end_dirop(struct dentry *child);

static inline void end_creating(struct dentry *child)
{
	end_dirop(child);
}

static inline void end_removing(struct dentry *child)
{
	end_dirop(child);
}
#endif

/*
 * What vfs_*() before 6.19 want to know besides: the directory, which is the
 * locked parent, and for create, whether the caller saw that there is no such
 * file. None gets a place to return a delegation to be broken.
 */
#ifndef WTFS_HAVE_VFS_CREATE_DENTRY
static inline int wtfs_vfs_create(struct mnt_idmap *idmap,
				  struct dentry *dentry, umode_t mode,
				  void *delegated)
{
	return vfs_create(idmap, d_inode(dentry->d_parent), dentry, mode, true);
}

#define vfs_create	wtfs_vfs_create
#endif

#ifndef WTFS_HAVE_DELEGATED_INODE
static inline int wtfs_vfs_mknod(struct mnt_idmap *idmap, struct inode *dir,
				 struct dentry *dentry, umode_t mode, dev_t dev,
				 void *delegated)
{
	return vfs_mknod(idmap, dir, dentry, mode, dev);
}

static inline int wtfs_vfs_symlink(struct mnt_idmap *idmap, struct inode *dir,
				   struct dentry *dentry, const char *target,
				   void *delegated)
{
	return vfs_symlink(idmap, dir, dentry, target);
}

static inline int wtfs_vfs_rmdir(struct mnt_idmap *idmap, struct inode *dir,
				 struct dentry *dentry, void *delegated)
{
	return vfs_rmdir(idmap, dir, dentry);
}

#define vfs_mknod	wtfs_vfs_mknod
#define vfs_symlink	wtfs_vfs_symlink
#define vfs_rmdir	wtfs_vfs_rmdir
#endif

/*
 * On error vfs_mkdir() has already ended the operation. From 6.15 to 6.18 it has
 * then only dropped the dentry, and left the directory locked; and before 6.15
 * it has done neither.
 */
#ifndef WTFS_HAVE_VFS_MKDIR_DENTRY
static inline struct dentry *wtfs_vfs_mkdir(struct mnt_idmap *idmap,
					    struct inode *dir,
					    struct dentry *dentry, umode_t mode,
					    void *delegated)
{
	int err = vfs_mkdir(idmap, dir, dentry, mode);

	if (!err)
		return dentry;
	end_creating(dentry);
	return ERR_PTR(err);
}

#define vfs_mkdir	wtfs_vfs_mkdir
#elif !defined(WTFS_HAVE_DELEGATED_INODE)
static inline struct dentry *wtfs_vfs_mkdir(struct mnt_idmap *idmap,
					    struct inode *dir,
					    struct dentry *dentry, umode_t mode,
					    void *delegated)
{
	dentry = vfs_mkdir(idmap, dir, dentry, mode);
	if (IS_ERR(dentry))
		inode_unlock(dir);
	return dentry;
}

#define vfs_mkdir	wtfs_vfs_mkdir
#endif

/* Before 6.17 */
#ifndef WTFS_HAVE_RENAME_PARENTS
/**
 * struct wtfs_renamedata - struct renamedata of 7.3
 * @mnt_idmap:		of the one mount that both are on
 * @old_parent:		directory of @old_dentry
 * @old_dentry:		what to rename; set by start_renaming_two_dentries()
 * @new_parent:		directory of @new_dentry
 * @new_dentry:		its new place; set by start_renaming_two_dentries()
 * @delegated_inode:	not used
 * @flags:		RENAME_*
 */
struct wtfs_renamedata {
	struct mnt_idmap *mnt_idmap;
	struct dentry *old_parent;
	struct dentry *old_dentry;
	struct dentry *new_parent;
	struct dentry *new_dentry;
	struct inode **delegated_inode;
	unsigned int flags;
};

int wtfs_vfs_rename(struct wtfs_renamedata *rd);

#define renamedata	wtfs_renamedata
#define vfs_rename	wtfs_vfs_rename
#endif

/* Before 6.19 */
#ifndef WTFS_HAVE_START_RENAMING
#ifdef WTFS_HAVE_RENAME_PARENTS
#define wtfs_renamedata	renamedata
#endif
int start_renaming_two_dentries(struct wtfs_renamedata *rd,
				struct dentry *old_dentry,
				struct dentry *new_dentry);
void end_renaming(struct wtfs_renamedata *rd);
#endif

/* The dentry operation of @dentry's own filesystem, which must have one. */
static inline int wtfs_call_d_revalidate(struct inode *dir,
					 const struct qstr *name,
					 struct dentry *dentry,
					 unsigned int flags)
{
#ifdef WTFS_HAVE_D_REVALIDATE_NAME
	return dentry->d_op->d_revalidate(dir, name, dentry, flags);
#else
	return dentry->d_op->d_revalidate(dentry, flags);
#endif
}

/*
 * Operations whose prototypes changed: ours, or a step to it. d_revalidate in
 * 6.14, mkdir in 6.15, update_time in 6.6 and 7.0, create after 7.1.
 */
#ifdef WTFS_HAVE_D_REVALIDATE_NAME
#define WTFS_D_REVALIDATE	wtfs_d_revalidate
#else
#define WTFS_D_REVALIDATE	wtfs_compat_d_revalidate
int wtfs_compat_d_revalidate(struct dentry *dentry, unsigned int flags);
#endif

#ifndef WTFS_HAVE_OP_CREATE_EXCL
#define WTFS_CREATE		wtfs_create
#else
#define WTFS_CREATE		wtfs_compat_create
int wtfs_compat_create(struct mnt_idmap *idmap, struct inode *dir,
		       struct dentry *dentry, umode_t mode, bool excl);
#endif

#ifdef WTFS_HAVE_FS_UPDATE_TIME
#define WTFS_UPDATE_TIME	wtfs_update_time
#else
#define WTFS_UPDATE_TIME	wtfs_compat_update_time
enum fs_update_time {
	FS_UPD_ATIME,
	FS_UPD_CMTIME,
};

#ifdef WTFS_HAVE_UPDATE_TIME_FLAGS
int wtfs_compat_update_time(struct inode *inode, int flags);
#else
int wtfs_compat_update_time(struct inode *inode, struct timespec64 *time,
			    int flags);
#endif
#endif

#ifdef WTFS_HAVE_OP_MKDIR_DENTRY
#define WTFS_MKDIR		wtfs_mkdir
#else
#define WTFS_MKDIR		wtfs_compat_mkdir
int wtfs_compat_mkdir(struct mnt_idmap *idmap, struct inode *dir,
		      struct dentry *dentry, umode_t mode);
#endif

#endif /* _WTFS_COMPAT_NAMEI_H */
