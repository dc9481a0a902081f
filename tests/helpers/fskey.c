// SPDX-License-Identifier: GPL-2.0-only
/*
 * One key of fscrypt's, always the same:
 *
 *   fskey add MOUNTPOINT DIR	add it to a filesystem, and have an empty directory
 *				encrypted with it
 *   fskey remove MOUNTPOINT	take it away; prints what the kernel says of that, 0
 *				when nothing is left in use
 */
#include "common.h"

#include <linux/fscrypt.h>

#define KEY_SIZE 64

static int open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		die_errno("%s", path);
	return fd;
}

/* Adding it once more changes nothing, and tells its identifier. */
static struct fscrypt_key_specifier add_key(int fd)
{
	struct fscrypt_add_key_arg *arg = calloc(1, sizeof(*arg) + KEY_SIZE);
	struct fscrypt_key_specifier spec;

	if (!arg)
		die("no memory");
	arg->key_spec.type = FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER;
	arg->raw_size = KEY_SIZE;
	memset(arg->raw, 'k', KEY_SIZE);
	if (ioctl(fd, FS_IOC_ADD_ENCRYPTION_KEY, arg))
		die_errno("FS_IOC_ADD_ENCRYPTION_KEY");
	spec = arg->key_spec;
	free(arg);
	return spec;
}

static void encrypt(int fd, const struct fscrypt_key_specifier *spec)
{
	struct fscrypt_policy_v2 policy = {
		.version = FSCRYPT_POLICY_V2,
		.contents_encryption_mode = FSCRYPT_MODE_AES_256_XTS,
		.filenames_encryption_mode = FSCRYPT_MODE_AES_256_CTS,
		.flags = FSCRYPT_POLICY_FLAGS_PAD_32,
	};

	memcpy(policy.master_key_identifier, spec->u.identifier,
	       sizeof(policy.master_key_identifier));
	if (ioctl(fd, FS_IOC_SET_ENCRYPTION_POLICY, &policy))
		die_errno("FS_IOC_SET_ENCRYPTION_POLICY");
}

int main(int argc, char **argv)
{
	struct fscrypt_remove_key_arg removal = { };
	struct fscrypt_key_specifier spec;
	int fd;

	if (argc < 3)
		die("usage: fskey add|remove MOUNTPOINT [DIR]");
	fd = open_dir(argv[2]);
	spec = add_key(fd);
	if (!strcmp(argv[1], "add")) {
		encrypt(open_dir(argv[3]), &spec);
		return 0;
	}
	removal.key_spec = spec;
	if (ioctl(fd, FS_IOC_REMOVE_ENCRYPTION_KEY, &removal))
		die_errno("FS_IOC_REMOVE_ENCRYPTION_KEY");
	printf("%u\n", removal.removal_status_flags);
	return 0;
}
