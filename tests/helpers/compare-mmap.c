// SPDX-License-Identifier: GPL-2.0-only
/* Scenarios about mapped files. */
#define GROUP "mmap"
#include "compare.h"
#include <poll.h>
#include <pthread.h>

#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 3
#endif
#ifndef MAP_SYNC
#define MAP_SYNC 0x80000
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define RW (PROT_READ | PROT_WRITE)

static char *map(int fd, size_t len, int prot, int flags)
{
	char *p = mmap(NULL, len, prot, flags, fd, 0);

	say("mmap: %s", p == MAP_FAILED ? error_name(errno) : "ok");
	return p;
}

SCENARIO(protections)
{
	static const int prots[] = { PROT_NONE, PROT_READ, PROT_WRITE, RW, PROT_READ | PROT_EXEC };
	static const int opens[] = { O_RDONLY, O_WRONLY, O_RDWR, O_PATH, O_RDWR | O_DIRECT,
				     O_RDWR | O_APPEND };
	static const int kinds[] = { MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE,
				     MAP_SHARED | MAP_POPULATE,
				     MAP_SHARED | MAP_LOCKED, 0 };
	size_t i, j, k;

	make_file("f", 8192, 1);
	for (i = 0; i < ARRAY_SIZE(opens); i++) {
		int fd = open("f", opens[i]);

		for (j = 0; j < ARRAY_SIZE(prots); j++)
			for (k = 0; k < ARRAY_SIZE(kinds); k++) {
				char *p = mmap(NULL, 8192, prots[j], kinds[k], fd, 0);

				say("open %#x, prot %d, flags %#x: %s", opens[i], prots[j], kinds[k],
				    p == MAP_FAILED ? error_name(errno) : "ok");
				if (p != MAP_FAILED)
					munmap(p, 8192);
			}
		close(fd);
	}
	map(open("f", O_RDWR), 8192, RW, MAP_SHARED_VALIDATE | MAP_SYNC);
	map(open("f", O_RDWR), 8192, RW, MAP_SHARED_VALIDATE | 0x10000000);
}

static int fiemap_fd;

static void *keep_resizing(void *stop)
{
	int i;

	for (i = 0; !__atomic_load_n((bool *)stop, __ATOMIC_RELAXED); i++)
		if (ftruncate(fiemap_fd, (i % 2 + 1) * 65536))
			die_errno("ftruncate");
	return NULL;
}

/* Where the extents are told to what is mapped itself, and changes its size. */
SCENARIO(fiemap_to_mapping)
{
	struct fiemap *to;
	bool stop = false;
	pthread_t thread;
	int i, bad = 0;

	make_file("f", 65536, 1);
	fiemap_fd = open("f", O_RDWR);
	to = (struct fiemap *)map(fiemap_fd, 65536, RW, MAP_SHARED);
	pthread_create(&thread, NULL, keep_resizing, &stop);
	for (i = 0; i < 300; i++) {
		memset(to, 0, sizeof(*to));
		to->fm_length = FIEMAP_MAX_OFFSET;
		to->fm_extent_count = 200;
		if (i % 2)
			madvise(to, 65536, MADV_DONTNEED);
		bad += ioctl(fiemap_fd, FS_IOC_FIEMAP, to) || to->fm_mapped_extents < 1;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	say("%d without an answer", bad);
}

SCENARIO(protection_changes)
{
	char *p;

	make_file("f", 8192, 1);
	p = map(open("f", O_RDONLY), 8192, PROT_READ, MAP_SHARED);
	R(mprotect(p, 8192, RW));
	say_poke("shared", p, 1);
	p = map(open("f", O_RDONLY), 8192, PROT_READ, MAP_PRIVATE);
	R(mprotect(p, 8192, RW));
	say_poke("private", p, 1);
	p = map(open("f", O_RDWR), 8192, PROT_READ, MAP_SHARED);
	say_poke("read-only", p, 2);
	R(mprotect(p, 4096, RW));
	say_poke("0", p, 2);
	say_poke("1", p + 4096, 2);
	R(mprotect(p, 4096, PROT_NONE));
	say_peek("0", p);
	R(mprotect(p, 4096, PROT_READ));
	say_peek("0", p);
	say_content("f");
}

SCENARIO(shared_stores)
{
	char *p;
	int fd;
	size_t i;

	make_file("f", 100000, 1);
	fd = F(open("f", O_RDWR));
	p = map(fd, 100000, RW, MAP_SHARED);
	for (i = 0; i < 100000; i += 7777)
		say_poke("at", p + i, i);
	say_fd_content("f", fd);
	R(msync(p, 100000, MS_ASYNC));
	R(msync(p, 100000, MS_SYNC));
	R(msync(p, 100000, MS_SYNC | MS_INVALIDATE));
	R(msync(p, 100000, MS_SYNC | MS_ASYNC));
	R(msync(p + 1, 4096, MS_SYNC));
	R(msync(p, 200000, MS_SYNC));
	R(msync(p, 100000, 8));
	R(munmap(p, 100000));
	R(msync(p, 4096, MS_SYNC));
	evict("f");
	say_fd_content("f", fd);
}

SCENARIO(private_stores)
{
	char *p, *s;
	int fd;

	make_file("f", 20000, 1);
	fd = F(open("f", O_RDWR));
	p = map(fd, 20000, RW, MAP_PRIVATE);
	s = map(fd, 20000, RW, MAP_SHARED);
	say_poke("private", p, 1);
	say_fd_content("f", fd);
	say_poke("shared", s, 2);
	say_peek("private", p);
	say_poke("shared", s + 5000, 3);
	say_peek("private", p + 5000);
	R(pwrite(fd, "x", 1, 9000));
	say_peek("private", p + 9000);
	R(msync(p, 20000, MS_SYNC));
	say_fd_content("f", fd);
	R(ftruncate(fd, 100));
	say_peek("private", p);
	say_peek("private, gone", p + 9000);
	say_peek("zero", p + 200);
}

/* To the end of the file's last page there are zeroes, and then nothing */
SCENARIO(end_of_file)
{
	static const size_t sizes[] = { 1, 100, 4095, 4096, 4097, 10000, 16384 };
	char *p;
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		make_file("f", sizes[i], 1);
		fd = open("f", O_RDWR);
		say("size %zu", sizes[i]);
		p = map(fd, 32768, RW, MAP_SHARED);
		say_peek("last", p + sizes[i] - 1);
		say_peek("behind", p + sizes[i]);
		say_poke("behind", p + sizes[i], 99);
		say_peek("end of page", p + ROUND_UP(sizes[i], PAGE) - 1);
		say_peek("next page", p + ROUND_UP(sizes[i], PAGE));
		say_poke("next page", p + ROUND_UP(sizes[i], PAGE), 1);
		R(msync(p, 32768, MS_SYNC));
		say_fstat("f", fd);
		/* what was stored behind the end is not part of the file */
		R(ftruncate(fd, sizes[i] + 100));
		say_fd_content("f", fd);
		say_peek("behind", p + sizes[i]);
		R(munmap(p, 32768));
		close(fd);
	}
}

/* What was stored behind the end may come to light: it does on ext4 of 6.1 */
SCENARIO(tail_stored_then_extended_by_write)
{
	char *p, buf[1000];
	int fd;

	make_file("f", 1000, 1);
	fd = F(open("f", O_RDWR));
	p = map(fd, 4096, RW, MAP_SHARED);
	say_poke("behind", p + 2000, 99);
	R(pwrite(fd, "end", 3, 3000));
	say_fstat("f", fd);
	evict("f");
	say_poke("behind", p + 3500, 98);
	R(pwrite(fd, "end", 3, 10000));
	say_fstat("f", fd);
	evict("f");
	R(pread(fd, buf, 1000, 0));
	say_bytes("beginning", buf, 1000);
	R(pread(fd, buf, 1000, 3000) == 1000 && !memcmp(buf, "end", 3));
	R(pread(fd, buf, 1000, 4096));
	say_bytes("the next page", buf, 1000);
	R(pread(fd, buf, 1000, 9900));
	say_bytes("the end", buf, 103);
}

SCENARIO(truncate_under_map)
{
	char *p;
	int fd;

	make_file("f", 32768, 1);
	fd = F(open("f", O_RDWR));
	p = map(fd, 32768, RW, MAP_SHARED);
	say_poke("6", p + 6 * PAGE, 1);
	R(ftruncate(fd, 10000));
	say_peek("2", p + 9999);
	say_peek("behind", p + 10000);
	say_peek("6", p + 6 * PAGE);
	say_poke("3", p + 3 * PAGE, 1);
	R(ftruncate(fd, 32768));
	say_peek("6", p + 6 * PAGE);
	say_poke("6", p + 6 * PAGE, 2);
	say_fd_content("f", fd);
	R(ftruncate(fd, 0));
	say_peek("0", p);
	R(pwrite(fd, "new", 3, 0));
	say_peek("0", p);
	say_poke("0", p + 1, 'x');
	evict("f");
	say_fd_content("f", fd);
}

SCENARIO(extended_under_map)
{
	char *p;
	int fd = new_file("f");

	p = map(fd, 65536, RW, MAP_SHARED);
	say_peek("0", p);
	R(pwrite(fd, "abc", 3, 0));
	say_peek("0", p);
	say_poke("2", p + 2, 5);
	R(pwrite(fd, "def", 3, 4094));
	say_peek("2", p + 2);
	say_peek("4096", p + 4096);
	R(ftruncate(fd, 65536));
	say_poke("last", p + 65535, 7);
	say_fd_content("f", fd);
	evict("f");
	say_fd_content("f", fd);
}

SCENARIO(writes_seen_in_maps)
{
	char *a, *b;
	int fd, i;

	make_file("f", 65536, 1);
	fd = F(open("f", O_RDWR));
	a = map(fd, 65536, RW, MAP_SHARED);
	b = map(open("f", O_RDONLY), 65536, PROT_READ, MAP_SHARED);
	for (i = 0; i < 30; i++) {
		char text[100];

		fill(text, 100, i);
		pwrite(fd, text, 100, i * 2111);
		if (memcmp(a + i * 2111, text, 100) || memcmp(b + i * 2111, text, 100))
			say("write %d is not seen", i);
		a[i * 1999] = i;
		if (pread(fd, text, 1, i * 1999) != 1 || text[0] != i || b[i * 1999] != i)
			say("store %d is not seen", i);
	}
	say_bytes("map", a, 65536);
	say_fd_content("f", fd);
	evict("f");
	say_fd_content("f", fd);
}

SCENARIO(two_processes)
{
	char *p;
	int i, status;

	make_file("f", 16384, 1);
	for (i = 0; i < 2; i++) {
		if (fork())
			continue;
		p = mmap(NULL, 16384, RW, MAP_SHARED, open("f", O_RDWR), 0);
		for (int k = i; k < 16384; k += 2)
			p[k] = k * 3;
		_exit(0);
	}
	wait(&status);
	wait(&status);
	say_content("f");
	evict("f");
	say_content("f");
}

SCENARIO(fork_shares)
{
	char *s, *p;
	int fd;

	make_file("f", 8192, 1);
	fd = F(open("f", O_RDWR));
	s = map(fd, 8192, RW, MAP_SHARED);
	p = map(fd, 8192, RW, MAP_PRIVATE);
	say_poke("private", p + 1, 1);
	IN_CHILD {
		say_poke("shared", s, 2);
		say_poke("private", p, 3);
		R(munmap(s, 8192));
	}
	say_peek("shared", s);
	say_peek("private", p);
	say_peek("private", p + 1);
	say_fd_content("f", fd);
}

SCENARIO(mremap)
{
	char *p, *q;
	int fd;

	make_file("f", 65536, 1);
	fd = F(open("f", O_RDWR));
	p = map(fd, 16384, RW, MAP_SHARED);
	say_poke("1", p + 5000, 1);
	q = mremap(p, 16384, 65536, MREMAP_MAYMOVE);
	say("%s", q == MAP_FAILED ? error_name(errno) : "ok");
	say_peek("1", q + 5000);
	say_poke("15", q + 60000, 2);
	q = mremap(q, 65536, 8192, 0);
	say_peek("1", q + 5000);
	p = mremap(q, 0, 8192, MREMAP_MAYMOVE);
	say("%s", p == MAP_FAILED ? error_name(errno) : "ok");
	say_poke("1", p + 5001, 3);
	say_peek("1", q + 5001);
	say_fd_content("f", fd);
}

SCENARIO(after_close_and_unlink)
{
	char *p;
	int fd;

	make_file("f", 8192, 1);
	R(link("f", "g"));
	fd = F(open("f", O_RDWR));
	p = map(fd, 8192, RW, MAP_SHARED);
	close(fd);
	R(unlink("f"));
	say_poke("0", p, 1);
	say_content("g");
	R(unlink("g"));
	say_poke("1", p + 4096, 2);
	R(msync(p, 8192, MS_SYNC));
	say_bytes("map", p, 8192);
	R(munmap(p, 8192));
}

SCENARIO(stores_after_munmap_and_close)
{
	char *p;
	int fd, i;

	make_file("f", 100000, 1);
	for (i = 0; i < 3; i++) {
		fd = F(open("f", O_RDWR));
		p = map(fd, 100000, RW, MAP_SHARED);
		memset(p + i * 30000, i, 20000);
		R(munmap(p, 100000));
		R(close(fd));
		say_content("f");
		drop_all_caches();
		say_content("f");
	}
}

SCENARIO(read_only_file_maps)
{
	char *p;

	make_file("f", 8192, 1);
	R(chmod("f", 0444));
	AS_USER(1234) {
		F(open("f", O_RDWR));
		p = map(open("f", O_RDONLY), 8192, PROT_READ, MAP_SHARED);
		R(mprotect(p, 8192, RW));
		say_peek("0", p);
		p = map(open("f", O_RDONLY), 8192, RW, MAP_PRIVATE);
		say_poke("0", p, 1);
	}
	say_content("f");
}

SCENARIO(hole_maps)
{
	char *p;
	int fd = new_file("f");

	R(ftruncate(fd, 1 << 20));
	p = map(fd, 1 << 20, RW, MAP_SHARED);
	say_bytes("hole", p, 1 << 20);
	say_poke("middle", p + 500000, 1);
	R(msync(p, 1 << 20, MS_SYNC));
	R(munmap(p, 1 << 20));
	evict("f");
	say_fd_content("f", fd);
	/* a store to a page that was read as a hole before */
	p = map(fd, 1 << 20, RW, MAP_SHARED);
	say_peek("early", p + 5000);
	say_poke("early", p + 5000, 2);
	say_fd_content("f", fd);
	evict("f");
	say_fd_content("f", fd);
}

SCENARIO(madvise)
{
	static const int kinds[] = { MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
				     MADV_DONTNEED, 8 /* FREE */, MADV_DONTFORK, 12 /* MERGEABLE */,
				     14 /* HUGEPAGE */, 15, 16 /* DONTDUMP */, 20 /* COLD */,
				     21 /* PAGEOUT */, MADV_POPULATE_READ, MADV_POPULATE_WRITE };
	size_t i;
	char *p;
	int fd;

	make_file("f", 65536, 1);
	fd = F(open("f", O_RDWR));
	p = map(fd, 65536, RW, MAP_SHARED);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		say_poke("at", p + i * 4000, i);
		say("%d", kinds[i]);
		R(madvise(p, 65536, kinds[i]));
		say_peek("at", p + i * 4000);
	}
	say_fd_content("f", fd);
	R(madvise(p + 8192, 8192, MADV_REMOVE));
	say_peek("removed", p + 8192);
	say_fd_content("f", fd);
	R(madvise(p, 65536, MADV_POPULATE_WRITE));
	say_fd_content("f", fd);
	R(ftruncate(fd, 10000));
	R(madvise(p, 65536, MADV_POPULATE_READ));
	R(madvise(p, 65536, MADV_POPULATE_WRITE));
	R(madvise(p + 8192, 8192, MADV_REMOVE));
	say_fd_content("f", fd);
}

SCENARIO(mlock)
{
	char *p;
	int fd;

	make_file("f", 20000, 1);
	evict("f");
	fd = F(open("f", O_RDWR));
	p = map(fd, 20000, RW, MAP_SHARED);
	R(mlock(p, 20000));
	say_poke("0", p, 1);
	R(pwrite(fd, "x", 1, 5000));
	say_peek("1", p + 5000);
	R(msync(p, 20000, MS_INVALIDATE));
	R(ftruncate(fd, 5000));
	say_peek("3", p + 12288);
	R(munlock(p, 8192));
	say_fd_content("f", fd);
	R(mlockall(MCL_CURRENT) == 0 || errno == ENOMEM);
}

SCENARIO(read_into_own_map)
{
	char *p;
	int fd;

	make_file("f", 65536, 1);
	fd = F(open("f", O_RDWR));
	p = map(fd, 65536, RW, MAP_SHARED);
	R(pread(fd, p, 8192, 16384));
	R(pread(fd, p + 10, 8192, 16384));
	R(pwrite(fd, p + 20000, 10000, 40000));
	R(pwrite(fd, p, 4096, 0));
	say_fd_content("f", fd);
	evict("f");
	R(pwrite(fd, p + 8192, 4096, 8192));
	evict("f");
	R(pwrite(fd, p + 8192, 4000, 12288));
	say_fd_content("f", fd);
}

SCENARIO(write_from_other_map)
{
	char *p;
	int a, b;

	make_file("a", 100000, 1);
	make_file("b", 100000, 2);
	a = F(open("a", O_RDWR));
	b = F(open("b", O_RDWR));
	p = map(b, 100000, RW, MAP_SHARED);
	evict("b");
	R(pwrite(a, p, 100000, 0));
	say_content("a");
	evict("b");
	evict("a");
	R(pwrite(a, p + 1000, 50000, 70000));
	say_content("a");
	R(ftruncate(b, 50000));
	R(pwrite(a, p + 45000, 20000, 0) > 0);
	R(pwrite(a, p + 60000, 20000, 0));
}

/* ---- executables ------------------------------------------------------------ */

static bool copy(const char *from, const char *to)
{
	static char buf[64 * KIB];
	int in = open(from, O_RDONLY), out = open(to, O_RDWR | O_CREAT | O_TRUNC, 0755);
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, n) != n)
			n = -2;
	close(in);
	close(out);
	return n == 0;
}

/* The exit status of this program */
static void run(const char *path, char *arg)
{
	char *args[3] = { "program", arg, NULL };
	int status;

	if (!fork()) {
		execv(path, args);
		_exit(100 + errno);
	}
	wait(&status);
	if (WIFSIGNALED(status))
		say("%s: SIG%s", path, sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status) > 100)
		say("%s: %s", path, error_name(WEXITSTATUS(status) - 100));
	else
		say("%s: %d", path, WEXITSTATUS(status));
}

SCENARIO(executables)
{
	R(copy("/bin/true", "t"));
	run("./t", NULL);
	evict("t");
	run("./t", NULL);
	R(chmod("t", 0644));
	run("./t", NULL);
	R(chmod("t", 0755));
	R(truncate("t", 100));
	run("./t", NULL);
	put("script", "#!/bin/sh\nexit 7\n");
	run("./script", NULL);
	R(chmod("script", 0755));
	run("./script", NULL);
	put("bad", "#!./none\n");
	R(chmod("bad", 0755));
	run("./bad", NULL);
	put("empty", "");
	R(chmod("empty", 0755));
	run("./empty", NULL);
	R(mkdir("d", 0755));
	run("./d", NULL);
	R(copy("/bin/false", "f"));
	R(rename("f", "t"));
	run("./t", NULL);
	R(chmod("t", 0711));
	AS_USER(1234) {
		run("./t", NULL);
		F(open("t", O_RDONLY));
	}
}

SCENARIO(text_file_busy)
{
	pid_t pid;
	int fd;

	R(copy("/bin/sleep", "s"));
	fd = F(open("s", O_RDWR));
	run("./s", "0");
	R(close(fd));
	run("./s", "0");
	pid = fork();
	if (!pid) {
		execl("./s", "sleep", "20", NULL);
		_exit(1);
	}
	usleep(300000);
	F(open("s", O_WRONLY));
	F(open("s", O_RDWR));
	F(open("s", O_RDONLY | O_TRUNC));
	R(truncate("s", 0));
	R(chmod("s", 0700));
	R(rename("s", "s2"));
	F(open("s2", O_WRONLY));
	R(unlink("s2"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	say_dir(".");
}

SCENARIO(setuid_executable)
{
	R(copy("/usr/bin/id", "id"));
	R(chown("id", 1234, 1234));
	R(chmod("id", 06755));
	IN_CHILD {
		int p[2], n;
		char text[200];

		R(pipe(p));
		if (!fork()) {
			dup2(p[1], 1);
			execl("./id", "id", NULL);
			_exit(1);
		}
		close(p[1]);
		n = read(p[0], text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = '\0';
		text[strcspn(text, "\n")] = '\0';
		say("%s", text);
	}
}

SCENARIO(fexecve)
{
	char *args[2] = { "true" }, *env[1] = { NULL };
	int fd;

	R(copy("/bin/true", "t"));
	fd = F(open("t", O_RDONLY));
	R(unlink("t"));
	IN_CHILD {
		R(fexecve(fd, args, env));
		_exit(9);
	}
	fd = F(open(".", O_TMPFILE | O_RDWR, 0755));
	IN_CHILD {
		R(fexecve(fd, args, env));
	}
}

/* A library that is mapped, and overwritten by rename */
SCENARIO(library_replaced)
{
	char *p;
	int fd;

	make_file("lib", 65536, 1);
	fd = F(open("lib", O_RDONLY));
	p = map(fd, 65536, PROT_READ | PROT_EXEC, MAP_PRIVATE);
	make_file("new", 65536, 2);
	R(rename("new", "lib"));
	say_bytes("map", p, 65536);
	say_content("lib");
	F(open("lib", O_RDWR));
}

/* ---- memory ----------------------------------------------------------------- */

static bool enter_cgroup(const char *name, const char *limit)
{
	char path[200], text[40];

	snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", name);
	write_string("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(path, 0755) && errno != EEXIST)
		return false;
	snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/memory.max", name);
	if (write_string(path, limit))
		return false;
	snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/cgroup.procs", name);
	snprintf(text, sizeof(text), "%d", getpid());
	return !write_string(path, text);
}

static void leave_cgroup(const char *name)
{
	char path[200], text[40];

	snprintf(text, sizeof(text), "%d", getpid());
	write_string("/sys/fs/cgroup/cgroup.procs", text);
	snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", name);
	rmdir(path);
}

/* More than fits, by write() and by stores, in a group with 16 MiB */
SCENARIO(small_memcg)
{
	static char buf[256 * KIB];
	char *p;
	size_t i;
	int fd;

	if (!enter_cgroup("compare", "16M"))
		unable("no memory cgroup: %s", error_name(errno));
	fd = new_file("f");
	for (i = 0; i < 40; i++) {
		fill(buf, sizeof(buf), i);
		if (write(fd, buf, sizeof(buf)) != sizeof(buf))
			say("write %zu: %s", i, error_name(errno));
	}
	for (i = 0; i < 40; i += 3) {
		fill(buf, sizeof(buf), i);
		if (pwrite(fd, buf, 5000, i * sizeof(buf) + 100) != 5000)
			say("write %zu: %s", i, error_name(errno));
	}
	p = map(fd, 40 * sizeof(buf), RW, MAP_SHARED);
	for (i = 0; i < 40 * sizeof(buf); i += PAGE)
		p[i] = i >> 12;
	R(ftruncate(fd, 39 * sizeof(buf) + 5));
	say_fd_content("f", fd);
	R(munmap(p, 40 * sizeof(buf)));
	R(fsync(fd));
	leave_cgroup("compare");
	evict("f");
	say_fd_content("f", fd);
	R(unlink("f"));
}

static volatile bool stop_dropping;

static void *dropper(void *unused)
{
	while (!stop_dropping) {
		write_string("/proc/sys/vm/drop_caches", "3");
		usleep(10000);
	}
	return unused;
}

SCENARIO(drop_caches_in_a_loop)
{
	pthread_t t;
	char *p;
	int fd, i;

	fd = new_file("f");
	pthread_create(&t, NULL, dropper, NULL);
	R(ftruncate(fd, 1 << 20));
	p = map(fd, 1 << 20, RW, MAP_SHARED);
	for (i = 0; i < 60; i++) {
		char text[3000];

		fill(text, sizeof(text), i);
		if (pwrite(fd, text, sizeof(text), i * 17000) != sizeof(text))
			say("%s", error_name(errno));
		p[i * 16001] = i;
		if (memcmp(text + 2000, p + i * 17000 + 2000, 900))
			say("write %d is not seen", i);
	}
	stop_dropping = true;
	pthread_join(t, NULL);
	say_fd_content("f", fd);
	evict("f");
	say_fd_content("f", fd);
}

SCENARIO(compaction)
{
	char *p;
	int fd, i;

	make_file("f", 1 << 20, 1);
	fd = F(open("f", O_RDWR));
	p = map(fd, 1 << 20, RW, MAP_SHARED);
	for (i = 0; i < 256; i += 3)
		p[i * 4096] = i;
	for (i = 0; i < 3; i++) {
		write_string("/proc/sys/vm/compact_memory", "1");
		R(pwrite(fd, "written", 7, i * 9999));
	}
	say_fd_content("f", fd);
	evict("f");
	say_fd_content("f", fd);
}

SCENARIO(pageout)
{
	char *p;
	int fd, i;

	make_file("f", 1 << 20, 1);
	fd = F(open("f", O_RDWR));
	p = map(fd, 1 << 20, RW, MAP_SHARED);
	for (i = 0; i < 4; i++) {
		memset(p + i * 200000, i, 150000);
		R(madvise(p, 1 << 20, 21));
		R(pwrite(fd, "written", 7, i * 99999));
	}
	say_fd_content("f", fd);
	evict("f");
	say_fd_content("f", fd);
}

/* A store by ptrace or /proc/self/mem goes through the mapping as well */
SCENARIO(proc_mem)
{
	char *p, *r;
	int fd, mem;

	make_file("f", 8192, 1);
	fd = F(open("f", O_RDWR));
	p = map(fd, 8192, RW, MAP_SHARED);
	r = map(fd, 8192, PROT_READ, MAP_SHARED);
	mem = F(open("/proc/self/mem", O_RDWR));
	R(pwrite(mem, "abc", 3, (off_t)(uintptr_t)p));
	R(pwrite(mem, "def", 3, (off_t)(uintptr_t)(r + 4096)));
	say_bytes("map", p, 8192);
	R(munmap(p, 8192));
	evict("f");
	say_fd_content("f", fd);
}

/* Pages of the file under direct I/O of another one */
SCENARIO(direct_io_from_map)
{
	char *p;
	int a, d;

	make_file("a", 65536, 1);
	a = F(open("a", O_RDWR));
	p = map(a, 65536, RW, MAP_SHARED);
	d = F(open("d", O_RDWR | O_CREAT | O_DIRECT, 0600));
	R(pwrite(d, p, 65536, 0));
	say_content("d");
	R(pread(d, p + 8192, 8192, 0));
	say_content("a");
	R(munmap(p, 65536));
	evict("a");
	say_content("a");
}

SCENARIO(remap_file_pages)
{
	char *p;
	int fd;

	make_file("f", 16384, 1);
	fd = F(open("f", O_RDWR));
	p = map(fd, 16384, RW, MAP_SHARED);
	R(syscall(SYS_remap_file_pages, p, 4096, 0, 2, 0));
	say_bytes("page", p, 4096);
	say_poke("0", p, 9);
	say_fd_content("f", fd);
}

SCENARIO(mmap_offsets)
{
	char *p;
	int fd = new_file("f");

	R(ftruncate(fd, 0x140000000LL));
	p = mmap(NULL, 8192, RW, MAP_SHARED, fd, 0x100000000LL);
	say_poke("4 GiB", p, 5);
	say_poke("4 GiB", p + 5000, 6);
	R(munmap(p, 8192));
	R(mmap(NULL, 4096, RW, MAP_SHARED, fd, 100) == MAP_FAILED);
	R(mmap(NULL, 0, RW, MAP_SHARED, fd, 0) == MAP_FAILED);
	p = mmap(NULL, 4096, RW, MAP_SHARED, fd, INT64_MAX & ~4095LL);
	R(p == MAP_FAILED);
	p = mmap(NULL, 4096, RW, MAP_SHARED, fd, 0x140000000LL);
	say_peek("behind", p);
	evict("f");
	R(lseek(fd, 0x100000000LL, SEEK_DATA));
	R(ftruncate(fd, 0));
}

/* An empty file, and one that is opened write-only */
SCENARIO(empty_and_devices)
{
	char *p;
	int fd = new_file("f");

	p = map(fd, 4096, RW, MAP_SHARED);
	say_peek("empty", p);
	say_poke("empty", p, 1);
	R(mkfifo("p", 0600));
	R(mmap(NULL, 4096, PROT_READ, MAP_SHARED, open("p", O_RDWR), 0) == MAP_FAILED);
	R(mknod("zero", S_IFCHR | 0666, 0x105));
	p = map(open("zero", O_RDWR), 4096, RW, MAP_PRIVATE);
	say_poke("zero", p, 1);
	R(mmap(NULL, 4096, PROT_READ, MAP_SHARED, open(".", O_RDONLY), 0) == MAP_FAILED);
}

/* ---- and more ----------------------------------------------------------------- */

SCENARIO(process_vm_writev)
{
	char text[] = "from another";
	char *p;
	struct iovec local = { text, sizeof(text) }, remote;
	int fd;

	make_file("f", 8192, 1);
	fd = F(open("f", O_RDWR));
	p = map(fd, 8192, RW, MAP_SHARED);
	remote = (struct iovec) { p + 4090, sizeof(text) };
	R(process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
	say_bytes("map", p, 8192);
	R(process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	R(munmap(p, 8192));
	evict("f");
	say_fd_content("f", fd);
}

SCENARIO(dontneed_keeps_stores)
{
	char *p;
	int fd, i;

	make_file("f", 65536, 1);
	fd = F(open("f", O_RDWR));
	p = map(fd, 65536, RW, MAP_SHARED);
	for (i = 0; i < 16; i++)
		p[i * 4096] = i;
	R(madvise(p, 65536, MADV_DONTNEED));
	E(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	say_bytes("map", p, 65536);
	p = mmap(NULL, 65536, RW, MAP_PRIVATE, fd, 0);
	p[5] = 'x';
	R(madvise(p, 65536, MADV_DONTNEED));
	say_bytes("private", p, 65536);
}

SCENARIO(private_after_fork)
{
	char *p;
	int fd;

	make_file("f", 8192, 1);
	fd = F(open("f", O_RDWR));
	p = map(fd, 8192, RW, MAP_PRIVATE);
	p[0] = 1;
	IN_CHILD {
		p[0] = 2;
		p[4096] = 3;
		R(pwrite(fd, "file", 4, 4096));
		say_bytes("child", p, 8192);
	}
	say_bytes("parent", p, 8192);
	say_fd_content("f", fd);
}

SCENARIO(map_over_map)
{
	char *p, *q;
	int a, b;

	make_file("a", 16384, 1);
	make_file("b", 16384, 2);
	a = F(open("a", O_RDWR));
	b = F(open("b", O_RDWR));
	p = map(a, 16384, RW, MAP_SHARED);
	p[5000] = 9;
	q = mmap(p + 4096, 4096, RW, MAP_SHARED | MAP_FIXED, b, 8192);
	R(q == p + 4096);
	p[5000] = 7;
	R(munmap(p + 8192, 4096));
	say_peek("gone", p + 8192);
	R(msync(p, 16384, MS_SYNC));
	R(msync(p, 8192, MS_SYNC));
	say_content("a");
	say_content("b");
}

SCENARIO(stores_then_truncate_then_extend)
{
	char *p;
	int fd, i;

	for (i = 0; i < 8; i++) {
		size_t cut = 1000 + i * 1777;

		make_file("f", 16384, i);
		fd = open("f", O_RDWR);
		p = mmap(NULL, 16384, RW, MAP_SHARED, fd, 0);
		memset(p, 'a' + i, 16384);
		R(ftruncate(fd, cut));
		R(ftruncate(fd, 16384));
		say_bytes("map", p, 16384);
		p[cut + 10] = 'z';
		say_fd_content("f", fd);
		munmap(p, 16384);
		close(fd);
		evict("f");
		say_content("f");
	}
}

SCENARIO(stores_beside_writes)
{
	char *p;
	int fd, i, status, bad = 0;

	make_file("f", 65536, 1);
	fd = F(open("f", O_RDWR));
	p = map(fd, 65536, RW, MAP_SHARED);
	if (!fork()) {
		for (i = 0; i < 300; i++)
			p[(i % 16) * 4096 + 100] = i;
		_exit(0);
	}
	for (i = 0; i < 150; i++)
		bad += pwrite(fd, "write", 5, (i % 16) * 4096 + 3000) != 5;
	wait(&status);
	say("bad %d", bad);
	say_fd_content("f", fd);
	R(munmap(p, 65536));
	evict("f");
	say_fd_content("f", fd);
}

SCENARIO(fault_while_truncated)
{
	char *p;
	int fd, i, status, other = 0;

	make_file("f", 65536, 1);
	fd = F(open("f", O_RDWR));
	p = map(fd, 65536, RW, MAP_SHARED);
	if (!fork()) {
		for (i = 0; i < 100; i++) {
			ftruncate(fd, 0);
			ftruncate(fd, 65536);
		}
		_exit(0);
	}
	for (i = 0; i < 300; i++) {
		int got = poke(p + (i % 16) * 4096, 1);

		other += got && got != -SIGBUS;
	}
	wait(&status);
	say("other %d", other);
	R(ftruncate(fd, 0));
	R(fsync(fd));
	say_fstat("f", fd);
}

SCENARIO(large_map)
{
	size_t len = 8 * MIB, i;
	char *p;
	int fd = new_file("f");

	R(ftruncate(fd, len));
	p = map(fd, len, RW, MAP_SHARED);
	for (i = 0; i < len; i += 4096)
		p[i] = i >> 12;
	R(madvise(p, len, MADV_COLLAPSE) == 0 || errno);
	R(msync(p, len, MS_SYNC));
	say_fd_content("f", fd);
	R(munmap(p, len));
	evict("f");
	p = map(fd, len, PROT_READ, MAP_SHARED | MAP_POPULATE);
	say_bytes("map", p, len);
	R(unlink("f"));
}

SCENARIO(memcg_reads)
{
	char *p;
	int fd, i;

	make_file("f", 12 * MIB, 1);
	evict("f");
	if (!enter_cgroup("reads", "8M"))
		unable("no memory cgroup: %s", error_name(errno));
	fd = F(open("f", O_RDWR));
	say_fd_content("f", fd);
	p = map(fd, 12 * MIB, RW, MAP_SHARED);
	for (i = 0; i < 3072; i += 5)
		p[i * 4096]++;
	R(msync(p, 12 * MIB, MS_SYNC));
	say_fd_content("f", fd);
	leave_cgroup("reads");
	R(unlink("f"));
}
