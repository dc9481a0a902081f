/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rest of the module is written for the newest kernel; this directory
 * makes the older ones look like it. Included before anything else, in every
 * file, from the compiler's command line. WTFS_HAVE_* comes from probe.mk.
 */
#ifndef _WTFS_COMPAT_H
#define _WTFS_COMPAT_H

#include <linux/fs.h>
#include <linux/dcache.h>
#include <linux/exportfs.h>
#include <linux/fileattr.h>
#include <linux/namei.h>
#include <linux/posix_acl.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <linux/xattr.h>

/* What a mount maps ids with was a user namespace. */
#ifndef WTFS_HAVE_MNT_IDMAP
#define mnt_idmap	user_namespace
#define nop_mnt_idmap	init_user_ns
#endif

/* Here nothing can keep one superblock of many from being idmapped. */
#ifndef SB_I_NOIDMAP
#define SB_I_NOIDMAP	0
#endif

/* Before overlayfs, nobody had to tell EVM. */
#ifndef SB_I_EVM_HMAC_UNSUPPORTED
#define SB_I_EVM_HMAC_UNSUPPORTED	0
#endif

#ifndef WTFS_HAVE_FILE_KATTR
#define file_kattr	fileattr
#endif

#ifndef kzalloc_obj
#define kzalloc_obj(obj, gfp)	kzalloc(sizeof(obj), gfp)
#endif

/* Before there were kinds of handles, they were for decoding. */
#ifndef EXPORT_FH_CONNECTABLE
#define exportfs_encode_inode_fh(inode, fid, max_len, parent, flags) \
	exportfs_encode_inode_fh(inode, fid, max_len, parent)
#endif

#ifndef STATX_WRITE_ATOMIC
#define STATX_WRITE_ATOMIC	0
#define STATX_ATTR_WRITE_ATOMIC	0
#endif

#ifndef WTFS_HAVE_INODE_STATE_READ_ONCE
static inline unsigned long inode_state_read_once(struct inode *inode)
{
	return READ_ONCE(inode->i_state);
}
#endif

#ifndef WTFS_HAVE_SUPER_SET_UUID
static inline void super_set_uuid(struct super_block *sb, const u8 *uuid,
				  unsigned int len)
{
	memcpy(&sb->s_uuid, uuid, len);
}
#endif

#ifndef WTFS_HAVE_SET_DEFAULT_D_OP
static inline void set_default_d_op(struct super_block *sb,
				    const struct dentry_operations *ops)
{
	sb->s_d_op = ops;
}
#endif

/* Older kernels don't promise to leave the array alone, but they do. */
static inline void
wtfs_set_xattr_handlers(struct super_block *sb,
			const struct xattr_handler *const *handlers)
{
	sb->s_xattr = (void *)handlers;
}

/*
 * Before ACLs had inode operations of their own they were xattrs like others,
 * which the xattr handlers pass on; but overlayfs and the NFS server asked the
 * inode.
 */
#ifdef WTFS_HAVE_ACL_OPS
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
