/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opening a file for the kernel's own use: no watcher hears of it, and it does
 * not count against the limit of open files.
 */
#ifndef _WTFS_COMPAT_OPEN_H
#define _WTFS_COMPAT_OPEN_H

#include <linux/fs.h>

/* Before 6.14: whether watchers hear of a file can be said with its flags. */
#ifdef __FMODE_NONOTIFY
#define WTFS_OPEN_QUIET		__FMODE_NONOTIFY
#else
#define WTFS_OPEN_QUIET		0
#ifdef WTFS_HAVE_BACKING_USER_FILE
#define WTFS_OPEN_BACKING
#include <linux/backing-file.h>
#endif
#endif

/**
 * wtfs_open_quietly - open a file that is not for a file descriptor
 * @opener: an open file that raises no events (O_PATH); newer kernels make the
 *	    new file like it, and count a writer of its mount besides
 * @path: what to open
 * @flags: O_*
 * @cred: credentials of the new file
 *
 * Without this a listener for permission events would be asked about an open that
 * its own read() of the event has caused. On 7.3 it is, where an immutable file is
 * opened for writing; from 6.14 to 7.1 it always is, if it watches the lower, for
 * nothing that these export opens a file quietly.
 *
 * Context: process; sleeps. Return: the file, or an ERR_PTR.
 */
static inline struct file *wtfs_open_quietly(const struct file *opener,
					     const struct path *path, int flags,
					     const struct cred *cred)
{
#if defined(WTFS_OPEN_BACKING)
	struct file *file;

	/*
	 * backing_file_open() refuses to open what has become immutable since the
	 * wtfs file was opened, and whose mapped stores are still to be written.
	 */
	if ((flags & O_ACCMODE) != O_RDONLY &&
	    IS_IMMUTABLE(d_inode(path->dentry)))
		return dentry_open(path, flags, cred);
	/* Writing to an append-only file: the caller has checked how. */
	file = backing_file_open(opener, flags | O_APPEND, path, cred);
	if (!IS_ERR(file)) {
		file->f_flags &= ~O_APPEND;
		file->f_iocb_flags = iocb_flags(file);
	}
	return file;
#elif defined(WTFS_HAVE_KERNEL_FILE_OPEN_INODE)
	/* From 6.5 on; no longer in 6.11 */
	return kernel_file_open(path, flags | WTFS_OPEN_QUIET,
				d_inode(path->dentry), cred);
#elif defined(WTFS_HAVE_KERNEL_FILE_OPEN)
	/* Before 7.1, where the opener of a backing file is a path */
	return kernel_file_open(path, flags | WTFS_OPEN_QUIET, cred);
#else
	/* Before 6.5 */
	return open_with_fake_path(path, flags | WTFS_OPEN_QUIET,
				   d_inode(path->dentry), cred);
#endif
}

#endif /* _WTFS_COMPAT_OPEN_H */
