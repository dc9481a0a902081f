// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations, each on the plain lower filesystem and on wtfs; results
 * are compared one by one, and the trees now and then and in the end:
 *
 *   fuzz [-b BELOW] [-s SEED] [-n OPERATIONS] [-p PROCESSES] LOWER WTFS
 *   fuzz -c LOWER WTFS	(only compare two trees)
 *
 * BELOW is what is under WTFS. Several processes each have a directory of their
 * own, and append to one file together.
 */
#include "common.h"
#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define FILES	20
#define DIRS	4
#define FDS	10
#define MAPS	3
#define SIZE	(768 * KIB)	/* files seldom grow beyond this */
#define IO_MAX	(200 * KIB)
#define LAYOUT_MAX 100	/* pieces of data, of which a file is compared */

#define USAGE "fuzz [-c] [-b BELOW] [-s SEED] [-n OPERATIONS] [-p PROCESSES] LOWER WTFS"

#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif

/* One of the two filesystems. */
struct world {
	const char *label;
	const char *root;
	const char *below;	/* what is under wtfs; NULL for unknown */
	int dir;		/* of this process */
	int shared;		/* the file that all append to */
	int fd[FDS];
	char *map[MAPS];
};

/* What both have alike. */
static struct {
	int flags[FDS];		/* of open(); -1 for a slot that is not open */
	size_t map_len[MAPS];	/* 0 for none */
	int map_fd[MAPS];	/* slot it was mapped from; -1 once that is closed */
	unsigned long seed;
	unsigned long op;
	unsigned int process;
	unsigned int appended;
} state;

/* One operation, drawn once and done twice. */
struct args {
	char path[64];
	char other[64];
	int slot;
	int to;
	int flags;
	int mode;
	off_t off;
	off_t where;
	size_t len;
	uint64_t key;
};

struct result {
	long ret;
	int error;
	uint64_t hash;
};

static char *buffer;		/* IO_MAX bytes, aligned for direct I/O */

static struct result give(long ret)
{
	return (struct result) { .ret = ret, .error = ret == -1 ? errno : 0 };
}

static uint64_t hash_more(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t x;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&x, p, 8);
		hash = (hash ^ x) * 0x100000001b3ULL;
		hash ^= hash >> 29;
	}
	for (; len; len--)
		hash = (hash ^ *p++) * 0x100000001b3ULL;
	return hash;
}

/* ---- drawing --------------------------------------------------------------- */

static void draw_path(char *path)
{
	if (one_in(3))
		snprintf(path, 64, "f%u", (unsigned int)rnd(FILES));
	else
		snprintf(path, 64, "d%u/f%u", (unsigned int)rnd(DIRS), (unsigned int)rnd(FILES));
}

/* An open slot, -1 if none was met */
static int draw_slot(void)
{
	int i, slot;

	for (i = 0; i < 6; i++) {
		slot = rnd(FDS);
		if (state.flags[slot] != -1)
			return slot;
	}
	return -1;
}

static off_t draw_offset(void)
{
	size_t off = one_in(3) ? rnd(3 * PAGE) : one_in(20) ? rnd(4 * SIZE) : rnd(SIZE);

	return one_in(3) ? ROUND_DOWN(off, PAGE) : one_in(4) ? ROUND_DOWN(off, 512) : off;
}

static size_t draw_length(void)
{
	switch (rnd(6)) {
	case 0:
		return rnd(16);
	case 1:
		return rnd(512);
	case 2:
		return PAGE * rnd_range(1, 8);
	case 3:
		return rnd(IO_MAX);
	default:
		return rnd(3 * PAGE);
	}
}

/* Where direct I/O goes to everything is in blocks */
static void align_for_direct(struct args *a)
{
	if (!(state.flags[a->slot] & O_DIRECT))
		return;
	a->off = ROUND_DOWN(a->off, PAGE);
	a->len = ROUND_UP(a->len, PAGE);
	if (a->len > ROUND_DOWN(IO_MAX, PAGE))
		a->len = ROUND_DOWN(IO_MAX, PAGE);
}

static bool draw_io(struct args *a)
{
	a->slot = draw_slot();
	a->off = draw_offset();
	a->len = draw_length();
	a->key = rng();
	if (a->slot < 0)
		return false;
	align_for_direct(a);
	return true;
}

static bool draw_fd(struct args *a)
{
	a->slot = draw_slot();
	return a->slot >= 0;
}

static bool draw_range(struct args *a)
{
	a->slot = draw_slot();
	a->off = draw_offset();
	a->len = 1 + draw_length();
	return a->slot >= 0;
}

static bool draw_names(struct args *a)
{
	draw_path(a->path);
	draw_path(a->other);
	a->key = rng();
	return true;
}

/* ---- files ----------------------------------------------------------------- */

static bool draw_open(struct args *a)
{
	static const int access[] = { O_RDWR, O_RDWR, O_RDWR, O_RDWR, O_RDONLY, O_WRONLY };

	draw_path(a->path);
	a->slot = rnd(FDS);
	a->mode = one_in(10) ? 0444 : one_in(10) ? 06755 : 0644;
	a->flags = access[rnd(ARRAY_SIZE(access))];
	if (!one_in(4))
		a->flags |= O_CREAT;
	if (one_in(10))
		a->flags |= O_EXCL;
	if (one_in(12))
		a->flags |= O_TRUNC;
	if (one_in(6))
		a->flags |= O_APPEND;
	/* not both: the end of a file is seldom where direct I/O may go */
	else if (one_in(5))
		a->flags |= O_DIRECT;
	if (one_in(8))
		a->flags |= one_in(2) ? O_SYNC : O_DSYNC;
	if (one_in(10))
		a->flags |= O_NOFOLLOW;
	if (one_in(12)) {
		a->flags = (a->flags & ~(O_CREAT | O_TRUNC | O_EXCL | O_NOFOLLOW | O_ACCMODE)) |
			O_TMPFILE | O_RDWR;
		snprintf(a->path, sizeof(a->path), "d%u", (unsigned int)rnd(DIRS));
	}
	return state.flags[a->slot] == -1;
}

static struct result run_open(struct world *w, const struct args *a)
{
	struct stat s;

	/* neither waits for a reader, nor opens a directory for reading */
	w->fd[a->slot] = openat(w->dir, a->path, a->flags | O_NONBLOCK, a->mode);
	if (w->fd[a->slot] < 0)
		return give(-1);
	if (fstat(w->fd[a->slot], &s) || !S_ISREG(s.st_mode)) {
		close(w->fd[a->slot]);
		w->fd[a->slot] = -1;
		return give(-2);
	}
	return give(0);
}

static void after_open(const struct args *a, const struct result *r)
{
	if (!r->ret)
		state.flags[a->slot] = a->flags;
}

static struct result run_close(struct world *w, const struct args *a)
{
	return give(close(w->fd[a->slot]));
}

static void after_close(const struct args *a, const struct result *r)
{
	int i;

	(void)r;
	state.flags[a->slot] = -1;
	for (i = 0; i < MAPS; i++)
		if (state.map_fd[i] == a->slot)
			state.map_fd[i] = -1;
}

static struct result run_pwrite(struct world *w, const struct args *a)
{
	fill(buffer, a->len, a->key);
	return give(pwrite(w->fd[a->slot], buffer, a->len, a->off));
}

static struct result run_append(struct world *w, const struct args *a)
{
	/* by the position of the file, wherever that is by now */
	fill(buffer, a->len, a->key);
	if (lseek(w->fd[a->slot], a->off, SEEK_SET) != a->off)
		return give(-3);
	if (write(w->fd[a->slot], buffer, a->len) < 0)
		return give(-1);
	return give(lseek(w->fd[a->slot], 0, SEEK_CUR));
}

static bool draw_pwritev2(struct args *a)
{
	static const int flags[] = { 0, RWF_DSYNC, RWF_SYNC, RWF_APPEND, RWF_NOAPPEND, RWF_HIPRI,
				     RWF_DSYNC | RWF_APPEND };

	a->flags = flags[rnd(ARRAY_SIZE(flags))];
	if (!draw_io(a))
		return false;
	return !(state.flags[a->slot] & O_DIRECT) || !(a->flags & RWF_APPEND);
}

static struct result run_pwritev2(struct world *w, const struct args *a)
{
	size_t first = a->len / 3 / PAGE * PAGE, second = a->len / 2 / PAGE * PAGE;
	struct iovec v[3] = {
		{ buffer, first }, { buffer + first, second - first },
		{ buffer + second, a->len - second },
	};

	fill(buffer, a->len, a->key);
	return give(pwritev2(w->fd[a->slot], v, 3, a->off, a->flags));
}

static struct result run_pread(struct world *w, const struct args *a)
{
	struct result r = give(pread(w->fd[a->slot], buffer, a->len, a->off));

	if (r.ret > 0)
		r.hash = hash_more(0, buffer, r.ret);
	return r;
}

/* A hash of all of it, and its size */
static struct result read_all(int fd)
{
	struct result r = { 0 };
	ssize_t n;

	while ((n = pread(fd, buffer, ROUND_DOWN(IO_MAX, PAGE), r.ret)) > 0) {
		r.hash = hash_more(r.hash, buffer, n);
		r.ret += n;
	}
	if (n < 0)
		return give(-1);
	return r;
}

static struct result run_read_all(struct world *w, const struct args *a)
{
	return read_all(w->fd[a->slot]);
}

static struct result run_fstat(struct world *w, const struct args *a)
{
	struct result r;
	struct stat s;

	r = give(fstat(w->fd[a->slot], &s));
	if (!r.ret)
		r.hash = s.st_size * 1000003 + s.st_mode * 31 + s.st_nlink + s.st_uid * 7 +
			s.st_gid * 11;
	return r;
}

static bool draw_truncate(struct args *a)
{
	a->off = draw_offset();
	draw_path(a->path);
	return draw_fd(a);
}

static struct result run_ftruncate(struct world *w, const struct args *a)
{
	return give(ftruncate(w->fd[a->slot], a->off));
}

static bool draw_fallocate(struct args *a)
{
	static const int modes[] = {
		0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_COLLAPSE_RANGE,
		FALLOC_FL_INSERT_RANGE, FALLOC_FL_UNSHARE_RANGE,
	};

	a->flags = modes[rnd(ARRAY_SIZE(modes))];
	if (!draw_range(a))
		return false;
	if (a->flags & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE) && !one_in(10)) {
		a->off = ROUND_DOWN(a->off, PAGE);
		a->len = ROUND_UP(a->len, PAGE);
	}
	return true;
}

static struct result run_fallocate(struct world *w, const struct args *a)
{
	struct stat s;

	fstat(w->fd[a->slot], &s);
	if ((a->flags & FALLOC_FL_INSERT_RANGE) && s.st_size > 6 * (off_t)SIZE)
		return give(-3);
	return give(fallocate(w->fd[a->slot], a->flags, a->off, a->len));
}

static bool draw_sync(struct args *a)
{
	a->flags = rnd(5);
	return draw_fd(a);
}

static struct result run_sync(struct world *w, const struct args *a)
{
	int fd = w->fd[a->slot];

	switch (a->flags) {
	case 0:
		return give(fdatasync(fd));
	case 1:
		return give(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
	case 2:
		return give(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	case 3:
		return give(posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED));
	default:
		return give(fsync(fd));
	}
}

/* Holes and data of a file, as it gives them; no further than LAYOUT_MAX */
struct layout {
	unsigned int count;
	off_t at[2 * LAYOUT_MAX];	/* where data begins, where it ends, ... */
};

static bool layout_get(int fd, struct layout *l)
{
	off_t at = 0, end = lseek(fd, 0, SEEK_END);

	memset(l, 0, sizeof(*l));
	while (at < end && l->count < LAYOUT_MAX) {
		at = lseek(fd, at, SEEK_DATA);
		if (at < 0)
			return errno == ENXIO;
		l->at[2 * l->count] = at;
		at = lseek(fd, at, SEEK_HOLE);
		if (at < 0)
			return false;
		l->at[2 * l->count++ + 1] = at;
	}
	return true;
}

static bool range_is_zero(int fd, off_t at, off_t end)
{
	ssize_t n = 1, i;

	for (; at < end && n > 0; at += n) {
		n = pread(fd, buffer, MIN((size_t)(end - at), ROUND_DOWN(IO_MAX, PAGE)), at);
		for (i = 0; i < n; i++)
			if (buffer[i])
				return false;
	}
	return n >= 0;
}

static bool holes_are_zero(int fd, const struct layout *l)
{
	char path[64];
	bool zero = true;
	unsigned int i;
	off_t at = 0;

	/* this one may not be for reading */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = xopen(path, O_RDONLY);
	for (i = 0; i < l->count && zero; i++) {
		zero = range_is_zero(fd, at, l->at[2 * i]);
		at = l->at[2 * i + 1];
	}
	if (l->count < LAYOUT_MAX)
		zero = zero && range_is_zero(fd, at, lseek(fd, 0, SEEK_END));
	close(fd);
	return zero;
}

/* The file that is below fd of w, opened; -1 where it has no name or none is known */
static int open_below(const struct world *w, int fd)
{
	char link[64], path[PATH_MAX] = "", below[2 * PATH_MAX];
	struct stat s, t;
	int lower;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (!w->below || readlink(link, path, sizeof(path) - 1) < 0 ||
	    strncmp(path, w->root, strlen(w->root)))
		return -1;
	snprintf(below, sizeof(below), "%s%s", w->below, path + strlen(w->root));
	lower = open(below, O_RDONLY | O_NOFOLLOW);
	if (lower < 0)
		return -1;
	if (!fstat(fd, &s) && !fstat(lower, &t) && s.st_ino == t.st_ino)
		return lower;
	close(lower);
	return -1;
}

/*
 * Holes and data, once nothing but what is on the disk can say of them: what is
 * a hole reads as zeroes, and wtfs says what the file below it says. That file
 * and the one of the plain lower may differ: XFS gives blocks to the whole of a
 * large folio, and how large they are is up to who reads.
 */
static struct result run_holes(struct world *w, const struct args *a)
{
	int fd = w->fd[a->slot], lower, i;
	struct layout here, below;

	for (i = 0; i < MAPS; i++)
		if (state.map_len[i])
			return give(-3);
	if (fsync(fd) || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) || !layout_get(fd, &here))
		return give(-1);
	lower = open_below(w, fd);
	if (lower >= 0) {
		bool same = layout_get(lower, &below) && !memcmp(&here, &below, sizeof(here));

		close(lower);
		if (!same)
			return give(-4);
	}
	return give(holes_are_zero(fd, &here) ? 0 : -5);
}

static bool draw_two(struct args *a)
{
	if (!draw_io(a))
		return false;
	a->to = draw_slot();
	a->where = draw_offset();
	a->flags = rnd(3);
	return a->to >= 0 && !(state.flags[a->slot] & O_DIRECT) && !(state.flags[a->to] & O_DIRECT);
}

static struct result run_copy(struct world *w, const struct args *a)
{
	loff_t from = a->off, to = a->where;
	int p[2], in = w->fd[a->slot], out = w->fd[a->to];
	long n = 0, moved;

	if (a->flags == 0)
		return give(copy_file_range(in, &from, out, &to, a->len, 0));
	if (a->flags == 1) {
		/* not into what is being read */
		if (a->len > PAGE || lseek(out, to, SEEK_SET) != to)
			return give(-3);
		return give(sendfile(out, in, &from, a->len));
	}
	if (pipe(p))
		die_errno("pipe");
	moved = splice(in, &from, p[1], NULL, MIN(a->len, 2 * PAGE), SPLICE_F_NONBLOCK);
	if (moved > 0)
		n = splice(p[0], NULL, out, &to, moved, SPLICE_F_NONBLOCK);
	else
		n = moved;
	moved = errno;
	close(p[0]);
	close(p[1]);
	errno = moved;
	return give(n);
}

/* Extents shared by two ranges: made so, or found to be alike */
static struct result run_clone(struct world *w, const struct args *a)
{
	struct file_clone_range c = {
		.src_fd = w->fd[a->slot], .src_offset = ROUND_DOWN((size_t)a->off, PAGE),
		.src_length = a->flags ? ROUND_UP(a->len, PAGE) : 0,
		.dest_offset = ROUND_DOWN((size_t)a->where, PAGE),
	};
	struct {
		struct file_dedupe_range range;
		struct file_dedupe_range_info info;
	} d = {
		.range = { .src_offset = c.src_offset, .src_length = c.src_length,
			   .dest_count = 1 },
		.info = { .dest_fd = w->fd[a->to], .dest_offset = c.dest_offset },
	};
	struct result r;

	if (a->flags < 2)
		return give(ioctl(w->fd[a->to], FICLONERANGE, &c));
	r = give(ioctl(w->fd[a->slot], FIDEDUPERANGE, &d));
	if (!r.ret)
		r.hash = d.info.status * 1000 + d.info.bytes_deduped;
	return r;
}

/* ---- mappings -------------------------------------------------------------- */

static sigjmp_buf fault;

static void on_fault(int signal)
{
	siglongjmp(fault, signal);
}

static bool draw_map(struct args *a)
{
	a->to = rnd(MAPS);
	a->len = PAGE * rnd_range(1, 64);
	return draw_fd(a) && !state.map_len[a->to] &&
		(state.flags[a->slot] & O_ACCMODE) == O_RDWR;
}

static struct result run_map(struct world *w, const struct args *a)
{
	w->map[a->to] = mmap(NULL, a->len, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd[a->slot], 0);
	return give(w->map[a->to] == MAP_FAILED ? -1 : 0);
}

static void after_map(const struct args *a, const struct result *r)
{
	if (r->ret)
		return;
	state.map_len[a->to] = a->len;
	state.map_fd[a->to] = a->slot;
}

static bool draw_mapped(struct args *a)
{
	a->to = rnd(MAPS);
	a->off = rnd(state.map_len[a->to]);
	a->len = 1 + rnd(MIN(state.map_len[a->to] - a->off, 3 * PAGE));
	a->key = rng();
	return state.map_len[a->to];
}

/* Stores behind the end of the file are lost sooner or later: not to be compared */
static bool draw_store(struct args *a)
{
	return draw_mapped(a) && state.map_fd[a->to] >= 0;
}

static struct result run_store(struct world *w, const struct args *a)
{
	volatile size_t len = a->len;
	struct stat s;
	int caught;

	if (fstat(w->fd[state.map_fd[a->to]], &s) || s.st_size <= a->off)
		return give(-3);
	if (s.st_size - a->off < (off_t)len)
		len = s.st_size - a->off;
	fill(buffer, len, a->key);
	caught = sigsetjmp(fault, 1);
	if (caught)
		return give(-caught);
	memcpy(w->map[a->to] + a->off, buffer, len);
	return give(len);
}

static struct result run_load(struct world *w, const struct args *a)
{
	struct result r = { 0 };
	volatile size_t len = a->len;
	struct stat s;
	int caught;

	if (fstat(w->fd[state.map_fd[a->to]], &s))
		return give(-1);
	if (s.st_size > a->off && s.st_size - a->off < (off_t)len)
		len = s.st_size - a->off;
	caught = sigsetjmp(fault, 1);
	if (caught)
		return give(-caught);
	r.hash = hash_more(0, w->map[a->to] + a->off, len);
	return r;
}

static struct result run_msync(struct world *w, const struct args *a)
{
	return give(msync(w->map[a->to], state.map_len[a->to], a->key & 1 ? MS_SYNC : MS_ASYNC));
}

static struct result run_unmap(struct world *w, const struct args *a)
{
	return give(munmap(w->map[a->to], state.map_len[a->to]));
}

static void after_unmap(const struct args *a, const struct result *r)
{
	(void)r;
	state.map_len[a->to] = 0;
	state.map_fd[a->to] = -1;
}

/* ---- names ----------------------------------------------------------------- */

static bool draw_rename(struct args *a)
{
	static const int flags[] = { 0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT };

	a->flags = flags[rnd(ARRAY_SIZE(flags))];
	return draw_names(a);
}

static struct result run_rename(struct world *w, const struct args *a)
{
	return give(renameat2(w->dir, a->path, w->dir, a->other, a->flags));
}

static struct result run_link(struct world *w, const struct args *a)
{
	return give(linkat(w->dir, a->path, w->dir, a->other, 0));
}

static bool draw_link_fd(struct args *a)
{
	draw_path(a->path);
	return draw_fd(a);
}

static struct result run_link_fd(struct world *w, const struct args *a)
{
	return give(linkat(w->fd[a->slot], "", w->dir, a->path, AT_EMPTY_PATH));
}

static struct result run_symlink(struct world *w, const struct args *a)
{
	return give(symlinkat(a->other, w->dir, a->path));
}

static struct result run_unlink(struct world *w, const struct args *a)
{
	return give(unlinkat(w->dir, a->path, a->key % 8 ? 0 : AT_REMOVEDIR));
}

static struct result run_mkdir(struct world *w, const struct args *a)
{
	return give(mkdirat(w->dir, a->path, 0755));
}

static struct result run_mknod(struct world *w, const struct args *a)
{
	return give(mknodat(w->dir, a->path, a->key & 1 ? S_IFIFO | 0600 : S_IFCHR | 0600,
			    a->key & 1 ? 0 : 0x103));
}

static struct result run_stat(struct world *w, const struct args *a)
{
	struct result r;
	struct stat s;

	r = give(fstatat(w->dir, a->path, &s, AT_SYMLINK_NOFOLLOW));
	if (!r.ret)
		r.hash = s.st_mode * 31 + s.st_nlink * 1000 + s.st_uid * 7 + s.st_gid * 11 +
			(S_ISDIR(s.st_mode) ? 0 : s.st_size * 1000003);
	return r;
}

static bool draw_attr(struct args *a)
{
	a->mode = rnd(4);
	a->flags = rnd(8);
	return draw_names(a);
}

static struct result run_attr(struct world *w, const struct args *a)
{
	static const mode_t modes[] = { 0644, 0600, 0755, 04755, 06777, 0400, 0, 02744 };
	struct timespec t[2] = {
		{ a->key % 2000000000, a->key % 1000000000 }, { a->key % 1900000000, 5 },
	};

	switch (a->mode) {
	case 0:
		return give(fchmodat(w->dir, a->path, modes[a->flags], 0));
	case 1:
		return give(fchownat(w->dir, a->path, a->flags, a->key % 5, AT_SYMLINK_NOFOLLOW));
	default:
		return give(utimensat(w->dir, a->path, t, AT_SYMLINK_NOFOLLOW));
	}
}

static bool draw_xattr(struct args *a)
{
	snprintf(a->other, sizeof(a->other), "%s.x%u", one_in(4) ? "trusted" : "user",
		 (unsigned int)rnd(6));
	a->mode = rnd(4);
	a->flags = one_in(4) ? XATTR_CREATE : one_in(4) ? XATTR_REPLACE : 0;
	a->len = one_in(5) ? rnd(2000) : rnd(60);
	a->key = rng();
	return draw_fd(a);
}

static struct result run_xattr(struct world *w, const struct args *a)
{
	int fd = w->fd[a->slot];
	struct result r;

	switch (a->mode) {
	case 0:
		return give(fremovexattr(fd, a->other));
	case 1:
		r = give(fgetxattr(fd, a->other, buffer, IO_MAX));
		if (r.ret > 0)
			r.hash = hash_more(0, buffer, r.ret);
		return r;
	default:
		fill(buffer, a->len, a->key);
		return give(fsetxattr(fd, a->other, buffer, a->len, a->flags));
	}
}

static int by_name(const struct dirent **x, const struct dirent **y)
{
	return strcmp((*x)->d_name, (*y)->d_name);
}

static bool draw_dir(struct args *a)
{
	snprintf(a->path, sizeof(a->path), one_in(4) ? "." : "d%u", (unsigned int)rnd(DIRS));
	return true;
}

static struct result run_readdir(struct world *w, const struct args *a)
{
	struct result r = { 0 };
	struct dirent **list;
	int i, n;

	n = scandirat(w->dir, a->path, &list, NULL, by_name);
	if (n < 0)
		return give(-1);
	for (i = 0; i < n; i++) {
		r.hash = hash_more(r.hash, list[i]->d_name, strlen(list[i]->d_name));
		r.hash = hash_more(r.hash, &list[i]->d_type, 1);
		free(list[i]);
	}
	free(list);
	r.ret = n;
	return r;
}

static bool draw_nothing(struct args *a)
{
	a->flags = rnd(3);
	return true;
}

static struct result run_drop_caches(struct world *w, const struct args *a)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	if (a->flags)
		syncfs(w->dir);
	if (fd >= 0 && write(fd, "3", 1) != 1)
		die_errno("drop_caches");
	close(fd);
	return give(0);
}

/* A record in the file of all: who, which, and bytes to check */
struct record {
	uint32_t who;
	uint32_t n;
	uint8_t body[120];
};

static struct result run_record(struct world *w, const struct args *a)
{
	struct record r = { .who = state.process, .n = state.appended };

	(void)a;
	fill(r.body, sizeof(r.body), r.who * 100000 + r.n);
	return give(write(w->shared, &r, sizeof(r)));
}

static void after_record(const struct args *a, const struct result *r)
{
	(void)a;
	(void)r;
	state.appended++;
}

/* ---- the table ------------------------------------------------------------- */

static const struct op {
	const char *name;
	unsigned int weight;
	bool (*draw)(struct args *a);
	struct result (*run)(struct world *w, const struct args *a);
	void (*after)(const struct args *a, const struct result *r);
} ops[] = {
	{ "open", 12, draw_open, run_open, after_open },
	{ "close", 6, draw_fd, run_close, after_close },
	{ "pwrite", 16, draw_io, run_pwrite, NULL },
	{ "write", 6, draw_io, run_append, NULL },
	{ "pwritev2", 8, draw_pwritev2, run_pwritev2, NULL },
	{ "pread", 10, draw_io, run_pread, NULL },
	{ "read all", 3, draw_fd, run_read_all, NULL },
	{ "fstat", 4, draw_fd, run_fstat, NULL },
	{ "ftruncate", 5, draw_truncate, run_ftruncate, NULL },
	{ "fallocate", 10, draw_fallocate, run_fallocate, NULL },
	{ "sync", 4, draw_sync, run_sync, NULL },
	{ "holes", 2, draw_fd, run_holes, NULL },
	{ "copy", 4, draw_two, run_copy, NULL },
	{ "clone", 3, draw_two, run_clone, NULL },
	{ "mmap", 3, draw_map, run_map, after_map },
	{ "store", 8, draw_store, run_store, NULL },
	{ "load", 6, draw_store, run_load, NULL },
	{ "msync", 2, draw_mapped, run_msync, NULL },
	{ "munmap", 1, draw_mapped, run_unmap, after_unmap },
	{ "rename", 5, draw_rename, run_rename, NULL },
	{ "link", 3, draw_names, run_link, NULL },
	{ "link by descriptor", 1, draw_link_fd, run_link_fd, NULL },
	{ "symlink", 1, draw_names, run_symlink, NULL },
	{ "unlink", 3, draw_names, run_unlink, NULL },
	{ "mkdir", 1, draw_names, run_mkdir, NULL },
	{ "mknod", 1, draw_names, run_mknod, NULL },
	{ "stat", 4, draw_names, run_stat, NULL },
	{ "attributes", 3, draw_attr, run_attr, NULL },
	{ "xattr", 4, draw_xattr, run_xattr, NULL },
	{ "readdir", 2, draw_dir, run_readdir, NULL },
	{ "record", 2, draw_nothing, run_record, after_record },
	{ "drop caches", 1, draw_nothing, run_drop_caches, NULL },
};

static const struct op *draw_op(void)
{
	unsigned int total = 0, i, pick;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		total += ops[i].weight;
	pick = rnd(total);
	for (i = 0; pick >= ops[i].weight; i++)
		pick -= ops[i].weight;
	return &ops[i];
}

/* ---- comparing ------------------------------------------------------------- */

#define FAIL(fmt, ...) die("seed %lu, process %u, operation %lu: " fmt, state.seed, \
			   state.process, state.op, ##__VA_ARGS__)

static void say_where(const struct args *a)
{
	printf("  path %s, other %s, slot %d (open flags %#o), to %d (open flags %#o)\n",
	       a->path, a->other, a->slot, state.flags[a->slot], a->to, state.flags[a->to]);
	printf("  flags %#x, offset %lld, other offset %lld, length %zu\n", a->flags,
	       (long long)a->off, (long long)a->where, a->len);
}

/* The first byte that differs, for whoever looks for the reason */
static void say_first_difference(int x, int y)
{
	static char a[64 * KIB], b[64 * KIB];
	off_t at = 0;
	ssize_t n, m;

	do {
		n = pread(x, a, sizeof(a), at);
		m = pread(y, b, sizeof(b), at);
		if (n > 0 && m > 0 && memcmp(a, b, MIN(n, m))) {
			size_t i = first_difference(a, b, MIN(n, m));

			printf("  byte %lld is 0x%02x on the lower, 0x%02x on wtfs\n",
			       (long long)(at + i), (uint8_t)a[i], (uint8_t)b[i]);
			return;
		}
		at += MIN(n, m);
	} while (n > 0 && m > 0);
}

static void step(struct world *lower, struct world *wtfs)
{
	const struct op *op = draw_op();
	struct args a = { .slot = 0 };
	struct result x, y;

	if (!op->draw(&a))
		return;
	if (getenv("FUZZ_TRACE")) {
		printf("%lu: %s\n", state.op, op->name);
		say_where(&a);
	}
	x = op->run(lower, &a);
	y = op->run(wtfs, &a);
	if (x.ret != y.ret || x.error != y.error || x.hash != y.hash) {
		say_where(&a);
		if (op->run == run_read_all || op->run == run_pread)
			say_first_difference(lower->fd[a.slot], wtfs->fd[a.slot]);
		FAIL("%s: the lower gives %ld (%s, %llx), wtfs %ld (%s, %llx)", op->name, x.ret,
		     x.error ? strerrorname_np(x.error) : "-", (unsigned long long)x.hash, y.ret,
		     y.error ? strerrorname_np(y.error) : "-", (unsigned long long)y.hash);
	}
	if (op->after)
		op->after(&a, &x);
}

static void compare_content(int x, int y, const char *path)
{
	int a = openat(x, path, O_RDONLY), b = openat(y, path, O_RDONLY);
	struct result r = read_all(a), s = read_all(b);

	if (r.ret != s.ret || r.error != s.error || r.hash != s.hash) {
		say_first_difference(a, b);
		FAIL("%s: %ld bytes (%llx) on the lower, %ld (%llx) on wtfs", path, r.ret,
		     (unsigned long long)r.hash, s.ret, (unsigned long long)s.hash);
	}
	close(a);
	close(b);
}

static uint64_t xattrs_of(int fd)
{
	static char names[64 * KIB], value[64 * KIB];
	ssize_t len = flistxattr(fd, names, sizeof(names)), i, n;
	uint64_t sum = 0;

	/* in any order */
	for (i = 0; i < len; i += strlen(names + i) + 1) {
		n = fgetxattr(fd, names + i, value, sizeof(value));
		sum += hash_more(hash_more(n, names + i, strlen(names + i)), value, MAX(n, 0));
	}
	return sum;
}

static void compare_attributes(int x, int y, const char *path, const struct stat *s,
			       const struct stat *t)
{
	char a[PATH_MAX] = "", b[PATH_MAX] = "";
	int f, g;

	if (s->st_mode != t->st_mode || s->st_nlink != t->st_nlink || s->st_uid != t->st_uid ||
	    s->st_gid != t->st_gid || (!S_ISDIR(s->st_mode) && s->st_size != t->st_size))
		FAIL("%s: mode %o/%o, links %ju/%ju, owner %u:%u/%u:%u, size %lld/%lld", path,
		     s->st_mode, t->st_mode, (uintmax_t)s->st_nlink, (uintmax_t)t->st_nlink,
		     s->st_uid, s->st_gid, t->st_uid, t->st_gid, (long long)s->st_size,
		     (long long)t->st_size);
	if (S_ISLNK(s->st_mode) && (readlinkat(x, path, a, sizeof(a)) !=
				    readlinkat(y, path, b, sizeof(b)) || strcmp(a, b)))
		FAIL("%s leads to %s on the lower, to %s on wtfs", path, a, b);
	if (!S_ISREG(s->st_mode) && !S_ISDIR(s->st_mode))
		return;
	f = openat(x, path, O_RDONLY);
	g = openat(y, path, O_RDONLY);
	if (xattrs_of(f) != xattrs_of(g))
		FAIL("%s: other xattrs", path);
	close(f);
	close(g);
}

static void compare_trees(int x, int y, const char *path)
{
	struct dirent **a, **b;
	char below[PATH_MAX];
	struct stat s, t;
	int i, n, m;

	n = scandirat(x, path, &a, NULL, by_name);
	m = scandirat(y, path, &b, NULL, by_name);
	if (n != m)
		FAIL("%s: %d entries on the lower, %d on wtfs", path, n, m);
	for (i = 0; i < n; i++) {
		if (strcmp(a[i]->d_name, b[i]->d_name))
			FAIL("%s: %s on the lower, %s on wtfs", path, a[i]->d_name, b[i]->d_name);
		if (strcmp(a[i]->d_name, ".") && strcmp(a[i]->d_name, "..") &&
		    strcmp(a[i]->d_name, "lost+found")) {
			snprintf(below, sizeof(below), "%s/%s", path, a[i]->d_name);
			if (fstatat(x, below, &s, AT_SYMLINK_NOFOLLOW) ||
			    fstatat(y, below, &t, AT_SYMLINK_NOFOLLOW))
				FAIL("%s: %s", below, strerror(errno));
			compare_attributes(x, y, below, &s, &t);
			if (S_ISREG(s.st_mode))
				compare_content(x, y, below);
			if (S_ISDIR(s.st_mode))
				compare_trees(x, y, below);
		}
		free(a[i]);
		free(b[i]);
	}
	free(a);
	free(b);
}

/* ---- running --------------------------------------------------------------- */

static void enter(struct world *w)
{
	char path[PATH_MAX];
	int i;

	snprintf(path, sizeof(path), "%s/fuzz%u", w->root, state.process);
	if (mkdir(path, 0755))
		die_errno("mkdir %s", path);
	w->dir = xopen(path, O_RDONLY | O_DIRECTORY);
	for (i = 0; i < DIRS; i++) {
		snprintf(path, sizeof(path), "d%d", i);
		if (mkdirat(w->dir, path, 0755))
			die_errno("mkdir %s", path);
	}
	snprintf(path, sizeof(path), "%s/shared", w->root);
	w->shared = xopen(path, O_WRONLY | O_CREAT | O_APPEND);
}

static void run(struct world *lower, struct world *wtfs, unsigned long count)
{
	memset(state.flags, -1, sizeof(state.flags));
	memset(state.map_fd, -1, sizeof(state.map_fd));
	rng_seed(state.seed * 1000 + state.process);
	enter(lower);
	enter(wtfs);
	for (state.op = 1; state.op <= count; state.op++) {
		step(lower, wtfs);
		if (state.op % 2000 == 0)
			compare_trees(lower->dir, wtfs->dir, ".");
	}
	compare_trees(lower->dir, wtfs->dir, ".");
}

/* Every record once, whole, and each writer's in his order */
static void check_records(const struct world *w, unsigned int processes)
{
	unsigned int next[16] = { 0 };
	char path[PATH_MAX];
	uint8_t body[120];
	struct record r;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/shared", w->root);
	fd = xopen(path, O_RDONLY);
	while ((n = read(fd, &r, sizeof(r))) == sizeof(r)) {
		fill(body, sizeof(body), r.who * 100000 + r.n);
		if (r.who >= processes || r.n != next[r.who]++ ||
		    memcmp(body, r.body, sizeof(body)))
			die("seed %lu: a record of the shared file on %s is lost or wrong",
			    state.seed, w->label);
	}
	if (n)
		die("seed %lu: the shared file on %s ends in %zd bytes", state.seed, w->label, n);
	close(fd);
}

static void run_processes(struct world *lower, struct world *wtfs, unsigned long count,
			  unsigned int processes)
{
	unsigned int failed = 0;
	int status;

	for (state.process = 0; state.process < processes; state.process++) {
		pid_t pid = fork();

		if (pid < 0)
			die_errno("fork");
		if (pid == 0) {
			run(lower, wtfs, count / processes);
			exit(0);
		}
	}
	while (wait(&status) > 0)
		failed += !!status;
	if (failed)
		die("seed %lu: %u of %u processes failed", state.seed, failed, processes);
	check_records(lower, processes);
	check_records(wtfs, processes);
}

int main(int argc, char **argv)
{
	struct world lower = { .label = "the lower" }, wtfs = { .label = "wtfs" };
	unsigned long count = 3000;
	unsigned int processes = 1;
	bool only_compare = false;
	int c;

	state.seed = 1;
	while ((c = getopt(argc, argv, "b:cs:n:p:")) != -1) {
		if (c == 'b')
			wtfs.below = optarg;
		else if (c == 'c')
			only_compare = true;
		else if (c == 's')
			state.seed = strtoul(optarg, NULL, 0);
		else if (c == 'n')
			count = strtoul(optarg, NULL, 0);
		else if (c == 'p')
			processes = strtoul(optarg, NULL, 0);
		else
			die(USAGE);
	}
	if (argc - optind != 2 || processes > 16)
		die(USAGE);
	lower.root = argv[optind];
	wtfs.root = argv[optind + 1];
	umask(022);
	buffer = xalloc(PAGE, ROUND_UP(IO_MAX, PAGE));
	signal(SIGBUS, on_fault);
	if (!only_compare)
		run_processes(&lower, &wtfs, count, processes);
	/* the records of different writers come in any order */
	if (only_compare && processes == 1) {
		lower.dir = xopen(lower.root, O_RDONLY | O_DIRECTORY);
		wtfs.dir = xopen(wtfs.root, O_RDONLY | O_DIRECTORY);
		compare_trees(lower.dir, wtfs.dir, ".");
	}
	printf("fuzz: %lu operations in %u processes, seed %lu\n", only_compare ? 0 : count,
	       processes, state.seed);
	return 0;
}
