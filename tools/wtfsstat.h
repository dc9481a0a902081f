/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wtfsstat: what the counters of mounted wtfs filesystems say. Every structure,
 * and what one file offers to the others.
 */
#ifndef WTFSSTAT_H
#define WTFSSTAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Buckets of a histogram: bucket i counts what took less than 2^i us. */
#define BUCKETS		24

enum counter {
	THROUGH_WRITES,
	THROUGH_BYTES,
	THROUGH_ERRORS,
	THROUGH_IN_FLIGHT,
	WRITEBACK_WRITES,
	WRITEBACK_BYTES,
	WRITEBACK_ERRORS,
	WRITEBACK_IN_FLIGHT,
	LOWER_DIRECT,
	LOWER_BUFFERED,
	LOWER_DSYNC,
	WRITE_WAITS,
	WRITE_WAIT_NS,
	STORE_WAITS,
	STORE_WAIT_NS,
	MKCLEAN_DIRTY,
	SHORT_COPIES,
	ASYNC_WAITS,
	ASYNC_LIMIT,
	COUNTERS,
};

enum hist {
	WRITE_WAIT_HIST,
	STORE_WAIT_HIST,
	HISTS,
};

/**
 * struct counter_info - how a counter is called
 * @file:	in the directory of the mount
 * @metric:	for Prometheus, without "wtfs_" and "_total"; NULL where it is a
 *		part of a histogram there
 * @help:	one line for people
 * @gauge:	it goes up and down, or is no count
 */
struct counter_info {
	const char *file;
	const char *metric;
	const char *help;
	bool gauge;
};

/**
 * struct hist_info - how a histogram is called
 * @file:	in the directory of the mount
 * @metric:	for Prometheus, without "wtfs_"
 * @help:	one line for people
 * @sum:	the counter of nanoseconds that belongs to it
 */
struct hist_info {
	const char *file;
	const char *metric;
	const char *help;
	enum counter sum;
};

extern const struct counter_info counter_infos[COUNTERS];
extern const struct hist_info hist_infos[HISTS];

/**
 * struct sample - the counters of a mount at one moment
 * @time:	seconds since the machine started; in a difference of two samples,
 *		seconds between them, or 0 if there was no first one
 * @n:		by enum counter
 * @hist:	by enum hist
 */
struct sample {
	double time;
	uint64_t n[COUNTERS];
	uint64_t hist[HISTS][BUCKETS];
};

/**
 * struct mount - a line of /proc/self/mountinfo
 * @id:		of the mount
 * @dev:	MAJOR:MINOR of its filesystem
 * @root:	which directory of the filesystem is mounted
 * @dir:	where it is mounted
 * @options:	of the mount, as escaped by the kernel
 * @type:	of the filesystem
 * @source:	what was mounted; of a wtfs, its lower directory
 * @super:	options of the filesystem, as escaped by the kernel
 */
struct mount {
	int id;
	char *dev;
	char *root;
	char *dir;
	char *options;
	char *type;
	char *source;
	char *super;
};

/* mounts.c */
size_t mounts_read(struct mount **mounts);
void mounts_free(struct mount *mounts, size_t count);
bool mount_is_wtfs(const struct mount *mount);
bool mount_has_option(const char *options, const char *option);
int mount_id_of(const char *path);
const struct mount *mount_find(const struct mount *mounts, size_t count,
			       int id);
const struct mount *mount_below(const struct mount *mounts, size_t count,
				const struct mount *wtfs);

/* sample.c */
bool sample_read(const struct mount *mount, struct sample *sample);
void sample_subtract(const struct sample *now, const struct sample *before,
		     struct sample *change);
bool sample_is_other(const struct sample *now, const struct sample *before);
uint64_t hist_count(const uint64_t *hist);
double hist_percentile(const uint64_t *hist, double percent);

/* report.c */
void report_totals(const struct mount *mount, const struct sample *sample);
void report_table_head(void);
void report_table(const struct mount *mount, const struct sample *change);
void report_hist(const struct mount *mount, const struct sample *change);
void report_json(const struct mount *mount, const struct sample *change);
void report_prometheus(const struct mount *mounts, const struct sample *samples,
		       const bool *there, size_t count);

/* check.c */
int check(const char *path);

#endif
