// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is a mapped store on the device after its msync(), whatever is written beside it?
 *
 *   msyncrace FILE LOWERFILE SECONDS
 *
 * One thread stores numbers to the first page of FILE, has each synced, and reads it
 * from the lower file. The other one writes to the end of the same large folio and
 * to the folio behind it, as fast as it can: less than would take the store along.
 */
#include "common.h"
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#define FOLIO (256 * KIB)
#define LEN (100 * KIB)
#define AT (FOLIO - 56 * KIB)

static volatile bool over;

static void *writer(void *file)
{
	uint8_t *data = xalloc(PAGE, LEN);
	int fd = xopen(file, O_RDWR);

	memset(data, 'w', LEN);
	while (!over)
		if (pwrite(fd, data, LEN, AT) != LEN)
			die_errno("pwrite");
	return NULL;
}

int main(int argc, char **argv)
{
	volatile uint64_t *number;
	const uint64_t *below;
	pthread_t thread;
	uint64_t n = 0;
	time_t end;
	size_t got;
	int fd, lower;

	if (argc != 4)
		die("usage: msyncrace FILE LOWERFILE SECONDS");
	end = time(NULL) + strtoul(argv[3], NULL, 0);
	fd = xopen(argv[1], O_RDWR);
	lower = xopen(argv[2], O_RDONLY | O_DIRECT);
	number = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (number == MAP_FAILED)
		die_errno("mmap");
	if (pthread_create(&thread, NULL, writer, argv[1]))
		die("pthread_create");
	while (time(NULL) < end) {
		*number = ++n;
		if (msync((void *)number, PAGE, MS_SYNC))
			die_errno("msync");
		below = (const uint64_t *)direct_read(lower, 0, PAGE, PAGE, &got);
		if (got != PAGE || *below != n)
			die("%llu was stored and synced, and %llu is on the device",
			    (unsigned long long)n, (unsigned long long)*below);
	}
	over = true;
	pthread_join(thread, NULL);
	printf("%llu stores\n", (unsigned long long)n);
	return 0;
}
