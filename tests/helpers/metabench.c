// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a filesystem takes to create, stat, list and delete files:
 *
 *   metabench DIR FILES ROUNDS
 *
 * Prints, for each of the four, how many files a second. DIR must be empty;
 * a first round is not counted.
 */
#include "common.h"
#include <dirent.h>
#include <sys/stat.h>
#include <time.h>

static unsigned int files;

static const char *name(unsigned int i)
{
	static char text[32];

	snprintf(text, sizeof(text), "file-%05u", i);
	return text;
}

static void create_all(void)
{
	unsigned int i;
	int fd;

	for (i = 0; i < files; i++) {
		fd = open(name(i), O_CREAT | O_EXCL | O_WRONLY, 0644);
		if (fd < 0)
			die_errno("create %s", name(i));
		close(fd);
	}
}

static void stat_all(void)
{
	struct stat st;
	unsigned int i;

	for (i = 0; i < files; i++)
		if (stat(name(i), &st))
			die_errno("stat %s", name(i));
}

static void list_all(void)
{
	DIR *dir = opendir(".");
	unsigned int n = 0;

	if (!dir)
		die_errno("opendir");
	while (readdir(dir))
		n++;
	closedir(dir);
	if (n != files + 2)
		die("%u names in the directory, not %u", n, files + 2);
}

static void delete_all(void)
{
	unsigned int i;

	for (i = 0; i < files; i++)
		if (unlink(name(i)))
			die_errno("unlink %s", name(i));
}

static const struct step {
	const char *name;
	void (*run)(void);
} steps[] = {
	{ "create", create_all },
	{ "stat", stat_all },
	{ "list", list_all },
	{ "delete", delete_all },
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

int main(int argc, char **argv)
{
	uint64_t spent[ARRAY_SIZE(steps)] = { };
	unsigned int round, rounds, i;
	uint64_t start;

	if (argc != 4)
		die("usage: metabench DIR FILES ROUNDS");
	files = strtoul(argv[2], NULL, 0);
	rounds = strtoul(argv[3], NULL, 0);
	if (!files || !rounds)
		die("FILES and ROUNDS must be numbers, not 0");
	if (chdir(argv[1]))
		die_errno("%s", argv[1]);
	for (round = 0; round <= rounds; round++) {
		for (i = 0; i < ARRAY_SIZE(steps); i++) {
			start = now_ns();
			steps[i].run();
			if (round)
				spent[i] += now_ns() - start;
		}
	}
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		printf("%s %.0f\n", steps[i].name,
		       1e9 * rounds * files / MAX(spent[i], 1UL));
	return 0;
}
