// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several writers of one file at once:
 *
 *   concurrent -m MNT -l LOWER -d DEV [-s SEED] [-n ROUNDS] [-c CASE]
 *
 * At the end of each case the device, the lower file and read() must agree.
 */
#include "model.h"
#include "ways.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define WRITERS 4

static unsigned long rounds = 40;
static struct file file;
static atomic_bool stop;

static void start(pthread_t *thread, void *(*body)(void *), size_t arg)
{
	if (pthread_create(thread, NULL, body, (void *)arg))
		die("no thread");
}

/* A random number of a thread's own. */
static uint64_t mine(uint64_t *state, uint64_t n)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*state >> 33) % n;
}

/* All writers have stopped: take what read() gives as right, and compare. */
static void settle(void)
{
	struct stat s;
	size_t off;
	ssize_t n;

	if (fstat(file.fd, &s))
		die_errno("fstat");
	memset(file.model, 0, FILE_MAX);
	file.size = s.st_size;
	for (off = 0; off < file.size; off += n) {
		n = pread(file.fd, file.model + off, file.size - off, off);
		if (n <= 0)
			FAIL(&file, "read at %zu gives %zd", off, n);
	}
	check_all(&file);
	drop_cache(&file);
	check_all(&file);
}

/* ---- the same records, by all writers ------------------------------------- */

/* Long and short, aligned and not, over the file's end and inside it. */
static const struct {
	size_t off;
	size_t len;
} records[] = {
	{ 0, MIB },
	{ 2 * MIB, 65536 },
	{ 3 * MIB + 123, 10000 },
	{ 4 * MIB - 300000 - 77, 600000 },
	{ 5 * MIB + 4000, 512 },
};

/* What processes and threads share: nobody begins a record before the others. */
static struct together {
	pthread_barrier_t begin;
	pthread_barrier_t end;
} *together;

static void make_together(unsigned int count)
{
	pthread_barrierattr_t attr;

	together = mmap(NULL, sizeof(*together), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (together == MAP_FAILED)
		die_errno("mmap");
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (pthread_barrier_init(&together->begin, &attr, count) ||
	    pthread_barrier_init(&together->end, &attr, count))
		die("no barrier");
}

static void stamp(uint8_t *data, size_t len, uint32_t id)
{
	size_t i;

	for (i = 0; i < len; i += sizeof(id))
		memcpy(data + i, &id, MIN(sizeof(id), len - i));
}

static write_way *const ways[WRITERS] = { by_pwrite, by_libaio, by_uring, by_pwrite };

static void write_records(size_t writer)
{
	uint8_t *data = xalloc(PAGE, MIB);
	struct write w = { .fd = file.fd, .data = data };
	void *state = NULL;
	unsigned long round;
	ssize_t res;
	size_t i;

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < ARRAY_SIZE(records); i++) {
			w.off = records[i].off;
			w.len = records[i].len;
			stamp(data, w.len, writer << 24 | round << 4 | i);
			pthread_barrier_wait(&together->begin);
			res = ways[writer](&state, &w);
			if (res != (ssize_t)w.len)
				FAIL(&file, "writer %zu: a write gave %zd", writer, res);
			pthread_barrier_wait(&together->end);
		}
	}
	free(data);
}

static void *record_thread(void *writer)
{
	write_records((size_t)writer);
	return NULL;
}

/* Who wrote last is not known, but it was one, and all of it. */
static void check_record(size_t off, size_t len)
{
	static uint8_t want[MIB];
	uint32_t id;
	size_t at;

	if (pread(file.fd, file.model + off, len, off) != (ssize_t)len)
		FAIL(&file, "pread: %s", strerror(errno));
	memcpy(&id, file.model + off, sizeof(id));
	stamp(want, len, id);
	at = first_difference(file.model + off, want, len);
	if (at < len)
		FAIL(&file, "the record of %zu at %zu is of writer %u up to %zu, then of another",
		     len, off, id >> 24, at);
	file.size = MAX(file.size, off + len);
	check_device(&file, off, off + len);
}

static void wait_for(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) < 0 || status)
		FAIL(&file, "a writer failed (%#x)", status);
}

/* A writer that has failed does not come to the barrier, where we may be. */
static void child_ended(int signal)
{
	siginfo_t info = { 0 };

	(void)signal;
	if (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_status)
		_exit(1);
}

/* Half of the writers are processes. */
static void case_records(void)
{
	pthread_t thread[WRITERS];
	unsigned long round;
	pid_t child[WRITERS];
	size_t i;

	make_together(WRITERS + 1);
	signal(SIGCHLD, child_ended);
	for (i = 0; i < WRITERS / 2; i++) {
		child[i] = fork();
		if (!child[i]) {
			write_records(i);
			_exit(0);
		}
	}
	for (; i < WRITERS; i++)
		start(&thread[i], record_thread, i);
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < ARRAY_SIZE(records); i++) {
			pthread_barrier_wait(&together->begin);
			pthread_barrier_wait(&together->end);
			check_record(records[i].off, records[i].len);
		}
	}
	for (i = 0; i < WRITERS / 2; i++)
		wait_for(child[i]);
	for (; i < WRITERS; i++)
		pthread_join(thread[i], NULL);
	signal(SIGCHLD, SIG_DFL);
	settle();
}

/* ---- appends: none lost, none torn ---------------------------------------- */

struct head {
	uint32_t magic;
	uint32_t writer;
	uint32_t number;
	uint32_t len;		/* of the record, with this head */
};

#define MAGIC 0x57544653
#define RECORD_MAX 9000

static size_t make_record(uint8_t *data, uint32_t writer, uint32_t number)
{
	struct head h = { MAGIC, writer, number, 0 };
	uint64_t state = writer * 1000 + number;

	h.len = sizeof(h) + mine(&state, RECORD_MAX - sizeof(h));
	memcpy(data, &h, sizeof(h));
	fill(data + sizeof(h), h.len - sizeof(h), state);
	return h.len;
}

static void append_records(uint32_t writer, uint32_t count)
{
	uint8_t data[RECORD_MAX];
	uint32_t i;
	size_t len;

	for (i = 0; i < count; i++) {
		len = make_record(data, writer, i);
		if (write(file.append, data, len) != (ssize_t)len)
			FAIL(&file, "append: %s", strerror(errno));
	}
}

static void check_appended(uint32_t count)
{
	uint32_t next[WRITERS] = { 0 };
	uint8_t want[RECORD_MAX];
	struct head h;
	size_t off, i, len;

	for (off = 0; off < file.size; off += len) {
		memcpy(&h, file.model + off, sizeof(h));
		if (h.magic != MAGIC || h.writer >= WRITERS || h.number != next[h.writer])
			FAIL(&file, "no record begins at %zu, where one should", off);
		next[h.writer]++;
		len = make_record(want, h.writer, h.number);
		i = first_difference(want, file.model + off, len);
		if (i < len)
			FAIL(&file, "record %u of writer %u is torn at %zu", h.number, h.writer, off + i);
	}
	for (i = 0; i < WRITERS; i++)
		if (next[i] != count)
			FAIL(&file, "writer %zu has %u records, not %u", i, next[i], count);
}

static void case_append(void)
{
	uint32_t i, count = 3 * rounds;
	pid_t child[WRITERS];

	for (i = 0; i < WRITERS; i++) {
		child[i] = fork();
		if (!child[i]) {
			append_records(i, count);
			_exit(0);
		}
	}
	for (i = 0; i < WRITERS; i++)
		wait_for(child[i]);
	settle();
	check_appended(count);
}

/* ---- own regions, beside readers and a file that changes its length ------- */

#define REGION (512 * KIB)
#define TAIL (WRITERS * REGION)

static void *region_writer(void *arg)
{
	size_t writer = (size_t)arg, base = writer * REGION, off, len, at;
	uint8_t *have = calloc(1, REGION), *got = xalloc(PAGE, REGION);
	uint64_t state = world.seed + writer;
	unsigned long round;

	if (pwrite(file.fd, have, REGION, base) != (ssize_t)REGION)
		FAIL(&file, "pwrite: %s", strerror(errno));
	for (round = 0; round < rounds * 4; round++) {
		len = 1 + mine(&state, mine(&state, 5) ? 20000 : REGION - 1);
		off = mine(&state, REGION - len + 1);
		fill(have + off, len, state);
		if (pwrite(file.fd, have + off, len, base + off) != (ssize_t)len)
			FAIL(&file, "pwrite: %s", strerror(errno));
		if (pread(file.fd, got, len, base + off) != (ssize_t)len)
			FAIL(&file, "pread: %s", strerror(errno));
		at = first_difference(got, have + off, len);
		if (at < len)
			FAIL(&file, "writer %zu does not find its own byte %zu", writer, base + off + at);
	}
	if (pread(file.fd, got, REGION, base) != (ssize_t)REGION || memcmp(got, have, REGION))
		FAIL(&file, "writer %zu's region is not what it wrote", writer);
	free(have);
	free(got);
	return NULL;
}

/* Makes the file longer and shorter behind the regions. */
static void *truncater(void *unused)
{
	uint64_t state = world.seed + 77;
	uint8_t data[5000];

	memset(data, 0x55, sizeof(data));
	while (!atomic_load(&stop)) {
		if (ftruncate(file.fd, TAIL + mine(&state, 100000)))
			FAIL(&file, "ftruncate: %s", strerror(errno));
		if (pwrite(file.fd, data, 1 + mine(&state, 5000), TAIL + mine(&state, 100000)) <= 0)
			FAIL(&file, "pwrite: %s", strerror(errno));
	}
	return unused;
}

/* Reads through a mapping and with read(), and drops the cache at times. */
static void *reader(void *unused)
{
	const volatile uint8_t *map = mmap(NULL, TAIL, PROT_READ, MAP_SHARED, file.fd, 0);
	uint64_t state = world.seed + 99;
	uint8_t data[8192];
	unsigned int sum = 0;
	size_t i;

	if (map == MAP_FAILED)
		die_errno("mmap");
	while (!atomic_load(&stop)) {
		for (i = 0; i < 50; i++)
			sum += map[mine(&state, TAIL)];
		if (pread(file.fd, data, sizeof(data), mine(&state, TAIL - sizeof(data))) !=
		    sizeof(data))
			FAIL(&file, "pread: %s", strerror(errno));
		if (mine(&state, 10) == 0)
			drop_cache(&file);
	}
	munmap((void *)map, TAIL);
	(void)sum;
	return unused;
}

static void case_regions(void)
{
	pthread_t thread[WRITERS], more[2];
	size_t i;

	if (ftruncate(file.fd, TAIL))
		die_errno("ftruncate");
	atomic_store(&stop, false);
	start(&more[0], truncater, 0);
	start(&more[1], reader, 0);
	for (i = 0; i < WRITERS; i++)
		start(&thread[i], region_writer, i);
	for (i = 0; i < WRITERS; i++)
		pthread_join(thread[i], NULL);
	atomic_store(&stop, true);
	pthread_join(more[0], NULL);
	pthread_join(more[1], NULL);
	settle();
}

/* ---- everything everywhere ------------------------------------------------ */

static void *chaos_writer(void *arg)
{
	uint64_t state = world.seed * 5 + (size_t)arg;
	uint8_t *data = xalloc(PAGE, MIB);
	unsigned long round;
	size_t len;

	for (round = 0; round < rounds * 3; round++) {
		len = 1 + mine(&state, mine(&state, 6) ? 30000 : MIB - 1);
		fill(data, len, state);
		switch (mine(&state, 8)) {
		case 0:
			if (ftruncate(file.fd, mine(&state, 4 * MIB)))
				FAIL(&file, "ftruncate: %s", strerror(errno));
			break;
		case 1:
			if (file.size < 6 * MIB && write(file.append, data, MIN(len, 9000UL)) <= 0)
				FAIL(&file, "append: %s", strerror(errno));
			break;
		case 2:
			drop_cache(&file);
			break;
		case 3:
			if (pread(file.fd, data, len, mine(&state, 4 * MIB)) < 0)
				FAIL(&file, "pread: %s", strerror(errno));
			break;
		default:
			if (pwrite(file.fd, data, len, mine(&state, 3 * MIB)) != (ssize_t)len)
				FAIL(&file, "pwrite: %s", strerror(errno));
		}
	}
	free(data);
	return NULL;
}

static void case_chaos(void)
{
	pthread_t thread[WRITERS];
	size_t i;

	for (i = 0; i < WRITERS; i++)
		start(&thread[i], chaos_writer, i);
	for (i = 0; i < WRITERS; i++)
		pthread_join(thread[i], NULL);
	settle();
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "records", case_records },
	{ "append", case_append },
	{ "regions", case_regions },
	{ "chaos", case_chaos },
};

int main(int argc, char **argv)
{
	const char *mnt = "/wtfs", *lower = "/lower", *dev = NULL, *only = NULL;
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
			rounds = strtoul(optarg, NULL, 0);
			break;
		case 'c':
			only = optarg;
			break;
		default:
			die("usage: concurrent -m MNT -l LOWER -d DEV [-s SEED] [-n ROUNDS] [-c CASE]");
		}
	}
	if (!dev)
		die("which device?");
	world_init(mnt, lower, dev);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (only && strcmp(only, cases[i].name))
			continue;
		model_open(&file, cases[i].name);
		doing("the case");
		cases[i].run();
		model_close(&file);
		printf("concurrent: %s done\n", cases[i].name);
		fflush(stdout);
	}
	return 0;
}
