# SPDX-License-Identifier: GPL-2.0-only
#
# Look into the kernel's headers rather than at its version: stable kernels
# carry backports. Each line becomes -DWTFS_HAVE_<NAME> where a header has the
# pattern (an extended regular expression without commas and parentheses).
#
# $(srctree) is where the headers that all flavours share are, also where a
# distribution splits its header packages.

wtfs-have = $(shell cd $(srctree)/include/linux && \
	grep -qsE '$(3)' $(2) && echo -DWTFS_HAVE_$(1))

wtfs-fs-h := fs.h fs/*.h

# The namespace: compat/compat.h, compat/namei.h, compat/open.h
wtfs-probes := $(call wtfs-have,MNT_IDMAP,fs.h,notify_change.struct mnt_idmap)
wtfs-probes += $(call wtfs-have,KERNEL_TMPFILE_OPEN,fs.h,kernel_tmpfile_open)
wtfs-probes += $(call wtfs-have,OP_ITERATE,fs.h,int ..iterate. .struct file)
wtfs-probes += $(call wtfs-have,MARK_TMPFILE,dcache.h,d_mark_tmpfile)
wtfs-probes += $(call wtfs-have,FILE_KATTR,fileattr.h,struct file_kattr)
wtfs-probes += $(call wtfs-have,INODE_STATE_READ_ONCE,fs.h,inode_state_read_once)
wtfs-probes += $(call wtfs-have,SUPER_SET_UUID,fs.h,super_set_uuid)
wtfs-probes += $(call wtfs-have,SET_DEFAULT_D_OP,dcache.h,set_default_d_op)
wtfs-probes += $(call wtfs-have,ACL_OPS,fs.h,get_inode_acl)
wtfs-probes += $(call wtfs-have,EXPORT_FH_FLAGS,exportfs.h,EXPORT_FH_CONNECTABLE)
wtfs-probes += $(call wtfs-have,INODE_GET_CTIME,$(wtfs-fs-h),inode_get_ctime)
wtfs-probes += $(call wtfs-have,LOOKUP_NOPERM,namei.h,lookup_noperm_unlocked)
wtfs-probes += $(call wtfs-have,START_DENTRY,namei.h,start_creating_dentry)
wtfs-probes += $(call wtfs-have,START_RENAMING,namei.h,start_renaming_two_dentries)
wtfs-probes += $(call wtfs-have,RENAME_PARENTS,fs.h,struct dentry \*old_parent)
wtfs-probes += $(call wtfs-have,DELEGATED_INODE,fs.h,struct delegated_inode \*)
wtfs-probes += $(call wtfs-have,VFS_CREATE_DENTRY,fs.h,vfs_create.struct mnt_idmap .. struct dentry)
wtfs-probes += $(call wtfs-have,VFS_MKDIR_DENTRY,fs.h,struct dentry \*vfs_mkdir)
wtfs-probes += $(call wtfs-have,OP_MKDIR_DENTRY,fs.h,struct dentry \*.\*mkdir)
wtfs-probes += $(call wtfs-have,OP_CREATE_EXCL,fs.h,umode_t. bool)
wtfs-probes += $(call wtfs-have,FS_UPDATE_TIME,fs.h,enum fs_update_time)
wtfs-probes += $(call wtfs-have,UPDATE_TIME_FLAGS,fs.h,update_time..struct inode .. int)
wtfs-probes += $(call wtfs-have,D_REVALIDATE_NAME,dcache.h,d_revalidate..struct inode)
wtfs-probes += $(call wtfs-have,KERNEL_FILE_OPEN,fs.h,kernel_file_open)
# the second line of its prototype, and nothing else
wtfs-probes += $(call wtfs-have,KERNEL_FILE_OPEN_INODE,fs.h,struct inode \*inode. const struct cred \*cred.;)
wtfs-probes += $(call wtfs-have,BACKING_USER_FILE,backing-file.h,backing_file_open.const struct file)

# The page cache and I/O: compat/pagecache.h
wtfs-probes += $(call wtfs-have,FILELOCK_H,filelock.h,file_lock)
wtfs-probes += $(call wtfs-have,FOLIO_BATCH_H,folio_batch.h,folio_batch_count)
wtfs-probes += $(call wtfs-have,FGF_T,pagemap.h,fgf_t)
wtfs-probes += $(call wtfs-have,FOLIO_ORDER_RANGE,pagemap.h,folio_order_range)
wtfs-probes += $(call wtfs-have,FOLIO_END_READ,pagemap.h,folio_end_read)
wtfs-probes += $(call wtfs-have,BVEC_SET_PAGE,bvec.h,bvec_set_page)
wtfs-probes += $(call wtfs-have,BVEC_SET_FOLIO,bvec.h,bvec_set_folio)
wtfs-probes += $(call wtfs-have,COPY_FOLIO_FROM_ITER,uio.h,copy_folio_from_iter_atomic)
wtfs-probes += $(call wtfs-have,FILEMAP_SPLICE_READ,fs.h,filemap_splice_read)
wtfs-probes += $(call wtfs-have,ERROR_REMOVE_FOLIO,$(wtfs-fs-h),error_remove_folio)
wtfs-probes += $(call wtfs-have,INODE_GET_MTIME,$(wtfs-fs-h),inode_get_mtime)
# writeback_iter() is in headers before it is exported, and this is then gone
wtfs-probes += $(call wtfs-have,WRITE_CACHE_PAGES,writeback.h,write_cache_pages)
wtfs-probes += $(call wtfs-have,WRITEPAGE_FOLIO,writeback.h,writepage_t..struct folio)
wtfs-probes += $(call wtfs-have,MAPPING_STABLE_WRITES,pagemap.h,mapping_stable_writes)
wtfs-probes += $(call wtfs-have,DROPBEHIND,pagemap.h,write_begin_get_folio)
wtfs-probes += $(call wtfs-have,IOCB_IS_DSYNC,fs.h,iocb_is_dsync)
wtfs-probes += $(call wtfs-have,KIOCB_START_WRITE,fs.h,kiocb_start_write)
wtfs-probes += $(call wtfs-have,CGROUP_OWNER_FOLIO,writeback.h,wbc_account_cgroup_owner.*struct folio)

wtfs-has-acl-ops := $(if $(filter %_ACL_OPS,$(wtfs-probes)),y)

# Why there is no wtfs for this kernel, if so. vfs_tmpfile_open() is of 6.1. There
# is no configuration when a build is only cleaned up.
wtfs-refused := $(strip $(if $(CONFIG_MODULES), \
	$(if $(CONFIG_64BIT),,on 32 bit) \
	$(if $(CONFIG_BLOCK),,without block devices) \
	$(if $(call wtfs-have,OF_6_1,fs.h,kernel_tmpfile_open|vfs_tmpfile_open),, \
		before Linux 6.1)))
$(if $(wtfs-refused),$(error wtfs is not built for $(KERNELRELEASE): it does not \
	run $(wtfs-refused). docs/kernels.md says which kernels it is for))
