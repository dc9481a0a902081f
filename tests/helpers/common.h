/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the test helpers: failing, random numbers, extents, direct reads.
 */
#ifndef WTFS_TEST_COMMON_H
#define WTFS_TEST_COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <unistd.h>
#include <linux/fiemap.h>
#include <linux/fs.h>

#define KIB 1024UL
#define MIB (1024UL * 1024UL)
#define PAGE 4096UL
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define ROUND_DOWN(x, to) ((x) / (to) * (to))
#define ROUND_UP(x, to) (((x) + (to) - 1) / (to) * (to))
#define MIN(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define MAX(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ > b_ ? a_ : b_; })

/* The test failed, or can't be done: say why, as lib.sh does, and stop. */
__attribute__((format(printf, 1, 2), noreturn))
static inline void die(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "FAIL: %s: ", program_invocation_short_name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/* As die(), with the text of errno after it. */
__attribute__((format(printf, 1, 2), noreturn))
static inline void die_errno(const char *fmt, ...)
{
	int error = errno;
	va_list args;

	fflush(stdout);
	fprintf(stderr, "FAIL: %s: ", program_invocation_short_name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(error));
	exit(1);
}

/* xorshift64*: the same numbers for the same seed everywhere */
static uint64_t rng_state = 1;

static inline void rng_seed(uint64_t seed)
{
	rng_state = seed * 0x9e3779b97f4a7c15ULL + 0x632be59bd9b4e019ULL;
	if (!rng_state)
		rng_state = 1;
}

static inline uint64_t rng(void)
{
	rng_state ^= rng_state >> 12;
	rng_state ^= rng_state << 25;
	rng_state ^= rng_state >> 27;
	return rng_state * 0x2545f4914f6cdd1dULL;
}

/* 0 ... @n - 1 */
static inline uint64_t rnd(uint64_t n)
{
	return n ? (rng() >> 11) % n : 0;
}

/* @from ... @to, both included */
static inline uint64_t rnd_range(uint64_t from, uint64_t to)
{
	return from + rnd(to - from + 1);
}

static inline bool one_in(uint64_t n)
{
	return rnd(n) == 0;
}

/* Bytes that differ from @key to @key and from word to word. */
static inline void fill(void *to, size_t len, uint64_t key)
{
	uint64_t x = (key + 1) * 0x9e3779b97f4a7c15ULL;
	uint8_t *p = to;

	for (; len >= sizeof(x); p += sizeof(x), len -= sizeof(x)) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		memcpy(p, &x, sizeof(x));
	}
	x = x * 6364136223846793005ULL + 1442695040888963407ULL;
	memcpy(p, &x, len);
}

/* The first of @len bytes that differs; @len when none does. */
static inline size_t first_difference(const void *a, const void *b, size_t len)
{
	const uint8_t *x = a, *y = b;
	size_t i = 0;

	if (memcmp(a, b, len) == 0)
		return len;
	while (x[i] == y[i])
		i++;
	return i;
}

static inline int xopen(const char *path, int flags)
{
	int fd = open(path, flags, 0644);

	if (fd < 0)
		die_errno("open %s", path);
	return fd;
}

static inline void *xalloc(size_t align, size_t len)
{
	void *p;

	if (posix_memalign(&p, align, len))
		die("no memory for %zu bytes", len);
	return p;
}

struct extent {
	uint64_t logical;
	uint64_t physical;
	uint64_t length;
	uint32_t flags;	/* FIEMAP_EXTENT_... */
};

/*
 * The first extent of @fd that ends after @off and begins before @end.
 * FIEMAP_FLAG_SYNC is not given: that would write the file back, and the
 * caller wants to know whether that was done already. False: a hole.
 */
static inline bool next_extent(int fd, uint64_t off, uint64_t end, struct extent *e)
{
	union {
		struct fiemap map;
		char room[sizeof(struct fiemap) + sizeof(struct fiemap_extent)];
	} u;
	struct fiemap_extent *x = u.map.fm_extents;

	memset(&u, 0, sizeof(u));
	u.map.fm_start = off;
	u.map.fm_length = end - off;
	u.map.fm_extent_count = 1;
	if (ioctl(fd, FS_IOC_FIEMAP, &u.map))
		die_errno("FIEMAP");
	if (!u.map.fm_mapped_extents || x->fe_logical >= end)
		return false;
	e->logical = x->fe_logical;
	e->physical = x->fe_physical;
	e->length = x->fe_length;
	e->flags = x->fe_flags;
	return true;
}

/*
 * Read @len bytes at @off of @fd, which is open with O_DIRECT, through a
 * buffer of this function's own. *@got is how many of them there were.
 */
static inline const uint8_t *direct_read(int fd, uint64_t off, size_t len,
					 size_t align, size_t *got)
{
	static uint8_t *buf;
	static size_t room;
	uint64_t from = ROUND_DOWN(off, align);
	size_t want = ROUND_UP(off + len, align) - from;
	size_t have = 0;

	if (want > room) {
		free(buf);
		room = MAX(want, MIB);
		buf = xalloc(PAGE, room);
	}
	while (have < want) {
		ssize_t n = pread(fd, buf + have, want - have, from + have);

		if (n < 0)
			die_errno("direct read of %zu at %llu", want - have,
				  (unsigned long long)(from + have));
		have += n;
		if (n == 0 || n % align)
			break;
	}
	*got = have > off - from ? MIN(have - (off - from), len) : 0;
	return buf + (off - from);
}

#endif
