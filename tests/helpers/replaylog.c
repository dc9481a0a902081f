// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a drive with a volatile cache holds after a power cut, from a log that
 * dm-log-writes made:
 *
 *   replaylog LOG DEVICE MARK [FROM]
 *
 * The log has a write once a flush or FUA made it durable, and not before. All
 * that it has up to MARK, and behind the mark FROM, is written to DEVICE. Prints
 * how many entries that were; fails if there is no MARK.
 */
#include "common.h"
#include <endian.h>

#define MAGIC 0x6a736677736872ULL
#define FLAG_DISCARD 4
#define FLAG_MARK 8

struct super {
	uint64_t magic;
	uint64_t version;
	uint64_t nr_entries;
	uint32_t sectorsize;
};

struct entry {
	uint64_t sector;	/* of the device, as nr_sectors is */
	uint64_t nr_sectors;
	uint64_t flags;
	uint64_t data_len;
};

static void read_at(int fd, void *to, size_t len, uint64_t off)
{
	ssize_t n;

	for (; len; len -= n, off += n, to += n) {
		n = pread(fd, to, len, off);
		if (n <= 0)
			die_errno("reading the log at %llu", (unsigned long long)off);
	}
}

/* @len bytes at @from of the log to @to of the device; zeros without a log */
static void copy(int log, uint64_t from, int dev, uint64_t to, uint64_t len)
{
	static uint8_t data[MIB];
	uint64_t n;

	for (; len; len -= n, from += n, to += n) {
		n = MIN(len, sizeof(data));
		if (log >= 0)
			read_at(log, data, n, from);
		else
			memset(data, 0, n);
		if (pwrite(dev, data, n, to) != (ssize_t)n)
			die_errno("writing the device at %llu", (unsigned long long)to);
	}
}

/* Is it this mark? */
static bool is_mark(int log, uint64_t off, const struct entry *entry, const char *mark)
{
	char name[256] = "";

	if (!mark || !(entry->flags & FLAG_MARK))
		return false;
	read_at(log, name, MIN(entry->data_len, sizeof(name) - 1), off + sizeof(*entry));
	return !strcmp(name, mark);
}

/* Its data is at @off. Return: where the next entry is. */
static uint64_t replay(int log, uint64_t off, int dev, const struct entry *entry)
{
	if (entry->flags & FLAG_DISCARD) {
		copy(-1, 0, dev, entry->sector, entry->nr_sectors);
		return off;
	}
	copy(log, off, dev, entry->sector, entry->nr_sectors);
	return off + entry->nr_sectors;
}

/* The next one at @off, with sectors made bytes; false behind the last one. */
static bool next_entry(int log, uint64_t off, uint32_t sector, struct entry *entry)
{
	read_at(log, entry, sizeof(*entry), off);
	entry->sector = le64toh(entry->sector) * sector;
	entry->nr_sectors = le64toh(entry->nr_sectors) * sector;
	entry->flags = le64toh(entry->flags);
	entry->data_len = le64toh(entry->data_len);
	return entry->sector | entry->nr_sectors | entry->flags | entry->data_len;
}

int main(int argc, char **argv)
{
	const char *from = argc > 4 ? argv[4] : NULL;
	unsigned long count = 0;
	struct super super;
	struct entry entry;
	uint32_t sector;
	uint64_t off;
	int log, dev;

	if (argc < 4)
		die("usage: replaylog LOG DEVICE MARK [FROM]");
	log = xopen(argv[1], O_RDONLY);
	dev = xopen(argv[2], O_WRONLY);
	/* it is written behind the back of our cache of it */
	if (ioctl(log, BLKFLSBUF))
		die_errno("BLKFLSBUF");
	read_at(log, &super, sizeof(super), 0);
	if (le64toh(super.magic) != MAGIC)
		die("%s is no log of dm-log-writes", argv[1]);
	sector = le32toh(super.sectorsize);
	/* the count in the super block lags behind; the device was all zero */
	for (off = sector; next_entry(log, off, sector, &entry); ) {
		if (is_mark(log, off, &entry, argv[3])) {
			if (fsync(dev))
				die_errno("fsync");
			printf("%lu\n", count);
			return 0;
		}
		if (is_mark(log, off, &entry, from))
			from = NULL;
		off += sector;
		if (from) {
			off += entry.flags & FLAG_DISCARD ? 0 : entry.nr_sectors;
		} else {
			off = replay(log, off, dev, &entry);
			count++;
		}
	}
	die("the log has no mark '%s'", argv[3]);
}
