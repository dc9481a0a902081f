// SPDX-License-Identifier: GPL-2.0-only
/*
 * One process stores to a folio in a tight loop, numbered stores to one word
 * after the other; another one writes the folio through, whole or in part, and
 * looks after each write at what the device has got:
 *
 *   window -m FILE -l LOWERFILE -d DEVICE [-s SEED] [-n ROUNDS]
 *
 * It has to be what some order of the stores and the write gives: the write
 * comes after the store number t, and the device got all up to number u. What
 * was stored before the write began is older than it; and is on the device too,
 * where the write did not replace it.
 */
#include "common.h"
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define WORDS (PAGE / sizeof(uint64_t))
#define STORE 0x8000000000000000ULL	/* in a word: the rest is the number of a store */

static struct {
	int fd;
	int dev;
	uint64_t at;			/* of the folio, on the device */
	atomic_uint_least64_t *stored;	/* the last store that is done */
	uint64_t seed;
	unsigned long crossed;		/* writes that met a store */
} all;

/* Where a store goes; as many in a row as there are words hit each of them. */
static size_t word_of(uint64_t store)
{
	return store * 181 % WORDS;
}

/* The last store to @word among the first @bound; 0 for none. */
static uint64_t last_store(size_t word, uint64_t bound)
{
	/* 181 * 413 = 1 modulo the number of words */
	uint64_t back = (bound - word * 413) % WORDS;

	return bound > back ? bound - back : 0;
}

static void storer(volatile uint64_t *map)
{
	uint64_t s;

	for (s = 1;; s++) {
		map[word_of(s)] = STORE | s;
		atomic_store(all.stored, s);
	}
}

/**
 * struct written - a write that is over
 * @value:	of all its words
 * @first:	word
 * @end:	word after the last
 * @before:	the last store that was done before it began
 * @since:	the same, of the write before; at the latest
 */
struct written {
	uint64_t value;
	size_t first;
	size_t end;
	uint64_t before;
	uint64_t since;
};

__attribute__((noreturn))
static void wrong(const struct written *w, const uint64_t *got, size_t word, const char *why)
{
	die("seed %llu: write %llu of the words %zu to %zu, after store %llu: word %zu is %s%llu: %s",
	    (unsigned long long)all.seed, (unsigned long long)w->value, w->first, w->end,
	    (unsigned long long)w->before, word, got[word] & STORE ? "store " : "write ",
	    (unsigned long long)(got[word] & ~STORE), why);
}

static void check(const struct written *w, const uint64_t *got)
{
	uint64_t u = w->before, low = w->before, high = UINT64_MAX, last;
	size_t i, at_high = 0;

	for (i = 0; i < WORDS; i++)
		if (got[i] & STORE)
			u = MAX(u, got[i] & ~STORE);
	for (i = 0; i < WORDS; i++) {
		last = last_store(i, u);
		if (i < w->first || i >= w->end) {
			/* An older one may have been replaced by an older write. */
			if (last > w->since && got[i] != (STORE | last))
				wrong(w, got, i, "an older store is missing");
		} else if (got[i] == w->value) {
			low = MAX(low, last);
		} else if (got[i] == (STORE | last)) {
			if (last < high) {
				high = last;
				at_high = i;
			}
		} else {
			wrong(w, got, i, "neither the write nor the last store");
		}
	}
	if (high <= w->before)
		wrong(w, got, at_high, "the write is newer than that");
	if (low >= high)
		wrong(w, got, at_high, "the write comes before that, and after a later store");
	all.crossed += high != UINT64_MAX || u > w->before;
}

/* Where on the device the folio is that is stored to: the second of the file. */
static uint64_t address(const char *lower)
{
	int fd = xopen(lower, O_RDONLY);
	struct extent e;

	if (!next_extent(fd, PAGE, 2 * PAGE, &e) || e.logical > PAGE)
		die("the file has no blocks");
	close(fd);
	return e.physical + (PAGE - e.logical);
}

static void write_words(const struct written *w)
{
	static uint64_t data[WORDS];
	size_t i, len = (w->end - w->first) * sizeof(data[0]);

	for (i = 0; i < WORDS; i++)
		data[i] = w->value;
	if (pwrite(all.fd, data, len, PAGE + w->first * sizeof(data[0])) != (ssize_t)len)
		die_errno("pwrite");
}

static void one_round(struct written *w)
{
	const uint8_t *got;
	uint64_t go_on;
	size_t n;

	w->value++;
	w->first = one_in(2) ? 0 : rnd(WORDS);
	w->end = one_in(2) ? WORDS : w->first + 1 + rnd(WORDS - w->first);
	w->before = atomic_load(all.stored);
	write_words(w);
	got = direct_read(all.dev, all.at, PAGE, PAGE, &n);
	if (n != PAGE)
		die("short read of the device");
	check(w, (const uint64_t *)got);
	/* The store after the last one that is known may be older than it. */
	w->since = atomic_load(all.stored) + 1;
	/* The next write finds the storer at work, not in a fault. */
	go_on = w->since + 1 + rnd(2 * WORDS);
	while (atomic_load(all.stored) < go_on)
		sched_yield();
}

int main(int argc, char **argv)
{
	const char *path = NULL, *lower = NULL, *dev = NULL;
	unsigned long i, rounds = 1000;
	struct written w = { 0 };
	uint8_t zero[4 * PAGE] = { 0 };
	void *map;
	pid_t child;
	int c;

	while ((c = getopt(argc, argv, "m:l:d:s:n:")) != -1) {
		switch (c) {
		case 'm':
			path = optarg;
			break;
		case 'l':
			lower = optarg;
			break;
		case 'd':
			dev = optarg;
			break;
		case 's':
			all.seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			rounds = strtoul(optarg, NULL, 0);
			break;
		default:
			die("usage: window -m FILE -l LOWERFILE -d DEVICE [-s SEED] [-n ROUNDS]");
		}
	}
	if (!path || !lower || !dev)
		die("which file?");
	rng_seed(all.seed);
	all.fd = xopen(path, O_RDWR | O_CREAT);
	if (pwrite(all.fd, zero, sizeof(zero), 0) != sizeof(zero) || fsync(all.fd))
		die_errno("pwrite");
	all.dev = xopen(dev, O_RDONLY | O_DIRECT);
	all.at = address(lower);
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, all.fd, PAGE);
	all.stored = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || all.stored == MAP_FAILED)
		die_errno("mmap");
	child = fork();
	if (!child)
		storer(map);
	for (i = 0; i < rounds; i++)
		one_round(&w);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	if (all.crossed < rounds / 50)
		die("only %lu of %lu writes met a store", all.crossed, rounds);
	printf("window: seed %llu: %lu writes beside %llu stores, %lu of them met one\n",
	       (unsigned long long)all.seed, rounds, (unsigned long long)*all.stored, all.crossed);
	return 0;
}
