// SPDX-License-Identifier: GPL-2.0-only
/*
 * File handles, and what they lead to:
 *
 *   fhandle get PATH FILE        write the handle of PATH into FILE
 *   fhandle open MOUNT FILE      say what it is: TYPE INODE LINKS SIZE PATH
 *   fhandle cat MOUNT FILE       what it contains
 *   fhandle in MOUNT FILE NAME   what NAME contains, in the directory it is
 *
 * An error is a word, as ESTALE.
 */
#include "common.h"
#include <sys/stat.h>

union handle {
	struct file_handle fh;
	char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

static int say_errno(void)
{
	puts(strerrorname_np(errno));
	return 0;
}

static int get(const char *path, const char *file)
{
	union handle h = { .fh.handle_bytes = MAX_HANDLE_SZ };
	int mount_id, fd;

	if (name_to_handle_at(AT_FDCWD, path, &h.fh, &mount_id, 0))
		return say_errno();
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, &h, sizeof(h.fh) + h.fh.handle_bytes) < 0)
		die_errno("%s", file);
	close(fd);
	return 0;
}

static int open_handle(const char *mount, const char *file, int flags)
{
	int mfd = xopen(mount, O_RDONLY | O_DIRECTORY);
	int fd = xopen(file, O_RDONLY);
	union handle h = { };

	if (read(fd, &h, sizeof(h)) < (ssize_t)sizeof(h.fh))
		die_errno("%s", file);
	close(fd);
	fd = open_by_handle_at(mfd, &h.fh, flags);
	close(mfd);
	return fd;
}

static const char *type_of(mode_t mode)
{
	return S_ISDIR(mode) ? "dir" : S_ISREG(mode) ? "file" : S_ISLNK(mode) ? "link" : "other";
}

static int say(int fd)
{
	char link[64], path[4096];
	struct stat s;
	ssize_t len;

	if (fd < 0)
		return say_errno();
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0 || fstat(fd, &s))
		die_errno("fstat");
	path[len] = 0;
	printf("%s %ju %ju %jd %s\n", type_of(s.st_mode), (uintmax_t)s.st_ino,
	       (uintmax_t)s.st_nlink, (intmax_t)s.st_size, path);
	return 0;
}

static int cat(int fd)
{
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		return say_errno();
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, n, stdout);
	if (n)
		die_errno("read");
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 3 ? argv[1] : "";

	if (!strcmp(what, "get"))
		return get(argv[2], argv[3]);
	if (!strcmp(what, "open"))
		return say(open_handle(argv[2], argv[3], O_PATH));
	if (!strcmp(what, "cat"))
		return cat(open_handle(argv[2], argv[3], O_RDONLY));
	if (!strcmp(what, "in") && argc == 5)
		return cat(openat(open_handle(argv[2], argv[3], O_RDONLY), argv[4], O_RDONLY));
	die("usage: fhandle get|open|cat|in ...");
}
