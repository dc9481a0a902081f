/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wtfs: a stacking filesystem whose plain write() is a write-through.
 *
 * Every structure, and the functions that one file offers to the others,
 * grouped by the file that defines them. docs/design.md tells how they fit.
 */
#ifndef _WTFS_H
#define _WTFS_H

#ifdef pr_fmt
#undef pr_fmt
#endif
#define pr_fmt(fmt) "wtfs: " fmt

#include <linux/bvec.h>
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/path.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

struct cgroup_subsys_state;
struct export_operations;
struct fs_context;
struct seq_file;
struct writeback_control;
struct wtfs_counters;
struct wtfs_splice;

/* What a plain write() does. */
enum wtfs_mode {
	WTFS_MODE_WRITETHROUGH,	/* on the device when it returns */
	WTFS_MODE_WRITEBACK,	/* only O_DSYNC and O_SYNC go through */
};

/* Which folios may not change while they are under writeback. */
enum wtfs_stable {
	WTFS_STABLE_FOLIO,	/* those under a write-through */
	WTFS_STABLE_MAPPING,	/* all of the inode's */
};

/* Who waits for a folio to become stable. */
enum wtfs_waiter {
	WTFS_WAITER_WRITE,	/* write() */
	WTFS_WAITER_STORE,	/* a mapped store */
	WTFS_WAITER_NR,
};

/* How data is moved to and from the lower file. */
enum wtfs_io_mode {
	WTFS_IO_DIRECT,		/* direct I/O where the lower file can */
	WTFS_IO_BUFFERED,	/* through the lower page cache, always */
};

/**
 * struct wtfs_options - what can be chosen for each mount
 * @mode:	write-through or write-back
 * @stable:	who waits for a folio in flight
 * @io:		direct or buffered lower I/O
 */
struct wtfs_options {
	enum wtfs_mode mode;
	enum wtfs_stable stable;
	enum wtfs_io_mode io;
};

/**
 * struct wtfs_sb_info - a mounted wtfs
 * @live:	in the list of those that have a lower tree, see params.c
 * @lower:	root of the lower tree; pins its mount for as long as we live
 * @cred:	our own credentials, with which lower files are opened: the kernel's,
 *		which no security module confines, whoever mounts
 * @opener:	O_PATH, of @lower: lower files are opened in its name
 * @wb_cred:	for write-back: may use no reserved blocks, pass no quota
 * @wq:		for lower I/O that has to sleep
 * @cgroup_wq:	for that of it which the limits of a cgroup may stop
 * @drop_wq:	for dropping what failed writes leave in the cache, which waits for
 *		folios that @wq may have to write first
 * @counters:	see stats.h; freed when no folio is left
 * @kobj:	/sys/fs/wtfs/<dev>
 * @kobj_gone:	nobody looks at @kobj any more
 * @pin:	the lower's own mount, which it keeps from being unmounted; NULL
 *		when that was unmounted all the same
 * @pin_work:	looks whether it was
 * @looked:	wtfs_reach_report() has been called; @pin_work's
 * @space_checked: when @space_short was found out, jiffies; 0 for never
 * @space_short: the lower has little free space left
 * @idmapped:	there is, or was, an idmapped mount of us (READ_ONCE)
 * @opts:	mount options; a remount changes single fields (READ_ONCE)
 */
struct wtfs_sb_info {
	struct list_head live;
	struct path lower;
	const struct cred *cred;
	struct file *opener;
	const struct cred *wb_cred;
	struct workqueue_struct *wq;
	struct workqueue_struct *cgroup_wq;
	struct workqueue_struct *drop_wq;
	struct vfsmount *pin;
	struct delayed_work pin_work;
	bool looked;
	unsigned long space_checked;
	bool space_short;
	bool idmapped;
	struct wtfs_counters __percpu *counters;
	struct kobject kobj;
	struct completion kobj_gone;
	struct wtfs_options opts;
};

/*
 * The open lower files of an inode, one for each use. They are shared by all
 * who have the wtfs file open.
 */
enum wtfs_lower_use {
	WTFS_LOWER_READ,	/* O_RDONLY */
	WTFS_LOWER_WRITE,	/* O_RDWR; stamps the lower times as write() does */
	WTFS_LOWER_WRITEBACK,	/* O_RDWR; leaves the lower times alone */
	WTFS_LOWER_NR,
};

/**
 * struct wtfs_inode_info - a wtfs inode
 * @lower:	inode below, with a reference
 * @anchor:	a dentry of @lower, with a reference, for dentries of ours that
 *		were made from a file handle, and for write-back when the file
 *		is not open; NULL as long as there were neither. Set once
 * @lower_lock:	serialises opening and closing of @lower_file, and the answers
 *		in @block
 * @lower_file:	open lower files by use; NULL where not open. A slot is read
 *		and changed under @lower_lock.
 * @opens:	open wtfs files of this inode, under @lower_lock
 * @writers:	those of them that are open for writing, under @lower_lock
 * @block:	bytes; direct lower I/O starts and ends at multiples of it, or
 *		0 where the lower file can do no direct I/O, or
 *		WTFS_BLOCK_UNKNOWN: an open file need not be read or written.
 *		Changed under @lower_lock, or from that with cmpxchg()
 * @tail:	1 + index of the lower page that is left cached for the next
 *		append, 0 for none; only a hint, no lock
 * @cached:	held while the lower page cache is written to, until that is
 *		written out: nothing is copied there to what is on its way
 * @along:	bytes written since mapped stores were last written along with a
 *		write, by writes that left some; only a hint, no lock
 * @splicer:	who is splicing to this inode, and has it locked
 * @splice:	for @splicer alone: what the splice has left for later
 * @flight:	bytes of asynchronous writes under way, in whole pages
 * @flight_waiters: tasks that wait for @flight to get less
 * @page_waiters: tasks that wait for pages in flight
 * @phase:	0 or 1: where a write-through that begins is counted
 * @under_way:	write-throughs under way, by the phase in which they began
 * @phase_lock:	held by a task that changes @phase until the older phase has ended
 * @turns:	how often @phase has changed, under @phase_lock
 * @phase_waiter: a task waits for the end of a phase
 * @appended:	byte after the last small append; this and the next two are
 *		under the inode lock, exclusive
 * @allocated:	up to here the lower had blocks then, bytes
 * @ask_at:	below this size it is no use to ask for more, bytes
 * @seen_size:	the lower's size when the last wtfs file was closed, bytes
 * @seen_mtime:	the lower's mtime then; where either differs at the next
 *		open, somebody changed the lower behind our back
 * @seen:	the two are to be looked at by the next open
 * @written_back: a folio was put under writeback; set under its lock, and cleared
 *		by wtfs_fallocate() to know what went on meanwhile
 * @vfs_inode:	what the VFS sees
 */
struct wtfs_inode_info {
	struct inode *lower;
	struct dentry *anchor;
	struct mutex lower_lock;
	struct file *lower_file[WTFS_LOWER_NR];
	unsigned int opens;
	unsigned int writers;
	unsigned int block;
	pgoff_t tail;
	struct mutex cached;
	loff_t along;
	struct task_struct *splicer;
	struct wtfs_splice *splice;
	atomic_long_t flight;
	atomic_t flight_waiters;
	atomic_t page_waiters;
	unsigned int phase;
	atomic_t under_way[2];
	struct mutex phase_lock;
	unsigned int turns;
	bool phase_waiter;
	loff_t appended;
	loff_t allocated;
	loff_t ask_at;
	loff_t seen_size;
	struct timespec64 seen_mtime;
	bool seen;
	bool written_back;
	struct inode vfs_inode;
};

static inline struct wtfs_sb_info *wtfs_sb(const struct super_block *sb)
{
	return sb->s_fs_info;
}

static inline struct wtfs_inode_info *WTFS_I(const struct inode *inode)
{
	return container_of(inode, struct wtfs_inode_info, vfs_inode);
}

static inline struct inode *wtfs_lower_inode(const struct inode *inode)
{
	return WTFS_I(inode)->lower;
}

/* The lower mount of @sb; pinned while @sb is mounted. */
static inline struct vfsmount *wtfs_lower_mnt(const struct super_block *sb)
{
	return wtfs_sb(sb)->lower.mnt;
}

/*
 * The lower dentry, referenced by @dentry until its d_release; or for a moment,
 * when @dentry has just been made from a file handle, by its @inode. A security
 * module may ask for attributes of @inode before @dentry has it.
 */
static inline struct dentry *wtfs_lower_dentry_of(const struct dentry *dentry,
						  const struct inode *inode)
{
	struct dentry *lower = READ_ONCE(dentry->d_fsdata);

	return likely(lower) ? lower : WTFS_I(inode)->anchor;
}

/* The same for a dentry that is known to have its inode, or a lower dentry. */
static inline struct dentry *wtfs_lower_dentry(const struct dentry *dentry)
{
	return wtfs_lower_dentry_of(dentry, dentry->d_inode);
}

/* The lower path of @dentry; valid while @dentry is, no reference taken. */
static inline struct path wtfs_lower_path(const struct dentry *dentry)
{
	return (struct path) {
		.mnt = wtfs_lower_mnt(dentry->d_sb),
		.dentry = wtfs_lower_dentry(dentry),
	};
}

/* wtfs_inode_info.block before the lower was asked. */
#define WTFS_BLOCK_UNKNOWN	UINT_MAX

/*
 * The unit of direct I/O on the lower of @inode, a regular file, in bytes; 0 if
 * none is to be tried.
 */
static inline unsigned int wtfs_lower_direct(const struct inode *inode)
{
	if (READ_ONCE(wtfs_sb(inode->i_sb)->opts.io) != WTFS_IO_DIRECT)
		return 0;
	return READ_ONCE(WTFS_I(inode)->block);
}

/* Is this called under a splice() to @inode, which is locked by it? */
static inline bool wtfs_is_spliced_to(const struct inode *inode)
{
	return unlikely(READ_ONCE(WTFS_I(inode)->splicer) == current);
}

/*
 * The lower's freeze protection, for a write to @inode; wtfs_splice_begin() has
 * got it for a splice.
 */
static inline void wtfs_lower_start_write(const struct inode *inode)
{
	if (!wtfs_is_spliced_to(inode))
		sb_start_write(wtfs_lower_inode(inode)->i_sb);
}

static inline void wtfs_lower_end_write(const struct inode *inode)
{
	if (!wtfs_is_spliced_to(inode))
		sb_end_write(wtfs_lower_inode(inode)->i_sb);
}

/*
 * The open lower file of an open wtfs file, with a reference that lasts as
 * long as the wtfs file; for regular files and directories.
 */
static inline struct file *wtfs_lower_file(const struct file *file)
{
	return file->private_data;
}

/* main.c */
extern struct kmem_cache *wtfs_inode_cachep;
enum wtfs_stable wtfs_default_stable(void);

/* params.c */
extern struct file_system_type wtfs_fs_type;
int wtfs_show_options(struct seq_file *m, struct dentry *root);
void wtfs_live_remove(struct wtfs_sb_info *sbi);

/* super.c */
int wtfs_fill_super(struct super_block *sb, struct fs_context *fc);
const struct cred *wtfs_cred_begin(struct super_block *sb);
void wtfs_cred_end(const struct cred *old);
void wtfs_sb_info_free(struct wtfs_sb_info *sbi);
void wtfs_kill_sb(struct super_block *sb);
void wtfs_sb_each_inode(struct super_block *sb,
			bool (*wants)(const struct inode *inode),
			void (*fn)(struct inode *inode, void *data), void *data);

/* pin.c */
void wtfs_pin_start(struct wtfs_sb_info *sbi, struct vfsmount *mnt);
void wtfs_pin_stop(struct wtfs_sb_info *sbi);

/* reach.c */
void wtfs_reach_report(const struct wtfs_sb_info *sbi);
void wtfs_reach_writers(const struct wtfs_sb_info *sbi, const char *source);
bool wtfs_fault_is_deadlock(const struct inode *inode);

/* lookup.c */
extern const struct dentry_operations wtfs_dops;
bool wtfs_dentry_is_weird(const struct dentry *lower);
void wtfs_dentry_attach(struct dentry *dentry, struct dentry *lower);
bool wtfs_dentry_same_name(const struct dentry *dentry,
			   const struct dentry *lower);
void wtfs_dentry_busy(struct dentry *dentry);
void wtfs_dentry_idle(struct dentry *dentry);
int wtfs_d_revalidate(struct inode *dir, const struct qstr *name,
		      struct dentry *dentry, unsigned int flags);
struct dentry *wtfs_lookup(struct inode *dir, struct dentry *dentry,
			   unsigned int flags);
struct inode *wtfs_iget(struct super_block *sb, struct inode *lower);
void wtfs_inode_anchor(struct inode *inode, struct dentry *lower);
int wtfs_interpose(struct dentry *dentry, struct dentry *lower);
struct dentry *wtfs_dentry_obtain(struct super_block *sb, struct dentry *lower);

/* export.c */
extern const struct export_operations wtfs_export_ops;
int wtfs_commit_metadata(struct inode *inode);

/* inode.c */
extern const struct inode_operations wtfs_file_iops;
extern const struct inode_operations wtfs_symlink_iops;
extern const struct inode_operations wtfs_special_iops;
int wtfs_setattr(struct mnt_idmap *idmap, struct dentry *dentry,
		 struct iattr *attr);
int wtfs_getattr(struct mnt_idmap *idmap, const struct path *path,
		 struct kstat *stat, u32 request_mask, unsigned int flags);
int wtfs_permission(struct mnt_idmap *idmap, struct inode *inode, int mask);
int wtfs_fileattr_get(struct dentry *dentry, struct file_kattr *fa);
int wtfs_fileattr_set(struct mnt_idmap *idmap, struct dentry *dentry,
		      struct file_kattr *fa);
void wtfs_inode_copy_attr(struct inode *inode);
void wtfs_inode_copy_blocks(struct inode *inode);
bool wtfs_inode_is_stale(const struct inode *inode);
int wtfs_sync_attr(struct inode *inode);
int wtfs_update_time(struct inode *inode, enum fs_update_time type,
		     unsigned int flags);

/* xattr.c */
extern const struct xattr_handler *const wtfs_xattr_handlers[];
ssize_t wtfs_listxattr(struct dentry *dentry, char *list, size_t size);

/* dir.c */
int wtfs_create(struct mnt_idmap *idmap, struct inode *dir,
		struct dentry *dentry, umode_t mode);
struct dentry *wtfs_mkdir(struct mnt_idmap *idmap, struct inode *dir,
			  struct dentry *dentry, umode_t mode);
extern const struct inode_operations wtfs_dir_iops;
extern const struct file_operations wtfs_dir_fops;
extern const struct file_operations wtfs_dir_lease_fops;

/* file.c */
extern const struct file_operations wtfs_file_fops;
extern const struct file_operations wtfs_file_remap_fops;
int wtfs_sync_change(struct file *file);

/* fallocate.c */
long wtfs_fallocate(struct file *file, int mode, loff_t offset, loff_t len);

/* splice.c */
void wtfs_splice_written(struct inode *inode);
int wtfs_splice_again(struct inode *inode);
int wtfs_splice_again_at(struct inode *inode, loff_t pos, bool fill);
void wtfs_splice_failed(struct inode *inode, loff_t start, loff_t end,
			bool extends);
int wtfs_splice_begin(struct inode *inode);
void wtfs_splice_end(struct inode *inode);
ssize_t wtfs_splice_write(struct pipe_inode_info *pipe, struct file *out,
			  loff_t *ppos, size_t len, unsigned int flags);

/* lower_call.c */
struct file *wtfs_lower_opener(const struct wtfs_sb_info *sbi);
struct file *wtfs_lower_open(struct super_block *sb, const struct path *lower,
			     int flags);
int wtfs_lower_statfs(struct super_block *sb, const struct path *lower,
		      struct kstatfs *st);
int wtfs_lower_iterate(struct file *lower, struct dir_context *ctx);
int wtfs_lower_fallocate(struct file *lower, int mode, loff_t pos, loff_t len);
loff_t wtfs_lower_remap(struct file *in, loff_t pos_in, struct file *out,
			loff_t pos_out, loff_t len, unsigned int flags);

/* submitter.c */

/**
 * struct wtfs_submitter - who has submitted an asynchronous write
 * @cred:	the credentials
 * @blkcg:	the cgroup that the I/O is for
 * @memcg:	the cgroup that memory is charged to
 */
struct wtfs_submitter {
	const struct cred *cred;
#ifdef CONFIG_BLK_CGROUP
	struct cgroup_subsys_state *blkcg;
#endif
#ifdef CONFIG_MEMCG
	struct cgroup_subsys_state *memcg;
#endif
};

/**
 * struct wtfs_acting - a work item that acts for a submitter
 * @who:	the submitter, with references of its own
 * @old_cred:	credentials of the work item
 * @old_memcg:	the cgroup that its memory was charged to
 */
struct wtfs_acting {
	struct wtfs_submitter who;
	const struct cred *old_cred;
	struct mem_cgroup *old_memcg;
};

void wtfs_submitter_get(struct wtfs_submitter *who);
void wtfs_submitter_put(const struct wtfs_submitter *who);
void wtfs_submitter_enter(struct wtfs_acting *acting,
			  const struct wtfs_submitter *who);
void wtfs_submitter_leave(const struct wtfs_acting *acting);

/* remap.c */
loff_t wtfs_remap_file_range(struct file *in, loff_t pos_in, struct file *out,
			     loff_t pos_out, loff_t len, unsigned int flags);

/* ioctl.c */
long wtfs_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
#ifdef CONFIG_COMPAT
long wtfs_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
#else
#define wtfs_compat_ioctl	NULL
#endif

/* reserve.c */
int wtfs_reserve(struct file *file, loff_t pos, loff_t len);

/* mmap.c */
extern const struct vm_operations_struct wtfs_vm_ops;

/* write.c */
int wtfs_write_init(void);
void wtfs_write_exit(void);
ssize_t wtfs_write_iter(struct kiocb *iocb, struct iov_iter *from);
ssize_t wtfs_write_settle(struct file *file, loff_t pos, ssize_t len);
void wtfs_write_failed(struct inode *inode, struct file *lower, loff_t start,
		       loff_t end, bool extends);

/* stable.c */
bool wtfs_lower_needs_stable(const struct super_block *lower);
void wtfs_stable_init(struct inode *inode);
bool wtfs_mode_is_through(const struct inode *inode);
bool wtfs_write_is_through(const struct kiocb *iocb);
bool wtfs_folio_may_write(struct folio *folio, bool through,
			  unsigned long pages);
bool wtfs_folio_wait_write(struct folio *folio, bool through,
			   unsigned long pages);
bool wtfs_folio_in_flight(struct folio *folio, unsigned long pages);
void wtfs_folio_wait_flight(struct folio *folio, unsigned long pages);
bool wtfs_folio_may_store(struct folio *folio, unsigned long pages);
void wtfs_folio_wait_store(struct folio *folio, unsigned long pages);
void wtfs_folio_start_taken(struct folio *folio);
void wtfs_folio_start_through(struct folio *folio, unsigned long pages);
void wtfs_folio_end_through(struct inode *inode, struct folio *folio,
			    unsigned long pages);

/* The largest folio whose pages have a bit each in an unsigned long. */
#define WTFS_MAX_ORDER		ilog2(BITS_PER_LONG)

/* stats.c; what is counted on the way of a write is in stats.h */
int wtfs_stats_init(void);
void wtfs_stats_exit(void);
int wtfs_stats_alloc(struct wtfs_sb_info *sbi);
void wtfs_stats_free(struct wtfs_sb_info *sbi);
int wtfs_stats_publish(struct super_block *sb);
void wtfs_stats_hide(struct wtfs_sb_info *sbi);
void wtfs_stats_wait(const struct inode *inode, struct folio *folio,
		     enum wtfs_waiter waiter, u64 ns);

/* cache.c */
extern const struct address_space_operations wtfs_aops;
void wtfs_cache_init(struct inode *inode);
void wtfs_cache_flush(struct inode *inode, loff_t start, loff_t end);
int wtfs_cache_fill(struct file *file, loff_t pos, gfp_t gfp);
void wtfs_cache_drop(struct inode *inode, loff_t start, loff_t end);
int wtfs_cache_forget(struct inode *inode, loff_t start, loff_t end);
int wtfs_cache_zero_eof(struct inode *inode);
void wtfs_cache_extend(struct inode *inode, loff_t size);
void wtfs_cache_revalidate(struct inode *inode);
void wtfs_cache_remember(struct inode *inode);
bool wtfs_cache_is_outdated(const struct inode *inode);
bool wtfs_cache_is_known(const struct inode *inode);

/* lower_file.c */
struct file *wtfs_lower_file_open(struct inode *inode, const struct path *lower,
				  enum wtfs_lower_use use);
struct file *wtfs_lower_file_get(struct inode *inode, enum wtfs_lower_use use);
void wtfs_lower_file_close(struct inode *inode, struct file *lower);
int wtfs_lower_file_expect(struct file *file);
void wtfs_lower_file_evict(struct inode *inode);
int wtfs_lower_file_take_error(struct inode *inode);
int wtfs_lower_file_touch(struct file *lower);
void wtfs_lower_ask_block(struct inode *inode, const struct file *lower);
void wtfs_lower_block_changed(struct inode *inode);

/* To be called before any I/O on @lower. Context: process. */
static inline void wtfs_lower_know_block(struct inode *inode,
					 const struct file *lower)
{
	if (unlikely(READ_ONCE(WTFS_I(inode)->block) == WTFS_BLOCK_UNKNOWN))
		wtfs_lower_ask_block(inode, lower);
}

/*
 * Does a write at @pos leap over the end of the lower file, which makes the lower
 * zero in its cache what the file gains before it? On a write-back mount our file
 * may be longer.
 */
static inline bool wtfs_lower_leaps(const struct file *lower, loff_t pos)
{
	return pos > i_size_read(file_inode(lower));
}

/* lower_io.c */

/**
 * struct wtfs_span - folios of one inode that follow each other
 * @pos:	file offset of the first byte of @bvec, bytes
 * @len:	bytes in all of @bvec
 * @bvec:	one entry for each folio
 * @nr:		entries in use
 */
struct wtfs_span {
	loff_t pos;
	size_t len;
	struct bio_vec *bvec;
	unsigned int nr;
};

#define WTFS_INLINE_BVECS	8

/**
 * struct wtfs_lower_io - one request to a lower file that somebody waits for
 *			  by its folios
 * @iocb:	what the lower works on; holds a reference on the lower file if
 *		it was taken by wtfs_lower_io_alloc()
 * @ref:	one for the submitter, one for the completion
 * @cache:	what the request, or what it is the first member of, is freed to;
 *		set by the constructor
 * @inode:	the wtfs inode; pinned by its folios until @end
 * @end:	called once, when the I/O is over: result as of write_iter, any
 *		context; must end the folios, after which @inode may be gone
 * @work:	for what must sleep, buffered I/O and errors: does all of the
 *		I/O once more
 * @span:	folios that hold the data
 * @pos:	first byte to move, file offset, within @span
 * @len:	bytes to move
 * @max:	entries that fit in @span
 * @res:	why @work is called
 * @blkcg:	of write-back, whom @work has to charge it to; NULL for nobody, as
 *		for what is not from wtfs_lower_io_alloc()
 * @write:	direction
 * @noio:	@work must not reclaim memory by I/O
 * @bvec:	room for small requests
 */
struct wtfs_lower_io {
	struct kiocb iocb;
	refcount_t ref;
	struct kmem_cache *cache;
	struct inode *inode;
	void (*end)(struct wtfs_lower_io *io, long res);
	struct work_struct work;
	struct wtfs_span span;
	loff_t pos;
	size_t len;
	unsigned int max;
	long res;
	struct cgroup_subsys_state *blkcg;
	bool write;
	bool noio;
	struct bio_vec bvec[WTFS_INLINE_BVECS];
};

int wtfs_lower_io_init(void);
void wtfs_lower_io_exit(void);
int wtfs_lower_io_start_sb(struct wtfs_sb_info *sbi);
void wtfs_lower_io_stop_sb(struct wtfs_sb_info *sbi);
struct wtfs_lower_io *wtfs_lower_io_alloc(struct inode *inode,
					  struct file *lower, loff_t pos,
					  unsigned int max);
bool wtfs_lower_io_add(struct wtfs_lower_io *io, struct folio *folio,
		       size_t len);
void wtfs_lower_io_setup(struct wtfs_lower_io *io, struct inode *inode,
			 work_func_t work);
unsigned int wtfs_lower_io_work_begin(const struct wtfs_lower_io *io);
void wtfs_lower_io_work_end(unsigned int old);
void wtfs_lower_io_submit(struct wtfs_lower_io *io);
void wtfs_lower_io_submit_write(struct wtfs_lower_io *io, bool direct);
bool wtfs_lower_io_blocked(const struct wtfs_lower_io *io);
void wtfs_lower_io_resubmit(struct wtfs_lower_io *io);
void wtfs_lower_io_finish(struct wtfs_lower_io *io, long res);
ssize_t wtfs_lower_write(struct inode *inode, struct kiocb *iocb,
			 const struct wtfs_span *span, loff_t pos, size_t len,
			 bool direct);
errseq_t wtfs_lower_mark(struct file *lower);
void wtfs_lower_flush(struct inode *inode);
int wtfs_lower_settle(struct inode *inode, struct file *lower, loff_t pos,
		      loff_t len, errseq_t mark);
void wtfs_lower_drop_tail(struct inode *inode, struct file *lower);

/* flight.c */
void wtfs_flight_init(void);
unsigned long wtfs_flight_limit(void);
int wtfs_flight_begin(struct kiocb *iocb, size_t len);
void wtfs_flight_end(struct inode *inode, size_t len);
int wtfs_flight_ebb(struct kiocb *iocb);
void wtfs_flight_drain(struct inode *inode);
void wtfs_phase_wait(struct inode *inode);

/*
 * A write-through is about to copy into the cache. Pairs with wtfs_phase_end(), which
 * gets what this returns.
 */
static inline unsigned int wtfs_phase_begin(struct inode *inode)
{
	struct wtfs_inode_info *wi = WTFS_I(inode);
	unsigned int phase = READ_ONCE(wi->phase);

	atomic_inc(&wi->under_way[phase]);
	/* Before anybody can read what is copied. Pairs with wtfs_phase_wait() */
	smp_mb__after_atomic();
	return phase;
}

/* It is on the device, or has failed; or nothing was copied. Context: any. */
static inline void wtfs_phase_end(struct inode *inode, unsigned int phase)
{
	struct wtfs_inode_info *wi = WTFS_I(inode);
	atomic_t *under_way = &wi->under_way[phase];

	/* A full barrier: pairs with that in wtfs_phase_wait_end() */
	if (atomic_dec_and_test(under_way) &&
	    unlikely(READ_ONCE(wi->phase_waiter)))
		wake_up_var(under_way);
}

/* Is any write-through of @inode under way? */
static inline bool wtfs_phase_is_busy(const struct inode *inode)
{
	const struct wtfs_inode_info *wi = WTFS_I(inode);

	return atomic_read_acquire(&wi->under_way[0]) ||
		atomic_read_acquire(&wi->under_way[1]);
}

/* charge.c */
#ifdef CONFIG_CGROUP_WRITEBACK
void wtfs_charge_attach_slow(struct inode *inode);
#endif

/*
 * Have @inode belong to a flusher, the current task's unless it has one. A write with
 * RWF_DONTCACHE needs that, since it puts folios under writeback that were not dirty
 * before; what is stored belongs to the cgroup of its folio without our doing.
 */
static inline void wtfs_charge_attach(struct inode *inode)
{
#ifdef CONFIG_CGROUP_WRITEBACK
	if (unlikely(!READ_ONCE(inode->i_wb)))
		wtfs_charge_attach_slow(inode);
#endif
}

void wtfs_charge_set(struct wtfs_lower_io *io,
		     const struct writeback_control *wbc);
void wtfs_charge_put(const struct wtfs_lower_io *io);
void wtfs_charge_begin(const struct wtfs_lower_io *io);
void wtfs_charge_end(void);
bool wtfs_charge_is_limited(const struct wtfs_lower_io *io);
bool wtfs_charge_is_foreign(const struct wtfs_lower_io *io);

/* chunk.c */

/* Writes of up to this never interleave with each other, bytes. */
#define WTFS_CHUNK		SZ_1M

/**
 * struct wtfs_chunk - a part of a write(), with its folios locked at once
 * @iocb:	the write
 * @inode:	locked, exclusive where the chunk ends behind @size
 * @lower:	the lower file
 * @pos:	first byte, file offset
 * @end:	byte after the last one; pulled in when the copy is short
 * @size:	i_size, bytes
 * @block:	unit of direct lower writes, bytes; 0 for none
 * @through:	goes to the device at once, rather than being left dirty
 * @nowait:	rather -EAGAIN than waiting for a folio
 * @gfp:	for new folios
 * @start_io:	first byte that is written: @pos or before it
 * @end_io:	byte after the last one that is written: @end or after it
 * @tail:	from here on it is written through the lower page cache
 * @span:	the folios, each referenced: first each whole in its bvec, then
 *		only what is written
 * @first_pages: of the first folio those that are written, a bit each
 * @phase:	from wtfs_phase_begin(), while it is under write-through
 * @fill:	where a folio has to be read in before the chunk can go on, or -1
 * @head_dirty:	the first folio held mapped stores before what was copied
 * @last_dirty:	the last one held some behind it
 * @taken:	there are such stores, and all of them are written along
 * @replaced_end: end of the last folio with mapped stores that was overwritten whole,
 *		file offset; 0 for none
 * @whole:	all that was to be written has been
 * @asks:	the lower may allocate ahead for this append
 * @bvec:	room for a small @span
 */
struct wtfs_chunk {
	struct kiocb *iocb;
	struct inode *inode;
	struct file *lower;
	loff_t pos;
	loff_t end;
	loff_t size;
	unsigned int block;
	bool through;
	bool nowait;
	gfp_t gfp;
	loff_t start_io;
	loff_t end_io;
	loff_t tail;
	struct wtfs_span span;
	unsigned long first_pages;
	unsigned int phase;
	loff_t fill;
	bool head_dirty;
	bool last_dirty;
	bool taken;
	loff_t replaced_end;
	bool whole;
	bool asks;
	struct bio_vec bvec[WTFS_INLINE_BVECS];
};

int wtfs_chunk_init(struct wtfs_chunk *c, struct kiocb *iocb, size_t count,
		    bool through);
void wtfs_chunk_free(struct wtfs_chunk *c);
int wtfs_chunk_lock(struct wtfs_chunk *c);
size_t wtfs_chunk_copy(struct wtfs_chunk *c, struct iov_iter *from);
size_t wtfs_chunk_copy_back(struct wtfs_chunk *c, struct iov_iter *from);
void wtfs_chunk_start(struct wtfs_chunk *c);
void wtfs_chunk_learn(const struct wtfs_chunk *c);
void wtfs_chunk_redirty(struct wtfs_chunk *c);
void wtfs_chunk_finish(struct wtfs_chunk *c);

#endif /* _WTFS_H */
