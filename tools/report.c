// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the counters are shown: as a table, a picture, JSON, or for Prometheus.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "wtfsstat.h"

#define BAR_WIDTH	40

static double rate(const struct sample *change, enum counter id)
{
	return change->time > 0 ? change->n[id] / change->time : 0;
}

/* @us with a unit; what is longer than all buckets with a ">". */
static const char *duration(double us, char *buf, size_t size)
{
	if (us == 0)
		snprintf(buf, size, "-");
	else if (isinf(us))
		snprintf(buf, size, ">%.0fs", (1 << (BUCKETS - 2)) / 1e6);
	else if (us < 1000)
		snprintf(buf, size, "%.0fus", us);
	else if (us < 1e6)
		snprintf(buf, size, "%.0fms", us / 1e3);
	else
		snprintf(buf, size, "%.0fs", us / 1e6);
	return buf;
}

/* All since the mount, one counter a line. */
void report_totals(const struct mount *mount, const struct sample *sample)
{
	printf("%s (%s), lower directory %s\n", mount->dir, mount->dev,
	       mount->source);
	for (size_t i = 0; i < COUNTERS; i++)
		printf("  %15ju  %s\n", sample->n[i], counter_infos[i].help);
}

void report_table_head(void)
{
	printf("%-20s %9s %8s %7s %9s %8s %8s %8s %6s %6s %6s %6s\n",
	       "mount", "write/s", "MB/s", "KiB/wr", "direct/s", "buffer/s",
	       "dsync/s", "wait/s", "p50", "p99", "flight", "error");
}

void report_table(const struct mount *mount, const struct sample *change)
{
	const uint64_t *n = change->n, *waits = change->hist[WRITE_WAIT_HIST];
	double average = n[THROUGH_WRITES] ?
		(double)n[THROUGH_BYTES] / n[THROUGH_WRITES] / 1024 : 0;
	char p50[16], p99[16];

	printf("%-20s %9.0f %8.1f %7.1f %9.0f %8.0f %8.0f %8.0f %6s %6s %6ju %6ju\n",
	       mount->dir, rate(change, THROUGH_WRITES),
	       rate(change, THROUGH_BYTES) / 1e6, average,
	       rate(change, LOWER_DIRECT), rate(change, LOWER_BUFFERED),
	       rate(change, LOWER_DSYNC), rate(change, WRITE_WAITS),
	       duration(hist_percentile(waits, 50), p50, sizeof(p50)),
	       duration(hist_percentile(waits, 99), p99, sizeof(p99)),
	       n[THROUGH_IN_FLIGHT], n[THROUGH_ERRORS] + n[WRITEBACK_ERRORS]);
}

static void print_bar(uint64_t count, uint64_t most)
{
	unsigned int width = most ? (count * BAR_WIDTH + most - 1) / most : 0;

	for (unsigned int i = 0; i < width; i++)
		putchar('#');
}

/* The first and the last bucket that counted something; false for none. */
static bool hist_range(const uint64_t *hist, unsigned int *first,
		       unsigned int *last)
{
	bool any = false;

	for (unsigned int i = 0; i < BUCKETS; i++) {
		if (!hist[i])
			continue;
		if (!any)
			*first = i;
		*last = i;
		any = true;
	}
	return any;
}

static uint64_t hist_most(const uint64_t *hist)
{
	uint64_t most = 0;

	for (size_t i = 0; i < BUCKETS; i++)
		if (hist[i] > most)
			most = hist[i];
	return most;
}

static void report_one_hist(const struct hist_info *info, const uint64_t *hist)
{
	unsigned int first = 0, last = 0;
	char limit[16];

	printf("  %s\n", info->help);
	if (!hist_range(hist, &first, &last)) {
		printf("    none\n");
		return;
	}
	for (unsigned int i = first; i <= last; i++) {
		double us = i < BUCKETS - 1 ? (double)(1ULL << i) : INFINITY;

		duration(us, limit, sizeof(limit));
		printf("    %s%6s %10ju |", isinf(us) ? " " : "<", limit,
		       hist[i]);
		print_bar(hist[i], hist_most(hist));
		putchar('\n');
	}
}

void report_hist(const struct mount *mount, const struct sample *change)
{
	printf("%s\n", mount->dir);
	for (size_t i = 0; i < HISTS; i++)
		report_one_hist(&hist_infos[i], change->hist[i]);
}

/* The length of the UTF-8 character at @s; 0 if it is none. */
static size_t utf8_length(const char *string)
{
	const unsigned char *s = (const unsigned char *)string;
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if ((s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than need be, a surrogate, or above U+10FFFF. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

/*
 * A string as JSON and Prometheus want it: in UTF-8, which a path need not be, and
 * without raw newlines. Other control characters are escaped in JSON, and must not
 * be for Prometheus.
 */
static void print_quoted(const char *s, bool json)
{
	putchar('"');
	while (*s) {
		size_t len = utf8_length(s);

		if (!len)
			fputs("\xef\xbf\xbd", stdout);
		else if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if (*s == '\n')
			fputs("\\n", stdout);
		else if (json && len == 1 && *s < ' ')
			printf("\\u%04x", (unsigned int)*s);
		else
			fwrite(s, 1, len, stdout);
		s += len ?: 1;
	}
	putchar('"');
}

/* One line, an object for one mount. */
void report_json(const struct mount *mount, const struct sample *change)
{
	fputs("{\"mount\": ", stdout);
	print_quoted(mount->dir, true);
	fputs(", \"lower\": ", stdout);
	print_quoted(mount->source, true);
	fputs(", \"device\": ", stdout);
	print_quoted(mount->dev, true);
	if (change->time)
		printf(", \"seconds\": %.3f", change->time);
	for (size_t i = 0; i < COUNTERS; i++)
		printf(", \"%s\": %ju", counter_infos[i].file, change->n[i]);
	for (size_t i = 0; i < HISTS; i++) {
		printf(", \"%s\": [", hist_infos[i].file);
		for (size_t b = 0; b < BUCKETS; b++)
			printf("%s%ju", b ? ", " : "", change->hist[i][b]);
		putchar(']');
	}
	fputs("}\n", stdout);
}

static void print_labels(const struct mount *mount, const char *more)
{
	fputs("{mountpoint=", stdout);
	print_quoted(mount->dir, false);
	fputs(",device=", stdout);
	print_quoted(mount->dev, false);
	printf("%s}", more);
}

static void prometheus_counter(const struct counter_info *info,
			       const struct mount *mount, uint64_t n)
{
	printf("wtfs_%s%s", info->metric, info->gauge ? "" : "_total");
	print_labels(mount, "");
	printf(" %ju\n", n);
}

static void prometheus_hist(const struct hist_info *info,
			    const struct mount *mount,
			    const struct sample *sample, const uint64_t *hist)
{
	uint64_t sum = 0;
	char le[40];

	for (size_t i = 0; i < BUCKETS; i++) {
		sum += hist[i];
		if (i < BUCKETS - 1)
			snprintf(le, sizeof(le), ",le=\"%.10g\"", (1ULL << i) / 1e6);
		else
			snprintf(le, sizeof(le), ",le=\"+Inf\"");
		printf("wtfs_%s_bucket", info->metric);
		print_labels(mount, le);
		printf(" %ju\n", sum);
	}
	printf("wtfs_%s_sum", info->metric);
	print_labels(mount, "");
	printf(" %.9f\n", sample->n[info->sum] / 1e9);
	printf("wtfs_%s_count", info->metric);
	print_labels(mount, "");
	printf(" %ju\n", sum);
}

static void prometheus_head(const char *metric, const char *suffix,
			    const char *help, const char *type)
{
	printf("# HELP wtfs_%s%s %s\n# TYPE wtfs_%s%s %s\n", metric, suffix,
	       help, metric, suffix, type);
}

/* The text format: all lines of one metric together. */
void report_prometheus(const struct mount *mounts, const struct sample *samples,
		       const bool *there, size_t count)
{
	for (size_t i = 0; i < COUNTERS; i++) {
		const struct counter_info *info = &counter_infos[i];

		if (!info->metric)
			continue;
		prometheus_head(info->metric, info->gauge ? "" : "_total",
				info->help, info->gauge ? "gauge" : "counter");
		for (size_t m = 0; m < count; m++)
			if (there[m])
				prometheus_counter(info, &mounts[m],
						   samples[m].n[i]);
	}
	for (size_t i = 0; i < HISTS; i++) {
		const struct hist_info *info = &hist_infos[i];

		prometheus_head(info->metric, "", info->help, "histogram");
		for (size_t m = 0; m < count; m++)
			if (there[m])
				prometheus_hist(info, &mounts[m], &samples[m],
						samples[m].hist[i]);
	}
}
