// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared mappings beside read() and write():
 *
 *   mmaptest -m MNT -l LOWER -d DEV [-s SEED] [-n ROUNDS]
 */
#include "model.h"
#include <pthread.h>
#include <sys/mman.h>

#define SIZE (64 * PAGE)

static uint8_t *map_file(struct file *f, int prot, int flags)
{
	uint8_t *map = mmap(NULL, SIZE, prot, flags, f->fd, 0);

	if (map == MAP_FAILED)
		die_errno("mmap");
	return map;
}

static void write_model(struct file *f, size_t off, size_t len)
{
	uint8_t data[3 * PAGE];
	size_t old_size;

	fill(data, len, rng());
	if (pwrite(f->fd, data, len, off) != (ssize_t)len)
		FAIL(f, "pwrite: %s", strerror(errno));
	old_size = model_write(f, data, off, len);
	check_written(f, off, len, old_size);
}

static void store_model(struct file *f, uint8_t *map, size_t off, size_t len)
{
	fill(f->model + off, len, rng());
	memcpy(map + off, f->model + off, len);
	f->stored = true;
}

/* Stores are seen by read(), writes in the mapping, each at once. */
static void test_coherent(struct file *f)
{
	uint8_t *map = map_file(f, PROT_READ | PROT_WRITE, MAP_SHARED);
	uint8_t *view = map_file(f, PROT_READ, MAP_PRIVATE);
	size_t i, off, len;

	for (i = 0; i < 100; i++) {
		len = 1 + rnd(2 * PAGE);
		off = rnd(SIZE - len);
		doing("a mapped store of %zu at %zu", len, off);
		store_model(f, map, off, len);
		check_cache(f, off, off + len);
		len = 1 + rnd(2 * PAGE);
		off = rnd(SIZE - len);
		doing("pwrite of %zu at %zu", len, off);
		write_model(f, off, len);
		compare(f, "in a shared mapping", map, 0, SIZE);
		compare(f, "in a private mapping", view, 0, SIZE);
	}
	munmap(view, SIZE);
	munmap(map, SIZE);
	sync_file(f);
}

/* What msync wrote is on the device, and so is what fsync wrote after munmap. */
static void test_msync(struct file *f)
{
	uint8_t *map;
	size_t i, off, len;

	for (i = 0; i < 30; i++) {
		map = map_file(f, PROT_READ | PROT_WRITE, MAP_SHARED);
		len = 1 + rnd(3 * PAGE);
		off = rnd(SIZE - len);
		doing("msync of a store of %zu at %zu", len, off);
		store_model(f, map, off, len);
		if (i % 3 == 0) {
			if (msync(map, SIZE, MS_SYNC))
				FAIL(f, "msync: %s", strerror(errno));
			f->stored = false;
			check_device(f, 0, SIZE);
		}
		munmap(map, SIZE);
		if (i % 3 == 1)
			sync_file(f);
	}
	doing("sync after munmap and close");
	close(f->append);
	sync();
	f->stored = false;
	check_all(f);
	drop_cache(f);
	check_all(f);
	f->append = dup(f->fd);
}

/* A private mapping's stores stay private. */
static void test_private(struct file *f)
{
	uint8_t *map = map_file(f, PROT_READ | PROT_WRITE, MAP_PRIVATE);

	doing("stores to a private mapping");
	memset(map, 0x77, SIZE);
	check_cache(f, 0, SIZE);
	write_model(f, 5, 100);
	munmap(map, SIZE);
	sync_file(f);
}

/* ---- stores and writes to one folio, at the same time --------------------- */

static struct {
	struct file *f;
	uint8_t *map;
	pthread_barrier_t start;
	pthread_barrier_t end;
	unsigned long rounds;
} race;

#define HALF (PAGE / 2)

/* Stores to the first half of the page. */
static void *storer(void *unused)
{
	unsigned long round, i;

	for (round = 1; round <= race.rounds; round++) {
		pthread_barrier_wait(&race.start);
		for (i = 0; i < 40; i++) {
			memset(race.map + (i * 50) % HALF, round + i, 7);
			memset(race.f->model + (i * 50) % HALF, round + i, 7);
		}
		pthread_barrier_wait(&race.end);
	}
	return unused;
}

/* Writes to the second half. */
static void writes(unsigned long round)
{
	unsigned long i;
	uint8_t data[100];

	for (i = 0; i < 3; i++) {
		size_t off = HALF + (round * 37 + i * 400) % (HALF - sizeof(data));

		fill(data, sizeof(data), round * 8 + i);
		if (pwrite(race.f->fd, data, sizeof(data), off) != sizeof(data))
			FAIL(race.f, "pwrite: %s", strerror(errno));
		memcpy(race.f->model + off, data, sizeof(data));
	}
}

static void test_race(struct file *f, unsigned long rounds)
{
	pthread_t thread;
	unsigned long round;

	race.f = f;
	race.rounds = rounds;
	race.map = map_file(f, PROT_READ | PROT_WRITE, MAP_SHARED);
	pthread_barrier_init(&race.start, NULL, 2);
	pthread_barrier_init(&race.end, NULL, 2);
	if (pthread_create(&thread, NULL, storer, NULL))
		die("no thread");
	for (round = 1; round <= rounds; round++) {
		doing("mapped stores beside writes, round %lu", round);
		pthread_barrier_wait(&race.start);
		writes(round);
		pthread_barrier_wait(&race.end);
		check_cache(f, 0, PAGE);
		if (round % 4)
			continue;
		if (fsync(f->fd))
			FAIL(f, "fsync: %s", strerror(errno));
		check_device(f, 0, PAGE);
	}
	pthread_join(thread, NULL);
	munmap(race.map, SIZE);
	sync_file(f);
	drop_cache(f);
	check_all(f);
}

int main(int argc, char **argv)
{
	const char *mnt = "/wtfs", *lower = "/lower", *dev = NULL;
	unsigned long rounds = 1000;
	struct file f;
	int c;

	world.seed = 1;
	while ((c = getopt(argc, argv, "m:l:d:s:n:")) != -1) {
		switch (c) {
		case 'm':
			mnt = optarg;
			break;
		case 'l':
			lower = optarg;
			break;
		case 'd':
			dev = optarg;
			break;
		case 's':
			world.seed = strtoul(optarg, NULL, 0);
			break;
		case 'n':
			rounds = strtoul(optarg, NULL, 0);
			break;
		default:
			die("usage: mmaptest -m MNT -l LOWER -d DEV [-s SEED] [-n ROUNDS]");
		}
	}
	if (!dev)
		die("which device?");
	world_init(mnt, lower, dev);
	rng_seed(world.seed);
	model_open(&f, "mapped");
	doing("writing the file");
	for (c = 0; c < 64; c++)
		write_model(&f, c * PAGE, PAGE);
	test_coherent(&f);
	test_msync(&f);
	test_private(&f);
	test_race(&f, rounds);
	model_close(&f);
	printf("mmaptest: %lu rounds, seed %lu\n", rounds, world.seed);
	return 0;
}
