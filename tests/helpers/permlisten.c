// SPDX-License-Identifier: GPL-2.0-only
/*
 * permlisten [-d] DIR LOWER COMMAND...
 *
 * Run COMMAND while a listener of fanotify's is asked for permission, and told of
 * all else, on the filesystems of both directories. It looks into each file that
 * it is asked about. Permission is given; with -d not on the filesystem of LOWER.
 * Says how many events there were on each, and exits as COMMAND did.
 */
#include "common.h"

#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <poll.h>

#define TOLD	(FAN_OPEN | FAN_ACCESS | FAN_MODIFY | FAN_CLOSE)
#define ASKED	(FAN_OPEN_PERM | FAN_ACCESS_PERM)

/* Nothing here takes long, and a listener that waits for itself can be killed. */
#define PATIENCE 60

static dev_t device(const char *dir)
{
	struct stat st;

	if (stat(dir, &st))
		die_errno("%s", dir);
	return st.st_dev;
}

static void watch(int fan, const char *dir)
{
	if (fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
			  TOLD | ASKED | FAN_ONDIR, AT_FDCWD, dir))
		die_errno("fanotify_mark %s", dir);
}

static pid_t start(char **argv)
{
	pid_t pid = fork();

	if (pid < 0)
		die_errno("fork");
	if (!pid) {
		execvp(argv[0], argv);
		die_errno("%s", argv[0]);
	}
	return pid;
}

/* Look at it as a virus scanner would, then answer. Return: whether it is on @lower. */
static bool handle(int fan, const struct fanotify_event_metadata *m, dev_t lower, bool deny)
{
	struct fanotify_response answer = { .fd = m->fd, .response = FAN_ALLOW };
	struct stat st;
	char buf[100];

	if (fstat(m->fd, &st))
		die_errno("fstat");
	if (S_ISREG(st.st_mode) && pread(m->fd, buf, sizeof(buf), 0) < 0)
		die_errno("pread");
	if (deny && st.st_dev == lower)
		answer.response = FAN_DENY;
	if (m->mask & ASKED && write(fan, &answer, sizeof(answer)) < 0)
		die_errno("answer");
	close(m->fd);
	return st.st_dev == lower;
}

int main(int argc, char **argv)
{
	char buf[4096] __attribute__((aligned(8)));
	bool deny = argc > 1 && !strcmp(argv[1], "-d");
	int status = 0, fan, events[2] = { };
	dev_t lower;
	pid_t child;

	argv += 1 + deny;
	if (argc < 4 + deny)
		die("usage: permlisten [-d] DIR LOWER COMMAND...");
	lower = device(argv[1]);
	fan = fanotify_init(FAN_CLASS_CONTENT | FAN_NONBLOCK, O_RDONLY | O_LARGEFILE);
	if (fan < 0)
		die_errno("fanotify_init");
	watch(fan, argv[0]);
	watch(fan, argv[1]);
	alarm(PATIENCE);
	child = start(argv + 2);
	for (bool ended = false; !ended;) {
		struct fanotify_event_metadata *m = (void *)buf;
		struct pollfd p = { .fd = fan, .events = POLLIN };
		ssize_t n;

		/* What it caused before its end is looked at after it. */
		ended = waitpid(child, &status, WNOHANG) == child;
		if (!ended)
			poll(&p, 1, 20);
		while ((n = read(fan, buf, sizeof(buf))) > 0)
			for (m = (void *)buf; FAN_EVENT_OK(m, n); m = FAN_EVENT_NEXT(m, n))
				events[handle(fan, m, lower, deny)]++;
		if (n < 0 && errno != EAGAIN)
			die_errno("read");
	}
	printf("above %d below %d\n", events[0], events[1]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
