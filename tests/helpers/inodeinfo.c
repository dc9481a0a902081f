// SPDX-License-Identifier: GPL-2.0-only
/*
 * What only a system call tells, or sets, of an inode:
 *
 *   inodeinfo size FILE		FIOQSIZE
 *   inodeinfo hint FILE HINT LOWER	set FILE's write hint and write to it: LOWER
 *					has it too then
 *   inodeinfo lease DIR		can it be leased, and delegated?
 */
#include "common.h"

#include <sys/ioctl.h>
#include <asm/ioctls.h>

#ifndef F_SETDELEG
#define F_SETDELEG	(1024 + 16)
/* As in the kernel's header */
struct delegation {
	uint32_t d_flags;
	uint16_t d_type;
	uint16_t unused;
};
#endif

static void show_size(int fd)
{
	off_t size;

	if (ioctl(fd, FIOQSIZE, &size))
		die_errno("FIOQSIZE");
	printf("%ld\n", (long)size);
}

static void try_hint(int fd, uint64_t hint, const char *lower)
{
	int below = open(lower, O_RDONLY);
	uint64_t got;

	if (fcntl(fd, F_SET_RW_HINT, &hint))
		die_errno("F_SET_RW_HINT");
	if (pwrite(fd, "x", 1, 0) != 1)
		die_errno("pwrite");
	if (below < 0 || fcntl(below, F_GET_RW_HINT, &got))
		die_errno("F_GET_RW_HINT");
	if (got != hint)
		die("the lower's hint is %lu, not %lu", (long)got, (long)hint);
}

static void try_lease(int fd)
{
	struct delegation d = { .d_type = F_RDLCK };

	printf("lease %s, ", fcntl(fd, F_SETLEASE, F_RDLCK) ? strerrorname_np(errno) : "ok");
	printf("delegation %s\n", fcntl(fd, F_SETDELEG, &d) ? strerrorname_np(errno) : "ok");
}

int main(int argc, char **argv)
{
	int fd;

	if (argc < 3)
		die("usage: inodeinfo WHAT FILE ...");
	fd = open(argv[2], strcmp(argv[1], "hint") ? O_RDONLY : O_RDWR);
	if (fd < 0)
		die_errno("%s", argv[2]);
	if (!strcmp(argv[1], "size"))
		show_size(fd);
	else if (!strcmp(argv[1], "lease"))
		try_lease(fd);
	else if (!strcmp(argv[1], "hint") && argc == 5)
		try_hint(fd, strtoull(argv[3], NULL, 0), argv[4]);
	else
		die("unknown: %s", argv[1]);
	return 0;
}
