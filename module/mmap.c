// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapped files: reads come from the wtfs page cache, stores are ordinary
 * write-back, and wait only for what must be stable.
 */
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "wtfs.h"

/*
 * May nothing be stored, though the file was opened for writing? Once a file is
 * immutable the lower writes nothing to it. XFS does, and allows stores.
 */
static bool wtfs_store_is_forbidden(const struct inode *inode)
{
	return IS_IMMUTABLE(inode) &&
		wtfs_lower_inode(inode)->i_sb->s_magic != XFS_SUPER_MAGIC;
}

/* Get ready for a store to a folio that is in the way of nobody yet. */
static int wtfs_mkwrite_prepare(struct file *file, struct folio *folio)
{
	struct inode *inode = file_inode(file);
	loff_t pos = folio_pos(folio);
	loff_t left = i_size_read(inode) - pos;

	if (wtfs_store_is_forbidden(inode))
		return -EPERM;
	/* Without its lock, the folio may just be gone from the file. */
	if (left > 0 &&
	    wtfs_reserve(file, pos, min_t(loff_t, left, folio_size(folio))))
		return -ENOSPC;
	return wtfs_lower_file_touch(wtfs_lower_file(file));
}

/*
 * Which pages of the folio will be open to stores, a bit for each? Where none
 * is mapped yet, all of them: a fault may map the whole folio.
 */
static unsigned long wtfs_mkwrite_pages(const struct vm_fault *vmf,
					struct folio *folio)
{
	if (!pte_present(vmf->orig_pte) || folio_order(folio) > WTFS_MAX_ORDER)
		return ~0UL;
	return BIT(folio_page_idx(folio, vmf->page));
}

/*
 * Lock order: mmap_lock -> freeze protection for faults -> invalidate_lock ->
 * folio. The invalidate_lock keeps out those who flush a range and then drop
 * it: a store in between would be lost.
 */
static vm_fault_t wtfs_page_mkwrite(struct vm_fault *vmf)
{
	struct file *file = vmf->vma->vm_file;
	struct inode *inode = file_inode(file);
	struct folio *folio = page_folio(vmf->page);
	vm_fault_t ret = VM_FAULT_NOPAGE;

	sb_start_pagefault(inode->i_sb);
	if (wtfs_mkwrite_prepare(file, folio)) {
		ret = VM_FAULT_SIGBUS;
		goto out;
	}
	filemap_invalidate_lock_shared(inode->i_mapping);
	folio_lock(folio);
	if (folio->mapping != inode->i_mapping ||
	    folio_pos(folio) >= i_size_read(inode)) {
		folio_unlock(folio);
		goto out_unlock;
	}
	/*
	 * Dirty before the wait, so that a freeze that goes on meanwhile finds
	 * the folio and write-protects it again.
	 */
	folio_mark_dirty(folio);
	wtfs_folio_wait_store(folio, wtfs_mkwrite_pages(vmf, folio));
	ret = VM_FAULT_LOCKED;
out_unlock:
	filemap_invalidate_unlock_shared(inode->i_mapping);
out:
	sb_end_pagefault(inode->i_sb);
	return ret;
}

static vm_fault_t wtfs_fault(struct vm_fault *vmf)
{
	if (unlikely(wtfs_fault_is_deadlock(file_inode(vmf->vma->vm_file))))
		return VM_FAULT_SIGBUS;
	return filemap_fault(vmf);
}

const struct vm_operations_struct wtfs_vm_ops = {
	.fault		= wtfs_fault,
	.map_pages	= filemap_map_pages,
	.page_mkwrite	= wtfs_page_mkwrite,
};
