// SPDX-License-Identifier: GPL-2.0-only
/* Scenarios about attributes: modes, owners, times, xattrs, ACLs, flags. */
#define GROUP "attr"
#include "compare.h"
#include <grp.h>
#include <linux/capability.h>
#include <sys/quota.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>
#include <utime.h>

/* ---- modes and owners ------------------------------------------------------ */

SCENARIO(chmod)
{
	static const mode_t modes[] = { 0, 0777, 0644, 01644, 02644, 04755, 06755, 07777, 0100644 };
	struct times t;
	size_t i;

	put("f", "x");
	R(mkdir("d", 0755));
	R(symlink("f", "l"));
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		t = times_of("f");
		tick();
		R(chmod("f", modes[i]));
		say_times("f", &t);
		say_stat("f");
		R(chmod("d", modes[i]));
		say_stat("d");
	}
	R(chmod("l", 0640));
	say_tree(".");
	R(chmod("none", 0640));
	R(fchmodat(AT_FDCWD, "l", 0600, AT_SYMLINK_NOFOLLOW));
	R(fchmod(open("f", O_RDONLY), 0400));
	R(fchmod(open("f", O_PATH), 0400));
	say_stat("f");
	drop_all_caches();
	say_tree(".");
}

SCENARIO(chmod_as_user)
{
	put("root", "x");
	AS_USER(1234) {
		put("mine", "x");
		R(chmod("root", 0777));
		R(chmod("mine", 06777));
		say_stat("mine");
	}
	/* of a group one is not in: the setgid bit is not taken */
	R(chown("mine", 1234, 77));
	AS_USER(1234) {
		R(chmod("mine", 02777));
		say_stat("mine");
		R(mkdir("d", 0755));
	}
	R(chown("d", 1234, 77));
	AS_USER(1234) {
		R(chmod("d", 02755));
		say_stat("d");
	}
	say_tree(".");
}

SCENARIO(chown)
{
	struct times t;

	put("f", "x");
	R(mkdir("d", 0755));
	R(symlink("f", "l"));
	t = times_of("f");
	tick();
	R(chown("f", 10, 20));
	say_times("f", &t);
	say_stat("f");
	R(chown("f", -1, 30));
	R(chown("f", 40, -1));
	say_stat("f");
	t = times_of("f");
	tick();
	R(chown("f", -1, -1));
	say_times("f", &t);
	R(lchown("l", 7, 8));
	R(chown("l", 9, 9));
	R(fchown(open("d", O_RDONLY), 11, 12));
	R(fchownat(open("f", O_PATH), "", 13, 14, AT_EMPTY_PATH));
	R(chown("f", 0x7fffffff, 0xfffffffe));
	say_tree(".");
	drop_all_caches();
	say_tree(".");
}

SCENARIO(chown_as_user)
{
	gid_t groups[] = { 55 };

	put("root", "x");
	AS_USER(1234) {
		put("mine", "x");
		R(chown("root", 1234, 1234));
		R(chown("root", -1, -1));
		R(chown("mine", 1235, -1));
		R(chown("mine", -1, 1235));
		R(chown("mine", 1234, 1234));
	}
	IN_CHILD {
		R(setgroups(1, groups));
		R(setresgid(1234, 1234, 1234));
		R(setresuid(1234, 1234, 1234));
		R(chown("mine", -1, 55));
		say_stat("mine");
		R(chown("mine", -1, 56));
	}
	say_tree(".");
}

/* setuid and setgid after chown, for files with and without x of the group */
SCENARIO(chown_clears_setid)
{
	static const mode_t modes[] = { 04755, 02755, 06755, 02745, 06745, 06700, 07777 };
	char name[20];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		snprintf(name, sizeof(name), "f%04o", modes[i]);
		put(name, "x");
		R(chmod(name, modes[i]));
		R(chown(name, 5, 5));
		say_stat(name);
		R(chmod(name, modes[i]));
		R(chown(name, -1, -1));
		say_stat(name);
		name[0] = 'd';
		R(mkdir(name, 0755));
		R(chmod(name, modes[i]));
		R(chown(name, 5, 5));
		say_stat(name);
	}
}

static void set_up_setid(const char *name, mode_t mode)
{
	make_file(name, 3 * PAGE, 1);
	if (chown(name, 0, 0) || chmod(name, mode))
		say("%s: %s", name, error_name(errno));
}

SCENARIO(write_clears_setid)
{
	static const mode_t modes[] = { 04777, 02777, 06777, 02767, 06766 };
	char name[20];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		snprintf(name, sizeof(name), "f%04o", modes[i]);
		set_up_setid(name, modes[i]);
		R(pwrite(open(name, O_RDWR), "x", 1, 0));	/* root's does not */
		say_stat(name);
		AS_USER(1234) {
			int fd = F(open(name, O_RDWR));

			say_stat(name);
			R(pwrite(fd, "", 0, 0));
			say_stat(name);
			R(pwrite(fd, "x", 1, 0));
			say_stat(name);
			say_fstat(name, fd);
		}
		say_stat(name);
	}
}

SCENARIO(truncate_clears_setid)
{
	set_up_setid("a", 06777);
	set_up_setid("b", 06777);
	set_up_setid("c", 06777);
	set_up_setid("d", 06777);
	R(truncate("a", 5));
	say_stat("a");
	AS_USER(1234) {
		R(truncate("a", 5));
		say_stat("a");
		R(ftruncate(open("b", O_RDWR), 50000));
		say_stat("b");
		F(open("c", O_WRONLY | O_TRUNC));
		say_stat("c");
		R(ftruncate(open("d", O_RDWR), 3 * PAGE));
		say_stat("d");
	}
}

SCENARIO(fallocate_clears_setid)
{
	static const int modes[] = {
		0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
		FALLOC_FL_ZERO_RANGE, FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE,
		FALLOC_FL_UNSHARE_RANGE,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		set_up_setid("f", 06777);
		say("mode %#x", modes[i]);
		AS_USER(1234) {
			R(fallocate(open("f", O_RDWR), modes[i], 0, PAGE));
			say_stat("f");
		}
	}
}

SCENARIO(mmap_leaves_setid)
{
	set_up_setid("f", 06777);
	AS_USER(1234) {
		int fd = F(open("f", O_RDWR));
		char *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		say_poke("map", map, 1);
		R(msync(map, PAGE, MS_SYNC));
		say_stat("f");
	}
}

SCENARIO(other_writes_clear_setid)
{
	struct iovec v = { "xy", 2 };

	AS_USER(1234) {
		put("source", "some text to copy");
	}
	set_up_setid("a", 06777);
	set_up_setid("b", 06777);
	set_up_setid("c", 06777);
	set_up_setid("d", 06777);
	set_up_setid("e", 06777);
	AS_USER(1234) {
		int in = F(open("source", O_RDONLY)), p[2];
		loff_t to = 0, from = 0;

		R(pipe(p));
		R(write(p[1], "abc", 3));
		R(splice(p[0], NULL, open("a", O_RDWR), &to, 3, 0));
		say_stat("a");
		R(copy_file_range(in, &from, open("b", O_RDWR), NULL, 5, 0));
		say_stat("b");
		R(pwritev(open("c", O_RDWR), &v, 1, 0));
		say_stat("c");
		R(write(open("d", O_RDWR | O_APPEND), "x", 1));
		say_stat("d");
		R(write(open("e", O_RDWR | O_DSYNC), "x", 1));
		say_stat("e");
	}
}

SCENARIO(write_removes_capability)
{
	struct vfs_cap_data cap = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data = { { .permitted = 1 << 13 } },
	};
	char got[100];

	put("f", "some text");
	R(chmod("f", 0777));
#define SET R(setxattr("f", "security.capability", &cap, XATTR_CAPS_SZ_2, 0))
#define GET R(getxattr("f", "security.capability", got, sizeof(got)))
	SET;
	GET;
	R(pwrite(open("f", O_RDWR), "x", 1, 0));
	GET;
	SET;
	R(truncate("f", 3));
	GET;
	SET;
	R(chown("f", 1, 1));
	GET;
	SET;
	R(chmod("f", 0755));
	GET;
	SET;
	F(open("f", O_WRONLY | O_TRUNC));
	GET;
	SET;
	R(fallocate(open("f", O_RDWR), 0, 0, 100));
	GET;
	SET;
	R(setxattr("f", "user.a", "b", 1, 0));
	GET;
	AS_USER(1234) {
		SET;
		R(removexattr("f", "security.capability"));
	}
	say_xattrs("f");
	R(setxattr("f", "security.capability", "junk", 4, 0));
#undef SET
#undef GET
}

/* What was stored before a capability is set does not take it away again. */
SCENARIO(capability_stays)
{
	struct vfs_cap_data cap = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data = { { .permitted = 1 << 13 } },
	};
	char got[100];
	char *map;
	int fd;

	make_file("f", 2 * PAGE, 1);
	fd = open("f", O_RDWR);
	map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	map[5] = 'x';
	R(setxattr("f", "security.capability", &cap, XATTR_CAPS_SZ_2, 0));
	R(fsync(fd));
	R(getxattr("f", "security.capability", got, sizeof(got)));
	map[PAGE] = 'y';
	R(removexattr("f", "security.capability"));
	R(setxattr("f", "security.capability", &cap, XATTR_CAPS_SZ_2, XATTR_CREATE));
	R(msync(map, 2 * PAGE, MS_SYNC));
	say_xattrs("f");
	say_content("f");
}

SCENARIO(setgid_directory)
{
	R(mkdir("d", 0777));
	R(chown("d", 0, 500));
	R(chmod("d", 02777));
	AS_USER(1234) {
		umask(0);
		put("d/f", "x");
		R(mkdir("d/sub", 0755));
		R(mkdir("d/sub2", 02755));
		R(close(open("d/sgid", O_CREAT | O_RDWR, 02755)));
		R(close(open("d/sgidnox", O_CREAT | O_RDWR, 02745)));
		R(mkfifo("d/p", 02755));
		R(symlink("x", "d/l"));
		R(mknod("d/n", S_IFREG | 02755, 0));
		say_tree("d");
	}
	put("d/root", "x");
	R(close(open("d/rootsgid", O_CREAT | O_RDWR, 02755)));
	say_tree("d");
}

/* ---- ACLs ------------------------------------------------------------------ */

#define ACL_USER_OBJ	0x01
#define ACL_USER	0x02
#define ACL_GROUP_OBJ	0x04
#define ACL_GROUP	0x08
#define ACL_MASK	0x10
#define ACL_OTHER	0x20

struct acl {
	uint32_t version;
	struct {
		uint16_t tag, perm;
		uint32_t id;
	} e[6];
};

/* rwx for one user and one group under a mask */
static struct acl an_acl(uint16_t user, uint16_t group, uint16_t mask)
{
	return (struct acl) {
		.version = 2,
		.e = {
			{ ACL_USER_OBJ, 7, -1 }, { ACL_USER, user, 1234 }, { ACL_GROUP_OBJ, 5, -1 },
			{ ACL_GROUP, group, 4321 }, { ACL_MASK, mask, -1 }, { ACL_OTHER, 0, -1 },
		},
	};
}

#define ACCESS	"system.posix_acl_access"
#define DEFAULT	"system.posix_acl_default"

void say_acl(const char *path, const char *name)
{
	struct { uint32_t version; struct { uint16_t tag, perm; uint32_t id; } e[40]; } a;
	ssize_t len = getxattr(path, name, &a, sizeof(a)), i;

	if (len < 0) {
		say("%s %s: %s", path, name, error_name(errno));
		return;
	}
	say("%s %s: version %u", path, name, a.version);
	for (i = 0; i < (len - 4) / 8; i++)
		say("  tag %#x, perm %u, id %d", a.e[i].tag, a.e[i].perm, (int)a.e[i].id);
}

SCENARIO(acl_set)
{
	struct acl a = an_acl(6, 4, 7);
	struct times t;

	put("f", "x");
	R(mkdir("d", 0750));
	t = times_of("f");
	tick();
	R(setxattr("f", ACCESS, &a, sizeof(a), 0));
	say_times("f", &t);
	say_stat("f");
	say_acl("f", ACCESS);
	R(setxattr("f", DEFAULT, &a, sizeof(a), 0));
	R(setxattr("d", DEFAULT, &a, sizeof(a), 0));
	R(setxattr("d", ACCESS, &a, sizeof(a), XATTR_REPLACE));
	R(setxattr("d", ACCESS, &a, sizeof(a), XATTR_CREATE));
	say_tree(".");
	say_acl("d", ACCESS);
	say_acl("d", DEFAULT);
	say_xattrs("d");
	say_xattrs("f");
	R(chmod("f", 0640));
	say_acl("f", ACCESS);
	R(chmod("f", 0707));
	say_acl("f", ACCESS);
	drop_all_caches();
	say_acl("f", ACCESS);
	R(removexattr("f", ACCESS));
	R(removexattr("f", ACCESS));
	say_stat("f");
	say_acl("f", ACCESS);
	R(removexattr("d", DEFAULT));
	R(removexattr("d", DEFAULT));
	say_acl("d", DEFAULT);
}

SCENARIO(acl_minimal)
{
	struct { uint32_t version; struct { uint16_t tag, perm; uint32_t id; } e[3]; } a = {
		2, { { ACL_USER_OBJ, 7, -1 }, { ACL_GROUP_OBJ, 3, -1 }, { ACL_OTHER, 1, -1 } },
	};

	put("f", "x");
	R(setxattr("f", ACCESS, &a, sizeof(a), 0));
	say_stat("f");
	say_acl("f", ACCESS);
	say_xattrs("f");
	R(setxattr("f", ACCESS, &a, 4, 0));
	R(setxattr("f", ACCESS, &a, 5, 0));
	R(setxattr("f", ACCESS, &a, 12, 0));
	R(setxattr("f", ACCESS, "", 0, 0));
	a.version = 1;
	R(setxattr("f", ACCESS, &a, sizeof(a), 0));
	a.version = 2;
	a.e[0].perm = 8;
	R(setxattr("f", ACCESS, &a, sizeof(a), 0));
	R(symlink("f", "l"));
	a.e[0].perm = 6;
	R(lsetxattr("l", ACCESS, &a, sizeof(a), 0));
	R(setxattr("l", ACCESS, &a, sizeof(a), 0));
	say_tree(".");
}

SCENARIO(acl_access)
{
	struct acl a = an_acl(6, 4, 7);

	put("f", "text");
	R(chmod("f", 0600));
	R(setxattr("f", ACCESS, &a, sizeof(a), 0));
	AS_USER(1234) {
		F(open("f", O_RDWR));
		R(access("f", X_OK));
		R(setxattr("f", ACCESS, &a, sizeof(a), 0));
	}
	AS_USER(4321) {
		F(open("f", O_RDONLY));
		F(open("f", O_RDWR));
	}
	AS_USER(5555) {
		F(open("f", O_RDONLY));
	}
	R(chmod("f", 0640));
	AS_USER(1234) {
		F(open("f", O_RDONLY));
		F(open("f", O_RDWR));
	}
	a = an_acl(0, 6, 7);
	R(setxattr("f", ACCESS, &a, sizeof(a), 0));
	AS_USER(1234) {
		F(open("f", O_RDONLY));
	}
	AS_USER(4321) {
		F(open("f", O_RDWR));
	}
	R(removexattr("f", ACCESS));
	AS_USER(4321) {
		F(open("f", O_RDONLY));
	}
}

SCENARIO(acl_default_inherited)
{
	struct acl a = an_acl(6, 4, 6);

	R(mkdir("d", 0755));
	R(setxattr("d", DEFAULT, &a, sizeof(a), 0));
	umask(077);
	R(close(open("d/f", O_CREAT | O_RDWR, 0666)));
	R(close(open("d/x", O_CREAT | O_RDWR, 0777)));
	R(mkdir("d/s", 0777));
	R(mkfifo("d/p", 0666));
	R(symlink("x", "d/l"));
	R(mknod("d/n", S_IFREG | 0600, 0));
	say_acl("d/f", ACCESS);
	say_acl("d/x", ACCESS);
	say_acl("d/s", ACCESS);
	say_acl("d/s", DEFAULT);
	say_acl("d/p", ACCESS);
	say_acl("d/n", ACCESS);
	say_tree("d");
	R(mkdir("d/s/t", 0700));
	say_acl("d/s/t", ACCESS);
	say_acl("d/s/t", DEFAULT);
	R(linkat(open("d", O_TMPFILE | O_RDWR, 0666), "", AT_FDCWD, "d/t", AT_EMPTY_PATH));
	say_stat("d/t");
	say_acl("d/t", ACCESS);
	put("moved", "x");
	R(rename("moved", "d/moved"));
	say_acl("d/moved", ACCESS);
}

SCENARIO(acl_setgid_cleared)
{
	struct acl a = an_acl(7, 7, 7);

	AS_USER(1234) {
		put("f", "x");
		R(chmod("f", 02755));
	}
	R(chown("f", 1234, 77));
	R(chmod("f", 02755));
	AS_USER(1234) {
		R(setxattr("f", ACCESS, &a, sizeof(a), 0));
		say_stat("f");
		say_acl("f", ACCESS);
	}
}

SCENARIO(acl_directory_search)
{
	struct acl a = an_acl(1, 5, 7);

	R(mkdir("d", 0700));
	put("d/f", "x");
	R(chmod("d/f", 0644));
	R(setxattr("d", ACCESS, &a, sizeof(a), 0));
	AS_USER(1234) {
		F(open("d/f", O_RDONLY));
		F(open("d", O_RDONLY));
		F(open("d/g", O_CREAT | O_RDWR, 0600));
	}
	AS_USER(4321) {
		F(open("d", O_RDONLY));
		F(open("d/f", O_RDONLY));
	}
	AS_USER(99) {
		F(open("d/f", O_RDONLY));
	}
}

/* ---- extended attributes --------------------------------------------------- */

SCENARIO(xattr_user)
{
	static char big[70000];
	char got[100];
	struct times t;

	put("f", "x");
	t = times_of("f");
	tick();
	R(setxattr("f", "user.a", "value", 5, 0));
	say_times("f", &t);
	R(setxattr("f", "user.a", "other", 5, XATTR_CREATE));
	R(setxattr("f", "user.b", "other", 5, XATTR_REPLACE));
	R(setxattr("f", "user.a", "longer value", 12, XATTR_REPLACE));
	R(setxattr("f", "user.c", "", 0, 0));
	R(setxattr("f", "user.d", NULL, 0, 0));
	R(setxattr("f", "user.a", "x", 1, 4));
	R(getxattr("f", "user.a", got, sizeof(got)));
	R(getxattr("f", "user.a", got, 3));
	R(getxattr("f", "user.a", NULL, 0));
	R(getxattr("f", "user.c", got, sizeof(got)));
	R(getxattr("f", "user.none", got, sizeof(got)));
	R(listxattr("f", got, 3));
	R(listxattr("f", NULL, 0));
	say_xattrs("f");
	R(removexattr("f", "user.c"));
	R(removexattr("f", "user.c"));
	memset(big, 'v', sizeof(big));
	R(setxattr("f", "user.big", big, 65536, 0) == 0 || errno == ENOSPC || errno == E2BIG);
	R(setxattr("f", "user.big", big, 65537, 0));
	R(setxattr("f", "user.big", big, 1000, 0));
	R(setxattr("f", "user.big", big, 3000, 0));
	say_xattrs("f");
	drop_all_caches();
	say_xattrs("f");
}

SCENARIO(xattr_names)
{
	static const char *const names[] = {
		"user.", "user", "user.x", "trusted.x", "trusted.", "security.x", "security.",
		"system.x", "system.", "foo.bar", "", ".", "user.ünï", "btrfs.x",
		"trusted.overlay.opaque", "system.data", "system.richacl", "os2.x",
		"system.posix_acl_access", "security.selinux", "security.ima", "security.evm",
	};
	char name[300], got[10];
	size_t i;

	put("f", "x");
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		say("%s", names[i]);
		R(setxattr("f", names[i], "v", 1, 0));
		R(getxattr("f", names[i], got, sizeof(got)));
		R(removexattr("f", names[i]));
	}
	for (i = 245; i < 258; i++) {
		memset(name, 'n', i);
		memcpy(name, "user.", 5);
		name[i] = '\0';
		say("%zu", i);
		R(setxattr("f", name, "v", 1, 0));
	}
	say_xattrs("f");
}

SCENARIO(xattr_kinds_of_files)
{
	static const char *const files[] = { "f", "d", "l", "p", "c" };
	size_t i;

	put("f", "x");
	R(mkdir("d", 0755));
	R(symlink("f", "l"));
	R(mkfifo("p", 0666));
	R(mknod("c", S_IFCHR | 0666, 0x103));
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		say("%s", files[i]);
		R(lsetxattr(files[i], "user.x", "v", 1, 0));
		R(lsetxattr(files[i], "trusted.x", "v", 1, 0));
		R(lsetxattr(files[i], "security.x", "v", 1, 0));
		say_xattrs(files[i]);
		R(lremovexattr(files[i], "trusted.x"));
		say_xattrs(files[i]);
	}
	R(setxattr("l", "user.through", "v", 1, 0));
	say_xattrs("f");
	say_xattrs("l");
}

SCENARIO(xattr_as_user)
{
	char got[10];

	put("f", "x");
	R(chmod("f", 0644));
	R(setxattr("f", "user.x", "v", 1, 0));
	R(setxattr("f", "trusted.x", "v", 1, 0));
	R(setxattr("f", "security.x", "v", 1, 0));
	R(mkdir("sticky", 0777));
	R(chmod("sticky", 01777));
	AS_USER(1234) {
		R(getxattr("f", "user.x", got, sizeof(got)));
		R(setxattr("f", "user.x", "w", 1, 0));
		R(removexattr("f", "user.x"));
		R(getxattr("f", "trusted.x", got, sizeof(got)));
		R(setxattr("f", "trusted.x", "w", 1, 0));
		R(getxattr("f", "security.x", got, sizeof(got)));
		R(setxattr("f", "security.x", "w", 1, 0));
		R(setxattr("sticky", "user.x", "w", 1, 0));
		say_xattrs("f");
		put("mine", "x");
		R(chmod("mine", 0));
		R(setxattr("mine", "user.x", "w", 1, 0));
		R(getxattr("mine", "user.x", got, sizeof(got)));
		say_xattrs("mine");
		R(chmod("mine", 0200));
		R(setxattr("mine", "user.x", "w", 1, 0));
	}
}

SCENARIO(xattr_many)
{
	char name[40], value[60];
	int i, set = 0;

	put("f", "x");
	for (i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "user.attribute-%d", i);
		memset(value, i, sizeof(value));
		set += !setxattr("f", name, value, 10 + i % 40, 0);
	}
	say("%d", set > 20);
	if (set == 60)
		say_xattrs("f");
	for (i = 0; i < 60; i += 2) {
		snprintf(name, sizeof(name), "user.attribute-%d", i);
		removexattr("f", name);
	}
	if (set == 60)
		say_xattrs("f");
}

SCENARIO(xattr_by_descriptor)
{
	char got[20];
	int fd, p;

	put("f", "x");
	fd = F(open("f", O_RDONLY));
	R(fsetxattr(fd, "user.x", "v", 1, 0));
	R(fgetxattr(fd, "user.x", got, sizeof(got)));
	R(flistxattr(fd, got, sizeof(got)));
	R(unlink("f"));
	R(fsetxattr(fd, "user.y", "w", 1, 0));
	R(fgetxattr(fd, "user.y", got, sizeof(got)));
	R(fremovexattr(fd, "user.x"));
	R(flistxattr(fd, got, sizeof(got)));
	put("f", "x");
	p = F(open("f", O_PATH));
	R(fsetxattr(p, "user.x", "v", 1, 0));
	R(fgetxattr(p, "user.x", got, sizeof(got)));
}

/* ---- statx ----------------------------------------------------------------- */

SCENARIO(statx_masks)
{
	static const unsigned int masks[] = {
		0, 1, 2, 4, 0x10, 0x20, 0x40, 0x80, 0x100, 0x200, 0x400, 0x7ff, 0x800, 0xfff,
		0x1000, 0x2000, 0x4000, 0x8000, 0x20000, 0x80000000,
	};
	size_t i;

	make_file("f", 10000, 1);
	evict("f");
	R(mkdir("d", 0755));
	R(symlink("f", "l"));
	R(mkfifo("p", 0600));
	for (i = 0; i < ARRAY_SIZE(masks); i++) {
		say_statx("f", 0, masks[i]);
		say_statx("d", 0, masks[i]);
		say_statx("l", 0, masks[i]);
		say_statx("p", 0, masks[i]);
	}
	say_statx("none", 0, 0x7ff);
	say_statx("f", AT_STATX_FORCE_SYNC, 0x7ff);
	say_statx("f", AT_STATX_DONT_SYNC, 0x7ff);
	say_statx("f", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, 0x7ff);
	say_statx("f", 0x10000000, 0x7ff);
}

SCENARIO(statx_dio_alignment)
{
	union {
		struct statx x;
		uint32_t word[64];
	} u;

	make_file("f", 10000, 1);
	memset(&u, 0, sizeof(u));
	R(statx(AT_FDCWD, "f", 0, 0x2000 | 0x20000, &u.x));
	say("mask %#x", u.x.stx_mask & 0x22000);
	say("memory %u, offset %u, read offset %u", u.word[0x98 / 4], u.word[0x9c / 4],
	    u.word[0xb4 / 4]);
}

SCENARIO(statx_root)
{
	struct statx x, y;

	R(statx(AT_FDCWD, side->mnt, 0, STATX_BASIC_STATS, &x));
	say("root %llx", (unsigned long long)x.stx_attributes);
	R(statx(AT_FDCWD, ".", 0, STATX_BASIC_STATS, &y));
	say("here %llx", (unsigned long long)y.stx_attributes);
	say("one device: %d", x.stx_dev_major == y.stx_dev_major &&
	    x.stx_dev_minor == y.stx_dev_minor);
}

SCENARIO(birth_time)
{
	struct statx a, b;

	put("f", "x");
	R(statx(AT_FDCWD, "f", 0, STATX_BTIME, &a));
	tick();
	put("f", "y");
	R(chmod("f", 0600));
	R(link("f", "g"));
	R(statx(AT_FDCWD, "g", 0, STATX_BTIME, &b));
	say("the same: %d", !memcmp(&a.stx_btime, &b.stx_btime, sizeof(a.stx_btime)));
	R(unlink("f"));
	put("f", "z");
	R(statx(AT_FDCWD, "f", 0, STATX_BTIME, &b));
	say("the same: %d", !memcmp(&a.stx_btime, &b.stx_btime, sizeof(a.stx_btime)));
}

/* Blocks, once everything is written. */
static void say_blocks(const char *path)
{
	struct stat s;
	int fd = open(path, O_RDONLY);

	fsync(fd);
	fstat(fd, &s);
	say("%s: size %lld, %lld blocks", path, (long long)s.st_size, (long long)s.st_blocks);
	close(fd);
}

SCENARIO(blocks)
{
	static const size_t sizes[] = { 0, 1, 100, 512, 4095, 4096, 4097, 8192, 65536, 100000 };
	char name[20];
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(name, sizeof(name), "f%zu", sizes[i]);
		make_file(name, sizes[i], 1);
		say_blocks(name);
	}
	fd = new_file("sparse");
	R(pwrite(fd, "x", 1, 100000));
	say_blocks("sparse");
	R(pwrite(fd, "x", 1, 500000));
	say_blocks("sparse");
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 98304, 4096));
	say_blocks("sparse");
	R(ftruncate(fd, 10));
	say_blocks("sparse");
	R(ftruncate(fd, 1 << 30));
	say_blocks("sparse");
	R(fallocate(fd, 0, 0, 40960));
	say_blocks("sparse");
}

/* ---- times ----------------------------------------------------------------- */

static void say_exact_times(const char *path)
{
	struct times t = times_of(path);

	say("%s: atime %lld.%09ld, mtime %lld.%09ld", path, (long long)t.atime.tv_sec,
	    t.atime.tv_nsec, (long long)t.mtime.tv_sec, t.mtime.tv_nsec);
}

SCENARIO(utimens_exact)
{
	static const struct timespec values[] = {
		{ 0, 0 }, { 1, 1 }, { 1000000000, 999999999 }, { 1500000000, 123456789 },
		{ -1, 0 }, { -2147483648LL, 0 }, { -2147483649LL, 5 }, { 2147483647, 0 },
		{ 2147483648LL, 1 }, { 4294967296LL, 2 }, { 17179869183LL, 3 },
		{ 17179869185LL, 3 }, { 99999999999LL, 4 },
	};
	struct timespec t[2];
	size_t i;

	put("f", "x");
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		t[0] = values[i];
		t[1] = values[ARRAY_SIZE(values) - 1 - i];
		R(utimensat(AT_FDCWD, "f", t, 0));
		say_exact_times("f");
	}
	t[0] = (struct timespec) { 5, 1000000000 };
	R(utimensat(AT_FDCWD, "f", t, 0));
	t[0] = (struct timespec) { 5, 5 };
	t[1] = (struct timespec) { 6, 6 };
	R(symlink("f", "l"));
	R(utimensat(AT_FDCWD, "l", t, AT_SYMLINK_NOFOLLOW));
	say_exact_times("l");
	say_exact_times("f");
	R(mkdir("d", 0755));
	R(utimensat(AT_FDCWD, "d", t, 0));
	say_exact_times("d");
	drop_all_caches();
	say_exact_times("f");
	say_exact_times("l");
	say_exact_times("d");
}

SCENARIO(utimens_now_and_omit)
{
	struct timespec t[2] = { { 100, 5 }, { 200, 6 } };
	struct times since;

	put("f", "x");
	R(utimensat(AT_FDCWD, "f", t, 0));
#define SET(a, m) do {					\
		t[0] = (struct timespec) { 300, a };	\
		t[1] = (struct timespec) { 400, m };	\
		since = times_of("f");			\
		tick();					\
		R(utimensat(AT_FDCWD, "f", t, 0));	\
		say_times("f", &since);			\
	} while (0)
	SET(UTIME_OMIT, UTIME_OMIT);
	SET(UTIME_OMIT, 7);
	SET(8, UTIME_OMIT);
	say_exact_times("f");
	SET(UTIME_NOW, UTIME_OMIT);
	SET(UTIME_OMIT, UTIME_NOW);
	SET(UTIME_NOW, UTIME_NOW);
	SET(9, UTIME_NOW);
#undef SET
	R(utimensat(AT_FDCWD, "f", NULL, 0));
	R(futimens(open("f", O_RDONLY), t));
	R(utime("f", NULL));
	R(utimes("none", NULL));
}

SCENARIO(utimens_as_user)
{
	struct timespec t[2] = { { 100, 5 }, { 200, 6 } };
	struct timespec now[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
	struct timespec omit[2] = { { 0, UTIME_OMIT }, { 0, UTIME_OMIT } };
	struct timespec half[2] = { { 0, UTIME_NOW }, { 0, UTIME_OMIT } };

	put("writable", "x");
	R(chmod("writable", 0666));
	put("readable", "x");
	AS_USER(1234) {
		put("mine", "x");
		R(chmod("mine", 0));
		R(utimensat(AT_FDCWD, "writable", t, 0));
		R(utimensat(AT_FDCWD, "writable", now, 0));
		R(utimensat(AT_FDCWD, "writable", half, 0));
		R(utimensat(AT_FDCWD, "writable", omit, 0));
		R(utimensat(AT_FDCWD, "writable", NULL, 0));
		R(utimensat(AT_FDCWD, "readable", t, 0));
		R(utimensat(AT_FDCWD, "readable", now, 0));
		R(utimensat(AT_FDCWD, "readable", omit, 0));
		R(utimensat(AT_FDCWD, "mine", t, 0));
		say_exact_times("mine");
		R(utimensat(AT_FDCWD, "mine", now, 0));
	}
}

/* What was stored or written before must not undo a time that was set. */
SCENARIO(utimens_after_writes)
{
	struct timespec t[2] = { { 100, 5 }, { 200, 6 } };
	char *map;
	int fd;

	make_file("f", 10000, 1);
	fd = F(open("f", O_RDWR));
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	say_poke("map", map, 1);
	R(pwrite(fd, "x", 1, 5000));
	R(futimens(fd, t));
	say_exact_times("f");
	R(fsync(fd));
	say_exact_times("f");
	R(munmap(map, 8192));
	R(close(fd));
	say_exact_times("f");
	drop_all_caches();
	say_exact_times("f");
}

SCENARIO(mmap_store_times)
{
	struct times t;
	char *map;
	int fd;

	make_file("f", 3 * PAGE, 1);
	evict("f");
	fd = F(open("f", O_RDWR));
	map = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	t = times_of("f");
	tick();
	say_poke("0", map, 1);
	R(msync(map, 3 * PAGE, MS_SYNC));
	say_times("f", &t);
	t = times_of("f");
	tick();
	say_peek("2", map + 2 * PAGE);
	R(msync(map, 3 * PAGE, MS_SYNC));
	say_times("f", &t);
	say_poke("1", map + PAGE, 1);
	tick();
	R(munmap(map, 3 * PAGE));
	R(fsync(fd));
	say_times("f", &t);
}

/* ---- atime, by the options of the mount ------------------------------------- */

/* A bind mount of the directory x with these flags */
static bool bind_with(unsigned long flags)
{
	if (mount("x", "x", NULL, MS_BIND, NULL) ||
	    mount(NULL, "x", NULL, MS_REMOUNT | MS_BIND | flags, NULL)) {
		say("mount %#lx: %s", flags, error_name(errno));
		return false;
	}
	return true;
}

static void set_old_atime(const char *path)
{
	struct timespec t[2] = { { 100000, 0 }, { 0, UTIME_OMIT } };

	if (utimensat(AT_FDCWD, path, t, AT_SYMLINK_NOFOLLOW))
		say("atime of %s: %s", path, error_name(errno));
}

/* Later than any other: not to be touched by relatime */
static void set_recent_atime(const char *path)
{
	struct timespec t[2] = { { 0, 0 }, { 100000, 0 } };

	t[0].tv_sec = time(NULL) + 3600;
	if (utimensat(AT_FDCWD, path, t, AT_SYMLINK_NOFOLLOW))
		say("atime of %s: %s", path, error_name(errno));
}

static void read_directory(const char *path)
{
	DIR *d = opendir(path);

	while (readdir(d))
		continue;
	closedir(d);
}

/* The ways to read in x, and which of them stamp */
static void try_reads(const char *what, void (*prepare)(const char *))
{
	struct times t;
	char buf[100];
	struct iovec v = { buf, sizeof(buf) };
	int fd, p[2];
	loff_t off;
	char *map;

	say("%s", what);
#define TRY(path, op) do {		\
		prepare(path);		\
		t = times_of(path);	\
		tick();			\
		op;			\
		say(#op);		\
		say_times(path, &t);	\
	} while (0)
	fd = open("x/f", O_RDONLY);
	TRY("x/f", read(fd, buf, 10));
	TRY("x/f", read(fd, buf, 0));
	TRY("x/f", pread(fd, buf, 10, 100000));
	TRY("x/f", preadv(fd, &v, 1, 0));
	off = 0;
	pipe(p);
	TRY("x/f", splice(fd, &off, p[1], NULL, 100, 0));
	off = 0;
	TRY("x/f", sendfile(p[1], fd, &off, 100));
	TRY("x/f", map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	TRY("x/f", peek(map));
	TRY("x/f", readahead(fd, 0, 4096));
	TRY("x/f", close(open("x/f", O_RDONLY)));
	close(fd);
	fd = open("x/f", O_RDONLY | O_NOATIME);
	TRY("x/f", read(fd, buf, 10));
	close(fd);
	fd = open("x/f", O_RDONLY | O_DIRECT);
	TRY("x/f", read(fd, buf, 0));
	close(fd);
	TRY("x/l", readlink("x/l", buf, sizeof(buf)));
	TRY("x/l", access("x/l", R_OK));
	TRY("x/d", read_directory("x/d"));
	TRY("x/d", access("x/d/e", F_OK));
#undef TRY
}

static void atime_with(unsigned long flags)
{
	mkdir("x", 0755);
	mkdir("x/d", 0755);
	put("x/d/e", "x");
	make_file("x/f", 1000, 1);
	symlink("f", "x/l");
	tick();
	if (!bind_with(flags))
		return;
	try_reads("atime old", set_old_atime);
	try_reads("atime recent", set_recent_atime);
}

SCENARIO(atime_relatime) { atime_with(MS_RELATIME); }
SCENARIO(atime_strict) { atime_with(MS_STRICTATIME); }
SCENARIO(atime_none) { atime_with(MS_NOATIME); }
SCENARIO(atime_nodiratime) { atime_with(MS_NODIRATIME | MS_STRICTATIME); }
SCENARIO(atime_readonly) { mkdir("x", 0755); atime_with(MS_RDONLY | MS_STRICTATIME); }

SCENARIO(noatime_as_user)
{
	put("f", "x");
	R(chmod("f", 0666));
	AS_USER(1234) {
		F(open("f", O_RDONLY | O_NOATIME));
		put("mine", "x");
		F(open("mine", O_RDONLY | O_NOATIME));
		R(fcntl(open("f", O_RDONLY), F_SETFL, O_NOATIME));
	}
}

SCENARIO(readonly_mount)
{
	struct timespec t[2] = { { 1, 1 }, { 2, 2 } };
	int fd;

	R(mkdir("x", 0755));
	put("x/f", "text");
	R(symlink("f", "x/l"));
	R(mkdir("x/d", 0755));
	fd = F(open("x/d", O_RDONLY));
	if (!bind_with(MS_RDONLY))
		return;
	F(open("x/f", O_RDONLY));
	F(open("x/f", O_RDWR));
	F(open("x/f", O_RDONLY | O_TRUNC));
	F(open("x/f", O_RDONLY | O_CREAT, 0600));
	F(open("x/new", O_RDONLY | O_CREAT, 0600));
	F(open("x", O_TMPFILE | O_RDWR, 0600));
	R(mkdir("x/e", 0700));
	R(mkdir("x/d", 0700));
	R(rmdir("x/d"));
	R(unlink("x/f"));
	R(unlink("x/none"));
	R(rename("x/f", "x/g"));
	R(link("x/f", "x/g"));
	R(symlink("x", "x/s"));
	R(mkfifo("x/p", 0600));
	R(chmod("x/f", 0600));
	R(chown("x/f", 1, 1));
	R(truncate("x/f", 0));
	R(utimensat(AT_FDCWD, "x/f", t, 0));
	R(setxattr("x/f", "user.a", "b", 1, 0));
	R(access("x/f", W_OK));
	R(access("x/none", W_OK));
	R(mkdirat(fd, "through", 0700));
	say_tree("x");
}

SCENARIO(noexec_nosuid_nodev_mount)
{
	struct statvfs v;

	R(mkdir("x", 0755));
	put("x/script", "#!/bin/sh\nexit 3\n");
	R(chmod("x/script", 04755));
	R(mknod("x/null", S_IFCHR | 0666, 0x103));
	if (!bind_with(MS_NOEXEC | MS_NOSUID | MS_NODEV))
		return;
	R(execl("x/script", "script", NULL));
	F(open("x/null", O_RDWR));
	R(access("x/script", X_OK));
	F(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, open("x/script", O_RDONLY), 0) ==
	  MAP_FAILED ? -1 : 0);
	R(statvfs("x", &v));
	say("flags %#lx", v.f_flag);
	R(umount("x"));
	F(open("x/null", O_RDWR));
	R(chmod("x/script", 0755));
	IN_CHILD {
		R(execl("x/script", "script", NULL));
	}
}

/* ---- the attributes of chattr ----------------------------------------------- */

static int get_flags(const char *path, unsigned int *flags)
{
	int fd = open(path, O_RDONLY), ret;

	*flags = 0;
	ret = ioctl(fd, FS_IOC_GETFLAGS, flags);
	close(fd);
	return ret;
}

static int put_flags(const char *path, unsigned int flags)
{
	int fd = open(path, O_RDONLY), ret, error;

	ret = ioctl(fd, FS_IOC_SETFLAGS, &flags);
	error = errno;
	close(fd);
	errno = error;
	return ret;
}

static int set_flags(const char *path, unsigned int set, unsigned int clear)
{
	unsigned int flags;

	return get_flags(path, &flags) ?: put_flags(path, (flags | set) & ~clear);
}

SCENARIO(flags_each)
{
	unsigned int flags = 0, bit;

	put("f", "x");
	R(mkdir("d", 0755));
	R(get_flags("f", &flags));
	say("%#x", flags);
	R(get_flags("d", &flags));
	say("%#x", flags);
	for (bit = 1; bit && bit < 0x40000000; bit <<= 1) {
		say("flag %#x", bit);
		put("g", "");
		get_flags("g", &flags);
		R(set_flags("g", bit, 0));
		get_flags("g", &flags);
		say("%#x", flags);
		say_statx("g", 0, STATX_BASIC_STATS);
		R(set_flags("g", 0, bit));
		R(unlink("g"));
		R(mkdir("e", 0755));
		get_flags("e", &flags);
		R(set_flags("e", bit, 0));
		get_flags("e", &flags);
		say("%#x", flags);
		R(set_flags("e", 0, bit));
		R(rmdir("e"));
	}
}

SCENARIO(immutable)
{
	struct timespec t[2] = { { 1, 1 }, { 2, 2 } };
	unsigned int flags = 0;
	char *map;
	int fd;

	make_file("f", 8192, 1);
	R(mkdir("d", 0755));
	put("d/f", "x");
	fd = F(open("f", O_RDWR));
	R(set_flags("f", FS_IMMUTABLE_FL, 0));
	R(set_flags("d", FS_IMMUTABLE_FL, 0));
	get_flags("f", &flags);
	say("flags %#x", flags & FS_IMMUTABLE_FL);
	F(open("f", O_RDWR));
	F(open("f", O_RDONLY));
	F(open("f", O_RDONLY | O_TRUNC));
	R(pwrite(fd, "x", 1, 0));
	R(ftruncate(fd, 1));
	R(fallocate(fd, 0, 0, 100000));
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	F(map == MAP_FAILED ? -1 : 0);
	R(truncate("f", 0));
	R(chmod("f", 0600));
	R(chown("f", 1, 1));
	R(utimensat(AT_FDCWD, "f", t, 0));
	R(utimensat(AT_FDCWD, "f", NULL, 0));
	R(setxattr("f", "user.a", "b", 1, 0));
	R(setxattr("f", "trusted.a", "b", 1, 0));
	R(removexattr("f", "user.none"));
	R(link("f", "g"));
	R(rename("f", "g"));
	R(unlink("f"));
	R(unlink("d/f"));
	R(rmdir("d"));
	F(open("d/g", O_CREAT | O_RDWR, 0600));
	R(mkdir("d/g", 0700));
	R(pwrite(open("d/f", O_RDWR), "y", 1, 0));
	AS_USER(1234) {
		R(set_flags("f", 0, FS_IMMUTABLE_FL | FS_APPEND_FL));
	}
	say_tree(".");
	drop_all_caches();
	F(open("f", O_RDWR));
	R(set_flags("f", 0, FS_IMMUTABLE_FL | FS_APPEND_FL));
	R(set_flags("d", 0, FS_IMMUTABLE_FL | FS_APPEND_FL));
	R(pwrite(fd, "x", 1, 0));
	F(open("f", O_RDWR));
	R(unlink("d/f"));
}

SCENARIO(append_only)
{
	struct timespec t[2] = { { 1, 1 }, { 2, 2 } };
	int fd;

	put("f", "text");
	R(mkdir("d", 0755));
	put("d/f", "x");
	R(set_flags("f", FS_APPEND_FL, 0));
	R(set_flags("d", FS_APPEND_FL, 0));
	F(open("f", O_RDWR));
	F(open("f", O_WRONLY));
	F(open("f", O_RDONLY | O_TRUNC));
	F(open("f", O_RDWR | O_APPEND | O_TRUNC));
	fd = F(open("f", O_RDWR | O_APPEND));
	R(write(fd, "more", 4));
	R(pwrite(fd, "even", 4, 0));
	R(ftruncate(fd, 1));
	R(ftruncate(fd, 100));
	R(fallocate(fd, 0, 0, 10000));
	R(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 10000));
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	R(fcntl(fd, F_SETFL, 0));
	R(chmod("f", 0600));
	R(utimensat(AT_FDCWD, "f", t, 0));
	R(utimensat(AT_FDCWD, "f", NULL, 0));
	R(setxattr("f", "user.a", "b", 1, 0));
	R(link("f", "g"));
	R(rename("f", "g"));
	R(unlink("f"));
	F(open("d/g", O_CREAT | O_RDWR, 0600));
	R(unlink("d/g"));
	R(rename("d/f", "d/h"));
	R(rename("d/f", "h"));
	R(mkdir("d/e", 0700));
	R(rmdir("d/e"));
	say_content("f");
	R(set_flags("f", 0, FS_IMMUTABLE_FL | FS_APPEND_FL));
	R(set_flags("d", 0, FS_IMMUTABLE_FL | FS_APPEND_FL));
	R(unlink("f"));
	R(unlink("d/g"));
}

SCENARIO(noatime_and_sync_flags)
{
	unsigned int flags;
	struct times t;
	char c;

	put("f", "x");
	R(set_flags("f", FS_NOATIME_FL, 0));
	get_flags("f", &flags);
	say("%#x", flags & FS_NOATIME_FL);
	set_old_atime("f");
	t = times_of("f");
	tick();
	R(read(open("f", O_RDONLY), &c, 1));
	say_times("f", &t);
	R(set_flags("f", FS_SYNC_FL, 0));
	get_flags("f", &flags);
	say("%#x", flags & FS_SYNC_FL);
	R(write(open("f", O_RDWR), "abc", 3));
	R(mkdir("d", 0755));
	R(set_flags("d", FS_DIRSYNC_FL | FS_NODUMP_FL, 0));
	put("d/f", "x");
	get_flags("d/f", &flags);
	say("%#x", flags & (FS_NODUMP_FL | FS_DIRSYNC_FL));
}

static int fsx(int fd, bool set, struct fsxattr *x)
{
	return ioctl(fd, set ? FS_IOC_FSSETXATTR : FS_IOC_FSGETXATTR, x);
}

static void say_fsx(const char *path)
{
	struct fsxattr x = { 0 };
	int fd = open(path, O_RDONLY);

	if (fsx(fd, false, &x))
		say("FSGETXATTR %s: %s", path, error_name(errno));
	else
		say("%s: xflags %#x, extsize %u, project %u, cowextsize %u", path, x.fsx_xflags,
		    x.fsx_extsize, x.fsx_projid, x.fsx_cowextsize);
	close(fd);
}

SCENARIO(fsxattr)
{
	struct fsxattr x = { 0 };
	int f, d;

	f = new_file("f");
	R(mkdir("d", 0755));
	d = F(open("d", O_RDONLY));
	say_fsx("f");
	say_fsx("d");
	R(fsx(f, false, &x));
	x.fsx_projid = 42;
	R(fsx(f, true, &x));
	say_fsx("f");
	R(fsx(d, false, &x));
	x.fsx_projid = 43;
	x.fsx_xflags |= FS_XFLAG_PROJINHERIT;
	R(fsx(d, true, &x));
	put("d/f", "x");
	R(mkdir("d/s", 0755));
	say_fsx("d/f");
	say_fsx("d/s");
	/* another project: neither renamed nor linked into it */
	put("g", "x");
	R(rename("g", "d/g"));
	R(link("g", "d/g"));
	R(rename("d/f", "h"));
	R(renameat2(AT_FDCWD, "f", AT_FDCWD, "d/f", RENAME_EXCHANGE));
	x.fsx_extsize = 65536;
	x.fsx_xflags = FS_XFLAG_EXTSIZE;
	x.fsx_projid = 0;
	R(fsx(f, true, &x));
	say_fsx("f");
	x.fsx_xflags = 0x100000;
	R(fsx(f, true, &x));
	x.fsx_xflags = FS_XFLAG_IMMUTABLE;
	x.fsx_extsize = 0;
	R(fsx(f, true, &x));
	R(write(f, "x", 1));
	x.fsx_xflags = 0;
	R(fsx(f, true, &x));
	R(write(f, "x", 1));
	AS_USER(1234) {
		x.fsx_projid = 5;
		R(fsx(f, true, &x));
		x.fsx_projid = 0;
		R(fsx(f, true, &x));
		f = new_file("mine");
		R(fsx(f, false, &x));
		x.fsx_projid = 7;
		R(fsx(f, true, &x));
		x.fsx_xflags |= FS_XFLAG_NODUMP;
		R(fsx(f, true, &x));
	}
	say_fsx("mine");
	drop_all_caches();
	say_fsx("d/s");
	say_fsx("f");
}

/* By name, as newer kernels can */
SCENARIO(file_getattr)
{
	struct { uint64_t xflags; uint32_t extsize, nextents, projid, cowextsize; } a = { 0 };

	put("f", "x");
	R(symlink("f", "l"));
	R(mkfifo("p", 0600));
	R(syscall(468, AT_FDCWD, "f", &a, sizeof(a), 0));
	say("%#llx %u", (unsigned long long)a.xflags, a.projid);
	a.projid = 9;
	R(syscall(469, AT_FDCWD, "f", &a, sizeof(a), 0));
	R(syscall(468, AT_FDCWD, "f", &a, sizeof(a), 0));
	say("%#llx %u", (unsigned long long)a.xflags, a.projid);
	R(syscall(468, AT_FDCWD, "p", &a, sizeof(a), 0));
	R(syscall(469, AT_FDCWD, "p", &a, sizeof(a), 0));
	R(syscall(468, AT_FDCWD, "l", &a, sizeof(a), AT_SYMLINK_NOFOLLOW));
	R(syscall(469, AT_FDCWD, "l", &a, sizeof(a), AT_SYMLINK_NOFOLLOW));
	R(syscall(468, AT_FDCWD, ".", &a, sizeof(a), 0));
}

/* What else is asked of files by ioctl */
SCENARIO(ioctls)
{
	static const struct { const char *name; unsigned long request; } list[] = {
		{ "FIGETBSZ", FIGETBSZ }, { "FIONREAD", 0x541b }, { "TCGETS", 0x5401 },
		{ "BLKGETSIZE64", 0x80081272 }, { "nonsense", 0xdead }, { "BTRFS_IOC_SYNC", 0x9408 },
	};
	static const char *const files[] = { "f", "d" };
	unsigned int version;
	size_t i, k;

	make_file("f", 5000, 1);
	R(mkdir("d", 0755));
	for (k = 0; k < ARRAY_SIZE(files); k++) {
		int fd = F(open(files[k], O_RDONLY));

		for (i = 0; i < ARRAY_SIZE(list); i++) {
			int value = 0, ret = ioctl(fd, list[i].request, &value);

			say("%s: %s, %d", list[i].name, ret ? error_name(errno) : "ok", value);
		}
		R(ioctl(fd, FS_IOC_GETVERSION, &version));
	}
}

/* ---- quota ----------------------------------------------------------------- */

static bool set_quota(int type, int id, unsigned int blocks_kib, unsigned int inodes)
{
	struct dqblk q = {
		.dqb_bhardlimit = blocks_kib, .dqb_bsoftlimit = 0,
		.dqb_ihardlimit = inodes, .dqb_isoftlimit = 0,
		.dqb_valid = QIF_LIMITS,
	};

	if (quotactl(QCMD(Q_SETQUOTA, type), side->dev, id, (caddr_t)&q)) {
		say("Q_SETQUOTA: %s", error_name(errno));
		return false;
	}
	return true;
}

static void say_quota(int type, int id)
{
	struct dqblk q = { 0 };
	int fd = open(".", O_RDONLY);

	syncfs(fd);
	close(fd);
	if (quotactl(QCMD(Q_GETQUOTA, type), side->dev, id, (caddr_t)&q))
		say("Q_GETQUOTA %d: %s", id, error_name(errno));
	else
		say("quota of %d: %llu bytes, %llu inodes", id,
		    (unsigned long long)q.dqb_curspace, (unsigned long long)q.dqb_curinodes);
}

/* XFS gives back what was removed some time later */
static void say_quota_below(int type, int id, unsigned long long bytes)
{
	struct dqblk q = { 0 };
	int fd = open(".", O_RDONLY), i;

	for (i = 0; i < 100; i++) {
		syncfs(fd);
		memset(&q, 0, sizeof(q));
		if (quotactl(QCMD(Q_GETQUOTA, type), side->dev, id, (caddr_t)&q) && errno != ENOENT)
			say("Q_GETQUOTA %d: %s", id, error_name(errno));
		if (q.dqb_curspace <= bytes)
			break;
		usleep(50000);
	}
	close(fd);
	say("quota of %d: at most %llu bytes: %d", id, bytes, q.dqb_curspace <= bytes);
}

SCENARIO(quota_charged)
{
	if (!set_quota(USRQUOTA, 7001, 0, 0))
		unable("no quota");
	AS_USER(7001) {
		make_file("mine", 40960, 1);
		R(mkdir("d", 0755));
		R(symlink("x", "l"));
	}
	say_quota(USRQUOTA, 7001);
	/* root's write to a user's file is the user's */
	R(pwrite(open("mine", O_RDWR), "x", 1, 81920));
	say_quota(USRQUOTA, 7001);
	R(chown("mine", 7002, 7002));
	say_quota(USRQUOTA, 7001);
	say_quota(USRQUOTA, 7002);
	R(truncate("mine", 0));
	say_quota(USRQUOTA, 7002);
	R(unlink("mine"));
	say_quota_below(USRQUOTA, 7002, 0);
	say_quota(GRPQUOTA, 7001);
}

SCENARIO(quota_blocks_over)
{
	if (!set_quota(USRQUOTA, 7003, 200, 0))
		unable("no quota");
	AS_USER(7003) {
		static char data[64 * KIB];
		ssize_t n, done = 0;
		int fd = new_file("f");

		while ((n = write(fd, data, sizeof(data))) > 0)
			done += n;
		say("wrote more than 100 KiB: %d, and not all: %d; then %s", done > 102400,
		    done <= 204800, error_name(errno));
		R(fallocate(fd, 0, 0, MIB));
		R(ftruncate(fd, 0));
		R(fsync(fd));
		R(pwrite(fd, data, sizeof(data), 0));
		R(close(fd));
		R(unlink("f"));
		R(fallocate(new_file("g"), 0, 0, MIB));
	}
	/* root is not held to it */
	R(chown("g", 7003, 7003));
	R(pwrite(open("g", O_RDWR), "x", 1, MIB));
}

SCENARIO(quota_inodes_over)
{
	if (!set_quota(USRQUOTA, 7004, 0, 5))
		unable("no quota");
	AS_USER(7004) {
		char name[20];
		int i;

		for (i = 0; i < 5; i++) {
			snprintf(name, sizeof(name), "f%d", i);
			R(close(open(name, O_CREAT | O_RDWR, 0600)));
		}
		R(open("over", O_CREAT | O_RDWR, 0600));
		R(mkdir("over", 0700));
		R(symlink("x", "over"));
		R(mkfifo("over", 0700));
		R(open(".", O_TMPFILE | O_RDWR, 0700));
		R(link("f0", "another"));
		R(unlink("f1"));
		R(mkdir("over", 0700));
	}
	put("root", "x");
	R(chown("root", 7004, 7004));
	AS_USER(0) {
		R(chown("root", 7004, 7004));
	}
	say_dir(".");
	say_quota(USRQUOTA, 7004);
}

SCENARIO(quota_mmap_over)
{
	if (!set_quota(USRQUOTA, 7005, 64, 0))
		unable("no quota");
	AS_USER(7005) {
		int fd = new_file("f"), error = 0, stored = 0;
		size_t i;
		char *map;

		R(ftruncate(fd, MIB));
		map = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		for (i = 0; i < MIB && !error; i += PAGE) {
			error = poke(map + i, 1);
			stored += !error;
		}
		/* At the store, or at the msync: but never without an error. */
		if (!error && msync(map, MIB, MS_SYNC))
			error = errno;
		say("an error: %d", !!error);
	}
	R(unlink("f"));
}

SCENARIO(quota_project)
{
	struct fsxattr x = { 0 };
	int d;

	R(mkdir("p", 0777));
	R(chmod("p", 0777));
	d = F(open("p", O_RDONLY));
	R(fsx(d, false, &x));
	x.fsx_projid = 7010;
	x.fsx_xflags |= FS_XFLAG_PROJINHERIT;
	if (R(fsx(d, true, &x)) || !set_quota(2, 7010, 128, 0))
		unable("no project quota");
	AS_USER(7011) {
		static char data[256 * KIB];
		int fd = new_file("p/f");

		R(pwrite(fd, data, 65536, 0));
		R(pwrite(fd, data, sizeof(data), 65536) < (ssize_t)sizeof(data));
		R(pwrite(fd, data, 65536, 524288));
		R(close(fd));
	}
	R(unlink("p/f"));
	say_quota_below(2, 7010, 16384);
}

/* ---- remounts --------------------------------------------------------------- */

SCENARIO(remount_options)
{
	static const struct { const char *name; unsigned long flags; } list[] = {
		{ "sync", MS_SYNCHRONOUS }, { "dirsync", MS_DIRSYNC },
		{ "lazytime", MS_LAZYTIME }, { "mandatory locks", MS_MANDLOCK },
		{ "nothing", 0 },
	};
	struct statvfs v;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		say("%s", list[i].name);
		R(mount(NULL, side->mnt, NULL, MS_REMOUNT | list[i].flags, NULL));
		statvfs(".", &v);
		say("flags %#lx", v.f_flag & ~0x1000UL);
		put("f", "text");
		say_stat("f");
		say_content("f");
	}
}

SCENARIO(remount_readonly)
{
	int fd;

	make_file("f", 10000, 1);
	fd = F(open("f", O_RDWR));
	R(mount(NULL, side->mnt, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	close(fd);
	R(mount(NULL, side->mnt, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	F(open("f", O_RDWR));
	F(open("g", O_CREAT | O_RDWR, 0600));
	R(mkdir("d", 0755));
	R(chmod("f", 0600));
	R(unlink("f"));
	say_content("f");
	R(mount(NULL, side->mnt, NULL, MS_REMOUNT, NULL));
	F(open("f", O_RDWR));
	R(unlink("f"));
}

SCENARIO(lazytime)
{
	struct times t;
	int fd;

	put("f", "x");
	R(mount(NULL, side->mnt, NULL, MS_REMOUNT | MS_LAZYTIME, NULL));
	t = times_of("f");
	tick();
	fd = F(open("f", O_RDWR));
	R(pwrite(fd, "y", 1, 0));
	say_times("f", &t);
	R(fsync(fd));
	say_times("f", &t);
	drop_all_caches();
	say_times("f", &t);
	R(mount(NULL, side->mnt, NULL, MS_REMOUNT, NULL));
}

/* ---- and more ---------------------------------------------------------------- */

SCENARIO(acl_large)
{
	struct { uint32_t version; struct { uint16_t tag, perm; uint32_t id; } e[204]; } a;
	static const int counts[] = { 1, 10, 21, 25, 100, 200 };
	size_t i;
	int n, k;

	put("f", "x");
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		n = 0;
		a.version = 2;
		a.e[n].tag = ACL_USER_OBJ, a.e[n].perm = 6, a.e[n++].id = -1;
		for (k = 0; k < counts[i]; k++)
			a.e[n].tag = ACL_USER, a.e[n].perm = k % 8, a.e[n++].id = 5000 + k;
		a.e[n].tag = ACL_GROUP_OBJ, a.e[n].perm = 4, a.e[n++].id = -1;
		a.e[n].tag = ACL_MASK, a.e[n].perm = 7, a.e[n++].id = -1;
		a.e[n].tag = ACL_OTHER, a.e[n].perm = 0, a.e[n++].id = -1;
		say("%d", counts[i]);
		R(setxattr("f", ACCESS, &a, 4 + n * 8, 0));
		say_xattrs("f");
	}
	AS_USER(5006) {
		F(open("f", O_RDWR));
	}
	AS_USER(5000) {
		F(open("f", O_RDONLY));
	}
}

/* Before and after a cache is dropped */
SCENARIO(acl_persistent)
{
	struct acl a = an_acl(5, 1, 5);

	R(mkdir("d", 0755));
	R(setxattr("d", ACCESS, &a, sizeof(a), 0));
	a = an_acl(7, 0, 7);
	R(setxattr("d", DEFAULT, &a, sizeof(a), 0));
	drop_all_caches();
	say_acl("d", ACCESS);
	say_acl("d", DEFAULT);
	say_xattrs("d");
	put("d/f", "x");
	drop_all_caches();
	say_acl("d/f", ACCESS);
	say_stat("d/f");
	AS_USER(1234) {
		F(open("d/f", O_RDWR));
		F(open("d/g", O_CREAT | O_RDWR, 0600));
	}
}

SCENARIO(acl_mask_and_chmod)
{
	static const mode_t modes[] = { 0777, 0700, 0070, 0640, 0 };
	struct acl a = an_acl(7, 7, 7);
	size_t i;

	put("f", "x");
	R(setxattr("f", ACCESS, &a, sizeof(a), 0));
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		R(chmod("f", modes[i]));
		say_stat("f");
		say_acl("f", ACCESS);
		AS_USER(1234) {
			R(access("f", R_OK));
			R(access("f", W_OK));
			F(open("f", O_RDWR));
		}
	}
	R(chown("f", 1234, 1234));
	say_acl("f", ACCESS);
}

SCENARIO(xattr_sizes)
{
	static const size_t sizes[] = { 0, 1, 30, 60, 100, 254, 255, 256, 500, 1000, 2000, 3500 };
	static char value[4096];
	size_t i;

	put("f", "x");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		fill(value, sizes[i], i);
		say("%zu", sizes[i]);
		R(setxattr("f", "user.grows", value, sizes[i], 0));
		say_xattrs("f");
	}
	for (i = ARRAY_SIZE(sizes); i-- > 0;) {
		fill(value, sizes[i], i + 100);
		R(setxattr("f", "user.grows", value, sizes[i], XATTR_REPLACE));
		say_xattrs("f");
	}
	drop_all_caches();
	say_xattrs("f");
}

SCENARIO(xattr_travels)
{
	put("f", "x");
	R(setxattr("f", "user.a", "1", 1, 0));
	R(link("f", "g"));
	R(setxattr("g", "user.b", "2", 1, 0));
	say_xattrs("f");
	R(rename("f", "h"));
	say_xattrs("h");
	R(unlink("g"));
	say_xattrs("h");
	put("i", "y");
	R(setxattr("i", "user.c", "3", 1, 0));
	R(renameat2(AT_FDCWD, "h", AT_FDCWD, "i", RENAME_EXCHANGE));
	say_xattrs("h");
	say_xattrs("i");
	R(truncate("i", 0));
	say_xattrs("i");
	drop_all_caches();
	say_xattrs("h");
	say_xattrs("i");
}

SCENARIO(xattr_on_directories)
{
	struct times t;

	R(mkdir("d", 0755));
	R(mkdir("d/e", 0755));
	t = times_of("d");
	tick();
	R(setxattr("d", "user.a", "1", 1, 0));
	say_times("d", &t);
	R(setxattr("d", "trusted.overlay.opaque", "y", 1, 0));
	R(setxattr("d", "security.x", "y", 1, 0));
	say_xattrs("d");
	say_xattrs("d/e");
	R(rename("d", "f"));
	say_xattrs("f");
	R(removexattr("f", "user.a"));
	say_xattrs("f");
}

SCENARIO(chmod_while_open)
{
	char c;
	int fd;

	AS_USER(1234) {
		put("f", "text");
		fd = F(open("f", O_RDWR));
		R(chmod("f", 0));
		R(read(fd, &c, 1));
		R(write(fd, "x", 1));
		F(open("f", O_RDONLY));
		R(ftruncate(fd, 2));
		R(fchmod(fd, 0200));
		F(open("f", O_WRONLY));
		F(open("f", O_RDONLY));
		say_stat("f");
	}
}

SCENARIO(setuid_cleared_once)
{
	set_up_setid("f", 06777);
	AS_USER(1234) {
		int fd = F(open("f", O_RDWR));
		struct times t;
		int i;

		for (i = 0; i < 3; i++) {
			t = times_of("f");
			tick();
			R(pwrite(fd, "x", 1, i));
			say_times("f", &t);
			say_stat("f");
		}
	}
	R(chmod("f", 04777));
	AS_USER(1234) {
		R(pwrite(open("f", O_RDWR | O_DIRECT), xalloc(4096, 4096), 4096, 0));
		say_stat("f");
	}
}

SCENARIO(owner_of_new_files)
{
	gid_t groups[] = { 55, 66 };

	R(mkdir("plain", 0777));
	R(chmod("plain", 0777));
	R(chown("plain", 1, 2));
	R(mkdir("sgid", 0777));
	R(chown("sgid", 1, 66));
	R(chmod("sgid", 02777));
	IN_CHILD {
		R(setgroups(2, groups));
		R(setresgid(1234, 55, 1234));
		R(setresuid(1234, 1235, 1234));
		put("plain/f", "x");
		R(mkdir("plain/d", 0755));
		put("sgid/f", "x");
		R(mkdir("sgid/d", 0755));
		R(symlink("x", "plain/l"));
		R(close(open("sgid/s", O_CREAT | O_RDWR, 02755)));
		R(fchmod(open("sgid/f", O_RDWR), 02755));
	}
	say_tree(".");
}

SCENARIO(times_of_both_names)
{
	struct times t;
	int fd;

	put("a", "x");
	R(link("a", "b"));
	fd = F(open("a", O_RDWR));
	t = times_of("b");
	tick();
	R(write(fd, "more", 4));
	say_times("b", &t);
	say_times("a", &t);
	t = times_of("b");
	tick();
	R(chmod("a", 0600));
	say_times("b", &t);
	say_stat("b");
	R(ftruncate(fd, 100));
	say_stat("b");
	say_content("b");
}

/* What stat says while nothing is synced yet, and after */
SCENARIO(times_survive)
{
	struct times t;
	char c;
	int fd;

	put("f", "x");
	tick();
	fd = F(open("f", O_RDWR));
	R(pwrite(fd, "y", 1, 0));
	R(read(fd, &c, 1));
	R(close(fd));
	t = times_of("f");
	tick();
	R(close(open("f", O_RDWR)));
	say_times("f", &t);
	sync();
	say_times("f", &t);
	drop_all_caches();
	say_times("f", &t);
}

SCENARIO(relatime_after_write)
{
	struct times t;
	char c;
	int fd;

	put("f", "text");
	fd = F(open("f", O_RDWR));
	tick();
	R(read(fd, &c, 1));
	t = times_of("f");
	tick();
	R(read(fd, &c, 1));	/* read since it was written */
	say_times("f", &t);
	tick();
	R(write(fd, "x", 1));
	t = times_of("f");
	tick();
	R(read(fd, &c, 1));	/* not read since it was written */
	say_times("f", &t);
	set_old_atime("f");
	t = times_of("f");
	tick();
	R(read(fd, &c, 1));
	say_times("f", &t);
	R(mkdir("d", 0755));
	set_recent_atime("d");
	t = times_of("d");
	say_dir("d");
	say_times("d", &t);
	put("d/f", "x");
	set_old_atime("d");
	t = times_of("d");
	say_dir("d");
	say_times("d", &t);
}

SCENARIO(quota_by_descriptor)
{
	struct dqblk q = { 0 };
	int fd = open(".", O_RDONLY);

	if (!set_quota(USRQUOTA, 7020, 1000, 0))
		unable("no quota");
	AS_USER(7020) {
		make_file("f", 8192, 1);
	}
	syncfs(fd);
	R(quotactl(QCMD(Q_GETQUOTA, USRQUOTA), side->dev, 7020, (caddr_t)&q));
	say("%llu bytes of %llu KiB", (unsigned long long)q.dqb_curspace,
	    (unsigned long long)q.dqb_bhardlimit);
}

SCENARIO(quota_rename_and_links)
{
	if (!set_quota(USRQUOTA, 7021, 0, 0))
		unable("no quota");
	AS_USER(7021) {
		make_file("f", 8192, 1);
		R(link("f", "g"));
		R(rename("f", "h"));
	}
	say_quota(USRQUOTA, 7021);
	R(unlink("g"));
	say_quota(USRQUOTA, 7021);
	put("other", "x");
	R(rename("other", "h"));
	say_quota_below(USRQUOTA, 7021, 0);
}

SCENARIO(quota_fallocate)
{
	if (!set_quota(USRQUOTA, 7022, 0, 0))
		unable("no quota");
	AS_USER(7022) {
		int fd = new_file("f");

		R(fallocate(fd, 0, 0, 65536));
		R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 32768));
		R(close(fd));
	}
	say_quota(USRQUOTA, 7022);
	R(truncate("f", 0));
	say_quota_below(USRQUOTA, 7022, 0);
}
