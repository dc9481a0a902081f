// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long fsync() takes beside a stream of asynchronous writes of the same file:
 *
 *   beside FILE FSYNCS [direct]
 *
 * The stream is sequential, 4 KiB each, 128 at a time by io_uring, from the beginning
 * again when the file ends. Prints the fsyncs' mean, median, 99th percentile and the
 * longest, ns, and how many writes a second were done.
 */
#include "common.h"
#include <liburing.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

#define DEPTH 128
#define LEN (4 * KIB)
#define PAUSE 5000 /* between two fsyncs, us */

static int fd;
static uint64_t blocks;
static volatile bool over;
static uint64_t written;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void put_write(struct io_uring *ring, const void *data, uint64_t block)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_write(sqe, fd, data, LEN, block % blocks * LEN);
	if (io_uring_submit(ring) != 1)
		die("io_uring_submit");
}

static void *stream(void *unused)
{
	void *data = xalloc(PAGE, LEN);
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	uint64_t next;

	(void)unused;
	memset(data, 's', LEN);
	if (io_uring_queue_init(DEPTH, &ring, 0))
		die("io_uring_queue_init");
	for (next = 0; next < DEPTH; next++)
		put_write(&ring, data, next);
	while (!over) {
		if (io_uring_wait_cqe(&ring, &cqe) || cqe->res != (int)LEN)
			die("a write beside the fsyncs failed");
		io_uring_cqe_seen(&ring, cqe);
		written++;
		put_write(&ring, data, next++);
	}
	io_uring_queue_exit(&ring);
	return NULL;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	uint64_t *took, sum = 0, began;
	pthread_t thread;
	struct stat s;
	size_t count, i;

	if (argc < 3)
		die("usage: beside FILE FSYNCS [direct]");
	count = strtoul(argv[2], NULL, 0);
	fd = xopen(argv[1], O_RDWR | (argc > 3 ? O_DIRECT : 0));
	if (!count || fstat(fd, &s) || s.st_size < (off_t)(DEPTH * LEN))
		die("the file is too small, or nothing is to be measured");
	blocks = s.st_size / LEN;
	took = xalloc(sizeof(*took), count * sizeof(*took));
	began = now();
	if (pthread_create(&thread, NULL, stream, NULL))
		die("pthread_create");
	for (i = 0; i < count; i++) {
		usleep(PAUSE);
		took[i] = now();
		if (fsync(fd))
			die_errno("fsync");
		took[i] = now() - took[i];
		sum += took[i];
	}
	began = now() - began;
	over = true;
	pthread_join(thread, NULL);
	qsort(took, count, sizeof(*took), by_number);
	printf("%llu %llu %llu %llu %llu\n", (unsigned long long)(sum / count),
	       (unsigned long long)took[count / 2], (unsigned long long)took[count * 99 / 100],
	       (unsigned long long)took[count - 1],
	       (unsigned long long)(written * 1000000000ULL / began));
	return 0;
}
