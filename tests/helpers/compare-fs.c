// SPDX-License-Identifier: GPL-2.0-only
/* Scenarios about whole filesystems, locks, leases, and those who watch. */
#define GROUP "fs"
#include "compare.h"
#include <poll.h>
#include <pthread.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

/* ---- statfs and syncing ----------------------------------------------------- */

SCENARIO(statfs)
{
	struct statfs s, t;
	int fd;

	make_file("f", 100000, 1);
	fd = F(open("f", O_RDONLY));
	syncfs(fd);
	R(statfs("f", &s));
	R(fstatfs(fd, &t));
	say("block %ld, fragment %ld, name %ld, flags %#lx", (long)s.f_bsize, (long)s.f_frsize,
	    (long)s.f_namelen, (long)s.f_flags & ~ST_RELATIME);
	say("the same: %d", s.f_blocks == t.f_blocks && s.f_type == t.f_type);
	say("%lu blocks", (unsigned long)s.f_blocks);
	R(statfs("none", &s));
	R(statfs("f/x", &s));
	R(unlink("f"));
	R(fstatfs(fd, &t));
	R(fstatfs(open(".", O_PATH), &t));
}

/* A project's quota is what statfs shows in its directory */
SCENARIO(statfs_counts_files)
{
	struct statfs a, b;
	char name[20];
	int i, fd = open(".", O_RDONLY);

	syncfs(fd);
	statfs(".", &a);
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		put(name, "x");
	}
	syncfs(fd);
	statfs(".", &b);
	say("fewer blocks: %d, fewer files or none counted: %d", b.f_bfree < a.f_bfree,
	    b.f_ffree <= a.f_ffree);
}

SCENARIO(sync_family)
{
	int fd;

	make_file("f", 100000, 1);
	fd = F(open("f", O_RDWR));
	sync();
	R(syncfs(fd));
	R(fsync(fd));
	R(fdatasync(fd));
	R(syncfs(-1));
	R(fsync(-1));
	R(unlink("f"));
	R(fsync(fd));
	R(syncfs(fd));
}

/* ---- freezing --------------------------------------------------------------- */

static void *write_something(void *arg)
{
	put(arg, "written");
	return NULL;
}

SCENARIO(freeze)
{
	pthread_t t;
	int fd = F(open(".", O_RDONLY)), f;

	put("before", "x");
	f = F(open("before", O_RDWR));
	R(ioctl(fd, _IOWR('X', 119, int), 0));
	R(ioctl(fd, _IOWR('X', 119, int), 0));
	say_content("before");
	say_dir(".");
	say_stat("before");
	R(fsync(f));
	pthread_create(&t, NULL, write_something, "after");
	usleep(200000);
	R(access("after", F_OK));
	R(ioctl(fd, _IOWR('X', 120, int), 0));
	pthread_join(t, NULL);
	say_content("after");
	R(ioctl(fd, _IOWR('X', 120, int), 0));
	R(pwrite(f, "y", 1, 0));
	AS_USER(1234) {
		R(ioctl(fd, _IOWR('X', 119, int), 0));
	}
}

static void *store_something(void *arg)
{
	*(volatile char *)arg = 'z';
	return NULL;
}

SCENARIO(freeze_holds_stores)
{
	pthread_t t;
	char *p;
	int fd = F(open(".", O_RDONLY)), f;

	make_file("f", 8192, 1);
	f = F(open("f", O_RDWR));
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
	p[0] = 1;
	R(ioctl(fd, _IOWR('X', 119, int), 0));
	say_peek("4096", p + 4096);
	pthread_create(&t, NULL, store_something, p + 1);
	usleep(200000);
	say("still: %d", p[1] != 'z');
	R(ioctl(fd, _IOWR('X', 120, int), 0));
	pthread_join(t, NULL);
	say_fd_content("f", f);
}

static void *churn_until(void *arg)
{
	volatile bool *stop = arg;
	int i;

	for (i = 0; !*stop; i++) {
		char name[20];
		int fd;

		snprintf(name, sizeof(name), "c%d", i % 10);
		fd = open(name, O_CREAT | O_RDWR, 0600);
		if (pwrite(fd, name, sizeof(name), i * 100 % 10000) != sizeof(name))
			say("%s", error_name(errno));
		close(fd);
		if (i % 3 == 0)
			unlink(name);
	}
	return NULL;
}

SCENARIO(freeze_under_load)
{
	static volatile bool stop;
	pthread_t t[2];
	int fd = F(open(".", O_RDONLY)), i;

	for (i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, churn_until, (void *)&stop);
	for (i = 0; i < 5; i++) {
		R(ioctl(fd, _IOWR('X', 119, int), 0));
		usleep(20000);
		R(ioctl(fd, _IOWR('X', 120, int), 0));
		usleep(20000);
	}
	stop = true;
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
}

/* ---- mounts ----------------------------------------------------------------- */

SCENARIO(bind_mount)
{
	R(mkdir("a", 0755));
	R(mkdir("b", 0755));
	put("a/f", "text");
	R(mount("a", "b", NULL, MS_BIND, NULL));
	say_tree("b");
	put("b/g", "other");
	say_tree("a");
	R(rename("b/g", "a/h"));
	R(unlink("b/g"));
	R(rmdir("b"));
	R(umount("b"));
	say_tree(".");
}

SCENARIO(umount_busy)
{
	int fd;

	R(mkdir("m", 0755));
	R(mkdir("a", 0755));
	put("a/f", "x");
	R(mount("a", "m", NULL, MS_BIND, NULL));
	fd = F(open("m/f", O_RDWR));
	R(umount("m"));
	R(umount2("m", MNT_DETACH));
	R(write(fd, "yes", 3));
	say_content("a/f");
	R(access("m/f", F_OK));
	R(umount(side->mnt) == -1 && errno == EBUSY);
}

SCENARIO(mount_over_and_under)
{
	int d;

	R(mkdir("m", 0755));
	put("m/below", "x");
	d = F(open("m", O_RDONLY));
	R(mount("tmpfs", "m", "tmpfs", 0, NULL));
	say_dir("m");
	F(openat(d, "below", O_RDONLY));
	R(mkdirat(d, "new", 0755));
	R(umount("m"));
	say_dir("m");
	R(chroot("m"));
	say_dir("/");
}

SCENARIO(pivot_and_chroot)
{
	R(mkdir("root", 0755));
	R(mkdir("root/old", 0755));
	put("root/f", "x");
	R(mount("root", "root", NULL, MS_BIND, NULL));
	R(syscall(SYS_pivot_root, "root", "root/old"));
	say_content("/f");
	R(chdir("/"));
	R(umount2("old", MNT_DETACH));
	say_dir("/");
	R(mkdir("/new", 0755));
}

/* A mount in a user namespace of its own, without being root outside */
SCENARIO(user_namespace)
{
	put("f", "x");
	R(mkdir("d", 0777));
	R(chmod("d", 0777));
	AS_USER(1234) {
		R(unshare(CLONE_NEWUSER | CLONE_NEWNS));
		say("uid %d", (int)getuid());
		R(write_string("/proc/self/setgroups", "deny"));
		R(write_string("/proc/self/uid_map", "0 1234 1"));
		R(write_string("/proc/self/gid_map", "0 1234 1"));
		put("d/f", "x");
		say_stat("d/f");
		say_stat("f");
		R(chown("d/f", 0, 0));
		R(chown("d/f", 1, 1));
		R(chown("f", 0, 0));
		R(setxattr("d/f", "trusted.x", "y", 1, 0));
		R(setxattr("d/f", "user.x", "y", 1, 0));
		R(mknod("d/c", S_IFCHR | 0666, 0x103));
		F(open("f", O_RDWR));
		R(chmod("d/f", 06777));
		R(mount("d", "d", NULL, MS_BIND, NULL));
		say_tree("d");
	}
	say_tree(".");
}

SCENARIO(namespaced_capability)
{
	char got[100];

	put("f", "x");
	R(chmod("f", 0777));
	R(chown("f", 1234, 1234));
	R(chmod(".", 0777));
	AS_USER(1234) {
		struct { uint32_t magic, p0, i0, p1, i1; } cap = { 0x02000001, 1 << 13, 0, 0, 0 };

		R(unshare(CLONE_NEWUSER));
		R(write_string("/proc/self/setgroups", "deny"));
		R(write_string("/proc/self/uid_map", "0 1234 1"));
		R(write_string("/proc/self/gid_map", "0 1234 1"));
		R(setxattr("f", "security.capability", &cap, sizeof(cap), 0));
		R(getxattr("f", "security.capability", got, sizeof(got)));
	}
	R(getxattr("f", "security.capability", got, sizeof(got)));
	say_xattrs("f");
}

/* ---- overlayfs -------------------------------------------------------------- */

static bool mount_overlay(const char *options)
{
	mkdir("low", 0755);
	mkdir("up", 0755);
	mkdir("work", 0755);
	mkdir("merged", 0755);
	put("low/f", "lower file");
	put("low/g", "another");
	mkdir("low/d", 0755);
	put("low/d/x", "deep");
	symlink("f", "low/l");
	if (mount("overlay", "merged", "overlay", 0, options)) {
		say("overlay: %s", error_name(errno));
		return false;
	}
	return true;
}

/* Not the numbers of inodes, which are overlayfs's own */
static void say_plain_tree(const char *path)
{
	struct dirent **list;
	char below[PATH_MAX];
	struct stat s;
	int i, n;

	if (lstat(path, &s))
		return;
	say("%s: mode %06o, links %ju, size %lld", path, s.st_mode,
	    S_ISDIR(s.st_mode) ? 0 : (uintmax_t)s.st_nlink,
	    S_ISDIR(s.st_mode) ? 0 : (long long)s.st_size);
	if (S_ISREG(s.st_mode))
		say_content(path);
	if (!S_ISDIR(s.st_mode))
		return;
	n = scandir(path, &list, NULL, alphasort);
	for (i = 0; i < n; i++) {
		if (list[i]->d_name[0] == '.')
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, list[i]->d_name);
		say_plain_tree(below);
	}
}

/*
 * Lockdep takes all whiteout locks for one: that of an overlayfs on the plain lower,
 * which is inside its freeze protection, and that of one on wtfs, outside of it.
 * tests/overlay.sh has the one on wtfs alone.
 */
static bool overlay_is_confused(void)
{
	if (access("/proc/lockdep_stats", F_OK))
		return false;
	unable("an overlayfs on each of two, with lockdep");
	return true;
}

static void use_overlay(const char *options)
{
	char *p;
	int fd;

	if (overlay_is_confused() || !mount_overlay(options))
		return;
	say_plain_tree("merged");
	put("merged/new", "new file");
	R(unlink("merged/g"));
	fd = F(open("merged/f", O_RDWR));
	R(pwrite(fd, "LOWER", 5, 0));
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	say_poke("map", p + 6, 'F');
	R(fsync(fd));
	R(rename("merged/d/x", "merged/x"));
	R(rename("merged/d", "merged/e"));
	R(mkdir("merged/g", 0755));
	R(link("merged/f", "merged/hard"));
	R(chmod("merged/f", 0600));
	R(setxattr("merged/f", "user.x", "y", 1, 0));
	R(close(open("merged", O_TMPFILE | O_RDWR, 0600)));
	say_plain_tree("merged");
	R(munmap(p, 4096));
	R(close(fd));
	R(umount("merged"));
	say_plain_tree("up");
	say_content("low/f");
}

SCENARIO(overlay_on_top)
{
	use_overlay("lowerdir=low,upperdir=up,workdir=work");
}

SCENARIO(overlay_metacopy)
{
	use_overlay("lowerdir=low,upperdir=up,workdir=work,metacopy=on,redirect_dir=on");
}

SCENARIO(overlay_index)
{
	use_overlay("lowerdir=low,upperdir=up,workdir=work,index=on,nfs_export=off");
}

SCENARIO(overlay_lower_only)
{
	R(mkdir("low2", 0755));
	put("low2/h", "second");
	if (mount_overlay("lowerdir=low:low2")) {
		say_plain_tree("merged");
		F(open("merged/f", O_RDWR));
		R(unlink("merged/f"));
		R(umount("merged"));
	}
}

/* An ACL with which user 1234 may do nothing, and everybody else read and write */
static int deny_1234(const char *path)
{
	static const struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} entry[5];
	} acl = { 2, {
		{ 0x01, 6, -1 }, { 0x02, 0, 1234 }, { 0x04, 6, -1 }, { 0x10, 6, -1 }, { 0x20, 6, -1 },
	} };

	return setxattr(path, "system.posix_acl_access", &acl, sizeof(acl), 0);
}

SCENARIO(overlay_acl)
{
	if (overlay_is_confused() || !mount_overlay("lowerdir=low,upperdir=up,workdir=work"))
		return;
	R(deny_1234("low/g"));
	R(deny_1234("merged/f"));
	AS_USER(1234) {
		F(open("merged/f", O_RDONLY));
		F(open("merged/g", O_RDONLY));
		F(open("merged/g", O_WRONLY));
	}
	AS_USER(1235) {
		F(open("merged/f", O_RDWR));
		F(open("merged/g", O_RDWR));
	}
	R(umount("merged"));
	say_xattrs("low/g");
}

/* ---- locks ------------------------------------------------------------------ */

SCENARIO(flock)
{
	int a, b, c;

	put("f", "x");
	a = F(open("f", O_RDWR));
	b = F(open("f", O_RDONLY));
	R(flock(a, LOCK_EX | LOCK_NB));
	R(flock(b, LOCK_SH | LOCK_NB));
	R(flock(a, LOCK_SH | LOCK_NB));
	R(flock(b, LOCK_SH | LOCK_NB));
	R(flock(a, LOCK_EX | LOCK_NB));
	R(flock(b, LOCK_UN));
	R(flock(a, LOCK_EX | LOCK_NB));
	c = dup(a);
	R(flock(c, LOCK_SH | LOCK_NB));
	close(a);
	R(flock(b, LOCK_EX | LOCK_NB));
	close(c);
	R(flock(b, LOCK_EX | LOCK_NB));
	R(unlink("f"));
	R(flock(b, LOCK_UN));
	R(flock(open(".", O_RDONLY), LOCK_EX | LOCK_NB));
	R(flock(b, 99));
}

static int lock(int fd, int command, int type, off_t start, off_t len)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };
	int ret = fcntl(fd, command, &l);

	if (!ret && (command == F_GETLK || command == F_OFD_GETLK))
		say("  type %d from %lld, %lld bytes, a process: %d", l.l_type,
		    (long long)l.l_start, (long long)l.l_len, l.l_pid > 0);
	return ret;
}

SCENARIO(posix_locks)
{
	int fd, other;

	make_file("f", 100, 1);
	fd = F(open("f", O_RDWR));
	R(lock(fd, F_SETLK, F_WRLCK, 0, 10));
	R(lock(fd, F_SETLK, F_RDLCK, 20, 10));
	IN_CHILD {
		R(lock(fd, F_SETLK, F_WRLCK, 5, 10));
		R(lock(fd, F_SETLK, F_RDLCK, 25, 10));
		R(lock(fd, F_SETLK, F_WRLCK, 25, 10));
		R(lock(fd, F_GETLK, F_WRLCK, 0, 0));
		R(lock(fd, F_GETLK, F_RDLCK, 20, 5));
		R(lock(fd, F_SETLK, F_WRLCK, 10, 10));
	}
	R(lock(fd, F_SETLK, F_UNLCK, 3, 4));
	IN_CHILD {
		R(lock(fd, F_GETLK, F_WRLCK, 3, 4));
		R(lock(fd, F_SETLK, F_WRLCK, 3, 4));
		R(lock(fd, F_GETLK, F_WRLCK, 7, 4));
	}
	/* closing any descriptor of the file gives them up */
	other = F(open("f", O_RDONLY));
	R(lock(other, F_SETLK, F_WRLCK, 50, 1));
	close(other);
	IN_CHILD {
		R(lock(fd, F_GETLK, F_WRLCK, 0, 0));
		R(lockf(fd, F_TLOCK, 10));
		R(lockf(fd, F_TEST, 10));
	}
	R(lock(fd, F_SETLK, F_WRLCK, -5, 10));
	R(lock(fd, F_SETLK, F_WRLCK, 0, INT64_MAX));
	R(lock(fd, F_SETLK, 9, 0, 1));
}

static void *wait_for_lock(void *arg)
{
	/* What is logged here and by the one who unlocks has no order. */
	return (void *)(long)lock(*(int *)arg, F_OFD_SETLKW, F_WRLCK, 0, 0);
}

SCENARIO(ofd_locks)
{
	void *got = NULL;
	pthread_t t;
	int a, b;

	put("f", "x");
	a = F(open("f", O_RDWR));
	b = F(open("f", O_RDWR));
	R(lock(a, F_OFD_SETLK, F_WRLCK, 0, 10));
	R(lock(b, F_OFD_SETLK, F_WRLCK, 5, 10));
	R(lock(b, F_OFD_GETLK, F_WRLCK, 5, 10));
	R(lock(b, F_SETLK, F_WRLCK, 5, 10));
	R(lock(b, F_OFD_SETLK, F_WRLCK, 10, 10));
	R(lock(a, F_OFD_SETLK, F_UNLCK, 0, 0));
	R(lock(b, F_OFD_SETLK, F_UNLCK, 0, 0));
	R(lock(a, F_OFD_SETLK, F_WRLCK, 0, 0));
	pthread_create(&t, NULL, wait_for_lock, &b);
	usleep(100000);
	say("unlocking");
	R(lock(a, F_OFD_SETLK, F_UNLCK, 0, 0));
	R(pthread_join(t, &got));
	say("the lock: %ld", (long)got);
}

SCENARIO(lock_deadlock)
{
	int fd, p[2];

	make_file("f", 100, 1);
	fd = F(open("f", O_RDWR));
	R(pipe(p));
	R(lock(fd, F_SETLK, F_WRLCK, 0, 1));
	if (!fork()) {
		lock(fd, F_SETLK, F_WRLCK, 1, 1);
		write(p[1], "x", 1);
		lock(fd, F_SETLKW, F_WRLCK, 0, 1);
		_exit(0);
	}
	read(p[0], p, 1);
	usleep(200000);
	R(lock(fd, F_SETLKW, F_WRLCK, 1, 1));
	R(lock(fd, F_SETLK, F_UNLCK, 0, 0));
	wait(NULL);
}

static volatile int broken;

static void on_break(int signal)
{
	broken = signal;
}

SCENARIO(leases)
{
	int r, w;

	write_string("/proc/sys/fs/lease-break-time", "1");
	put("f", "x");
	r = F(open("f", O_RDONLY));
	R(fcntl(r, F_GETLEASE));
	R(fcntl(r, F_SETLEASE, F_RDLCK));
	R(fcntl(r, F_GETLEASE));
	signal(SIGIO, on_break);
	IN_CHILD {
		F(open("f", O_RDONLY));
		F(open("f", O_WRONLY | O_NONBLOCK));
		F(open("f", O_RDWR | O_NONBLOCK));
	}
	say("broken: %d", !!broken);
	R(fcntl(r, F_SETLEASE, F_UNLCK));
	R(fcntl(r, F_SETLEASE, F_WRLCK));
	close(r);
	w = F(open("f", O_RDWR));
	R(fcntl(w, F_SETLEASE, F_RDLCK));
	R(fcntl(w, F_SETLEASE, F_WRLCK));
	broken = 0;
	IN_CHILD {
		F(open("f", O_RDONLY | O_NONBLOCK));
		R(chmod("f", 0600));
		say_stat("f");
	}
	say("broken: %d", !!broken);
	R(fcntl(w, F_SETLEASE, F_UNLCK));
	R(fcntl(open(".", O_RDONLY), F_SETLEASE, F_RDLCK));
	AS_USER(1234) {
		R(fcntl(open("f", O_RDONLY), F_SETLEASE, F_RDLCK));
	}
	write_string("/proc/sys/fs/lease-break-time", "45");
}

static void break_lease(const char *how)
{
	if (!strcmp(how, "truncate"))
		truncate("f", 0);
	else if (!strcmp(how, "unlink"))
		unlink("f");
	else if (!strcmp(how, "rename"))
		rename("f", "g");
	else if (!strcmp(how, "link"))
		link("f", "g");
	else
		chmod("f", 0600);
}

SCENARIO(lease_breaks)
{
	int r, i;
	static const char *const what[] = { "open", "truncate", "unlink", "rename", "link", "chmod" };

	signal(SIGIO, on_break);
	write_string("/proc/sys/fs/lease-break-time", "1");
	for (i = 0; i < 6; i++) {
		put("f", "x");
		unlink("g");
		r = open("f", O_RDONLY);
		say("%s: %d", what[i], fcntl(r, F_SETLEASE, F_RDLCK));
		broken = 0;
		if (!fork()) {
			if (i == 0)
				open("f", O_WRONLY | O_NONBLOCK);
			/* the others wait, and we don't for them */
			else if (!fork())
				break_lease(what[i]);
			_exit(0);
		}
		wait(NULL);
		usleep(100000);
		say("  broken: %d, now %d", !!broken, fcntl(r, F_GETLEASE));
		fcntl(r, F_SETLEASE, F_UNLCK);
		usleep(50000);
		close(r);
	}
	write_string("/proc/sys/fs/lease-break-time", "45");
}

/* ---- who watches ------------------------------------------------------------ */

static void say_inotify(int fd)
{
	char buf[16384] __attribute__((aligned(8)));
	ssize_t n, at = 0;
	int k = 0;
	static uint32_t cookie;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (at = 0; at < n;) {
			const struct inotify_event *e = (void *)(buf + at);

			/* two with a cookie belong together */
			if (e->cookie && (e->mask & IN_MOVED_FROM))
				cookie = e->cookie;
			say("  event %d: watch %d, mask %#x, %s%s", k++, e->wd, e->mask,
			    !e->len ? "-" : e->name[0] == '#' ? "#" : e->name,
			    e->cookie && e->cookie == cookie ? ", moved" : "");
			at += sizeof(*e) + e->len;
		}
}

/* What one operation lets an inotify see of a directory and a file */
#define WATCHED(op) do { R(op); say_inotify(in); } while (0)

SCENARIO(inotify_names)
{
	int in = inotify_init1(IN_NONBLOCK);

	R(mkdir("d", 0755));
	R(mkdir("e", 0755));
	R(inotify_add_watch(in, "d", IN_ALL_EVENTS));
	R(inotify_add_watch(in, "e", IN_ALL_EVENTS));
	WATCHED(close(open("d/f", O_CREAT | O_RDWR, 0600)));
	WATCHED(mkdir("d/s", 0755));
	WATCHED(symlink("x", "d/l"));
	WATCHED(mkfifo("d/p", 0600));
	WATCHED(link("d/f", "d/g"));
	WATCHED(rename("d/f", "d/h"));
	WATCHED(rename("d/h", "e/h"));
	WATCHED(rename("e/h", "d/g"));
	WATCHED(renameat2(AT_FDCWD, "d/g", AT_FDCWD, "d/l", RENAME_EXCHANGE));
	WATCHED(unlink("d/p"));
	WATCHED(rmdir("d/s"));
	WATCHED(unlink("d/none"));
	WATCHED(close(open("d", O_TMPFILE | O_RDWR, 0600)));
	WATCHED(chmod("d", 0700));
	say_dir("d");
	say_inotify(in);
	R(unlink("d/l"));
	R(unlink("d/g"));
	WATCHED(rmdir("d"));
	WATCHED(rename("e", "f"));
}

SCENARIO(inotify_data)
{
	int in = inotify_init1(IN_NONBLOCK), fd, p[2];
	struct timespec t[2] = { { 1, 1 }, { 2, 2 } };
	loff_t off = 0;
	char buf[100];
	char *map;

	put("f", "text");
	put("other", "other text");
	R(inotify_add_watch(in, ".", IN_ALL_EVENTS));
	R(inotify_add_watch(in, "f", IN_ALL_EVENTS));
	WATCHED((fd = open("f", O_RDWR)) >= 0);
	WATCHED(read(fd, buf, 10));
	WATCHED(read(fd, buf, 0));
	WATCHED(pread(fd, buf, 10, 1000));
	WATCHED(write(fd, "x", 1));
	WATCHED(write(fd, "x", 0));
	WATCHED(pwrite(fd, "x", 1, 10000));
	WATCHED(ftruncate(fd, 100));
	WATCHED(ftruncate(fd, 100));
	WATCHED(truncate("f", 50));
	WATCHED(fallocate(fd, 0, 0, 10000));
	WATCHED(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	WATCHED(fsync(fd));
	WATCHED(fchmod(fd, 0640));
	WATCHED(fchown(fd, 1, 1));
	WATCHED(futimens(fd, t));
	WATCHED(fsetxattr(fd, "user.x", "y", 1, 0));
	WATCHED(fremovexattr(fd, "user.x"));
	WATCHED((map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) == MAP_FAILED);
	WATCHED(poke(map, 1));
	WATCHED(msync(map, 4096, MS_SYNC));
	WATCHED(munmap(map, 4096));
	pipe(p);
	WATCHED(splice(fd, &off, p[1], NULL, 10, 0));
	off = 0;
	WATCHED(splice(p[0], NULL, fd, &off, 10, 0));
	off = 0;
	WATCHED(copy_file_range(open("other", O_RDONLY), &off, fd, NULL, 5, 0));
	WATCHED(close(fd));
	WATCHED(close(open("f", O_RDONLY)));
	WATCHED(close(open("f", O_WRONLY | O_TRUNC)));
	WATCHED(access("f", R_OK));
	WATCHED(link("f", "g"));
	WATCHED(unlink("g"));
	WATCHED(unlink("f"));
}

SCENARIO(inotify_special)
{
	int in = inotify_init1(IN_NONBLOCK), fd;

	put("f", "text");
	R(mkdir("d", 0755));
	R(symlink("f", "l"));
	R(inotify_add_watch(in, "l", IN_ALL_EVENTS | IN_DONT_FOLLOW));
	R(inotify_add_watch(in, "l", IN_ALL_EVENTS));
	R(inotify_add_watch(in, "f", IN_OPEN | IN_ONESHOT));
	R(inotify_add_watch(in, "f", IN_ONLYDIR | IN_OPEN));
	R(inotify_add_watch(in, "d", IN_ONLYDIR | IN_ALL_EVENTS));
	fd = F(open("f", O_RDWR));
	F(open("f", O_RDONLY));
	say_inotify(in);
	R(unlink("f"));
	say_inotify(in);
	R(pwrite(fd, "x", 1, 0));
	close(fd);
	say_inotify(in);
	drop_all_caches();
	put("d/x", "y");
	say_inotify(in);
	R(mount("d", "d", NULL, MS_BIND, NULL));
	put("d/z", "y");
	say_inotify(in);
	R(umount("d"));
	say_inotify(in);
	AS_USER(1234) {
		R(inotify_add_watch(inotify_init(), "d", IN_ALL_EVENTS));
	}
	R(inotify_rm_watch(in, 1));
	R(inotify_rm_watch(in, 99));
	say_inotify(in);
}

/* What this process did */
static void say_fanotify(int fd)
{
	char buf[16384] __attribute__((aligned(8)));
	char link[64], path[PATH_MAX];
	ssize_t n, len;
	int k = 0;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		struct fanotify_event_metadata *m = (void *)buf;

		for (; FAN_EVENT_OK(m, n); m = FAN_EVENT_NEXT(m, n)) {
			if (m->pid != getpid()) {
				close(m->fd);
				continue;
			}
			path[0] = '-';
			path[1] = '\0';
			if (m->fd >= 0) {
				snprintf(link, sizeof(link), "/proc/self/fd/%d", m->fd);
				len = readlink(link, path, sizeof(path) - 1);
				path[len < 0 ? 0 : len] = '\0';
				close(m->fd);
			}
			say("  event %d: mask %#llx, %s", k++, (unsigned long long)m->mask,
			    strrchr(path, '/') ?: path);
		}
	}
}

#define SEEN(op) do { R(op); say_fanotify(fan); } while (0)

SCENARIO(fanotify_inode)
{
	int fan = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY), fd;
	char buf[10];

	put("f", "text");
	R(mkdir("d", 0755));
	R(fanotify_mark(fan, FAN_MARK_ADD, FAN_ACCESS | FAN_MODIFY | FAN_OPEN | FAN_CLOSE,
			AT_FDCWD, "f"));
	R(fanotify_mark(fan, FAN_MARK_ADD, FAN_ACCESS | FAN_MODIFY | FAN_OPEN | FAN_CLOSE |
			FAN_EVENT_ON_CHILD | FAN_ONDIR, AT_FDCWD, "d"));
	SEEN((fd = open("f", O_RDWR)) >= 0);
	SEEN(read(fd, buf, 10));
	SEEN(write(fd, "x", 1));
	SEEN(ftruncate(fd, 0));
	SEEN(close(fd));
	SEEN((fd = open("d/new", O_RDWR | O_CREAT, 0600)) >= 0);
	SEEN(write(fd, "x", 1));
	SEEN(close(fd));
	SEEN(rename("d/new", "d/moved"));
	SEEN(unlink("d/moved"));
	say_dir("d");
	say_fanotify(fan);
}

SCENARIO(fanotify_mount)
{
	int fan = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY), fd;
	char *map;

	R(mkdir("d", 0755));
	R(mount("d", "d", NULL, MS_BIND, NULL));
	R(fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_MOUNT,
			FAN_ACCESS | FAN_MODIFY | FAN_OPEN | FAN_CLOSE, AT_FDCWD, "d"));
	SEEN((fd = open("d/f", O_RDWR | O_CREAT, 0600)) >= 0);
	SEEN(pwrite(fd, "some text", 9, 0));
	SEEN(fallocate(fd, 0, 0, 10000));
	SEEN((map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) == MAP_FAILED);
	SEEN(poke(map, 1));
	SEEN(msync(map, 4096, MS_SYNC));
	SEEN(fsync(fd));
	SEEN(munmap(map, 4096));
	SEEN(close(fd));
	evict("d/f");
	say_fanotify(fan);
	say_content("d/f");
	say_fanotify(fan);
	R(umount("d"));
}

/* Once for each write, and of nothing that the lower does for it */
SCENARIO(fanotify_filesystem)
{
	int fan = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY), fd;

	R(mkdir("d", 0755));
	R(fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
			FAN_ACCESS | FAN_MODIFY | FAN_OPEN | FAN_CLOSE, AT_FDCWD, "d"));
	SEEN((fd = open("d/f", O_RDWR | O_CREAT, 0600)) >= 0);
	SEEN(pwrite(fd, "some text", 9, 0));
	SEEN(pwrite(fd, "some text", 9, 100000));
	SEEN(ftruncate(fd, 10));
	SEEN(fsync(fd));
	SEEN(close(fd));
	SEEN(truncate("d/f", 5));
	drop_all_caches();
	say_fanotify(fan);
	say_content("d/f");
	say_fanotify(fan);
	R(fanotify_mark(fan, FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM, 0, AT_FDCWD, "d"));
}

static int permission_fan;

/* Allows all but what ends in "denied" */
static void *answer(void *unused)
{
	char buf[4096] __attribute__((aligned(8)));
	char link[64], path[PATH_MAX];
	ssize_t n, len;

	while ((n = read(permission_fan, buf, sizeof(buf))) > 0) {
		struct fanotify_event_metadata *m = (void *)buf;

		for (; FAN_EVENT_OK(m, n); m = FAN_EVENT_NEXT(m, n)) {
			struct fanotify_response r = { .fd = m->fd, .response = FAN_ALLOW };

			snprintf(link, sizeof(link), "/proc/self/fd/%d", m->fd);
			len = readlink(link, path, sizeof(path) - 1);
			path[len < 0 ? 0 : len] = '\0';
			if (strstr(path, "denied"))
				r.response = FAN_DENY;
			write(permission_fan, &r, sizeof(r));
			close(m->fd);
		}
	}
	return unused;
}

SCENARIO(fanotify_permission)
{
	pthread_t t;
	int fd;
	char buf[10];

	put("allowed", "text");
	put("denied", "text");
	permission_fan = fanotify_init(FAN_CLASS_CONTENT, O_RDONLY | O_LARGEFILE);
	if (permission_fan < 0)
		unable("no permission events: %s", error_name(errno));
	R(mkdir("m", 0755));
	R(rename("allowed", "m/allowed"));
	R(rename("denied", "m/denied"));
	fd = F(open("m/denied", O_RDONLY));
	R(mount("m", "m", NULL, MS_BIND, NULL));
	if (R(fanotify_mark(permission_fan, FAN_MARK_ADD | FAN_MARK_MOUNT,
			    FAN_OPEN_PERM | FAN_ACCESS_PERM, AT_FDCWD, "m")))
		return;
	pthread_create(&t, NULL, answer, NULL);
	F(open("m/denied", O_RDONLY));
	F(open("m/denied", O_WRONLY));
	R(read(fd, buf, 4));
	fd = F(open("m/allowed", O_RDWR));
	R(read(fd, buf, 4));
	R(write(fd, "x", 1));
	R(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	R(fanotify_mark(permission_fan, FAN_MARK_FLUSH | FAN_MARK_MOUNT, 0, AT_FDCWD, "m"));
	F(open("m/denied", O_RDONLY));
}

SCENARIO(dnotify)
{
	int fd = F(open(".", O_RDONLY));

	signal(SIGIO, on_break);
	R(fcntl(fd, F_NOTIFY, DN_CREATE | DN_DELETE | DN_MODIFY | DN_MULTISHOT));
	broken = 0;
	put("f", "x");
	say("%d", !!broken);
	broken = 0;
	R(unlink("f"));
	say("%d", !!broken);
}

/* ---- owners of files who wait ----------------------------------------------- */

SCENARIO(proc_paths)
{
	char path[PATH_MAX], line[PATH_MAX], *p;
	int fd;
	FILE *maps;

	make_file("f", 4096, 1);
	fd = F(open("f", O_RDWR));
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	say_peek("f", p);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	line[readlink(path, line, sizeof(line) - 1)] = '\0';
	say("below the mount point: %d", !strncmp(line, side->mnt, strlen(side->mnt)));
	maps = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof(line), maps))
		if (strstr(line, "proc_paths")) {
			struct stat s;
			unsigned long ino;
			unsigned int major, minor;

			stat("f", &s);
			if (sscanf(line, "%*s %*s %*s %x:%x %lu", &major, &minor, &ino) != 3)
				say("what line is that?");
			say("the inode of stat: %d; the name: %s", ino == s.st_ino,
			    strrchr(line, '/'));
		}
	fclose(maps);
	R(unlink("f"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	line[readlink(path, line, sizeof(line) - 1)] = '\0';
	say("%s", strrchr(line, '/'));
}

SCENARIO(mountinfo)
{
	char line[2000];
	struct statx x;
	FILE *f = fopen("/proc/self/mountinfo", "r");
	struct stat s;
	int found = 0;

	stat(side->mnt, &s);
	while (fgets(line, sizeof(line), f)) {
		unsigned int major, minor;
		char point[1000];

		if (sscanf(line, "%*d %*d %u:%u %*s %999s", &major, &minor, point) == 3 &&
		    !strcmp(point, side->mnt)) {
			found++;
			say("the device of stat: %d", makedev(major, minor) == s.st_dev);
		}
	}
	fclose(f);
	say("found %d", found);
	R(statx(AT_FDCWD, "..", 0, STATX_BASIC_STATS, &x));
	say("a mount point: %d", !!(x.stx_attributes & STATX_ATTR_MOUNT_ROOT));
}

SCENARIO(many_open_files)
{
	int fd[500], i;
	char name[20], c;

	for (i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "f%d", i % 100);
		fd[i] = open(name, O_CREAT | O_RDWR, 0600);
		if (fd[i] < 0 || pwrite(fd[i], name, 3, i) != 3)
			say("%d: %s", i, error_name(errno));
	}
	for (i = 0; i < 500; i += 7)
		if (pread(fd[i], &c, 1, i) != 1)
			say("%d: %s", i, error_name(errno));
	for (i = 0; i < 500; i++)
		close(fd[i]);
	say_content("f7");
}

/* ---- handles ---------------------------------------------------------------- */

struct handle {
	struct file_handle h;
	char room[MAX_HANDLE_SZ];
};

static int handle_of(const char *path, struct handle *h, int flags)
{
	int mount_id;

	memset(h, 0, sizeof(*h));
	h->h.handle_bytes = MAX_HANDLE_SZ;
	return name_to_handle_at(AT_FDCWD, path, &h->h, &mount_id, flags);
}

SCENARIO(handles)
{
	struct handle h, d, g;
	int fd, mount;

	mount = F(open(side->mnt, O_RDONLY));
	make_file("f", 5000, 1);
	R(mkdir("d", 0755));
	put("d/x", "deep");
	R(handle_of("f", &h, 0));
	R(handle_of("d", &d, 0));
	R(handle_of("d/x", &g, 0));
	fd = F(open_by_handle_at(mount, &h.h, O_RDWR));
	say_fstat("f", fd);
	say_stat("f");
	say_fd_content("f", fd);
	R(pwrite(fd, "changed", 7, 0));
	say_content("f");
	close(fd);
	fd = F(open_by_handle_at(mount, &d.h, O_RDONLY | O_DIRECTORY));
	say_stat("d");
	say_fstat("d", fd);
	F(openat(fd, "x", O_RDONLY));
	close(fd);
	drop_all_caches();
	fd = F(open_by_handle_at(mount, &g.h, O_RDONLY));
	say_fd_content("x", fd);
	close(fd);
	drop_all_caches();
	fd = F(open_by_handle_at(mount, &h.h, O_RDONLY));
	say_fd_content("f", fd);
	close(fd);
	R(rename("d", "e"));
	drop_all_caches();
	fd = F(open_by_handle_at(mount, &g.h, O_RDONLY));
	say_fd_content("x", fd);
	close(fd);
	R(unlink("f"));
	F(open_by_handle_at(mount, &h.h, O_RDONLY));
	drop_all_caches();
	F(open_by_handle_at(mount, &h.h, O_RDONLY));
	h.room[4] ^= 0x55;
	F(open_by_handle_at(mount, &h.h, O_RDONLY));
	AS_USER(1234) {
		F(open_by_handle_at(mount, &g.h, O_RDONLY));
	}
}

SCENARIO(handles_connectable)
{
	struct handle h, k;
	int fd, mount;

	mount = F(open(".", O_RDONLY));
	put("f", "x");
	R(symlink("f", "l"));
	R(handle_of("l", &h, 0));
	R(handle_of("l", &k, AT_SYMLINK_FOLLOW));
	fd = F(open_by_handle_at(mount, &h.h, O_PATH | O_NOFOLLOW));
	say_fstat("l", fd);
	fd = F(open_by_handle_at(mount, &k.h, O_PATH));
	say_fstat("f", fd);
	h.h.handle_bytes = 1;
	R(name_to_handle_at(AT_FDCWD, "f", &h.h, &fd, 0));
	R(handle_of("f", &h, 0x200));	/* AT_HANDLE_FID */
	R(handle_of("none", &h, 0));
	R(handle_of("", &h, AT_EMPTY_PATH));
	fd = F(open("f", O_RDWR));
	R(handle_of("f", &h, 0));
	R(unlink("f"));
	F(open_by_handle_at(mount, &h.h, O_RDONLY));
	close(fd);
	F(open_by_handle_at(mount, &h.h, O_RDONLY));
}

SCENARIO(fanotify_by_handle)
{
	int fan = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK | 0xe00 /* DFID_NAME_TARGET-ish */,
				O_RDONLY);
	char buf[8192] __attribute__((aligned(8)));
	ssize_t n;

	if (fan < 0)
		fan = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK | 0xc00, O_RDONLY);
	R(mkdir("d", 0755));
	R(fanotify_mark(fan, FAN_MARK_ADD, FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM |
			FAN_MOVED_TO | FAN_ATTRIB | FAN_ONDIR | FAN_EVENT_ON_CHILD, AT_FDCWD, "d"));
	R(mkdir("d/s", 0755));
	put("d/f", "x");
	R(rename("d/f", "d/g"));
	R(chmod("d/g", 0600));
	R(unlink("d/g"));
	R(rmdir("d/s"));
	while ((n = read(fan, buf, sizeof(buf))) > 0) {
		struct fanotify_event_metadata *m = (void *)buf;

		for (; FAN_EVENT_OK(m, n); m = FAN_EVENT_NEXT(m, n))
			say("  mask %#llx", (unsigned long long)m->mask);
	}
}

/* ---- and more ----------------------------------------------------------------- */

/* Of struct mount_attr */
struct attr {
	uint64_t set, clear, propagation, userns_fd;
};

#define ATTR_RDONLY	0x1
#define ATTR_IDMAP	0x100000

/* A user namespace where @inside is @outside here; its descriptor */
static int user_namespace(unsigned int inside, unsigned int outside)
{
	char path[64], text[64];
	int p[2], fd;
	pid_t pid;

	if (pipe(p))
		return -1;
	pid = fork();
	if (!pid) {
		unshare(CLONE_NEWUSER);
		write(p[1], "x", 1);
		pause();
		_exit(0);
	}
	read(p[0], text, 1);
	snprintf(text, sizeof(text), "%u %u 1000", inside, outside);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	if (write_string(path, text))
		say("uid_map: %s", error_name(errno));
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	if (write_string(path, text))
		say("gid_map: %s", error_name(errno));
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	fd = open(path, O_RDONLY);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(p[0]);
	close(p[1]);
	return fd;
}

/* The directory x on y, with ids moved from 0... to 10000... */
static bool idmapped(void)
{
	struct attr a = { .set = ATTR_IDMAP };
	int tree;

	mkdir("y", 0755);
	a.userns_fd = user_namespace(0, 10000);
	tree = syscall(428 /* open_tree */, AT_FDCWD, "x", 1 | O_CLOEXEC);
	if (tree < 0 || R(syscall(442 /* mount_setattr */, tree, "", AT_EMPTY_PATH, &a, sizeof(a))))
		return false;
	return !R(syscall(429 /* move_mount */, tree, "", AT_FDCWD, "y", 4));
}

SCENARIO(idmapped_mount)
{
	R(mkdir("x", 0777));
	R(chmod("x", 0777));
	put("x/root", "x");
	put("x/five", "x");
	R(chown("x/five", 5, 5));
	put("x/none", "x");
	R(chown("x/none", 50000, 50000));
	if (!idmapped())
		unable("no idmapped mounts");
	say_tree("y");
	R(chown("y/root", 10001, 10002));
	R(chown("y/root", 1, 2));
	AS_USER(10005) {
		put("y/made", "text");
		R(mkdir("y/d", 0755));
		R(chmod("y/five", 0600));
		R(chmod("y/root", 0600));
		F(open("y/five", O_RDWR));
		R(unlink("y/five"));
		R(close(open("y", O_TMPFILE | O_RDWR, 0600)));
		R(setxattr("y/made", "user.x", "y", 1, 0));
	}
	AS_USER(5) {
		R(access("y", W_OK));
		R(close(open("y/other", O_CREAT | O_RDWR, 0600)));
	}
	say_tree("y");
	say_tree("x");
}

SCENARIO(idmapped_acl)
{
	struct { uint32_t version; struct { uint16_t tag, perm; uint32_t id; } e[5]; } a = {
		2, { { 1, 7, -1 }, { 2, 6, 10007 }, { 4, 5, -1 }, { 16, 7, -1 }, { 32, 0, -1 } },
	};
	ssize_t n;

	R(mkdir("x", 0777));
	put("x/f", "x");
	if (!idmapped())
		unable("no idmapped mounts");
	R(setxattr("y/f", "system.posix_acl_access", &a, sizeof(a), 0));
	n = R(getxattr("y/f", "system.posix_acl_access", &a, sizeof(a)));
	say_bytes("above", &a, n);
	n = R(getxattr("x/f", "system.posix_acl_access", &a, sizeof(a)));
	say_bytes("below", &a, n);
	say("%u", a.e[1].id);
	AS_USER(10007) {
		F(open("y/f", O_RDWR));
	}
	AS_USER(7) {
		F(open("y/f", O_RDWR));
	}
}

SCENARIO(mount_attributes)
{
	struct attr a = { .set = ATTR_RDONLY };
	struct statvfs v;

	R(mkdir("x", 0755));
	put("x/f", "x");
	R(mount("x", "x", NULL, MS_BIND, NULL));
	R(syscall(442, AT_FDCWD, "x", 0, &a, sizeof(a)));
	F(open("x/f", O_RDWR));
	R(statvfs("x", &v));
	say("%#lx", v.f_flag & ~0x1000UL);
	a = (struct attr) { .clear = ATTR_RDONLY };
	R(syscall(442, AT_FDCWD, "x", 0, &a, sizeof(a)));
	F(open("x/f", O_RDWR));
}

SCENARIO(locks_over_exec_and_fork)
{
	int fd, status;

	make_file("f", 100, 1);
	fd = F(open("f", O_RDWR));
	R(flock(fd, LOCK_EX));
	IN_CHILD {
		R(flock(fd, LOCK_EX | LOCK_NB));
		R(flock(open("f", O_RDWR), LOCK_EX | LOCK_NB));
		R(lock(fd, F_SETLK, F_WRLCK, 0, 1));
	}
	R(lock(fd, F_SETLK, F_WRLCK, 0, 1));
	if (!fork()) {
		R(lock(fd, F_SETLK, F_WRLCK, 0, 1));
		R(flock(fd, LOCK_UN));
		_exit(0);
	}
	wait(&status);
	R(flock(open("f", O_RDWR), LOCK_EX | LOCK_NB));
}

SCENARIO(locks_many)
{
	int fd, i, bad = 0;

	make_file("f", 1000, 1);
	fd = F(open("f", O_RDWR));
	for (i = 0; i < 300; i++)
		bad += !!lock(fd, F_SETLK, i % 3 ? F_WRLCK : F_RDLCK, i * 2, 1);
	IN_CHILD {
		for (i = 0; i < 600; i += 50)
			R(lock(fd, F_GETLK, F_WRLCK, i, 10));
	}
	R(lock(fd, F_SETLK, F_UNLCK, 100, 300));
	IN_CHILD {
		R(lock(fd, F_SETLK, F_WRLCK, 100, 300));
	}
	say("bad %d", bad);
}

SCENARIO(inotify_after_drop)
{
	int in = inotify_init1(IN_NONBLOCK);

	R(mkdir("d", 0755));
	put("d/f", "x");
	R(inotify_add_watch(in, "d/f", IN_ALL_EVENTS));
	R(inotify_add_watch(in, "d", IN_ALL_EVENTS));
	drop_all_caches();
	WATCHED(truncate("d/f", 100));
	drop_all_caches();
	WATCHED(chmod("d/f", 0600));
	WATCHED(link("d/f", "d/g"));
	drop_all_caches();
	WATCHED(truncate("d/g", 10));
	WATCHED(rename("d/g", "d/f"));
	WATCHED(unlink("d/f"));
	WATCHED(unlink("d/g"));
}

SCENARIO(inotify_links)
{
	int in = inotify_init1(IN_NONBLOCK), fd;

	put("a", "x");
	R(link("a", "b"));
	R(inotify_add_watch(in, "a", IN_ALL_EVENTS));
	WATCHED((fd = open("b", O_RDWR)) >= 0);
	WATCHED(write(fd, "y", 1));
	WATCHED(unlink("b"));
	WATCHED(close(fd));
	WATCHED(rename("a", "c"));
	put("d", "z");
	WATCHED(rename("d", "c"));
}

SCENARIO(inotify_aio_and_direct)
{
	int in = inotify_init1(IN_NONBLOCK), d;
	char *buf = xalloc(4096, 8192);

	memset(buf, 'x', 8192);
	make_file("f", 16384, 1);
	R(inotify_add_watch(in, "f", IN_ALL_EVENTS));
	WATCHED((d = open("f", O_RDWR | O_DIRECT)) >= 0);
	WATCHED(pwrite(d, buf, 8192, 0));
	WATCHED(pread(d, buf, 8192, 8192));
	WATCHED(fdatasync(d));
	WATCHED(close(d));
	WATCHED((d = open("f", O_RDWR | O_SYNC)) >= 0);
	WATCHED(pwrite(d, "x", 1, 5));
	WATCHED(close(d));
}

SCENARIO(handles_of_many)
{
	struct handle h[40];
	char name[20], c;
	int i, mount, bad = 0, fd;

	mount = F(open(".", O_RDONLY));
	for (i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		put(name, name);
		bad += !!handle_of(name, &h[i], 0);
		if (i % 3 == 0)
			unlink(name);
	}
	drop_all_caches();
	for (i = 0; i < 40; i++) {
		fd = open_by_handle_at(mount, &h[i].h, O_RDONLY);
		if (i % 3 == 0)
			bad += fd >= 0 || errno != ESTALE;
		else
			bad += fd < 0 || read(fd, &c, 1) != 1 || c != 'f';
		close(fd);
	}
	say("bad %d", bad);
}

SCENARIO(write_by_handle)
{
	struct handle h;
	int mount, fd;

	mount = F(open(".", O_RDONLY));
	R(mkdir("d", 0755));
	make_file("d/f", 10000, 1);
	R(handle_of("d/f", &h, 0));
	drop_all_caches();
	fd = F(open_by_handle_at(mount, &h.h, O_RDWR));
	R(pwrite(fd, "by handle", 9, 5000));
	R(ftruncate(fd, 8000));
	R(fchmod(fd, 0600));
	R(fsetxattr(fd, "user.x", "y", 1, 0));
	say_fd_content("f", fd);
	say_content("d/f");
	say_stat("d/f");
	say_fstat("f", fd);
	say_xattrs("d/f");
	R(unlink("d/f"));
	R(pwrite(fd, "x", 1, 0));
	say_fstat("f", fd);
}

SCENARIO(unlinked_at_the_end)
{
	int fd = F(open("f", O_RDWR | O_CREAT, 0600)), t;

	R(write(fd, "x", 1));
	R(unlink("f"));
	R(mkdir("d", 0755));
	R(chdir("d"));
	R(rmdir("../d"));
	t = F(open("..", O_TMPFILE | O_RDWR, 0600));
	R(write(t, "x", 1));
	/* and the process ends with all of them open */
}
