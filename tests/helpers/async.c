// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous writes to one file, from one thread:
 *
 *   async depth FILE COUNT LEN STEP CHAR uring|libaio [dsync|nowait]
 *   async flood FILE uring|libaio [SEED]
 *   async vanish FILE COUNT
 *
 * depth submits COUNT writes of LEN bytes of CHAR, STEP bytes apart, at once,
 * and prints "submitted" and how many threads of the process there are besides
 * this one; then waits for them, and prints "done", or with "nowait" how many gave
 * EAGAIN.
 *
 * flood keeps 32 writes in flight until it is killed.
 *
 * vanish makes COUNT files, and writes a block into the hole of each by io_uring,
 * which then has the only reference on the file, whose name is gone: when the write
 * completes there is no file any more.
 */
#include "common.h"
#include <dirent.h>
#include <libaio.h>
#include <liburing.h>
#include <sys/stat.h>

#define DEPTH 256

/* Two engines, one face. A write's tag comes back with its result. */
static struct {
	bool uring;
	struct io_uring ring;
	io_context_t context;
	struct iocb cb[DEPTH];
	struct iocb *list[DEPTH];
	size_t queued;
} engine;

static void engine_init(const char *name)
{
	engine.uring = !strcmp(name, "uring");
	if (!engine.uring && strcmp(name, "libaio"))
		die("no engine is called %s", name);
	if (engine.uring ? io_uring_queue_init(DEPTH, &engine.ring, 0) :
			   io_setup(DEPTH, &engine.context))
		die("can't set up %s", name);
}

static void engine_write(int fd, const void *data, size_t len, uint64_t off, size_t tag,
			 int flags)
{
	struct io_uring_sqe *sqe;
	struct iocb *cb;

	if (engine.uring) {
		sqe = io_uring_get_sqe(&engine.ring);
		io_uring_prep_write(sqe, fd, data, len, off);
		sqe->rw_flags = flags;
		io_uring_sqe_set_data64(sqe, tag);
		return;
	}
	cb = &engine.cb[tag];
	io_prep_pwrite(cb, fd, (void *)data, len, off);
	cb->aio_rw_flags = flags;
	cb->data = (void *)tag;
	engine.list[engine.queued++] = cb;
}

static void engine_submit(size_t count)
{
	int n = engine.uring ? io_uring_submit(&engine.ring) :
			       io_submit(engine.context, count, engine.list);

	engine.queued = 0;
	if (n != (int)count)
		die("submitted %d of %zu", n, count);
}

/* Wait for one write: its tag, and its result in @res. */
static size_t engine_reap(long *res)
{
	struct io_uring_cqe *cqe;
	struct io_event event;
	size_t tag;

	if (engine.uring) {
		if (io_uring_wait_cqe(&engine.ring, &cqe))
			die("io_uring_wait_cqe");
		*res = cqe->res;
		tag = io_uring_cqe_get_data64(cqe);
		io_uring_cqe_seen(&engine.ring, cqe);
		return tag;
	}
	if (io_getevents(engine.context, 1, 1, &event, NULL) != 1)
		die("io_getevents");
	*res = event.res;
	return (size_t)event.data;
}

/* Threads besides the first: io_uring's workers are among them. */
static int other_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int count = 0;

	if (!dir)
		die_errno("/proc/self/task");
	while ((entry = readdir(dir)))
		count += *entry->d_name != '.';
	closedir(dir);
	return count - 1;
}

static int run_depth(int argc, char **argv)
{
	size_t count, len, step, i, refused = 0;
	uint8_t *data;
	int fd, flags = 0;
	long res;

	if (argc < 8)
		die("usage: async depth FILE COUNT LEN STEP CHAR ENGINE [dsync|nowait]");
	count = strtoul(argv[3], NULL, 0);
	len = strtoul(argv[4], NULL, 0);
	step = strtoul(argv[5], NULL, 0);
	if (argc > 8 && !strcmp(argv[8], "dsync"))
		flags = RWF_DSYNC;
	else if (argc > 8 && !strcmp(argv[8], "nowait"))
		flags = RWF_NOWAIT;
	else if (argc > 8)
		die("no flag is called '%s'", argv[8]);
	if (count > DEPTH)
		die("at most %d writes", DEPTH);
	engine_init(argv[7]);
	fd = xopen(argv[2], O_RDWR);
	data = xalloc(PAGE, len);
	memset(data, *argv[6], len);
	for (i = 0; i < count; i++)
		engine_write(fd, data, len, i * step, i, flags);
	engine_submit(count);
	printf("submitted %d\n", other_threads());
	fflush(stdout);
	for (i = 0; i < count; i++) {
		engine_reap(&res);
		if (flags == RWF_NOWAIT && res == -EAGAIN)
			refused++;
		else if (res != (long)len)
			die("a write gave %ld", res);
	}
	if (flags == RWF_NOWAIT)
		printf("refused %zu\n", refused);
	else
		puts("done");
	return 0;
}

#define FLOOD 32
#define FLOOD_MAX (64 * KIB)

static int run_flood(int argc, char **argv)
{
	uint8_t *data = xalloc(PAGE, FLOOD * FLOOD_MAX);
	struct stat s;
	size_t begun = 0, tag, len;
	long res;
	int fd;

	if (argc < 4)
		die("usage: async flood FILE ENGINE [SEED]");
	engine_init(argv[3]);
	rng_seed(argc > 4 ? strtoul(argv[4], NULL, 0) : 1);
	fd = xopen(argv[2], O_RDWR);
	if (fstat(fd, &s))
		die_errno("fstat");
	for (;;) {
		tag = begun < FLOOD ? begun++ : engine_reap(&res);
		len = one_in(3) ? rnd_range(1, FLOOD_MAX) : rnd_range(1, 4) * PAGE;
		fill(data + tag * FLOOD_MAX, len, rng());
		engine_write(fd, data + tag * FLOOD_MAX, len,
			     one_in(3) ? rnd(s.st_size - len) :
			     ROUND_DOWN(rnd(s.st_size - len), PAGE),
			     tag, one_in(4) ? RWF_DSYNC : 0);
		engine_submit(1);
	}
}

#define VANISH_AT (64 * KIB)

static int run_vanish(int argc, char **argv)
{
	uint8_t *data = xalloc(PAGE, PAGE);
	unsigned long i;
	long res;
	int fd;

	if (argc != 4)
		die("usage: async vanish FILE COUNT");
	engine_init("uring");
	memset(data, 'v', PAGE);
	for (i = strtoul(argv[3], NULL, 0); i; i--) {
		fd = open(argv[2], O_RDWR | O_CREAT | O_EXCL, 0600);
		/* The first write of a file looks for privileges to remove. */
		if (fd < 0 || pwrite(fd, data, PAGE, 0) != PAGE || ftruncate(fd, 2 * VANISH_AT))
			die_errno("%s", argv[2]);
		unlink(argv[2]);
		engine_write(fd, data, PAGE, VANISH_AT, 0, 0);
		engine_submit(1);
		close(fd);
		engine_reap(&res);
		if (res != PAGE)
			die("a write gave %ld", res);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "depth"))
		return run_depth(argc, argv);
	if (argc > 2 && !strcmp(argv[1], "flood"))
		return run_flood(argc, argv);
	if (argc > 2 && !strcmp(argv[1], "vanish"))
		return run_vanish(argc, argv);
	die("usage: async depth|flood|vanish FILE ...");
}
