// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of the newer page cache needs code on older kernels.
 */
#ifdef WTFS_HAVE_WRITE_CACHE_PAGES

#ifdef WTFS_HAVE_WRITEPAGE_FOLIO
int wtfs_for_each_dirty(struct address_space *mapping,
			struct writeback_control *wbc,
			wtfs_writepage_t fn, void *data)
{
	return write_cache_pages(mapping, wbc, fn, data);
}
#else
struct wtfs_dirty_ctx {
	wtfs_writepage_t fn;	/* called with each folio */
	void *data;		/* its last argument */
};

static int wtfs_writepage(struct page *page, struct writeback_control *wbc,
			  void *data)
{
	struct wtfs_dirty_ctx *ctx = data;

	return ctx->fn(page_folio(page), wbc, ctx->data);
}

int wtfs_for_each_dirty(struct address_space *mapping,
			struct writeback_control *wbc,
			wtfs_writepage_t fn, void *data)
{
	struct wtfs_dirty_ctx ctx = { .fn = fn, .data = data };

	return write_cache_pages(mapping, wbc, wtfs_writepage, &ctx);
}

#endif
#endif
