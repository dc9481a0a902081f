// SPDX-License-Identifier: GPL-2.0-only
/*
 * What becomes of a page of a shared mapping that a direct read from another
 * device is under way into, when something is done to the file meanwhile:
 *
 *   pinned FILE SOURCE DM PIN OPERATION OFFSET LENGTH
 *   pinned FILE SOURCE DM PIN busy ROUNDS
 *
 * FILE is made anew: 1 MiB of A in one mapping. The device-mapper device DM, of
 * which SOURCE is the node and which is full of S, is suspended; one page is read
 * from it to PIN of the mapping; OPERATION is done to the file: punch, zero,
 * zeroes (FALLOC_FL_WRITE_ZEROES), collapse, insert, truncate (to OFFSET), clone (of a
 * file of B), close (the file is written, unmapped and closed, and leaves the dentry
 * cache), none. Then DM is resumed and the read ends. Printed are the results of both,
 * and what is in the file: through the mapping if there is one, and after it was
 * written and read anew.
 *
 * busy goes on reading to PIN, with nothing suspended, while holes are punched, and
 * ranges collapsed and inserted, ROUNDS times; it prints the errors it met.
 */
#include "common.h"
#include <libaio.h>
#include <linux/dm-ioctl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>

#ifndef FALLOC_FL_WRITE_ZEROES
#define FALLOC_FL_WRITE_ZEROES 0x80
#endif

#define SIZE MIB

static struct {
	const char *path;
	const char *dm;
	int fd;
	int source;
	int control;
	uint8_t *map;
} p;

static void dm_suspend(bool suspend)
{
	struct dm_ioctl io = {
		.version = { DM_VERSION_MAJOR, 0, 0 },
		.data_size = sizeof(io),
		.flags = DM_SKIP_LOCKFS_FLAG | DM_NOFLUSH_FLAG | (suspend ? DM_SUSPEND_FLAG : 0),
	};

	snprintf(io.name, sizeof(io.name), "%s", p.dm);
	if (ioctl(p.control, DM_DEV_SUSPEND, &io))
		die_errno("suspend or resume %s", p.dm);
}

/* In folios of 64 KiB: a pinned one cannot be split, and goes as a whole. */
static void fill_file(int fd, int ch)
{
	static uint8_t data[64 * KIB];
	uint64_t off;

	memset(data, ch, sizeof(data));
	for (off = 0; off < SIZE; off += sizeof(data))
		if (pwrite(fd, data, sizeof(data), off) != (ssize_t)sizeof(data))
			die_errno("writing the file");
}

static long clone_into(uint64_t off, uint64_t len)
{
	struct file_clone_range range = { .src_offset = off, .src_length = len, .dest_offset = off };
	char *name;
	long ret;

	if (asprintf(&name, "%s.source", p.path) < 0)
		die("no memory");
	range.src_fd = xopen(name, O_RDWR | O_CREAT | O_TRUNC);
	fill_file(range.src_fd, 'B');
	ret = ioctl(p.fd, FICLONERANGE, &range);
	unlink(name);
	free(name);
	return ret;
}

static long close_file(void)
{
	int fd = xopen("/proc/sys/vm/drop_caches", O_WRONLY);

	p.map[0] = 'M';
	if (fsync(p.fd) || munmap(p.map, 2 * SIZE) || close(p.fd))
		return -1;
	p.map = NULL;
	if (write(fd, "2", 1) != 1)
		die_errno("drop_caches");
	close(fd);
	return 0;
}

static long operate(const char *what, uint64_t off, uint64_t len)
{
	if (!strcmp(what, "close"))
		return close_file();
	if (!strcmp(what, "none"))
		return 0;
	if (!strcmp(what, "punch"))
		return fallocate(p.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len);
	if (!strcmp(what, "zero"))
		return fallocate(p.fd, FALLOC_FL_ZERO_RANGE, off, len);
	if (!strcmp(what, "zeroes"))
		return fallocate(p.fd, FALLOC_FL_WRITE_ZEROES, off, len);
	if (!strcmp(what, "collapse"))
		return fallocate(p.fd, FALLOC_FL_COLLAPSE_RANGE, off, len);
	if (!strcmp(what, "insert"))
		return fallocate(p.fd, FALLOC_FL_INSERT_RANGE, off, len);
	if (!strcmp(what, "truncate"))
		return ftruncate(p.fd, off);
	if (!strcmp(what, "clone"))
		return clone_into(off, len);
	die("unknown operation %s", what);
}

/* Runs of the same byte: "A:4096 S:4096", with 0 for a zero */
static void show(const char *what, const uint8_t *data, size_t len)
{
	size_t i, run;

	printf("%s", what);
	for (i = 0; i < len; i += run) {
		run = 1;
		while (i + run < len && data[i + run] == data[i])
			run++;
		printf(" %c:%zu", data[i] ?: '0', run);
	}
	putchar('\n');
}

static void show_mapping(void)
{
	struct stat st;

	if (!p.map)
		return;
	if (fstat(p.fd, &st))
		die_errno("fstat");
	show("mapping", p.map, st.st_size);
}

static void show_anew(void)
{
	uint8_t *data = xalloc(PAGE, 2 * SIZE);
	ssize_t n;

	if (!p.map) {
		sync();
		p.fd = xopen(p.path, O_RDWR);
	}
	if (fsync(p.fd) || (p.map && munmap(p.map, 2 * SIZE)) ||
	    posix_fadvise(p.fd, 0, 0, POSIX_FADV_DONTNEED))
		die_errno("fsync and drop");
	n = pread(p.fd, data, 2 * SIZE, 0);
	if (n < 0)
		die_errno("pread");
	show("anew", data, n);
	free(data);
}

static void set_up(const char *source, uint64_t pin)
{
	p.fd = xopen(p.path, O_RDWR | O_CREAT | O_TRUNC);
	fill_file(p.fd, 'A');
	p.source = xopen(source, O_RDONLY | O_DIRECT);
	p.control = xopen("/dev/mapper/control", O_RDWR);
	p.map = mmap(NULL, 2 * SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, p.fd, 0);
	if (p.map == MAP_FAILED)
		die_errno("mmap");
	if (p.map[pin] != 'A')
		die("what was written is not in the mapping");
}

static void read_meanwhile(uint64_t pin, const char *what, uint64_t off, uint64_t len)
{
	struct iocb cb, *list = &cb;
	io_context_t context = NULL;
	struct io_event event;

	if (io_setup(1, &context))
		die("io_setup");
	dm_suspend(true);
	io_prep_pread(&cb, p.source, p.map + pin, PAGE, 0);
	if (io_submit(context, 1, &list) != 1)
		die("io_submit");
	printf("%s %s\n", what, operate(what, off, len) ? strerrorname_np(errno) : "ok");
	dm_suspend(false);
	if (io_getevents(context, 1, 1, &event, NULL) != 1)
		die("io_getevents");
	printf("read %ld\n", (long)event.res);
	show_mapping();
	show_anew();
}

static void *read_on(void *arg)
{
	for (;;)
		if (pread(p.source, arg, PAGE, 0) != (ssize_t)PAGE)
			die_errno("pread of the source");
	return NULL;
}

static void be_busy(uint64_t pin, unsigned int rounds)
{
	static const char *const what[] = { "punch", "zero", "collapse", "insert" };
	unsigned int i, failed = 0;
	pthread_t reader;
	int error = 0;

	if (pthread_create(&reader, NULL, read_on, p.map + pin))
		die("no thread");
	for (i = 0; i < rounds; i++) {
		if (operate(what[i % 4], ROUND_DOWN(pin, 16 * PAGE), 16 * PAGE)) {
			failed++;
			error = errno;
		}
		/* what was dropped is made anew, for the reader to find */
		if (p.map[pin] > 'z')
			die("no such byte was ever there");
	}
	printf("%u failed: %s\n", failed, failed ? strerrorname_np(error) : "none");
	exit(0);
}

int main(int argc, char **argv)
{
	uint64_t pin;

	if (argc != 7 && argc != 8)
		die("usage: pinned FILE SOURCE DM PIN OPERATION OFFSET LENGTH");
	p.path = argv[1];
	p.dm = argv[3];
	pin = strtoull(argv[4], NULL, 0);
	set_up(argv[2], pin);
	if (argc == 7)
		be_busy(pin, strtoull(argv[6], NULL, 0));
	else
		read_meanwhile(pin, argv[5], strtoull(argv[6], NULL, 0), strtoull(argv[7], NULL, 0));
	return 0;
}
