/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page cache, iov_iter and kiocb of 7.3, as older kernels can do them.
 */
#ifndef _WTFS_COMPAT_PAGECACHE_H
#define _WTFS_COMPAT_PAGECACHE_H

#include <linux/bvec.h>
#include <linux/err.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/pagemap.h>
#include <linux/splice.h>
#include <linux/uio.h>
#include <linux/writeback.h>
#ifdef WTFS_HAVE_FILELOCK_H
#include <linux/filelock.h>
#endif
/* Before 7.1 it had the name of what came before it. */
#ifdef WTFS_HAVE_FOLIO_BATCH_H
#include <linux/folio_batch.h>
#else
#include <linux/pagevec.h>
#endif

/*
 * Look up or create a folio: an ERR_PTR where there is none. Before 6.4 the page
 * cache said so with NULL, and before 6.6 it had no fgf_t.
 */
#ifdef WTFS_HAVE_FGF_T
static inline struct folio *wtfs_get_folio_gfp(struct address_space *mapping,
					       pgoff_t index, fgf_t flags,
					       gfp_t gfp)
{
	return __filemap_get_folio(mapping, index, flags, gfp);
}
#else
typedef int fgf_t;

static inline struct folio *wtfs_get_folio_gfp(struct address_space *mapping,
					       pgoff_t index, fgf_t flags,
					       gfp_t gfp)
{
	struct folio *folio = __filemap_get_folio(mapping, index, flags, gfp);

	if (!folio)
		return ERR_PTR(flags & FGP_CREAT ? -ENOMEM : -ENOENT);
	return folio;
}
#endif

static inline struct folio *wtfs_get_folio(struct address_space *mapping,
					   pgoff_t index, fgf_t flags)
{
	return wtfs_get_folio_gfp(mapping, index, flags,
				  mapping_gfp_mask(mapping));
}

/* Before 6.7 */
#ifndef WTFS_HAVE_FOLIO_END_READ
static inline void folio_end_read(struct folio *folio, bool success)
{
	if (success)
		folio_mark_uptodate(folio);
	folio_unlock(folio);
}
#endif

/* Before 6.3, and stable kernels that have not got it */
#ifndef WTFS_HAVE_BVEC_SET_PAGE
static inline void bvec_set_page(struct bio_vec *bv, struct page *page,
				 unsigned int len, unsigned int offset)
{
	bv->bv_page = page;
	bv->bv_len = len;
	bv->bv_offset = offset;
}
#endif

/* Before 6.3 */
#ifndef WTFS_HAVE_BVEC_SET_FOLIO
static inline void bvec_set_folio(struct bio_vec *bv, struct folio *folio,
				  unsigned int len, unsigned int offset)
{
	bvec_set_page(bv, &folio->page, len, offset);
}
#endif

/*
 * Before 6.12: no large folios where the page cache cannot be told how large at
 * the most.
 */
#ifndef WTFS_HAVE_FOLIO_ORDER_RANGE
static inline void mapping_set_folio_order_range(struct address_space *mapping,
						 unsigned int min,
						 unsigned int max)
{
}

#define fgf_set_order(size)	0
#endif

/* Before 6.6; large folios are never made where this shim is needed. */
#ifndef WTFS_HAVE_COPY_FOLIO_FROM_ITER
static inline size_t copy_folio_from_iter_atomic(struct folio *folio,
						 size_t offset, size_t bytes,
						 struct iov_iter *iter)
{
	return copy_page_from_iter_atomic(folio_page(folio, 0), offset, bytes,
					  iter);
}
#endif

/* Kinds of fallocate that only newer kernels know. */
#ifndef FALLOC_FL_WRITE_ZEROES
#define FALLOC_FL_WRITE_ZEROES	0x80
#endif

/*
 * Files from whose cache a folio can be dropped as soon as it is written. Not
 * before 6.14. 6.14 may then drop one that has come under writeback again, 6.15
 * switches it off for that, and from 6.17 on the folio is looked at once more.
 */
#ifndef IOCB_DONTCACHE
#define IOCB_DONTCACHE	0
#define FGP_DONTCACHE	((__force fgf_t)0)
#endif

#ifdef WTFS_HAVE_DROPBEHIND
#define WTFS_FOP_DONTCACHE	FOP_DONTCACHE
#define wtfs_folio_is_dropbehind(folio)	folio_test_dropbehind(folio)
#else
#define WTFS_FOP_DONTCACHE	0
#define wtfs_folio_is_dropbehind(folio)	false
#endif

/*
 * Asynchronous buffered I/O is announced by the operations, or before 6.10 by the
 * file.
 */
#ifdef FOP_BUFFER_WASYNC
#define WTFS_FMODE_ASYNC	FMODE_NOWAIT
#define WTFS_FOP_ASYNC		.fop_flags = FOP_BUFFER_RASYNC | \
					     FOP_BUFFER_WASYNC | \
					     WTFS_FOP_DONTCACHE | \
					     FOP_DIO_PARALLEL_WRITE,
#else
#define WTFS_FMODE_ASYNC	(FMODE_NOWAIT | FMODE_BUF_RASYNC | \
				 FMODE_BUF_WASYNC)
#define WTFS_FOP_ASYNC
#endif

/* Before 6.3 */
#ifndef WTFS_HAVE_FILEMAP_SPLICE_READ
#define filemap_splice_read	generic_file_splice_read
#endif

/* Before 6.8 it was a page. */
#ifdef WTFS_HAVE_ERROR_REMOVE_FOLIO
typedef struct folio wtfs_poisoned_t;
#define wtfs_poisoned_folio(folio)	(folio)
#else
typedef struct page wtfs_poisoned_t;
#define wtfs_poisoned_folio(page)	page_folio(page)
#define error_remove_folio		error_remove_page
#define generic_error_remove_folio	generic_error_remove_page
#endif

/* Take a locked folio, whatever it holds, out of the cache of a regular file. */
static inline void wtfs_remove_folio(struct address_space *mapping,
				     struct folio *folio)
{
#ifdef WTFS_HAVE_ERROR_REMOVE_FOLIO
	generic_error_remove_folio(mapping, folio);
#else
	generic_error_remove_page(mapping, &folio->page);
#endif
}

/* Before 6.6 */
#ifndef WTFS_HAVE_INODE_GET_MTIME
static inline struct timespec64 inode_get_mtime(const struct inode *inode)
{
	return inode->i_mtime;
}
#endif

/* Before 6.7, and stable kernels that have not got it: a flag of all files. */
#ifndef WTFS_HAVE_MAPPING_STABLE_WRITES
static inline bool mapping_stable_writes(const struct address_space *mapping)
{
	return mapping->host->i_sb->s_iflags & SB_I_STABLE_WRITES;
}

static inline void mapping_set_stable_writes(struct address_space *mapping)
{
}
#endif

/* Not in RHEL 9, of all that we build for */
#ifndef WTFS_HAVE_IOCB_IS_DSYNC
static inline bool iocb_is_dsync(const struct kiocb *iocb)
{
	return iocb->ki_flags & IOCB_DSYNC ||
		IS_SYNC(iocb->ki_filp->f_mapping->host);
}
#endif

/* Before 6.6, and stable kernels that have not got it: lockdep is told too. */
#ifndef WTFS_HAVE_KIOCB_START_WRITE
static inline void kiocb_start_write(struct kiocb *iocb)
{
	struct inode *inode = file_inode(iocb->ki_filp);

	sb_start_write(inode->i_sb);
	__sb_writers_release(inode->i_sb, SB_FREEZE_WRITE);
}

static inline void kiocb_end_write(struct kiocb *iocb)
{
	struct inode *inode = file_inode(iocb->ki_filp);

	__sb_writers_acquired(inode->i_sb, SB_FREEZE_WRITE);
	sb_end_write(inode->i_sb);
}
#endif

/* Up to 6.12 it takes the page */
#ifdef WTFS_HAVE_CGROUP_OWNER_FOLIO
#define wtfs_account_cgroup_owner	wbc_account_cgroup_owner
#else
#define wtfs_account_cgroup_owner(wbc, folio, bytes) \
	wbc_account_cgroup_owner(wbc, &(folio)->page, bytes)
#endif

typedef int (*wtfs_writepage_t)(struct folio *folio,
				struct writeback_control *wbc, void *data);

/*
 * Call @fn with each dirty folio that @wbc asks for, locked and its dirty flag
 * taken; @fn unlocks it. Up to 6.17 by a function that calls back, for 6.9 has
 * the iterator and does not export it.
 */
#ifndef WTFS_HAVE_WRITE_CACHE_PAGES
static inline int wtfs_for_each_dirty(struct address_space *mapping,
				      struct writeback_control *wbc,
				      wtfs_writepage_t fn, void *data)
{
	struct folio *folio = NULL;
	int err;

	while ((folio = writeback_iter(mapping, wbc, folio, &err)))
		err = fn(folio, wbc, data);
	return err;
}
#else
int wtfs_for_each_dirty(struct address_space *mapping,
			struct writeback_control *wbc,
			wtfs_writepage_t fn, void *data);
#endif

#endif /* _WTFS_COMPAT_PAGECACHE_H */
