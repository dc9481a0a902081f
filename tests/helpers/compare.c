// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run the scenarios of compare-*.c on the plain lower filesystem and on wtfs,
 * and compare what they log:
 *
 *   compare [-v] [-t SECONDS] [-c MODULE] LOWER LOWER-DEV WTFS WTFS-DEV [PATTERN...]
 *
 * LOWER and WTFS are mount points, the devices what is below each. A PATTERN is
 * of the shell's kind, for GROUP.NAME; one that begins with "!" takes those away
 * that it matches. -v shows all lines. With -c the scenarios run confined by a
 * security module, see confine(). A scenario that
 * crashes or hangs is one that failed, and the others go on.
 */
#include "compare.h"
#include <fnmatch.h>
#include <grp.h>
#include <linux/landlock.h>
#include <poll.h>
#include <setjmp.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>

#define LOG_MAX (256 * KIB)
#define INODES_MAX 4096

/* What a scenario logs; shared with all its processes. */
struct log {
	uint32_t used;		/* of @text; each line is claimed atomically */
	bool skipped;
	uint32_t inodes;	/* entries of @ids */
	struct {
		dev_t dev;
		ino_t ino;
	} ids[INODES_MAX];
	char text[LOG_MAX];
};

const struct side *side;
static struct log *out;

/* ---- logging --------------------------------------------------------------- */

static void log_line(const char *text)
{
	size_t len = strlen(text) + 1;
	uint32_t at = __atomic_fetch_add(&out->used, len, __ATOMIC_RELAXED);

	if (at + len >= LOG_MAX)
		_exit(99);
	memcpy(out->text + at, text, len - 1);
	out->text[at + len - 1] = '\n';
}

void say(const char *fmt, ...)
{
	char text[2048];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	log_line(text);
}

void unable(const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	out->skipped = true;
	say("skip: %s", text);
	_exit(0);
}

const char *error_name(int error)
{
	return error ? strerrorname_np(error) ?: "E?" : "0";
}

long say_result(const char *what, long result)
{
	int error = errno;

	if (result == -1)
		say("%s: %s", what, error_name(error));
	else
		say("%s: %ld", what, result);
	errno = error;
	return result;
}

int say_success(const char *what, long result)
{
	int error = errno;

	say("%s: %s", what, result == -1 ? error_name(error) : "ok");
	errno = error;
	return result;
}

int say_error(const char *what, int error)
{
	say("%s: %s", what, error_name(error));
	return error;
}

/* ---- files ----------------------------------------------------------------- */

int new_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

	if (fd < 0)
		say("new file %s: %s", path, error_name(errno));
	return fd;
}

void make_file(const char *path, size_t len, uint64_t key)
{
	static char data[64 * KIB];
	int fd = new_file(path);
	size_t done;

	for (done = 0; done < len; done += MIN(len - done, sizeof(data))) {
		size_t want = MIN(len - done, sizeof(data));
		ssize_t n;

		fill(data, want, key + done);
		n = write(fd, data, want);
		if (n != (ssize_t)want) {
			say("write of %zu at %zu: %zd %s", want, done, n, error_name(errno));
			break;
		}
	}
	close(fd);
}

void put(const char *path, const char *text)
{
	int fd = new_file(path);

	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		say("writing %s: %s", path, error_name(errno));
	close(fd);
}

int write_string(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int error = 0;

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		error = errno;
	if (fd >= 0)
		close(fd);
	return error;
}

unsigned int inode_id(dev_t dev, ino_t ino)
{
	uint32_t i;

	for (i = 0; i < out->inodes; i++)
		if (out->ids[i].dev == dev && out->ids[i].ino == ino)
			return i;
	if (i == INODES_MAX)
		_exit(99);
	out->ids[i].dev = dev;
	out->ids[i].ino = ino;
	out->inodes = i + 1;
	return i;
}

static void say_kstat(const char *what, const struct stat *s)
{
	char rdev[40] = "";

	if (S_ISCHR(s->st_mode) || S_ISBLK(s->st_mode))
		snprintf(rdev, sizeof(rdev), ", device %#llx", (unsigned long long)s->st_rdev);
	say("%s: inode %u, mode %06o, links %ju, owner %u:%u, size %lld, block %ld%s", what,
	    inode_id(s->st_dev, s->st_ino), s->st_mode, (uintmax_t)s->st_nlink, s->st_uid,
	    s->st_gid, (long long)s->st_size, (long)s->st_blksize, rdev);
}

void say_stat(const char *path)
{
	struct stat s;

	if (lstat(path, &s))
		say("stat %s: %s", path, error_name(errno));
	else
		say_kstat(path, &s);
}

void say_fstat(const char *what, int fd)
{
	struct stat s;

	if (fstat(fd, &s))
		say("fstat %s: %s", what, error_name(errno));
	else
		say_kstat(what, &s);
}

/* STATX_ATTR_WRITE_ATOMIC and _DAX: wtfs need not give what the lower does */
#define NOT_GIVEN 0x600000ULL

void say_statx(const char *path, int flags, unsigned int mask)
{
	struct statx x;

	if (statx(AT_FDCWD, path, flags | AT_SYMLINK_NOFOLLOW, mask, &x)) {
		say("statx %s %#x: %s", path, mask, error_name(errno));
		return;
	}
	say("statx %s %#x: mode %o, links %u, owner %u:%u, size %llu, block %u", path, mask,
	    x.stx_mode, x.stx_nlink, x.stx_uid, x.stx_gid, (unsigned long long)x.stx_size,
	    x.stx_blksize);
	say("statx %s %#x: mask %#x, attributes %#llx of %#llx", path, mask,
	    x.stx_mask & ~0x5000u /* mount ids: the VFS's */,
	    (unsigned long long)x.stx_attributes & ~NOT_GIVEN,
	    (unsigned long long)x.stx_attributes_mask & ~NOT_GIVEN);
	say("statx %s %#x: born %s, after mtime: %s", path, mask, x.stx_btime.tv_sec ? "yes" : "no",
	    x.stx_btime.tv_sec > x.stx_mtime.tv_sec ? "yes" : "no");
}

static uint64_t hash_more(uint64_t hash, const uint8_t *p, size_t len)
{
	for (; len >= 8; p += 8, len -= 8) {
		uint64_t x;

		memcpy(&x, p, 8);
		hash = (hash ^ x) * 0x100000001b3ULL;
		hash ^= hash >> 29;
	}
	for (; len; len--)
		hash = (hash ^ *p++) * 0x100000001b3ULL;
	return hash;
}

#define HASH_START 0xcbf29ce484222325ULL

void say_bytes(const char *what, const void *data, size_t len)
{
	say("%s: %zu bytes, hash %016llx", what, len,
	    (unsigned long long)hash_more(HASH_START, data, len));
}

void say_fd_content(const char *what, int fd)
{
	static uint8_t data[64 * KIB];
	uint64_t hash = HASH_START;
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, data, sizeof(data), at)) > 0) {
		hash = hash_more(hash, data, n);
		at += n;
	}
	if (n < 0)
		say("%s: read at %lld: %s", what, (long long)at, error_name(errno));
	else
		say("%s: %lld bytes, hash %016llx", what, (long long)at,
		    (unsigned long long)hash);
}

void say_content(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW);

	if (fd < 0) {
		say("open %s: %s", path, error_name(errno));
		return;
	}
	say_fd_content(path, fd);
	close(fd);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

void say_dir(const char *path)
{
	struct dirent **list;
	struct stat s;
	int i, n;

	n = scandir(path, &list, NULL, by_name);
	if (n < 0) {
		say("readdir %s: %s", path, error_name(errno));
		return;
	}
	if (stat(path, &s))
		say("stat %s: %s", path, error_name(errno));
	for (i = 0; i < n; i++) {
		const struct dirent *d = list[i];

		if (strcmp(d->d_name, ".."))
			say("  %s/%s: type %u, inode %u", path, d->d_name, d->d_type,
			    inode_id(s.st_dev, d->d_ino));
	}
	free(list);
}

void say_tree(const char *path)
{
	char below[PATH_MAX], target[PATH_MAX];
	struct dirent **list;
	struct stat s;
	int i, n;

	say_stat(path);
	if (lstat(path, &s))
		return;
	if (S_ISREG(s.st_mode))
		say_content(path);
	if (S_ISLNK(s.st_mode)) {
		n = readlink(path, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		say("%s -> %s", path, target);
	}
	if (!S_ISDIR(s.st_mode))
		return;
	n = scandir(path, &list, NULL, by_name);
	for (i = 0; i < n; i++) {
		if (!strcmp(list[i]->d_name, ".") || !strcmp(list[i]->d_name, ".."))
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, list[i]->d_name);
		say_tree(below);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void say_xattrs(const char *path)
{
	static char names[64 * KIB], value[64 * KIB];
	char *list[1000];
	ssize_t len, i;
	size_t n = 0, k;

	len = llistxattr(path, names, sizeof(names));
	if (len < 0) {
		say("listxattr %s: %s", path, error_name(errno));
		return;
	}
	say("listxattr %s: %zd bytes", path, len);
	for (i = 0; i < len && n < ARRAY_SIZE(list); i += strlen(names + i) + 1)
		list[n++] = names + i;
	qsort(list, n, sizeof(list[0]), by_text);
	for (k = 0; k < n; k++) {
		char what[400];

		snprintf(what, sizeof(what), "  %s %s", path, list[k]);
		len = lgetxattr(path, list[k], value, sizeof(value));
		if (len < 0)
			say("%s: %s", what, error_name(errno));
		else
			say_bytes(what, value, len);
	}
}

/* ---- times ----------------------------------------------------------------- */

void tick(void)
{
	struct timespec from, now;

	clock_gettime(CLOCK_REALTIME_COARSE, &from);
	do {
		usleep(3000);
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	} while (now.tv_sec == from.tv_sec && now.tv_nsec == from.tv_nsec);
}

struct times times_of(const char *path)
{
	struct times t = { 0 };
	struct stat s;

	if (lstat(path, &s))
		say("times of %s: %s", path, error_name(errno));
	else
		t = (struct times) { s.st_atim, s.st_mtim, s.st_ctim };
	return t;
}

static const char *compare_times(const struct timespec *from, const struct timespec *to)
{
	if (from->tv_sec == to->tv_sec && from->tv_nsec == to->tv_nsec)
		return "same";
	if (from->tv_sec > to->tv_sec ||
	    (from->tv_sec == to->tv_sec && from->tv_nsec > to->tv_nsec))
		return "went back";
	return "moved on";
}

void say_times(const char *path, const struct times *since)
{
	struct times now = times_of(path);

	say("times of %s: atime %s, mtime %s, ctime %s", path, compare_times(&since->atime, &now.atime),
	    compare_times(&since->mtime, &now.mtime), compare_times(&since->ctime, &now.ctime));
}

/* ---- memory ---------------------------------------------------------------- */

static sigjmp_buf fault;

static void on_fault(int signal)
{
	siglongjmp(fault, signal);
}

static void catch_faults(void (*handler)(int))
{
	signal(SIGBUS, handler);
	signal(SIGSEGV, handler);
}

int peek(const volatile void *at)
{
	int caught = sigsetjmp(fault, 1);
	int value;

	if (!caught) {
		catch_faults(on_fault);
		value = *(const volatile uint8_t *)at;
	} else {
		value = -caught;
	}
	catch_faults(SIG_DFL);
	return value;
}

int poke(volatile void *at, int value)
{
	int caught = sigsetjmp(fault, 1);

	if (!caught) {
		catch_faults(on_fault);
		*(volatile uint8_t *)at = value;
	}
	catch_faults(SIG_DFL);
	return -caught;
}

static void say_touched(const char *what, const char *how, int result)
{
	if (result < 0)
		say("%s %s: SIG%s", how, what, sigabbrev_np(-result));
	else
		say("%s %s: %d", how, what, result);
}

void say_peek(const char *what, const volatile void *at)
{
	say_touched(what, "load", peek(at));
}

void say_poke(const char *what, volatile void *at, int value)
{
	say_touched(what, "store", poke(at, value));
}

/* ---- processes ------------------------------------------------------------- */

int become(unsigned int id, bool user)
{
	int status;
	pid_t pid = fork();

	if (pid < 0) {
		say("fork: %s", error_name(errno));
		return 1;
	}
	if (pid == 0) {
		if (user && (setgroups(0, NULL) || setresgid(id, id, id) || setresuid(id, id, id)))
			say("becoming %u: %s", id, error_name(errno));
		return 0;
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		say("the child died: SIG%s", sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		say("the child's status: %d", WEXITSTATUS(status));
	return 1;
}

/* ---- security modules ------------------------------------------------------- */

static bool write_attr(const char *path, const char *text)
{
	int error = write_string(path, text);

	errno = error;
	return !error;
}

/* All that this kernel knows of, to be had below "/". */
static bool confine_by_landlock(void)
{
	struct landlock_ruleset_attr ruleset = { 0 };
	struct landlock_path_beneath_attr rule;
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	int fd, root = open("/", O_PATH);

	if (abi < 0)
		return false;
	ruleset.handled_access_fs = (1ULL << 13) - 1;
	if (abi >= 2)
		ruleset.handled_access_fs |= 1ULL << 13;	/* REFER */
	if (abi >= 3)
		ruleset.handled_access_fs |= 1ULL << 14;	/* TRUNCATE */
	rule.allowed_access = ruleset.handled_access_fs;
	rule.parent_fd = root;
	fd = syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset.handled_access_fs), 0);
	return fd >= 0 &&
		!syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) &&
		!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
		!syscall(SYS_landlock_restrict_self, fd, 0) && !close(fd) && !close(root);
}

bool confine(const char *module)
{
	char context[100];

	if (!strcmp(module, "apparmor"))
		return write_attr("/proc/thread-self/attr/apparmor/current",
				  "changeprofile wtfs-test");
	if (!strcmp(module, "landlock"))
		return confine_by_landlock();
	if (strncmp(module, "selinux:", 8))
		die("no security module is called %s", module);
	snprintf(context, sizeof(context), "user:role:%s", module + 8);
	return write_attr("/proc/thread-self/attr/current", context);
}

/* ---- caches ---------------------------------------------------------------- */

void evict(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fsync(fd) || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
		say("evicting %s: %s", path, error_name(errno));
	close(fd);
}

void drop_all_caches(void)
{
	int fd = open(".", O_RDONLY);

	syncfs(fd);
	close(fd);
	write_string("/proc/sys/vm/drop_caches", "3");
}

void say_holes(int fd)
{
	off_t at = 0, end = lseek(fd, 0, SEEK_END), data, hole;

	while (at < end) {
		data = lseek(fd, at, SEEK_DATA);
		if (data < 0) {
			say("  nothing from %lld on: %s", (long long)at, error_name(errno));
			return;
		}
		hole = lseek(fd, data, SEEK_HOLE);
		say("  data from %lld to %lld", (long long)data, (long long)hole);
		if (hole <= at)
			return;
		at = hole;
	}
}

void say_settled_holes(int fd)
{
	if (fsync(fd) || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
		say("settling: %s", error_name(errno));
	say_holes(fd);
}

/* ---- running --------------------------------------------------------------- */

static unsigned int limit = 40;	/* seconds for one scenario on one side */
static const char *confinement;	/* by which security module; NULL for none */

static void reset(struct log *log)
{
	memset(log->text, 0, log->used);
	log->used = 0;
	log->inodes = 0;
	log->skipped = false;
}

/* In the child: never returns. */
static void run_here(const struct scenario *s, const char *dir)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(022);
	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		say("mount namespace: %s", error_name(errno));
	if (chdir(dir))
		say("chdir: %s", error_name(errno));
	if (confinement && !confine(confinement))
		say("confined by %s: %s", confinement, error_name(errno));
	srand(1);
	rng_seed(1);
	s->run();
	_exit(0);
}

/* The child's end; false when it is late. */
static bool await(pid_t pid, int *status, unsigned int seconds)
{
	struct pollfd ended = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	bool done;

	if (ended.fd < 0)
		die_errno("pidfd_open");
	done = poll(&ended, 1, seconds * 1000) == 1 && waitpid(pid, status, 0) == pid;
	close(ended.fd);
	return done;
}

static void run_side(const struct scenario *s, const struct side *on, struct log *log)
{
	char dir[300];
	int status = 0;
	pid_t pid;

	reset(log);
	out = log;
	side = on;
	snprintf(dir, sizeof(dir), "%s/%s.%s", on->mnt, s->group, s->name);
	if (mkdir(dir, 0777) || chmod(dir, 0777))
		die_errno("mkdir %s", dir);
	pid = fork();
	if (pid < 0)
		die_errno("fork");
	if (pid == 0)
		run_here(s, dir);
	if (!await(pid, &status, limit)) {
		kill(-pid, SIGKILL);
		say("not done after %u s on %s", limit, on->label);
		if (!await(pid, &status, limit))
			die("%s.%s cannot be killed on %s", s->group, s->name, on->label);
	}
	kill(-pid, SIGKILL);
	if (WIFSIGNALED(status))
		say("died: SIG%s", sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		say("exit status %d", WEXITSTATUS(status));
}

/* Take a line off @text. */
static char *next_line(char **text)
{
	char *line = *text, *end;

	if (!*line)
		return NULL;
	end = strchr(line, '\n');
	*end = '\0';
	*text = end + 1;
	return line;
}

/* The lines from the first difference on, a few of them. */
static void show_difference(struct log *a, struct log *b)
{
	char *x = a->text, *y = b->text, *before = NULL;
	unsigned int shown = 0;

	while (shown < 12) {
		char *l = next_line(&x), *w = next_line(&y);

		if (!l && !w)
			return;
		if (l && w && !strcmp(l, w)) {
			before = l;
			continue;
		}
		if (before)
			printf("      after: %s\n", before);
		before = NULL;
		printf("      lower: %s\n      wtfs:  %s\n", l ?: "(nothing)", w ?: "(nothing)");
		shown++;
	}
}

static struct log *new_log(void)
{
	struct log *log = mmap(NULL, sizeof(*log), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (log == MAP_FAILED)
		die_errno("mmap");
	return log;
}

static bool wanted(const struct scenario *s, char **patterns)
{
	bool any = !*patterns || **patterns == '!';
	char name[200];

	snprintf(name, sizeof(name), "%s.%s", s->group, s->name);
	for (; *patterns; patterns++) {
		bool without = **patterns == '!';

		if (!fnmatch(*patterns + without, name, 0))
			any = !without;
	}
	return any;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct side lower = { .label = "lower" }, wtfs = { .label = "wtfs" };
	unsigned int same = 0, different = 0, skipped = 0;
	const struct scenario *const *s;
	struct log *a = new_log(), *b = new_log();
	bool verbose = false;
	int c;

	while ((c = getopt(argc, argv, "vt:c:")) != -1) {
		if (c == 'v')
			verbose = true;
		else if (c == 't')
			limit = strtoul(optarg, NULL, 0);
		else if (c == 'c')
			confinement = optarg;
		else
			die("see the source for usage");
	}
	argv += optind;
	if (argc - optind < 4)
		die("compare [-v] [-t SECONDS] [-c MODULE] LOWER LOWER-DEV WTFS WTFS-DEV [PATTERN...]");
	lower.mnt = argv[0];
	lower.dev = argv[1];
	wtfs.mnt = argv[2];
	wtfs.dev = argv[3];
	for (s = __start_scenarios; s < __stop_scenarios; s++) {
		double began = seconds(), took;

		if (!wanted(*s, argv + 4))
			continue;
		run_side(*s, &lower, a);
		run_side(*s, &wtfs, b);
		took = seconds() - began;
		if (took > 3)
			printf("slow: %s.%s took %.1f s\n", (*s)->group, (*s)->name, took);
		if (verbose)
			printf("---- %s.%s\n%s", (*s)->group, (*s)->name, a->text);
		if (a->used != b->used || memcmp(a->text, b->text, a->used)) {
			different++;
			printf("DIFFERENT %s.%s\n", (*s)->group, (*s)->name);
			show_difference(a, b);
		} else if (a->skipped) {
			skipped++;
			printf("not compared: %s.%s: %s", (*s)->group, (*s)->name,
			       strstr(a->text, "skip: "));
		} else {
			same++;
		}
		fflush(stdout);
	}
	printf("%u scenarios the same, %u different, %u that the lower cannot do\n",
	       same, different, skipped);
	if (!same)
		die("nothing was compared");
	if (different)
		die("%u of %u scenarios differ between the lower and wtfs", different,
		    same + different);
	return 0;
}
