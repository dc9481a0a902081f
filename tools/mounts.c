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

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* The kernel writes blanks and backslashes as \ and three octal digits. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (*s == '\\' && is_octal(s[1]) && is_octal(s[2]) &&
		    is_octal(s[3])) {
			*to++ = (s[1] - '0') << 6 | (s[2] - '0') << 3 |
				(s[3] - '0');
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* The next field, as it stands there. */
static char *raw_field(char **line)
{
	char *s = strsep(line, " \n");
	char *copy = strdup(s ?: "");

	if (!copy)
		err(3, "out of memory");
	return copy;
}

static char *field(char **line)
{
	char *s = raw_field(line);

	unescape(s);
	return s;
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
	/* Options stay escaped: a comma in a value does not begin an option. */
	m->options = raw_field(&line);
	skip_optional(&line);
	m->type = field(&line);
	m->source = field(&line);
	m->super = raw_field(&line);
}

/* Return: how many there are in @mounts, to be freed with mounts_free(). */
size_t mounts_read(struct mount **mounts)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	struct mount *list = NULL;
	size_t count = 0, size = 0;
	char *line = NULL;

	if (!f)
		err(3, "/proc/self/mountinfo");
	while (getline(&line, &size, f) > 0) {
		list = reallocarray(list, count + 1, sizeof(*list));
		if (!list)
			err(3, "out of memory");
		parse(line, &list[count++]);
	}
	/* A list that is not complete would say that a mount is gone. */
	if (ferror(f))
		err(3, "/proc/self/mountinfo");
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

/* The mount that the lower directory of @wtfs is on, if its path leads there. */
static const struct mount *mount_of_source(const struct mount *mounts,
					   size_t count,
					   const struct mount *wtfs)
{
	int id = mount_id_of(wtfs->source);
	const struct mount *m = id < 0 ? NULL : mount_find(mounts, count, id);

	/* Mounted over itself, the path leads to the wtfs. */
	return m && !mount_is_wtfs(m) ? m : NULL;
}

/*
 * The filesystem that holds the lower directory of @wtfs: where its path leads to.
 * Where wtfs covers it, or it cannot be entered, that of the deepest mount point
 * above it, the latest where there are several. NULL if it cannot be seen from
 * here: the path is that of whoever mounted it, and may be a relative one.
 */
const struct mount *mount_below(const struct mount *mounts, size_t count,
				const struct mount *wtfs)
{
	const struct mount *best;

	if (*wtfs->source != '/')
		return NULL;
	best = mount_of_source(mounts, count, wtfs);
	if (best)
		return best;
	for (size_t i = 0; i < count; i++) {
		const struct mount *m = &mounts[i];

		if (mount_is_wtfs(m) || !is_below(wtfs->source, m->dir))
			continue;
		if (!best || strlen(m->dir) >= strlen(best->dir))
			best = m;
	}
	return best;
}
