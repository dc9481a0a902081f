// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a write() to a file or directory will do, in plain words, and why.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wtfsstat.h"

/* As <linux/fs.h> of newer kernels than that of the C library's headers. */
#ifndef FS_INLINE_DATA_FL
#define FS_INLINE_DATA_FL	0x10000000
#endif

/* The exit status: how good the answer is; worse ones are larger. */
enum verdict {
	VERDICT_DIRECT,		/* write-through by direct I/O */
	VERDICT_SLOWER,		/* write-through, but not by the short way */
	VERDICT_NOT_THROUGH,	/* a plain write() need not wait for the device */
};

static enum verdict worst(enum verdict a, enum verdict b)
{
	return a > b ? a : b;
}

/* The word in /sys/dev/block/DEV/queue/@name; "" if there is none. */
static void queue_attribute(const char *dev, const char *name, char *value,
			    size_t size)
{
	static const char *const where[] = { "queue", "../queue" };

	*value = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(where) && !*value; i++) {
		char *path;
		FILE *f;

		if (asprintf(&path, "/sys/dev/block/%s/%s/%s", dev, where[i],
			     name) < 0)
			err(3, "out of memory");
		f = fopen(path, "re");
		free(path);
		if (!f)
			continue;
		if (fgets(value, size, f))
			value[strcspn(value, "\n")] = '\0';
		fclose(f);
	}
}

/* What O_DSYNC costs on the device below. */
static void check_device(const struct mount *lower)
{
	char cache[32], fua[32];

	queue_attribute(lower->dev, "write_cache", cache, sizeof(cache));
	queue_attribute(lower->dev, "fua", fua, sizeof(fua));
	if (!strcmp(cache, "write through"))
		printf("The device %s has no volatile cache: what write() brought there survives a power cut, as far as size and allocation are committed.\n",
		       lower->source);
	else if (!strcmp(cache, "write back") && !strcmp(fua, "1"))
		printf("The device %s has a volatile cache: use O_DSYNC, or fsync, against power cuts. It knows FUA, with which O_DSYNC overwrites need no flush.\n",
		       lower->source);
	else if (!strcmp(cache, "write back"))
		printf("The device %s has a volatile cache: use O_DSYNC, or fsync, against power cuts. It knows no FUA: each O_DSYNC write flushes the whole cache.\n",
		       lower->source);
}

static enum verdict check_lower(const struct mount *mounts, size_t count,
				const struct mount *wtfs)
{
	const struct mount *lower = mount_below(mounts, count, wtfs);

	if (!lower) {
		printf("The lower directory %s is not to be seen from here, nor whether its filesystem journals data, nor what its device does.\n",
		       wtfs->source);
		return VERDICT_DIRECT;
	}
	printf("The lower directory is %s, on %s (%s).\n", wtfs->source,
	       lower->type, lower->source);
	if (mount_has_option(lower->super, "ro"))
		errx(3, "the lower filesystem is read-only: a write() fails");
	check_device(lower);
	if (mount_has_option(lower->super, "data=journal")) {
		printf("The lower filesystem journals data (data=journal): each write is a buffered one, followed by an fsync.\n");
		return VERDICT_SLOWER;
	}
	if (!strcmp(lower->type, "overlay")) {
		printf("The lower filesystem is an overlayfs: each write is a buffered one, followed by an fsync.\n");
		return VERDICT_SLOWER;
	}
	if (strcmp(lower->type, "xfs") && strcmp(lower->type, "ext4"))
		printf("wtfs is tested over xfs and ext4, not over %s.\n",
		       lower->type);
	return VERDICT_DIRECT;
}

/*
 * What ioctl() says of a file or directory; 0 if it cannot be asked, as by who may
 * not read it.
 */
static unsigned int file_flags(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	unsigned int flags = 0;

	if (fd < 0)
		return 0;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		flags = 0;
	close(fd);
	return flags;
}

/* Is each write to it an O_DSYNC one? */
static bool check_sync(const struct mount *wtfs, const struct statx *stx,
		       unsigned int flags)
{
	if (mount_has_option(wtfs->super, "sync")) {
		printf("Mount option sync: each write is made durable, as with O_DSYNC.\n");
		return true;
	}
	if (S_ISREG(stx->stx_mode) && flags & FS_SYNC_FL) {
		printf("The file is synchronous (chattr +S): each write is made durable, as with O_DSYNC.\n");
		return true;
	}
	return false;
}

static enum verdict check_options(const struct mount *wtfs, bool sync)
{
	enum verdict verdict = VERDICT_DIRECT;

	if (mount_has_option(wtfs->super, "io=buffered")) {
		printf("Mount option io=buffered: each write goes through the page cache of the lower filesystem, and is written out.\n");
		verdict = VERDICT_SLOWER;
	}
	if (mount_has_option(wtfs->super, "writeback") && !sync) {
		printf("Mount option writeback: only O_DSYNC and O_SYNC writes go through; the rest stays in memory for a while.\n");
		verdict = VERDICT_NOT_THROUGH;
	}
	return verdict;
}

/* Why the lower can do no direct I/O on this file, as far as it says. */
static const char *why_buffered(const struct statx *stx, unsigned int flags)
{
	if (stx->stx_attributes & STATX_ATTR_ENCRYPTED)
		return "it is encrypted";
	if (flags & FS_JOURNAL_DATA_FL)
		return "its data is journalled (chattr +j)";
	if (flags & FS_INLINE_DATA_FL)
		return "its data is in the inode";
	return "the lower filesystem says so";
}

static enum verdict check_file(const struct statx *stx, unsigned int flags)
{
	unsigned long page = sysconf(_SC_PAGESIZE);

	if (!(stx->stx_mask & STATX_DIOALIGN)) {
		printf("The lower filesystem does not say whether the file can have direct I/O: a write may be a buffered one.\n");
		return VERDICT_SLOWER;
	}
	if (!stx->stx_dio_offset_align || !stx->stx_dio_mem_align) {
		printf("The file can have no direct I/O, since %s: each write is a buffered one, followed by an fsync.\n",
		       why_buffered(stx, flags));
		return VERDICT_SLOWER;
	}
	if (stx->stx_dio_offset_align > page || stx->stx_dio_mem_align > page) {
		printf("The file can have direct I/O only in units of more than a page: each write is a buffered one, followed by an fsync.\n");
		return VERDICT_SLOWER;
	}
	return VERDICT_DIRECT;
}

/* New files of ext4 have that from their directory. */
static enum verdict check_directory(unsigned int flags)
{
	if (!(flags & FS_JOURNAL_DATA_FL))
		return VERDICT_DIRECT;
	printf("The data of new files there is journalled (chattr +j): each write is a buffered one, followed by an fsync.\n");
	return VERDICT_SLOWER;
}

/* Of what cannot be written to, nothing can be said. */
static void check_writable(const char *path, const struct mount *wtfs,
			   const struct statx *stx)
{
	if (!S_ISREG(stx->stx_mode) && !S_ISDIR(stx->stx_mode))
		errx(3, "%s: neither a regular file nor a directory", path);
	if (mount_has_option(wtfs->options, "ro") ||
	    mount_has_option(wtfs->super, "ro"))
		errx(3, "%s: wtfs is mounted read-only: a write() fails", path);
	if (S_ISREG(stx->stx_mode) &&
	    stx->stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_VERITY))
		errx(3, "%s: it is immutable, or has fs-verity: a write() fails",
		     path);
}

static enum verdict check_wtfs(const char *path, const struct mount *mounts,
			       size_t count, const struct mount *wtfs)
{
	enum verdict verdict;
	unsigned int flags;
	struct statx stx;
	bool sync;

	if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_TYPE | STATX_DIOALIGN,
		  &stx))
		err(3, "%s", path);
	check_writable(path, wtfs, &stx);
	flags = file_flags(path);
	printf("This is wtfs, mounted on %s.\n", wtfs->dir);
	verdict = check_lower(mounts, count, wtfs);
	sync = check_sync(wtfs, &stx, flags);
	verdict = worst(verdict, check_options(wtfs, sync));
	return worst(verdict, S_ISREG(stx.stx_mode) ? check_file(&stx, flags) :
						      check_directory(flags));
}

static void print_verdict(const char *path, enum verdict verdict)
{
	static const char *const text[] = {
		[VERDICT_DIRECT] =
			"is on the device when it returns, written by direct I/O",
		[VERDICT_SLOWER] =
			"is on the device when it returns, but takes a longer way",
		[VERDICT_NOT_THROUGH] =
			"may return before the data is on the device",
	};

	printf("%s: a plain write() %s.\n", path, text[verdict]);
}

/* Return: the exit status, an enum verdict. */
int check(const char *path)
{
	enum verdict verdict = VERDICT_NOT_THROUGH;
	const struct mount *mount;
	struct mount *mounts;
	size_t count;
	int id;

	id = mount_id_of(path);
	if (id < 0)
		err(3, "%s", path);
	count = mounts_read(&mounts);
	mount = mount_find(mounts, count, id);
	if (!mount)
		errx(3, "%s: its mount is not in /proc/self/mountinfo", path);
	if (!mount_is_wtfs(mount)) {
		printf("This is no wtfs, but %s (%s), mounted on %s: wtfs writes nothing through there.\n",
		       mount->type, mount->source, mount->dir);
	} else {
		verdict = check_wtfs(path, mounts, count, mount);
		print_verdict(path, verdict);
	}
	mounts_free(mounts, count);
	return verdict;
}
