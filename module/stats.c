// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters of a mount, and how users read them: /sys/fs/wtfs/<dev>, where
 * <dev> is the device number that mountpoint -d and /proc/self/mountinfo show.
 */
#include <linux/kobject.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/sysfs.h>
#include <linux/time64.h>

#define CREATE_TRACE_POINTS
#include "stats.h"

/* /sys/fs/wtfs */
static struct kobject *wtfs_stats_root;

/**
 * struct wtfs_attr - a file in the directory of a mount
 * @attr:	its name
 * @show:	prints it
 * @id:		which of several, as @show understands it
 */
struct wtfs_attr {
	struct attribute attr;
	ssize_t (*show)(const struct wtfs_sb_info *sbi, unsigned int id,
			char *buf);
	unsigned int id;
};

static u64 wtfs_counter_sum(const struct wtfs_sb_info *sbi, unsigned int id)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(sbi->counters, cpu)->n[id]);
	return sum;
}

static ssize_t wtfs_show_counter(const struct wtfs_sb_info *sbi,
				 unsigned int id, char *buf)
{
	return sysfs_emit(buf, "%llu\n", wtfs_counter_sum(sbi, id));
}

/* @id is what counts beginnings; the ends are counted by the next one. */
static ssize_t wtfs_show_in_flight(const struct wtfs_sb_info *sbi,
				   unsigned int id, char *buf)
{
	u64 ended = wtfs_counter_sum(sbi, id + 1);

	/* What has ended had begun before, so this is never negative. */
	smp_rmb();
	return sysfs_emit(buf, "%llu\n", wtfs_counter_sum(sbi, id) - ended);
}

static ssize_t wtfs_show_waits(const struct wtfs_sb_info *sbi,
			       unsigned int id, char *buf)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(sbi->counters, cpu)->waits[id].count);
	return sysfs_emit(buf, "%llu\n", sum);
}

static ssize_t wtfs_show_wait_ns(const struct wtfs_sb_info *sbi,
				 unsigned int id, char *buf)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(sbi->counters, cpu)->waits[id].ns);
	return sysfs_emit(buf, "%llu\n", sum);
}

static ssize_t wtfs_show_wait_hist(const struct wtfs_sb_info *sbi,
				   unsigned int id, char *buf)
{
	unsigned int i;
	int cpu, len = 0;

	for (i = 0; i < WTFS_WAIT_BUCKETS; i++) {
		u64 sum = 0;

		for_each_possible_cpu(cpu)
			sum += READ_ONCE(per_cpu_ptr(sbi->counters,
						     cpu)->waits[id].hist[i]);
		len += sysfs_emit_at(buf, len, "%s%llu", i ? " " : "", sum);
	}
	return len + sysfs_emit_at(buf, len, "\n");
}

static ssize_t wtfs_show_async_limit(const struct wtfs_sb_info *sbi,
				     unsigned int id, char *buf)
{
	return sysfs_emit(buf, "%lu\n", wtfs_flight_limit());
}

#define WTFS_ATTR(_name, _show, _id)					\
static struct wtfs_attr wtfs_attr_##_name = {				\
	.attr = { .name = __stringify(_name), .mode = 0444 },		\
	.show = _show,							\
	.id = _id,							\
}

WTFS_ATTR(through_writes, wtfs_show_counter, WTFS_THROUGH_ENDED);
WTFS_ATTR(through_bytes, wtfs_show_counter, WTFS_THROUGH_BYTES);
WTFS_ATTR(through_errors, wtfs_show_counter, WTFS_THROUGH_ERRORS);
WTFS_ATTR(through_in_flight, wtfs_show_in_flight, WTFS_THROUGH_BEGUN);
WTFS_ATTR(writeback_writes, wtfs_show_counter, WTFS_WRITEBACK_ENDED);
WTFS_ATTR(writeback_bytes, wtfs_show_counter, WTFS_WRITEBACK_BYTES);
WTFS_ATTR(writeback_errors, wtfs_show_counter, WTFS_WRITEBACK_ERRORS);
WTFS_ATTR(writeback_in_flight, wtfs_show_in_flight, WTFS_WRITEBACK_BEGUN);
WTFS_ATTR(lower_direct, wtfs_show_counter, WTFS_LOWER_DIRECT);
WTFS_ATTR(lower_buffered, wtfs_show_counter, WTFS_LOWER_BUFFERED);
WTFS_ATTR(lower_dsync, wtfs_show_counter, WTFS_LOWER_DSYNC);
WTFS_ATTR(write_waits, wtfs_show_waits, WTFS_WAITER_WRITE);
WTFS_ATTR(write_wait_ns, wtfs_show_wait_ns, WTFS_WAITER_WRITE);
WTFS_ATTR(write_wait_hist, wtfs_show_wait_hist, WTFS_WAITER_WRITE);
WTFS_ATTR(store_waits, wtfs_show_waits, WTFS_WAITER_STORE);
WTFS_ATTR(store_wait_ns, wtfs_show_wait_ns, WTFS_WAITER_STORE);
WTFS_ATTR(store_wait_hist, wtfs_show_wait_hist, WTFS_WAITER_STORE);
WTFS_ATTR(mkclean_dirty, wtfs_show_counter, WTFS_MKCLEAN_DIRTY);
WTFS_ATTR(short_copies, wtfs_show_counter, WTFS_SHORT_COPIES);
WTFS_ATTR(async_waits, wtfs_show_counter, WTFS_ASYNC_WAITS);
WTFS_ATTR(async_limit, wtfs_show_async_limit, 0);

static struct attribute *wtfs_stats_attrs[] = {
	&wtfs_attr_through_writes.attr,
	&wtfs_attr_through_bytes.attr,
	&wtfs_attr_through_errors.attr,
	&wtfs_attr_through_in_flight.attr,
	&wtfs_attr_writeback_writes.attr,
	&wtfs_attr_writeback_bytes.attr,
	&wtfs_attr_writeback_errors.attr,
	&wtfs_attr_writeback_in_flight.attr,
	&wtfs_attr_lower_direct.attr,
	&wtfs_attr_lower_buffered.attr,
	&wtfs_attr_lower_dsync.attr,
	&wtfs_attr_write_waits.attr,
	&wtfs_attr_write_wait_ns.attr,
	&wtfs_attr_write_wait_hist.attr,
	&wtfs_attr_store_waits.attr,
	&wtfs_attr_store_wait_ns.attr,
	&wtfs_attr_store_wait_hist.attr,
	&wtfs_attr_mkclean_dirty.attr,
	&wtfs_attr_short_copies.attr,
	&wtfs_attr_async_waits.attr,
	&wtfs_attr_async_limit.attr,
	NULL
};
ATTRIBUTE_GROUPS(wtfs_stats);

static ssize_t wtfs_stats_show(struct kobject *kobj, struct attribute *attr,
			       char *buf)
{
	const struct wtfs_attr *a = container_of(attr, struct wtfs_attr, attr);

	return a->show(container_of(kobj, struct wtfs_sb_info, kobj), a->id,
		       buf);
}

static const struct sysfs_ops wtfs_stats_sysfs_ops = {
	.show	= wtfs_stats_show,
};

static void wtfs_stats_release(struct kobject *kobj)
{
	complete(&container_of(kobj, struct wtfs_sb_info, kobj)->kobj_gone);
}

static const struct kobj_type wtfs_stats_ktype = {
	.default_groups	= wtfs_stats_groups,
	.sysfs_ops	= &wtfs_stats_sysfs_ops,
	.release	= wtfs_stats_release,
};

/**
 * wtfs_stats_wait - somebody has waited for a folio to become stable
 * @inode: the file
 * @folio: locked
 * @waiter: who
 * @ns: how long
 *
 * Context: process.
 */
void wtfs_stats_wait(const struct inode *inode, struct folio *folio,
		     enum wtfs_waiter waiter, u64 ns)
{
	struct wtfs_counters __percpu *counters = wtfs_sb(inode->i_sb)->counters;
	unsigned int bucket = fls64(div_u64(ns, NSEC_PER_USEC));

	bucket = min(bucket, WTFS_WAIT_BUCKETS - 1U);
	this_cpu_inc(counters->waits[waiter].count);
	this_cpu_add(counters->waits[waiter].ns, ns);
	this_cpu_inc(counters->waits[waiter].hist[bucket]);
	trace_stable_wait(inode, folio_pos(folio), folio_size(folio), waiter,
			  ns);
}

/**
 * wtfs_stats_alloc - counters for a mount to be
 * @sbi: new
 *
 * Context: process. Return: 0 or -ENOMEM; wtfs_stats_free() undoes both.
 */
int wtfs_stats_alloc(struct wtfs_sb_info *sbi)
{
	sbi->counters = alloc_percpu(struct wtfs_counters);
	return sbi->counters ? 0 : -ENOMEM;
}

/**
 * wtfs_stats_free - the opposite of wtfs_stats_alloc()
 * @sbi: hidden, and nothing is in flight
 */
void wtfs_stats_free(struct wtfs_sb_info *sbi)
{
	free_percpu(sbi->counters);
	sbi->counters = NULL;
}

/**
 * wtfs_stats_publish - let users read the counters of a mount
 * @sb: has got its device number
 *
 * Context: process. Return: 0 or an error; wtfs_stats_hide() undoes both.
 */
int wtfs_stats_publish(struct super_block *sb)
{
	struct wtfs_sb_info *sbi = wtfs_sb(sb);

	init_completion(&sbi->kobj_gone);
	return kobject_init_and_add(&sbi->kobj, &wtfs_stats_ktype,
				    wtfs_stats_root, "%u:%u",
				    MAJOR(sb->s_dev), MINOR(sb->s_dev));
}

/**
 * wtfs_stats_hide - the opposite of wtfs_stats_publish(), if that was called
 * @sbi: of a mount that still has its device number: the next one to get it
 *	 wants the same name
 *
 * Context: process; waits for those who are reading.
 */
void wtfs_stats_hide(struct wtfs_sb_info *sbi)
{
	if (!sbi->kobj.state_initialized)
		return;
	/* It is not there if wtfs_stats_publish() failed. */
	if (sbi->kobj.state_in_sysfs)
		kobject_del(&sbi->kobj);
	kobject_put(&sbi->kobj);
	wait_for_completion(&sbi->kobj_gone);
}

int wtfs_stats_init(void)
{
	wtfs_stats_root = kobject_create_and_add("wtfs", fs_kobj);
	return wtfs_stats_root ? 0 : -ENOMEM;
}

void wtfs_stats_exit(void)
{
	kobject_put(wtfs_stats_root);
}
