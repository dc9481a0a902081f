// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is it on the device when write() returns, and is it cached? Overwrites
 * blocks of a file and, right after each write(), reads the block device
 * itself with O_DIRECT, at the place where the lower file's block lies
 * (FIEMAP), and compares; and asks mincore() for the page.
 *
 *   ondevice PATH LOWER-PATH DEVICE buffered|dsync|direct [COUNT]
 *
 * PATH is written, LOWER-PATH is the same file on the lower filesystem. The
 * file must be allocated and written. Prints two words: "HITS/COUNT" for the
 * device, and for the page cache.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 4096
#define MAX_EXTENTS 256

struct map {
	struct fiemap fm;
	struct fiemap_extent extent[MAX_EXTENTS];
};

static void die(const char *what)
{
	fprintf(stderr, "ondevice: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int open_or_die(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd < 0)
		die(path);
	return fd;
}

static int mode_flags(const char *mode)
{
	if (!strcmp(mode, "buffered"))
		return 0;
	if (!strcmp(mode, "dsync"))
		return O_DSYNC;
	if (!strcmp(mode, "direct"))
		return O_DIRECT;
	fprintf(stderr, "ondevice: unknown mode %s\n", mode);
	exit(2);
}

static void get_map(const char *lower, struct map *map)
{
	int fd = open_or_die(lower, O_RDONLY);

	memset(map, 0, sizeof(*map));
	map->fm.fm_length = FIEMAP_MAX_OFFSET;
	map->fm.fm_extent_count = MAX_EXTENTS;
	if (ioctl(fd, FS_IOC_FIEMAP, &map->fm))
		die("FIEMAP");
	close(fd);
}

/* The byte of the device that holds the byte POS of the file. */
static uint64_t physical(const struct map *map, uint64_t pos)
{
	const uint32_t bad = FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC |
			     FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_UNWRITTEN |
			     FIEMAP_EXTENT_NOT_ALIGNED;
	unsigned int i;

	for (i = 0; i < map->fm.fm_mapped_extents; i++) {
		const struct fiemap_extent *e = &map->extent[i];

		if (pos < e->fe_logical || pos >= e->fe_logical + e->fe_length)
			continue;
		if (e->fe_flags & bad)
			break;
		return e->fe_physical + (pos - e->fe_logical);
	}
	fprintf(stderr, "ondevice: byte %llu of the file has no written block\n",
		(unsigned long long)pos);
	exit(2);
}

/* A pattern that no earlier write of any run has left there. */
static void fill(uint64_t *buf, unsigned int round)
{
	static uint64_t x;
	unsigned int i;

	if (!x)
		x = ((uint64_t)getpid() << 32) ^ (uint64_t)random() ^ round;
	for (i = 0; i < BLOCK / sizeof(*buf); i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		buf[i] = x;
	}
}

/* Is the block at POS in the page cache of the file mapped at BASE? */
static int cached(char *base, uint64_t pos)
{
	unsigned char in_core;

	if (mincore(base + pos, BLOCK, &in_core))
		die("mincore");
	return in_core & 1;
}

int main(int argc, char **argv)
{
	unsigned int count, i, hits = 0, cache_hits = 0;
	uint64_t *out, *in;
	struct map map;
	struct stat st;
	int file, dev;
	char *base;

	if (argc < 5) {
		fprintf(stderr, "usage: ondevice PATH LOWER-PATH DEVICE buffered|dsync|direct [COUNT]\n");
		return 2;
	}
	count = argc > 5 ? strtoul(argv[5], NULL, 0) : 100;
	srandom(getpid());
	if (posix_memalign((void **)&out, BLOCK, BLOCK) ||
	    posix_memalign((void **)&in, BLOCK, BLOCK))
		die("memory");
	get_map(argv[2], &map);
	file = open_or_die(argv[1], O_WRONLY | mode_flags(argv[4]));
	dev = open_or_die(argv[3], O_RDONLY | O_DIRECT);
	if (fstat(file, &st))
		die("fstat");
	base = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED,
		    open_or_die(argv[1], O_RDWR), 0);
	if (base == MAP_FAILED)
		die("mmap");
	for (i = 0; i < count; i++) {
		uint64_t pos = (uint64_t)random() % (st.st_size / BLOCK) * BLOCK;
		uint64_t where = physical(&map, pos);

		fill(out, i);
		if (pwrite(file, out, BLOCK, pos) != BLOCK)
			die("pwrite");
		if (pread(dev, in, BLOCK, where) != BLOCK)
			die("pread of the device");
		hits += !memcmp(in, out, BLOCK);
		cache_hits += cached(base, pos);
	}
	printf("%u/%u %u/%u\n", hits, count, cache_hits, count);
	return 0;
}
