// SPDX-License-Identifier: GPL-2.0-only
/* Scenarios about names: making, renaming, removing and listing them. */
#define GROUP "namespace"
#include "compare.h"
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <pthread.h>

/* ---- creating -------------------------------------------------------------- */

SCENARIO(create)
{
	int fd = F(open("a", O_RDWR | O_CREAT, 0666));

	say_fstat("a", fd);
	say_stat("a");
	say_dir(".");
}

SCENARIO(create_modes)
{
	static const mode_t modes[] = { 0, 0400, 0666, 0777, 01777, 02777, 04777, 07777 };
	char name[20];
	size_t i;

	umask(0);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		snprintf(name, sizeof(name), "%04o", modes[i]);
		R(close(open(name, O_CREAT | O_WRONLY, modes[i])));
		say_stat(name);
		snprintf(name, sizeof(name), "d%04o", modes[i]);
		R(mkdir(name, modes[i]));
		say_stat(name);
	}
}

SCENARIO(create_umask)
{
	static const mode_t masks[] = { 0, 022, 027, 077, 0777 };
	char name[20];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(masks); i++) {
		umask(masks[i]);
		snprintf(name, sizeof(name), "f%03o", masks[i]);
		R(close(open(name, O_CREAT | O_WRONLY, 0777)));
		say_stat(name);
		name[0] = 'd';
		R(mkdir(name, 0777));
		say_stat(name);
		name[0] = 'n';
		R(mknod(name, S_IFIFO | 0777, 0));
		say_stat(name);
	}
}

SCENARIO(create_excl)
{
	F(open("a", O_RDWR | O_CREAT | O_EXCL, 0600));
	F(open("a", O_RDWR | O_CREAT | O_EXCL, 0600));
	R(symlink("nowhere", "l"));
	F(open("l", O_RDWR | O_CREAT | O_EXCL, 0600));
	F(open("l", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
	F(open("l", O_RDWR | O_CREAT, 0600));
	say_dir(".");
	R(mkdir("d", 0700));
	F(open("d", O_RDWR | O_CREAT, 0600));
	F(open("d", O_RDWR | O_CREAT | O_EXCL, 0600));
	F(open("d/", O_RDONLY | O_CREAT, 0600));
	F(open("new/", O_RDONLY | O_CREAT, 0600));
	F(open("d", O_RDONLY | O_CREAT | O_DIRECTORY, 0600));
	F(open("other", O_RDONLY | O_CREAT | O_DIRECTORY, 0600));
	say_dir(".");
}

/* Of many who create one name exclusively, one does. */
SCENARIO(create_excl_race)
{
	int i, k, fd, status, won = 0, round;
	char name[20];

	for (round = 0; round < 10; round++) {
		snprintf(name, sizeof(name), "r%d", round);
		for (i = 0; i < 4; i++) {
			if (fork())
				continue;
			for (k = 0, fd = -1; fd < 0 && k < 3; k++)
				fd = open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
			_exit(fd >= 0);
		}
		for (i = 0; i < 4; i++) {
			wait(&status);
			won += WEXITSTATUS(status);
		}
	}
	say("created %d of 10", won);
}

SCENARIO(open_errors)
{
	put("f", "x");
	R(mkdir("d", 0755));
	F(open("none", O_RDONLY));
	F(open("none/x", O_RDONLY));
	F(open("f/x", O_RDONLY));
	F(open("f/x", O_CREAT | O_RDWR, 0600));
	F(open("f/", O_RDONLY));
	F(open("d", O_WRONLY));
	F(open("d", O_RDWR));
	F(open("d", O_RDONLY | O_TRUNC));
	F(open("f", O_RDONLY | O_DIRECTORY));
	F(open("", O_RDONLY));
	F(open("d", O_PATH | O_RDWR));
	R(symlink("loop", "loop"));
	F(open("loop", O_RDONLY));
	F(open("loop", O_RDONLY | O_NOFOLLOW));
	F(open("loop", O_PATH | O_NOFOLLOW));
}

SCENARIO(mknod_kinds)
{
	R(mknod("fifo", S_IFIFO | 0640, 0));
	R(mknod("sock", S_IFSOCK | 0640, 0));
	R(mknod("chr", S_IFCHR | 0640, makedev(1, 3)));
	R(mknod("blk", S_IFBLK | 0640, makedev(7, 200)));
	R(mknod("big", S_IFCHR | 0640, makedev(4000, 1000000)));
	R(mknod("reg", S_IFREG | 0640, 0));
	R(mknod("zero", 0640, 0));
	R(mknod("dir", S_IFDIR | 0640, 0));
	R(mknod("lnk", S_IFLNK | 0640, 0));
	R(mknod("bad", 0150640, 0));
	R(mknod("reg", S_IFREG | 0640, 0));
	say_tree(".");
	say_dir(".");
}

SCENARIO(mknod_as_user)
{
	AS_USER(1234) {
		R(mknod("chr", S_IFCHR | 0666, makedev(1, 3)));
		R(mknod("blk", S_IFBLK | 0666, makedev(7, 0)));
		R(mknod("fifo", S_IFIFO | 0666, 0));
		R(mknod("white", S_IFCHR | 0666, 0));
		say_dir(".");
	}
}

SCENARIO(device_works)
{
	char c[4] = "";
	int fd;

	R(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
	R(mknod("zero", S_IFCHR | 0666, makedev(1, 5)));
	R(mknod("none", S_IFCHR | 0666, makedev(250, 250)));
	fd = F(open("null", O_RDWR));
	R(write(fd, "abc", 3));
	R(read(fd, c, 3));
	fd = F(open("zero", O_RDONLY));
	R(read(fd, c, 3));
	F(open("none", O_RDONLY));
}

SCENARIO(fifo_works)
{
	char text[10] = "";
	int r, w;

	R(mkfifo("p", 0600));
	F(open("p", O_WRONLY | O_NONBLOCK));
	r = F(open("p", O_RDONLY | O_NONBLOCK));
	w = F(open("p", O_WRONLY | O_NONBLOCK));
	R(write(w, "hello", 5));
	say_fstat("p", r);
	R(read(r, text, 9));
	say("%s", text);
	R(read(r, text, 9));
	R(lseek(r, 0, SEEK_SET));
	close(w);
	R(read(r, text, 9));
}

SCENARIO(socket_bind)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "s" };
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);

	R(bind(s, (struct sockaddr *)&a, sizeof(a)));
	R(bind(c, (struct sockaddr *)&a, sizeof(a)));
	say_stat("s");
	R(connect(c, (struct sockaddr *)&a, sizeof(a)));
	R(listen(s, 1));
	R(connect(c, (struct sockaddr *)&a, sizeof(a)));
	F(open("s", O_RDONLY));
	R(rename("s", "t"));
	strcpy(a.sun_path, "t");
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	R(fcntl(c, F_SETFL, O_NONBLOCK));
	say_stat("t");
	R(unlink("t"));
	R(connect(c, (struct sockaddr *)&a, sizeof(a)));
}

SCENARIO(mkdir_rmdir)
{
	struct times t;

	R(mkdir("d", 0755));
	say_stat(".");
	say_stat("d");
	R(mkdir("d", 0755));
	R(mkdir("d/", 0755));
	R(mkdir("e/", 0755));
	R(mkdir("none/e", 0755));
	R(mkdir("d/e", 0755));
	say_stat("d");
	R(rmdir("d"));
	t = times_of("d");
	tick();
	R(rmdir("d/e"));
	say_times("d", &t);
	say_stat("d");
	R(rmdir("d/."));
	R(rmdir("d/.."));
	R(rmdir("d/"));
	R(rmdir("d"));
	R(rmdir("/"));
	put("f", "x");
	R(rmdir("f"));
	R(symlink("e", "l"));
	R(rmdir("l"));
	R(rmdir("l/"));
	say_stat(".");
	say_dir(".");
}

SCENARIO(rmdir_of_open)
{
	int fd, here;

	R(mkdir("d", 0755));
	here = F(open(".", O_RDONLY | O_DIRECTORY));
	fd = F(open("d", O_RDONLY | O_DIRECTORY));
	R(rmdir("d"));
	say_fstat("d", fd);
	F(openat(fd, "x", O_CREAT | O_RDWR, 0600));
	R(mkdirat(fd, "x", 0700));
	R(symlinkat("t", fd, "x"));
	F(openat(fd, ".", O_RDONLY));
	F(openat(fd, "..", O_RDONLY));
	R(fchdir(fd));
	F(open("x", O_CREAT | O_RDWR, 0600));
	F(open(".", O_TMPFILE | O_RDWR, 0600));
	R(chmod(".", 0700));
	say_dir(".");
	R(fchdir(here));
	R(fsync(fd));
}

SCENARIO(symlinks)
{
	static char target[5000];
	char got[100];
	int lengths[] = { 1, 59, 60, 61, 100, 155, 156, 157, 255, 511, 1023, 1024, 4094, 4095, 4096 };
	char name[20];
	size_t i;

	R(symlink("nowhere", "dangling"));
	say_stat("dangling");
	R(readlink("dangling", got, sizeof(got)));
	R(readlink("dangling", got, 3));
	R(readlink("dangling", got, 0));
	R(symlink("", "empty"));
	R(symlink("x", "dangling"));
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		memset(target, 'a' + i, lengths[i]);
		target[lengths[i]] = '\0';
		snprintf(name, sizeof(name), "l%d", lengths[i]);
		R(symlink(target, name));
		say_stat(name);
		memset(target, 0, sizeof(target));
		R(readlink(name, target, sizeof(target)));
		say_bytes(name, target, strlen(target));
	}
	drop_all_caches();
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		snprintf(name, sizeof(name), "l%d", lengths[i]);
		memset(target, 0, sizeof(target));
		R(readlink(name, target, sizeof(target)));
		say_bytes(name, target, strlen(target));
	}
}

SCENARIO(symlink_follow)
{
	char link[20], target[20];
	int i;

	put("f", "file");
	R(mkdir("d", 0755));
	R(symlink("../f", "d/l"));
	say_fstat("d/l", F(open("d/l", O_RDONLY)));
	F(open("d/l", O_RDONLY | O_NOFOLLOW));
	say_fstat("d/l", F(open("d/l", O_PATH | O_NOFOLLOW)));
	R(chmod("d/l", 0600));
	R(fchmodat(AT_FDCWD, "d/l", 0640, AT_SYMLINK_NOFOLLOW));
	R(lchown("d/l", 5, 6));
	R(truncate("d/l", 1));
	say_tree(".");
	for (i = 0; i < 45; i++) {
		snprintf(link, sizeof(link), "chain%d", i + 1);
		snprintf(target, sizeof(target), "chain%d", i);
		symlink(target, link);
	}
	put("chain0", "end");
	F(open("chain39", O_RDONLY));
	F(open("chain40", O_RDONLY));
	F(open("chain41", O_RDONLY));
	R(unlink("d/l"));
	say_stat("f");
}

SCENARIO(hard_links)
{
	struct times t, d;

	put("a", "text");
	R(mkdir("d", 0755));
	t = times_of("a");
	d = times_of("d");
	tick();
	R(link("a", "d/b"));
	say_times("a", &t);
	say_times("d", &d);
	say_stat("a");
	say_stat("d/b");
	R(link("a", "d/b"));
	R(link("d", "e"));
	R(link("none", "e"));
	R(link("a", "none/e"));
	R(link("a", "a"));
	R(unlink("a"));
	say_stat("d/b");
	say_content("d/b");
	R(symlink("d/b", "l"));
	R(link("l", "m"));
	R(linkat(AT_FDCWD, "l", AT_FDCWD, "n", AT_SYMLINK_FOLLOW));
	R(mkfifo("p", 0600));
	R(link("p", "q"));
	say_tree(".");
}

SCENARIO(link_written_by_other_name)
{
	int a, b;
	char text[8] = "";

	put("a", "first");
	R(link("a", "b"));
	a = F(open("a", O_RDWR));
	b = F(open("b", O_RDWR));
	R(pwrite(a, "FIRST", 5, 0));
	R(pread(b, text, 5, 0));
	say("%s", text);
	R(ftruncate(b, 2));
	say_fstat("a", a);
	R(unlink("a"));
	R(pwrite(a, "more", 4, 2));
	say_content("b");
	R(unlink("b"));
	say_fstat("a", a);
	R(linkat(AT_FDCWD, "/proc/self/fd/3", AT_FDCWD, "c", AT_SYMLINK_FOLLOW));
}

SCENARIO(protected_hardlinks)
{
	put("root", "x");
	R(chmod("root", 0644));
	R(mkdir("d", 0777));
	R(chmod("d", 01777));
	AS_USER(1234) {
		R(link("root", "mine"));
		put("own", "y");
		R(link("own", "own2"));
		put("d/own", "z");
	}
	AS_USER(1235) {
		R(unlink("d/own"));
		R(rename("d/own", "d/other"));
		R(rename("d/own", "stolen"));
		R(link("own", "theirs"));
	}
	say_tree(".");
}

SCENARIO(many_links)
{
	char name[32];
	int i, failed = 0;

	put("f", "x");
	R(mkdir("d", 0755));
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		failed += !!link("f", name);
	}
	say("failed: %d", failed);
	say_stat("f");
	R(pathconf("f", _PC_NAME_MAX));
	for (i = 0; i < 300; i += 2) {
		snprintf(name, sizeof(name), "d/%d", i);
		failed += !!unlink(name);
	}
	say_stat("d/299");
	drop_all_caches();
	say_stat("d/299");
	say_stat("f");
}

/* ---- removing -------------------------------------------------------------- */

SCENARIO(unlink_kinds)
{
	struct times t;

	put("f", "x");
	R(mkdir("d", 0755));
	R(mkfifo("p", 0600));
	R(symlink("f", "l"));
	R(link("f", "g"));
	t = times_of("g");
	tick();
	R(unlink("f"));
	say_times("g", &t);
	say_stat("g");
	R(unlink("f"));
	R(unlink("d"));
	R(unlink("p"));
	R(unlink("l"));
	R(unlink("g/"));
	R(unlink("g/x"));
	R(unlink(""));
	R(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
	R(unlinkat(AT_FDCWD, "g", AT_REMOVEDIR));
	say_dir(".");
}

SCENARIO(unlink_open)
{
	struct statfs s;
	char text[8] = "";
	int fd;

	put("a", "before");
	fd = F(open("a", O_RDWR));
	R(unlink("a"));
	say_fstat("a", fd);
	R(pwrite(fd, "after", 5, 1));
	R(pread(fd, text, 6, 0));
	say("%s", text);
	R(ftruncate(fd, 100000));
	R(fchmod(fd, 0600));
	R(fchown(fd, 3, 4));
	R(fsetxattr(fd, "user.x", "y", 1, 0));
	R(fsync(fd));
	R(futimens(fd, NULL));
	R(fstatfs(fd, &s));
	say_fstat("a", fd);
	put("a", "another");
	say_fd_content("old", fd);
	say_content("a");
	R(access("/proc/self/fd/3", R_OK));
	F(open("/proc/self/fd/3", O_RDWR));
	R(linkat(fd, "", AT_FDCWD, "back", AT_EMPTY_PATH));
}

SCENARIO(unlink_mapped)
{
	char *map;
	int fd;

	make_file("a", 3 * PAGE, 1);
	fd = F(open("a", O_RDWR));
	map = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	R(unlink("a"));
	close(fd);
	say_poke("0", map, 5);
	say_poke("1", map + PAGE, 6);
	R(msync(map, 3 * PAGE, MS_SYNC));
	say_bytes("map", map, 3 * PAGE);
	R(munmap(map, 3 * PAGE));
}

/* Space comes back when the last user goes. */
SCENARIO(unlink_frees)
{
	struct statfs before, between, after;
	int fd;

	drop_all_caches();
	statfs(".", &before);
	make_file("a", 8 * MIB, 1);
	fd = F(open("a", O_RDONLY));
	R(unlink("a"));
	syncfs(fd);
	statfs(".", &between);
	close(fd);
	fd = F(open(".", O_RDONLY));
	for (int i = 0; i < 50; i++) {
		syncfs(fd);
		statfs(".", &after);
		if (after.f_bfree + 512 > before.f_bfree)
			break;
		usleep(50000);
	}
	say("used while open: %s", between.f_bfree + 1024 < before.f_bfree ? "yes" : "no");
	say("free again: %s", after.f_bfree + 512 > before.f_bfree ? "yes" : "no");
}

SCENARIO(sticky_directory)
{
	R(mkdir("t", 0777));
	R(chmod("t", 01777));
	put("t/root", "x");
	AS_USER(1000) {
		put("t/mine", "x");
		R(unlink("t/root"));
		R(rename("t/root", "t/r"));
		R(rename("t/mine", "t/root"));
	}
	AS_USER(1001) {
		R(unlink("t/mine"));
		put("t/other", "x");
		R(rename("t/other", "t/mine"));
	}
	say_tree("t");
}

/* ---- renaming -------------------------------------------------------------- */

SCENARIO(rename_plain)
{
	struct times f, d, e;

	put("a", "A");
	R(mkdir("d", 0755));
	R(mkdir("e", 0755));
	R(rename("a", "b"));
	say_dir(".");
	R(rename("b", "d/b"));
	f = times_of("d/b");
	d = times_of("d");
	e = times_of("e");
	tick();
	R(rename("d/b", "e/c"));
	say_times("e/c", &f);
	say_times("d", &d);
	say_times("e", &e);
	say_stat("d");
	say_stat("e");
	say_content("e/c");
	R(rename("none", "x"));
	R(rename("e/c", "none/x"));
	R(rename("e/c", "e/c/x"));
	R(rename("e/c", "e/c"));
	say_tree(".");
}

SCENARIO(rename_over)
{
	struct times t;
	int fd;

	put("a", "A");
	put("b", "BB");
	R(link("b", "b2"));
	fd = F(open("b", O_RDWR));
	t = times_of("b2");
	tick();
	R(rename("a", "b"));
	say_times("b2", &t);
	say_stat("b2");
	say_stat("b");
	say_content("b");
	say_fd_content("old", fd);
	R(link("b", "c"));
	R(rename("b", "c"));
	say_dir(".");
	R(rename("c", "b2"));
	say_fstat("old", fd);
	say_dir(".");
}

SCENARIO(rename_kinds)
{
	put("f", "x");
	R(mkdir("d", 0755));
	R(mkdir("empty", 0755));
	put("d/x", "y");
	R(rename("f", "d"));
	R(rename("d", "f"));
	R(rename("empty", "d"));
	R(rename("d", "empty"));
	R(rename("empty", "empty/sub"));
	R(mkdir("empty/deep", 0755));
	R(rename("empty", "empty/deep/er"));
	R(rename("empty/deep", "empty"));
	R(rename("empty/.", "dot"));
	R(rename("empty/..", "dot"));
	R(rename("f", "."));
	R(rename("f/", "g"));
	R(rename("f", "g/"));
	R(rename("empty/", "h/"));
	R(symlink("h", "l"));
	R(rename("l", "m"));
	R(rename("m/", "n"));
	R(rename("f", "m"));
	R(mkfifo("p", 0600));
	R(rename("p", "m"));
	say_tree(".");
}

SCENARIO(rename_directory_links)
{
	struct times t;

	R(mkdir("a", 0755));
	R(mkdir("b", 0755));
	R(mkdir("a/x", 0755));
	R(mkdir("a/x/y", 0755));
	t = times_of("a/x");
	say_stat("a");
	say_stat("b");
	tick();
	R(rename("a/x", "b/x"));
	say_times("b/x", &t);
	say_stat("a");
	say_stat("b");
	say_stat("b/x/..");
	say_stat("b/x/y/../..");
	R(mkdir("a/x", 0755));
	R(rename("a/x", "b/x"));
	R(rename("a/x", "b/x/y"));
	say_stat("a");
	say_stat("b");
	say_stat("b/x");
	say_stat("b/x/y/..");
}

SCENARIO(rename_noreplace)
{
	put("a", "A");
	put("b", "B");
	R(mkdir("d", 0755));
	R(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE));
	R(renameat2(AT_FDCWD, "a", AT_FDCWD, "a", RENAME_NOREPLACE));
	R(renameat2(AT_FDCWD, "a", AT_FDCWD, "d", RENAME_NOREPLACE));
	R(renameat2(AT_FDCWD, "a", AT_FDCWD, "c", RENAME_NOREPLACE));
	R(renameat2(AT_FDCWD, "d", AT_FDCWD, "c", RENAME_NOREPLACE));
	R(renameat2(AT_FDCWD, "d", AT_FDCWD, "e", RENAME_NOREPLACE));
	R(renameat2(AT_FDCWD, "none", AT_FDCWD, "f", RENAME_NOREPLACE));
	R(symlink("nowhere", "l"));
	R(renameat2(AT_FDCWD, "c", AT_FDCWD, "l", RENAME_NOREPLACE));
	say_tree(".");
}

SCENARIO(rename_exchange)
{
	struct times a, b;

	put("a", "A");
	put("b", "BB");
	R(mkdir("d", 0755));
	R(mkdir("d/sub", 0755));
	R(mkdir("e", 0755));
	put("e/f", "F");
	a = times_of("a");
	b = times_of("b");
	tick();
	R(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE));
	say_times("b", &a);
	say_times("a", &b);
	R(renameat2(AT_FDCWD, "a", AT_FDCWD, "none", RENAME_EXCHANGE));
	R(renameat2(AT_FDCWD, "a", AT_FDCWD, "a", RENAME_EXCHANGE));
	R(renameat2(AT_FDCWD, "a", AT_FDCWD, "d", RENAME_EXCHANGE));
	R(renameat2(AT_FDCWD, "d", AT_FDCWD, "e/f", RENAME_EXCHANGE));
	R(renameat2(AT_FDCWD, "a", AT_FDCWD, "e/f", RENAME_EXCHANGE));
	R(renameat2(AT_FDCWD, "a", AT_FDCWD, "a/sub", RENAME_EXCHANGE));
	R(renameat2(AT_FDCWD, "e/f/sub", AT_FDCWD, "e", RENAME_EXCHANGE));
	R(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE | RENAME_NOREPLACE));
	R(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", 1 << 5));
	say_tree(".");
	drop_all_caches();
	say_tree(".");
}

SCENARIO(rename_whiteout)
{
	put("a", "A");
	put("b", "B");
	R(mkdir("d", 0755));
	R(renameat2(AT_FDCWD, "a", AT_FDCWD, "c", RENAME_WHITEOUT));
	say_stat("a");
	R(renameat2(AT_FDCWD, "b", AT_FDCWD, "d/b", RENAME_WHITEOUT | RENAME_NOREPLACE));
	R(renameat2(AT_FDCWD, "c", AT_FDCWD, "d/b", RENAME_WHITEOUT | RENAME_NOREPLACE));
	R(renameat2(AT_FDCWD, "c", AT_FDCWD, "d/b", RENAME_WHITEOUT | RENAME_EXCHANGE));
	R(renameat2(AT_FDCWD, "c", AT_FDCWD, "d/b", RENAME_WHITEOUT));
	R(renameat2(AT_FDCWD, "d", AT_FDCWD, "e", RENAME_WHITEOUT));
	say_tree(".");
	say_dir(".");
	F(open("a", O_RDONLY));
	R(unlink("a"));
	drop_all_caches();
	say_tree(".");
}

SCENARIO(rename_whiteout_as_user)
{
	AS_USER(1234) {
		put("a", "A");
		R(renameat2(AT_FDCWD, "a", AT_FDCWD, "c", RENAME_WHITEOUT));
		say_tree(".");
	}
}

SCENARIO(rename_open_file)
{
	int fd;
	char path[64], link[300];
	ssize_t n;

	put("a", "text");
	R(mkdir("d", 0755));
	fd = F(open("a", O_RDWR));
	R(rename("a", "d/b"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, link, sizeof(link) - 1);
	link[n < 0 ? 0 : n] = '\0';
	say("now %s", strrchr(link, '/'));
	R(write(fd, "TEXT", 4));
	R(unlink("d/b"));
	n = readlink(path, link, sizeof(link) - 1);
	link[n < 0 ? 0 : n] = '\0';
	say("now %s", strrchr(link, '/'));
}

SCENARIO(rename_permissions)
{
	R(mkdir("mine", 0777));
	R(mkdir("closed", 0755));
	R(chmod("mine", 0777));
	put("closed/f", "x");
	AS_USER(1234) {
		put("mine/f", "y");
		R(mkdir("mine/d", 0755));
		R(rename("closed/f", "mine/g"));
		R(rename("mine/f", "closed/g"));
		R(rename("mine/f", "closed/f"));
		R(rename("mine/d", "closed/d"));
	}
	R(mkdir("foreign", 0755));
	R(chown("foreign", 1, 1));
	R(chmod("foreign", 0755));
	R(rename("foreign", "mine/foreign"));
	AS_USER(1234) {
		R(rename("mine/foreign", "mine/renamed"));
		R(mkdir("mine/into", 0755));
		/* a directory that one may not write in can't get a new .. */
		R(rename("mine/renamed", "mine/into/x"));
	}
	say_tree(".");
}

SCENARIO(rename_across_mounts)
{
	put("a", "A");
	R(mkdir("m", 0755));
	R(mkdir("d", 0755));
	R(mount("d", "m", NULL, MS_BIND, NULL));
	R(rename("a", "m/a"));
	R(link("a", "m/a"));
	R(rename("m", "n"));
	R(rmdir("m"));
	R(rename("a", "/tmp/a"));
	R(link("a", "/tmp/a"));
	R(umount("m"));
	R(rmdir("m"));
}

SCENARIO(names_of_every_length)
{
	static const int lengths[] = { 1, 2, 8, 9, 16, 100, 200, 254, 255, 256, 1000 };
	char name[1100];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		memset(name, 'n', lengths[i]);
		name[lengths[i]] = '\0';
		say("%d", lengths[i]);
		F(open(name, O_CREAT | O_RDWR, 0600));
		say_stat(name);
		memset(name, 'd', lengths[i]);
		R(mkdir(name, 0700));
		memset(name, 'l', lengths[i]);
		R(symlink("x", name));
		R(rename(name, "renamed"));
		R(rename("renamed", name));
		R(unlink(name));
		R(access(name, F_OK));
	}
	say_dir(".");
}

SCENARIO(names_of_any_bytes)
{
	static const char *const names[] = {
		"with space", "new\nline", "\xff\xfe", "\x01\x02", "tab\t", "ünïcödé", "...", "-rf",
		"back\\slash", "\"quoted\"", "*", "trailing ", "\xe2\x82\xac", "UPPER", "upper",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		R(close(open(names[i], O_CREAT | O_EXCL | O_RDWR, 0600)));
	say_dir(".");
	drop_all_caches();
	for (i = 0; i < ARRAY_SIZE(names); i++)
		R(unlink(names[i]));
	say_dir(".");
}

SCENARIO(path_limits)
{
	static char path[5000];
	int depth;

	memset(path, 'a', 4999);
	F(open(path, O_RDONLY));
	path[0] = '\0';
	for (depth = 0; depth < 40; depth++) {
		R(mkdir("0123456789", 0755));
		R(chdir("0123456789"));
	}
	put("bottom", "x");
	for (depth = 0; depth < 2047; depth++)
		strcat(path, "./");
	strcat(path, "x");
	F(open(path, O_RDONLY));
	F(open("../../../../0123456789/0123456789/0123456789/0123456789/bottom", O_RDONLY));
}

/* ---- O_TMPFILE ------------------------------------------------------------- */

SCENARIO(tmpfile_link)
{
	char path[64];
	int fd = F(open(".", O_TMPFILE | O_RDWR, 0640));

	say_fstat("tmp", fd);
	R(write(fd, "tmp", 3));
	say_dir(".");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	R(linkat(AT_FDCWD, path, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
	say_fstat("tmp", fd);
	say_content("linked");
	R(linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH));
	R(unlink("linked"));
	R(unlink("again"));
	say_fstat("tmp", fd);
	R(linkat(fd, "", AT_FDCWD, "third", AT_EMPTY_PATH));
	say_dir(".");
}

SCENARIO(tmpfile_excl)
{
	int fd = F(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600));

	R(write(fd, "x", 1));
	R(linkat(fd, "", AT_FDCWD, "linked", AT_EMPTY_PATH));
	say_dir(".");
	F(open(".", O_TMPFILE | O_RDONLY, 0600));
	F(open("none", O_TMPFILE | O_RDWR, 0600));
	put("f", "x");
	F(open("f", O_TMPFILE | O_RDWR, 0600));
}

SCENARIO(tmpfile_used)
{
	char *map;
	int fd = F(open(".", O_TMPFILE | O_WRONLY, 0600)), other;

	R(write(fd, "12345", 5));
	say_fd_content("write-only", fd);
	fd = F(open(".", O_TMPFILE | O_RDWR, 0));
	say_fstat("mode 0", fd);
	R(ftruncate(fd, 2 * PAGE));
	map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	say_poke("map", map + 100, 1);
	R(fsetxattr(fd, "user.a", "b", 1, 0));
	R(fchmod(fd, 06755));
	R(fsync(fd));
	other = F(open("/proc/self/fd/4", O_RDONLY));
	say_fd_content("other", other);
	R(linkat(fd, "", AT_FDCWD, "x", AT_EMPTY_PATH));
	say_tree(".");
	say_xattrs("x");
	drop_all_caches();
	say_content("x");
}

SCENARIO(tmpfile_as_user)
{
	R(mkdir("closed", 0755));
	R(mkdir("sgid", 0777));
	R(chown("sgid", 0, 99));
	R(chmod("sgid", 02777));
	AS_USER(1234) {
		int fd;

		F(open("closed", O_TMPFILE | O_RDWR, 0600));
		fd = F(open("sgid", O_TMPFILE | O_RDWR, 02770));
		say_fstat("in sgid", fd);
		R(linkat(AT_FDCWD, "/proc/self/fd/3", AT_FDCWD, "sgid/x", AT_SYMLINK_FOLLOW));
		say_stat("sgid/x");
	}
}

/* ---- reading directories --------------------------------------------------- */

static void many(const char *dir, int from, int to)
{
	char name[64];
	int i;

	for (i = from; i < to; i++) {
		snprintf(name, sizeof(name), "%s/entry-number-%d", dir, i);
		close(open(name, O_CREAT | O_WRONLY, 0600));
	}
}

SCENARIO(readdir_types)
{
	put("f", "x");
	R(mkdir("d", 0755));
	R(mkfifo("p", 0600));
	R(mknod("s", S_IFSOCK | 0600, 0));
	R(mknod("c", S_IFCHR | 0600, 1));
	R(mknod("b", S_IFBLK | 0600, 1));
	R(symlink("f", "l"));
	say_dir(".");
	drop_all_caches();
	say_dir(".");
	say_tree(".");
}

/* d_ino is what stat says, also of . and .. */
SCENARIO(readdir_inodes)
{
	struct dirent *e;
	struct stat s;
	DIR *d;

	R(mkdir("x", 0755));
	put("x/f", "x");
	R(mkdir("x/d", 0755));
	d = opendir("x");
	R(chdir("x"));
	while ((e = readdir(d)))
		if (stat(e->d_name, &s) || s.st_ino != e->d_ino)
			say("%s: other inode", e->d_name);
	closedir(d);
}

static int count_entries(DIR *d, int *sum)
{
	struct dirent *e;
	int n = 0;

	while ((e = readdir(d))) {
		n++;
		if (strrchr(e->d_name, '-'))
			*sum += atoi(strrchr(e->d_name, '-') + 1);
	}
	return n;
}

SCENARIO(readdir_seek)
{
	int sum = 0, half = 0, n;
	struct dirent *e;
	char name[300];
	long at = 0;
	DIR *d;

	R(mkdir("m", 0755));
	many("m", 0, 300);
	d = opendir("m");
	for (n = 0; (e = readdir(d)) && n < 150; n++)
		at = telldir(d);
	n = count_entries(d, &half);
	say("%d entries after the middle", n);
	seekdir(d, at);
	e = readdir(d);
	snprintf(name, sizeof(name), "%s", e ? e->d_name : "end");
	seekdir(d, at);
	e = readdir(d);
	say("the same after seekdir: %d", e && !strcmp(name, e->d_name));
	seekdir(d, at);
	half = 0;
	say("%d entries after seekdir", count_entries(d, &half));
	rewinddir(d);
	say("%d entries after rewinddir", count_entries(d, &sum));
	say("sum %d", sum);
	say("%d entries after the end", count_entries(d, &sum));
	many("m", 300, 310);
	rewinddir(d);
	say("%d entries with the new ones", count_entries(d, &sum));
}

SCENARIO(readdir_errors)
{
	char buf[300];
	int fd;

	put("f", "x");
	fd = F(open("f", O_RDONLY));
	R(syscall(SYS_getdents64, fd, buf, sizeof(buf)));
	fd = F(open(".", O_RDONLY));
	R(syscall(SYS_getdents64, fd, buf, 4));
	R(syscall(SYS_getdents64, fd, NULL, 300));
	R(read(fd, buf, 10));
	R(pread(fd, buf, 10, 0));
	R(write(fd, buf, 10));
	R(ftruncate(fd, 0));
	R(lseek(fd, -1, SEEK_SET));
	R(lseek(fd, 0, SEEK_CUR) >= 0);
	R(lseek(fd, 0, SEEK_DATA));
	R(lseek(fd, 0, SEEK_HOLE));
	F(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
	R(fallocate(fd, 0, 0, 100));
	R(fsync(fd));
	R(fdatasync(fd));
	E(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	R(sync_file_range(fd, 0, 10, SYNC_FILE_RANGE_WRITE));
}

/* Entries that stay are seen once, whatever else comes and goes. */
SCENARIO(readdir_while_changing)
{
	static unsigned char seen[500];
	struct dirent *e;
	char name[64];
	int i, n = 0, lost = 0, twice = 0;
	DIR *d;

	R(mkdir("m", 0755));
	many("m", 0, 500);
	d = opendir("m");
	while ((e = readdir(d))) {
		if (!strrchr(e->d_name, '-'))
			continue;
		i = atoi(strrchr(e->d_name, '-') + 1);
		if (i < 500)
			seen[i]++;
		/* every odd one goes; others are made */
		if (n < 250) {
			snprintf(name, sizeof(name), "m/entry-number-%d", 2 * n + 1);
			unlink(name);
			many("m", 1000 + n, 1001 + n);
			n++;
		}
	}
	for (i = 0; i < 500; i += 2) {
		lost += !seen[i];
		twice += seen[i] > 1;
	}
	say("lost %d, twice %d", lost, twice);
	rewinddir(d);
	n = 0;
	say("%d entries in the end", count_entries(d, &n));
}

SCENARIO(readdir_unlink_all)
{
	struct dirent *e;
	char name[300];
	int n = 0;
	DIR *d;

	R(mkdir("m", 0755));
	many("m", 0, 300);
	d = opendir("m");
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "m/%s", e->d_name);
		if (!unlink(name))
			n++;
	}
	say("removed %d", n);
	R(rmdir("m"));
}

SCENARIO(large_directory)
{
	int sum = 0, i;
	struct stat s;
	char name[64];
	DIR *d;

	R(mkdir("m", 0755));
	many("m", 0, 1200);
	d = opendir("m");
	say("%d entries", count_entries(d, &sum));
	say("sum %d", sum);
	closedir(d);
	drop_all_caches();
	for (i = 0; i < 1200; i += 111) {
		snprintf(name, sizeof(name), "m/entry-number-%d", i);
		R(stat(name, &s));
	}
	R(stat("m/entry-number-1200", &s));
	for (i = 0; i < 1200; i++) {
		snprintf(name, sizeof(name), "m/entry-number-%d", i);
		unlink(name);
	}
	say_dir("m");
	R(rmdir("m"));
}

/* ---- times of directories -------------------------------------------------- */

/* One operation in directory d, and what it does to d's times. */
#define IN_D(op) do {			\
		struct times t_ = times_of("d");	\
		tick();			\
		R(op);			\
		say_times("d", &t_);	\
		say_stat("d");		\
	} while (0)

SCENARIO(directory_times)
{
	R(mkdir("d", 0755));
	put("out", "x");
	IN_D(close(open("d/f", O_CREAT | O_RDWR, 0600)));
	IN_D(close(open("d/f", O_CREAT | O_RDWR, 0600)));
	IN_D(close(open("d/f", O_TRUNC | O_RDWR, 0600)));
	IN_D(mkdir("d/s", 0755));
	IN_D(mkdir("d/s", 0755));
	IN_D(symlink("x", "d/l"));
	IN_D(mkfifo("d/p", 0600));
	IN_D(link("d/f", "d/g"));
	IN_D(rename("d/g", "d/h"));
	IN_D(rename("d/h", "d/f"));
	IN_D(rename("out", "d/out"));
	IN_D(rename("d/out", "out"));
	IN_D(unlink("d/f"));
	IN_D(unlink("d/none"));
	IN_D(rmdir("d/s"));
	IN_D(chmod("d", 0700));
	IN_D(chown("d", 1, 1));
	IN_D(access("d/l", F_OK));
	IN_D(setxattr("d", "user.a", "b", 1, 0));
	IN_D(close(open("d", O_TMPFILE | O_RDWR, 0600)));
}

SCENARIO(file_times)
{
	struct times t;
	char buf[10];
	int fd;

	put("f", "some text");
	fd = F(open("f", O_RDWR));
#define ON_F(op) do { t = times_of("f"); tick(); R(op); say_times("f", &t); } while (0)
	ON_F(write(fd, "", 0));
	ON_F(write(fd, "x", 1));
	ON_F(pwrite(fd, "x", 1, 100));
	ON_F(read(fd, buf, 0));
	ON_F(ftruncate(fd, 5));
	ON_F(ftruncate(fd, 5));
	ON_F(ftruncate(fd, 50));
	ON_F(truncate("f", 50));
	ON_F(truncate("f", 10));
	ON_F(close(open("f", O_TRUNC | O_WRONLY)));
	ON_F(close(open("f", O_TRUNC | O_WRONLY)));
	ON_F(fallocate(fd, 0, 0, 10000));
	ON_F(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 20000));
	ON_F(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 5000));
	ON_F(fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 5000));
	ON_F(fchmod(fd, 0600));
	ON_F(fchmod(fd, 0600));
	ON_F(fchown(fd, 1, 2));
	ON_F(fchown(fd, -1, -1));
	ON_F(fsetxattr(fd, "user.a", "b", 1, 0));
	ON_F(fremovexattr(fd, "user.a"));
	ON_F(fremovexattr(fd, "user.a"));
	ON_F(rename("f", "g"));
	ON_F(rename("g", "f"));
	ON_F(link("f", "g"));
	ON_F(unlink("g"));
	ON_F(fsync(fd));
	ON_F(lseek(fd, 0, SEEK_DATA));
	ON_F(syncfs(fd));
}

/* ---- cached names ---------------------------------------------------------- */

SCENARIO(negative_names)
{
	R(access("a", F_OK));
	put("a", "x");
	R(access("a", F_OK));
	R(unlink("a"));
	R(access("a", F_OK));
	R(mkdir("a", 0755));
	R(access("a/b", F_OK));
	R(symlink("b", "a/b"));
	R(access("a/b", F_OK));
	say_stat("a/b");
	R(rename("a", "c"));
	R(access("a/b", F_OK));
	say_stat("c/b");
	put("a", "y");
	say_content("a");
}

SCENARIO(recreate_same_name)
{
	char text[20];
	int i;

	for (i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "round %d", i);
		put("f", text);
		say_content("f");
		R(unlink("f"));
		R(mkdir("f", 0700));
		R(rmdir("f"));
		R(symlink(text, "f"));
		R(readlink("f", text, sizeof(text)));
		R(unlink("f"));
	}
}

SCENARIO(after_drop_caches)
{
	R(mkdir("d", 0755));
	R(mkdir("d/e", 0750));
	make_file("d/e/f", 100000, 3);
	R(link("d/e/f", "d/g"));
	R(symlink("e/f", "d/l"));
	say_tree("d");
	drop_all_caches();
	say_tree("d");
	say_content("d/l");
}

/* ---- walking --------------------------------------------------------------- */

SCENARIO(search_permission)
{
	R(mkdir("d", 0711));
	R(mkdir("d/e", 0755));
	put("d/e/f", "x");
	put("d/g", "x");
	R(chmod("d/g", 0));
	AS_USER(1234) {
		F(open("d", O_RDONLY));
		F(open("d/e/f", O_RDONLY));
		F(open("d/e/f", O_RDWR));
		F(open("d/g", O_RDONLY));
		F(open("d/none", O_RDONLY));
		F(open("d/new", O_RDWR | O_CREAT, 0600));
		R(access("d", R_OK));
		R(access("d", X_OK));
		R(access("d/e/f", W_OK));
		R(access("d/e/f", X_OK));
	}
	R(chmod("d", 0744));
	AS_USER(1234) {
		F(open("d", O_RDONLY));
		F(open("d/e/f", O_RDONLY));
		R(access("d/e", F_OK));
		R(chdir("d"));
		say_dir("d");
	}
	R(access("d/g", X_OK));
	R(access("d/g", R_OK | W_OK));
}

SCENARIO(openat2_resolve)
{
	struct { uint64_t flags, mode, resolve; } how = { .flags = O_RDONLY };
	int d;

	R(mkdir("d", 0755));
	put("f", "x");
	R(symlink("../f", "d/l"));
	R(symlink("/", "d/abs"));
	d = F(open("d", O_RDONLY | O_DIRECTORY));
#define TRY(path, how_) (how.resolve = (how_), F(syscall(SYS_openat2, d, path, &how, sizeof(how))))
	TRY("l", 0x01);		/* NO_XDEV */
	TRY("l", 0x04);		/* NO_SYMLINKS */
	TRY("l", 0x08);		/* BENEATH */
	TRY("l", 0x10);		/* IN_ROOT */
	TRY("abs", 0x01);
	TRY("abs", 0x10);
	TRY("../f", 0x08);
	TRY("../f", 0x20);	/* CACHED */
	TRY("none", 0x20);
#undef TRY
}

SCENARIO(chdir_and_getcwd)
{
	char path[1000];
	char *end;

	R(mkdir("d", 0755));
	R(mkdir("d/e", 0755));
	R(chdir("d/e"));
	getcwd(path, sizeof(path));
	end = strstr(path, "/d/");
	say("in %s", end ?: path);
	R(rename("../../d", "../../n"));
	getcwd(path, sizeof(path));
	end = strstr(path, "/n/");
	say("in %s", end ?: path);
	R(rmdir("../e"));
	F(getcwd(path, sizeof(path)) ? 0 : -1);
	R(access(".", F_OK));
	R(access("..", F_OK));
	F(open("x", O_CREAT | O_RDWR, 0600));
}

SCENARIO(mount_point_is_busy)
{
	R(mkdir("m", 0755));
	put("f", "x");
	R(mount("tmpfs", "m", "tmpfs", 0, NULL));
	R(rmdir("m"));
	R(rename("m", "n"));
	R(umount("m"));
	put("g", "y");
	R(mount("f", "g", NULL, MS_BIND, NULL));
	say_content("g");
	R(unlink("g"));
	R(umount("g"));
	say_content("g");
	R(unlink("g"));
	R(rmdir("m"));
}

/* ---- many at once ---------------------------------------------------------- */

static void *churn(void *arg)
{
	char a[40], b[40];
	long id = (long)arg;
	int i;

	for (i = 0; i < 60; i++) {
		snprintf(a, sizeof(a), "x%ld/f%d", id & 1, i % 7);
		snprintf(b, sizeof(b), "x%ld/f%ld", (id >> 1) & 1, (i + id) % 7);
		close(open(a, O_CREAT | O_RDWR, 0600));
		rename(a, b);
		link(b, a);
		if (i % 3 == 0)
			unlink(b);
		renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
	}
	return NULL;
}

/* Nothing is said of the outcome but that the tree is whole and goes away. */
SCENARIO(churn_together)
{
	pthread_t t[4];
	char name[40];
	long i, k;

	R(mkdir("x0", 0755));
	R(mkdir("x1", 0755));
	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, churn, (void *)i);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < 2; i++)
		for (k = 0; k < 7; k++) {
			snprintf(name, sizeof(name), "x%ld/f%ld", i, k);
			if (unlink(name) && errno != ENOENT)
				say("%s: %s", name, error_name(errno));
		}
	R(rmdir("x0"));
	R(rmdir("x1"));
}

SCENARIO(rename_directories_together)
{
	int i, round, status;

	R(mkdir("a", 0755));
	R(mkdir("a/b", 0755));
	R(mkdir("c", 0755));
	for (i = 0; i < 4; i++) {
		if (fork())
			continue;
		for (round = 0; round < 50; round++) {
			rename("a/b", "c/b");
			rename("c/b", "a/b");
			rename("a", "c/a");
			rename("c/a", "a");
			renameat2(AT_FDCWD, "a", AT_FDCWD, "c", RENAME_EXCHANGE);
		}
		_exit(0);
	}
	for (i = 0; i < 4; i++)
		wait(&status);
	say("b is somewhere: %d", !access("a/b", F_OK) || !access("c/b", F_OK) ||
	    !access("c/a/b", F_OK) || !access("a/c/b", F_OK) || !access("b", F_OK));
}

SCENARIO(create_in_deleted_parent_race)
{
	int i, status, bad = 0;

	for (i = 0; i < 30; i++) {
		mkdir("p", 0755);
		if (!fork()) {
			close(open("p/f", O_CREAT | O_RDWR, 0600));
			_exit(0);
		}
		rmdir("p");
		wait(&status);
		unlink("p/f");
		if (rmdir("p") && errno != ENOENT)
			bad++;
	}
	say("bad %d", bad);
}

/* ---- by descriptor ---------------------------------------------------------- */

SCENARIO(path_descriptors)
{
	char text[10];
	struct stat s;
	int d, f, g;

	R(mkdir("d", 0755));
	put("d/f", "text");
	d = F(open("d", O_PATH | O_DIRECTORY));
	f = F(openat(d, "f", O_PATH));
	R(fstat(f, &s));
	R(read(f, text, 4));
	R(write(f, text, 4));
	R(fchmod(f, 0600));
	R(fchown(f, 1, 1));
	R(ftruncate(f, 0));
	R(ioctl(f, FIGETBSZ, text));
	R(lseek(f, 0, SEEK_SET));
	R(mmap(NULL, 4096, PROT_READ, MAP_SHARED, f, 0) == MAP_FAILED);
	R(fchdir(d));
	R(openat(d, "../d/f", O_RDONLY) >= 0);
	R(fchmodat(f, "", 0600, AT_EMPTY_PATH));
	R(fchownat(f, "", 1, 2, AT_EMPTY_PATH));
	R(utimensat(f, "", NULL, AT_EMPTY_PATH));
	g = F(open("/proc/self/fd/4", O_RDWR));
	R(write(g, "TEXT", 4));
	R(linkat(f, "", d, "g", AT_EMPTY_PATH));
	say_stat("f");
	R(unlinkat(d, "f", 0));
	R(fstat(f, &s));
	say("links %ju", (uintmax_t)s.st_nlink);
	R(renameat(d, "g", d, "h"));
	say_dir(".");
}

SCENARIO(access_modes)
{
	static const int modes[] = { 0, 0100, 0444, 0222, 0111, 0755, 0070, 0007 };
	size_t i;
	int k;

	put("f", "x");
	R(mkdir("d", 0755));
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		R(chmod("f", modes[i]));
		R(chmod("d", modes[i]));
		for (k = 0; k < 8; k++)
			say("%o for %d: file %s, directory %s", modes[i], k,
			    access("f", k) ? error_name(errno) : "ok",
			    access("d", k) ? error_name(errno) : "ok");
		AS_USER(1234) {
			for (k = 0; k < 8; k++)
				say("%o for %d: file %s, directory %s", modes[i], k,
				    access("f", k) ? error_name(errno) : "ok",
				    faccessat(AT_FDCWD, "d", k, AT_EACCESS) ?
				    error_name(errno) : "ok");
			F(open("f", O_RDONLY));
			F(open("f", O_RDWR));
			F(open("d", O_RDONLY));
			R(chdir("d"));
		}
	}
}

/* Sticky directories that all may write to: fs.protected_* */
SCENARIO(protected_create)
{
	R(mkdir("t", 0777));
	R(chmod("t", 01777));
	AS_USER(1234) {
		put("t/f", "x");
		R(chmod("t/f", 0666));
		R(mkfifo("t/p", 0666));
		R(chmod("t/p", 0666));
		R(symlink("f", "t/l"));
	}
	F(open("t/f", O_RDWR | O_CREAT, 0600));
	F(open("t/p", O_RDWR | O_CREAT | O_NONBLOCK, 0600));
	F(open("t/l", O_RDWR));
	AS_USER(4321) {
		F(open("t/f", O_RDWR | O_CREAT, 0600));
		F(open("t/f", O_RDWR));
		F(open("t/p", O_RDWR | O_CREAT | O_NONBLOCK, 0600));
		F(open("t/l", O_RDWR));
	}
}

SCENARIO(getdents_small_buffer)
{
	char buf[64];
	int fd, n = 0, count = 0, at;

	R(mkdir("m", 0755));
	for (at = 0; at < 40; at++) {
		snprintf(buf, sizeof(buf), "m/f%d", at);
		close(open(buf, O_CREAT | O_RDWR, 0600));
	}
	fd = F(open("m", O_RDONLY));
	while ((n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
		for (at = 0; at < n; at += *(unsigned short *)(buf + at + 16))
			count++;
	say("%d, then %d %s", count, n, error_name(n < 0 ? errno : 0));
	R(lseek(fd, 0, SEEK_SET));
	n = syscall(SYS_getdents64, fd, buf, sizeof(buf));
	say("%d", n > 0);
	memset(buf, 'n', 60);
	buf[60] = '\0';
	R(chdir("m"));
	R(close(open(buf, O_CREAT | O_RDWR, 0600)));
	R(lseek(fd, 0, SEEK_SET));
	while ((n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
		;
	say("the long name: %s", error_name(n < 0 ? errno : 0));
}

/* Two descriptors of one directory have each its place in it */
SCENARIO(readdir_twice)
{
	DIR *a, *b;
	int n = 0, sum = 0;

	R(mkdir("m", 0755));
	many("m", 0, 100);
	a = opendir("m");
	b = opendir("m");
	for (n = 0; n < 50; n++)
		readdir(a);
	say("%d in the other", count_entries(b, &sum));
	say("%d left in the one", count_entries(a, &sum));
	closedir(a);
	rewinddir(b);
	IN_CHILD {
		readdir(b);
	}
	say("%d", count_entries(b, &sum) > 0);
	closedir(b);
}

SCENARIO(readdir_of_removed)
{
	struct dirent *e;
	int n = 0;
	DIR *d;

	R(mkdir("m", 0755));
	put("m/f", "x");
	d = opendir("m");
	R(unlink("m/f"));
	R(rmdir("m"));
	R(mkdir("m", 0755));
	put("m/g", "x");
	errno = 0;
	while ((e = readdir(d)))
		n++;
	say("%d entries, %s", n, error_name(errno));
	rewinddir(d);
	for (n = 0; (e = readdir(d)); n++)
		;
	say("%d entries, %s", n, error_name(errno));
}

SCENARIO(subdirectory_links)
{
	char name[20];
	int i;

	R(mkdir("d", 0755));
	for (i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		mkdir(name, 0755);
	}
	say_stat("d");
	R(rename("d/1", "d/2"));
	R(rename("d/3", "moved"));
	R(renameat2(AT_FDCWD, "d/4", AT_FDCWD, "d/5", RENAME_EXCHANGE));
	put("f", "x");
	R(renameat2(AT_FDCWD, "d/6", AT_FDCWD, "f", RENAME_EXCHANGE));
	say_stat("d");
	say_stat(".");
	for (i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		rmdir(name);
	}
	say_stat("d");
}

SCENARIO(deep_tree_moves)
{
	int i;

	R(mkdir("a", 0755));
	R(chdir("a"));
	for (i = 0; i < 20; i++) {
		mkdir("x", 0755);
		if (chdir("x"))
			say("%d: %s", i, error_name(errno));
	}
	put("f", "deep");
	for (i = 0; i < 21; i++)
		if (chdir(".."))
			say("%d: %s", i, error_name(errno));
	R(rename("a", "b"));
	say_content("b/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/f");
	R(rename("b/x/x/x/x", "short"));
	say_content("short/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/f");
	say_stat("b/x/x/x");
	R(rename("b", "short/b"));
	R(rename("short", "short/b/x"));
	say_stat("short/b/x/x/x");
}

SCENARIO(open_flags_combined)
{
	static const int flags[] = {
		O_CREAT | O_TRUNC, O_CREAT | O_APPEND, O_CREAT | O_SYNC, O_CREAT | O_DSYNC,
		O_CREAT | O_DIRECT, O_CREAT | O_NOATIME, O_CREAT | O_NONBLOCK, O_CREAT | O_CLOEXEC,
		O_CREAT | O_NOCTTY, O_CREAT | O_ASYNC, O_CREAT | O_PATH, O_CREAT | O_EXCL | O_TRUNC,
		O_TRUNC | O_DIRECT, O_APPEND | O_DIRECT, O_TMPFILE, O_DIRECTORY | O_RDWR, O_ACCMODE,
	};
	char name[20];
	size_t i;
	int k, fd;

	for (i = 0; i < ARRAY_SIZE(flags); i++)
		for (k = 0; k < 3; k++) {
			snprintf(name, sizeof(name), "f%zu", i);
			fd = open(name, flags[i] | k, 0600);
			say("%#o: %s, then %#x", flags[i] | k, fd < 0 ? error_name(errno) : "ok",
			    fd < 0 ? 0 : fcntl(fd, F_GETFL));
			close(fd);
		}
	say_dir(".");
}

SCENARIO(rename_exchange_parents)
{
	R(mkdir("a", 0755));
	R(mkdir("b", 0755));
	R(mkdir("a/d", 0755));
	put("a/d/x", "in a");
	R(mkdir("b/e", 0755));
	put("b/e/y", "in b");
	put("b/f", "file");
	R(renameat2(AT_FDCWD, "a/d", AT_FDCWD, "b/e", RENAME_EXCHANGE));
	say_tree(".");
	say_stat("a/d/..");
	say_stat("b/e/..");
	R(renameat2(AT_FDCWD, "a/d", AT_FDCWD, "b/f", RENAME_EXCHANGE));
	say_tree(".");
	say_stat("b/f/..");
}

SCENARIO(same_name_in_many_directories)
{
	char name[20];
	int i;

	for (i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		mkdir(name, 0755);
		strcat(name, "/same");
		put(name, name);
	}
	R(rename("d1/same", "d2/same"));
	R(unlink("d3/same"));
	R(link("d4/same", "d3/same"));
	say_content("d2/same");
	say_content("d3/same");
	R(access("d1/same", F_OK));
	drop_all_caches();
	say_content("d2/same");
	say_content("d3/same");
	R(access("d1/same", F_OK));
	say_content("d29/same");
}

SCENARIO(file_while_being_replaced)
{
	int i, bad = 0, status;
	char text[20];

	put("f", "round 00000");
	if (!fork()) {
		for (i = 0; i < 200; i++) {
			snprintf(text, sizeof(text), "round %05d", i);
			put("new", text);
			if (rename("new", "f"))
				_exit(1);
		}
		_exit(0);
	}
	for (i = 0; i < 200; i++) {
		int fd = open("f", O_RDONLY);

		memset(text, 0, sizeof(text));
		if (fd < 0 || read(fd, text, 19) != 11 || strncmp(text, "round ", 6))
			bad++;
		close(fd);
	}
	wait(&status);
	say("bad %d, status %d", bad, status);
	say_content("f");
	say_dir(".");
}
