// SPDX-License-Identifier: GPL-2.0-only
/*
 * flagrace FILE ROUNDS: make FILE append-only, and not, while others read it and
 * have its times stamped. Whoever opens it has to be refused when, and only when,
 * it is append-only.
 */
#include "common.h"

#include <pthread.h>

static const char *path;

static void *read_on(void *arg)
{
	int fd = open(path, O_RDONLY);
	char c;

	(void)arg;
	if (fd < 0)
		die_errno("%s", path);
	for (;;)
		if (pread(fd, &c, 1, 0) != 1)
			die_errno("pread");
	return NULL;
}

static void set_flags(int fd, int flags)
{
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags))
		die_errno("FS_IOC_SETFLAGS");
}

int main(int argc, char **argv)
{
	int fd, flags, rounds, writer;
	pthread_t reader;

	if (argc != 3)
		die("usage: flagrace FILE ROUNDS");
	path = argv[1];
	fd = open(path, O_RDONLY);
	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags))
		die_errno("%s", path);
	if (pthread_create(&reader, NULL, read_on, NULL))
		die("no thread");
	for (rounds = 0; rounds < atoi(argv[2]); rounds++) {
		set_flags(fd, flags | FS_APPEND_FL);
		writer = open(path, O_WRONLY);
		if (writer >= 0)
			die("opened without O_APPEND, in round %d", rounds);
		set_flags(fd, flags);
		writer = open(path, O_WRONLY);
		if (writer < 0)
			die_errno("an ordinary file, in round %d", rounds);
		close(writer);
	}
	return 0;
}
