// SPDX-License-Identifier: GPL-2.0-only
/*
 * wtfsstat: what wtfs mounts do, once or every few seconds.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wtfsstat.h"

/* The table's head is repeated after so many lines. */
#define HEAD_EVERY	20

/* What an interval, in seconds, and a count are at the most. */
#define INTERVAL_MAX	1e9
#define COUNT_MAX	1e15

enum format {
	FORMAT_TABLE,
	FORMAT_TOTALS,
	FORMAT_HIST,
	FORMAT_JSON,
	FORMAT_PROMETHEUS,
};

/**
 * struct job - what was asked for
 * @format:	how to show it
 * @interval:	seconds between two reports; 0 for one, of all since the mount
 * @count:	how many reports; 0 for no end
 * @wanted:	mount points, or none for all
 * @wanteds:	entries of @wanted
 */
struct job {
	enum format format;
	double interval;
	unsigned long count;
	char **wanted;
	size_t wanteds;
};

/**
 * struct watched - a mount that is looked at
 * @mount:	where
 * @before:	its counters at the last report; all 0 for the first one
 * @gone:	it is not mounted any more, or cannot be read
 */
struct watched {
	const struct mount *mount;
	struct sample before;
	bool gone;
};

static void usage(FILE *f)
{
	fputs("usage: wtfsstat [-w|-j|-p] [MOUNTPOINT...] [INTERVAL [COUNT]]\n"
	      "       wtfsstat -c PATH\n"
	      "\n"
	      "Without INTERVAL (seconds) one report of what was counted since the mount; with\n"
	      "it, one after each, of what happened in it, COUNT times or until interrupted.\n"
	      "\n"
	      "  (default)         a table: write-throughs and MB a second, KiB a write-through,\n"
	      "                    direct, buffered and O_DSYNC writes below, waits for a folio\n"
	      "                    in flight and how long (p50, p99), in flight now, errors\n"
	      "  -w, --histogram   how long writes and mapped stores waited, as a picture\n"
	      "  -j, --json        all counters, one JSON object a line\n"
	      "  -p, --prometheus  once, in the text format of Prometheus' node_exporter\n"
	      "  -c, --check PATH  what a write there will do, and why. Exit status: 0 write-\n"
	      "                    through by direct I/O, 1 write-through by a longer way,\n"
	      "                    2 no write-through, 3 cannot say\n"
	      "  -h, --help        this\n", f);
}

/* A number of seconds, and nothing else? */
static bool is_number(const char *s, double *number)
{
	char *end;

	errno = 0;
	*number = strtod(s, &end);
	return end != s && !*end && !errno && isfinite(*number);
}

/* Take INTERVAL and COUNT off the end of the arguments. */
static void parse_times(struct job *job)
{
	double numbers[2];
	size_t found = 0;

	while (found < 2 && job->wanteds &&
	       is_number(job->wanted[job->wanteds - 1], &numbers[found])) {
		job->wanteds--;
		found++;
	}
	if (!found)
		return;
	job->interval = numbers[found - 1];
	if (job->interval < 0.01 || job->interval > INTERVAL_MAX)
		errx(3, "an interval is from 0.01 to %.0f s", INTERVAL_MAX);
	if (found == 1)
		return;
	if (numbers[0] < 1 || numbers[0] > COUNT_MAX ||
	    numbers[0] != floor(numbers[0]))
		errx(3, "a count is a whole number from 1 on");
	job->count = numbers[0];
}

/* A mount point may be given as any path to it: /proc knows it by its real one. */
static void resolve_wanted(struct job *job)
{
	for (size_t i = 0; i < job->wanteds; i++) {
		char *real = realpath(job->wanted[i], NULL);

		/* Never freed: it is an argument. */
		if (real)
			job->wanted[i] = real;
	}
}

static bool is_wanted(const struct job *job, const struct mount *mount)
{
	for (size_t i = 0; i < job->wanteds; i++)
		if (!strcmp(job->wanted[i], mount->dir))
			return true;
	return !job->wanteds;
}

/* Another place where a mount that is in the list already is to be seen? */
static bool is_listed(const struct watched *list, size_t count,
		      const struct mount *mount)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(list[i].mount->dev, mount->dev))
			return true;
	return false;
}

static size_t choose(const struct job *job, const struct mount *mounts,
		     size_t count, struct watched **list)
{
	size_t chosen = 0;

	*list = calloc(count ?: 1, sizeof(**list));
	if (!*list)
		err(3, "out of memory");
	for (size_t i = 0; i < count; i++)
		if (mount_is_wtfs(&mounts[i]) && is_wanted(job, &mounts[i]) &&
		    !is_listed(*list, chosen, &mounts[i]))
			(*list)[chosen++].mount = &mounts[i];
	return chosen;
}

static void check_wanted(const struct job *job, const struct mount *mounts,
			 size_t count)
{
	for (size_t i = 0; i < job->wanteds; i++) {
		bool found = false;

		for (size_t m = 0; m < count; m++)
			found |= mount_is_wtfs(&mounts[m]) &&
				!strcmp(job->wanted[i], mounts[m].dir);
		if (!found)
			errx(3, "no wtfs is mounted on %s", job->wanted[i]);
	}
}

/* Return: whether they could be read; if not, the user has been told. */
static bool read_counters(const struct mount *mount, struct sample *sample)
{
	if (sample_read(mount, sample))
		return true;
	warnx("%s: the counters in /sys/fs/wtfs/%s are gone, or those of another version",
	      mount->dir, mount->dev);
	return false;
}

static void report(const struct job *job, struct watched *w, bool show)
{
	struct sample now, change;

	if (w->gone)
		return;
	if (!read_counters(w->mount, &now)) {
		w->gone = true;
		return;
	}
	if (sample_is_other(&now, &w->before)) {
		warnx("%s: it was unmounted, and another mount is %s now",
		      w->mount->dir, w->mount->dev);
		w->gone = true;
		return;
	}
	sample_subtract(&now, &w->before, &change);
	w->before = now;
	if (!show)
		return;
	switch (job->format) {
	case FORMAT_TOTALS:
		report_totals(w->mount, &change);
		break;
	case FORMAT_HIST:
		report_hist(w->mount, &change);
		break;
	case FORMAT_JSON:
		report_json(w->mount, &change);
		break;
	default:
		report_table(w->mount, &change);
	}
}

/* Nobody shall take half a report for a whole one. */
static void flush_stdout(void)
{
	if (fflush(stdout) || ferror(stdout))
		err(3, "standard output");
}

/* Return: how many mounts are left. */
static size_t report_all(const struct job *job, struct watched *list,
			 size_t count, bool show)
{
	size_t left = 0;

	for (size_t i = 0; i < count; i++) {
		report(job, &list[i], show);
		left += !list[i].gone;
	}
	flush_stdout();
	return left;
}

static void pause_for(double seconds)
{
	struct timespec ts = {
		.tv_sec = seconds,
		.tv_nsec = (seconds - floor(seconds)) * 1e9,
	};

	nanosleep(&ts, NULL);
}

/* Return: whether there was something to show until the end. */
static bool watch(const struct job *job, struct watched *list, size_t count)
{
	unsigned long n, lines = HEAD_EVERY;
	size_t left = count;

	if (job->interval)
		left = report_all(job, list, count, false);
	for (n = 0; left && (!job->count || n < job->count); n++) {
		if (job->interval)
			pause_for(job->interval);
		if (job->format == FORMAT_TABLE && lines >= HEAD_EVERY) {
			report_table_head();
			lines = 0;
		}
		left = report_all(job, list, count, true);
		lines += left;
	}
	return left;
}

/* Return: whether something could be read, if there is something mounted. */
static bool prometheus(const struct watched *list, size_t count)
{
	bool any = !count;
	struct mount *mounts = calloc(count ?: 1, sizeof(*mounts));
	struct sample *samples = calloc(count ?: 1, sizeof(*samples));
	bool *there = calloc(count ?: 1, sizeof(*there));

	if (!mounts || !samples || !there)
		err(3, "out of memory");
	for (size_t i = 0; i < count; i++) {
		mounts[i] = *list[i].mount;
		there[i] = read_counters(&mounts[i], &samples[i]);
		any |= there[i];
	}
	report_prometheus(mounts, samples, there, count);
	flush_stdout();
	free(mounts);
	free(samples);
	free(there);
	return any;
}

static int run(const struct job *job)
{
	struct mount *mounts;
	struct watched *list;
	size_t count, chosen;
	int status = 0;

	count = mounts_read(&mounts);
	check_wanted(job, mounts, count);
	chosen = choose(job, mounts, count, &list);
	if (job->format == FORMAT_PROMETHEUS)
		status = prometheus(list, chosen) ? 0 : 3;
	else if (!chosen)
		errx(3, "no wtfs is mounted");
	else
		status = watch(job, list, chosen) ? 0 : 3;
	free(list);
	mounts_free(mounts, count);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "histogram", no_argument, NULL, 'w' },
		{ "json", no_argument, NULL, 'j' },
		{ "prometheus", no_argument, NULL, 'p' },
		{ "check", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct job job = { .count = 0 };
	const char *path = NULL;
	int c, status;

	while ((c = getopt_long(argc, argv, "wjpc:h", options, NULL)) != -1) {
		switch (c) {
		case 'w':
			job.format = FORMAT_HIST;
			break;
		case 'j':
			job.format = FORMAT_JSON;
			break;
		case 'p':
			job.format = FORMAT_PROMETHEUS;
			break;
		case 'c':
			path = optarg;
			break;
		case 'h':
			usage(stdout);
			flush_stdout();
			return 0;
		default:
			usage(stderr);
			return 3;
		}
	}
	if (path) {
		if (optind < argc) {
			usage(stderr);
			return 3;
		}
		status = check(path);
		flush_stdout();
		return status;
	}
	job.wanted = argv + optind;
	job.wanteds = argc - optind;
	parse_times(&job);
	resolve_wanted(&job);
	if (!job.interval) {
		job.count = 1;
		/* A rate is of an interval. */
		if (job.format == FORMAT_TABLE)
			job.format = FORMAT_TOTALS;
	}
	return run(&job);
}
