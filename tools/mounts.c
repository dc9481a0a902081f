// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which filesystems are mounted, and where: /proc/self/mountinfo.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "wtfsstat.h"

/* The kernel writes blanks and backslashes as \ and three octal digits. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		unsigned int code;

		if (*s == '\\' && sscanf(s + 1, "%3o", &code) == 1) {
			*to++ = code;
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static char *field(char **line)
{
	char *s = strsep(line, " \n");
	char *copy = strdup(s ?: "");

	if (!copy)
		err(2, "out of memory");
	unescape(copy);
	return copy;
}

/* The fields behind the mount's options are optional, and end with "-". */
static void skip_optional(char **line)
{
	char *s;

	while ((s = strsep(line, " \n")) && strcmp(s, "-"))
		;
}

static void parse(char *line, struct mount *m)
{
	m->id = atoi(strsep(&line, " ") ?: "");
	strsep(&line, " ");
	m->dev = field(&line);
	m->root = field(&line);
	m->dir = field(&line);
	m->options = field(&line);
	skip_optional(&line);
	m->type = field(&line);
	m->source = field(&line);
	m->super = field(&line);
}

/* Return: how many there are in @mounts, to be freed with mounts_free(). */
size_t mounts_read(struct mount **mounts)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	struct mount *list = NULL;
	size_t count = 0, size = 0;
	char *line = NULL;

	if (!f)
		err(2, "/proc/self/mountinfo");
	while (getline(&line, &size, f) > 0) {
		list = reallocarray(list, count + 1, sizeof(*list));
		if (!list)
			err(2, "out of memory");
		parse(line, &list[count++]);
	}
	free(line);
	fclose(f);
	*mounts = list;
	return count;
}

void mounts_free(struct mount *mounts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(mounts[i].dev);
		free(mounts[i].root);
		free(mounts[i].dir);
		free(mounts[i].options);
		free(mounts[i].type);
		free(mounts[i].source);
		free(mounts[i].super);
	}
	free(mounts);
}

bool mount_is_wtfs(const struct mount *mount)
{
	return !strcmp(mount->type, "wtfs");
}

/* Is @option one of the comma-separated @options? */
bool mount_has_option(const char *options, const char *option)
{
	size_t len = strlen(option);

	for (const char *s = options; s; s = strchr(s, ',')) {
		s += *s == ',';
		if (!strncmp(s, option, len) && (s[len] == ',' || !s[len]))
			return true;
	}
	return false;
}

/* Return: the mount that @path is on, or -1 with errno set. */
int mount_id_of(const char *path)
{
	struct statx stx;

	if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_MNT_ID, &stx))
		return -1;
	if (!(stx.stx_mask & STATX_MNT_ID)) {
		errno = ENOSYS;
		return -1;
	}
	return stx.stx_mnt_id;
}

const struct mount *mount_find(const struct mount *mounts, size_t count, int id)
{
	for (size_t i = 0; i < count; i++)
		if (mounts[i].id == id)
			return &mounts[i];
	return NULL;
}

/* Is @path @dir, or below it? */
static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (!strcmp(dir, "/"))
		return true;
	return !strncmp(path, dir, len) && (path[len] == '/' || !path[len]);
}

/*
 * The filesystem that holds the lower directory of @wtfs: that of the deepest
 * mount point above it, the latest where there are several. NULL if it cannot be
 * seen from here.
 */
const struct mount *mount_below(const struct mount *mounts, size_t count,
				const struct mount *wtfs)
{
	const struct mount *best = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct mount *m = &mounts[i];

		if (mount_is_wtfs(m) || !is_below(wtfs->source, m->dir))
			continue;
		if (!best || strlen(m->dir) >= strlen(best->dir))
			best = m;
	}
	return best;
}
