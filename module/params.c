// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mounting and remounting: the options, and what may be a lower directory.
 */
#include <linux/cred.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/namei.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "wtfs.h"

/*
 * Options on their way into a mount. A remount changes only what it was given,
 * even if the context was made before another remount.
 */
struct wtfs_fs_context {
	struct wtfs_options opts;	/* valid where the bit in @given is */
	unsigned int given;		/* BIT() of enum wtfs_opt_field */
	struct path source;		/* of FSCONFIG_SET_FD or SET_PATH */
};

enum wtfs_opt_field {
	WTFS_GIVEN_MODE,
	WTFS_GIVEN_STABLE,
	WTFS_GIVEN_IO,
};

enum wtfs_opt {
	WTFS_OPT_WRITETHROUGH,
	WTFS_OPT_WRITEBACK,
	WTFS_OPT_STABLE,
	WTFS_OPT_IO,
};

static const struct constant_table wtfs_param_stable[] = {
	{ "folio",	WTFS_STABLE_FOLIO },
	{ "mapping",	WTFS_STABLE_MAPPING },
	{}
};

static const struct constant_table wtfs_param_io[] = {
	{ "direct",	WTFS_IO_DIRECT },
	{ "buffered",	WTFS_IO_BUFFERED },
	{}
};

static const struct fs_parameter_spec wtfs_param_spec[] = {
	fsparam_flag("writethrough", WTFS_OPT_WRITETHROUGH),
	fsparam_flag("writeback", WTFS_OPT_WRITEBACK),
	fsparam_enum("stable", WTFS_OPT_STABLE, wtfs_param_stable),
	fsparam_enum("io", WTFS_OPT_IO, wtfs_param_io),
	{}
};

/* For those who look into /proc/mounts. */
static int wtfs_name_source(struct fs_context *fc, const struct path *path)
{
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL_ACCOUNT);
	char *name;

	if (!buf)
		return -ENOMEM;
	name = d_path(path, buf, PATH_MAX);
	if (!IS_ERR(name))
		fc->source = kstrdup(name, GFP_KERNEL_ACCOUNT);
	kfree(buf);
	if (IS_ERR(name))
		return PTR_ERR(name);
	return fc->source ? 0 : -ENOMEM;
}

/*
 * A lower directory that is not given by a string: an open one, or a path that
 * starts at one. Return: -ENOPARAM for a string, which the VFS keeps for us.
 */
static int wtfs_parse_source(struct fs_context *fc, struct fs_parameter *param)
{
	struct wtfs_fs_context *ctx = fc->fs_private;
	struct path path;
	int err = 0;

	if (param->type != fs_value_is_file &&
	    param->type != fs_value_is_filename)
		return -ENOPARAM;
	if (fc->source)
		return invalfc(fc, "Multiple sources");
	if (param->type == fs_value_is_file) {
		path = param->file->f_path;
		path_get(&path);
	} else {
		err = fs_lookup_param(fc, param, false, LOOKUP_FOLLOW, &path);
	}
	if (err)
		return err;
	/* Both or neither: the context can be used after a parameter failed. */
	err = wtfs_name_source(fc, &path);
	if (err)
		path_put(&path);
	else
		ctx->source = path;
	return err;
}

static int wtfs_parse_param(struct fs_context *fc, struct fs_parameter *param)
{
	struct wtfs_fs_context *ctx = fc->fs_private;
	struct fs_parse_result result;
	int opt;

	if (!strcmp(param->key, "source"))
		return wtfs_parse_source(fc, param);
	opt = fs_parse(fc, wtfs_param_spec, param, &result);
	switch (opt) {
	case WTFS_OPT_WRITETHROUGH:
	case WTFS_OPT_WRITEBACK:
		ctx->opts.mode = opt == WTFS_OPT_WRITEBACK ? WTFS_MODE_WRITEBACK :
							WTFS_MODE_WRITETHROUGH;
		ctx->given |= BIT(WTFS_GIVEN_MODE);
		return 0;
	case WTFS_OPT_STABLE:
		ctx->opts.stable = result.uint_32;
		ctx->given |= BIT(WTFS_GIVEN_STABLE);
		return 0;
	case WTFS_OPT_IO:
		ctx->opts.io = result.uint_32;
		ctx->given |= BIT(WTFS_GIVEN_IO);
		return 0;
	default:
		return opt;
	}
}

/* Set what is in @given, BIT()s of enum wtfs_opt_field; readers take no lock. */
static void wtfs_apply_options(const struct wtfs_options *from,
			       unsigned int given, struct wtfs_options *opts)
{
	if (given & BIT(WTFS_GIVEN_MODE))
		WRITE_ONCE(opts->mode, from->mode);
	if (given & BIT(WTFS_GIVEN_STABLE))
		WRITE_ONCE(opts->stable, from->stable);
	if (given & BIT(WTFS_GIVEN_IO))
		WRITE_ONCE(opts->io, from->io);
}

/*
 * Of what is in @given, what promises the most that there is. The rest promises
 * less, or, for io, the same.
 */
static unsigned int wtfs_stricter_options(const struct wtfs_options *from,
					  unsigned int given)
{
	unsigned int stricter = 0;

	if (from->mode == WTFS_MODE_WRITETHROUGH)
		stricter |= BIT(WTFS_GIVEN_MODE);
	if (from->stable == WTFS_STABLE_MAPPING)
		stricter |= BIT(WTFS_GIVEN_STABLE);
	return given & stricter;
}

/**
 * wtfs_show_options - the options for /proc/mounts, where not the default
 * @m: where to
 * @root: of the mount
 */
int wtfs_show_options(struct seq_file *m, struct dentry *root)
{
	const struct wtfs_options *opts = &wtfs_sb(root->d_sb)->opts;

	if (READ_ONCE(opts->mode) == WTFS_MODE_WRITEBACK)
		seq_puts(m, ",writeback");
	if (READ_ONCE(opts->stable) == WTFS_STABLE_MAPPING)
		seq_puts(m, ",stable=mapping");
	if (READ_ONCE(opts->io) == WTFS_IO_BUFFERED)
		seq_puts(m, ",io=buffered");
	return 0;
}

/*
 * What the lower needs goes before what was asked for, @wanted if nothing was:
 * it is only stricter.
 */
static void wtfs_force_stable(struct fs_context *fc,
			      const struct super_block *lower,
			      enum wtfs_stable wanted)
{
	struct wtfs_fs_context *ctx = fc->fs_private;

	if (ctx->given & BIT(WTFS_GIVEN_STABLE))
		wanted = ctx->opts.stable;
	if (wanted == WTFS_STABLE_MAPPING || !wtfs_lower_needs_stable(lower))
		return;
	pr_notice("stable=mapping, since the lower %s on %s needs stable pages\n",
		  lower->s_type->name, lower->s_id);
	ctx->opts.stable = WTFS_STABLE_MAPPING;
	ctx->given |= BIT(WTFS_GIVEN_STABLE);
}

/* Every wtfs that has a lower tree, and the lock of the list. */
static LIST_HEAD(wtfs_live);
static DEFINE_MUTEX(wtfs_live_lock);

static bool wtfs_trees_overlap(struct dentry *a, struct dentry *b)
{
	return a->d_sb == b->d_sb && (is_subdir(a, b) || is_subdir(b, a));
}

/* Called under wtfs_live_lock. */
static bool wtfs_lower_is_taken(struct dentry *lower)
{
	const struct wtfs_sb_info *other;

	list_for_each_entry(other, &wtfs_live, live)
		if (wtfs_trees_overlap(other->lower.dentry, lower))
			return true;
	return false;
}

/*
 * Only one wtfs may cache a lower file: of two, each would fill up what a write
 * leaves of a block from a cache that knows nothing of the other's writes.
 */
static int wtfs_live_add(struct fs_context *fc, struct wtfs_sb_info *sbi)
{
	int err = 0;

	mutex_lock(&wtfs_live_lock);
	if (wtfs_lower_is_taken(sbi->lower.dentry))
		err = -EBUSY;
	else
		list_add(&sbi->live, &wtfs_live);
	mutex_unlock(&wtfs_live_lock);
	if (err)
		errorfc(fc,
			"the lower directory %s, or one above or below it, is already mounted by a wtfs: bind-mount that",
			fc->source);
	return err;
}

/**
 * wtfs_live_remove - let another wtfs have the lower tree
 * @sbi: caches nothing any more; perhaps was not in the list
 *
 * Context: process; sleeps.
 */
void wtfs_live_remove(struct wtfs_sb_info *sbi)
{
	mutex_lock(&wtfs_live_lock);
	list_del_init(&sbi->live);
	mutex_unlock(&wtfs_live_lock);
}

static int wtfs_use_source(struct fs_context *fc, struct path *path)
{
	const struct wtfs_fs_context *ctx = fc->fs_private;

	if (!d_is_dir(ctx->source.dentry)) {
		errorfc(fc, "the lower %s is not a directory", fc->source);
		return -ENOTDIR;
	}
	*path = ctx->source;
	path_get(path);
	return 0;
}

/* Look LOWERDIR up now: the mount may be about to cover it. */
static int wtfs_lookup_lower(struct fs_context *fc, struct path *path)
{
	const struct wtfs_fs_context *ctx = fc->fs_private;
	int err;

	if (ctx->source.dentry)
		return wtfs_use_source(fc, path);
	if (!fc->source || !*fc->source)
		return invalfc(fc,
			       "the lower directory is missing: mount -t wtfs LOWERDIR MOUNTPOINT");
	err = kern_path(fc->source, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, path);
	if (err == -ENOENT)
		errorfc(fc, "the lower directory %s does not exist",
			fc->source);
	else if (err == -ENOTDIR)
		errorfc(fc, "the lower %s is not a directory", fc->source);
	else if (err)
		errorfc(fc, "the lower directory %s cannot be looked up: error %d",
			fc->source, -err);
	return err;
}

static int wtfs_check_lower(struct fs_context *fc, const struct path *path)
{
	const struct super_block *sb = path->dentry->d_sb;

	if (sb->s_type == &wtfs_fs_type)
		return invalfc(fc,
			       "the lower directory %s is on wtfs already",
			       fc->source);
	if (sb->s_stack_depth >= FILESYSTEM_MAX_STACK_DEPTH)
		return invalfc(fc,
			       "the lower directory %s is on a stack of filesystems that is as deep as can be",
			       fc->source);
	if (is_idmapped_mnt(path->mnt))
		return invalfc(fc,
			       "the lower directory %s is on an idmapped mount, which is not supported",
			       fc->source);
	if (sb->s_user_ns != &init_user_ns || fc->user_ns != &init_user_ns)
		return invalfc(fc,
			       "mounting from or in a user namespace is not supported");
	if (wtfs_dentry_is_weird(path->dentry))
		return invalfc(fc,
			       "the lower directory %s is on a filesystem with its own rules for names, which is not supported",
			       fc->source);
	return 0;
}

/*
 * As overlayfs does, stack on a private clone of the lower mount and not on
 * the mount itself. In "mount -t wtfs /data /data" our mount sits on the lower
 * one: if our superblock also pinned that one, and both were unmounted as one
 * connected tree (which is what removing the mountpoint in another namespace
 * does), neither could ever go away. A clone also keeps its flags whatever is
 * remounted, and no mount or unmount propagates into it.
 */
static int wtfs_clone_lower(struct fs_context *fc, const struct path *path,
			    struct wtfs_sb_info *sbi)
{
	struct vfsmount *mnt = clone_private_mount(path);

	if (IS_ERR(mnt)) {
		errorfc(fc,
			"the mount of the lower directory %s cannot be cloned: it is unbindable, of another mount namespace, of one in which the caller is not privileged, or has locked mounts below",
			fc->source);
		return PTR_ERR(mnt);
	}
	/* Our own mount says whether relatime or strictatime is wanted. */
	mnt->mnt_flags &= ~MNT_RELATIME;
	wtfs_pin_start(sbi, path->mnt);
	sbi->lower.mnt = mnt;
	sbi->lower.dentry = dget(path->dentry);
	return 0;
}

static int wtfs_get_lower(struct fs_context *fc)
{
	struct wtfs_sb_info *sbi = fc->s_fs_info;
	struct path path;
	int err;

	err = wtfs_lookup_lower(fc, &path);
	if (err)
		return err;
	err = wtfs_check_lower(fc, &path);
	if (!err)
		err = wtfs_clone_lower(fc, &path, sbi);
	if (!err)
		err = wtfs_live_add(fc, sbi);
	path_put(&path);
	return err;
}

static int wtfs_get_tree(struct fs_context *fc)
{
	const struct wtfs_fs_context *ctx = fc->fs_private;
	struct wtfs_sb_info *sbi = fc->s_fs_info;
	int err;

	err = wtfs_get_lower(fc);
	if (err)
		return err;
	sbi->cred = prepare_kernel_cred(&init_task);
	if (!sbi->cred)
		return -ENOMEM;
	sbi->opener = wtfs_lower_opener(sbi);
	if (IS_ERR(sbi->opener))
		return PTR_ERR(sbi->opener);
	err = wtfs_lower_io_start_sb(sbi);
	if (!err)
		err = wtfs_stats_alloc(sbi);
	if (err)
		return err;
	sbi->opts.stable = wtfs_default_stable();
	wtfs_force_stable(fc, sbi->lower.dentry->d_sb, sbi->opts.stable);
	wtfs_apply_options(&ctx->opts, ctx->given, &sbi->opts);
	wtfs_reach_writers(sbi, fc->source);
	return get_tree_nodev(fc, wtfs_fill_super);
}

static int wtfs_reconfigure(struct fs_context *fc)
{
	struct super_block *sb = fc->root->d_sb;
	const struct wtfs_fs_context *ctx = fc->fs_private;
	struct wtfs_sb_info *sbi = wtfs_sb(sb);
	const struct wtfs_options old = sbi->opts;
	unsigned int stricter;
	int err;

	if (sb_rdonly(sb) && !(fc->sb_flags & SB_RDONLY) &&
	    (fc->sb_flags_mask & SB_RDONLY) && __mnt_is_readonly(sbi->lower.mnt)) {
		errorfc(fc, "cannot become writable: the lower is read-only");
		return -EROFS;
	}
	wtfs_force_stable(fc, sbi->lower.dentry->d_sb, sbi->opts.stable);
	stricter = wtfs_stricter_options(&ctx->opts, ctx->given);
	wtfs_apply_options(&ctx->opts, stricter, &sbi->opts);
	/*
	 * Nothing of write-back may be left when it is off, or we are read-only:
	 * so first the stricter options, and then this. If it fails nothing has
	 * changed. The others come after it, or a write() meanwhile would have
	 * been acknowledged by a mode that the mount never came to have. The barrier
	 * pairs with that in wtfs_write_settle().
	 */
	smp_mb();
	err = sync_filesystem(sb);
	if (err)
		wtfs_apply_options(&old, stricter, &sbi->opts);
	else
		wtfs_apply_options(&ctx->opts, ctx->given, &sbi->opts);
	return err;
}

static void wtfs_free_fc(struct fs_context *fc)
{
	struct wtfs_fs_context *ctx = fc->fs_private;

	/* Where there is a superblock, it has got this. */
	wtfs_sb_info_free(fc->s_fs_info);
	path_put(&ctx->source);
	kfree(ctx);
}

static const struct fs_context_operations wtfs_context_ops = {
	.free		= wtfs_free_fc,
	.parse_param	= wtfs_parse_param,
	.get_tree	= wtfs_get_tree,
	.reconfigure	= wtfs_reconfigure,
};

static int wtfs_init_fs_context(struct fs_context *fc)
{
	struct wtfs_fs_context *ctx;
	struct wtfs_sb_info *sbi;

	ctx = kzalloc_obj(*ctx, GFP_KERNEL_ACCOUNT);
	if (!ctx)
		return -ENOMEM;
	if (fc->purpose != FS_CONTEXT_FOR_RECONFIGURE) {
		sbi = kzalloc_obj(*sbi, GFP_KERNEL_ACCOUNT);
		if (!sbi) {
			kfree(ctx);
			return -ENOMEM;
		}
		INIT_LIST_HEAD(&sbi->live);
		fc->s_fs_info = sbi;
	}
	fc->fs_private = ctx;
	fc->ops = &wtfs_context_ops;
	return 0;
}

struct file_system_type wtfs_fs_type = {
	.owner			= THIS_MODULE,
	.name			= "wtfs",
	.init_fs_context	= wtfs_init_fs_context,
	.parameters		= wtfs_param_spec,
	.kill_sb		= wtfs_kill_sb,
	.fs_flags		= FS_ALLOW_IDMAP,
};
