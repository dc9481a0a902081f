/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scenarios of system calls: each is run once on the plain lower filesystem,
 * and once on wtfs over the same kind of lower, and has to log the same lines.
 * What legitimately differs (numbers of inodes and devices, the time itself) is
 * logged as a relation. See compare.c.
 */
#ifndef WTFS_TEST_COMPARE_H
#define WTFS_TEST_COMPARE_H

#include "common.h"
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

/* One scenario; SCENARIO() makes them, and the linker their table. */
struct scenario {
	const char *group;
	const char *name;
	void (*run)(void);
};

/*
 * SCENARIO(name) { ... }: runs in a process of its own, as root, in an empty
 * directory of mode 0777, with umask 022 and a private mount namespace. GROUP
 * is defined by each file.
 */
#define SCENARIO(name_)							\
	static void run_##name_(void);					\
	static const struct scenario scenario_##name_ = {		\
		.group = GROUP, .name = #name_, .run = run_##name_,	\
	};								\
	static const struct scenario *const entry_##name_		\
		__attribute__((used, section("scenarios"))) = &scenario_##name_; \
	static void run_##name_(void)

/* The side that a scenario runs on. */
struct side {
	const char *label;	/* "lower" or "wtfs" */
	const char *mnt;	/* its mount point */
	const char *dev;	/* the block device below */
};

extern const struct side *side;

/* The table; from the linker. */
extern const struct scenario *const __start_scenarios[];
extern const struct scenario *const __stop_scenarios[];

/* A line that both sides have to agree on. */
__attribute__((format(printf, 1, 2)))
void say(const char *fmt, ...);

/* The lower cannot do what this scenario is about: it ends here. */
__attribute__((format(printf, 1, 2), noreturn))
void unable(const char *fmt, ...);

/* Log the call as it is written here, and what it returned; its value. */
#define R(call) say_result(#call, (errno = 0, (long)(call)))
/* The same for what returns a descriptor or an address: success or errno. */
#define F(call) say_success(#call, (errno = 0, (long)(call)))
long say_result(const char *what, long result);
int say_success(const char *what, long result);
/* The same for what returns an error number itself, as posix_*(). */
#define E(call) say_error(#call, (call))
int say_error(const char *what, int error);

const char *error_name(int error);

/* A new file with @len bytes made from @key; with text; closed again. */
void make_file(const char *path, size_t len, uint64_t key);
void put(const char *path, const char *text);
int new_file(const char *path);		/* O_RDWR | O_CREAT | O_TRUNC, 0644 */

/* Everything that stat() says but times; ids for inode and device numbers. */
void say_stat(const char *path);	/* of a link itself */
void say_fstat(const char *what, int fd);
void say_statx(const char *path, int flags, unsigned int mask);
unsigned int inode_id(dev_t dev, ino_t ino);

/* Size and a hash of the contents; errno where it can't be read. */
void say_content(const char *path);
void say_fd_content(const char *what, int fd);
void say_bytes(const char *what, const void *data, size_t len);
/* Names, types and inodes, in order of name. */
void say_dir(const char *path);
void say_tree(const char *path);
void say_xattrs(const char *path);
void say_acl(const char *path, const char *name);

/* Which times have moved since then. */
struct times {
	struct timespec atime, mtime, ctime;
};

struct times times_of(const char *path);
void say_times(const char *path, const struct times *since);
/* Until the clock that stamps files has moved. */
void tick(void);

/* Touch memory: the value, -SIGBUS or -SIGSEGV. */
int peek(const volatile void *at);
int poke(volatile void *at, int value);
void say_peek(const char *what, const volatile void *at);
void say_poke(const char *what, volatile void *at, int value);

/* AS_USER(id) { ... }: in a child process, as this user and group. */
#define AS_USER(id) \
	for (int as_ = become(id, true); as_ == 0; _exit(0))
/* IN_CHILD { ... }: in a child process; its end is logged unless it is 0. */
#define IN_CHILD \
	for (int as_ = become(0, false); as_ == 0; _exit(0))
int become(unsigned int id, bool user);

/*
 * From now on a security module watches this process: "apparmor" by the profile
 * wtfs-test, "landlock" by rules that allow all below "/", "selinux:TYPE" by the
 * policy of tests/selinux.sh. False if that is not to be had.
 */
bool confine(const char *module);

/* Everything clean, and out of the page cache. */
void evict(const char *path);
void drop_all_caches(void);

/*
 * Data and holes from byte 0 to the end, by SEEK_DATA and SEEK_HOLE. What is
 * cached of unwritten blocks may count as data: "settled" writes and drops it.
 */
void say_holes(int fd);
void say_settled_holes(int fd);

/* Write a string to a file that exists (of /proc, say); errno or 0. */
int write_string(const char *path, const char *text);

/* Newer than the headers of some. */
#ifndef RWF_APPEND
#define RWF_APPEND 0x10
#endif
#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif
#ifndef RWF_ATOMIC
#define RWF_ATOMIC 0x40
#endif
#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x80
#endif
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x100
#endif
#ifndef FALLOC_FL_WRITE_ZEROES
#define FALLOC_FL_WRITE_ZEROES 0x80
#endif
#ifndef FALLOC_FL_KEEP_SIZE
#define FALLOC_FL_KEEP_SIZE 0x01
#define FALLOC_FL_PUNCH_HOLE 0x02
#define FALLOC_FL_COLLAPSE_RANGE 0x08
#define FALLOC_FL_ZERO_RANGE 0x10
#define FALLOC_FL_INSERT_RANGE 0x20
#define FALLOC_FL_UNSHARE_RANGE 0x40
#endif

#endif
