// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names and inodes: which lower dentry and inode is below which of ours.
 *
 * A dentry holds a reference to its lower one from before it is hashed until
 * d_release(); both are freed after a grace period, so a path walk under RCU
 * may follow d_fsdata.
 *
 * Names can change in the lower tree without us. Each change of a dentry's
 * name, parent, inode or hashing moves its d_seq on: d_time holds the lower's
 * d_seq of when both were last seen to agree, and as long as it has not moved
 * there is nothing to compare.
 */
#include <linux/dcache.h>
#include <linux/fs_stack.h>
#include <linux/namei.h>
#include <linux/seqlock.h>

#include "wtfs.h"

/*
 * In d_time, beside a d_seq, which is even when raw_seqcount_begin() returns
 * it. With WTFS_D_BUSY it is the dentry's own d_seq, and we ourselves are
 * changing the lower one: until the VFS has made the same change to the dentry,
 * which moves that d_seq on, the two do not agree, and yet it is valid.
 */
#define WTFS_D_BUSY	1UL

static unsigned long wtfs_dentry_seq(const struct dentry *dentry)
{
	return raw_seqcount_begin(&dentry->d_seq);
}

/**
 * wtfs_dentry_is_weird - has a lower dentry its own rules for names?
 * @lower: the lower dentry
 *
 * As overlayfs we can stack on none where two names can be the same
 * (casefolding), or where looking one up can mount something.
 */
bool wtfs_dentry_is_weird(const struct dentry *lower)
{
	return lower->d_flags & (DCACHE_OP_HASH | DCACHE_OP_COMPARE |
				 DCACHE_NEED_AUTOMOUNT | DCACHE_MANAGE_TRANSIT);
}

/**
 * wtfs_dentry_attach - put a dentry on a lower one
 * @dentry: not hashed yet
 * @lower: its lower one, with a reference that @dentry takes over
 *
 * Whether they agree is still to be seen: the lower one may have been renamed
 * since it was found.
 */
void wtfs_dentry_attach(struct dentry *dentry, struct dentry *lower)
{
	dentry->d_fsdata = lower;
}

/**
 * wtfs_dentry_busy - the lower dentry is about to be changed by us
 * @dentry: hashed, its directory locked
 *
 * If the change comes to nothing, wtfs_dentry_idle() has to be called.
 */
void wtfs_dentry_busy(struct dentry *dentry)
{
	spin_lock(&dentry->d_lock);
	WRITE_ONCE(dentry->d_time, wtfs_dentry_seq(dentry) | WTFS_D_BUSY);
	spin_unlock(&dentry->d_lock);
}

/**
 * wtfs_dentry_idle - the lower dentry has not been changed by us
 * @dentry: after wtfs_dentry_busy(), its directory still locked
 */
void wtfs_dentry_idle(struct dentry *dentry)
{
	spin_lock(&dentry->d_lock);
	/* Neither busy nor a d_seq of the lower one: have them compared. */
	WRITE_ONCE(dentry->d_time, ~wtfs_dentry_seq(dentry));
	spin_unlock(&dentry->d_lock);
}

static bool wtfs_dentry_is_busy(const struct dentry *dentry)
{
	return dentry->d_time == (wtfs_dentry_seq(dentry) | WTFS_D_BUSY);
}

static bool wtfs_same_name(const struct qstr *a, const struct qstr *b)
{
	return a->len == b->len && !memcmp(a->name, b->name, a->len);
}

/**
 * wtfs_dentry_same_name - has the lower dentry still the name of ours?
 * @dentry: its directory locked
 * @lower: its lower one, its directory locked
 */
bool wtfs_dentry_same_name(const struct dentry *dentry,
			   const struct dentry *lower)
{
	return wtfs_same_name(&dentry->d_name, &lower->d_name);
}

/*
 * Do they name the same inode by the same name? One that was made from a file
 * handle has no name, and another filesystem on top of us may ask for it all the
 * same. Both d_lock are held.
 */
static bool wtfs_dentry_agrees(struct dentry *dentry, struct dentry *lower)
{
	struct inode *inode = d_inode(dentry);

	if (IS_ROOT(dentry))
		return true;
	return !d_unhashed(lower) &&
		lower->d_parent == wtfs_lower_dentry(dentry->d_parent) &&
		d_inode(lower) == (inode ? wtfs_lower_inode(inode) : NULL) &&
		wtfs_same_name(&lower->d_name, &dentry->d_name);
}

/*
 * The lower dentry has changed: are they still the same? May be called under
 * RCU, with a dentry that is being killed; then the answer does not matter.
 */
static bool wtfs_dentry_compare(struct dentry *dentry, struct dentry *lower)
{
	bool valid;

	spin_lock(&dentry->d_lock);
	spin_lock_nested(&lower->d_lock, DENTRY_D_LOCK_NESTED);
	if (wtfs_dentry_is_busy(dentry)) {
		valid = true;
	} else {
		valid = wtfs_dentry_agrees(dentry, lower);
		if (valid)
			WRITE_ONCE(dentry->d_time, wtfs_dentry_seq(lower));
	}
	spin_unlock(&lower->d_lock);
	spin_unlock(&dentry->d_lock);
	return valid;
}

/* Ask the lower filesystem, if it wants to be asked. */
static int wtfs_lower_revalidate(struct dentry *lower, unsigned int flags)
{
	struct dentry *parent;
	struct name_snapshot name;
	struct inode *dir;
	int ret;

	if (!(lower->d_flags & DCACHE_OP_REVALIDATE))
		return 1;
	if (flags & LOOKUP_RCU) {
		parent = READ_ONCE(lower->d_parent);
		dir = d_inode_rcu(parent);
		if (!dir)
			return -ECHILD;
	} else {
		parent = dget_parent(lower);
		dir = d_inode(parent);
	}
	take_dentry_name_snapshot(&name, lower);
	ret = wtfs_call_d_revalidate(dir, &name.name, lower, flags);
	release_dentry_name_snapshot(&name);
	if (!(flags & LOOKUP_RCU)) {
		dput(parent);
		if (!ret)
			d_invalidate(lower);
	}
	return ret;
}

/**
 * wtfs_d_revalidate - is a cached name still what the lower has?
 * @dir: not used
 * @name: not used
 * @dentry: what a path walk has found
 * @flags: LOOKUP_*
 *
 * Context: under RCU if @flags say so. Return: 1 if valid, 0 if not, or
 * -ECHILD to be called again without RCU.
 */
int wtfs_d_revalidate(struct inode *dir, const struct qstr *name,
		      struct dentry *dentry, unsigned int flags)
{
	struct dentry *lower = wtfs_lower_dentry(dentry);

	if (READ_ONCE(dentry->d_time) != wtfs_dentry_seq(lower) &&
	    !wtfs_dentry_compare(dentry, lower))
		return flags & LOOKUP_RCU ? -ECHILD : 0;
	return wtfs_lower_revalidate(lower, flags);
}

/* No d_seq, nor busy: have them compared when the name is first used. */
static int wtfs_d_init(struct dentry *dentry)
{
	dentry->d_time = ~0UL;
	return 0;
}

static void wtfs_d_release(struct dentry *dentry)
{
	dput(dentry->d_fsdata);
}

const struct dentry_operations wtfs_dops = {
	.d_init		= wtfs_d_init,
	.d_revalidate	= WTFS_D_REVALIDATE,
	.d_release	= wtfs_d_release,
};

static int wtfs_inode_test(struct inode *inode, void *lower)
{
	return wtfs_lower_inode(inode) == lower;
}

static int wtfs_inode_set(struct inode *inode, void *lower)
{
	WTFS_I(inode)->lower = lower;
	return 0;
}

static void wtfs_inode_set_ops(struct inode *inode)
{
	switch (inode->i_mode & S_IFMT) {
	case S_IFREG:
		inode->i_op = &wtfs_file_iops;
		inode->i_fop = wtfs_lower_inode(inode)->i_fop->remap_file_range ?
			&wtfs_file_remap_fops : &wtfs_file_fops;
		inode->i_mapping->a_ops = &wtfs_aops;
		wtfs_cache_init(inode);
		break;
	case S_IFDIR:
		inode->i_op = &wtfs_dir_iops;
		inode->i_fop = wtfs_lower_inode(inode)->i_fop->setlease ?
			&wtfs_dir_lease_fops : &wtfs_dir_fops;
		break;
	case S_IFLNK:
		inode->i_op = &wtfs_symlink_iops;
		break;
	default:
		inode->i_op = &wtfs_special_iops;
		init_special_inode(inode, inode->i_mode, inode->i_rdev);
		break;
	}
}

static void wtfs_inode_fill(struct inode *inode, struct inode *lower)
{
	inode->i_ino = lower->i_ino;
	inode->i_generation = lower->i_generation;
	inode->i_rdev = lower->i_rdev;
	inode->i_blkbits = lower->i_blkbits;
	inode->i_write_hint = lower->i_write_hint;
	/* The lower stamps the times of changes. */
	inode->i_flags |= S_NOCMTIME;
	wtfs_inode_dont_cache_acl(inode);
	if (IS_ENCRYPTED(lower))
		d_mark_dontcache(inode);
	wtfs_inode_copy_attr(inode);
	i_size_write(inode, i_size_read(lower));
	wtfs_inode_set_ops(inode);
}

/**
 * wtfs_iget - the inode on top of a lower one
 * @sb: the wtfs
 * @lower: the lower inode; the caller has a reference
 *
 * There is one for each lower inode, also where it has several names. The
 * size of a regular file is set when its inode is made; from then on it is
 * the page cache's.
 *
 * Context: process; sleeps. Return: the inode with a reference, or an ERR_PTR.
 */
struct inode *wtfs_iget(struct super_block *sb, struct inode *lower)
{
	struct inode *inode;

	if (lower->i_sb != wtfs_lower_mnt(sb)->mnt_sb)
		return ERR_PTR(-EXDEV);
	if (IS_CASEFOLDED(lower)) {
		pr_warn_ratelimited("casefolded directories are not supported\n");
		return ERR_PTR(-EREMOTE);
	}
	if (!igrab(lower))
		return ERR_PTR(-ESTALE);
	inode = iget5_locked(sb, (unsigned long)lower, wtfs_inode_test,
			     wtfs_inode_set, lower);
	if (!inode) {
		iput(lower);
		return ERR_PTR(-ENOMEM);
	}
	if (inode_state_read_once(inode) & I_NEW) {
		wtfs_inode_fill(inode, lower);
		unlock_new_inode(inode);
	} else {
		iput(lower);
		wtfs_inode_copy_attr(inode);
	}
	return inode;
}

/**
 * wtfs_interpose - give a new name its inode
 * @dentry: negative, its directory locked
 * @lower: positive; what the lower has created for @dentry; its directory locked
 *
 * Context: process; sleeps. Return: 0 or an error.
 */
int wtfs_interpose(struct dentry *dentry, struct dentry *lower)
{
	struct inode *inode;

	/*
	 * Network filesystems may have made another dentry, or want to be
	 * asked again: the next lookup will find it.
	 */
	if (lower != wtfs_lower_dentry(dentry) || d_unhashed(lower) ||
	    d_really_is_negative(lower)) {
		d_drop(dentry);
		return 0;
	}
	inode = wtfs_iget(dentry->d_sb, d_inode(lower));
	if (IS_ERR(inode)) {
		d_drop(dentry);
		return PTR_ERR(inode);
	}
	d_instantiate(dentry, inode);
	/* They agree, and the lower directory is locked. */
	WRITE_ONCE(dentry->d_time, wtfs_dentry_seq(lower));
	return 0;
}

/**
 * wtfs_inode_anchor - have a lower dentry at hand for as long as an inode lives
 * @inode: ours
 * @lower: any dentry of its lower inode, with a reference that is taken over
 *
 * Context: process; sleeps.
 */
void wtfs_inode_anchor(struct inode *inode, struct dentry *lower)
{
	if (cmpxchg(&WTFS_I(inode)->anchor, NULL, lower))
		dput(lower);
}

/*
 * Any dentry of @inode, whose reference is taken over. The VFS lets a new one
 * be found before we can put it on the lower one: until then that is @anchor.
 */
static struct dentry *wtfs_dentry_anchored(struct inode *inode)
{
	struct dentry *dentry = d_obtain_alias(inode);
	struct dentry *lower;

	if (IS_ERR(dentry) || READ_ONCE(dentry->d_fsdata))
		return dentry;
	lower = dget(wtfs_lower_dentry(dentry));
	if (cmpxchg(&dentry->d_fsdata, NULL, lower))
		dput(lower);
	return dentry;
}

/**
 * wtfs_dentry_obtain - a dentry on top of a lower one, by whatever name
 * @sb: the wtfs
 * @lower: positive, with a reference that is taken over
 *
 * Context: process; sleeps. Return: a dentry, perhaps not connected to the
 * root, with a reference, or an ERR_PTR.
 */
struct dentry *wtfs_dentry_obtain(struct super_block *sb, struct dentry *lower)
{
	struct inode *inode = wtfs_iget(sb, d_inode(lower));
	struct dentry *dentry;

	if (IS_ERR(inode)) {
		dput(lower);
		return ERR_CAST(inode);
	}
	dentry = d_find_any_alias(inode);
	if (dentry) {
		iput(inode);
		dput(lower);
		return dentry;
	}
	wtfs_inode_anchor(inode, lower);
	return wtfs_dentry_anchored(inode);
}

/*
 * What the lower encrypts goes from our caches with its last user, names too: else
 * a key that is removed would stay in use, and what it has decrypted would stay
 * here to be read.
 */
static void wtfs_dentry_dont_cache(struct dentry *dentry,
				   const struct inode *lower_dir,
				   const struct inode *lower)
{
	if (likely(!IS_ENCRYPTED(lower_dir) && !(lower && IS_ENCRYPTED(lower))))
		return;
	spin_lock(&dentry->d_lock);
	dentry->d_flags |= DCACHE_DONTCACHE;
	spin_unlock(&dentry->d_lock);
}

/**
 * wtfs_lookup - look a name up
 * @dir: the directory, locked at least shared
 * @dentry: the name
 * @flags: LOOKUP_*
 *
 * Context: process. Return: as ->lookup.
 */
struct dentry *wtfs_lookup(struct inode *dir, struct dentry *dentry,
			   unsigned int flags)
{
	/* A copy: the lookup puts the hash of the lower directory into it. */
	struct qstr name = QSTR_INIT(dentry->d_name.name, dentry->d_name.len);
	struct inode *lower_inode, *inode = NULL;
	const struct cred *old = wtfs_cred_begin(dir->i_sb);
	struct dentry *lower;

	lower = lookup_noperm_unlocked(&name,
				       wtfs_lower_dentry(dentry->d_parent));
	wtfs_cred_end(old);
	if (IS_ERR(lower))
		return lower;
	wtfs_dentry_attach(dentry, lower);
	if (wtfs_dentry_is_weird(lower))
		return ERR_PTR(-EREMOTE);
	/*
	 * A negative one can become positive at any time, since its directory
	 * is not locked. Then wtfs_d_revalidate() will see it.
	 */
	lower_inode = READ_ONCE(lower->d_inode);
	wtfs_dentry_dont_cache(dentry, wtfs_lower_inode(dir), lower_inode);
	if (lower_inode)
		inode = wtfs_iget(dentry->d_sb, lower_inode);
	return d_splice_alias(inode, dentry);
}
