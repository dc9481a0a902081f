// SPDX-License-Identifier: GPL-2.0-only
/*
 * Overwrite FILE again and again, and watch how much of memory is dirty or
 * under writeback meanwhile, from a second thread and after each write:
 *
 *   dirtywatch FILE FILE-MIB WRITE-KIB TOTAL-MIB
 *
 * Prints the most that was seen above what there was before, in KiB.
 */
#include "common.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

static atomic_bool stop;
static atomic_long most;
static int meminfo;

static long field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	if (!at)
		die("no %s in /proc/meminfo", name);
	return atol(at + strlen(name));
}

static long dirty_kib(void)
{
	char text[8192];
	ssize_t n = pread(meminfo, text, sizeof(text) - 1, 0);

	if (n <= 0)
		die_errno("/proc/meminfo");
	text[n] = 0;
	return field(text, "\nDirty:") + field(text, "\nWriteback:");
}

static void look(void)
{
	long now = dirty_kib(), before = atomic_load(&most);

	while (now > before && !atomic_compare_exchange_weak(&most, &before, now))
		;
}

static void *watch(void *unused)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	while (!atomic_load(&stop)) {
		look();
		nanosleep(&pause, NULL);
	}
	return unused;
}

int main(int argc, char **argv)
{
	size_t size, unit, total, done;
	pthread_t watcher;
	uint8_t *data;
	long before;
	int fd;

	if (argc != 5)
		die("usage: dirtywatch FILE FILE-MIB WRITE-KIB TOTAL-MIB");
	size = strtoul(argv[2], NULL, 0) * MIB;
	unit = strtoul(argv[3], NULL, 0) * KIB;
	total = strtoul(argv[4], NULL, 0) * MIB;
	meminfo = xopen("/proc/meminfo", O_RDONLY);
	fd = xopen(argv[1], O_RDWR | O_CREAT);
	data = xalloc(PAGE, unit);
	fill(data, unit, total);
	sync();
	before = dirty_kib();
	atomic_store(&most, before);
	if (pthread_create(&watcher, NULL, watch, NULL))
		die("no thread");
	for (done = 0; done < total; done += unit) {
		if (pwrite(fd, data, unit, done % size) != (ssize_t)unit)
			die_errno("write");
		look();
	}
	atomic_store(&stop, true);
	pthread_join(watcher, NULL);
	printf("%ld\n", atomic_load(&most) - before);
	return 0;
}
