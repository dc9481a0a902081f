// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long does somebody wait for a folio that is on its way to the device?
 *
 *   stablewait FILE CASE ROUNDS
 *
 * Prints the median, in microseconds. FILE has 1 MiB of blocks, in the cache;
 * the device takes so long for a write that it is still under way when the
 * second one of a pair begins, and it is checked that it was.
 */
#include "common.h"
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#define PAGES 128UL
#define FOLIO_PAGES 64UL	/* the most that a folio has */
#define WRITERS 8

static struct {
	int fd;
	volatile uint8_t *map;
	size_t page;		/* that the round is about */
	pthread_barrier_t start;
	pthread_barrier_t end;
	bool stop;
} all;

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ULL + t.tv_nsec / 1000;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t median(uint64_t *us, size_t n)
{
	qsort(us, n, sizeof(*us), compare);
	return us[n / 2];
}

static void store(size_t page)
{
	static uint8_t value;

	/* Not read first: a fault for that would map it, but not for stores. */
	all.map[page * PAGE + 100] = ++value;
}

static void write_page(size_t page)
{
	uint8_t data[PAGE];

	memset(data, page, sizeof(data));
	if (pwrite(all.fd, data, sizeof(data), page * PAGE) != sizeof(data))
		die_errno("pwrite");
}

static void sync_page(size_t page, unsigned int flags)
{
	if (sync_file_range(all.fd, page * PAGE, PAGE, flags))
		die_errno("sync_file_range");
}

/* Write what is dirty, but no more of the lower than that. */
static void settle(void)
{
	if (sync_file_range(all.fd, 0, 0, SYNC_FILE_RANGE_WRITE_AND_WAIT))
		die_errno("sync_file_range");
}

static void load_page(size_t page)
{
	(void)all.map[page * PAGE];
}

/*
 * @act on a folio while an ordinary writeback of it is in flight. Together with
 * the rest of that it takes as long as the device does, or it was not.
 */
static uint64_t act_busy(void (*act)(size_t page), size_t rounds)
{
	uint64_t us[rounds], whole[rounds], start;
	size_t i;

	for (i = 0; i < rounds; i++) {
		all.page = i % PAGES;
		act(all.page);
		sync_page(all.page, SYNC_FILE_RANGE_WRITE);
		start = now_us();
		act(all.page);
		us[i] = now_us() - start;
		sync_page(all.page, SYNC_FILE_RANGE_WAIT_BEFORE);
		whole[i] = now_us() - start;
		settle();
	}
	if (median(whole, rounds) < 25000)
		die("the writeback was over after %llu us: nothing was measured",
		    (unsigned long long)median(whole, rounds));
	return median(us, rounds);
}

static uint64_t case_store_busy(size_t rounds)
{
	return act_busy(store, rounds);
}

static uint64_t case_write_busy(size_t rounds)
{
	return act_busy(write_page, rounds);
}

/* Reads of it wait for nothing. */
static uint64_t case_load_busy(size_t rounds)
{
	uint64_t us[rounds], start;
	size_t i;

	for (i = 0; i < rounds; i++) {
		store(i % PAGES);
		sync_page(i % PAGES, SYNC_FILE_RANGE_WRITE);
		start = now_us();
		load_page(i % PAGES);
		us[i] = now_us() - start;
		settle();
	}
	return median(us, rounds);
}

static void *writer(void *unused)
{
	for (;;) {
		pthread_barrier_wait(&all.start);
		if (all.stop)
			return unused;
		write_page(all.page);
		pthread_barrier_wait(&all.end);
	}
}

/*
 * A store to page @first of the file, counted from the one that is being written
 * through, and then one to page @second. With @unmapped nothing of the file is
 * mapped before them, and the first fault may map more than its page.
 */
static uint64_t store_through(size_t first, size_t second, bool unmapped,
			      size_t rounds)
{
	uint64_t us[rounds], whole[rounds], start;
	pthread_t thread;
	size_t i;

	pthread_barrier_init(&all.start, NULL, 2);
	pthread_barrier_init(&all.end, NULL, 2);
	if (pthread_create(&thread, NULL, writer, NULL))
		die("no thread");
	for (i = 0; i < rounds; i++) {
		all.page = i % (FOLIO_PAGES - 1);
		if (unmapped && madvise((void *)all.map, PAGES * PAGE, MADV_DONTNEED))
			die_errno("madvise");
		pthread_barrier_wait(&all.start);
		usleep(10000);
		start = now_us();
		store(all.page + first);
		if (second != first)
			store(all.page + second);
		us[i] = now_us() - start;
		pthread_barrier_wait(&all.end);
		whole[i] = now_us() - start;
		settle();
	}
	all.stop = true;
	pthread_barrier_wait(&all.start);
	pthread_join(thread, NULL);
	if (median(whole, rounds) < 15000)
		die("the write was over after %llu us: nothing was measured",
		    (unsigned long long)median(whole, rounds));
	return median(us, rounds);
}

static uint64_t case_store_through(size_t rounds)
{
	return store_through(0, 0, false, rounds);
}

/* In the same folio, if that is a large one. */
static uint64_t case_store_beside(size_t rounds)
{
	return store_through(1, 1, false, rounds);
}

/* In another folio. */
static uint64_t case_store_apart(size_t rounds)
{
	return store_through(FOLIO_PAGES, FOLIO_PAGES, false, rounds);
}

/* By the way of its neighbour, where nothing is mapped. */
static uint64_t case_store_unmapped(size_t rounds)
{
	return store_through(1, 0, true, rounds);
}

static void *own_writer(void *arg)
{
	for (;;) {
		pthread_barrier_wait(&all.start);
		if (all.stop)
			return NULL;
		write_page((size_t)arg * (PAGES / WRITERS));
		pthread_barrier_wait(&all.end);
	}
}

/* The time of eight writes at once, each to a part of its own. */
static uint64_t case_writes(size_t rounds)
{
	pthread_t thread[WRITERS];
	uint64_t us[rounds], start;
	size_t i;

	pthread_barrier_init(&all.start, NULL, WRITERS + 1);
	pthread_barrier_init(&all.end, NULL, WRITERS + 1);
	for (i = 0; i < WRITERS; i++)
		if (pthread_create(&thread[i], NULL, own_writer, (void *)i))
			die("no thread");
	for (i = 0; i < rounds; i++) {
		start = now_us();
		pthread_barrier_wait(&all.start);
		pthread_barrier_wait(&all.end);
		us[i] = now_us() - start;
	}
	all.stop = true;
	pthread_barrier_wait(&all.start);
	for (i = 0; i < WRITERS; i++)
		pthread_join(thread[i], NULL);
	return median(us, rounds);
}

static const struct {
	const char *name;
	uint64_t (*run)(size_t rounds);
} cases[] = {
	{ "store-busy", case_store_busy },
	{ "write-busy", case_write_busy },
	{ "load-busy", case_load_busy },
	{ "store-through", case_store_through },
	{ "store-beside", case_store_beside },
	{ "store-apart", case_store_apart },
	{ "store-unmapped", case_store_unmapped },
	{ "writes", case_writes },
};

/* In one page table, so that a fault can map a folio in one go. */
static uint8_t *map_aligned(void)
{
	const size_t table = 2 * MIB;
	uint8_t *room = mmap(NULL, 2 * table, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *map = (uint8_t *)ROUND_UP((uintptr_t)room, table);

	if (room == MAP_FAILED)
		die_errno("mmap");
	map = mmap(map, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, all.fd, 0);
	if (map == MAP_FAILED)
		die_errno("mmap");
	return map;
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc != 4)
		die("usage: stablewait FILE CASE ROUNDS");
	all.fd = xopen(argv[1], O_RDWR);
	all.map = map_aligned();
	for (i = 0; i < PAGES; i++)
		load_page(i);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (strcmp(cases[i].name, argv[2]))
			continue;
		printf("%llu\n", (unsigned long long)cases[i].run(strtoul(argv[3], NULL, 0)));
		return 0;
	}
	die("no case %s", argv[2]);
}
