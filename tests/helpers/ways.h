/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One write, begun and waited for, by each way that there is. @state belongs to
 * the writer, is NULL at first, and cannot be taken along into a fork.
 */
#ifndef WTFS_TEST_WAYS_H
#define WTFS_TEST_WAYS_H

#include "common.h"
#include <libaio.h>
#include <liburing.h>
#include <sys/uio.h>

struct write {
	int fd;
	const void *data;
	size_t len;
	size_t off;
	int flags;	/* RWF_... */
};

/* Return: bytes written or an error, negative. */
typedef ssize_t write_way(void **state, const struct write *w);

static inline ssize_t by_pwrite(void **state, const struct write *w)
{
	struct iovec v = { .iov_base = (void *)w->data, .iov_len = w->len };
	ssize_t n = pwritev2(w->fd, &v, 1, w->off, w->flags);

	(void)state;
	return n < 0 ? -errno : n;
}

static inline ssize_t by_libaio(void **state, const struct write *w)
{
	io_context_t context = *state;
	struct io_event event;
	struct iocb cb, *list = &cb;

	if (!context && io_setup(1, &context))
		die("io_setup");
	*state = context;
	io_prep_pwrite(&cb, w->fd, (void *)w->data, w->len, w->off);
	cb.aio_rw_flags = w->flags;
	if (io_submit(context, 1, &list) != 1 || io_getevents(context, 1, 1, &event, NULL) != 1)
		die("libaio");
	return event.res;
}

static inline ssize_t by_uring(void **state, const struct write *w)
{
	struct io_uring *ring = *state;
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	ssize_t res;

	if (!ring) {
		ring = xalloc(PAGE, sizeof(*ring));
		*state = ring;
		if (io_uring_queue_init(4, ring, 0))
			die("no ring");
	}
	sqe = io_uring_get_sqe(ring);
	io_uring_prep_write(sqe, w->fd, w->data, w->len, w->off);
	sqe->rw_flags = w->flags;
	if (io_uring_submit(ring) != 1 || io_uring_wait_cqe(ring, &cqe))
		die("io_uring");
	res = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return res;
}

#endif
