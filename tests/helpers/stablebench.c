// SPDX-License-Identifier: GPL-2.0-only
/*
 * What stable writes cost those who share a file, for scripts/guest-bench:
 *
 *   stablebench FILE SECONDS
 *
 * One process writes 4 KiB at random, as fast as it can; one stores through a
 * mapping, one reads with read(), each at random and with a pause in between;
 * and one starts a writeback of what is dirty, every few milliseconds. Prints a
 * line for each of the three: its name, operations, and the mean, the median and
 * the 99.9th percentile of what one takes, and the longest, in ns.
 */
#include "common.h"
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define PAUSE_NS 100000
#define WRITEBACK_NS 25000000
#define OPS_MAX 1000000UL

static struct {
	int fd;
	uint8_t *map;
	size_t pages;
	uint64_t end;		/* of the measurement, ns */
} all;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void pause_ns(long ns)
{
	const struct timespec t = { .tv_nsec = ns };

	nanosleep(&t, NULL);
}

static void do_write(size_t page)
{
	static uint8_t data[PAGE];

	data[0]++;
	if (pwrite(all.fd, data, PAGE, page * PAGE) != (ssize_t)PAGE)
		die_errno("pwrite");
}

static void do_store(size_t page)
{
	((volatile uint64_t *)(all.map + page * PAGE))[1]++;
}

static void do_read(size_t page)
{
	static uint8_t data[PAGE];

	if (pread(all.fd, data, PAGE, page * PAGE) != (ssize_t)PAGE)
		die_errno("pread");
}

static const struct role {
	const char *name;
	void (*act)(size_t page);
	long pause;		/* ns between two of them */
} roles[] = {
	{ "write", do_write, 0 },
	{ "store", do_store, PAUSE_NS },
	{ "read", do_read, PAUSE_NS },
};

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void print(const char *name, uint64_t *ns, size_t n)
{
	uint64_t sum = 0;
	size_t i;

	if (!n)
		die("%s: nothing was done", name);
	for (i = 0; i < n; i++)
		sum += ns[i];
	qsort(ns, n, sizeof(*ns), compare);
	printf("%s %zu %llu %llu %llu %llu\n", name, n, (unsigned long long)(sum / n),
	       (unsigned long long)ns[n / 2], (unsigned long long)ns[n - 1 - n / 1000],
	       (unsigned long long)ns[n - 1]);
}

static void play(const struct role *role)
{
	uint64_t *ns = calloc(OPS_MAX, sizeof(*ns)), start;
	size_t n;

	rng_seed(role - roles + 1);
	for (n = 0; n < OPS_MAX && (start = now()) < all.end; n++) {
		role->act(rnd(all.pages));
		ns[n] = now() - start;
		if (role->pause)
			pause_ns(role->pause);
	}
	print(role->name, ns, n);
}

/* As the flusher would, but often. */
static void write_back(void)
{
	while (now() < all.end) {
		if (sync_file_range(all.fd, 0, 0, SYNC_FILE_RANGE_WRITE))
			die_errno("sync_file_range");
		pause_ns(WRITEBACK_NS);
	}
}

int main(int argc, char **argv)
{
	struct stat s;
	int status;
	size_t i;

	if (argc != 3)
		die("usage: stablebench FILE SECONDS");
	all.fd = xopen(argv[1], O_RDWR);
	if (fstat(all.fd, &s))
		die_errno("fstat");
	all.pages = s.st_size / PAGE;
	all.map = mmap(NULL, s.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, all.fd, 0);
	if (all.map == MAP_FAILED)
		die_errno("mmap");
	/* A pause is as long as it says. */
	prctl(PR_SET_TIMERSLACK, 1);
	all.end = now() + strtoull(argv[2], NULL, 0) * 1000000000ULL;
	for (i = 0; i < ARRAY_SIZE(roles); i++) {
		if (fork())
			continue;
		play(&roles[i]);
		fflush(stdout);
		_exit(0);
	}
	write_back();
	while (wait(&status) > 0)
		if (status)
			die("one of them failed");
	return 0;
}
