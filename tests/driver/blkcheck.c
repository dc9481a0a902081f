// SPDX-License-Identifier: GPL-2.0-only
/*
 * A block device in memory that notices when what it is given to write changes
 * while it is on its way. It takes a checksum of each sector when a write is
 * submitted, holds the write for a while, takes what the pages contain then,
 * and compares.
 *
 * Writes are told apart by what they are of: wtfs folios that somebody marked
 * writes through, by his I/O priority (best effort, level 7); other wtfs folios,
 * in ordinary write-back; pages of other files, those below; all else, such as
 * metadata. All is told in module parameters; counts are in this order.
 */
#define pr_fmt(fmt) "blkcheck: " fmt

#include <linux/blkdev.h>
#include <linux/highmem.h>
#include <linux/hrtimer.h>
#include <linux/ioprio.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#define WTFS_SUPER_MAGIC	0x77746673
#define MARK			IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7)
#define PAGE_SECTORS_		(PAGE_SIZE / SECTOR_SIZE)
#define LOG_MAX			20

enum blkcheck_class {
	CLASS_THROUGH,
	CLASS_ORDINARY,
	CLASS_LOWER,
	CLASS_OTHER,
	CLASS_NR,
};

static const char *const class_names[] = { "through", "ordinary", "lower",
					  "other" };

static unsigned int size_mib = 600;
module_param(size_mib, uint, 0444);
MODULE_PARM_DESC(size_mib, "size of the device, MiB");

static unsigned int block = 512;
module_param(block, uint, 0444);
MODULE_PARM_DESC(block, "size of a logical block, bytes");

static unsigned int delay_us;
module_param(delay_us, uint, 0644);
MODULE_PARM_DESC(delay_us, "how long a write is held");

static bool again;
module_param(again, bool, 0644);
MODULE_PARM_DESC(again, "end writes of a file's pages with -EAGAIN, and do nothing");

static bool stable;
module_param(stable, bool, 0444);
MODULE_PARM_DESC(stable, "say that pages must be stable");

/* Changed by the one thread that ends writes, and by whoever resets them. */
static unsigned long checked[CLASS_NR];
module_param_array(checked, ulong, NULL, 0644);
MODULE_PARM_DESC(checked, "writes seen");

static unsigned long changed[CLASS_NR];
module_param_array(changed, ulong, NULL, 0644);
MODULE_PARM_DESC(changed, "writes that changed in flight");

/**
 * struct flight - a write that is held
 * @list:	in the order of submission
 * @bio:	the write
 * @start:	for the accounting
 * @due:	when it is to end
 * @class:	what it is of
 * @sums:	of each sector, when it was submitted
 */
struct flight {
	struct list_head list;
	struct bio *bio;
	unsigned long start;
	ktime_t due;
	enum blkcheck_class class;
	u64 sums[];
};

static struct {
	struct gendisk *disk;
	struct task_struct *thread;
	wait_queue_head_t wake;
	spinlock_t lock;	/* of @held */
	struct list_head held;
	struct page **pages;	/* NULL where nothing was written */
} dev;

static u64 sector_sum(const void *data)
{
	const u64 *p = data;
	u64 sum = 0;
	int i;

	for (i = 0; i < SECTOR_SIZE / sizeof(*p); i++)
		sum = (rol64(sum, 5) ^ READ_ONCE(p[i])) * 0x9e3779b97f4a7c15ULL;
	return sum;
}

static enum blkcheck_class classify(struct bio *bio)
{
	struct address_space *mapping;
	enum blkcheck_class class = CLASS_ORDINARY;

	/* What is being written keeps its file; other pages may lose theirs. */
	rcu_read_lock();
	mapping = folio_mapping(page_folio(bio_page(bio)));
	if (!mapping || !mapping->host || !S_ISREG(mapping->host->i_mode))
		class = CLASS_OTHER;
	else if (mapping->host->i_sb->s_magic != WTFS_SUPER_MAGIC)
		class = CLASS_LOWER;
	else if (bio->bi_ioprio == MARK)
		class = CLASS_THROUGH;
	rcu_read_unlock();
	return class;
}

typedef bool (*sector_fn)(sector_t sector, void *p, unsigned int i, void *data);

/* Call @fn with each sector of @bio. Return: the number for which it is true */
static unsigned int walk_sectors(struct bio *bio, void *data, sector_fn fn)
{
	sector_t sector = bio->bi_iter.bi_sector;
	unsigned int i = 0, count = 0, off;
	struct bvec_iter iter;
	struct bio_vec bv;

	bio_for_each_segment(bv, bio, iter) {
		void *p = bvec_kmap_local(&bv);

		WARN_ON_ONCE(bv.bv_len % SECTOR_SIZE);
		for (off = 0; off < bv.bv_len; off += SECTOR_SIZE, i++)
			count += fn(sector + i, p + off, i, data);
		kunmap_local(p);
	}
	return count;
}

static void *stored(sector_t sector)
{
	struct page *page = READ_ONCE(dev.pages[sector / PAGE_SECTORS_]);

	if (!page)
		return NULL;
	return page_address(page) + (sector % PAGE_SECTORS_) * SECTOR_SIZE;
}

static bool read_sector(sector_t sector, void *p, unsigned int i, void *data)
{
	const void *from = stored(sector);

	if (from)
		memcpy(p, from, SECTOR_SIZE);
	else
		memset(p, 0, SECTOR_SIZE);
	return true;
}

static bool sum_sector(sector_t sector, void *p, unsigned int i, void *data)
{
	struct flight *f = data;

	f->sums[i] = sector_sum(p);
	return true;
}

/* The end of a write: what the device gets is what it looks at. */
static bool write_sector(sector_t sector, void *p, unsigned int i, void *data)
{
	static unsigned int logged;
	struct flight *f = data;
	void *to = stored(sector);

	memcpy(to, p, SECTOR_SIZE);
	if (sector_sum(to) == f->sums[i])
		return false;
	if (logged++ < LOG_MAX)
		pr_info("sector %llu changed while it was written (%s)\n",
			(unsigned long long)sector, class_names[f->class]);
	return true;
}

/* There must be pages to write to before the write begins. */
static bool make_pages(struct bio *bio)
{
	sector_t page = bio->bi_iter.bi_sector / PAGE_SECTORS_;
	sector_t end = DIV_ROUND_UP_ULL(bio_end_sector(bio), PAGE_SECTORS_);

	for (; page < end; page++) {
		struct page *new;

		if (READ_ONCE(dev.pages[page]))
			continue;
		new = alloc_page(GFP_NOIO | __GFP_ZERO);
		if (!new)
			return false;
		if (cmpxchg(&dev.pages[page], NULL, new))
			__free_page(new);
	}
	return true;
}

static void submit_write(struct bio *bio)
{
	struct flight *f;
	bool was_empty;

	f = kvmalloc(struct_size(f, sums, bio_sectors(bio)), GFP_NOIO);
	if (!f || !make_pages(bio)) {
		kvfree(f);
		bio_io_error(bio);
		return;
	}
	f->bio = bio;
	f->start = bio_start_io_acct(bio);
	f->class = classify(bio);
	walk_sectors(bio, f, sum_sector);
	f->due = ktime_add_us(ktime_get(), READ_ONCE(delay_us));
	spin_lock(&dev.lock);
	was_empty = list_empty(&dev.held);
	list_add_tail(&f->list, &dev.held);
	spin_unlock(&dev.lock);
	if (was_empty)
		wake_up(&dev.wake);
}

static void blkcheck_submit(struct bio *bio)
{
	unsigned long start;

	switch (bio_op(bio)) {
	case REQ_OP_WRITE:
		if (!bio_sectors(bio))
			bio_endio(bio);
		else if (READ_ONCE(again) && classify(bio) != CLASS_OTHER)
			bio_wouldblock_error(bio);
		else
			submit_write(bio);
		break;
	case REQ_OP_READ:
		start = bio_start_io_acct(bio);
		walk_sectors(bio, NULL, read_sector);
		bio_end_io_acct(bio, start);
		bio_endio(bio);
		break;
	default:
		bio->bi_status = BLK_STS_NOTSUPP;
		bio_endio(bio);
	}
}

static struct flight *first_held(void)
{
	struct flight *f;

	spin_lock(&dev.lock);
	f = list_first_entry_or_null(&dev.held, struct flight, list);
	spin_unlock(&dev.lock);
	return f;
}

static void end_flight(struct flight *f)
{
	struct bio *bio = f->bio;

	spin_lock(&dev.lock);
	list_del(&f->list);
	spin_unlock(&dev.lock);
	checked[f->class]++;
	if (walk_sectors(bio, f, write_sector))
		changed[f->class]++;
	bio_end_io_acct(bio, f->start);
	kvfree(f);
	bio_endio(bio);
}

/* Ends writes in the order in which they came. */
static int blkcheck_thread(void *unused)
{
	struct flight *f;

	while (!kthread_should_stop()) {
		wait_event_interruptible(dev.wake, !list_empty(&dev.held) ||
					 kthread_should_stop());
		while ((f = first_held())) {
			while (ktime_before(ktime_get(), f->due)) {
				set_current_state(TASK_UNINTERRUPTIBLE);
				schedule_hrtimeout(&f->due, HRTIMER_MODE_ABS);
			}
			end_flight(f);
		}
	}
	return 0;
}

static const struct block_device_operations blkcheck_ops = {
	.owner		= THIS_MODULE,
	.submit_bio	= blkcheck_submit,
};

/* Writes of up to 1 MiB, and none of them refused for being NOWAIT. */
#ifdef BLK_FEAT_STABLE_WRITES
static struct gendisk *alloc_disk_with_limits(void)
{
	struct queue_limits lim = {
		.logical_block_size	= block,
		.max_hw_sectors		= SZ_1M / SECTOR_SIZE,
		.max_segments		= BIO_MAX_VECS,
		.features		= BLK_FEAT_NOWAIT |
			(stable ? BLK_FEAT_STABLE_WRITES : 0),
	};

	return blk_alloc_disk(&lim, NUMA_NO_NODE);
}
#else
static struct gendisk *alloc_disk_with_limits(void)
{
	struct gendisk *disk = blk_alloc_disk(NUMA_NO_NODE);

	if (!disk)
		return ERR_PTR(-ENOMEM);
	blk_queue_logical_block_size(disk->queue, block);
	blk_queue_max_hw_sectors(disk->queue, SZ_1M / SECTOR_SIZE);
	blk_queue_max_segments(disk->queue, BIO_MAX_VECS);
	blk_queue_flag_set(QUEUE_FLAG_NOWAIT, disk->queue);
	if (stable)
		blk_queue_flag_set(QUEUE_FLAG_STABLE_WRITES, disk->queue);
	return disk;
}
#endif

static void free_pages_of_device(void)
{
	unsigned long i;

	for (i = 0; i < size_mib * (SZ_1M / PAGE_SIZE); i++)
		if (dev.pages[i])
			__free_page(dev.pages[i]);
	vfree(dev.pages);
}

static int __init blkcheck_add_disk(void)
{
	int err;

	dev.disk = alloc_disk_with_limits();
	if (IS_ERR(dev.disk))
		return PTR_ERR(dev.disk);
	strscpy(dev.disk->disk_name, "blkcheck", DISK_NAME_LEN);
	dev.disk->fops = &blkcheck_ops;
	set_capacity(dev.disk, (sector_t)size_mib * (SZ_1M / SECTOR_SIZE));
	err = add_disk(dev.disk);
	if (err)
		put_disk(dev.disk);
	return err;
}

static int __init blkcheck_init(void)
{
	int err;

	spin_lock_init(&dev.lock);
	INIT_LIST_HEAD(&dev.held);
	init_waitqueue_head(&dev.wake);
	dev.pages = vzalloc(array_size(size_mib * (SZ_1M / PAGE_SIZE),
				       sizeof(*dev.pages)));
	if (!dev.pages)
		return -ENOMEM;
	dev.thread = kthread_run(blkcheck_thread, NULL, "blkcheck");
	if (IS_ERR(dev.thread)) {
		err = PTR_ERR(dev.thread);
		goto out_pages;
	}
	err = blkcheck_add_disk();
	if (err)
		goto out_thread;
	return 0;

out_thread:
	kthread_stop(dev.thread);
out_pages:
	free_pages_of_device();
	return err;
}

static void __exit blkcheck_exit(void)
{
	del_gendisk(dev.disk);
	put_disk(dev.disk);
	kthread_stop(dev.thread);
	free_pages_of_device();
}

module_init(blkcheck_init);
module_exit(blkcheck_exit);

MODULE_DESCRIPTION("Block device that checks whether writes change in flight");
MODULE_LICENSE("GPL");
