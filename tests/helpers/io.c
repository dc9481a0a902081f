// SPDX-License-Identifier: GPL-2.0-only
/*
 * One process that does some file operations in order, for tests in shell:
 *
 *   io [-l LOWERFILE] [-d DEVICE] [-o FLAG,...] FILE OPERATION...
 *
 * Each operation prints one line: a count or "ok", or the name of the error.
 * A file opened by io stays open, so that what a descriptor knows is kept.
 * FLAGs for open: create trunc append dsync sync direct ro
 */
#include "common.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

static struct {
	int fd;
	int other;	/* a second descriptor of the file, opened as early */
	int below;	/* the lower file, O_DIRECT; -1: none */
	int dev;	/* the device, O_DIRECT; -1: none */
	int sector;
} io;

static sigjmp_buf on_bus;

static void bus_error(int signal)
{
	siglongjmp(on_bus, signal);
}

static void result(long long n)
{
	if (n < 0)
		puts(strerrorname_np(errno));
	else
		printf("%lld\n", n);
}

static void ok(int error)
{
	puts(error ? strerrorname_np(errno) : "ok");
}

static bool all_are(const uint8_t *data, size_t len, int want)
{
	while (len && *data == (uint8_t)want)
		data++, len--;
	return !len;
}

/* "same", or the first byte of @data that isn't @want */
static void judge(const uint8_t *data, size_t got, size_t len, uint64_t off, int want)
{
	size_t i = 0;

	while (i < got && data[i] == (uint8_t)want)
		i++;
	if (i < got)
		printf("differs at %llu: 0x%02x\n", (unsigned long long)off + i, data[i]);
	else if (got < len)
		printf("short: %zu\n", got);
	else
		puts("same");
}

/* What comes with an operation; not each uses all. */
struct args {
	uint64_t off;
	size_t len;
	int ch;
	const char *flag;
};

static void do_write(struct args *a)
{
	struct iovec v = { .iov_base = xalloc(PAGE, a->len + 1), .iov_len = a->len };
	int flags = 0;

	memset(v.iov_base, a->ch, a->len);
	if (!strcmp(a->flag, "dsync"))
		flags = RWF_DSYNC;
	else if (!strcmp(a->flag, "sync"))
		flags = RWF_SYNC;
	else if (!strcmp(a->flag, "nowait"))
		flags = RWF_NOWAIT;
	else if (!strcmp(a->flag, "append"))
		flags = RWF_APPEND;
	result(pwritev2(io.fd, &v, 1, a->off, flags));
	free(v.iov_base);
}

/* Read it: all bytes must be @ch. */
static void do_read(struct args *a)
{
	uint8_t *data = xalloc(PAGE, a->len + 1);
	ssize_t n = pread(io.fd, data, a->len, a->off);

	if (n < 0)
		result(n);
	else
		judge(data, n, a->len, a->off, a->ch);
	free(data);
}

/* The same by O_DIRECT from the lower file. */
static void do_lower(struct args *a)
{
	const uint8_t *data;
	size_t got;

	data = direct_read(io.below, a->off, a->len, PAGE, &got);
	judge(data, got, a->len, a->off, a->ch);
}

/* The same from the blocks of the device that the lower file has there. */
static void do_dev(struct args *a)
{
	const uint8_t *data;
	struct extent e;
	size_t got, n;

	for (; a->len; a->len -= n, a->off += n) {
		if (!next_extent(io.below, a->off, a->off + a->len, &e) || e.logical > a->off ||
		    e.flags & (FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_UNWRITTEN)) {
			puts("nothing");
			return;
		}
		n = MIN(a->len, e.logical + e.length - a->off);
		data = direct_read(io.dev, e.physical + (a->off - e.logical), n, io.sector, &got);
		if (!all_are(data, got, a->ch) || got < n) {
			judge(data, got, n, a->off, a->ch);
			return;
		}
	}
	puts("same");
}

/* Where on the device the byte at @off is. */
static void do_phys(struct args *a)
{
	struct extent e;

	a->len = MAX(a->len, (size_t)1);
	if (!next_extent(io.below, a->off, a->off + a->len, &e) || e.logical > a->off)
		puts("nothing");
	else if (e.logical + e.length < a->off + a->len)
		puts("parted");
	else
		printf("%llu\n", (unsigned long long)(e.physical + (a->off - e.logical)));
}

static void load_pages(const volatile uint8_t *map, size_t len)
{
	size_t i;

	for (i = 0; i < len; i += PAGE)
		(void)map[i];
}

/*
 * Store through a shared mapping; "SIGBUS" when that is what comes of it. With "loaded"
 * the pages are mapped by a load before: the store is then known to be for these only.
 */
static void do_store(struct args *a)
{
	uint64_t start = ROUND_DOWN(a->off, PAGE);
	uint8_t *map;

	map = mmap(NULL, a->off + a->len - start, PROT_READ | PROT_WRITE, MAP_SHARED, io.fd, start);
	if (map == MAP_FAILED) {
		ok(-1);
		return;
	}
	signal(SIGBUS, bus_error);
	if (sigsetjmp(on_bus, 1)) {
		puts("SIGBUS");
	} else {
		if (!strcmp(a->flag, "loaded"))
			load_pages(map, a->off + a->len - start);
		memset(map + (a->off - start), a->ch, a->len);
		puts("ok");
	}
	munmap(map, a->off + a->len - start);
}

/* As if the memory of cached pages were broken. */
static void do_poison(struct args *a)
{
	uint8_t *map = mmap(NULL, a->len, PROT_READ, MAP_SHARED, io.fd, a->off);

	if (map == MAP_FAILED) {
		ok(-1);
		return;
	}
	load_pages(map, a->len);
	ok(madvise(map, a->len, MADV_HWPOISON));
	munmap(map, a->len);
}

static void do_msync(struct args *a)
{
	uint64_t start = ROUND_DOWN(a->off, PAGE);
	void *map = mmap(NULL, a->off + a->len - start, PROT_READ, MAP_SHARED, io.fd, start);

	if (map == MAP_FAILED) {
		ok(-1);
		return;
	}
	ok(msync(map, a->off + a->len - start, MS_SYNC));
	munmap(map, a->off + a->len - start);
}

static void do_fsync(struct args *a)
{
	ok(fsync(strcmp(a->flag, "other") ? io.fd : io.other));
}

static void do_drop(struct args *a)
{
	errno = posix_fadvise(io.fd, a->off, a->len, POSIX_FADV_DONTNEED);
	ok(errno);
}

static void do_size(struct args *a)
{
	struct stat s;
	int error = fstat(strcmp(a->flag, "lower") ? io.fd : io.below, &s);

	result(error ? error : (long long)s.st_size);
}

static void do_truncate(struct args *a)
{
	ok(ftruncate(io.fd, a->off));
}

static void do_allocate(struct args *a)
{
	ok(fallocate(io.fd, strcmp(a->flag, "keep") ? 0 : FALLOC_FL_KEEP_SIZE, a->off, a->len));
}

/* From a pipe, here standard input */
static void do_splice(struct args *a)
{
	loff_t to = a->off;
	ssize_t n;

	for (; a->len; a->len -= n) {
		n = splice(0, NULL, io.fd, &to, a->len, 0);
		if (n <= 0) {
			result(n);
			return;
		}
	}
	result(to - a->off);
}

static const struct {
	const char *name;
	void (*run)(struct args *a);
} operations[] = {
	{ "write", do_write },		/* write:OFF:LEN:CHAR[:dsync|sync|append|nowait] */
	{ "splice", do_splice },	/* splice:OFF:LEN */
	{ "read", do_read },		/* read:OFF:LEN:CHAR */
	{ "lower", do_lower },		/* lower:OFF:LEN:CHAR */
	{ "dev", do_dev },		/* dev:OFF:LEN:CHAR */
	{ "phys", do_phys },		/* phys:OFF[:LEN] */
	{ "store", do_store },		/* store:OFF:LEN:CHAR[:loaded] */
	{ "poison", do_poison },	/* poison:OFF:LEN */
	{ "msync", do_msync },		/* msync:OFF:LEN */
	{ "fsync", do_fsync },		/* fsync[::::other] */
	{ "drop", do_drop },		/* drop[:OFF:LEN] */
	{ "size", do_size },		/* size[::::lower] */
	{ "truncate", do_truncate },	/* truncate:SIZE */
	{ "allocate", do_allocate },	/* allocate:OFF:LEN[::keep] */
};

static void run(char *text)
{
	char *field[5] = { "", "0", "0", "", "" };
	struct args a;
	size_t i, n;

	for (n = 0; n < ARRAY_SIZE(field) && text; n++)
		field[n] = strsep(&text, ":");
	for (i = 0; i < ARRAY_SIZE(operations); i++) {
		if (strcmp(operations[i].name, field[0]))
			continue;
		a.off = strtoull(field[1], NULL, 0);
		a.len = strtoull(field[2], NULL, 0);
		a.ch = *field[3];
		a.flag = field[4];
		operations[i].run(&a);
		fflush(stdout);
		return;
	}
	die("no operation is called %s", field[0]);
}

static int open_flags(char *list)
{
	static const struct {
		const char *name;
		int flag;
	} names[] = {
		{ "create", O_CREAT }, { "trunc", O_TRUNC }, { "append", O_APPEND },
		{ "dsync", O_DSYNC }, { "sync", O_SYNC }, { "direct", O_DIRECT },
	};
	int flags = O_RDWR;
	char *name;
	size_t i;

	while ((name = strsep(&list, ","))) {
		if (!strcmp(name, "ro"))
			flags &= ~O_RDWR;
		for (i = 0; i < ARRAY_SIZE(names); i++)
			if (!strcmp(name, names[i].name))
				flags |= names[i].flag;
	}
	return flags;
}

int main(int argc, char **argv)
{
	const char *lower = NULL, *dev = NULL;
	int flags = O_RDWR, c;

	while ((c = getopt(argc, argv, "l:d:o:")) != -1) {
		switch (c) {
		case 'l':
			lower = optarg;
			break;
		case 'd':
			dev = optarg;
			break;
		case 'o':
			flags = open_flags(optarg);
			break;
		default:
			die("usage: io [-l LOWERFILE] [-d DEVICE] [-o FLAG,...] FILE OPERATION...");
		}
	}
	if (optind >= argc)
		die("which file?");
	io.fd = open(argv[optind], flags, 0644);
	if (io.fd < 0) {
		ok(-1);
		return 1;
	}
	io.other = xopen(argv[optind], O_RDONLY);
	io.below = lower ? xopen(lower, O_RDONLY | O_DIRECT) : -1;
	io.dev = dev ? xopen(dev, O_RDONLY | O_DIRECT) : -1;
	if (dev && ioctl(io.dev, BLKSSZGET, &io.sector))
		die_errno("BLKSSZGET");
	for (optind++; optind < argc; optind++)
		run(argv[optind]);
	return 0;
}
