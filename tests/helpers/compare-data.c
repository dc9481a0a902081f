// SPDX-License-Identifier: GPL-2.0-only
/* Scenarios about data: writes, reads, holes, sizes, copies. */
#define GROUP "data"
#include "compare.h"
#include <linux/aio_abi.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/statvfs.h>

static char data[1 << 20];
/* Not for the compiler to look into */
static char *volatile nowhere, *volatile low = (char *)8;
static volatile int minus = -1;

/* A buffer that O_DIRECT takes, filled from @key */
static char *aligned(size_t len, uint64_t key)
{
	char *p = xalloc(PAGE, len);

	fill(p, len, key);
	return p;
}

/* ---- plain writes ---------------------------------------------------------- */

SCENARIO(write_offsets)
{
	static const struct { size_t off, len; } list[] = {
		{ 0, 1 }, { 1, 1 }, { 0, 4096 }, { 4095, 2 }, { 4096, 4096 }, { 100, 8000 },
		{ 20000, 1 }, { 16384, 4096 }, { 65535, 2 }, { 65536, 65536 }, { 1000000, 100 },
		{ 511, 513 }, { 512, 512 }, { 0, 0 }, { 5000000, 0 }, { 999999, 50000 },
	};
	size_t i;
	int fd;

	fd = new_file("f");
	for (i = 0; i < ARRAY_SIZE(list); i++) {
		fill(data, list[i].len, i);
		say("%zu at %zu", list[i].len, list[i].off);
		R(pwrite(fd, data, list[i].len, list[i].off));
		say_fstat("f", fd);
		say_fd_content("f", fd);
	}
	evict("f");
	say_fd_content("f", fd);
}

SCENARIO(write_errors)
{
	int fd, r;

	put("f", "text");
	fd = F(open("f", O_RDWR));
	r = F(open("f", O_RDONLY));
	R(write(r, "x", 1));
	R(pwrite(r, "x", 1, 0));
	R(read(open("f", O_WRONLY), data, 1));
	R(pwrite(fd, "x", 1, -1));
	R(pread(fd, data, 1, -1));
	R(write(fd, nowhere, 1));
	R(write(fd, low, 4096));
	R(read(fd, low, 4));
	R(pwrite(fd, "x", 1, INT64_MAX));
	R(pwrite(fd, "xy", 2, INT64_MAX - 1));
	R(pread(fd, data, 1, INT64_MAX - 1));
	R(lseek(fd, 1LL << 62, SEEK_SET));
	R(lseek(fd, 1LL << 62, SEEK_CUR));
	R(lseek(fd, -1, SEEK_SET));
	R(lseek(fd, -5, SEEK_END));
	R(lseek(fd, 0, 99));
	R(lseek(fd, -4, SEEK_END));
	R(read(fd, data, 10));
	R(read(fd, data, 10));
	R(ftruncate(r, 1));
	R(ftruncate(fd, -1));
	R(truncate("f", -1));
	R(truncate("none", 1));
	R(truncate(".", 1));
	R(fsync(r));
	R(fdatasync(r));
	say_content("f");
}

/* The source ends in the middle of a page */
SCENARIO(write_faults)
{
	char *map = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec v[3];
	int fd;

	munmap(map + 2 * PAGE, 2 * PAGE);
	fill(map, 2 * PAGE, 1);
	fd = new_file("f");
	R(pwrite(fd, map + 2 * PAGE - 100, 200, 0) > 0);
	say_fstat("f", fd);
	R(pwrite(fd, map + 2 * PAGE, 200, 50));
	say_fstat("f", fd);
	say_fd_content("f", fd);
	R(ftruncate(fd, 0));
	v[0] = (struct iovec) { map, 10 };
	v[1] = (struct iovec) { map + 2 * PAGE, 10 };
	v[2] = (struct iovec) { map + 20, 10 };
	R(pwritev(fd, v, 3, 0));
	R(preadv(fd, v, 3, 0));
	say_fd_content("f", fd);
	R(read(fd, map + 2 * PAGE - 5, 10) >= 0);
}

SCENARIO(vectors)
{
	struct iovec v[1030];
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(v); i++) {
		fill(data + i * 100, 100, i);
		v[i] = (struct iovec) { data + i * 100, 1 + i % 100 };
	}
	fd = new_file("f");
	R(writev(fd, v, 1024));
	R(writev(fd, v, 1025));
	R(writev(fd, v, 0));
	R(writev(fd, v, minus));
	say_fd_content("f", fd);
	v[1].iov_len = -1;
	R(writev(fd, v, 2));
	v[1].iov_len = 0;
	R(pwritev(fd, v, 3, 100));
	memset(data, 0, sizeof(data));
	R(preadv(fd, v, 3, 50));
	say_bytes("data", data, 1000);
	say_fd_content("f", fd);
}

SCENARIO(position)
{
	int fd = new_file("f"), other;

	R(write(fd, "0123456789", 10));
	R(lseek(fd, 0, SEEK_CUR));
	R(pwrite(fd, "x", 1, 3));
	R(lseek(fd, 0, SEEK_CUR));
	R(lseek(fd, 100, SEEK_CUR));
	R(write(fd, "end", 3));
	R(lseek(fd, 0, SEEK_END));
	other = dup(fd);
	R(lseek(other, 5, SEEK_SET));
	R(read(fd, data, 2));
	R(lseek(other, 0, SEEK_CUR));
	IN_CHILD {
		R(lseek(fd, 50, SEEK_SET));
	}
	R(lseek(fd, 0, SEEK_CUR));
	say_fd_content("f", fd);
}

SCENARIO(append)
{
	int a, b;

	put("f", "begin");
	a = F(open("f", O_WRONLY | O_APPEND));
	b = F(open("f", O_RDWR | O_APPEND));
	R(write(a, "one", 3));
	R(lseek(a, 0, SEEK_CUR));
	R(write(b, "two", 3));
	R(lseek(b, 0, SEEK_SET));
	R(write(b, "three", 5));
	R(pwrite(a, "four", 4, 0));	/* Linux appends */
	R(truncate("f", 3));
	R(write(a, "five", 4));
	say_content("f");
	R(fcntl(b, F_SETFL, 0));
	R(pwrite(b, "six", 3, 0));
	R(fcntl(b, F_SETFL, O_APPEND));
	R(pwrite(b, "seven", 5, 0));
	say_content("f");
	R(truncate("f", 10000));
	R(write(a, "far", 3));
	say_content("f");
}

SCENARIO(append_together)
{
	int i, k, fd, status;
	struct { int who, n; char pad[120]; } record;
	int next[4] = { 0 }, bad = 0;

	put("f", "");
	for (i = 0; i < 4; i++) {
		if (fork())
			continue;
		fd = open("f", O_WRONLY | O_APPEND);
		for (k = 0; k < 60; k++) {
			memset(&record, i + 'a', sizeof(record));
			record.who = i;
			record.n = k;
			if (write(fd, &record, sizeof(record)) != sizeof(record))
				_exit(1);
		}
		_exit(0);
	}
	for (i = 0; i < 4; i++) {
		wait(&status);
		bad += !!status;
	}
	fd = F(open("f", O_RDONLY));
	while (read(fd, &record, sizeof(record)) == sizeof(record)) {
		if (record.who < 0 || record.who > 3 || record.n != next[record.who]++)
			bad++;
		for (k = 0; k < 120; k++)
			bad += record.pad[k] != record.who + 'a';
	}
	say_fstat("f", fd);
	say("bad %d; %d %d %d %d", bad, next[0], next[1], next[2], next[3]);
}

SCENARIO(read_beyond_end)
{
	int fd;

	make_file("f", 5000, 1);
	fd = F(open("f", O_RDONLY));
	R(pread(fd, data, 10000, 0));
	R(pread(fd, data, 10000, 4999));
	R(pread(fd, data, 10000, 5000));
	R(pread(fd, data, 10000, 8192));
	R(pread(fd, data, 0, 0));
	R(lseek(fd, 100000, SEEK_SET));
	R(read(fd, data, 1));
	evict("f");
	R(pread(fd, data, 10000, 4990));
	say_bytes("data", data, 10);
}

SCENARIO(open_trunc)
{
	int fd;

	make_file("f", 10000, 1);
	fd = F(open("f", O_RDONLY));
	F(open("f", O_WRONLY | O_TRUNC));
	say_fstat("f", fd);
	R(read(fd, data, 10));
	make_file("f", 100, 2);
	say_fd_content("f", fd);
	F(open("f", O_RDONLY | O_TRUNC));
	say_fd_content("f", fd);
}

/* ---- sizes ----------------------------------------------------------------- */

SCENARIO(truncate_each_way)
{
	static const off_t sizes[] = {
		10000, 5000, 4097, 4096, 4095, 1, 0, 1, 100, 4096, 12288, 12289, 12000, 65536,
		1000000, 999999, 3, 4 * MIB, 2 * MIB + 5, 0,
	};
	size_t i;
	int fd;

	make_file("f", 20000, 1);
	fd = F(open("f", O_RDWR));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		say("%lld", (long long)sizes[i]);
		R(ftruncate(fd, sizes[i]));
		say_fstat("f", fd);
		say_fd_content("f", fd);
		if (i % 3 == 0) {
			evict("f");
			say_fd_content("f", fd);
		}
	}
}

/* What was behind the end does not come back */
SCENARIO(truncate_zeroes_tail)
{
	static const off_t cuts[] = { 1, 511, 512, 513, 2048, 4095, 4096, 5000, 8191 };
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(cuts); i++) {
		make_file("f", 12288, 1);
		fd = F(open("f", O_RDWR));
		R(ftruncate(fd, cuts[i]));
		R(ftruncate(fd, 12288));
		say_fd_content("f", fd);
		evict("f");
		say_fd_content("f", fd);
		R(ftruncate(fd, cuts[i]));
		R(pwrite(fd, "z", 1, 12287));
		say_fd_content("f", fd);
		evict("f");
		say_fd_content("f", fd);
		close(fd);
	}
}

SCENARIO(extend_by_write_zeroes_gap)
{
	int fd = new_file("f"), i;
	off_t at = 0;

	for (i = 0; i < 12; i++) {
		fill(data, 100 + i * 37, i);
		R(pwrite(fd, data, 100 + i * 37, at));
		at += 100 + i * 37 + i * i * 331;
		say_fd_content("f", fd);
	}
	evict("f");
	say_fd_content("f", fd);
	say_settled_holes(fd);
}

SCENARIO(large_offsets)
{
	static const off_t offsets[] = {
		0x7fffffff, 0x80000000LL, 0xffffffffLL, 0x100000000LL, 0x123456789aLL,
		0xfffffff000LL, 0xffffffffffLL, 0x7ffffffffffLL,
	};
	size_t i;
	int fd = new_file("f");

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		fill(data, 10000, i);
		R(pwrite(fd, data, 10000, offsets[i]));
		memset(data, 0, 10000);
		R(pread(fd, data, 10000, offsets[i]));
		say_bytes("data", data, 10000);
		say_fstat("f", fd);
	}
	evict("f");
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		memset(data, 0, 10000);
		R(pread(fd, data, 10000, offsets[i]));
		say_bytes("data", data, 10000);
		R(lseek(fd, offsets[i], SEEK_HOLE));
	}
	say_settled_holes(fd);
	R(ftruncate(fd, 0x100000005LL));
	say_settled_holes(fd);
	R(ftruncate(fd, 0));
}

/* Around the largest file that there can be */
SCENARIO(largest_file)
{
	int fd = new_file("f");
	off_t least = 0, high = INT64_MAX;

	while (least < high) {
		off_t middle = least + (high - least + 1) / 2;

		if (ftruncate(fd, middle))
			high = middle - 1;
		else
			least = middle;
	}
	say("%#llx", (unsigned long long)least);
	R(ftruncate(fd, 0));
	R(pwrite(fd, "ab", 2, least - 1));
	say_fstat("f", fd);
	R(pwrite(fd, "ab", 2, least));
	R(pwrite(fd, "ab", 2, least + 1));
	R(pread(fd, data, 10, least - 1));
	R(lseek(fd, least, SEEK_SET));
	R(lseek(fd, least + 1, SEEK_SET));
	R(fallocate(fd, 0, least, 1));
	R(fallocate(fd, 0, least - 4096, 8192));
	R(ftruncate(fd, 0));
}

SCENARIO(rlimit_fsize)
{
	struct rlimit limit = { 10000, RLIM_INFINITY };
	int fd = new_file("f");

	signal(SIGXFSZ, SIG_IGN);
	R(setrlimit(RLIMIT_FSIZE, &limit));
	R(pwrite(fd, data, 20000, 0));
	say_fstat("f", fd);
	R(pwrite(fd, data, 10, 10000));
	R(pwrite(fd, data, 10, 9995));
	R(pwrite(fd, data, 0, 20000));
	R(ftruncate(fd, 10000));
	R(ftruncate(fd, 10001));
	R(truncate("f", 10001));
	R(fallocate(fd, 0, 0, 10001));
	R(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 20000));
	R(pwrite(open("f", O_RDWR | O_DIRECT), aligned(4096, 1), 4096, 4096));
	R(pwrite(open("f", O_RDWR | O_DIRECT), aligned(4096, 1), 4096, 12288));
	R(pwrite(open("f", O_RDWR | O_DSYNC), data, 4096, 8192));
	say_fstat("f", fd);
	say_fd_content("f", fd);
	evict("f");
	say_fd_content("f", fd);
}

SCENARIO(rlimit_signal)
{
	struct rlimit limit = { 10000, RLIM_INFINITY };
	int fd = new_file("f");

	R(setrlimit(RLIMIT_FSIZE, &limit));
	IN_CHILD {
		R(pwrite(fd, data, 20000, 0));
		R(pwrite(fd, data, 1, 10000));
	}
	IN_CHILD {
		R(ftruncate(fd, 10001));
	}
	IN_CHILD {
		R(fallocate(fd, 0, 0, 10001));
	}
	say_fstat("f", fd);
}

SCENARIO(rlimit_below_size)
{
	struct rlimit limit = { 5000, RLIM_INFINITY };
	int fd;

	make_file("f", 20000, 1);
	fd = F(open("f", O_RDWR));
	signal(SIGXFSZ, SIG_IGN);
	R(setrlimit(RLIMIT_FSIZE, &limit));
	R(pwrite(fd, data, 1000, 4500));
	R(pwrite(fd, data, 1000, 6000));
	R(ftruncate(fd, 15000));
	R(ftruncate(fd, 15001));
	say_fd_content("f", fd);
}

/* ---- fallocate ------------------------------------------------------------- */

static const struct { const char *name; int mode; } kinds[] = {
	{ "allocate", 0 },
	{ "keep size", FALLOC_FL_KEEP_SIZE },
	{ "punch", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE },
	{ "punch without keep", FALLOC_FL_PUNCH_HOLE },
	{ "zero", FALLOC_FL_ZERO_RANGE },
	{ "zero, keep size", FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE },
	{ "collapse", FALLOC_FL_COLLAPSE_RANGE },
	{ "collapse, keep", FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_KEEP_SIZE },
	{ "insert", FALLOC_FL_INSERT_RANGE },
	{ "unshare", FALLOC_FL_UNSHARE_RANGE },
	{ "unshare, keep size", FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_KEEP_SIZE },
	{ "write zeroes", FALLOC_FL_WRITE_ZEROES },
	{ "hide stale", 0x04 },
	{ "zero and punch", FALLOC_FL_ZERO_RANGE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE },
	{ "nonsense", 0x10000 },
};

static void try_fallocate(size_t kind, off_t off, off_t len)
{
	int fd;

	make_file("f", 50000, kind);
	fd = open("f", O_RDWR);
	say("%s, %lld at %lld", kinds[kind].name, (long long)len, (long long)off);
	R(fallocate(fd, kinds[kind].mode, off, len));
	say_fstat("f", fd);
	/* in its cache ext4 of 7.3 does not zero what it zeroes at the end of a file */
	if (off + len <= 50000)
		say_fd_content("f", fd);
	evict("f");
	say_fd_content("f", fd);
	say_settled_holes(fd);
	close(fd);
}

SCENARIO(fallocate_aligned)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		try_fallocate(i, 4096, 8192);
		try_fallocate(i, 0, 4096);
		try_fallocate(i, 40960, 8192);
	}
}

SCENARIO(fallocate_unaligned)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		try_fallocate(i, 100, 200);
		try_fallocate(i, 4000, 5000);
		try_fallocate(i, 4096, 5);
	}
}

SCENARIO(fallocate_past_end)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		try_fallocate(i, 49152, 8192);
		try_fallocate(i, 45056, 40960);
		try_fallocate(i, 50000, 100);
		try_fallocate(i, 81920, 8192);
	}
}

SCENARIO(fallocate_errors)
{
	int fd;

	make_file("f", 10000, 1);
	fd = F(open("f", O_RDWR));
	R(fallocate(fd, 0, 0, 0));
	R(fallocate(fd, 0, -1, 10));
	R(fallocate(fd, 0, 10, -1));
	R(fallocate(fd, 0, INT64_MAX - 10, 100));
	R(fallocate(fd, 0, 1LL << 50, 4096) == 0);
	R(fallocate(open("f", O_RDONLY), 0, 0, 10));
	R(fallocate(open("f", O_WRONLY | O_APPEND), 0, 0, 10));
	R(fallocate(open("f", O_PATH), 0, 0, 10));
	R(fallocate(open(".", O_RDONLY), 0, 0, 10));
	R(mkfifo("p", 0600));
	R(fallocate(open("p", O_RDWR), 0, 0, 10));
	R(fallocate(fd, 0, 0, 1LL << 40));
	R(ftruncate(fd, 10000));
	say_fd_content("f", fd);
	E(posix_fallocate(fd, 0, 20000));
	E(posix_fallocate(fd, 0, -5));
	say_fd_content("f", fd);
}

SCENARIO(fallocate_seen_by_map)
{
	char *map;
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		make_file("f", 50000, i);
		fd = open("f", O_RDWR);
		map = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		say("%s", kinds[i].name);
		say_poke("1", map + 4096, 77);
		say_poke("2", map + 9000, 78);
		R(fallocate(fd, kinds[i].mode, 4096, 4096));
		say_peek("1", map + 4096);
		say_peek("2", map + 9000);
		say_peek("end", map + 49999);
		say_peek("page of the end", map + 49152 + 4000);
		say_peek("beyond", map + 53248);
		say_poke("3", map + 5000, 79);
		R(msync(map, 49152, MS_SYNC));
		say_fd_content("f", fd);
		evict("f");
		say_fd_content("f", fd);
		munmap(map, 65536);
		close(fd);
	}
}

SCENARIO(punch_holes)
{
	int fd, i;

	make_file("f", 200000, 1);
	fd = F(open("f", O_RDWR));
	for (i = 0; i < 20; i++)
		R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, i * 9000 + i * 7,
			    1000 + i * 500));
	say_fd_content("f", fd);
	R(fsync(fd));
	say_settled_holes(fd);
	for (i = 0; i < 20; i += 2)
		R(pwrite(fd, data, 100, i * 9000 + 500));
	say_fd_content("f", fd);
	evict("f");
	say_settled_holes(fd);
	say_fd_content("f", fd);
}

SCENARIO(collapse_and_insert)
{
	int fd, i;

	make_file("f", 200000, 1);
	fd = F(open("f", O_RDWR));
	for (i = 0; i < 6; i++) {
		R(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, i * 8192, 4096));
		say_fd_content("f", fd);
		R(pwrite(fd, data, 5000, i * 10000));
		R(fallocate(fd, FALLOC_FL_INSERT_RANGE, i * 12288, 8192));
		say_fd_content("f", fd);
	}
	say_fstat("f", fd);
	evict("f");
	say_fd_content("f", fd);
	say_settled_holes(fd);
	R(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 1 << 20));
	R(fallocate(fd, FALLOC_FL_INSERT_RANGE, 1 << 20, 4096));
}

SCENARIO(write_into_preallocated)
{
	int fd = new_file("f");

	R(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 100000));
	say_fstat("f", fd);
	R(pwrite(fd, "abc", 3, 0));
	R(pwrite(fd, "abc", 3, 50000));
	say_fd_content("f", fd);
	R(fallocate(fd, 0, 0, 100000));
	R(pwrite(fd, "abc", 3, 70000));
	say_fd_content("f", fd);
	evict("f");
	say_fd_content("f", fd);
	say_settled_holes(fd);
	R(ftruncate(fd, 60000));
	R(ftruncate(fd, 100000));
	say_fd_content("f", fd);
	evict("f");
	say_settled_holes(fd);
}

/* ---- holes ----------------------------------------------------------------- */

SCENARIO(seek_fresh_writes)
{
	int fd = new_file("f");

	R(ftruncate(fd, 1000000));
	say_holes(fd);
	R(pwrite(fd, "x", 1, 500000));
	say_holes(fd);
	R(pwrite(fd, "x", 1, 0));
	say_holes(fd);
	R(pwrite(fd, data, 8192, 999999));
	say_holes(fd);
	R(fsync(fd));
	say_holes(fd);
	evict("f");
	say_holes(fd);
}

SCENARIO(seek_hole_data_errors)
{
	int fd;

	make_file("f", 10000, 1);
	fd = F(open("f", O_RDWR));
	R(lseek(fd, 0, SEEK_DATA));
	R(lseek(fd, 0, SEEK_HOLE));
	R(lseek(fd, 9999, SEEK_DATA));
	R(lseek(fd, 9999, SEEK_HOLE));
	R(lseek(fd, 10000, SEEK_DATA));
	R(lseek(fd, 10000, SEEK_HOLE));
	R(lseek(fd, 10001, SEEK_HOLE));
	R(lseek(fd, -1, SEEK_DATA));
	R(lseek(fd, -1, SEEK_HOLE));
	R(lseek(fd, 0, SEEK_CUR));
	R(lseek(fd, 5000, SEEK_DATA));
	R(lseek(fd, 0, SEEK_CUR));
	R(ftruncate(fd, 100000));
	R(lseek(fd, 20000, SEEK_DATA));
	R(lseek(fd, 20000, SEEK_HOLE));
	R(lseek(fd, 0, SEEK_CUR));
	fd = new_file("empty");
	R(lseek(fd, 0, SEEK_DATA));
	R(lseek(fd, 0, SEEK_HOLE));
}

/* More than the stored page may be data: a folio can be large */
static void say_stores_found(int fd)
{
	R(lseek(fd, 50000, SEEK_DATA));
	R(lseek(fd, 150000, SEEK_DATA));
	R(lseek(fd, 0, SEEK_DATA) <= 50000);
	R(lseek(fd, 51000, SEEK_HOLE) < 150000);
}

SCENARIO(seek_mapped_stores)
{
	char *map;
	int fd = new_file("f");

	R(ftruncate(fd, 200000));
	map = mmap(NULL, 200000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	say_poke("1", map + 50000, 1);
	say_poke("2", map + 150000, 1);
	say_stores_found(fd);
	R(msync(map, 200000, MS_SYNC));
	say_stores_found(fd);
	R(munmap(map, 200000));
	evict("f");
	say_stores_found(fd);
}

SCENARIO(seek_unwritten)
{
	int fd = new_file("f");

	R(fallocate(fd, 0, 0, 100000));
	say_settled_holes(fd);
	R(pwrite(fd, "x", 1, 40960));
	say_settled_holes(fd);
	R(fsync(fd));
	evict("f");
	say_settled_holes(fd);
	R(fallocate(fd, FALLOC_FL_ZERO_RANGE, 40000, 10000));
	R(fsync(fd));
	evict("f");
	say_settled_holes(fd);
}

/* The ranges that have extents, put together */
static void say_extents(const char *path, unsigned int flags)
{
	struct { struct fiemap map; struct fiemap_extent x[64]; } u;
	uint64_t from = 0, to = 0;
	unsigned int i, kind = 0;
	int fd = open(path, O_RDONLY);

	memset(&u, 0, sizeof(u));
	u.map.fm_length = FIEMAP_MAX_OFFSET;
	u.map.fm_flags = flags;
	u.map.fm_extent_count = 64;
	if (ioctl(fd, FS_IOC_FIEMAP, &u.map)) {
		say("FIEMAP %s %#x: %s", path, flags, error_name(errno));
		close(fd);
		return;
	}
	for (i = 0; i < u.map.fm_mapped_extents; i++) {
		const struct fiemap_extent *e = &u.x[i];
		unsigned int k = e->fe_flags & FIEMAP_EXTENT_UNWRITTEN;

		if (i && e->fe_logical == to && k == kind) {
			to += e->fe_length;
			continue;
		}
		if (i)
			say("  %llu to %llu, flags %#x", (unsigned long long)from,
			    (unsigned long long)to, kind);
		from = e->fe_logical;
		to = from + e->fe_length;
		kind = k;
	}
	if (i)
		say("  %llu to %llu, flags %#x", (unsigned long long)from, (unsigned long long)to,
		    kind);
	else
		say("  no extents");
	close(fd);
}

SCENARIO(fiemap)
{
	int fd = new_file("f");

	say_extents("f", FIEMAP_FLAG_SYNC);
	R(pwrite(fd, data, 8192, 0));
	say_extents("f", FIEMAP_FLAG_SYNC);
	R(pwrite(fd, data, 8192, 81920));
	say_extents("f", FIEMAP_FLAG_SYNC);
	R(fallocate(fd, 0, 16384, 16384));
	say_extents("f", FIEMAP_FLAG_SYNC);
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096));
	say_extents("f", FIEMAP_FLAG_SYNC);
	R(ftruncate(fd, 82000));
	say_extents("f", FIEMAP_FLAG_SYNC);
	R(mkdir("d", 0755));
	say_extents("f", 0x80000000);
	R(setxattr("f", "user.x", data, 100, 0));
	say_extents("f", FIEMAP_FLAG_XATTR);
}

/* What is said of the extents of 300 blocks apart, with room for @count. */
static void say_many_extents(int fd, struct fiemap *map, uint64_t start, uint64_t len,
			     unsigned int count)
{
	uint64_t sum = 0;
	unsigned int i;

	memset(map, 0, sizeof(*map) + 400 * sizeof(*map->fm_extents));
	map->fm_start = start;
	map->fm_length = len;
	map->fm_flags = FIEMAP_FLAG_SYNC;
	map->fm_extent_count = count;
	R(ioctl(fd, FS_IOC_FIEMAP, map));
	for (i = 0; i < map->fm_mapped_extents && count; i++)
		sum = sum * 31 + map->fm_extents[i].fe_logical + map->fm_extents[i].fe_flags;
	say("%u of %u extents from %llu, flags %#x: %llx", map->fm_mapped_extents, count,
	    (unsigned long long)start, map->fm_flags, (unsigned long long)sum);
}

SCENARIO(fiemap_many)
{
	static const unsigned int counts[] = { 400, 300, 299, 257, 256, 129, 128, 127, 1, 0 };
	struct fiemap *map = xalloc(PAGE, sizeof(*map) + 400 * sizeof(*map->fm_extents));
	int i, fd = new_file("f");

	for (i = 0; i < 300; i++)
		if (pwrite(fd, data, PAGE, (2ULL * i + 1) * PAGE) != PAGE)
			die_errno("pwrite");
	fsync(fd);
	for (i = 0; i < (int)ARRAY_SIZE(counts); i++)
		say_many_extents(fd, map, 0, FIEMAP_MAX_OFFSET, counts[i]);
	say_many_extents(fd, map, 201 * PAGE, 300 * PAGE, 400);
	say_many_extents(fd, map, 201 * PAGE, FIEMAP_MAX_OFFSET, 400);
	say_many_extents(fd, map, 201 * PAGE, 0, 400);
	say_many_extents(fd, map, 700 * PAGE, PAGE, 400);
	say_many_extents(fd, map, 1ULL << 63, PAGE, 400);
	errno = 0;
	R(ioctl(fd, FS_IOC_FIEMAP, (char *)NULL + PAGE));
	map->fm_length = FIEMAP_MAX_OFFSET;
	map->fm_start = 0;
	map->fm_extent_count = 400;
	mprotect((char *)map + PAGE, PAGE, PROT_NONE);
	R(ioctl(fd, FS_IOC_FIEMAP, map));
}

/* ---- flags of single writes -------------------------------------------------- */

SCENARIO(rwf_flags)
{
	static const struct { const char *name; int flag; } list[] = {
		{ "HIPRI", RWF_HIPRI }, { "DSYNC", RWF_DSYNC }, { "SYNC", RWF_SYNC },
		{ "NOWAIT", RWF_NOWAIT }, { "APPEND", RWF_APPEND }, { "NOAPPEND", RWF_NOAPPEND },
		{ "NOSIGNAL", RWF_NOSIGNAL },
		{ "0x200", 0x200 }, { "0x80000000", INT32_MIN },
		{ "DSYNC and SYNC", RWF_DSYNC | RWF_SYNC },
		{ "APPEND and NOAPPEND", RWF_APPEND | RWF_NOAPPEND },
	};
	struct iovec v = { data, 4096 };
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		make_file("f", 20000, i);
		evict("f");
		fd = open("f", O_RDWR);
		say("%s", list[i].name);
		fill(data, 4096, i);
		if (list[i].flag != RWF_NOWAIT)
			R(pwritev2(fd, &v, 1, 4096, list[i].flag));
		say_fstat("f", fd);
		say_fd_content("f", fd);
		if (list[i].flag != RWF_NOWAIT)
			R(preadv2(fd, &v, 1, 8192, list[i].flag));
		R(lseek(fd, 100, SEEK_SET));
		if (list[i].flag != RWF_NOWAIT)
			R(pwritev2(fd, &v, 1, -1, list[i].flag));
		R(lseek(fd, 0, SEEK_CUR));
		say_fd_content("f", fd);
		close(fd);
		fd = open("f", O_RDWR | O_APPEND);
		if (list[i].flag != RWF_NOWAIT)
			R(pwritev2(fd, &v, 1, 0, list[i].flag));
		say_fstat("f", fd);
		close(fd);
	}
}

SCENARIO(rwf_nowait_read)
{
	struct iovec v = { data, 4096 };
	int fd;

	make_file("f", 100000, 1);
	fd = F(open("f", O_RDWR));
	R(preadv2(fd, &v, 1, 0, RWF_NOWAIT));
	evict("f");
	R(preadv2(fd, &v, 1, 0, RWF_NOWAIT));
	R(preadv2(fd, &v, 1, 200000, RWF_NOWAIT));
	R(pread(fd, data, 4096, 0));
	R(preadv2(fd, &v, 1, 0, RWF_NOWAIT));
}

SCENARIO(rwf_on_others)
{
	struct iovec v = { data, 16 };
	int p[2], fd;

	R(pipe(p));
	R(pwritev2(p[1], &v, 1, -1, RWF_NOWAIT));
	R(mkfifo("p", 0600));
	fd = F(open("p", O_RDWR));
	R(pwritev2(fd, &v, 1, -1, RWF_DSYNC));
	R(preadv2(fd, &v, 1, -1, RWF_NOWAIT));
	R(preadv2(fd, &v, 1, -1, RWF_NOWAIT));
	R(preadv2(open(".", O_RDONLY), &v, 1, 0, 0));
}

SCENARIO(sync_kinds)
{
	int fd;

	fd = F(open("f", O_RDWR | O_CREAT | O_SYNC, 0600));
	R(write(fd, data, 10000));
	fd = F(open("f", O_RDWR | O_DSYNC));
	R(pwrite(fd, data, 10000, 3));
	R(fcntl(fd, F_GETFL) & (O_SYNC | O_DSYNC));
	R(sync_file_range(fd, 0, 4096, SYNC_FILE_RANGE_WRITE));
	R(sync_file_range(fd, 0, 0, 7));
	R(sync_file_range(fd, -1, 0, 7));
	R(sync_file_range(fd, 0, 0, 8));
	R(fsync(fd));
	R(fdatasync(fd));
	R(syncfs(fd));
	R(fsync(open("f", O_RDONLY)));
	R(fsync(open(".", O_RDONLY)));
	R(fsync(open("f", O_PATH)));
	R(syncfs(open("f", O_PATH)));
	R(mkfifo("p", 0600));
	R(fsync(open("p", O_RDWR)));
	say_content("f");
}

/* ---- O_DIRECT --------------------------------------------------------------- */

SCENARIO(direct_write_read)
{
	char *buf = aligned(65536, 1), *in = aligned(65536, 0);
	int d, c;

	d = F(open("f", O_RDWR | O_CREAT | O_DIRECT, 0600));
	c = F(open("f", O_RDWR));
	R(pwrite(d, buf, 65536, 0));
	say_fd_content("cached", c);
	R(pwrite(c, "cached", 6, 5000));
	R(pread(d, in, 65536, 0));
	say_bytes("direct", in, 65536);
	R(pwrite(d, buf, 4096, 4096));
	say_fd_content("cached", c);
	R(pwrite(d, buf, 8192, 100 * 4096));
	say_fd_content("cached", c);
	R(pread(d, in, 65536, 98 * 4096));
	R(pread(d, in, 65536, 1000 * 4096));
	R(pwrite(d, buf, 0, 0));
	R(pread(d, in, 0, 0));
	R(fcntl(d, F_SETFL, 0));
	R(pwrite(d, "odd", 3, 1));
	R(fcntl(d, F_SETFL, O_DIRECT));
	R(fcntl(c, F_SETFL, O_DIRECT));
	R(pread(c, in, 4096, 0));
	say_bytes("direct", in, 4096);
}

SCENARIO(direct_append)
{
	char *buf = aligned(8192, 1);
	int d = F(open("f", O_WRONLY | O_CREAT | O_DIRECT | O_APPEND, 0600));

	R(write(d, buf, 4096));
	R(write(d, buf, 8192));
	R(pwrite(d, buf, 4096, 0));
	say_stat("f");
	say_content("f");
	evict("f");
	say_content("f");
}

SCENARIO(direct_holes)
{
	char *buf = aligned(65536, 1);
	int d, c;

	d = F(open("f", O_RDWR | O_CREAT | O_DIRECT, 0600));
	c = F(open("f", O_RDONLY));
	R(ftruncate(d, 1000000));
	R(pread(d, buf, 65536, 65536));
	say_bytes("hole", buf, 65536);
	fill(buf, 65536, 3);
	R(pwrite(d, buf, 4096, 409600));
	R(fallocate(d, 0, 0, 65536));
	R(pwrite(d, buf, 4096, 4096));
	R(pread(d, buf, 65536, 0));
	say_bytes("unwritten", buf, 65536);
	say_fd_content("f", c);
	say_settled_holes(c);
	R(ftruncate(d, 10000));
	R(pread(d, buf, 65536, 0));
	R(pread(d, buf, 65536, 8192));
	say_fd_content("f", c);
}

SCENARIO(direct_after_mapped_stores)
{
	char *buf = aligned(8192, 1), *map;
	int d, c;

	make_file("f", 16384, 1);
	d = F(open("f", O_RDWR | O_DIRECT));
	c = F(open("f", O_RDWR));
	map = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, c, 0);
	say_poke("0", map, 99);
	say_poke("2", map + 8192, 98);
	R(pread(d, buf, 8192, 0));
	say("%d", buf[0]);
	fill(buf, 8192, 2);
	R(pwrite(d, buf, 4096, 8192));
	say_peek("2", map + 8192);
	say_bytes("map", map, 16384);
	say_poke("2", map + 8192, 97);
	say_fd_content("f", c);
	R(msync(map, 16384, MS_SYNC));
	R(pread(d, buf, 4096, 8192));
	say("%d", buf[0]);
}

/* The buffer is a mapping of the file itself */
SCENARIO(direct_into_own_map)
{
	char *map;
	int d, c;

	make_file("f", 65536, 1);
	d = F(open("f", O_RDWR | O_DIRECT));
	c = F(open("f", O_RDWR));
	map = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, c, 0);
	R(pread(d, map, 4096, 8192));
	R(pwrite(d, map + 16384, 8192, 32768));
	R(pwrite(c, map, 4096, 40960));
	R(pread(c, map + 4096, 4096, 12288));
	R(pwrite(c, map + 100, 8192, 200) > 0);
	R(fsync(c));
	say_fstat("f", c);
}

/* ---- copying ---------------------------------------------------------------- */

SCENARIO(copy_file_range_within)
{
	loff_t from, to;
	int fd;

	make_file("f", 100000, 1);
	fd = F(open("f", O_RDWR));
#define COPY(f, t, n) do {							\
		from = (f);							\
		to = (t);							\
		R(copy_file_range(fd, &from, fd, &to, n, 0));			\
		say("%lld %lld", (long long)from, (long long)to);		\
		say_fd_content("f", fd);					\
	} while (0)
	COPY(0, 200000, 50000);
	COPY(100, 300000, 1000);
	COPY(0, 50000, 10000);
	COPY(0, 5000, 10000);
	COPY(0, 0, 100);
	COPY(400000, 0, 100);
	COPY(300900, 400000, 1000);
	COPY(0, 100, 0);
	COPY(-1, 0, 10);
	COPY(0, INT64_MAX, 10);
#undef COPY
	evict("f");
	say_fd_content("f", fd);
}

SCENARIO(copy_file_range_between)
{
	loff_t from = 1000, to = 50;
	int a, b;

	make_file("a", 100000, 1);
	a = F(open("a", O_RDONLY));
	b = new_file("b");
	R(copy_file_range(a, NULL, b, NULL, 100000, 0));
	say_content("b");
	R(lseek(a, 0, SEEK_CUR));
	R(lseek(b, 0, SEEK_CUR));
	R(copy_file_range(a, NULL, b, NULL, 100, 0));
	R(copy_file_range(a, &from, b, &to, 200000, 0));
	say_content("b");
	R(copy_file_range(a, &from, b, &to, 10, 1));
	R(copy_file_range(b, &from, a, &to, 10, 0));
	R(copy_file_range(a, NULL, open("b", O_WRONLY | O_APPEND), NULL, 10, 0));
	R(copy_file_range(open("b", O_WRONLY), NULL, b, NULL, 10, 0));
	R(mkdir("d", 0755));
	R(copy_file_range(open("d", O_RDONLY), NULL, b, NULL, 10, 0));
	R(mkfifo("p", 0600));
	from = 0;
	R(copy_file_range(a, &from, open("p", O_RDWR), NULL, 10, 0));
	evict("b");
	say_content("b");
}

SCENARIO(copy_file_range_other_filesystem)
{
	loff_t from = 0;
	int a, b, t;

	make_file("a", 50000, 1);
	a = F(open("a", O_RDONLY));
	R(mkdir("m", 0755));
	R(mount("tmpfs", "m", "tmpfs", 0, NULL));
	t = F(open("m/t", O_RDWR | O_CREAT, 0600));
	R(copy_file_range(a, NULL, t, NULL, 50000, 0));
	b = new_file("b");
	R(copy_file_range(t, &from, b, NULL, 50000, 0));
	R(sendfile(b, a, &from, 50000));
	from = 0;
	R(sendfile(b, a, &from, 50000));
	say_content("b");
	R(sendfile(t, a, &from, 1));
}

/* Another mount of the same filesystem */
SCENARIO(copy_file_range_across_mounts)
{
	int a, b;

	make_file("a", 50000, 1);
	R(mkdir("m", 0755));
	R(mount(".", "m", NULL, MS_BIND, NULL));
	a = F(open("a", O_RDONLY));
	b = F(open("m/b", O_RDWR | O_CREAT, 0600));
	R(copy_file_range(a, NULL, b, NULL, 50000, 0));
	R(ioctl(b, FICLONE, a));
	R(mkdir("x", 0755));
	R(link("a", "m/x/a"));
	R(rename("a", "m/x/b"));
	say_content("b");
}

SCENARIO(copy_file_range_sees_stores)
{
	char *map;
	int a, b;

	make_file("a", 16384, 1);
	a = F(open("a", O_RDWR));
	b = new_file("b");
	R(pwrite(b, data, 16384, 0));
	map = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, a, 0);
	say_poke("0", map, 55);
	say_poke("1", map + 5000, 56);
	R(copy_file_range(a, NULL, b, NULL, 16384, 0));
	say_content("b");
	map = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, b, 0);
	say_poke("b", map + 1, 57);
	R(lseek(a, 0, SEEK_SET));
	R(copy_file_range(a, NULL, b, NULL, 0, 0));
	say_peek("b", map + 1);
	say_peek("b", map + 5000);
	say_content("b");
}

SCENARIO(ficlone)
{
	int a, b;

	make_file("a", 100000, 1);
	a = F(open("a", O_RDWR));
	b = new_file("b");
	R(pwrite(b, data, 200000, 0));
	R(ioctl(b, FICLONE, a));
	say_content("b");
	say_stat("b");
	R(pwrite(a, "changed", 7, 5000));
	say_content("a");
	say_content("b");
	R(pwrite(b, "other", 5, 9000));
	evict("a");
	evict("b");
	say_content("a");
	say_content("b");
	R(ioctl(a, FICLONE, a));
	R(ioctl(open("b", O_RDONLY), FICLONE, a));
	R(ioctl(b, FICLONE, -1));
	R(ioctl(b, FICLONE, open("/dev/null", O_RDONLY)));
	R(ioctl(b, FICLONE, open("/proc/self/exe", O_RDONLY)));
	R(ioctl(open(".", O_RDONLY), FICLONE, a));
	R(ioctl(open("b", O_WRONLY | O_APPEND), FICLONE, a));
}

SCENARIO(ficlonerange)
{
	struct file_clone_range r;
	int a, b;

	make_file("a", 100000, 1);
	make_file("b", 100000, 2);
	a = F(open("a", O_RDWR));
	b = F(open("b", O_RDWR));
#define CLONE(fd_, from, n, to) do {						\
		r = (struct file_clone_range) { fd_, from, n, to };		\
		say("%d bytes from %d to %d", n, from, to);			\
		R(ioctl(b, FICLONERANGE, &r));					\
		say_content("b");						\
	} while (0)
	CLONE(a, 0, 8192, 4096);
	CLONE(a, 4096, 4096, 200704);
	CLONE(a, 98304, 0, 0);
	CLONE(a, 98304, 1696, 40960);
	CLONE(a, 98304, 1696, 200704);
	CLONE(a, 100, 4096, 0);
	CLONE(a, 0, 100, 0);
	CLONE(a, 0, 4096, 100);
	CLONE(a, 0, 200000, 0);
	CLONE(b, 0, 8192, 16384);
	CLONE(b, 0, 8192, 4096);
	CLONE(a, 204800, 4096, 0);
#undef CLONE
	evict("b");
	say_content("b");
}

SCENARIO(clone_and_maps)
{
	char *ma, *mb;
	int a, b;

	make_file("a", 16384, 1);
	make_file("b", 16384, 2);
	a = F(open("a", O_RDWR));
	b = F(open("b", O_RDWR));
	ma = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, a, 0);
	mb = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, b, 0);
	say_poke("a", ma + 5, 1);
	say_poke("b", mb + 5, 2);
	R(ioctl(b, FICLONE, a));
	say_peek("b", mb + 5);
	say_poke("a", ma + 6, 3);
	say_poke("b", mb + 6, 4);
	R(msync(ma, 16384, MS_SYNC));
	R(msync(mb, 16384, MS_SYNC));
	evict("a");
	evict("b");
	say_content("a");
	say_content("b");
}

SCENARIO(dedupe)
{
	struct { struct file_dedupe_range r; struct file_dedupe_range_info i[2]; } d;
	int a, b;

	make_file("a", 65536, 1);
	make_file("b", 65536, 1);
	make_file("c", 65536, 2);
	a = F(open("a", O_RDWR));
	b = F(open("b", O_RDWR));
	memset(&d, 0, sizeof(d));
	d.r.src_length = 32768;
	d.r.dest_count = 2;
	d.i[0].dest_fd = b;
	d.i[1].dest_fd = open("c", O_RDWR);
	R(ioctl(a, FIDEDUPERANGE, &d));
	say("%d %llu, %d %llu", d.i[0].status, (unsigned long long)d.i[0].bytes_deduped,
	    d.i[1].status, (unsigned long long)d.i[1].bytes_deduped);
	R(pwrite(a, "x", 1, 0));
	say_content("a");
	say_content("b");
	d.r.src_offset = 100;
	R(ioctl(a, FIDEDUPERANGE, &d));
	say("%d, %d", d.i[0].status, d.i[1].status);
	d.r.src_offset = 61440;
	R(ioctl(a, FIDEDUPERANGE, &d));
	say("%d, %d", d.i[0].status, d.i[1].status);
}

/* ---- pipes ------------------------------------------------------------------ */

SCENARIO(splice_in_and_out)
{
	loff_t off = 0;
	int p[2], a, b;

	make_file("a", 200000, 1);
	a = F(open("a", O_RDONLY));
	b = new_file("b");
	R(pipe(p));
	R(fcntl(p[0], F_SETPIPE_SZ, 1 << 20) > 0);
	R(splice(a, &off, p[1], NULL, 65536, 0) > 0);
	off = 0;
	while (splice(p[0], NULL, b, &off, 1 << 20, SPLICE_F_NONBLOCK) > 0)
		continue;
	off = 199000;
	R(splice(a, &off, p[1], NULL, 65536, 0));
	R(splice(a, &off, p[1], NULL, 65536, 0));
	off = 100000;
	R(splice(p[0], NULL, b, &off, 65536, 0));
	say_content("b");
	say_fstat("b", b);
	R(splice(p[0], NULL, b, &off, 1, SPLICE_F_NONBLOCK));
	off = -1;
	R(splice(a, &off, p[1], NULL, 1, 0));
	R(splice(a, NULL, b, NULL, 1, 0));
	R(write(p[1], "text", 4));
	R(splice(p[0], NULL, open("b", O_WRONLY | O_APPEND), NULL, 4, 0));
	R(splice(p[0], NULL, open("b", O_RDONLY), NULL, 4, SPLICE_F_NONBLOCK));
	evict("b");
	say_content("b");
}

/* Pages given away to the pipe, and what is spliced is then changed */
SCENARIO(vmsplice_and_tee)
{
	char *page = aligned(8192, 1);
	struct iovec v = { page, 8192 };
	loff_t off = 0;
	int p[2], q[2], fd = new_file("f");

	R(pipe(p));
	R(pipe(q));
	R(vmsplice(p[1], &v, 1, 0));
	R(tee(p[0], q[1], 8192, 0));
	R(splice(p[0], NULL, fd, &off, 8192, SPLICE_F_MOVE));
	R(splice(q[0], NULL, fd, &off, 8192, SPLICE_F_MOVE));
	say_content("f");
	R(vmsplice(p[1], &v, 1, SPLICE_F_GIFT));
	R(splice(p[0], NULL, fd, &off, 8192, SPLICE_F_MOVE));
	fill(page, 8192, 9);
	evict("f");
	say_fstat("f", fd);
}

SCENARIO(sendfile_ways)
{
	off_t off;
	int a, b;

	make_file("a", 150000, 1);
	a = F(open("a", O_RDONLY));
	b = new_file("b");
	R(sendfile(b, a, NULL, 100000));
	R(lseek(a, 0, SEEK_CUR));
	off = 140000;
	R(sendfile(b, a, &off, 100000));
	R(sendfile(b, a, &off, 100000));
	R(sendfile(b, a, NULL, 0));
	R(sendfile(open("b", O_WRONLY | O_APPEND), a, NULL, 10));
	R(sendfile(open("b", O_RDONLY), a, NULL, 10));
	say_content("b");
	/* a file into itself, further on */
	b = F(open("a", O_RDWR));
	R(lseek(b, 200000, SEEK_SET));
	off = 0;
	R(sendfile(b, a, &off, 50000));
	say_content("a");
}

SCENARIO(splice_then_change)
{
	loff_t off = 0;
	int p[2], fd;

	make_file("f", 8192, 1);
	fd = F(open("f", O_RDWR));
	R(pipe(p));
	R(splice(fd, &off, p[1], NULL, 4096, 0));
	R(ftruncate(fd, 0));
	R(read(p[0], data, 4096));
	say_fstat("f", fd);
	R(pwrite(fd, "new", 3, 0));
	say_fd_content("f", fd);
}

/* ---- advice ----------------------------------------------------------------- */

SCENARIO(fadvise_and_readahead)
{
	static const int advice[] = { 0, 1, 2, 3, 4, 5, 6 };
	size_t i;
	int fd;

	make_file("f", 500000, 1);
	fd = F(open("f", O_RDONLY));
	for (i = 0; i < ARRAY_SIZE(advice); i++) {
		E(posix_fadvise(fd, 0, 0, advice[i]));
		E(posix_fadvise(fd, 100000, 50000, advice[i]));
		E(posix_fadvise(fd, -1, 10, advice[i]));
		E(posix_fadvise(fd, 0, -10, advice[i]));
		say_fd_content("f", fd);
	}
	R(readahead(fd, 0, 100000));
	R(readahead(fd, 1000000, 100000));
	R(readahead(fd, -1, 10));
	R(readahead(open("f", O_WRONLY), 0, 10));
	R(mkfifo("p", 0600));
	E(posix_fadvise(open("p", O_RDWR), 0, 0, 0));
	R(readahead(open("p", O_RDWR), 0, 10));
	R(readahead(open(".", O_RDONLY), 0, 10));
}

static int resident(int fd, size_t len)
{
	unsigned char v[256];
	size_t i;
	int n = 0;
	void *map = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);

	if (mincore(map, len, v))
		return -1;
	for (i = 0; i < (len + PAGE - 1) / PAGE; i++)
		n += v[i] & 1;
	munmap(map, len);
	return n;
}

SCENARIO(mincore_after_writes)
{
	int fd;

	make_file("f", 400000, 1);
	fd = F(open("f", O_RDWR));
	say("%d pages after writing", resident(fd, 400000));
	evict("f");
	say("%d pages after eviction", resident(fd, 400000));
	say_fd_content("f", fd);
	say("%d pages after reading", resident(fd, 400000));
	R(ftruncate(fd, 100000));
	say("%d pages after truncation", resident(fd, 100000));
	R(fsync(fd));
	E(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	say("%d pages after DONTNEED", resident(fd, 100000));
}

/* Newer kernels: what is cached, and what of it is dirty */
SCENARIO(cachestat)
{
	struct { uint64_t off, len; } range = { 0, 0 };
	struct { uint64_t cache, dirty, writeback, evicted, recent; } c = { 0 };
	int fd;

	make_file("f", 100000, 1);
	fd = F(open("f", O_RDONLY));
	R(fsync(fd));
	R(syscall(451, fd, &range, &c, 0));
	say("%llu cached, %llu dirty, %llu under writeback", (unsigned long long)c.cache,
	    (unsigned long long)c.dirty, (unsigned long long)c.writeback);
	E(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	R(syscall(451, fd, &range, &c, 0));
	say("%llu cached", (unsigned long long)c.cache);
	R(syscall(451, open(".", O_RDONLY), &range, &c, 0));
}

SCENARIO(poll_and_fcntl)
{
	struct pollfd p = { .events = POLLIN | POLLOUT | POLLPRI };
	uint64_t hint = 3;
	int fd = new_file("f");

	p.fd = fd;
	R(poll(&p, 1, 0));
	say("%#x", p.revents);
	R(fcntl(fd, F_GETFL) & ~O_LARGEFILE);
	R(fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND | O_DIRECT | O_NOATIME));
	R(fcntl(fd, F_GETFL) & ~O_LARGEFILE);
	R(fcntl(fd, F_SETFL, O_ASYNC));
	R(fcntl(fd, 1036, &hint));
	R(fcntl(fd, 1035, &hint));
	R(fcntl(fd, 1038, &hint));
	R(fcntl(fd, 1037, &hint));
	R(fcntl(fd, F_GET_SEALS));
	R(fcntl(fd, F_ADD_SEALS, 1));
	R(fcntl(fd, F_GETPIPE_SZ));
	R(fcntl(fd, F_NOTIFY, DN_MODIFY));
	R(ioctl(fd, FIONBIO, &(int) { 1 }));
	R(isatty(fd));
}

/* ---- a full disk ------------------------------------------------------------ */

/* Leave about this much free; what takes the rest up is the file "ballast" */
static bool fill_up(off_t leave)
{
	struct statvfs v;
	int fd = open("ballast", O_RDWR | O_CREAT, 0600), i;
	off_t size = 0;

	for (i = 0; i < 40; i++) {
		off_t free;

		syncfs(fd);
		statvfs(".", &v);
		free = (off_t)v.f_bfree * v.f_frsize - leave;
		if (free <= 65536)
			break;
		free -= free % 4096;
		if (free > 8 * (off_t)MIB)
			free -= free / 16;
		if (fallocate(fd, 0, size, free))
			break;
		size += free;
	}
	close(fd);
	return size > 0;
}

static void relieve(void)
{
	int fd = open("ballast", O_RDWR);

	ftruncate(fd, 0);
	syncfs(fd);
	close(fd);
	unlink("ballast");
}

SCENARIO(full_disk_writes)
{
	ssize_t n, done = 0;
	int fd;

	make_file("before", 65536, 1);
	fill_up(MIB);
	fd = new_file("f");
	while ((n = write(fd, data, 65536)) > 0)
		done += n;
	say("%s after something: %d", error_name(errno), done > 0);
	/* what buffered writes may put off has to come out here */
	say("fsync: %d", fsync(fd) == 0 || errno == ENOSPC);
	R(write(fd, data, 65536));
	/* blocks that are there can be written */
	R(pwrite(open("before", O_RDWR), data, 65536, 0));
	R(fallocate(fd, 0, 0, 64 * MIB));
	R(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 64 * MIB));
	R(ftruncate(fd, 64 * MIB));
	R(ftruncate(fd, 0));
	R(fsync(fd));
	R(write(fd, data, 4096));
	R(unlink("f"));
	relieve();
	R(close(new_file("g")));
	say_content("before");
}

SCENARIO(full_disk_mapped_stores)
{
	int fd, error = 0, stored = 0;
	size_t i;
	char *map;

	fill_up(256 * KIB);
	fd = new_file("f");
	R(ftruncate(fd, 8 * MIB));
	map = mmap(NULL, 8 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (i = 0; i < 8 * MIB && !error; i += PAGE) {
		error = poke(map + i, 1);
		stored += !error;
	}
	/* At the store, or at the msync: but never without an error. */
	if (!error && msync(map, 8 * MIB, MS_SYNC))
		error = errno;
	say("an error: %d", !!error);
	munmap(map, 8 * MIB);
	R(unlink("f"));
	relieve();
}

SCENARIO(full_disk_names)
{
	char name[300];
	int i, error = 0;

	fill_up(0);
	for (i = 0; i < 500 && !error; i++) {
		memset(name, 'n', 200);
		snprintf(name + 200, 20, "%d", i);
		if (symlink(name, name))
			error = errno;
	}
	say("%s", error == ENOSPC || !error ? "as expected" : error_name(error));
	while (--i >= 0) {
		memset(name, 'n', 200);
		snprintf(name + 200, 20, "%d", i);
		if (unlink(name) && errno != ENOENT)
			say("unlink: %s", error_name(errno));
	}
	relieve();
	R(mkdir("after", 0755));
}

/* ---- asynchronous ----------------------------------------------------------- */

/* One request of the kernel's AIO, and its result */
static void aio_once(aio_context_t ctx, int fd, int op, void *buf, size_t len, off_t off,
		     int flags)
{
	struct iocb cb = { .aio_fildes = fd, .aio_lio_opcode = op, .aio_buf = (uintptr_t)buf,
			   .aio_nbytes = len, .aio_offset = off, .aio_rw_flags = flags };
	struct iocb *list[] = { &cb };
	struct io_event e;

	if (syscall(SYS_io_submit, ctx, 1, list) != 1) {
		say("aio %d, %zu at %lld, flags %#x: io_submit: %s", op, len, (long long)off,
		    flags, error_name(errno));
		return;
	}
	syscall(SYS_io_getevents, ctx, 1, 1, &e, NULL);
	say("aio %d, %zu at %lld, flags %#x: %lld", op, len, (long long)off, flags,
	    (long long)e.res);
}

SCENARIO(aio_kinds)
{
	aio_context_t ctx = 0;
	char *buf = aligned(65536, 1);
	int fd = new_file("f"), d;

	R(syscall(SYS_io_setup, 8, &ctx));
	aio_once(ctx, fd, IOCB_CMD_PWRITE, buf, 65536, 0, 0);
	aio_once(ctx, fd, IOCB_CMD_PWRITE, buf, 1000, 100, 0);
	aio_once(ctx, fd, IOCB_CMD_PWRITE, buf, 5000, 70000, RWF_DSYNC);
	aio_once(ctx, fd, IOCB_CMD_PWRITE, buf, 5000, 70000, RWF_APPEND);
	aio_once(ctx, fd, IOCB_CMD_PREAD, buf, 65536, 30000, 0);
	say_bytes("read", buf, 65536);
	aio_once(ctx, fd, IOCB_CMD_PREAD, buf, 65536, 1000000, 0);
	aio_once(ctx, fd, IOCB_CMD_FSYNC, NULL, 0, 0, 0);
	aio_once(ctx, fd, IOCB_CMD_FDSYNC, NULL, 0, 0, 0);
	aio_once(ctx, fd, IOCB_CMD_PWRITE, buf, 100, -1, 0);
	aio_once(ctx, fd, IOCB_CMD_PWRITE, buf, 100, 0, 0x10000);
	aio_once(ctx, fd, 99, buf, 100, 0, 0);
	aio_once(ctx, open("f", O_RDONLY), IOCB_CMD_PWRITE, buf, 100, 0, 0);
	d = F(open("f", O_RDWR | O_DIRECT));
	aio_once(ctx, d, IOCB_CMD_PWRITE, buf, 8192, 8192, 0);
	aio_once(ctx, d, IOCB_CMD_PWRITE, buf, 8192, 16384, RWF_DSYNC);
	aio_once(ctx, d, IOCB_CMD_PWRITE, buf, 65536, 81920, 0);
	aio_once(ctx, d, IOCB_CMD_PREAD, buf, 65536, 4096, 0);
	say_bytes("read", buf, 65536);
	say_fd_content("f", fd);
	evict("f");
	say_fd_content("f", fd);
}

SCENARIO(aio_many)
{
	struct iocb cb[32], *list[32];
	struct io_event e[32];
	aio_context_t ctx = 0;
	char *buf = aligned(32 * 4096, 1);
	int fd, i, n, bad = 0;

	make_file("f", 32 * 8192, 2);
	fd = F(open("f", O_RDWR));
	R(syscall(SYS_io_setup, 32, &ctx));
	for (i = 0; i < 32; i++) {
		memset(&cb[i], 0, sizeof(cb[i]));
		cb[i].aio_fildes = fd;
		cb[i].aio_lio_opcode = IOCB_CMD_PWRITE;
		cb[i].aio_buf = (uintptr_t)(buf + i * 4096);
		cb[i].aio_nbytes = 4096 - i;
		cb[i].aio_offset = i * 8000;
		list[i] = &cb[i];
	}
	R(syscall(SYS_io_submit, ctx, 32, list));
	n = R(syscall(SYS_io_getevents, ctx, 32, 32, e, NULL));
	for (i = 0; i < n; i++)
		bad += e[i].res != 4096 - ((struct iocb *)(uintptr_t)e[i].obj - cb);
	say("bad %d", bad);
	say_fd_content("f", fd);
	evict("f");
	say_fd_content("f", fd);
}

SCENARIO(aio_destroyed_while_busy)
{
	struct iocb cb[8], *list[8];
	aio_context_t ctx = 0;
	char *buf = aligned(8 * 65536, 1);
	int fd, i;

	make_file("f", 8 * 65536, 2);
	fd = F(open("f", O_RDWR));
	R(syscall(SYS_io_setup, 8, &ctx));
	for (i = 0; i < 8; i++) {
		memset(&cb[i], 0, sizeof(cb[i]));
		cb[i].aio_fildes = fd;
		cb[i].aio_lio_opcode = IOCB_CMD_PWRITE;
		cb[i].aio_buf = (uintptr_t)(buf + i * 65536);
		cb[i].aio_nbytes = 65536;
		cb[i].aio_offset = i * 65536;
		list[i] = &cb[i];
	}
	R(syscall(SYS_io_submit, ctx, 8, list));
	R(syscall(SYS_io_destroy, ctx));
	say_fd_content("f", fd);
	R(unlink("f"));
}

/* ---- more ways to move bytes ------------------------------------------------- */

SCENARIO(sockets)
{
	loff_t off = 0;
	int s[2], p[2], a, b;

	make_file("a", 20000, 1);
	a = F(open("a", O_RDONLY));
	b = new_file("b");
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	R(sendfile(s[0], a, &off, 20000));
	R(recv(s[1], data, 20000, MSG_WAITALL));
	say_bytes("received", data, 20000);
	R(pipe(p));
	R(send(s[0], data, 4096, 0));
	off = 100;
	R(splice(s[1], NULL, p[1], NULL, 4096, 0));
	R(splice(p[0], NULL, b, &off, 4096, 0));
	say_content("b");
	R(send(s[0], &a, 0, 0));
	R(read(s[1], data, 0));
}

SCENARIO(write_sources)
{
	int fd = new_file("f"), z = open("/dev/zero", O_RDONLY), p[2];
	char *zero = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE, z, 0);
	char *shared = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	R(write(fd, zero, 65536));
	fill(shared, 65536, 1);
	R(write(fd, shared, 60000));
	R(write(fd, "constant", 8));
	R(copy_file_range(z, NULL, fd, NULL, 100, 0));
	R(sendfile(fd, z, NULL, 100));
	R(pipe(p));
	R(splice(z, NULL, p[1], NULL, 4096, 0));
	R(splice(p[0], NULL, fd, NULL, 4096, SPLICE_F_NONBLOCK));
	R(pread(fd, zero, 100, 0));
	say_fd_content("f", fd);
}

SCENARIO(large_writes)
{
	size_t len = 8 * MIB + 12345;
	char *big = malloc(len);
	struct iovec v[2] = { { big, 3 * MIB + 7 }, { big + MIB, 3 * MIB } };
	int fd = new_file("f");

	fill(big, len, 1);
	R(write(fd, big, len));
	say_fd_content("f", fd);
	R(pwritev(fd, v, 2, 1234567));
	say_fd_content("f", fd);
	evict("f");
	R(pread(fd, big, len, 99) > 0);
	say_bytes("read", big, len - 99);
	R(ftruncate(fd, 3));
	say_fd_content("f", fd);
	R(unlink("f"));
}

SCENARIO(small_writes)
{
	int fd = new_file("f"), i;
	char c;

	for (i = 0; i < 300; i++) {
		c = i;
		if (write(fd, &c, 1) != 1)
			say("%d: %s", i, error_name(errno));
	}
	say_fd_content("f", fd);
	for (i = 0; i < 60; i++)
		if (pwrite(fd, &c, 1, i * 777) != 1)
			say("%d: %s", i, error_name(errno));
	say_fd_content("f", fd);
	evict("f");
	say_fd_content("f", fd);
}

SCENARIO(backwards)
{
	int fd = new_file("f"), i;

	for (i = 20; i >= 0; i--) {
		fill(data, 5000, i);
		if (pwrite(fd, data, 5000, i * 5000) != 5000)
			say("%d: %s", i, error_name(errno));
	}
	say_fd_content("f", fd);
	say_fstat("f", fd);
	evict("f");
	say_fd_content("f", fd);
	for (i = 20; i >= 0; i -= 3)
		R(pread(fd, data, 3000, i * 5000 + 4000));
}

SCENARIO(overlapping_writers)
{
	int i, k, status, bad = 0, fd;

	make_file("f", 65536, 0);
	for (i = 0; i < 3; i++) {
		if (fork())
			continue;
		fd = open("f", O_RDWR);
		memset(data, 'a' + i, 65536);
		for (k = 0; k < 30; k++)
			if (pwrite(fd, data, 8192, k * 1000) != 8192)
				_exit(1);
		_exit(0);
	}
	for (i = 0; i < 3; i++) {
		wait(&status);
		bad += !!status;
	}
	fd = F(open("f", O_RDONLY));
	R(pread(fd, data, 65536, 0));
	for (i = 0; i < 37192; i++)
		bad += data[i] < 'a' || data[i] > 'c';
	/* the last of all writes is whole */
	for (i = 29001; i < 37192; i++)
		bad += data[i] != data[29000 + 8191];
	say("bad %d", bad);
}

SCENARIO(truncate_beside_writes)
{
	int fd, i, status;
	struct stat s;

	make_file("f", 100000, 1);
	if (!fork()) {
		fd = open("f", O_RDWR);
		for (i = 0; i < 100; i++)
			pwrite(fd, data, 5000, i * 1000);
		_exit(0);
	}
	fd = F(open("f", O_RDWR));
	for (i = 0; i < 60; i++)
		if (ftruncate(fd, (i * 7919) % 100000))
			say("%s", error_name(errno));
	wait(&status);
	R(ftruncate(fd, 200000));
	R(fstat(fd, &s));
	R(pread(fd, data, 1 << 20, 104000));
	for (i = 0; i < 96000; i++)
		if (data[i])
			break;
	say("zero up to %d", i);
}

SCENARIO(punch_beside_reads)
{
	int fd, i, k, bad = 0, status;

	memset(data, 'x', 200000);
	fd = new_file("f");
	R(write(fd, data, 200000));
	if (!fork()) {
		for (i = 0; i < 40; i++)
			fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, i * 4096, 4096);
		_exit(0);
	}
	for (k = 0; k < 30; k++) {
		static char in[200000];

		if (pread(fd, in, sizeof(in), 0) != sizeof(in))
			bad++;
		for (i = 0; i < 200000; i++)
			bad += in[i] && in[i] != 'x';
	}
	wait(&status);
	say("bad %d", bad);
	say_fd_content("f", fd);
}

SCENARIO(reopen_by_proc)
{
	char path[64];
	int a, b;

	put("f", "text");
	a = F(open("f", O_RDONLY));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", a);
	b = F(open(path, O_RDWR));
	R(write(b, "TEXT", 4));
	R(unlink("f"));
	b = F(open(path, O_RDWR | O_APPEND));
	R(write(b, "more", 4));
	say_fd_content("f", a);
	R(truncate(path, 2));
	say_fd_content("f", a);
	F(open(path, O_WRONLY | O_TRUNC));
	say_fd_content("f", a);
}

static void on_alarm(int signal)
{
	(void)signal;
}

SCENARIO(interrupted_by_signals)
{
	struct itimerval t = { { 0, 2000 }, { 0, 2000 } };
	int fd, i, bad = 0;

	signal(SIGALRM, on_alarm);
	fd = new_file("f");
	setitimer(ITIMER_REAL, &t, NULL);
	for (i = 0; i < 20; i++) {
		fill(data, 300000, i);
		bad += pwrite(fd, data, 300000, i * 100000) != 300000;
		bad += pread(fd, data, 300000, i * 50000) <= 0;
		bad += fsync(fd) && errno != EINTR;
	}
	t = (struct itimerval) { 0 };
	setitimer(ITIMER_REAL, &t, NULL);
	say("bad %d", bad);
	say_fd_content("f", fd);
}

SCENARIO(holes_from_clones)
{
	int a = new_file("a"), b = new_file("b");

	R(ftruncate(a, 200000));
	R(pwrite(a, data, 4096, 102400));
	if (ioctl(b, FICLONE, a))
		unable("no clones: %s", error_name(errno));
	say_settled_holes(b);
	R(pwrite(b, "x", 1, 20000));
	say_settled_holes(b);
	say_settled_holes(a);
	R(fallocate(b, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 102400, 4096));
	say_settled_holes(b);
	say_content("a");
	say_content("b");
	R(fallocate(a, FALLOC_FL_UNSHARE_RANGE, 0, 200000));
	say_content("a");
}

SCENARIO(clone_with_unwritten_stores)
{
	char *p;
	int a, b = new_file("b");

	make_file("a", 65536, 1);
	a = F(open("a", O_RDWR));
	p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, a, 0);
	memset(p + 10000, 'z', 20000);
	if (ioctl(b, FICLONE, a))
		unable("no clones: %s", error_name(errno));
	memset(p + 10000, 'y', 100);
	say_content("a");
	say_content("b");
	evict("b");
	say_content("b");
	R(truncate("a", 5));
	say_content("b");
}
