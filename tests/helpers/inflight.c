// SPDX-License-Identifier: GPL-2.0-only
/*
 * All that can change a file at once, for a device that checks what changes
 * while it is being written (tests/driver/blkcheck.c):
 *
 *   inflight -m FILE -l LOWERFILE [-s SEED] [-t SECONDS]
 *
 * Those who write through are marked by their I/O priority, by which the device
 * knows their writes. In the end the cache and the lower file must agree.
 */
#include "common.h"
#include <libaio.h>
#include <linux/ioprio.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#define FIXED (1 * MIB)		/* always there */
#define MOST (2 * MIB)		/* behind FIXED it comes and goes */
#define ENOUGH 200		/* writes */
#define MARK IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7)

static struct {
	const char *path;
	int fd;
	int direct;		/* the same file, O_DIRECT */
	uint8_t *map;		/* MOST bytes of it */
	uint64_t seed;
	atomic_bool stop;
	atomic_ulong done[6];	/* by enum kind */
} all;

enum kind { WRITES, DIRECT, AIO, STORES, TRUNCATES, FSYNCS };

/* A thread's own, and in memory rather than in registers: a jump comes back. */
static __thread struct {
	sigjmp_buf on_bus;
	size_t off;
	uint8_t value;
} store;

static void bus_error(int signal)
{
	siglongjmp(store.on_bus, signal);
}

/* A random number of a thread's own. */
static uint64_t mine(uint64_t *state, uint64_t n)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*state >> 33) % n;
}

static void mark(void)
{
	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, MARK))
		die_errno("ioprio_set");
}

static bool goes_on(enum kind kind)
{
	atomic_fetch_add(&all.done[kind], 1);
	return !atomic_load(&all.stop);
}

/* Most are small, and in few places, so that they meet. */
static void choose(uint64_t *state, size_t *off, size_t *len)
{
	*len = 1 + mine(state, mine(state, 8) ? 3 * PAGE : 64 * KIB);
	*off = mine(state, mine(state, 3) ? 64 * KIB : MOST - *len);
}

static void *writer(void *arg)
{
	uint64_t state = all.seed + (size_t)arg;
	uint8_t *data = xalloc(PAGE, 64 * KIB + 1);
	struct iovec v = { .iov_base = data };
	size_t off;

	mark();
	do {
		choose(&state, &off, &v.iov_len);
		memset(data, state >> 40, v.iov_len);
		if (pwritev2(all.fd, &v, 1, off, mine(&state, 4) ? 0 : RWF_DSYNC) !=
		    (ssize_t)v.iov_len)
			die_errno("pwrite");
	} while (goes_on(WRITES));
	free(data);
	return NULL;
}

static void *direct_writer(void *arg)
{
	uint64_t state = all.seed + (size_t)arg;
	uint8_t *data = xalloc(PAGE, 64 * KIB + PAGE);
	size_t off, len;

	mark();
	do {
		choose(&state, &off, &len);
		off = ROUND_DOWN(off, PAGE);
		len = ROUND_UP(len, PAGE);
		memset(data, state >> 40, len);
		if (pwrite(all.direct, data, len, off) != (ssize_t)len)
			die_errno("pwrite, O_DIRECT");
	} while (goes_on(DIRECT));
	free(data);
	return NULL;
}

#define DEPTH 8

/* Asynchronous, inside the part that is always there. */
static void *aio_writer(void *arg)
{
	uint64_t state = all.seed + (size_t)arg;
	struct iocb iocb[DEPTH], *list[DEPTH];
	struct io_event event[DEPTH];
	uint8_t *data = xalloc(PAGE, DEPTH * 2 * PAGE);
	io_context_t ctx = NULL;
	size_t i, len;

	mark();
	if (io_setup(DEPTH, &ctx))
		die("io_setup");
	do {
		memset(data, state >> 40, DEPTH * 2 * PAGE);
		for (i = 0; i < DEPTH; i++) {
			len = 1 + mine(&state, 2 * PAGE);
			io_prep_pwrite(&iocb[i], all.fd, data + i * 2 * PAGE, len,
				       mine(&state, FIXED - len));
			list[i] = &iocb[i];
		}
		if (io_submit(ctx, DEPTH, list) != DEPTH ||
		    io_getevents(ctx, DEPTH, DEPTH, event, NULL) != DEPTH)
			die("AIO");
		for (i = 0; i < DEPTH; i++)
			if (event[i].res != event[i].obj->u.c.nbytes)
				die("AIO write gives %ld", (long)event[i].res);
	} while (goes_on(AIO));
	io_destroy(ctx);
	free(data);
	return NULL;
}

/* Behind the end of the file there is nothing to store to. */
static void stores(void)
{
	size_t i;

	if (sigsetjmp(store.on_bus, 1))
		return;
	for (i = 0; i < 200; i++)
		all.map[store.off + i * 5] = store.value + i;
}

static void *storer(void *arg)
{
	uint64_t state = all.seed + (size_t)arg;

	do {
		store.off = mine(&state, mine(&state, 3) ? 64 * KIB : MOST - KIB);
		store.value = state >> 40;
		stores();
	} while (goes_on(STORES));
	return NULL;
}

static void *truncater(void *arg)
{
	uint64_t state = all.seed + (size_t)arg;

	do {
		if (ftruncate(all.fd, FIXED + mine(&state, MOST - FIXED)))
			die_errno("ftruncate");
		usleep(mine(&state, 20000));
	} while (goes_on(TRUNCATES));
	return NULL;
}

static void *syncer(void *arg)
{
	uint64_t state = all.seed + (size_t)arg;
	int err;

	do {
		switch (mine(&state, 4)) {
		case 0:
			err = fsync(all.fd);
			break;
		case 1:
			err = msync(all.map, FIXED, MS_SYNC);
			break;
		default:
			err = sync_file_range(all.fd, 0, 0, SYNC_FILE_RANGE_WRITE);
			break;
		}
		if (err)
			die_errno("fsync");
		usleep(mine(&state, 5000));
	} while (goes_on(FSYNCS));
	return NULL;
}

/* Nothing goes on any more: what is cached is what the lower has. */
static void compare(const char *lower)
{
	int fd = xopen(lower, O_RDONLY | O_DIRECT);
	const uint8_t *data;
	struct stat s;
	size_t got, i;

	if (fsync(all.fd) || fstat(all.fd, &s))
		die_errno("fsync");
	data = direct_read(fd, 0, s.st_size, PAGE, &got);
	if (got != (size_t)s.st_size)
		die("the lower file ends at %zu, not %zu", got, (size_t)s.st_size);
	i = first_difference(data, all.map, got);
	if (i < got)
		die("byte %zu is 0x%02x in the cache, 0x%02x in the lower file", i,
		    all.map[i], data[i]);
	close(fd);
}

static unsigned long writes(void)
{
	return atomic_load(&all.done[WRITES]) + atomic_load(&all.done[DIRECT]);
}

static void run(unsigned int seconds)
{
	static void *(*const body[])(void *) = {
		writer, writer, writer, direct_writer, aio_writer,
		storer, storer, truncater, syncer,
	};
	pthread_t thread[ARRAY_SIZE(body)];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(body); i++)
		if (pthread_create(&thread[i], NULL, body[i], (void *)(i * 1000003)))
			die("no thread");
	/* On a busy machine so much may take longer. */
	for (i = 0; i < seconds || (writes() < ENOUGH && i < 10 * seconds); i++)
		sleep(1);
	atomic_store(&all.stop, true);
	for (i = 0; i < ARRAY_SIZE(body); i++)
		pthread_join(thread[i], NULL);
}

int main(int argc, char **argv)
{
	const char *lower = NULL;
	unsigned int seconds = 5;
	int c;

	while ((c = getopt(argc, argv, "m:l:s:t:")) != -1) {
		switch (c) {
		case 'm':
			all.path = optarg;
			break;
		case 'l':
			lower = optarg;
			break;
		case 's':
			all.seed = strtoull(optarg, NULL, 0);
			break;
		case 't':
			seconds = strtoul(optarg, NULL, 0);
			break;
		default:
			die("usage: inflight -m FILE -l LOWERFILE [-s SEED] [-t SECONDS]");
		}
	}
	if (!all.path || !lower)
		die("which file?");
	all.fd = xopen(all.path, O_RDWR | O_CREAT);
	all.direct = xopen(all.path, O_RDWR | O_DIRECT);
	if (ftruncate(all.fd, MOST))
		die_errno("ftruncate");
	all.map = mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_SHARED, all.fd, 0);
	if (all.map == MAP_FAILED)
		die_errno("mmap");
	signal(SIGBUS, bus_error);
	run(seconds);
	compare(lower);
	printf("inflight: seed %llu: %lu writes, %lu O_DIRECT, %lu times 8 AIO, %lu times 200 stores, %lu truncates, %lu syncs\n",
	       (unsigned long long)all.seed, all.done[WRITES], all.done[DIRECT], all.done[AIO],
	       all.done[STORES], all.done[TRUNCATES], all.done[FSYNCS]);
	return 0;
}
