// SPDX-License-Identifier: GPL-2.0-only
/*
 * Four writers, each on a processor of its own, for tests/plugin/sharing.c to watch:
 *
 *   sharing [-d] FILE [FILE FILE FILE]
 *
 * Each writes 4 KiB at random offsets of the file, or of one file each, which are there
 * and of the same size. With -d by O_DIRECT.
 */
#include "common.h"
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define WRITERS 4
#define WRITES 400

/* As in tests/plugin/sharing.c: a nop with the mark as its displacement. */
#define MARK(nr) asm volatile(".byte 0x0f, 0x1f, 0x84, 0x00\n.long %c0" : : "i"(0x57740000 | (nr)))

enum mark { MARK_COLLECT = 1, MARK_COUNT, MARK_STOP, MARK_BEGIN, MARK_END };

/* What parent and writers say to each other. */
struct talk {
	atomic_int ready;	/* writers that are through with a step */
	atomic_int step;	/* that they may take */
};

static struct talk *talk;
static int flags = O_RDWR;

static void next_step(int step)
{
	atomic_fetch_add(&talk->ready, 1);
	while (atomic_load(&talk->step) < step)
		usleep(1000);
}

static void write_one(int fd, const void *data, uint64_t pages)
{
	if (pwrite(fd, data, PAGE, rnd(pages) * PAGE) != (ssize_t)PAGE)
		die_errno("pwrite");
}

static void be_writer(unsigned int nr, const char *path)
{
	void *data = xalloc(PAGE, PAGE);
	int fd = xopen(path, flags);
	uint64_t pages;
	struct stat st;
	cpu_set_t cpu;
	int i;

	CPU_ZERO(&cpu);
	CPU_SET(nr, &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu))
		die_errno("no processor %u", nr);
	if (fstat(fd, &st))
		die_errno("fstat");
	pages = st.st_size / PAGE;
	rng_seed(nr + 1);
	fill(data, PAGE, nr);
	for (i = 0; i < WRITES / 4; i++)
		write_one(fd, data, pages);
	next_step(1);
	for (i = 0; i < WRITES; i++)
		write_one(fd, data, pages);
	next_step(2);
	for (i = 0; i < WRITES; i++) {
		MARK(MARK_BEGIN);
		write_one(fd, data, pages);
		MARK(MARK_END);
	}
	next_step(3);
	exit(0);
}

static void await_all(void)
{
	while (atomic_load(&talk->ready) < WRITERS)
		usleep(1000);
	atomic_store(&talk->ready, 0);
}

int main(int argc, char **argv)
{
	unsigned int i, files;
	int status;

	if (argc > 1 && !strcmp(argv[1], "-d")) {
		flags |= O_DIRECT;
		argv++;
		argc--;
	}
	files = argc - 1;
	if (files != 1 && files != WRITERS)
		die("usage: sharing [-d] FILE [FILE FILE FILE]");
	talk = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (talk == MAP_FAILED)
		die_errno("mmap");
	for (i = 0; i < WRITERS; i++)
		if (!fork())
			be_writer(i, argv[1 + i % files]);
	await_all();
	MARK(MARK_COLLECT);
	atomic_store(&talk->step, 1);
	await_all();
	MARK(MARK_COUNT);
	atomic_store(&talk->step, 2);
	await_all();
	MARK(MARK_STOP);
	atomic_store(&talk->step, 3);
	for (i = 0; i < WRITERS; i++)
		if (wait(&status) < 0 || status)
			die("a writer failed");
	return 0;
}
