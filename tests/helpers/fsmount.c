// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mounting by the calls that mount(8) does not make:
 *
 *   fsmount fd DIR MOUNTPOINT [KEY=VALUE...]       the source is an open directory
 *   fsmount path DIR MOUNTPOINT [KEY=VALUE...]     a path that starts at an open /
 *   fsmount string DIR MOUNTPOINT [KEY=VALUE...]   a string, as with mount(8)
 *   fsmount both DIR MOUNTPOINT [KEY=VALUE...]     a string, and then a descriptor
 *
 * What the kernel says goes to stdout. The status is 0, or 1 if it refuses.
 */
#include "common.h"
#include <sys/mount.h>

static int say(int fs)
{
	int error = errno;
	char text[1024];
	ssize_t n;

	while ((n = read(fs, text, sizeof(text))) > 0)
		printf("%.*s\n", (int)n, text);
	errno = error;
	return 1;
}

static int set_source(int fs, const char *how, const char *dir)
{
	int fd = strcmp(how, "path") ? xopen(dir, O_RDONLY) : xopen("/", O_PATH);
	int err;

	if (!strcmp(how, "fd")) {
		err = fsconfig(fs, FSCONFIG_SET_FD, "source", NULL, fd);
	} else if (!strcmp(how, "path")) {
		err = fsconfig(fs, FSCONFIG_SET_PATH, "source", dir + 1, fd);
	} else {
		err = fsconfig(fs, FSCONFIG_SET_STRING, "source", dir, 0);
		if (!err && !strcmp(how, "both"))
			err = fsconfig(fs, FSCONFIG_SET_FD, "source", NULL, fd);
	}
	close(fd);
	return err;
}

static int set_option(int fs, char *option)
{
	char *value = strchr(option, '=');

	if (!value)
		return fsconfig(fs, FSCONFIG_SET_FLAG, option, NULL, 0);
	*value++ = 0;
	return fsconfig(fs, FSCONFIG_SET_STRING, option, value, 0);
}

int main(int argc, char **argv)
{
	int fs, mnt, i;

	if (argc < 4)
		die("usage: fsmount fd|path|string|both DIR MOUNTPOINT [KEY=VALUE...]");
	fs = fsopen("wtfs", FSOPEN_CLOEXEC);
	if (fs < 0)
		die_errno("fsopen");
	if (set_source(fs, argv[1], argv[2]))
		return say(fs);
	for (i = 4; i < argc; i++)
		if (set_option(fs, argv[i]))
			return say(fs);
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return say(fs);
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (mnt < 0 || move_mount(mnt, "", AT_FDCWD, argv[3], MOVE_MOUNT_F_EMPTY_PATH))
		return say(fs);
	say(fs);
	return 0;
}
