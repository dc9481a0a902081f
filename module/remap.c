// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cloning and deduplicating ranges of files: the lower shares the extents. With
 * this copy_file_range() shares them too, where the lower can.
 */
#include <linux/fs.h>
#include <linux/pagemap.h>

#include "wtfs.h"

/* Last byte that a clone of @len bytes to @pos changes; all there are for 0 */
static loff_t wtfs_remap_last(loff_t pos, loff_t len)
{
	return len ? pos + len - 1 : LLONG_MAX;
}

/* Forget what the destination's cache holds of the range, which is written. */
static loff_t wtfs_do_clone(struct file *in, loff_t pos_in, struct file *out,
			    loff_t pos_out, loff_t len, unsigned int flags)
{
	struct inode *inode = file_inode(out);
	struct inode *lower = wtfs_lower_inode(inode);
	loff_t res;

	res = wtfs_cache_forget(inode, pos_out, wtfs_remap_last(pos_out, len));
	if (res)
		return res;
	res = wtfs_lower_remap(wtfs_lower_file(in), pos_in,
			       wtfs_lower_file(out), pos_out, len, flags);
	if (i_size_read(lower) > i_size_read(inode))
		wtfs_cache_extend(inode, i_size_read(lower));
	return res;
}

/* Have the lower share; both files are on the device, and stay so. */
static loff_t wtfs_do_remap(struct file *in, loff_t pos_in, struct file *out,
			    loff_t pos_out, loff_t len, unsigned int flags)
{
	if (!(flags & REMAP_FILE_DEDUP))
		return wtfs_do_clone(in, pos_in, out, pos_out, len, flags);
	/* Perhaps into a file that is not open for writing: its owner's. */
	return wtfs_lower_remap(wtfs_lower_file(in), pos_in,
				wtfs_lower_file(out), pos_out, len, flags);
}

/**
 * wtfs_remap_file_range - have the lower share a range of one file with another
 * @in: the file to share from
 * @pos_in: first byte in it
 * @out: the file to share with, of the same wtfs; may be the same
 * @pos_out: first byte in that
 * @len: bytes; 0 for all to the end of @in
 * @flags: REMAP_FILE_*; with REMAP_FILE_DEDUP only what is the same already
 *
 * Both files are locked, and both caches kept clean, from before the lower
 * looks at what is on its device until it is done. If what is cached could not
 * be written, now or since that was last told, nothing is shared: the lower has
 * something older.
 *
 * Context: process; sleeps. Return: bytes shared, or an error.
 */
loff_t wtfs_remap_file_range(struct file *in, loff_t pos_in, struct file *out,
			     loff_t pos_out, loff_t len, unsigned int flags)
{
	struct inode *from = file_inode(in), *to = file_inode(out);
	loff_t res;
	int err;

	lock_two_nondirectories(from, to);
	wtfs_flight_drain(from);
	wtfs_flight_drain(to);
	filemap_invalidate_lock_two(from->i_mapping, to->i_mapping);
	/* What failed to be written is still told by fsync(), too. */
	res = filemap_write_and_wait(from->i_mapping) ?:
		filemap_write_and_wait(to->i_mapping);
	if (!res)
		res = wtfs_do_remap(in, pos_in, out, pos_out, len, flags);
	wtfs_inode_copy_attr(to);
	filemap_invalidate_unlock_two(from->i_mapping, to->i_mapping);
	unlock_two_nondirectories(from, to);
	err = res > 0 ? wtfs_sync_change(out) : 0;
	return err ?: res;
}
