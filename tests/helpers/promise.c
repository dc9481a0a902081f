// SPDX-License-Identifier: GPL-2.0-only
/*
 * The promise, from the device's side: after each write of many kinds, and
 * before anything else, what the device, the lower file and read() have is
 * compared with what it must be. First named cases, then random ones.
 *
 *   promise -m MNT -l LOWER -d DEV [-s SEED] [-n RANDOM] [-c CASE]
 *
 * The same seed and number give the same operations.
 */
#include "model.h"
#include "ways.h"
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#define WRITE_MAX (9 * MIB)
#define SEGMENTS 1024

static uint8_t *room;		/* source buffers are cut from this */
static int pipe_fd[2];
static int mem_fd;		/* a file in memory: sendfile's source */

/* @len bytes that were never written before, at a random alignment */
static uint8_t *source(size_t len)
{
	uint8_t *p = room + (one_in(3) ? 0 : rnd(PAGE));

	fill(p, len, world.seed * 1000003 + world.case_no);
	return p;
}

/* A write of @data came back with @n. All of it was good, so all is written. */
static void wrote(struct file *f, const void *data, size_t off, size_t len, ssize_t n)
{
	size_t old_size;

	if (n != (ssize_t)len)
		FAIL(f, "returned %zd, not %zu (%s)", n, len, n < 0 ? strerror(errno) : "short");
	old_size = model_write(f, data, off, len);
	check_written(f, off, len, old_size);
}

/* ---- operations ----------------------------------------------------------- */

static void plain_write(struct file *f, size_t off, size_t len)
{
	uint8_t *data = source(len);

	wrote(f, data, off, len, pwrite(f->fd, data, len, off));
}

static void op_pwrite(struct file *f, size_t off, size_t len)
{
	doing("pwrite of %zu at %zu", len, off);
	plain_write(f, off, len);
}

static void op_append(struct file *f, size_t len)
{
	uint8_t *data;

	doing("O_APPEND write of %zu", len);
	data = source(len);
	wrote(f, data, f->size, len, write(f->append, data, len));
}

static void op_flags(struct file *f, size_t off, size_t len, int flags)
{
	struct iovec v = { .iov_len = len };

	doing("pwritev2 of %zu at %zu with flags %#x", len, off, flags);
	v.iov_base = source(len);
	if (flags & RWF_APPEND)
		off = f->size;
	wrote(f, v.iov_base, off, len, pwritev2(f->fd, &v, 1, off, flags));
}

/* By libaio or io_uring, and what has completed is on the device. */
static void op_async(struct file *f, size_t off, size_t len, bool uring, int flags)
{
	static void *aio, *ring;
	struct write w = { .fd = f->fd, .len = len, .off = off, .flags = flags };
	ssize_t n;

	doing("%s write of %zu at %zu with flags %#x", uring ? "io_uring" : "libaio", len, off,
	      flags);
	w.data = source(len);
	n = uring ? by_uring(&ring, &w) : by_libaio(&aio, &w);
	errno = n < 0 ? -n : 0;
	wrote(f, w.data, off, len, n);
}

/* A length that an application would never choose. */
static size_t ugly_length(void)
{
	switch (rnd(8)) {
	case 0:
	case 1:
		return 0;
	case 2:
	case 3:
	case 4:
		return 1;
	case 5:
		return rnd(700);
	case 6:
		return PAGE - 1 + rnd(3);
	default:
		return 1 + rnd(64);
	}
}

/* Segments of ugly lengths, from all over the buffer, and most not in order. */
static void op_writev(struct file *f, size_t off, size_t segments)
{
	static uint8_t flat[SEGMENTS * (PAGE + 2)];
	struct iovec v[SEGMENTS];
	size_t len = 0, i, span = 256 * KIB;
	uint8_t *data;

	doing("writev of %zu segments at %zu", segments, off);
	data = source(span + PAGE + 2);
	for (i = 0; i < segments; i++) {
		v[i].iov_len = ugly_length();
		v[i].iov_base = data + rnd(span);
		memcpy(flat + len, v[i].iov_base, v[i].iov_len);
		len += v[i].iov_len;
	}
	wrote(f, flat, off, len, pwritev(f->fd, v, segments, off));
}

/* The buffer ends after @good bytes, the write doesn't. */
static void op_fault(struct file *f, size_t off, size_t good, size_t extra)
{
	size_t size = ROUND_UP(good, PAGE), old_size;
	uint8_t *map, *data;
	ssize_t n;

	doing("pwrite of %zu at %zu, readable only up to %zu", good + extra, off, good);
	map = mmap(NULL, size + ROUND_UP(extra, PAGE), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || mprotect(map + size, ROUND_UP(extra, PAGE), PROT_NONE))
		die_errno("mmap");
	data = map + size - good;
	fill(data, good, world.seed * 1000003 + world.case_no);
	n = pwrite(f->fd, data, good + extra, off);
	if (n < 0 && (errno != EFAULT || good))
		FAIL(f, "%s", strerror(errno));
	if (n == 0 || n > (ssize_t)good)
		FAIL(f, "returned %zd", n);
	n = MAX(n, 0);
	old_size = model_write(f, data, off, n);
	check_written(f, off, n, old_size);
	/* what was not counted has not changed; stores need not be below yet */
	if (!f->stored) {
		check_lower(f, off, off + good + extra);
		check_device(f, ROUND_DOWN(off, world.block), off + good + extra);
	}
	check_cache(f, off, off + good + extra + PAGE);
	munmap(map, size + ROUND_UP(extra, PAGE));
}

/*
 * The source is a mapping of the file's own bytes at @from. What overlapping
 * ranges end up as is nobody's promise, but all must see the same.
 */
static void op_self(struct file *f, size_t from, size_t to, size_t len)
{
	size_t start = ROUND_DOWN(from, PAGE), old_size;
	uint8_t *map, *copy;
	bool overlap = from != to && from < to + len && to < from + len;
	ssize_t n;

	doing("pwrite of %zu at %zu from a mapping of the file at %zu", len, to, from);
	copy = xalloc(PAGE, len);
	memcpy(copy, f->model + from, len);
	if (!f->stored)
		drop_cache(f);
	map = mmap(NULL, from + len - start, PROT_READ, MAP_SHARED, f->fd, start);
	if (map == MAP_FAILED)
		die_errno("mmap");
	n = pwrite(f->fd, map + (from - start), len, to);
	munmap(map, from + len - start);
	if (overlap && n == (ssize_t)len && pread(f->fd, copy, len, to) != n)
		FAIL(f, "can't read it back");
	if (n != (ssize_t)len)
		FAIL(f, "returned %zd (%s)", n, n < 0 ? strerror(errno) : "short");
	old_size = model_write(f, copy, to, len);
	check_written(f, to, len, old_size);
	free(copy);
}

/* A store through a shared mapping, to @len bytes at @at of the file. */
static void store(struct file *f, size_t at, size_t len)
{
	size_t start = ROUND_DOWN(at, PAGE);
	uint8_t *map;

	map = mmap(NULL, at + len - start, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, start);
	if (map == MAP_FAILED)
		die_errno("mmap");
	fill(f->model + at, len, ~(world.seed * 1000003 + world.case_no));
	memcpy(map + (at - start), f->model + at, len);
	f->stored = true;
	munmap(map, at + len - start);
}

/*
 * Dirty a folio through a mapping, then write other bytes of it: the written
 * are below at once, and with @sync the stored are below after it.
 */
static void op_store(struct file *f, size_t off, size_t len, bool sync)
{
	size_t page = ROUND_DOWN(off, PAGE), end = MIN(page + PAGE, f->size);
	size_t at = page, to = end;

	doing("a mapped store, then pwrite of %zu at %zu", len, off);
	if (page < end) {
		/* before the written bytes, behind them, or all of the folio */
		if (off > page && one_in(3)) {
			to = MIN(off, end);
			at = page + rnd(to - page);
		} else if (off + len < end && one_in(2)) {
			at = rnd_range(off + len, end - 1);
		}
		store(f, at, one_in(2) ? to - at : rnd_range(1, to - at));
	}
	plain_write(f, off, len);
	if (sync)
		sync_file(f);
}

static void op_splice(struct file *f, size_t off, size_t len, bool gift)
{
	struct iovec v;
	uint8_t *data;
	ssize_t in, n;
	loff_t to;

	doing("splice of %zu at %zu%s", len, off, gift ? ", from gifted pages" : "");
	data = source(len);
	while (len) {
		v.iov_base = data;
		v.iov_len = MIN(len, 256 * KIB);
		in = gift ? vmsplice(pipe_fd[1], &v, 1, 0) : write(pipe_fd[1], data, v.iov_len);
		if (in <= 0)
			die_errno("filling the pipe");
		for (; in; in -= n) {
			to = off;
			n = splice(pipe_fd[0], NULL, f->fd, &to, in, 0);
			if (n <= 0)
				FAIL(f, "returned %zd (%s)", n, strerror(errno));
			wrote(f, data, off, n, n);
			data += n;
			off += n;
			len -= n;
		}
	}
}

static void op_sendfile(struct file *f, size_t off, size_t len)
{
	off_t from = 0;
	uint8_t *data;
	ssize_t n;

	doing("sendfile of %zu to %zu", len, off);
	data = source(len);
	if (pwrite(mem_fd, data, len, 0) != (ssize_t)len || lseek(f->fd, off, SEEK_SET) < 0)
		die_errno("preparing sendfile");
	for (; len; len -= n) {
		n = sendfile(f->fd, mem_fd, &from, len);
		if (n <= 0)
			FAIL(f, "returned %zd (%s)", n, strerror(errno));
		wrote(f, data, off, n, n);
		data += n;
		off += n;
	}
}

static void op_truncate(struct file *f, size_t size)
{
	doing("ftruncate to %zu", size);
	if (ftruncate(f->fd, size))
		FAIL(f, "%s", strerror(errno));
	model_truncate(f, size);
	check_size(f);
	check_cache(f, size < PAGE ? 0 : size - PAGE, size);
}

/* @mode of fallocate; false when the lower filesystem doesn't have it */
static bool op_allocate(struct file *f, int mode, size_t off, size_t len)
{
	doing("fallocate of %zu at %zu with mode %#x", len, off, mode);
	if (fallocate(f->fd, mode, off, len)) {
		if (errno == EOPNOTSUPP && mode & ~FALLOC_FL_KEEP_SIZE)
			return false;
		FAIL(f, "%s", strerror(errno));
	}
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE) && off < f->size)
		memset(f->model + off, 0, MIN(len, f->size - off));
	if (!(mode & FALLOC_FL_KEEP_SIZE))
		f->size = MAX(f->size, off + len);
	check_size(f);
	check_cache(f, off < PAGE ? 0 : off - PAGE, off + len + PAGE);
	return true;
}

/* ---- named cases ---------------------------------------------------------- */

static const size_t lengths[] = {
	0, 1, 2, 511, 512, 513, 1023, 1024, 1025, 4095, 4096, 4097, 8192, 12289,
	65536, 65537, MIB - 1, MIB, MIB + 1, 3 * MIB + 17, WRITE_MAX,
};

static const size_t starts[] = { 0, 1, 511, 512, 1024, 4095, 4096, 4097 };

/* Each length at each start: into an empty file, and over what is there. */
static void case_lengths(void)
{
	struct file f;
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		for (k = 0; k < ARRAY_SIZE(starts); k++) {
			/* the long ones take long: at two starts only */
			if (lengths[i] > 64 * KIB && k % 7 != i % 7)
				continue;
			model_open(&f, "lengths");
			op_pwrite(&f, starts[k], lengths[i]);
			op_pwrite(&f, starts[k], lengths[i]);
			model_close(&f);
		}
	}
}

/* Over the end of the file, and beyond it. */
static void case_eof(void)
{
	static const size_t sizes[] = { 0, 1, 511, 1000, 4095, 4096, 4097, 10000 };
	struct file f;
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (k = 0; k < 4; k++) {
			static const size_t gap[] = { 1, 700, 4096, 70001 };

			model_open(&f, "eof");
			op_pwrite(&f, 0, sizes[i]);
			op_pwrite(&f, sizes[i] / 2, sizes[i] / 2 + gap[k] / 3);
			op_pwrite(&f, f.size + gap[k], 1 + 100 * k);
			op_pwrite(&f, f.size + gap[k], 4096);
			model_close(&f);
		}
	}
}

/* Into holes: a byte, an edge, a block, some blocks. */
static void case_holes(void)
{
	struct file f;

	model_open(&f, "holes");
	op_truncate(&f, 4 * MIB);
	op_pwrite(&f, 100000, 1);
	op_pwrite(&f, 200000, 300);
	op_pwrite(&f, 64 * PAGE, PAGE);
	op_pwrite(&f, 80 * PAGE - 1, 2);
	op_pwrite(&f, 100 * PAGE + 17, 5 * PAGE);
	op_pwrite(&f, 99 * PAGE, 8 * PAGE);
	op_pwrite(&f, MIB - 100, MIB);
	op_pwrite(&f, 4 * MIB - 1, 1);
	op_pwrite(&f, 4 * MIB - 10, 20);
	if (op_allocate(&f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, MIB + 100, 300000))
		op_pwrite(&f, MIB + 50000, 50001);
	sync_file(&f);
	drop_cache(&f);
	check_all(&f);
	model_close(&f);
}

/* Into space that fallocate reserved, inside the size and beyond it. */
static void case_preallocated(void)
{
	struct file f;

	model_open(&f, "prealloc");
	op_allocate(&f, 0, 0, 2 * MIB);
	op_pwrite(&f, 1, 1);
	op_pwrite(&f, 5000, 100);
	op_pwrite(&f, 10 * PAGE, 3 * PAGE);
	op_pwrite(&f, 20 * PAGE + 1000, 70000);
	op_pwrite(&f, 2 * MIB - 1, 1);
	op_allocate(&f, FALLOC_FL_KEEP_SIZE, 2 * MIB, 4 * MIB);
	op_pwrite(&f, 2 * MIB, 10);
	op_append(&f, 3 * PAGE);
	op_pwrite(&f, 3 * MIB + 5, 100000);
	op_pwrite(&f, 5 * MIB, 2 * MIB);
	sync_file(&f);
	model_close(&f);
}

static void case_append(void)
{
	struct file f;
	size_t i;

	model_open(&f, "append");
	for (i = 0; i < 40; i++)
		op_append(&f, i < 20 ? i * 77 : rnd(9000));
	op_append(&f, MIB + 5);
	op_append(&f, PAGE - f.size % PAGE);
	op_append(&f, 4 * PAGE);
	for (i = 0; i < 5; i++)
		op_flags(&f, 0, 1 + rnd(5000), RWF_APPEND);
	op_flags(&f, 0, 100, RWF_APPEND | RWF_DSYNC);
	model_close(&f);
}

static void case_flags(void)
{
	struct file f;

	model_open(&f, "flags");
	op_flags(&f, 0, 100000, RWF_DSYNC);
	op_flags(&f, 5, 1, RWF_DSYNC);
	op_flags(&f, 8 * PAGE, 2 * PAGE, RWF_DSYNC);
	op_flags(&f, 8 * PAGE + 1, 2 * PAGE, RWF_SYNC);
	op_flags(&f, 99999, 5000, RWF_DSYNC);
	op_flags(&f, 200000, 12345, RWF_SYNC);
	model_close(&f);
}

/* RWF_NOWAIT writes it all, some, or says EAGAIN and has written nothing. */
static void case_nowait(void)
{
	struct iovec v;
	struct file f;
	size_t i, off, old_size;
	ssize_t n;

	model_open(&f, "nowait");
	op_pwrite(&f, 0, 300000);
	for (i = 0; i < 12; i++) {
		off = i % 3 ? rnd(250000) : ROUND_DOWN(rnd(250000), PAGE);
		v.iov_len = i % 3 ? 1 + rnd(30000) : 4 * PAGE;
		if (i % 4 == 0)
			drop_cache(&f);
		doing("RWF_NOWAIT write of %zu at %zu", v.iov_len, off);
		v.iov_base = source(v.iov_len);
		n = pwritev2(f.fd, &v, 1, off, RWF_NOWAIT);
		if (n < 0 && errno != EAGAIN && errno != EOPNOTSUPP)
			FAIL(&f, "%s", strerror(errno));
		n = MAX(n, 0);
		old_size = model_write(&f, v.iov_base, off, n);
		check_written(&f, off, n, old_size);
		check_all(&f);
	}
	model_close(&f);
}

/* Inside the file and over its end, cached and not, up to and over a chunk. */
static void case_async(void)
{
	static const size_t sizes[] = { 1, 512, 4096, 5000, 70000, MIB, MIB + 1, 2 * MIB };
	struct file f;
	size_t i, k;

	model_open(&f, "async");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (k = 0; k < 4; k++) {
			op_async(&f, ROUND_DOWN(rnd(f.size + 1), k < 2 ? PAGE : 1), sizes[i],
				 k % 2, k == 3 ? RWF_DSYNC : 0);
			if (k == 2)
				drop_cache(&f);
		}
	}
	model_close(&f);
}

static void case_writev(void)
{
	static const size_t counts[] = { 1, 2, 3, 7, 64, 500, 1023, 1024 };
	struct file f;
	size_t i;

	model_open(&f, "writev");
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		op_writev(&f, f.size, counts[i]);
		op_writev(&f, rnd(f.size + 1), counts[i]);
		op_writev(&f, ROUND_DOWN(rnd(f.size + 1), PAGE), counts[i]);
	}
	model_close(&f);
}

/* The buffer ends in the middle, or at once. */
static void case_fault(void)
{
	struct file f;

	model_open(&f, "fault");
	op_fault(&f, 0, 100, 5000);
	op_fault(&f, 0, 0, 100);
	op_pwrite(&f, 0, 300000);
	op_fault(&f, 1000, 0, 10000);
	op_fault(&f, 1000, 1, 10000);
	op_fault(&f, 2 * PAGE, PAGE, PAGE);
	op_fault(&f, 2 * PAGE, PAGE + 1, 3 * PAGE);
	op_fault(&f, 4 * PAGE + 100, 9 * PAGE + 5, PAGE);
	op_fault(&f, f.size, 7000, 9000);
	op_fault(&f, f.size + 10000, 5000, 3 * PAGE);
	op_fault(&f, f.size + 10000, 0, PAGE);
	op_fault(&f, 100, MIB + 4999, 300000);
	op_truncate(&f, 4 * MIB);
	op_fault(&f, 2 * MIB + 100, 5000, 9000);
	drop_cache(&f);
	op_fault(&f, 10, 5000, 9000);
	sync_file(&f);
	model_close(&f);
}

/* The buffer is the file itself. */
static void case_self(void)
{
	struct file f;

	model_open(&f, "self");
	op_pwrite(&f, 0, 3 * MIB);
	op_self(&f, 0, 0, PAGE);
	op_self(&f, 5, 5, 1);
	op_self(&f, 1000, 1000, 100000);
	op_self(&f, 0, 0, 2 * MIB + 5);
	op_self(&f, 0, MIB, MIB / 2);
	op_self(&f, MIB, 77, MIB / 2);
	op_self(&f, 100, 200, 50);
	op_self(&f, 100, 200, 5000);
	op_self(&f, 200, 100, 5000);
	op_self(&f, 0, 1, MIB + 100);
	op_self(&f, PAGE, 0, MIB + 100);
	op_self(&f, 3 * MIB - 5000, 3 * MIB, 5000);
	op_self(&f, 3 * MIB - 5000, 3 * MIB + 2500, 7500);
	model_close(&f);
}

/* Mapped stores to the folios that are written. */
static void case_stores(void)
{
	struct file f;
	size_t i;

	model_open(&f, "stores");
	op_pwrite(&f, 0, 200000);
	for (i = 0; i < 20; i++)
		op_store(&f, rnd(199000), 1 + rnd(i % 2 ? 300 : 9000), i % 3 == 0);
	op_store(&f, 8 * PAGE, PAGE, true);
	op_store(&f, 8 * PAGE + 1, PAGE, true);
	op_store(&f, 8 * PAGE + 100, 2 * PAGE, true);
	op_store(&f, 199990, 100, true);
	op_truncate(&f, MIB);
	op_store(&f, 500000, 10, false);
	op_store(&f, 600000, 10000, true);
	model_close(&f);
}

/* Bytes stored behind the end of the file must not show when it grows. */
static void case_beyond(void)
{
	static const size_t sizes[] = { 1, 600, 3000, 4095, 5000 };
	struct file f;
	uint8_t *map;
	size_t i, start;

	for (i = 0; i < 3 * ARRAY_SIZE(sizes); i++) {
		model_open(&f, "beyond");
		op_pwrite(&f, 0, sizes[i / 3]);
		start = ROUND_DOWN(f.size - 1, PAGE);
		map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, f.fd, start);
		if (map == MAP_FAILED)
			die_errno("mmap");
		memset(map + (f.size - start), 0xee, PAGE - (f.size - start));
		munmap(map, PAGE);
		switch (i % 3) {
		case 0:
			op_pwrite(&f, f.size + 50, 100);
			break;
		case 1:
			op_truncate(&f, 3 * PAGE);
			break;
		default:
			op_pwrite(&f, start + 2 * PAGE, PAGE);
		}
		sync_file(&f);
		drop_cache(&f);
		check_all(&f);
		model_close(&f);
	}
}

static void case_splice(void)
{
	static const size_t sizes[] = { 1, 100, 4096, 5000, 65536, 200001, MIB };
	struct file f;
	size_t i;

	model_open(&f, "splice");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		op_splice(&f, i % 2 ? f.size : rnd(f.size + 1), sizes[i], false);
		op_splice(&f, i % 2 ? rnd(f.size + 1) : f.size, sizes[i], true);
		op_sendfile(&f, i % 2 ? f.size : rnd(f.size + 1), sizes[i]);
	}
	model_close(&f);
}

/* Shorter, longer, and a write after it: what was cut off stays away. */
static void case_truncate(void)
{
	static const size_t cuts[] = { 0, 1, 100, 4095, 4096, 4097, 70000, 131072 };
	struct file f;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cuts); i++) {
		model_open(&f, "truncate");
		op_pwrite(&f, 0, 200000);
		op_truncate(&f, cuts[i]);
		op_truncate(&f, cuts[i] + 3000);
		op_pwrite(&f, f.size - 10, 5);
		op_truncate(&f, cuts[i] + 1);
		op_pwrite(&f, f.size + 5000, 10);
		op_truncate(&f, 200000);
		op_pwrite(&f, 150000, 1000);
		sync_file(&f);
		drop_cache(&f);
		check_all(&f);
		model_close(&f);
	}
}

/* Nothing of the file is in memory: the edges come from below first. */
static void case_cold(void)
{
	static const size_t sizes[] = { 1, 100, 4096, 5000, 20000, 300001 };
	struct file f;
	size_t i;

	model_open(&f, "cold");
	op_pwrite(&f, 0, 500001);
	for (i = 0; i < 4 * ARRAY_SIZE(sizes); i++) {
		drop_cache(&f);
		op_pwrite(&f, i % 4 ? rnd(400000) : ROUND_DOWN(rnd(400000), PAGE), sizes[i / 4]);
	}
	drop_cache(&f);
	op_pwrite(&f, 500000, 1);
	drop_cache(&f);
	op_append(&f, 1);
	drop_cache(&f);
	op_splice(&f, f.size, 1000, false);
	drop_cache(&f);
	op_sendfile(&f, f.size, 1000);
	drop_cache(&f);
	check_all(&f);
	model_close(&f);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "lengths", case_lengths },
	{ "eof", case_eof },
	{ "holes", case_holes },
	{ "preallocated", case_preallocated },
	{ "append", case_append },
	{ "flags", case_flags },
	{ "nowait", case_nowait },
	{ "async", case_async },
	{ "writev", case_writev },
	{ "fault", case_fault },
	{ "self", case_self },
	{ "stores", case_stores },
	{ "beyond", case_beyond },
	{ "splice", case_splice },
	{ "truncate", case_truncate },
	{ "cold", case_cold },
};

/* ---- random cases --------------------------------------------------------- */

static size_t pick_length(void)
{
	switch (rnd(100)) {
	case 0 ... 39:
		return rnd_range(1, 5000);
	case 40 ... 64:
		return rnd_range(1, 16) * (one_in(3) ? world.sector : PAGE);
	case 65 ... 86:
		return rnd_range(1, 128 * KIB);
	case 87 ... 98:
		return rnd_range(1, MIB + 100 * KIB);
	default:
		return rnd_range(1, WRITE_MAX);
	}
}

static size_t pick_offset(struct file *f, size_t len)
{
	size_t off;

	switch (rnd(10)) {
	case 0:
		off = f->size;
		break;
	case 1:
		off = f->size - rnd(MIN(f->size, 2 * PAGE) + 1);
		break;
	case 2:
		off = f->size + rnd(3 * PAGE);
		break;
	case 3:
		off = f->size + rnd(MIB);
		break;
	default:
		off = rnd(f->size + 1);
	}
	if (one_in(3))
		off = ROUND_DOWN(off, PAGE);
	else if (one_in(4))
		off = ROUND_DOWN(off, world.sector);
	return off + len <= FILE_MAX ? off : rnd(FILE_MAX - len);
}

static void random_self(struct file *f)
{
	size_t len, from, to;

	if (f->size < 2)
		return;
	len = rnd_range(1, MIN(f->size, one_in(4) ? MIB : 20000));
	from = rnd(f->size - len + 1);
	to = one_in(3) ? from : pick_offset(f, len);
	op_self(f, from, to, len);
}

static void random_change(struct file *f)
{
	size_t len = pick_length(), off = pick_offset(f, len);

	switch (rnd(5)) {
	case 0:
		op_truncate(f, rnd(f->size + 1));
		break;
	case 1:
		op_truncate(f, MIN(f->size + rnd(one_in(2) ? PAGE : MIB), FILE_MAX / 2));
		break;
	case 2:
		op_allocate(f, one_in(2) ? FALLOC_FL_KEEP_SIZE : 0, off, len);
		break;
	case 3:
		op_allocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len);
		break;
	default:
		op_allocate(f, FALLOC_FL_ZERO_RANGE | (one_in(2) ? FALLOC_FL_KEEP_SIZE : 0),
			    off, len);
	}
}

static void random_op(struct file *f)
{
	static const int flags[] = { RWF_DSYNC, RWF_SYNC, RWF_APPEND, RWF_APPEND | RWF_DSYNC, 0 };
	size_t len = pick_length(), off = pick_offset(f, len);

	switch (rnd(100)) {
	case 0 ... 29:
		op_pwrite(f, off, len);
		break;
	case 30 ... 41:
		op_async(f, off, len, one_in(2), one_in(3) ? RWF_DSYNC : 0);
		break;
	case 42 ... 49:
		if (f->size + len <= FILE_MAX)
			op_append(f, len);
		break;
	case 50 ... 55:
		len = f->size + len <= FILE_MAX ? len : 1;
		op_flags(f, off, len, flags[f->size + len <= FILE_MAX ? rnd(5) : 0]);
		break;
	case 56 ... 62:
		off = pick_offset(f, 4 * MIB + 4096);
		op_writev(f, off, one_in(5) ? rnd_range(1, SEGMENTS) : rnd_range(1, 30));
		break;
	case 63 ... 66:
		op_fault(f, off, rnd(len), 1 + rnd(3 * PAGE));
		break;
	case 67 ... 71:
		random_self(f);
		break;
	case 72 ... 80:
		op_store(f, off, len, one_in(4));
		break;
	case 81 ... 83:
		op_splice(f, off, len, one_in(2));
		break;
	case 84 ... 86:
		op_sendfile(f, off, len);
		break;
	case 87 ... 97:
		random_change(f);
		break;
	default:
		doing("fsync");
		sync_file(f);
	}
}

static void drop_everything(void)
{
	int fd = xopen("/proc/sys/vm/drop_caches", O_WRONLY);

	if (write(fd, "3", 1) != 1)
		die_errno("drop_caches");
	close(fd);
}

static void random_cases(unsigned long count)
{
	static struct file files[4];
	char name[16];
	size_t i, k;

	rng_seed(world.seed);
	for (k = 0; k < ARRAY_SIZE(files); k++) {
		snprintf(name, sizeof(name), "random%zu", k);
		model_open(&files[k], name);
	}
	for (i = 0; i < count; i++) {
		struct file *f = &files[rnd(ARRAY_SIZE(files))];

		if (one_in(6))
			drop_cache(f);
		random_op(f);
		if (one_in(40)) {
			drop_cache(f);
			check_cache(f, 0, f->size);
		}
		if (one_in(400))
			drop_everything();
	}
	doing("the end");
	for (k = 0; k < ARRAY_SIZE(files); k++) {
		sync_file(&files[k]);
		drop_cache(&files[k]);
		check_cache(&files[k], 0, files[k].size);
		model_close(&files[k]);
	}
}

/* ---- */

static void prepare(void)
{
	room = xalloc(PAGE, WRITE_MAX + 2 * PAGE);
	if (pipe(pipe_fd) || fcntl(pipe_fd[1], F_SETPIPE_SZ, MIB) < 0)
		die_errno("pipe");
	mem_fd = memfd_create("source", 0);
	if (mem_fd < 0)
		die_errno("memfd_create");
}

int main(int argc, char **argv)
{
	const char *mnt = "/wtfs", *lower = "/lower", *dev = NULL, *only = NULL;
	unsigned long count = 1000, named;
	size_t i;
	int c;

	world.seed = 1;
	while ((c = getopt(argc, argv, "m:l:d:s:n:c:")) != -1) {
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
			count = strtoul(optarg, NULL, 0);
			break;
		case 'c':
			only = optarg;
			break;
		default:
			die("usage: promise -m MNT -l LOWER -d DEV [-s SEED] [-n RANDOM] [-c CASE]");
		}
	}
	if (!dev)
		die("which device?");
	prepare();
	world_init(mnt, lower, dev);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (only && strcmp(only, cases[i].name))
			continue;
		rng_seed(world.seed + i);
		cases[i].run();
	}
	named = world.case_no;
	if (!only || !strcmp(only, "random"))
		random_cases(count);
	printf("promise: %lu named and %lu random operations, seed %lu\n", named,
	       world.case_no - named, world.seed);
	return 0;
}
