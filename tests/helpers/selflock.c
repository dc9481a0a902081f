// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mapping of a wtfs file as the buffer for writes to its lower file:
 *
 *   selflock WTFS-FILE LOWER-FILE MIB [read]
 *
 * The lower faults on the buffer with its inode locked, and wtfs takes that lock
 * to fill the page. Each write is to fail with EFAULT, or to do something, and
 * none to hang. With "read" it is a buffer to read to, too, which is done, unless
 * somebody asks for the lock at that moment: lockdep rightly complains.
 */
#include "common.h"
#include <sys/mman.h>

static size_t length;

/* A mapping of the file with nothing of it in the cache. */
static char *map_cold(const char *file, int prot)
{
	int fd = xopen(file, O_RDWR);
	char *map;

	if (fsync(fd) || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
		die_errno("%s", file);
	map = mmap(NULL, length, prot, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		die_errno("mmap %s", file);
	close(fd);
	return map;
}

/* One write to the lower file, from a cold page of the mapping. */
static void write_lower(const char *wtfs, const char *lower, off_t at, int flags)
{
	char *map = map_cold(wtfs, PROT_READ);
	int fd = xopen(lower, O_WRONLY | flags);
	ssize_t n = pwrite(fd, map + length / 2, PAGE, at);

	printf("%s write: %s\n", flags & O_DIRECT ? "direct" : "buffered",
	       n < 0 ? strerrorname_np(errno) : "done");
	if (n < 0 && errno != EFAULT)
		die_errno("pwrite to %s", lower);
	close(fd);
	munmap(map, length);
}

/* The other way round: the lower holds its lock shared only. */
static void read_lower(const char *wtfs, const char *lower)
{
	char *map = map_cold(wtfs, PROT_READ | PROT_WRITE);
	int fd = xopen(lower, O_RDONLY);
	ssize_t n = pread(fd, map + length / 2, PAGE, 0);

	printf("read: %s\n", n < 0 ? strerrorname_np(errno) : "done");
	close(fd);
	munmap(map, length);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		die("usage: selflock WTFS-FILE LOWER-FILE MIB [read]");
	length = strtoul(argv[3], NULL, 10) * MIB;
	write_lower(argv[1], argv[2], 0, 0);
	/* behind the end: exclusive in any lower */
	write_lower(argv[1], argv[2], length, O_DIRECT);
	if (argc > 4)
		read_lower(argv[1], argv[2]);
	return 0;
}
