// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters of a mount: /sys/fs/wtfs/MAJOR:MINOR.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wtfsstat.h"

const struct counter_info counter_infos[COUNTERS] = {
	[THROUGH_WRITES] = { "through_writes", "through_writes",
		"Write-throughs that are over, failed ones too.", false },
	[THROUGH_BYTES] = { "through_bytes", "through_bytes",
		"Bytes that write-throughs brought to the device.", false },
	[THROUGH_ERRORS] = { "through_errors", "through_errors",
		"Write-throughs that failed, wholly or in part.", false },
	[THROUGH_IN_FLIGHT] = { "through_in_flight", "through_in_flight",
		"Write-throughs under way.", true },
	[WRITEBACK_WRITES] = { "writeback_writes", "writeback_writes",
		"Requests of ordinary write-back that are over.", false },
	[WRITEBACK_BYTES] = { "writeback_bytes", "writeback_bytes",
		"Bytes that ordinary write-back brought to the device.", false },
	[WRITEBACK_ERRORS] = { "writeback_errors", "writeback_errors",
		"Requests of ordinary write-back that failed.", false },
	[WRITEBACK_IN_FLIGHT] = { "writeback_in_flight", "writeback_in_flight",
		"Requests of ordinary write-back under way.", true },
	[LOWER_DIRECT] = { "lower_direct", "lower_direct_writes",
		"Direct writes to lower files.", false },
	[LOWER_BUFFERED] = { "lower_buffered", "lower_buffered_writes",
		"Writes through the page cache of the lower filesystem.", false },
	[LOWER_DSYNC] = { "lower_dsync", "lower_dsync_writes",
		"Writes to lower files with O_DSYNC, or followed by an fsync.", false },
	[WRITE_WAITS] = { "write_waits", "write_waits",
		"Times that a write() waited for a folio in flight.", false },
	[WRITE_WAIT_NS] = { "write_wait_ns", NULL,
		"Nanoseconds that write() waited for folios in flight.", false },
	[STORE_WAITS] = { "store_waits", "store_waits",
		"Times that a mapped store waited for a folio in flight.", false },
	[STORE_WAIT_NS] = { "store_wait_ns", NULL,
		"Nanoseconds that mapped stores waited for folios in flight.", false },
	[MKCLEAN_DIRTY] = { "mkclean_dirty", "mkclean_dirty_folios",
		"Folios that a write-through found holding mapped stores.", false },
	[SHORT_COPIES] = { "short_copies", "short_copies",
		"Times that the caller's buffer could be copied only in part.", false },
	[ASYNC_WAITS] = { "async_waits", "async_waits",
		"Times that an asynchronous write was over the limit.", false },
	[ASYNC_LIMIT] = { "async_limit", "async_limit_bytes",
		"Bytes in flight to a file at which asynchronous writes wait.", true },
};

const struct hist_info hist_infos[HISTS] = {
	[WRITE_WAIT_HIST] = { "write_wait_hist", "write_wait_seconds",
		"How long a write() waited for a folio in flight.", WRITE_WAIT_NS },
	[STORE_WAIT_HIST] = { "store_wait_hist", "store_wait_seconds",
		"How long a mapped store waited for a folio in flight.", STORE_WAIT_NS },
};

/* Open a file of the mount's directory; NULL if there is none. */
static FILE *counter_open(const struct mount *mount, const char *file)
{
	char *path;
	FILE *f;

	if (asprintf(&path, "/sys/fs/wtfs/%s/%s", mount->dev, file) < 0)
		err(3, "out of memory");
	f = fopen(path, "re");
	free(path);
	return f;
}

/* Return: whether @count numbers, and no more, were read into @n. */
static bool counter_read(const struct mount *mount, const char *file,
			 uint64_t *n, size_t count)
{
	FILE *f = counter_open(mount, file);
	uint64_t more;
	size_t i = 0;
	bool ok;

	if (!f)
		return false;
	while (i < count && fscanf(f, "%ju", &n[i]) == 1)
		i++;
	ok = i == count && fscanf(f, "%ju", &more) == EOF;
	fclose(f);
	return ok;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Return: false if the mount is gone, or has not these counters. */
bool sample_read(const struct mount *mount, struct sample *sample)
{
	sample->time = now();
	for (size_t i = 0; i < COUNTERS; i++)
		if (!counter_read(mount, counter_infos[i].file, &sample->n[i], 1))
			return false;
	for (size_t i = 0; i < HISTS; i++)
		if (!counter_read(mount, hist_infos[i].file, sample->hist[i],
				  BUCKETS))
			return false;
	return true;
}

/*
 * What happened between two samples; gauges stay what they are now. Without a
 * first sample, all since the mount, and the time is 0: nobody knows when it was.
 */
void sample_subtract(const struct sample *now, const struct sample *before,
		     struct sample *change)
{
	change->time = before->time ? now->time - before->time : 0;
	for (size_t i = 0; i < COUNTERS; i++)
		change->n[i] = now->n[i] -
			(counter_infos[i].gauge ? 0 : before->n[i]);
	for (size_t i = 0; i < HISTS; i++)
		for (size_t b = 0; b < BUCKETS; b++)
			change->hist[i][b] = now->hist[i][b] -
				before->hist[i][b];
}

/* Has something been counted down? Then it is another mount with that number. */
bool sample_is_other(const struct sample *now, const struct sample *before)
{
	for (size_t i = 0; i < COUNTERS; i++)
		if (!counter_infos[i].gauge && now->n[i] < before->n[i])
			return true;
	for (size_t i = 0; i < HISTS; i++)
		for (size_t b = 0; b < BUCKETS; b++)
			if (now->hist[i][b] < before->hist[i][b])
				return true;
	return false;
}

uint64_t hist_count(const uint64_t *hist)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < BUCKETS; i++)
		sum += hist[i];
	return sum;
}

/*
 * Return: microseconds within which @percent of what was counted was done, to
 * the next power of two; 0 if nothing was, infinity for the last bucket.
 */
double hist_percentile(const uint64_t *hist, double percent)
{
	double want = hist_count(hist) * percent / 100, sum = 0;

	if (want == 0)
		return 0;
	for (size_t i = 0; i < BUCKETS - 1; i++) {
		sum += hist[i];
		if (sum >= want)
			return (double)(1ULL << i);
	}
	return __builtin_inf();
}
