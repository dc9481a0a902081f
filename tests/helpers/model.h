/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file on wtfs and what it must hold, compared at three levels: the blocks
 * of the device, the lower file, and the file itself.
 */
#ifndef WTFS_TEST_MODEL_H
#define WTFS_TEST_MODEL_H

#include "common.h"
#include <sys/stat.h>
#include <sys/statvfs.h>

#define FILE_MAX (16 * MIB)	/* no file of a test grows beyond this */

struct file {
	char name[40];
	int fd;			/* on wtfs, O_RDWR */
	int append;		/* on wtfs, O_RDWR | O_APPEND */
	int below;		/* the lower file, O_RDONLY | O_DIRECT */
	uint8_t *model;		/* FILE_MAX bytes; zero from size on */
	size_t size;
	bool stored;		/* has mapped stores that nobody has synced */
};

/* Where the files are, and what is being done: for messages. */
static struct {
	const char *mnt;
	const char *lower;
	int dev;		/* the block device, O_RDONLY | O_DIRECT */
	size_t block;		/* of the lower filesystem */
	size_t sector;		/* of the device */
	unsigned long seed;
	unsigned long case_no;
	char op[96];
} world;

__attribute__((format(printf, 1, 2)))
static inline void doing(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(world.op, sizeof(world.op), fmt, args);
	va_end(args);
	world.case_no++;
}

#define FAIL(f, fmt, ...) die("seed %lu, case %lu: %s on %s (size %zu): " fmt, world.seed, \
			      world.case_no, world.op, (f)->name, (f)->size, ##__VA_ARGS__)

static inline void world_init(const char *mnt, const char *lower, const char *dev)
{
	struct statvfs v;
	int sector;

	world.mnt = mnt;
	world.lower = lower;
	world.dev = xopen(dev, O_RDONLY | O_DIRECT);
	if (statvfs(lower, &v))
		die_errno("statvfs %s", lower);
	if (ioctl(world.dev, BLKSSZGET, &sector))
		die_errno("BLKSSZGET");
	world.block = v.f_bsize;
	world.sector = sector;
	strcpy(world.op, "start");
}

static inline void model_open(struct file *f, const char *name)
{
	char path[300];

	memset(f, 0, sizeof(*f));
	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(path, sizeof(path), "%s/%s", world.mnt, name);
	f->fd = xopen(path, O_RDWR | O_CREAT | O_TRUNC);
	f->append = xopen(path, O_RDWR | O_APPEND);
	snprintf(path, sizeof(path), "%s/%s", world.lower, name);
	f->below = xopen(path, O_RDONLY | O_DIRECT);
	f->model = calloc(1, FILE_MAX);
	if (!f->model)
		die("no memory");
}

static inline void model_close(struct file *f)
{
	char path[300];

	close(f->fd);
	close(f->append);
	close(f->below);
	free(f->model);
	snprintf(path, sizeof(path), "%s/%s", world.mnt, f->name);
	if (unlink(path))
		die_errno("unlink %s", path);
}

/* @got and @f's model differ from @at + @i on: say how. */
__attribute__((noreturn))
static inline void mismatch(struct file *f, const char *where, const uint8_t *got,
			    size_t at, size_t len, size_t i)
{
	size_t wrong = 0, zero = 0, k;

	for (k = i; k < len; k++) {
		wrong += got[k] != f->model[at + k];
		zero += got[k] == 0;
	}
	FAIL(f, "%s: byte %zu is 0x%02x, not 0x%02x; %zu of bytes %zu..%zu are wrong (%zu are zero)",
	     where, at + i, got[i], f->model[at + i], wrong, at + i, at + len - 1, zero);
}

static inline void compare(struct file *f, const char *where, const uint8_t *got,
			   size_t at, size_t len)
{
	size_t i = first_difference(got, f->model + at, len);

	if (i < len)
		mismatch(f, where, got, at, len, i);
}

/* Bytes @from ... @to - 1 read as zero without being on the device. */
static inline void check_hole(struct file *f, const char *what, size_t from, size_t to)
{
	static const uint8_t zeros[64 * KIB];

	for (; from < to; from += MIN(to - from, sizeof(zeros)))
		compare(f, what, zeros, from, MIN(to - from, sizeof(zeros)));
}

static inline void check_mapped(struct file *f, struct extent *e, size_t from, size_t to)
{
	char where[96];
	size_t got, len;
	const uint8_t *data;

	for (; from < to; from += len) {
		len = MIN(to - from, 4 * MIB);
		data = direct_read(world.dev, e->physical + (from - e->logical), len,
				   world.sector, &got);
		if (got != len)
			die("the device ends at %llu", (unsigned long long)e->physical);
		snprintf(where, sizeof(where), "on the device (extent %llu+%llu at %llu, flags %#x)",
			 (unsigned long long)e->logical, (unsigned long long)e->length,
			 (unsigned long long)e->physical, e->flags);
		compare(f, where, data, from, len);
	}
}

/* Bytes @from ... @to - 1 as the device has them, at the extents' addresses. */
static inline void check_device(struct file *f, size_t from, size_t to)
{
	struct extent e;
	size_t end;

	to = MIN(to, f->size);
	while (from < to) {
		if (!next_extent(f->below, from, to, &e)) {
			check_hole(f, "on the device (a hole)", from, to);
			return;
		}
		if (e.logical > from) {
			check_hole(f, "on the device (a hole)", from, MIN(e.logical, to));
			from = e.logical;
		}
		end = MIN(e.logical + e.length, to);
		if (e.flags & (FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_DATA_INLINE))
			die("can't check an extent with flags %#x", e.flags);
		if (e.flags & (FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_UNKNOWN))
			check_hole(f, "without a place on the device yet", from, end);
		else if (e.flags & FIEMAP_EXTENT_UNWRITTEN)
			check_hole(f, "on the device (an unwritten extent)", from, end);
		else
			check_mapped(f, &e, from, end);
		from = end;
	}
}

/* The same bytes by O_DIRECT from the lower file. */
static inline void check_lower(struct file *f, size_t from, size_t to)
{
	size_t got, len;
	const uint8_t *data;

	to = MIN(to, f->size);
	for (; from < to; from += len) {
		len = MIN(to - from, 4 * MIB);
		data = direct_read(f->below, from, len, PAGE, &got);
		compare(f, "in the lower file", data, from, MIN(got, len));
		if (got < len)
			FAIL(f, "the lower file ends at %zu", from + got);
	}
}

/* The same bytes by read(). */
static inline void check_cache(struct file *f, size_t from, size_t to)
{
	static uint8_t buf[MIB];
	ssize_t n;

	to = MIN(to, f->size);
	for (; from < to; from += n) {
		n = pread(f->fd, buf, MIN(to - from, sizeof(buf)), from);
		if (n <= 0)
			FAIL(f, "read() at %zu gives %zd (%s)", from, n, n ? strerror(errno) : "end");
		compare(f, "by read()", buf, from, n);
	}
}

static inline void check_size(struct file *f)
{
	struct stat s;

	if (fstat(f->below, &s))
		die_errno("fstat");
	if ((size_t)s.st_size != f->size)
		FAIL(f, "the lower file's size is %lld", (long long)s.st_size);
	if (fstat(f->fd, &s))
		die_errno("fstat");
	if ((size_t)s.st_size != f->size)
		FAIL(f, "stat() gives size %lld", (long long)s.st_size);
}

/*
 * A write of @len bytes at @off has just returned; the file ended at @old_size
 * before it. The device first: the lower's direct read would write back what
 * the lower has in its own page cache.
 */
static inline void check_written(struct file *f, size_t off, size_t len, size_t old_size)
{
	size_t from = MIN(off, old_size), to = off + len;

	if (!len) {
		check_size(f);
		return;
	}
	if (f->stored) {
		check_device(f, off, to);
		check_lower(f, off, to);
	} else {
		check_device(f, ROUND_DOWN(from, world.block), ROUND_UP(to, world.block));
		check_lower(f, from < PAGE ? 0 : from - PAGE, to + PAGE);
	}
	check_size(f);
	check_cache(f, from < PAGE ? 0 : from - PAGE, to + PAGE);
}

/* Everything, at every level; mapped stores must have been synced. */
static inline void check_all(struct file *f)
{
	check_size(f);
	check_device(f, 0, f->size);
	check_lower(f, 0, f->size);
	check_cache(f, 0, f->size);
}

static inline void drop_cache(struct file *f)
{
	int error = posix_fadvise(f->fd, 0, 0, POSIX_FADV_DONTNEED);

	if (error)
		FAIL(f, "fadvise: %s", strerror(error));
}

/* fsync, after which all of the file must be below. */
static inline void sync_file(struct file *f)
{
	if (fsync(f->fd))
		FAIL(f, "fsync: %s", strerror(errno));
	f->stored = false;
	check_all(f);
}

/* The model after @len bytes of @data at @off; returns the size before. */
static inline size_t model_write(struct file *f, const void *data, size_t off, size_t len)
{
	size_t old_size = f->size;

	if (off + len > FILE_MAX)
		die("the test wants a file of %zu bytes", off + len);
	memcpy(f->model + off, data, len);
	if (len)
		f->size = MAX(f->size, off + len);
	return old_size;
}

static inline void model_truncate(struct file *f, size_t size)
{
	if (size < f->size)
		memset(f->model + size, 0, f->size - size);
	f->size = size;
}

#endif
