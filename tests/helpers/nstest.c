// SPDX-License-Identifier: GPL-2.0-only
/*
 * What no command of a shell does to names, in directory DIR:
 *
 *   nstest DIR
 */
#include "common.h"
#include <dirent.h>
#include <sys/stat.h>

static void put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die_errno("%s", name);
	close(fd);
}

static void expect(const char *name, const char *text)
{
	char got[64] = "";
	int fd = open(name, O_RDONLY);

	if (fd < 0 || read(fd, got, sizeof(got) - 1) < 0)
		die_errno("%s", name);
	close(fd);
	if (strcmp(got, text))
		die("%s holds '%s', not '%s'", name, got, text);
}

static void expect_error(const char *what, int result, int error)
{
	if (result != -1)
		die("%s succeeded", what);
	if (errno != error)
		die_errno("%s: wanted %s, got", what, strerrorname_np(error));
}

static void test_rename(void)
{
	put("a", "A");
	put("b", "B");
	expect_error("RENAME_NOREPLACE onto a file",
		     renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE), EEXIST);
	expect("b", "B");
	if (renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE))
		die_errno("RENAME_EXCHANGE");
	expect("a", "B");
	expect("b", "A");
	if (renameat2(AT_FDCWD, "a", AT_FDCWD, "c", RENAME_NOREPLACE))
		die_errno("RENAME_NOREPLACE");
	expect("c", "B");
	expect_error("opening what was renamed", open("a", O_RDONLY), ENOENT);
	if (mkdir("dir", 0700) || renameat2(AT_FDCWD, "c", AT_FDCWD, "dir/c", 0))
		die_errno("rename into a directory");
	expect("dir/c", "B");
	if (renameat2(AT_FDCWD, "dir", AT_FDCWD, "b", RENAME_EXCHANGE))
		die_errno("RENAME_EXCHANGE of a directory and a file");
	expect("dir", "A");
	expect("b/c", "B");
	expect_error("rename into itself", rename("b", "b/d"), EINVAL);
	expect_error("rename onto a directory that is not empty", rename("dir", "b"), EISDIR);
}

static void test_tmpfile(void)
{
	char path[64];
	struct stat s;
	int fd = open(".", O_TMPFILE | O_RDWR, 0640);

	if (fd < 0)
		die_errno("O_TMPFILE");
	if (write(fd, "tmp", 3) != 3)
		die_errno("write");
	if (fstat(fd, &s) || s.st_nlink != 0)
		die("an O_TMPFILE has %ju links", (uintmax_t)s.st_nlink);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, path, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW))
		die_errno("linkat");
	if (fstat(fd, &s) || s.st_nlink != 1)
		die("a linked O_TMPFILE has %ju links", (uintmax_t)s.st_nlink);
	expect("linked", "tmp");
	close(fd);
}

/* A file that nobody can name is used as before, by every descriptor. */
static void test_unlinked(void)
{
	char got[8] = "";
	struct stat s;
	int fd, other;

	put("gone", "before");
	fd = xopen("gone", O_RDWR);
	other = xopen("gone", O_RDONLY);
	if (unlink("gone"))
		die_errno("unlink");
	expect_error("opening an unlinked file", open("gone", O_RDONLY), ENOENT);
	if (pwrite(fd, "after", 5, 0) != 5 || pread(other, got, 6, 0) != 6)
		die_errno("using an unlinked file");
	if (strcmp(got, "aftere"))
		die("an unlinked file holds '%s'", got);
	if (ftruncate(fd, 3) || fstat(other, &s) || s.st_size != 3 || s.st_nlink != 0)
		die("an unlinked file has size %lld and %ju links", (long long)s.st_size,
		    (uintmax_t)s.st_nlink);
	if (fsync(fd))
		die_errno("fsync of an unlinked file");
	close(fd);
	close(other);
}

/* As many entries as were made, each once, also over a seekdir. */
static void test_readdir(void)
{
	static bool seen[500];
	unsigned int i, count = 0;
	struct dirent *d;
	long middle = 0;
	char name[32];
	DIR *dir;

	if (mkdir("many", 0755))
		die_errno("mkdir");
	for (i = 0; i < ARRAY_SIZE(seen); i++) {
		snprintf(name, sizeof(name), "many/%u", i);
		put(name, "");
	}
	dir = opendir("many");
	if (!dir)
		die_errno("opendir");
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		i = atoi(d->d_name);
		if (i >= ARRAY_SIZE(seen) || seen[i])
			die("entry %s, again or never made", d->d_name);
		seen[i] = true;
		if (++count == ARRAY_SIZE(seen) / 2)
			middle = telldir(dir);
	}
	if (count != ARRAY_SIZE(seen))
		die("%u entries, not %zu", count, ARRAY_SIZE(seen));
	seekdir(dir, middle);
	for (count = 0; readdir(dir); count++)
		;
	if (count < ARRAY_SIZE(seen) / 2 || count > ARRAY_SIZE(seen) / 2 + 2)
		die("%u entries after the middle", count);
	closedir(dir);
}

int main(int argc, char **argv)
{
	if (argc != 2 || chdir(argv[1]))
		die("usage: nstest DIR");
	test_rename();
	test_tmpfile();
	test_unlinked();
	test_readdir();
	return 0;
}
