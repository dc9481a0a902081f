// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes whose buffer goes away again and again while it is copied, into a file
 * that is stored to through a mapping in between:
 *
 *   shortcopy -m FILE -l LOWERFILE -b BUFFERFILE [-s SEED] [-n ROUNDS]
 *
 * What was written is on the device after each write, and in the end the stores
 * beside it are too. BUFFERFILE is made anew.
 */
#include "common.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define BUFFER (64 * KIB)
#define SIZE MIB

static struct {
	const uint8_t *buffer;		/* what comes back is what the file has */
	uint8_t data[BUFFER];		/* the same, to compare with */
	uint8_t model[SIZE];
	atomic_bool stop;
} all;

static void *dropper(void *unused)
{
	while (!atomic_load(&all.stop))
		if (madvise((void *)all.buffer, BUFFER, MADV_DONTNEED))
			die_errno("madvise");
	return unused;
}

static void make_buffer(const char *path)
{
	int fd = xopen(path, O_RDWR | O_CREAT | O_TRUNC);

	fill(all.data, BUFFER, rng());
	if (write(fd, all.data, BUFFER) != (ssize_t)BUFFER)
		die_errno("write %s", path);
	all.buffer = mmap(NULL, BUFFER, PROT_READ, MAP_PRIVATE, fd, 0);
	if (all.buffer == MAP_FAILED)
		die_errno("mmap");
}

static void store(uint8_t *map, size_t off)
{
	uint8_t value = rng();

	map[off] = value;
	all.model[off] = value;
}

static void compare(int lower, size_t off, size_t len, const char *when)
{
	const uint8_t *got;
	size_t n, i;

	got = direct_read(lower, off, len, PAGE, &n);
	i = n < len ? n : first_difference(got, all.model + off, len);
	if (i < len)
		die("%s: byte %zu is 0x%02x on the device, not 0x%02x", when, off + i,
		    n < len ? 0 : got[i], all.model[off + i]);
}

static void one_round(int fd, int lower, uint8_t *map)
{
	size_t from = rnd(BUFFER), len = 1 + rnd(BUFFER - from), off = rnd(SIZE - len);

	/* In its first and last page, and in others that may be of one folio. */
	store(map, ROUND_DOWN(off, PAGE) + rnd(PAGE));
	store(map, ROUND_DOWN(off + len - 1, PAGE) + rnd(PAGE));
	store(map, (off + SIZE - rnd(BUFFER)) % SIZE);
	store(map, (off + len + rnd(BUFFER)) % SIZE);
	if (pwrite(fd, all.buffer + from, len, off) != (ssize_t)len)
		die_errno("pwrite");
	memcpy(all.model + off, all.data + from, len);
	compare(lower, off, len, "after write()");
	if (memcmp(map + off, all.model + off, len))
		die("the cache is not what was written at %zu", off);
	if (one_in(2))
		return;
	if (fsync(fd))
		die_errno("fsync");
	compare(lower, 0, SIZE, "after fsync()");
}

int main(int argc, char **argv)
{
	const char *path = NULL, *lower = NULL, *buffer = NULL;
	unsigned long i, rounds = 300, seed = 1;
	pthread_t thread;
	int c, fd, below;
	uint8_t *map;

	while ((c = getopt(argc, argv, "m:l:b:s:n:")) != -1) {
		switch (c) {
		case 'm':
			path = optarg;
			break;
		case 'l':
			lower = optarg;
			break;
		case 'b':
			buffer = optarg;
			break;
		case 's':
			seed = strtoul(optarg, NULL, 0);
			break;
		case 'n':
			rounds = strtoul(optarg, NULL, 0);
			break;
		default:
			die("usage: shortcopy -m FILE -l LOWERFILE -b BUFFERFILE [-s SEED] [-n ROUNDS]");
		}
	}
	if (!path || !lower || !buffer)
		die("which file?");
	rng_seed(seed);
	make_buffer(buffer);
	fd = xopen(path, O_RDWR | O_CREAT);
	if (pwrite(fd, all.model, SIZE, 0) != (ssize_t)SIZE)
		die_errno("pwrite");
	below = xopen(lower, O_RDONLY | O_DIRECT);
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		die_errno("mmap");
	if (pthread_create(&thread, NULL, dropper, NULL))
		die("no thread");
	for (i = 0; i < rounds; i++)
		one_round(fd, below, map);
	atomic_store(&all.stop, true);
	pthread_join(thread, NULL);
	if (fsync(fd))
		die_errno("fsync");
	compare(below, 0, SIZE, "after fsync()");
	printf("shortcopy: %lu writes, seed %lu\n", rounds, seed);
	return 0;
}
