/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: the decisions of a write, in the order in which they are made.
 * "dev" is the directory below /sys/fs/wtfs.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM wtfs

#if !defined(_WTFS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _WTFS_TRACE_H

#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/tracepoint.h>

#include "wtfs.h"

#define wtfs_show_iocb(flags)			\
	__print_flags(flags, "|",		\
		      { IOCB_DIRECT, "direct" },	\
		      { IOCB_DSYNC, "dsync" },	\
		      { IOCB_SYNC, "sync" },	\
		      { IOCB_NOWAIT, "nowait" },	\
		      { IOCB_APPEND, "append" })

TRACE_DEFINE_ENUM(WTFS_WAITER_WRITE);
TRACE_DEFINE_ENUM(WTFS_WAITER_STORE);

#define wtfs_show_waiter(waiter)			\
	__print_symbolic(waiter,			\
			 { WTFS_WAITER_WRITE, "write" },	\
			 { WTFS_WAITER_STORE, "store" })

DECLARE_EVENT_CLASS(wtfs_range,
		    TP_PROTO(const struct inode *inode, loff_t pos, size_t len),
		    TP_ARGS(inode, pos, len),
		    TP_STRUCT__entry(__field(dev_t, dev)
				     __field(u64, ino)
				     __field(loff_t, pos)
				     __field(size_t, len)),
		    TP_fast_assign(__entry->dev = inode->i_sb->s_dev;
				   __entry->ino = inode->i_ino;
				   __entry->pos = pos;
				   __entry->len = len;),
		    TP_printk("dev %d:%d ino %llu pos %lld len %zu",
			      MAJOR(__entry->dev), MINOR(__entry->dev),
			      __entry->ino, __entry->pos, __entry->len));

DECLARE_EVENT_CLASS(wtfs_range_flags,
		    TP_PROTO(const struct inode *inode, loff_t pos, size_t len,
			     int flags),
		    TP_ARGS(inode, pos, len, flags),
		    TP_STRUCT__entry(__field(dev_t, dev)
				     __field(u64, ino)
				     __field(loff_t, pos)
				     __field(size_t, len)
				     __field(int, flags)),
		    TP_fast_assign(__entry->dev = inode->i_sb->s_dev;
				   __entry->ino = inode->i_ino;
				   __entry->pos = pos;
				   __entry->len = len;
				   __entry->flags = flags;),
		    TP_printk("dev %d:%d ino %llu pos %lld len %zu flags %s",
			      MAJOR(__entry->dev), MINOR(__entry->dev),
			      __entry->ino, __entry->pos, __entry->len,
			      wtfs_show_iocb(__entry->flags)));

/* A write() that will be a write-through, with its inode locked. */
DEFINE_EVENT(wtfs_range_flags, write_start,
	     TP_PROTO(const struct inode *inode, loff_t pos, size_t len,
		      int flags),
	     TP_ARGS(inode, pos, len, flags));

/* A folio was under writeback that has to be stable: @waiter waited for it. */
TRACE_EVENT(stable_wait,
	    TP_PROTO(const struct inode *inode, loff_t pos, size_t len,
		     unsigned int waiter, u64 ns),
	    TP_ARGS(inode, pos, len, waiter, ns),
	    TP_STRUCT__entry(__field(dev_t, dev)
			     __field(u64, ino)
			     __field(loff_t, pos)
			     __field(size_t, len)
			     __field(unsigned int, waiter)
			     __field(u64, ns)),
	    TP_fast_assign(__entry->dev = inode->i_sb->s_dev;
			   __entry->ino = inode->i_ino;
			   __entry->pos = pos;
			   __entry->len = len;
			   __entry->waiter = waiter;
			   __entry->ns = ns;),
	    TP_printk("dev %d:%d ino %llu pos %lld len %zu by %s ns %llu",
		      MAJOR(__entry->dev), MINOR(__entry->dev),
		      __entry->ino, __entry->pos, __entry->len,
		      wtfs_show_waiter(__entry->waiter), __entry->ns));

/* A folio held mapped stores when a write-through cleaned it. */
DEFINE_EVENT(wtfs_range, mkclean_dirty,
	     TP_PROTO(const struct inode *inode, loff_t pos, size_t len),
	     TP_ARGS(inode, pos, len));

/* The user's buffer went away: these bytes were not copied, yet. */
DEFINE_EVENT(wtfs_range, short_copy,
	     TP_PROTO(const struct inode *inode, loff_t pos, size_t len),
	     TP_ARGS(inode, pos, len));

/* A write to the lower file begins. */
DEFINE_EVENT(wtfs_range_flags, submit,
	     TP_PROTO(const struct inode *inode, loff_t pos, size_t len,
		      int flags),
	     TP_ARGS(inode, pos, len, flags));

/* A write-through, or a request of write-back, is over. */
TRACE_EVENT(complete,
	    TP_PROTO(const struct inode *inode, loff_t pos, size_t len,
		     bool through, ssize_t res),
	    TP_ARGS(inode, pos, len, through, res),
	    TP_STRUCT__entry(__field(dev_t, dev)
			     __field(u64, ino)
			     __field(loff_t, pos)
			     __field(size_t, len)
			     __field(bool, through)
			     __field(ssize_t, res)),
	    TP_fast_assign(__entry->dev = inode->i_sb->s_dev;
			   __entry->ino = inode->i_ino;
			   __entry->pos = pos;
			   __entry->len = len;
			   __entry->through = through;
			   __entry->res = res;),
	    TP_printk("dev %d:%d ino %llu pos %lld len %zu %s result %zd",
		      MAJOR(__entry->dev), MINOR(__entry->dev),
		      __entry->ino, __entry->pos, __entry->len,
		      __entry->through ? "through" : "writeback",
		      __entry->res));

#endif /* _WTFS_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
