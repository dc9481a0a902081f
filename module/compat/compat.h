/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rest of the module is written for the newest kernel; this directory
 * makes the older ones look like it. Included before anything else, in every
 * file, from the compiler's command line. WTFS_HAVE_* comes from probe.mk.
 *
 * Each shim says up to which release a kernel of its own needs it. A distribution
 * or a stable kernel may have what it replaces earlier: what counts is the probe.
 */
#ifndef _WTFS_COMPAT_H
#define _WTFS_COMPAT_H

#include <linux/fs.h>
#include <linux/dcache.h>
#include <linux/exportfs.h>
#include <linux/fileattr.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/posix_acl.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <linux/xattr.h>

/*
 * Before 6.3: what a mount maps ids with was a user namespace. 6.2 has the newer
 * type, and operations that do not take it; its own headers are read by now.
 */
#ifndef WTFS_HAVE_MNT_IDMAP
#define mnt_idmap	user_namespace
#define nop_mnt_idmap	init_user_ns
#endif

/* Before 6.13: nothing can keep one superblock of many from being idmapped. */
#ifndef SB_I_NOIDMAP
#define SB_I_NOIDMAP	0
#endif

/* Before overlayfs, nobody had to tell EVM. */
#ifndef SB_I_EVM_HMAC_UNSUPPORTED
#define SB_I_EVM_HMAC_UNSUPPORTED	0
#endif

/* Before 6.17 */
#ifndef WTFS_HAVE_FILE_KATTR
#define file_kattr	fileattr
#endif

/* Before 7.0 */
#ifndef kzalloc_obj
#define kzalloc_obj(obj, gfp)	kzalloc(sizeof(obj), gfp)
#endif

/*
 * Without exportfs there is nobody to ask for a handle. Before 6.5, when there
 * were no kinds of handles yet, they were for decoding.
 */
#if !IS_ENABLED(CONFIG_EXPORTFS)
#define exportfs_encode_inode_fh(inode, fid, max_len, parent, flags) \
	FILEID_INVALID
#define exportfs_decode_fh(mnt, fid, len, type, acceptable, context) \
	ERR_PTR(-EOPNOTSUPP)
#elif !defined(WTFS_HAVE_EXPORT_FH_FLAGS)
#define exportfs_encode_inode_fh(inode, fid, max_len, parent, flags) \
	exportfs_encode_inode_fh(inode, fid, max_len, parent)
#endif

/* Before 6.11 */
#ifndef STATX_WRITE_ATOMIC
#define STATX_WRITE_ATOMIC	0
#define STATX_ATTR_WRITE_ATOMIC	0
#endif

/* Before 6.9, and stable kernels that have not got it */
#ifndef __uninitialized
#define __uninitialized
#endif

/* Before 6.6 */
#ifndef WTFS_HAVE_INODE_GET_CTIME
static inline struct timespec64 inode_get_ctime(const struct inode *inode)
{
	return inode->i_ctime;
}
#endif

/* Before 6.19 */
#ifndef WTFS_HAVE_INODE_STATE_READ_ONCE
static inline unsigned long inode_state_read_once(struct inode *inode)
{
	return READ_ONCE(inode->i_state);
}
#endif

/* Before 6.9 */
#ifndef WTFS_HAVE_SUPER_SET_UUID
static inline void super_set_uuid(struct super_block *sb, const u8 *uuid,
				  unsigned int len)
{
	memcpy(&sb->s_uuid, uuid, len);
}
#endif

/* Before 6.17 */
#ifndef WTFS_HAVE_SET_DEFAULT_D_OP
static inline void set_default_d_op(struct super_block *sb,
				    const struct dentry_operations *ops)
{
	sb->s_d_op = ops;
}
#endif

/* Before 6.8 the kernel doesn't promise to leave the array alone, but it does. */
static inline void
wtfs_set_xattr_handlers(struct super_block *sb,
			const struct xattr_handler *const *handlers)
{
	sb->s_xattr = (void *)handlers;
}

/*
 * Before 6.2, when ACLs had no inode operations of their own, they were xattrs
 * like others, which the xattr handlers pass on; but overlayfs and the NFS server
 * asked the inode. A kernel without ACLs exports nothing to do them with.
 */
#ifndef CONFIG_FS_POSIX_ACL
#define WTFS_ACL_IOPS
#elif defined(WTFS_HAVE_ACL_OPS)
struct posix_acl *wtfs_get_inode_acl(struct inode *inode, int type, bool rcu);
struct posix_acl *wtfs_get_acl(struct mnt_idmap *idmap, struct dentry *dentry,
			       int type);
int wtfs_set_acl(struct mnt_idmap *idmap, struct dentry *dentry,
		 struct posix_acl *acl, int type);

#define WTFS_ACL_IOPS					\
	.get_inode_acl	= wtfs_get_inode_acl,		\
	.get_acl	= wtfs_get_acl,			\
	.set_acl	= wtfs_set_acl,
#else
struct posix_acl *wtfs_compat_get_acl(struct inode *inode, int type, bool rcu);
int wtfs_compat_set_acl(struct mnt_idmap *idmap, struct inode *inode,
			struct posix_acl *acl, int type);

#define WTFS_ACL_IOPS					\
	.get_acl	= wtfs_compat_get_acl,		\
	.set_acl	= wtfs_compat_set_acl,
#endif

/* The lower inode caches its ACLs; a second copy would only go stale. */
static inline void wtfs_inode_dont_cache_acl(struct inode *inode)
{
#ifdef CONFIG_FS_POSIX_ACL
	inode->i_acl = ACL_DONT_CACHE;
	inode->i_default_acl = ACL_DONT_CACHE;
#endif
}

#include "namei.h"
#include "open.h"
#include "pagecache.h"

#endif /* _WTFS_COMPAT_H */
