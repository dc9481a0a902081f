// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that are confined by a security module, beside others that are not:
 * open lower files are shared, and which of the two opened one first must not
 * matter. What the module forbids on the lower it forbids on wtfs.
 */
#include "compare.h"
#include <linux/fs.h>
#include <linux/landlock.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/quota.h>
#include <linux/aio_abi.h>

#define GROUP "confined"

/* What the lower is asked to do to files that are open already. */
static void use(int fd, int from)
{
	struct file_clone_range range = {
		.src_fd = from, .src_length = 4096, .dest_offset = 8192,
	};
	char bytes[16];

	R(fallocate(fd, 0, 0, 65536));
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096));
	R(ioctl(fd, FICLONERANGE, &range));
	R(pwrite(fd, "text", 4, 0));
	R(pread(fd, bytes, sizeof(bytes), 0));
	R(ftruncate(fd, 20000));
	R(fsync(fd));
	R(lseek(fd, 0, SEEK_HOLE));
	say_fd_content("file", fd);
}

/* The names in the directory by an open descriptor */
static void list(const char *path)
{
	int fd = F(open(path, O_RDONLY | O_DIRECTORY));
	char buf[4096];

	say("entries: %d", syscall(SYS_getdents64, fd, buf, sizeof(buf)) > 0);
	close(fd);
}

static void use_all(void)
{
	int from = F(open("from", O_RDONLY));
	int fd = F(open("file", O_RDWR));
	int tmp;

	use(fd, from);
	list(".");
	say_dir(".");
	tmp = F(open(".", O_TMPFILE | O_RDWR, 0640));
	R(pwrite(tmp, "tmp", 3, 0));
	say_fstat("tmpfile", tmp);
	tmp = F(open(".", O_TMPFILE | O_WRONLY | O_EXCL, 0600));
	R(pwrite(tmp, "tmp", 3, 0));
	close(tmp);
	close(fd);
	close(from);
}

/*
 * @first opens the files and keeps them open, then @second opens and uses them;
 * then the first uses his. NULL stands for a process that is not confined.
 */
static void one_after_the_other(const char *first, const char *second)
{
	int ready[2], done[2];
	char byte;

	make_file("from", 16384, 1);
	make_file("file", 16384, 2);
	if (pipe(ready) || pipe(done))
		say("pipe: %s", error_name(errno));
	if (!fork()) {
		int from, fd, dir;

		if (first && !confine(first))
			say("%s: %s", first, error_name(errno));
		from = F(open("from", O_RDONLY));
		fd = F(open("file", O_RDWR));
		dir = F(open(".", O_RDONLY | O_DIRECTORY));
		close(done[1]);
		/* not logged: in which order the two get there is chance */
		if (write(ready[1], "x", 1) != 1 || read(done[0], &byte, 1))
			say("the pipes: %s", error_name(errno));
		use(fd, from);
		close(dir);
		_exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		say("the first is gone");
	IN_CHILD {
		if (second && !confine(second))
			say("%s: %s", second, error_name(errno));
		use_all();
	}
	close(done[0]);
	close(done[1]);
	wait(NULL);
}

/* Write to a file that is there. */
static void put_text(const char *path, const char *text)
{
	int fd = F(open(path, O_WRONLY));

	R(write(fd, text, strlen(text)));
	R(close(fd));
}

/* Ends the scenario where the kernel has no such module, or no policy for it. */
static void need(const char *module)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(!confine(module));
	waitpid(pid, &status, 0);
	if (status)
		unable("no %s", module);
}

SCENARIO(apparmor_after_others)
{
	need("apparmor");
	one_after_the_other(NULL, "apparmor");
}

SCENARIO(apparmor_before_others)
{
	need("apparmor");
	one_after_the_other("apparmor", NULL);
}

SCENARIO(apparmor_twice)
{
	need("apparmor");
	one_after_the_other("apparmor", "apparmor");
}

/* What the profile denies */
SCENARIO(apparmor_denies)
{
	need("apparmor");
	put("denied", "secret");
	put("open", "text");
	R(mkdir("denied.d", 0777));
	put("denied.d/file", "secret");
	IN_CHILD {
		if (!confine("apparmor"))
			say("confine: %s", error_name(errno));
		F(open("denied", O_RDONLY));
		F(open("denied", O_RDWR));
		F(open("denied.d/file", O_RDONLY));
		F(open("denied.d", O_TMPFILE | O_RDWR, 0600));
		R(truncate("denied", 1));
		R(rename("open", "denied"));
		R(link("denied", "linked"));
		R(unlink("denied"));
		R(mkdir("denied.d/d", 0700));
		say_dir("denied.d");
		say_content("open");
	}
	say_tree(".");
}

SCENARIO(landlock_after_others)
{
	need("landlock");
	one_after_the_other(NULL, "landlock");
}

SCENARIO(landlock_before_others)
{
	need("landlock");
	one_after_the_other("landlock", NULL);
}

/* Only what is below one directory, and there not everything */
SCENARIO(landlock_denies)
{
	struct landlock_ruleset_attr ruleset = { .handled_access_fs = (1ULL << 13) - 1 };
	struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
			LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_WRITE_FILE,
	};
	int fd;

	need("landlock");
	R(mkdir("in", 0777));
	R(mkdir("out", 0777));
	put("in/file", "inside");
	put("out/file", "outside");
	rule.parent_fd = open("in", O_PATH);
	fd = syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset.handled_access_fs), 0);
	R(syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0));
	IN_CHILD {
		R(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		R(syscall(SYS_landlock_restrict_self, fd, 0));
		say_content("in/file");
		say_content("out/file");
		list("in");
		list("out");
		F(open("in", O_TMPFILE | O_RDWR, 0600));
		F(open("out", O_TMPFILE | O_RDWR, 0600));
		F(open("in/new", O_CREAT | O_RDWR, 0600));
		F(open("out/new", O_CREAT | O_RDWR, 0600));
		R(mkdir("in/d", 0700));
		R(rename("in/file", "in/other"));
		R(link("in/file", "out/linked"));
		R(unlink("in/file"));
	}
	say_tree(".");
}

/* Two domains, of which neither may use the descriptors of the other */
SCENARIO(selinux_two_domains)
{
	need("selinux:one_t");
	one_after_the_other("selinux:one_t", "selinux:two_t");
}

SCENARIO(selinux_after_others)
{
	need("selinux:one_t");
	one_after_the_other(NULL, "selinux:one_t");
}

/* What is labelled so that the domain may not use it */
SCENARIO(selinux_denies)
{
	static const char secret[] = "user:object_r:secret_t";
	int fd;

	need("selinux:one_t");
	put("secret", "text");
	put("open", "text");
	fd = F(open("secret", O_RDWR));
	R(setxattr("secret", "security.selinux", secret, sizeof(secret), 0));
	IN_CHILD {
		if (!confine("selinux:one_t"))
			say("confine: %s", error_name(errno));
		F(open("secret", O_RDONLY));
		R(pwrite(fd, "x", 1, 0));
		R(fallocate(fd, 0, 0, 8192));
		R(truncate("secret", 1));
		R(chmod("secret", 0600));
		R(setxattr("secret", "user.x", "x", 1, 0));
		R(unlink("secret"));
		R(setxattr("open", "security.selinux", secret, sizeof(secret), 0));
		F(open("open", O_RDONLY));
	}
	say_xattrs("secret");
	say_xattrs("open");
	F(open("new", O_CREAT | O_RDWR, 0600));
	say_xattrs("new");
	say_xattrs(".");
}

static const char *fd_path(int fd)
{
	static char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

/* A label that is given by whoever creates the file */
SCENARIO(selinux_create_label)
{
	int fd;

	need("selinux:one_t");
	R(write_string("/proc/thread-self/attr/fscreate", "user:object_r:secret_t"));
	F(open("file", O_CREAT | O_RDWR, 0600));
	R(mkdir("d", 0700));
	R(symlink("x", "l"));
	fd = F(open(".", O_TMPFILE | O_RDWR, 0600));
	R(linkat(AT_FDCWD, fd_path(fd), AT_FDCWD, "tmp", AT_SYMLINK_FOLLOW));
	R(write_string("/proc/thread-self/attr/fscreate", "user:object_r:file_t"));
	R(mknod("p", S_IFIFO | 0600, 0));
	say_xattrs("file");
	say_xattrs("d");
	say_xattrs("l");
	say_xattrs("p");
	say_xattrs("tmp");
	drop_all_caches();
	say_xattrs("file");
	say_xattrs("d");
}

/*
 * IMA writes the hash of a file down when it is closed, whoever wrote to it: with a
 * policy for the files of user 7051.
 */
SCENARIO(ima_hash_by_others)
{
	put("file", "text");
	R(chown("file", 7051, 7051));
	R(chmod("file", 0666));
	put_text("file", "root's text");
	if (getxattr("file", "security.ima", NULL, 0) <= 0)
		unable("no policy of IMA");
	say_xattrs("file");
	AS_USER(7052) {
		put_text("file", "the text of somebody else");
		R(setxattr("file", "security.ima", "x", 1, 0));
		R(removexattr("file", "security.ima"));
		R(setxattr("file", "security.other", "x", 1, 0));
	}
	say_xattrs("file");
	say_content("file");
}

/* One AIO write of @len bytes at @at; its result, or -errno */
static long aio_write(int fd, const void *data, size_t len, off_t at)
{
	struct iocb cb = {
		.aio_fildes = fd, .aio_lio_opcode = IOCB_CMD_PWRITE,
		.aio_buf = (uint64_t)(uintptr_t)data, .aio_nbytes = len, .aio_offset = at,
	}, *list = &cb;
	struct io_event event = { .res = -EINVAL };
	aio_context_t context = 0;

	if (syscall(SYS_io_setup, 4, &context) || syscall(SYS_io_submit, context, 1, &list) != 1 ||
	    syscall(SYS_io_getevents, context, 1, 1, &event, NULL) != 1)
		return -errno;
	syscall(SYS_io_destroy, context);
	return event.res;
}

/*
 * A file that root has opened is written to by who has dropped his rights: his
 * quota stops him, whether he waits or not.
 */
SCENARIO(quota_after_dropped_uid)
{
	struct dqblk q = { .dqb_bhardlimit = 512, .dqb_valid = QIF_LIMITS };
	static char data[64 * KIB];
	int fd;

	if (quotactl(QCMD(Q_SETQUOTA, USRQUOTA), side->dev, 7050, (caddr_t)&q))
		unable("no quota");
	fd = new_file("file");
	R(fchown(fd, 7050, 7050));
	R(ftruncate(fd, 4 * MIB));
	AS_USER(7050) {
		long res, done = 0;
		off_t at;

		for (at = 0; at < (off_t)(4 * MIB); at += sizeof(data)) {
			res = aio_write(fd, data, sizeof(data), at);
			if (res < 0)
				break;
			done += res;
		}
		say("not all: %d, then %s", done <= (long)(512 * KIB), error_name(-res));
		R(pwrite(fd, data, sizeof(data), 2 * MIB));
		say("AIO again: %s", error_name(-aio_write(fd, data, 4096, 3 * MIB)));
	}
	/* root is not stopped on ext4, and is on XFS */
	say("root: %ld", aio_write(fd, data, 4096, 3 * MIB));
}
